/** A shop's page with a Sentry SDK; bundled with one version of it as `sdk`, and steered by tests through `window.shop`. */

import * as Sentry from "sdk";

const { document, window } = globalThis;

const settings = JSON.parse(document.getElementById("settings").textContent);
const eventIds = [];
const replayOptions = settings.replay ?? null;
/** A replay of less than five seconds is not sent where nothing else is said. */
const makeReplay = (chosen) => {
  const options = { minReplayDuration: 0, ...chosen };
  return Sentry.replayIntegration ? Sentry.replayIntegration(options) : new Sentry.Replay(options);
};
const replay = replayOptions === null ? null : makeReplay(replayOptions);

Sentry.init({
  release: "shop@1.2.3",
  environment: "test",
  ...settings.options,
  dsn: settings.dsn,
  integrations: replay ? [replay] : [],
  beforeSend(event) {
    eventIds.push(event.event_id);
    return event;
  },
});

const list = document.getElementById("lines");

window.shop = {
  eventIds,
  version: Sentry.SDK_VERSION,
  replayId: () => replay?.getReplayId?.() ?? null,
  addLine(text) {
    const line = document.createElement("li");
    line.textContent = text;
    line.className = "line";
    list.append(line);
  },
  fail(message) {
    setTimeout(() => {
      throw new TypeError(message);
    });
  },
  capture(message) {
    Sentry.captureException(new Error(message));
  },
  async fetchMissing() {
    await fetch("/missing?token=abc").catch(() => undefined);
  },
  async flush() {
    await replay?.flush?.();
    await Sentry.flush(5_000);
  },
};
