/** npm starts a shell, which starts us and passes no signal on: whoever stops npm would leave us running. */

const LOOK_EVERY_MS = 500;

/**
 * Run by npm, `onGone` is called once when the shell between has ended; run by anybody else, never.
 * @param {() => void} onGone
 * @param {{ isByNpm?: boolean, parentOf?: () => number }} [how] for tests
 */
export function whenShellEnds(
  onGone,
  { isByNpm = process.env["npm_lifecycle_event"] === "start", parentOf = () => process.ppid } = {},
) {
  if (!isByNpm) return;
  const shell = parentOf();
  const look = setInterval(() => {
    if (parentOf() === shell) return;
    clearInterval(look);
    onGone();
  }, LOOK_EVERY_MS);
  look.unref();
}
