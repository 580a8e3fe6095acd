import { expect, it } from "vitest";
import { createTestClock } from "../../test/harness/clock.ts";
import { quietLog, startCluster } from "../../test/harness/postgres.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import { insertProject, insertSession } from "../../test/harness/stored-session.ts";
import { noViews } from "../../test/harness/views.ts";
import { createAuth, type Identity } from "../auth/auth.ts";
import { createDatabase } from "../db/pool.ts";
import { createProjects } from "../projects/projects.ts";
import { createReplay } from "./replay.ts";

it("REP-16 while Postgres is away every route says so with 503, and answers again when it is back", async () => {
  const cluster = await startCluster();
  const db = createDatabase({ connection: cluster.connection, log: quietLog });
  try {
    const { id: projectId, key } = await insertProject(db, "shop");
    await insertSession(db, {
      sessionId: "alone",
      projectId,
      startedOn: "2026-11-20",
      startedAt: Date.parse("2026-11-20T10:00:00Z"),
    });
    const clock = createTestClock(0);
    const projects = createProjects({
      db,
      clock,
      log: quietLog,
      audit: { record: () => Promise.resolve() },
      defaultProjectKey: "",
      onAccessChanged: () => Promise.resolve(),
    });
    const replay = createReplay({ db, live: { activeSessions: () => [] }, views: noViews });
    const auth = createAuth({
      db,
      clock,
      log: quietLog,
      audit: { record: () => Promise.resolve() },
      publicUrl: "http://localhost:8080",
      createSuperuser: "",
    });
    const call = createCaller([...replay.routes, ...projects.routes, ...auth.routes]);
    const identity: Identity = {
      kind: "user",
      userId: 1,
      email: "a@b",
      isAdmin: true,
      signInId: "",
      roles: new Map([[projectId, "viewer"]]),
    };
    const statuses = async () => {
      const answers = [];
      for (const path of ["/v1/sessions", "/v1/sessions/alone", "/sessions/alone/events", "/v1/projects", "/v1/tokens"]) {
        answers.push((await call("GET", path, { identity })).status);
      }
      answers.push((await call("POST", "/auth/login", { body: { email: "a@b", password: "x" } })).status);
      return answers;
    };
    expect(await statuses()).toEqual([200, 200, 200, 200, 200, 401]);
    expect((await projects.findByKey(key))?.id).toBe(projectId);

    await cluster.stop("immediate");
    expect(await statuses()).toEqual([503, 503, 503, 503, 503, 503]);
    await expect(auth.identify({ token: "0".repeat(40) })).rejects.toMatchObject({ kind: "store" });
    clock.advance(60_000);
    expect((await projects.findByKey(key))?.id).toBe(projectId);

    await cluster.start();
    await expect.poll(statuses).toEqual([200, 200, 200, 200, 200, 401]);
  } finally {
    await db.stop();
    await cluster.remove();
  }
});
