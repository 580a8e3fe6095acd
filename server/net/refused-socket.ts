/** A peer that was one too many. It is let in, told when to come back, and closed: a page cannot read the answer to a refused upgrade. */

import type { WebSocket } from "uWebSockets.js";
import { CLOSE } from "../../protocol/close-codes.ts";
import { encodeBinary, encodeText } from "../../protocol/codec.ts";
import type { WireError } from "../../protocol/tracker-messages.ts";
import type { AppError } from "../app-error.ts";
import type { SocketData, SocketPeer } from "./socket.ts";

/** States: `opening` -> told and closed, within the call in which it opens. */
export class RefusedSocket implements SocketPeer {
  readonly error: AppError;
  private readonly form: "text" | "binary";

  /** @param form in which peers of its kind listen before they have said anything: trackers as text, viewers as binary */
  constructor(error: AppError, form: "text" | "binary") {
    this.error = error;
    this.form = form;
  }

  opened(ws: WebSocket<SocketData>): void {
    const { message, retryAfterMs, meaning } = this.error;
    const data: WireError = { code: meaning.code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    if (this.form === "text") ws.send(encodeText("error", data), false);
    else ws.send(encodeBinary("error", data), true);
    ws.end(CLOSE.limit, message);
  }

  received(): void {
    // It was not asked.
  }

  dropped(): void {
    // Nothing is published to it.
  }

  drained(): void {
    // Nothing waits for it.
  }

  closed(): void {
    // Nothing was held for it.
  }
}
