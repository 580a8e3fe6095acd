/**
 * `<watchback-session>`: a session, live or as a replay, in a page of a team's own. Built into one file, which is loaded
 * from the server (`/embed.js`) as well as from the package (`watchback/embed`).
 *
 * Attributes: `src`, the address that `POST /v1/sessions/:id/embed-tokens` gave (token included), and `label`, the name of the frame. A new `src`
 * with a token of the same server and project goes on where the view is. Events: `ready`, `time`, `over` (the token has ended), each with `detail`.
 */

import { readEmbedAddress } from "./address.ts";

const MARK = "watchback-embed";

const STYLES =
  ":host{display:block;min-height:240px;height:480px}iframe{display:block;width:100%;height:100%;border:0;border-radius:inherit}";

/** The element. */
export class WatchbackSession extends HTMLElement {
  static readonly observedAttributes = ["src", "label"];
  private frame: HTMLIFrameElement | null = null;
  private page = "";

  connectedCallback(): void {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    if (!this.frame) {
      const style = document.createElement("style");
      style.textContent = STYLES;
      this.frame = document.createElement("iframe");
      this.frame.referrerPolicy = "no-referrer";
      this.frame.allow = "fullscreen; clipboard-write";
      root.append(style, this.frame);
    }
    window.addEventListener("message", this.onMessage);
    this.show();
  }

  disconnectedCallback(): void {
    window.removeEventListener("message", this.onMessage);
    // A frame that is put back loads anew.
    this.page = "";
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.show();
  }

  /** Plays from where it stands. */
  play(): void {
    this.say({ type: "play" });
  }

  /** Stands still. */
  pause(): void {
    this.say({ type: "pause" });
  }

  /** To the live edge, where the visit goes on. */
  goLive(): void {
    this.say({ type: "live" });
  }

  /** To a moment, in milliseconds from the beginning of what is shown. */
  seek(atMs: number): void {
    this.say({ type: "seek", atMs });
  }

  private show(): void {
    const { frame } = this;
    if (!frame) return;
    frame.title = this.getAttribute("label") ?? "Session";
    const address = readEmbedAddress(this.getAttribute("src") ?? "");
    if (!address) {
      frame.removeAttribute("src");
      this.page = "";
    } else if (address.page === this.page) this.say({ type: "token", token: address.token });
    else {
      this.page = address.page;
      frame.src = `${address.page}#${address.token}`;
    }
  }

  private say(message: Record<string, unknown>): void {
    if (this.page !== "") this.frame?.contentWindow?.postMessage({ watchback: MARK, ...message }, new URL(this.page).origin);
  }

  private readonly onMessage = ({ source, origin, data }: MessageEvent<unknown>): void => {
    if (!this.frame || source !== this.frame.contentWindow || this.page === "" || origin !== new URL(this.page).origin) return;
    if (typeof data !== "object" || data === null || !("watchback" in data) || data.watchback !== MARK) return;
    if (!("type" in data) || (data.type !== "ready" && data.type !== "time" && data.type !== "over")) return;
    const { watchback: _mark, ...detail } = data;
    this.dispatchEvent(new CustomEvent(data.type, { detail }));
  };
}

if (typeof customElements !== "undefined" && !customElements.get("watchback-session")) {
  customElements.define("watchback-session", WatchbackSession);
}
