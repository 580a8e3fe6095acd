import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestClock, type TestClock } from "../../test/harness/clock.ts";
import { scanTables } from "../../test/harness/full-scan.ts";
import { createTestDatabase, type TestDatabase } from "../../test/harness/postgres.ts";
import { createRetentionRoom, idsIn, insertVisit, personWith, type RetentionRoom } from "../../test/harness/retention-room.ts";
import { createCaller } from "../../test/harness/route-caller.ts";
import { createSharingRoom, SECRET, type SharingRoom, somebody } from "../../test/harness/sharing-room.ts";
import { insertProject } from "../../test/harness/stored-session.ts";
import { signEmbedToken } from "./embed-token.ts";

const DAY = "2026-11-20";
const NOON = Date.parse(`${DAY}T12:00:00Z`);

let test: TestDatabase;
let shop: number;
let blog: number;
let clock: TestClock;
let room: SharingRoom;
let retention: RetentionRoom;

beforeEach(async () => {
  test = await createTestDatabase();
  shop = (await insertProject(test.database, "shop")).id;
  blog = (await insertProject(test.database, "blog")).id;
  await test.database.query(
    "INSERT INTO users (email, password_hash) SELECT 'user-' || n || '@example.com', '' FROM generate_series(1, 3) n",
  );
  clock = createTestClock(NOON);
  room = createSharingRoom(test, clock);
  retention = createRetentionRoom(test, clock);
  for (const [sessionId, projectId, userId] of [
    ["hers", shop, "ada-lovelace"],
    ["bobs", shop, "bob"],
    ["other", blog, "carol"],
  ] as const)
    await insertVisit(test, { sessionId, projectId, startedOn: DAY, userId });
});

afterEach(async () => {
  await room.end();
  await retention.stop();
  await test.drop();
});

const sql = (text: string, values: unknown[] = []) => test.database.query(text, values);

describe("comments", () => {
  it("SHA-11 are written by members, and written anew by who wrote them, which they say", async () => {
    const [author, other] = [somebody(1, shop, "member"), somebody(2, shop, "owner")];
    const path = "/v1/sessions/hers/comments";
    expect((await room.as(somebody(3, shop, "viewer"), "POST", path, { at: NOON, text: "x" })).status).toBe(403);
    const made = await room.as(author, "POST", path, { at: NOON + 0.5, text: "  the cart is empty " });
    expect(made).toMatchObject({ status: 201, json: { at: NOON + 0.5, text: "the cart is empty", editedAt: null } });
    const own = `${path}/1`;
    clock.advance(5_000);
    for (const [who, status] of [
      [other, 403],
      [somebody(1, shop, "viewer"), 403],
      [somebody(1, blog, "owner"), 404],
    ] as const)
      expect((await room.as(who, "PATCH", own, { text: "changed" })).status).toBe(status);
    expect((await room.as(author, "PATCH", own, { text: " " })).status).toBe(400);
    expect((await room.as(author, "PATCH", own, { text: "x", at: 1 })).status).toBe(400);
    expect((await room.as(author, "PATCH", "/v1/sessions/bobs/comments/1", { text: "x" })).status).toBe(404);
    const changed = { commentId: 1, at: NOON + 0.5, text: "the cart is full", editedAt: NOON + 5_000 };
    expect((await room.as(author, "PATCH", own, { text: "the cart is full" })).json).toMatchObject(changed);
    expect((await room.as(somebody(3, shop, "viewer"), "GET", path)).json).toMatchObject({ comments: [changed] });
  });

  it("SHA-11 are removed by who wrote them, or by an admin", async () => {
    const path = "/v1/sessions/hers/comments";
    for (const text of ["one", "two"]) await room.as(somebody(1, shop, "member"), "POST", path, { at: NOON, text });
    expect((await room.as(somebody(2, shop, "member"), "DELETE", `${path}/1`)).status).toBe(403);
    expect((await room.as(somebody(2, shop, "admin"), "DELETE", `${path}/1`)).status).toBe(200);
    expect((await room.as(somebody(1, shop, "member"), "DELETE", `${path}/2`)).status).toBe(200);
    expect((await room.as(somebody(1, shop, "member"), "PATCH", `${path}/2`, { text: "three" })).status).toBe(404);
    expect(await sql("SELECT text FROM session_comments")).toEqual([]);
  });
});

describe("two projects", () => {
  it("SHA-2 a link, a token and a place in a playlist are made by members of the session's own project", async () => {
    const stranger = somebody(2, blog, "owner");
    for (const path of ["share-links", "embed-tokens"])
      expect(await room.as(stranger, "POST", `/v1/sessions/hers/${path}`, {})).toEqual(
        await room.as(stranger, "POST", `/v1/sessions/none/${path}`, {}),
      );
    const { json } = await room.as(stranger, "POST", `/v1/projects/${blog}/playlists`, { name: "Ours" });
    const { playlistId } = json as { playlistId: number };
    const items = `/v1/projects/${blog}/playlists/${playlistId}/items`;
    expect((await room.as(stranger, "POST", items, { sessionId: "hers" })).status).toBe(404);
    // Whoever belongs to both does not mix them either.
    const both = personWith({ [shop]: "owner", [blog]: "owner" });
    expect((await room.as(both, "POST", items, { sessionId: "hers" })).status).toBe(404);
    expect((await room.as(both, "GET", `/v1/projects/${shop}/playlists/${playlistId}`)).status).toBe(404);
    const link = await room.as(both, "POST", "/v1/sessions/hers/share-links", {});
    const { linkId } = link.json as { linkId: number };
    expect((await room.as(stranger, "DELETE", `/v1/projects/${blog}/share-links/${linkId}`)).status).toBe(404);
    expect((await room.as(stranger, "DELETE", `/v1/projects/${shop}/share-links/${linkId}`)).status).toBe(404);
  });

  it("SHA-7 a token shows a session of its own project only, whoever signed it", async () => {
    await sql("UPDATE users SET is_admin = true");
    await sql("INSERT INTO embedding (project_id) VALUES ($1), ($2)", [shop, blog]);
    const facts = { user: 1, from: null, to: null, panels: false, generation: 1, expires: NOON + 60_000 };
    const asked = (project: number, session: string) =>
      room.asGuest(signEmbedToken(SECRET, { project, session, ...facts }), "/v1/guest/session").then(({ status }) => status);
    expect([await asked(shop, "hers"), await asked(blog, "hers"), await asked(shop, "other")]).toEqual([200, 401, 401]);
  });
});

describe("what is forgotten", () => {
  const SHARED = ["session_comments", "playlist_items", "share_links"];
  const WORDS = ["ada-lovelace", "counterword", "placeword", "linkword"];
  const owner = () => personWith({ [shop]: "owner", [blog]: "owner" });

  /** Comments, a playlist with both sessions of the shop, and links; each says a word. */
  async function share(): Promise<unknown> {
    const write = (path: string, body: unknown) => room.as(owner(), "POST", path, body);
    await write("/v1/sessions/hers/comments", { at: NOON, text: "counterword" });
    await write("/v1/sessions/bobs/comments", { at: NOON, text: "the same as ada-lovelace" });
    await write("/v1/sessions/bobs/comments", { at: NOON, text: "kept" });
    await write(`/v1/projects/${shop}/playlists`, { name: "Of ada-lovelace", description: "all of ada-lovelace" });
    for (const [sessionId, note] of [
      ["hers", "placeword"],
      ["bobs", "beside ada-lovelace"],
    ])
      await write(`/v1/projects/${shop}/playlists/1/items`, { sessionId, note });
    const { json } = await write("/v1/sessions/hers/share-links", { name: "linkword" });
    await write("/v1/sessions/bobs/share-links", { name: "to show ada-lovelace" });
    expect(await scanTables(test.connection, WORDS)).toEqual(
      expect.arrayContaining([
        "session_comments: counterword",
        "session_comments: ada-lovelace",
        "playlists: ada-lovelace",
        "playlist_items: placeword",
        "playlist_items: ada-lovelace",
        "share_links: linkword",
        "share_links: ada-lovelace",
      ]),
    );
    return (json as { secret: string }).secret;
  }

  it("SHA-9 of an erased person nothing is left in any table: comments, links, places, and what names him", async () => {
    const secret = await share();
    expect((await room.asGuest(secret, "/v1/guest/session")).status).toBe(200);
    const call = createCaller(retention.routes);
    expect((await call("DELETE", `/v1/projects/${shop}/people/ada-lovelace`, { identity: owner() })).json).toMatchObject({
      erased: true,
      sessions: 1,
    });
    for (const table of SHARED) expect(await idsIn(test, table), table).toEqual(["bobs"]);
    expect((await room.asGuest(secret, "/v1/guest/session")).status).toBe(401);
    await retention.scrubbed();
    expect(await scanTables(test.connection, WORDS)).toEqual([]);
    // What is of others stays, without his name.
    expect(await sql("SELECT text FROM session_comments")).toEqual([{ text: "kept" }]);
    expect(await sql("SELECT name, description FROM playlists")).toEqual([{ name: "Playlist", description: "" }]);
    expect(await sql("SELECT note FROM playlist_items")).toEqual([{ note: "" }]);
    expect(await sql("SELECT name FROM share_links")).toEqual([{ name: "" }]);
  });

  it("SHA-9 of a removed project nothing is left, and all of another's", async () => {
    const secret = await share();
    await room.as(owner(), "PUT", `/v1/projects/${shop}/embedding`, { origins: ["https://crm.shop.example"] });
    await room.as(owner(), "POST", "/v1/sessions/other/comments", { at: NOON, text: "theirs" });
    await sql("UPDATE projects SET removed_at = now() WHERE id = $1", [shop]);
    // At once, before anything is cleaned.
    expect((await room.asGuest(secret, "/v1/guest/session")).status).toBe(401);
    await retention.cleanUp();
    for (const table of [...SHARED, "playlists", "embedding"])
      expect(await sql(`SELECT 1 FROM ${table}`), table).toHaveLength(table === "session_comments" ? 1 : 0);
    await sql("DELETE FROM sessions");
    await retention.scrubbed();
    const left = await scanTables(test.connection, ["counterword", "placeword", "linkword", "crm.shop.example"]);
    expect(left.filter((place) => !place.startsWith("audit_log"))).toEqual([]);
  });
});
