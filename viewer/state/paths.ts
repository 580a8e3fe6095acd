/** Addresses of the viewer. */

/** Paths that this app answers. */
export function isViewerPath(path: string): boolean {
  return (
    path === "/" ||
    /^\/(?:sessions|playlists|live|heat-map|issues|errors|projects|account|admin|audit|invite|sign-in|setup|settings)(?:\/[^/]+)*\/?$/.test(
      path,
    )
  );
}

/** Paths that are shown to people who are not signed in. */
export function isOpenPath(path: string): boolean {
  return /^\/(?:sign-in|setup|invite)\/?$/.test(path);
}

/** Where to go after signing in: what was asked for where it is a path of ours, never another site; else the list. */
export function nextPath(wanted: string | null): string {
  const next = wanted ?? "/";
  // Browsers read a backslash as a slash, and leave tabs and line ends out.
  return /^\/(?![/\\])[^\t\r\n]*$/.test(next) ? next : "/";
}
