/** Those who do nothing wrong while others do: a visitor who is recorded and a viewer who watches him. Every batch must come through. */

import { encodeText } from "../../protocol/codec.ts";
import { openRawPeer, type RawPeer } from "./raw-peer.ts";
import { frame } from "./wire.ts";

/** A visitor, and the viewer who watches him, on connections that stay open all the time. */
export interface Innocents {
  readonly sessionId: string;
  /**
   * Sends a batch, and waits until it was acknowledged and shown.
   * @throws Error where either does not come: somebody has disturbed them
   */
  check(): Promise<void>;
  close(): void;
}

const TEXT = 1;

/** Connects both. */
export async function bringInnocents(port: number, key: string, token: string): Promise<Innocents> {
  const tracker = await openRawPeer(port, `/ws?type=tracker&key=${key}`);
  const heard = reader(tracker);
  const started = heard("session_started");
  say(tracker, "session_start", { url: "https://shop.example/innocent", tab: "innocent-tab" });
  const sessionId = idOf(await started());
  let count = 0;
  const send = (events: readonly unknown[]) => say(tracker, "events_batch", { events });
  const mark = () => ({ type: 5, timestamp: Date.now(), data: { tag: `mark-${++count}` } });
  const first = heard("ack");
  send([
    { type: 4, timestamp: Date.now(), data: { href: "https://shop.example/", width: 800, height: 600 } },
    { type: 2, timestamp: Date.now(), data: { node: { type: 0, childNodes: [], id: 1 }, initialOffset: { top: 0, left: 0 } } },
    mark(),
  ]);
  await first();
  const viewer = await openRawPeer(port, `/ws?type=viewer&token=${token}`);
  const seen = reader(viewer);
  const joined = seen("session_joined");
  say(viewer, "viewer_join_session", { sessionId });
  await joined();
  return {
    sessionId,
    async check() {
      const acked = heard("ack");
      send([mark()]);
      const wanted = `mark-${count}"`;
      await acked();
      const isShown = await viewer.until((frames) => frames.some(({ payload }) => payload.includes(wanted)), 30_000);
      if (!isShown) throw new Error(`the viewer did not see ${wanted}${viewer.isClosed ? ": it was cut" : ""}`);
    },
    close() {
      tracker.reset();
      viewer.reset();
    },
  };
}

function say(peer: RawPeer, type: string, data: unknown): void {
  peer.write(frame(TEXT, new TextEncoder().encode(encodeText(type, data))));
}

/** Builds `next(type)`: the first frame of this type among those that come from now on. */
function reader(peer: RawPeer) {
  return (type: string) => {
    const from = peer.frames.length;
    const wanted = `"type":"${type}"`;
    const find = () => peer.frames.slice(from).find(({ payload }) => payload.includes(wanted));
    return async (): Promise<string> => {
      await peer.until(() => find() !== undefined, 30_000);
      const found = find();
      if (found) return found.payload.toString();
      throw new Error(`no ${type} came${peer.isClosed ? ": the connection was ended" : ""}`);
    };
  };
}

function idOf(text: string): string {
  const id = /"sessionId":"([^"]+)"/.exec(text)?.[1];
  if (id === undefined) throw new Error(`no session id in ${text.slice(0, 200)}`);
  return id;
}
