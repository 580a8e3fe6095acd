import { describe, expect, it } from "vitest";
import { ASSIST_POWERS, type AssistAction, type AssistPower, type ToAgent, type ToHelpedPage } from "../../protocol/assist.ts";
import { createTestClock } from "../../test/harness/clock.ts";
import { waitFor } from "../../test/harness/wait.ts";
import { AppError } from "../app-error.ts";
import type { AuditEntry } from "../audit-trail.ts";
import { silentLogger } from "../log.ts";
import { createMetrics } from "../metrics.ts";
import { DEFAULT_PROJECT_SETTINGS } from "../projects/projects.ts";
import { createAssist, type AgentConnection } from "./assist.ts";
import { ASK_AGAIN_MS, AWAY_MS, MAX_AGENTS } from "./desk.ts";
import { iceServersOf } from "./ice.ts";

const S = "session-1";
const NO_ICE = { stunUrls: [], turnUrls: [], turnUser: "", turnPassword: "", turnSecret: "" };

interface TestAgent {
  connection: AgentConnection;
  heard: ToAgent[];
  role: "member" | "viewer" | "none";
  ask(...powers: AssistPower[]): void;
  act(action: AssistAction, tab?: string): void;
  powers(): Record<string, string>;
  did(): { from: string; action: AssistAction }[];
  refusals(): string[];
}

/** The room with one session of project 7, whose pages are `tabs`. */
function createRoom() {
  const clock = createTestClock(1_000_000);
  const entries: AuditEntry[] = [];
  const tabs = ["t1"];
  const pages: { tab: string; message: ToHelpedPage }[] = [];
  const state = {
    isDown: false,
    settings: { ...DEFAULT_PROJECT_SETTINGS, assist: { enabled: true, powers: [...ASSIST_POWERS] } },
  };
  const assist = createAssist({
    pages: {
      helpedSession: (sessionId) =>
        sessionId === S
          ? { sessionId, projectId: 7, userId: "u", settings: tabs.length > 0 ? state.settings : null, tabs }
          : null,
      tellPage: (_session, tab, message) => tabs.includes(tab) && pages.push({ tab, message }) > 0,
    },
    audit: {
      record(entry) {
        if (state.isDown) return Promise.reject(new AppError("store", "away"));
        entries.push(entry);
        return Promise.resolve();
      },
    },
    clock,
    log: silentLogger,
    metrics: createMetrics(),
    ice: NO_ICE,
  });
  assist.start();
  let users = 0;
  const connect = (role: TestAgent["role"] = "member", userId = ++users): TestAgent => {
    const heard: ToAgent[] = [];
    const agent: TestAgent = {
      heard,
      role,
      connection: assist.connect({
        send: (message) => heard.push(structuredClone(message)),
        maySee: () => agent.role !== "none",
        mayHelp: () => agent.role === "member",
        actor: () => ({ kind: "user", userId, email: `u${userId}@example.com` }),
        name: () => `U${userId}`,
        peer: "1.2.3.4",
      }),
      ask: (...powers) => agent.connection.receive({ type: "assist_join", data: { sessionId: S, powers } }),
      act: (action, tab) =>
        agent.connection.receive({ type: "assist_do", data: { sessionId: S, ...(tab ? { tab } : {}), action } }),
      powers() {
        const last = heard.findLast((message) => message.type === "assist_state");
        return last?.type === "assist_state"
          ? (last.data.agents.find(({ agentId }) => agentId === last.data.you)?.powers ?? {})
          : {};
      },
      did: () => heard.flatMap((message) => (message.type === "assist_did" ? [message.data] : [])),
      refusals: () => heard.flatMap((message) => (message.type === "assist_refused" ? [message.data.code] : [])),
    };
    return agent;
  };
  const answer = (agentId: string, powers: Partial<Record<AssistPower, "granted" | "refused">>, tab = "t1") => {
    assist.pageSaid(S, tab, { type: "assist_answer", data: { agentId, powers } });
  };
  /** Asks and is granted. */
  const letIn = async (agent: TestAgent, agentId: string, ...powers: AssistPower[]) => {
    agent.ask(...powers);
    await waitFor(() => powers.every((power) => agent.powers()[power] === "asked"));
    answer(agentId, Object.fromEntries(powers.map((power) => [power, "granted" as const])));
    await waitFor(() => powers.every((power) => agent.powers()[power] === "granted"));
  };
  const deeds = (tab = "t1") =>
    pages.flatMap(({ tab: at, message }) => (at === tab && message.type === "assist_did" ? [message.data.action] : []));
  return { assist, clock, entries, tabs, pages, state, connect, answer, letIn, deeds };
}

const CLICK: AssistAction = { kind: "click", id: 1, node: 5, x: 0.5, y: 0.5 };

describe("powers", () => {
  it("AST-6 nothing reaches a page but what was granted", async () => {
    const room = createRoom();
    const agent = room.connect();
    agent.act(CLICK);
    await room.letIn(agent, "a1", "pointer", "chat");
    const all: AssistAction[] = [
      CLICK,
      { kind: "type", id: 2, node: 5, text: "x" },
      { kind: "draw", stroke: 1, points: [[1, 1]] },
      { kind: "guide", node: 5 },
      { kind: "signal", signal: { media: "voice", candidate: null } },
      // What only a page says.
      { kind: "done", id: 1 },
      { kind: "guided", node: 5, clicked: true },
      { kind: "pong", id: 1 },
    ];
    for (const action of all) agent.act(action);
    agent.act({ kind: "pointer", x: 1, y: 2 });
    agent.act({ kind: "chat", text: "hello" });
    expect(room.deeds()).toEqual([
      { kind: "pointer", x: 1, y: 2 },
      { kind: "chat", text: "hello" },
    ]);
    // Whoever waits for the answer to a deed gets one.
    expect(agent.did().map(({ action }) => action)).toEqual(
      [1, 2].map((id) => ({ kind: "done", id, refused: "You are not let do this" })),
    );
  });

  it("AST-6 what a page says reaches only those who hold the power; agents see each other", async () => {
    const room = createRoom();
    const [first, second] = [room.connect(), room.connect()];
    await room.letIn(first, "a1", "pointer");
    await room.letIn(second, "a2", "chat");
    first.heard.length = second.heard.length = 0;
    const says = (action: AssistAction, to?: string) =>
      room.assist.pageSaid(S, "t1", { type: "assist_do", data: { action, ...(to === undefined ? {} : { to }) } });
    says({ kind: "pointer", x: 3, y: 4 });
    says({ kind: "chat", text: "hi" });
    says(CLICK);
    says({ kind: "chat", text: "for the first alone" }, "a1");
    first.act({ kind: "highlight", node: 9 }, "t1");
    expect(first.did().map(({ action }) => action.kind)).toEqual(["pointer"]);
    expect(second.did().map(({ from, action }) => `${from} ${action.kind}`)).toEqual(["visitor chat", "a1 highlight"]);
  });

  it("AST-7 those who may only watch ask nothing, and strangers hear of nothing", () => {
    const room = createRoom();
    const [watcher, stranger] = [room.connect("viewer"), room.connect("none")];
    watcher.ask("pointer");
    stranger.ask("pointer");
    return waitFor(
      () => watcher.refusals()[0] === "forbidden" && stranger.refusals()[0] === "not_found" && room.entries.length === 0,
    );
  });

  it("AST-7 a right that is withdrawn, and a project that switches it off, end it for those who help", async () => {
    const room = createRoom();
    const [first, second] = [room.connect(), room.connect()];
    await room.letIn(first, "a1", "pointer", "control");
    await room.letIn(second, "a2", "pointer");
    second.role = "viewer";
    second.connection.rightsChanged();
    expect(second.refusals()).toEqual(["not_found"]);
    room.state.settings = { ...room.state.settings, assist: { enabled: true, powers: ["pointer"] } };
    // At once for whoever does something, and for the others with the next beat.
    first.act(CLICK);
    expect(room.deeds()).toEqual([]);
    expect(first.powers()).toEqual({ pointer: "granted" });
    room.state.settings = { ...room.state.settings, assist: { enabled: false, powers: [] } };
    room.clock.advance(10_000);
    expect(first.powers()).toEqual({});
    first.ask("chat");
    await waitFor(() => first.refusals().includes("forbidden"));
    room.pages.length = 0;
    for (const agent of [first, second]) agent.act({ kind: "pointer", x: 1, y: 1 });
    expect(room.deeds()).toEqual([]);
  });

  it("AST-7 what a project switched off meanwhile is not granted by an answer to the question of before", async () => {
    const room = createRoom();
    const agent = room.connect();
    agent.ask("pointer", "control");
    await waitFor(() => agent.powers()["control"] === "asked");
    room.state.settings = { ...room.state.settings, assist: { enabled: true, powers: ["pointer"] } };
    room.answer("a1", { pointer: "granted", control: "granted" });
    await waitFor(() => agent.powers()["pointer"] === "granted");
    expect(agent.powers()).toEqual({ pointer: "granted" });
  });

  it("AST-8 what cannot be written down is not granted", async () => {
    const room = createRoom();
    const agent = room.connect();
    room.state.isDown = true;
    agent.ask("pointer");
    await waitFor(() => agent.refusals().length === 1);
    expect(room.pages).toEqual([]);
    room.state.isDown = false;
    agent.ask("pointer");
    await waitFor(() => agent.powers()["pointer"] === "asked");
    room.state.isDown = true;
    room.answer("a1", { pointer: "granted" });
    await waitFor(() => agent.refusals().length === 2);
    agent.act({ kind: "pointer", x: 1, y: 1 });
    expect(room.deeds()).toEqual([]);
    expect(room.entries.map(({ action }) => action)).toEqual(["assist_asked"]);
  });

  it("AST-8 the end says who ended it, how long it was, and what was done", async () => {
    const room = createRoom();
    const agent = room.connect();
    await room.letIn(agent, "a1", "pointer", "control", "chat");
    for (const action of [CLICK, CLICK, { kind: "chat", text: "secret words" } as const]) agent.act(action);
    room.clock.advance(5_000);
    agent.connection.receive({ type: "assist_leave", data: { sessionId: S } });
    await waitFor(() => room.entries.some(({ action }) => action === "assist_ended"));
    expect(room.entries.at(-1)).toMatchObject({
      action: "assist_ended",
      actor: { userId: 1 },
      projectId: 7,
      subject: { kind: "session", id: S },
      personId: "u",
      data: { by: "agent", seconds: 5, clicks: 2, messages: 1 },
    });
    expect(JSON.stringify(room.entries)).not.toContain("secret words");
  });
});

describe("asking", () => {
  it("AST-9 a no holds at once and for a while", async () => {
    const room = createRoom();
    const agent = room.connect();
    await room.letIn(agent, "a1", "control");
    room.answer("a1", { control: "refused" });
    agent.act(CLICK);
    expect(room.deeds()).toEqual([]);
    agent.ask("control");
    await waitFor(() => agent.refusals().includes("limit"));
    room.clock.advance(ASK_AGAIN_MS);
    agent.ask("control");
    await waitFor(() => agent.powers()["control"] === "asked");
    // An answer of before, or one that nobody asked for, grants nothing.
    room.answer("a1", { voice: "granted" });
    expect(agent.powers()["voice"]).toBeUndefined();
  });

  it("AST-9 nobody asks without end, and only so many help at once", async () => {
    const room = createRoom();
    const agent = room.connect();
    for (let n = 0; n < 30; n++) {
      agent.ask("pointer");
      agent.connection.receive({ type: "assist_leave", data: { sessionId: S } });
    }
    await waitFor(() => agent.refusals().filter((code) => code === "limit").length >= 15);
    const crowd = Array.from({ length: MAX_AGENTS + 1 }, () => room.connect());
    for (const one of crowd) {
      one.ask("chat");
      await waitFor(() => one.heard.length > 0);
    }
    expect(crowd.at(-1)?.refusals()).toEqual(["limit"]);
  });
});

describe("coming and going", () => {
  it("AST-10 an agent who comes back in time has his seat still; who does not, has lost it", async () => {
    const room = createRoom();
    const agent = room.connect("member", 77);
    await room.letIn(agent, "a1", "pointer");
    agent.connection.closed();
    room.clock.advance(AWAY_MS - 1);
    const again = room.connect("member", 77);
    again.ask("pointer");
    await waitFor(() => again.powers()["pointer"] === "granted");
    again.connection.closed();
    room.clock.advance(AWAY_MS);
    const late = room.connect("member", 77);
    late.ask("pointer");
    await waitFor(() => late.powers()["pointer"] === "asked");
    expect(room.entries.filter(({ action }) => action === "assist_ended")).toHaveLength(1);
  });

  it("AST-10 a call ends with the page that it was with, everything else goes on", async () => {
    const room = createRoom();
    room.tabs.push("t2");
    const agent = room.connect();
    await room.letIn(agent, "a1", "voice", "pointer");
    room.pages.length = 0;
    agent.act({ kind: "signal", signal: { media: "voice", candidate: null } });
    expect([room.deeds("t1").length, room.deeds("t2").length]).toEqual([1, 0]);
    room.tabs.shift();
    room.assist.pageLeft(S, "t1");
    expect(agent.powers()).toEqual({ pointer: "granted" });
    room.assist.sessionOver(S);
    await waitFor(() => Object.keys(agent.powers()).length === 0);
  });

  it("AST-10 a page that was away when the last agent left is told so", async () => {
    const room = createRoom();
    const agent = room.connect();
    await room.letIn(agent, "a1", "pointer");
    room.tabs.length = 0;
    agent.connection.receive({ type: "assist_leave", data: { sessionId: S } });
    room.pages.length = 0;
    room.tabs.push("t1");
    room.assist.pageOpened(S, "t1");
    expect(room.pages).toEqual([{ tab: "t1", message: { type: "assist_state", data: { agents: [] } } }]);
  });
});

it("AST-13 credentials made of a secret name their end", () => {
  const settings = { ...NO_ICE, stunUrls: ["stun:a"], turnUrls: ["turn:b"], turnSecret: "s3cret" };
  const [stun, turn] = iceServersOf(settings, 1_000_000_000_000);
  expect(stun).toEqual({ urls: ["stun:a"] });
  expect(turn?.username).toBe("1000021600:watchback");
  // printf '1000021600:watchback' | openssl dgst -sha1 -hmac s3cret -binary | base64
  expect(turn?.credential).toBe("rYL1DFrzLoz6nPgqaee3ElXgRJc=");
  expect(iceServersOf({ ...settings, turnSecret: "", turnUser: "u", turnPassword: "p" }, 0)[1]).toEqual({
    urls: ["turn:b"],
    username: "u",
    credential: "p",
  });
  expect(iceServersOf(NO_ICE, 0)).toEqual([]);
});
