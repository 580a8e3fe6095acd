/**
 * Bodies of requests and answers, for projects that ask for them: a script of its own (`tracker-bodies.js`), which the tracker loads only then.
 * Text alone, masked like a line of the console, and cut; what is no text is named by its kind and size. Reading never holds up the page.
 */

import type { BodyReader, Capture } from "./capture/capture.ts";

/** Longest body that is kept, in characters; of longer ones the beginning. */
const MAX_CHARS = 8_000;
/** So much of an answer is read at most, so that masking sees whole secrets. */
const MAX_READ_BYTES = 64 * 1024;
const IS_TEXT = /^(?:text\/(?!event-stream)|application\/(?:[\w.+-]*json|[\w.+-]*xml|x-www-form-urlencoded|graphql|javascript))/i;

function start(capture: Capture): void {
  const { privacy, host } = capture;

  function shown(text: string): string {
    return privacy.text(privacy.message(text.slice(0, MAX_READ_BYTES))).slice(0, MAX_CHARS);
  }

  function sentBody(body: unknown): string | undefined {
    if (typeof body === "string") return shown(body);
    if (body instanceof URLSearchParams) return shown(body.toString());
    if (body instanceof FormData) {
      const fields = [...body].map(
        ([name, value]) => `${name}=${typeof value === "string" ? value : `[file, ${value.size} bytes]`}`,
      );
      return shown(fields.join("&"));
    }
    if (body instanceof Blob) return `[${body.type || "blob"}, ${body.size} bytes]`;
    if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return `[binary, ${body.byteLength} bytes]`;
    return undefined;
  }

  async function answeredBody(response: Response): Promise<string | undefined> {
    const type = response.headers.get("content-type") ?? "";
    if (!IS_TEXT.test(type)) return type && `[${type}]`;
    // What the page has read already, or cannot be read by anybody.
    if (response.bodyUsed || !response.body) return undefined;
    const reader = response.clone().body?.getReader();
    const decoder = new TextDecoder();
    let text = "";
    for (let bytes = 0; reader && bytes < MAX_READ_BYTES;) {
      const { done, value } = await reader.read();
      if (done) return shown(text + decoder.decode());
      bytes += value.length;
      text += decoder.decode(value, { stream: true });
    }
    void reader?.cancel().catch(() => undefined);
    return shown(text);
  }

  function requestBody(input: unknown, init: unknown): Promise<string | undefined> {
    const body = typeof init === "object" && init !== null && "body" in init ? init.body : undefined;
    if (body !== undefined && body !== null) return Promise.resolve(sentBody(body));
    // A copy, because the page's own is used up by sending it.
    if (!(input instanceof Request) || !input.body || input.bodyUsed) return Promise.resolve(undefined);
    return IS_TEXT.test(input.headers.get("content-type") ?? "") ? input.clone().text().then(shown) : Promise.resolve("[binary]");
  }

  const read: BodyReader = (input, init) => {
    const sent = requestBody(input, init).catch(() => undefined);
    return async (answer) => {
      const answered =
        answer instanceof Response
          ? await answeredBody(answer).catch(() => undefined)
          : answer instanceof XMLHttpRequest &&
              /^(?:text)?$/.test(answer.responseType) &&
              IS_TEXT.test(answer.getResponseHeader("content-type") ?? "")
            ? shown(answer.responseText)
            : undefined;
      return { requestBody: await sent, responseBody: answered };
    };
  };
  capture.bodies = read;
  host.onUndo(() => {
    delete capture.bodies;
  });
}

const script = document.currentScript;
// Put there by the tracker of this page; where the recording has ended since, the element is gone.
if (script?.isConnected && "feed" in script) start(script.feed as Capture);
