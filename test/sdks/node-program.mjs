/**
 * An application with a Sentry SDK, run as a process of its own: `node node-program.mjs <package> <settings as JSON>`. It says as JSON
 * which events it reported, once all of them have been sent.
 */

const [packageName, settingsText] = process.argv.slice(2);
const settings = JSON.parse(settingsText);
const Sentry = await import(packageName);

const eventIds = [];
Sentry.init({
  release: "shop@1.2.3",
  environment: "test",
  ...settings.options,
  dsn: settings.dsn,
  beforeSend(event) {
    eventIds.push(event.event_id);
    return event;
  },
});

/** What the application does, by name. */
const deeds = {
  exception() {
    try {
      try {
        JSON.parse("{not json");
      } catch (cause) {
        throw new TypeError("the cart could not be read", { cause });
      }
    } catch (error) {
      Sentry.captureException(error, { tags: { area: "cart", attempt: 2, retried: false }, extra: { cart: { lines: 3 } } });
    }
  },
  message() {
    Sentry.captureMessage("a payment took long", "warning");
  },
  aggregate() {
    Sentry.captureException(new AggregateError([new Error("first"), new RangeError("second")], "both failed"));
  },
  notAnError() {
    Sentry.captureException({ code: 17, reason: "odd" });
  },
  withUser() {
    Sentry.withScope((scope) => {
      scope.setUser({ id: "42", email: "ada@example.com" });
      scope.setTag("watchback.session", settings.sessionId ?? "");
      scope.addBreadcrumb({ category: "auth", message: "signed in", level: "info" });
      Sentry.captureException(new Error("order 1234 not found"));
    });
  },
  /** Over 32 KiB, from where on the SDK compresses. */
  large() {
    Sentry.captureException(new Error("much came with it"), {
      extra: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`part${i}`, "word ".repeat(400) + i])),
    });
  },
  strange() {
    Sentry.captureException(new Error("nul \u0000 and half of a pair \ud800 in it"));
  },
  attachment() {
    Sentry.withScope((scope) => {
      scope.addAttachment({ filename: "log.txt", data: "one\ntwo\n" });
      scope.addAttachment({ filename: "empty.bin", data: "" });
      Sentry.captureException(new Error("with attachments"));
    });
  },
  feedback() {
    // Version 7 has no way to say it on a server.
    Sentry.captureFeedback?.({ name: "Ada", email: "ada@example.com", message: "the button is dead" });
  },
  checkIn() {
    Sentry.captureCheckIn({ monitorSlug: "nightly", status: "ok" });
  },
  transaction() {
    Sentry.startSpan({ name: "GET /cart", op: "http.server" }, () =>
      Sentry.startSpan({ name: "query", op: "db" }, () => undefined),
    );
  },
};

for (const deed of settings.deeds) deeds[deed]();
await Sentry.close(8_000);
process.stdout.write(JSON.stringify({ version: Sentry.SDK_VERSION, eventIds }));
