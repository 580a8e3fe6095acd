/** What people paste to send something here. */

/** SDKs that the set-up page has lines for. */
export const SDKS = [
  { name: "browser", label: "Browser" },
  { name: "node", label: "Node" },
  { name: "python", label: "Python" },
  { name: "other", label: "Any other" },
] as const;
export type SdkName = (typeof SDKS)[number]["name"];

/** The DSN of a key: what every Sentry SDK takes to know where to send. */
export function dsnOf(origin: string, key: string, projectId: number): string {
  const { protocol, host } = new URL(origin);
  return `${protocol}//${key}@${host}/${projectId}`;
}

const SNIPPETS: Readonly<Record<SdkName | "link", (dsn: string) => string>> = {
  browser: (dsn) => `import * as Sentry from "@sentry/browser";\n\nSentry.init({ dsn: "${dsn}" });`,
  node: (dsn) => `import * as Sentry from "@sentry/node";\n\nSentry.init({ dsn: "${dsn}" });`,
  python: (dsn) => `import sentry_sdk\n\nsentry_sdk.init(dsn="${dsn}")`,
  other: (dsn) => `SENTRY_DSN=${dsn}`,
  link: () =>
    [
      "// in the page: every request says which visit it belongs to",
      'fetch(url, { headers: { "X-Watchback-Session": window.watchback?.sessionId() ?? "" } });',
      "",
      "// in the backend, e.g. Express with @sentry/node",
      "app.use((request, response, next) => {",
      '  Sentry.setTag("watchback.session", request.get("X-Watchback-Session") ?? "");',
      "  next();",
      "});",
    ].join("\n"),
};

/** Lines for an SDK, or (`link`) for a backend whose errors are to find their visit. */
export function sdkSnippet(name: SdkName | "link", dsn: string): string {
  return SNIPPETS[name](dsn);
}
