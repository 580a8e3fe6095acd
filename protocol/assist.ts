/**
 * Co-browsing: what an agent (somebody who helps, in the viewer) and a visitor's page say to each other. The server passes it on between those
 * whom the visitor has let in, and looks at nothing but who may do what.
 *
 * Places are CSS pixels of the visitor's page, from the beginning of the document, so that what is shown stays where it belongs when he scrolls.
 * Elements are named by the ids of the recording, which both sides know.
 */

import * as v from "valibot";
import { tabSchema } from "./batch.ts";
import { isSessionId } from "./ids.ts";
import { natural, text } from "./text.ts";

/** What an agent may be let do; each is asked for, granted and ended by itself. `pointer` shows where both point, and marks elements. */
export const ASSIST_POWERS = ["pointer", "draw", "chat", "guide", "control", "voice", "screen"] as const;
export type AssistPower = (typeof ASSIST_POWERS)[number];

/** What became of a power: what is neither asked nor granted is not there. */
export const POWER_STATES = ["asked", "granted", "refused"] as const;
export type PowerState = (typeof POWER_STATES)[number];

const place = v.pipe(v.number(), v.finite(), v.minValue(-1_000_000), v.maxValue(1_000_000));
const node = v.pipe(v.number(), v.integer(), v.minValue(1));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const power = v.picklist(ASSIST_POWERS);

/** An agent as the page and other agents see him. */
export const agentSchema = v.object({
  /** Given by the server for as long as he is there. */
  agentId: text(16),
  name: text(128),
  /** Which of the colours of agents is his. */
  color: v.pipe(natural, v.maxValue(7)),
  powers: v.record(power, v.picklist(POWER_STATES)),
});
export type Agent = v.InferOutput<typeof agentSchema>;

/** A description or a candidate of WebRTC, as the browser made it; the other browser alone reads it. */
const signal = v.object({
  media: v.picklist(["voice", "screen"]),
  description: v.optional(v.object({ type: v.picklist(["offer", "answer", "rollback"]), sdp: text(32_768) })),
  candidate: v.optional(
    v.nullable(
      v.object({
        candidate: text(2048),
        sdpMid: v.optional(v.nullable(text(64))),
        sdpMLineIndex: v.optional(v.nullable(natural)),
        usernameFragment: v.optional(v.nullable(text(256))),
      }),
    ),
  ),
});

/**
 * What either side does.
 * - `pointer`: where he points; without a place he has gone away
 * - `highlight`: marks an element, or none; `draw`: adds points to a line, `clear` takes his lines away
 * - `chat`: says something
 * - `guide`: asks the visitor to click an element; he answers `guided`
 * - `click`, `scroll`, `type`, `key`: remote control; the page answers each with `done`
 * - `signal`: WebRTC; `media_end`: it is over
 * - `ping`, `pong`: how long the way there and back takes; the page answers at once
 */
export const assistActionSchema = v.variant("kind", [
  v.object({ kind: v.literal("pointer"), x: v.optional(place), y: v.optional(place) }),
  v.object({ kind: v.literal("highlight"), node: v.nullable(node) }),
  v.object({
    kind: v.literal("draw"),
    stroke: natural,
    points: v.pipe(v.array(v.tuple([place, place])), v.maxLength(256)),
  }),
  v.object({ kind: v.literal("clear") }),
  v.object({ kind: v.literal("chat"), text: text(2_000) }),
  v.object({ kind: v.literal("guide"), node, text: v.optional(text(200)) }),
  v.object({ kind: v.literal("guided"), node, clicked: v.boolean() }),
  v.object({ kind: v.literal("click"), id: natural, node, x: share, y: share }),
  v.object({ kind: v.literal("scroll"), id: natural, node: v.nullable(node), x: place, y: place }),
  v.object({ kind: v.literal("type"), id: natural, node, text: text(4_096) }),
  v.object({ kind: v.literal("key"), id: natural, key: v.picklist(["Enter", "Tab", "Escape", "Backspace"]) }),
  v.object({ kind: v.literal("done"), id: natural, refused: v.optional(text(200)) }),
  v.object({ kind: v.literal("signal"), signal }),
  v.object({ kind: v.literal("media_end"), media: v.picklist(["voice", "screen"]) }),
  v.object({ kind: v.literal("ping"), id: natural }),
  v.object({ kind: v.literal("pong"), id: natural }),
]);
export type AssistAction = v.InferOutput<typeof assistActionSchema>;

/** Which power an action takes; null for what comes with being there. */
export const POWER_OF: Readonly<Record<AssistAction["kind"], AssistPower | "media" | null>> = {
  pointer: "pointer",
  highlight: "pointer",
  draw: "draw",
  clear: "draw",
  chat: "chat",
  guide: "guide",
  guided: "guide",
  click: "control",
  scroll: "control",
  type: "control",
  key: "control",
  done: "control",
  signal: "media",
  media_end: "media",
  ping: null,
  pong: null,
};

/** Servers by which the two browsers of a call find each other (STUN, TURN), as `RTCPeerConnection` takes them. */
const iceServers = v.optional(
  v.array(v.object({ urls: v.array(v.string()), username: v.optional(v.string()), credential: v.optional(v.string()) })),
);
export type IceServers = NonNullable<v.InferOutput<typeof iceServers>>;

const sessionId = v.custom<string>(isSessionId, "must be 4 to 64 characters of A-Z a-z 0-9 _ -");
const powers = v.pipe(v.array(power), v.maxLength(ASSIST_POWERS.length));

/** Viewer to server. `assist_join` asks for powers (more may be asked for later); `assist_leave` ends them, all where none is named. */
export const fromAgent = {
  assist_join: v.object({ sessionId, powers }),
  assist_leave: v.object({ sessionId, powers: v.optional(powers) }),
  /** Meant for one page of the session, or for all that are open. */
  assist_do: v.object({ sessionId, tab: v.optional(tabSchema), action: assistActionSchema }),
} as const;

/**
 * Server to viewer. `from` is an agent's id, or `visitor`. Who is not among the `agents` is not there any more; `tab` is the page that the
 * visitor uses, null while none is connected.
 */
export const toAgent = {
  assist_state: v.object({ sessionId, you: text(16), agents: v.array(agentSchema), tab: v.nullable(v.string()), iceServers }),
  /** A question of his was refused, or his right to help is gone. Names no session: who may not help is told nothing of it. */
  assist_refused: v.object({ code: text(32), message: text(200), retryAfterMs: v.optional(natural) }),
  assist_did: v.object({ sessionId, from: text(16), tab: v.optional(v.string()), action: assistActionSchema }),
} as const;

/** Server to tracker. The first one makes the page load the module; while anybody is there the state is said again every {@link BEAT_MS}. */
export const toHelpedPage = {
  assist_state: v.object({ agents: v.array(agentSchema), iceServers }),
  assist_did: v.object({ from: text(16), action: assistActionSchema }),
} as const;

/** So often a page is told who is there; without a word for three times as long it takes everybody for gone. */
export const BEAT_MS = 10_000;

/** Tracker to server. `assist_answer`: what the visitor decided; `assist_do` goes to one agent, or to all that hold the power. */
export const fromHelpedPage = {
  assist_answer: v.object({ agentId: text(16), powers: v.record(power, v.picklist(["granted", "refused"])) }),
  assist_do: v.object({ to: v.optional(text(16)), action: assistActionSchema }),
} as const;

type Messages<T extends Record<string, v.GenericSchema>> = { [K in keyof T]: { type: K; data: v.InferOutput<T[K]> } }[keyof T];
export type FromAgent = Messages<typeof fromAgent>;
export type ToAgent = Messages<typeof toAgent>;
export type FromHelpedPage = Messages<typeof fromHelpedPage>;
export type ToHelpedPage = Messages<typeof toHelpedPage>;

/** The colours of agents, readable on white and under white words; the same for the visitor and in the viewer. */
export const AGENT_COLORS = ["#1463d8", "#b42318", "#067647", "#6938ef", "#b54708", "#c11574", "#0e7090", "#475467"] as const;
