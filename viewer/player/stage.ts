/**
 * Where scenes are built: a page of its own inside the viewer's, under a content security policy of its own. It may run no script, connect
 * nowhere and frame nothing; images, fonts and style sheets come from the hosts that the viewer has allowed, which is none at first. The
 * frames of scenes inherit all of that. (`docs/decisions/0014-the-stage-is-a-page.md`)
 */

import rrwebStyles from "rrweb/dist/style.css?inline";

/** A place for scenes. */
export interface Stage {
  /** An element that is connected to a document; scenes add themselves to it. Rejects where the place cannot be had. */
  root(): Promise<HTMLElement>;
}

const STYLES = `
  html, body { height: 100%; margin: 0; overflow: hidden; background: #fff; color-scheme: light; }
  .scene { position: absolute; top: 0; left: 0; }
  iframe { border: 0; background: #fff; }
  /* Before its first move nobody knows where the pointer is. */
  .replayer-mouse:not([style*="left"]) { display: none; }
`;

/** Makes a document ready to hold scenes; what is in its body goes. */
export function dressStage(target: Document): HTMLElement {
  const style = target.createElement("style");
  style.textContent = rrwebStyles + STYLES;
  target.head.append(style);
  const root = target.createElement("div");
  target.body.replaceChildren(root);
  return root;
}

/** The address of the stage for these hosts; a stage for our own origin shows files of the demo page and nothing else of ours. */
export function stageAddress(hosts: readonly string[], own = window.location.origin, path = "/player"): string {
  const query = hosts.map((host) => `from=${encodeURIComponent(host === own ? `${own}/demo/` : host)}`);
  return [path, ...(query.length > 0 ? [query.join("&")] : [])].join("?");
}

/** A stage in a frame. */
export class StageFrame implements Stage {
  private readonly place: HTMLElement;
  private readonly path: string;
  private frame: HTMLIFrameElement | null = null;
  private ready: Promise<HTMLElement>;
  private focused: HTMLElement | null = null;
  /** Ends the wait for a frame that was taken away before it had loaded. */
  private abandon: () => void = () => undefined;

  /**
   * @param hosts origins from which images, fonts and style sheets may come
   * @param path of the page: an embedded one may be framed by others
   */
  constructor(place: HTMLElement, hosts: readonly string[], path = "/player") {
    this.place = place;
    this.path = path;
    this.ready = this.load(hosts);
    window.addEventListener("blur", this.giveFocusBack);
    document.addEventListener("focusin", this.noteFocus);
  }

  /** Takes the stage away. */
  remove(): void {
    window.removeEventListener("blur", this.giveFocusBack);
    document.removeEventListener("focusin", this.noteFocus);
    this.abandon();
    this.frame?.remove();
  }

  root(): Promise<HTMLElement> {
    return this.ready;
  }

  /** Begins anew with other hosts: every scene that was here is gone. */
  allow(hosts: readonly string[]): void {
    this.ready = this.load(hosts);
  }

  private readonly noteFocus = ({ target }: FocusEvent): void => {
    if (target instanceof HTMLElement && target !== this.frame) this.focused = target;
  };

  /** A recording that opens a dialog takes the focus, and with it the viewer's keys. The frame has it only after this event. */
  private readonly giveFocusBack = (): void => {
    setTimeout(() => {
      if (!this.frame || document.activeElement !== this.frame) return;
      this.frame.blur();
      if (this.focused?.isConnected === true) this.focused.focus({ preventScroll: true });
    });
  };

  private load(hosts: readonly string[]): Promise<HTMLElement> {
    this.abandon();
    this.frame?.remove();
    const frame = document.createElement("iframe");
    this.frame = frame;
    frame.className = "stage-frame";
    frame.title = "The visitor's page";
    frame.tabIndex = -1;
    frame.setAttribute("sandbox", "allow-same-origin");
    frame.referrerPolicy = "no-referrer";
    frame.src = stageAddress(hosts, window.location.origin, this.path);
    const loaded = new Promise<HTMLElement>((resolve, reject) => {
      this.abandon = () => {
        reject(new DOMException("Another stage was asked for", "AbortError"));
      };
      frame.addEventListener("load", () => {
        const target = frame.contentDocument;
        // Anything else than the page that we asked for has not its policy.
        if (target?.documentElement.dataset["page"] === "stage") resolve(dressStage(target));
        else reject(new Error("The player could not be loaded"));
      });
    });
    loaded.catch(() => undefined);
    this.place.append(frame);
    return loaded;
  }
}
