/**
 * Requests that failed (status 400 and more, or no answer) as markers; with `recordNetwork` every request as an event as well. Method, address,
 * status and time; never headers, and bodies only where the project asks for them (`bodies.ts`).
 */

import type { Capture } from "./capture.ts";

interface Sent {
  method: string;
  url: string;
  startedAt: number;
}

export function captureNetwork(capture: Capture): void {
  const { host, privacy, settings, mark, record, tell } = capture;

  function done({ method, url, startedAt }: Sent, status: number, initiatorType: string, bodies?: Promise<object>): void {
    const name = privacy.url(url);
    const at = Date.now();
    const durationMs = at - startedAt;
    if (!status || status >= 400) {
      mark({
        kind: "failed_request",
        at,
        name: name.slice(0, 256),
        data: { method, status, durationMs, url: name.slice(0, 1_024) },
      });
    }
    if (settings.recordNetwork) {
      const request = { name, initiatorType, method, status, startTime: startedAt, endTime: at, duration: durationMs };
      const put = host.guard((more?: object) => {
        record("rrweb/network@1", { requests: [{ ...request, ...more }] });
      });
      if (bodies) void bodies.then(put);
      else put();
    }
  }

  host.wrap(window, "fetch", ([input, init]) => {
    const request = input instanceof Request ? input : null;
    const chosen = isObject(init) && "method" in init ? init.method : undefined;
    const method = typeof chosen === "string" ? chosen : (request?.method ?? "GET");
    const sent = { method: method.toUpperCase(), url: absolute(request?.url ?? input), startedAt: Date.now() };
    tell("request", sent.method);
    const read = capture.bodies?.(input, init);
    return (result) => {
      if (!(result instanceof Promise)) return undefined;
      // What the page gets is the promise behind ours: a rejection that nobody handles is reported once, and one that is handled never.
      return result.then(
        (response: unknown) => {
          host.guard(done)(sent, response instanceof Response ? response.status : 200, "fetch", read?.(response));
          return response;
        },
        (error: unknown) => {
          if (!(isObject(error) && "name" in error && error.name === "AbortError")) host.guard(done)(sent, 0, "fetch");
          throw error;
        },
      );
    };
  });

  const opened = new WeakMap<object, Sent>();
  host.wrap(XMLHttpRequest.prototype, "open", ([method, url], self) => {
    if (isObject(self)) opened.set(self, { method: String(method).toUpperCase(), url: absolute(url), startedAt: 0 });
    return undefined;
  });
  host.wrap(XMLHttpRequest.prototype, "send", ([body], self) => {
    const sent = isObject(self) ? opened.get(self) : undefined;
    if (!sent || !(self instanceof XMLHttpRequest)) return undefined;
    sent.startedAt = Date.now();
    tell("request", sent.method);
    const read = capture.bodies?.(null, { body });
    const finish = host.guard(() => {
      done(sent, self.status, "xmlhttprequest", read?.(self));
    });
    for (const type of ["load", "error", "timeout"]) self.addEventListener(type, finish, { once: true });
    return undefined;
  });
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function absolute(url: unknown): string {
  try {
    return new URL(String(url), document.baseURI).href;
  } catch {
    return String(url);
  }
}
