/** Grouping on the labelled errors: what real SDKs send of known bugs from three browsers and two minified builds, on its whole way. */

import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../harness/postgres.ts";
import { makeScratch } from "../harness/scratch.ts";
import { root } from "../harness/tree.ts";
import { waitFor } from "../harness/wait.ts";
import { Random } from "../loss/random.ts";
import { readBuilds, readErrors } from "../recordings/labelled-errors.ts";
import { KEY, postJson, readObject, runApp, type RunningApp } from "./running-app.ts";

const run = promisify(execFile);
const ENGINES = ["chrome", "firefox", "safari"];

let app: RunningApp;
let test: TestDatabase;
let scratch: string;

beforeAll(async () => {
  test = await createTestDatabase();
  app = await runApp({ DATABASE_URL: test.url, RATE_LIMIT_REQUESTS_PER_SEC: "100000", RATE_LIMIT_BURST: "100000" });
  scratch = makeScratch("wb-grouping-");
  const cookie = await app.signIn();
  const made = await readObject(
    await postJson(`${app.base}/v1/tokens`, { name: "build", scopes: ["sourcemaps"], projectId: 1 }, { Cookie: cookie }),
  );
  for (const { release, file, code, map } of readBuilds()) {
    const folder = path.join(scratch, release);
    mkdirSync(folder);
    writeFileSync(path.join(folder, file), code);
    writeFileSync(path.join(folder, `${file}.map`), map);
    const env = { WATCHBACK_URL: app.base, WATCHBACK_TOKEN: String(made["token"]), WATCHBACK_PROJECT: "1" };
    await run(process.execPath, [path.join(root, "bin/watchback.mjs"), "sourcemaps", "upload", folder, "--release", release], {
      env,
    });
  }
});

afterAll(async () => {
  await app.stop();
  await test.drop();
  rmSync(scratch, { recursive: true, force: true });
});

interface Row {
  bug: string;
  release: string;
  issueId: number;
  type: string;
  message: string;
}

describe("the labelled errors", () => {
  it("ISS-20 no two bugs are one issue, and one bug in 50 is split at most", async () => {
    const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
    const random = new Random(seed);
    const sent = ENGINES.flatMap((engine) => readErrors(engine).envelopes.map(({ body }) => ({ body, at: random.next() })));
    sent.sort((a, b) => a.at - b.at);
    for (const { body } of sent) {
      const answer = await fetch(`${app.base}/api/1/envelope/?sentry_key=${KEY}`, { method: "POST", body });
      expect(answer.status).toBe(200);
    }
    let seen = 0;
    const rows = await waitFor(
      async () => {
        const found = await test.database.query<Row>(
          `SELECT tags ->> 'bug' AS bug, issue_id AS "issueId", release, type, message FROM occurrences`,
        );
        seen = found.length;
        return found.length === sent.length ? found : null;
      },
      { timeoutMs: 60_000, what: () => `${sent.length} occurrences; there are ${seen}` },
    );
    const issuesOf = groupBy(rows, ({ bug }) => bug);
    const bugsOf = groupBy(rows, ({ issueId }) => issueId);
    const split = [...issuesOf].filter(([, all]) => new Set(all.map(({ issueId }) => issueId)).size > 1);
    const merged = [...bugsOf].filter(([, all]) => new Set(all.map(({ bug }) => bug)).size > 1);
    const figures = `bugs ${issuesOf.size}, errors ${rows.length}, issues ${bugsOf.size}, merged ${merged.length}, split ${split.length}`;
    process.stdout.write(`grouping, seed ${seed}: ${figures}\n`);
    expect(issuesOf.size).toBeGreaterThanOrEqual(50);
    expect(merged.map(([, all]) => wordsOf(all))).toEqual([]);
    expect(split.length, JSON.stringify(split.map(([, all]) => wordsOf(all)))).toBeLessThanOrEqual(issuesOf.size / 50);
  }, 120_000);

  it("ISS-17 a dry run says what they would be without their places", async () => {
    const cookie = await app.signIn();
    const answer = await postJson(`${app.base}/v1/projects/1/grouping/dry-run`, { placeJoins: false }, { Cookie: cookie });
    const { issuesNow, issuesThen } = await readObject(answer);
    process.stdout.write(`grouping: issues ${String(issuesNow)} by words and places, ${String(issuesThen)} by words alone\n`);
    expect(Number(issuesThen)).toBeGreaterThan(Number(issuesNow));
  });
});

/** What was said in them, each once. */
function wordsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.map(({ bug, type, message }) => `${bug}: ${type}: ${message}`))];
}

function groupBy<Name>(rows: readonly Row[], nameOf: (row: Row) => Name): Map<Name, Row[]> {
  const all = new Map<Name, Row[]>();
  for (const row of rows) all.set(nameOf(row), [...(all.get(nameOf(row)) ?? []), row]);
  return all;
}
