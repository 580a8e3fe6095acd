import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestDatabase, quietLog, type TestDatabase } from "../../test/harness/postgres.ts";
import { insertProject, insertSession } from "../../test/harness/stored-session.ts";
import { type ConnectionOptions, toConnectionString, withClient, withDatabase } from "../db/connection.ts";
import { migrate } from "../db/migrate.ts";
import { createDatabase } from "../db/pool.ts";
import { findPage, parseSessionListing } from "./search.ts";

const NAME = `wb_plain_${randomBytes(6).toString("hex")}`;

let test: TestDatabase;
let guest: ConnectionOptions;

beforeAll(async () => {
  test = await createTestDatabase();
  // Somebody who may make tables in a schema, and nothing else of a database.
  await test.database.query(`CREATE ROLE ${NAME} LOGIN`);
  await test.database.query(`CREATE DATABASE ${NAME}`);
  const inside = withDatabase(test.connection, NAME);
  await withClient(inside, async (client) => {
    await client.query(`REVOKE CREATE ON DATABASE ${NAME} FROM PUBLIC`);
    await client.query(`GRANT ALL ON SCHEMA public TO ${NAME}`);
  });
  const url = new URL(toConnectionString(inside));
  url.username = NAME;
  guest = { connectionString: url.href };
});

afterAll(async () => {
  await test.database.query(`DROP DATABASE ${NAME} WITH (FORCE)`);
  await test.database.query(`DROP ROLE ${NAME}`);
  await test.drop();
});

it("SEA-14 a database that refuses the extension is migrated, and searched to the same end", async () => {
  await migrate(guest, quietLog);
  const db = createDatabase({ connection: guest, log: quietLog });
  try {
    expect(await db.query("SELECT extname FROM pg_extension WHERE extname = 'pg_trgm'")).toEqual([]);
    const { id } = await insertProject(db, "shop");
    const of = { projectId: id, startedOn: "2026-11-20", startedAt: Date.parse("2026-11-20T10:00:00Z") };
    await insertSession(db, { ...of, sessionId: "found", url: "https://shop.example/Checkout" });
    await insertSession(db, { ...of, sessionId: "other", url: "https://shop.example/cart" });
    const page = await findPage(db, [id], parseSessionListing(new URLSearchParams("url=/checkout")));
    expect(page).toEqual({ sessionIds: ["found"], next: null });
  } finally {
    await db.stop();
  }
});
