/** What an embedded view and the page around it say to each other. Whoever is around is let in by CSP; what he says is checked all the same. */

import * as v from "valibot";

const MARK = "watchback-embed";
const wishSchema = v.variant("type", [
  v.object({ type: v.literal("token"), token: v.pipe(v.string(), v.maxLength(1_024)) }),
  v.object({ type: v.literal("play") }),
  v.object({ type: v.literal("pause") }),
  v.object({ type: v.literal("live") }),
  v.object({ type: v.literal("seek"), atMs: v.pipe(v.number(), v.finite(), v.minValue(0)) }),
]);
type Wish = v.InferOutput<typeof wishSchema>;
/** What the page around asks of the player. */
export type PlayerWish = Exclude<Wish, { type: "token" }>;

/** What the page around is told; times are milliseconds from the beginning of what is shown. */
export type EmbedNews =
  | { type: "ready"; live: boolean; lengthMs: number }
  | { type: "time"; atMs: number; playing: boolean; mode: "live" | "recorded" }
  | { type: "over" };

/** The talk. */
export interface EmbedTalk {
  say(news: EmbedNews): void;
  /** Calls `listener` with each token that is given; returns how to stop that. */
  onToken(listener: (token: string) => void): () => void;
  onDo(listener: (wish: PlayerWish) => void): () => void;
  stop(): void;
}

/** Begins to listen. Only the window right around is heard, and it alone is told; nothing that is said is secret. */
export function createEmbedTalk(own: Window): EmbedTalk {
  const tokens = new Set<(token: string) => void>();
  const doers = new Set<(wish: PlayerWish) => void>();
  const onMessage = ({ source, data }: MessageEvent<unknown>): void => {
    if (source !== own.parent || own.parent === own) return;
    if (typeof data !== "object" || data === null || !("watchback" in data) || data.watchback !== MARK) return;
    const wish = v.safeParse(wishSchema, data);
    if (!wish.success) return;
    const { output } = wish;
    if (output.type === "token") for (const listener of tokens) listener(output.token);
    else for (const listener of doers) listener(output);
  };
  own.addEventListener("message", onMessage);
  return {
    say(news) {
      if (own.parent !== own) own.parent.postMessage({ watchback: MARK, ...news }, "*");
    },
    onToken(listener) {
      tokens.add(listener);
      return () => tokens.delete(listener);
    },
    onDo(listener) {
      doers.add(listener);
      return () => doers.delete(listener);
    },
    stop: () => own.removeEventListener("message", onMessage),
  };
}
