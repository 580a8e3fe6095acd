import { deflateRawSync, inflateRawSync } from "node:zlib";
import { strToU8, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { readDebugId } from "./artifact.ts";
import { boundaryOf, readMultipart } from "./multipart.ts";
import { readUpload } from "./read-upload.ts";
import { listZip, unpackEntry, ZipFault } from "./zip.ts";

const MAP = JSON.stringify({ version: 3, sources: ["a.ts"], names: [], mappings: "AAAA" });
const ID = "27e4367c-a33a-54f7-b7f9-77b8d58ebfb8";
const NONE = { release: "", dist: "", url: "", debugId: null };
const zip = (files: Record<string, string>) =>
  zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])));
const read = (files: Record<string, string>) => readUpload(zip(files), { ...NONE, release: "1" });
const mapText = (packed: Uint8Array | null | undefined) => (packed ? inflateRawSync(packed).toString() : null);

/** A manifest of an artifact bundle. */
const manifest = (files: object, extra: object = {}) => JSON.stringify({ project: "shop", ...extra, files });

describe("pairs of scripts and maps", () => {
  it("MAP-1 go by the manifest, whatever the case of its headers and the names in the zip", () => {
    const { scripts, release, dist } = readUpload(
      zip({
        "manifest.json": manifest(
          {
            "x/1": {
              url: "~/app.js",
              type: "minified_source",
              headers: { Sourcemap: "app.js.map", "Debug-Id": ID.toUpperCase() },
            },
            "x/2": { url: "~/app.js.map", type: "source_map" },
            "x/3": { url: "~/a.ts", type: "source" },
          },
          { release: "9", dist: "ios" },
        ),
        "x/1": "a()",
        "x/2": MAP,
        "x/3": "let a",
        "x/4": "not in the manifest",
      }),
      NONE,
    );
    expect({ release, dist }).toEqual({ release: "9", dist: "ios" });
    expect(scripts).toMatchObject([{ url: "~/app.js", debugId: ID, fault: null, sourceBytes: 3 }]);
    expect(mapText(scripts[0]?.map)).toBe(MAP);
  });

  it("MAP-2 of a plain folder go by the comments, by debug ids and by names", () => {
    const other = JSON.stringify({ ...(JSON.parse(MAP) as object), debugId: ID });
    const inline = Buffer.from(MAP).toString("base64");
    const { scripts, notes } = read({
      "a/named.js": "a()\n//# sourceMappingURL=../maps/far.map?v=1#x",
      "maps/far.map": MAP,
      "b/by-id.js": `a()\n//# debugId=${ID}`,
      "maps/other.map": other,
      "c/by-name.mjs": "a()",
      "c/by-name.mjs.map": MAP,
      "d/inline.js": `a()\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,${inline}`,
      "e/none.js": "a()",
      "f/gone.js": "a()\n//# sourceMappingURL=gone.js.map",
      "g/alone.js.map": MAP,
      "h/broken.js.map": "{",
      "page.html": "<p>",
    });
    const told = Object.fromEntries(scripts.map(({ url, map, fault }) => [url, map ? "mapped" : fault]));
    expect(told).toEqual({
      "~/a/named.js": "mapped",
      "~/b/by-id.js": "mapped",
      "~/c/by-name.mjs": "mapped",
      "~/d/inline.js": "mapped",
      "~/e/none.js": "the script names no source map",
      "~/f/gone.js": "its source map was not uploaded",
      "~/g/alone.js": "mapped",
    });
    expect(notes).toEqual(["~/h/broken.js.map: this is no source map"]);
    expect(mapText(scripts.find(({ url }) => url === "~/d/inline.js")?.map)).toBe(MAP);
  });

  it("MAP-2 names are names: nothing in a zip is a path here", () => {
    const { scripts } = read({ "../../etc/passwd.js": "a()", "/abs.js.map": MAP, "__proto__.js.map": MAP });
    expect(scripts.map(({ url }) => url).sort()).toEqual(["~/__proto__.js", "~/abs.js", "~/etc/passwd.js"]);
    expect(Object.keys({})).toEqual([]);
  });
});

describe("what strangers send", () => {
  const good = zip({ "a.js": "a()", "a.js.map": MAP });

  it("MAP-9 bounds what a zip inflates to, the number of its files, and what is said of them", () => {
    const bomb = zipSync({ "a.js": new Uint8Array(70 * 1024 * 1024) }, { level: 9 });
    expect(readUpload(bomb, NONE)).toMatchObject({ scripts: [], notes: [expect.stringContaining("more than")] });
    const [entry] = listZip(zipSync({ a: new Uint8Array(1_000_000) }), 10);
    if (!entry) throw new Error("no entry");
    expect(() => unpackEntry(entry, 999_999)).toThrow(ZipFault);
    expect(unpackEntry(entry, 1_000_000)).toHaveLength(1_000_000);
    expect(() => unpackEntry({ ...entry, method: 93 }, 1_000_000)).toThrow(/packed in a way/);
    expect(() => listZip(zip({ a: "", b: "", c: "" }), 2)).toThrow(/more than 2 files/);
    const notes = read(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i}.map`, "x"]))).notes;
    expect(notes).toHaveLength(20);
  });

  it("MAP-9 refuses a zip whose files are the same bytes, and one of many bombs", () => {
    const twice = zipSync({ "a.js": new Uint8Array(5_000), "b.js": new Uint8Array(5_000) }, { level: 0 });
    const view = new DataView(twice.buffer, twice.byteOffset, twice.byteLength);
    const list = view.getUint32(twice.length - 6, true);
    const second = list + 46 + view.getUint16(list + 28, true);
    view.setUint32(second + 42, view.getUint32(list + 42, true), true);
    expect(listZip(twice, 10)).toHaveLength(2);
    const few = Buffer.concat([twice.subarray(0, 5_100), twice.subarray(list)]);
    few.writeUInt32LE(5_100, few.length - 6);
    expect(() => listZip(few, 10)).toThrow(/over each other/);
    const bomb = zipSync({ "0.js": new Uint8Array(70 * 1024 * 1024) }, { level: 9 });
    const [entry] = listZip(bomb, 1);
    expect(entry?.packed.length).toBeLessThan(80_000);
    const bombs = storedZip(entry?.packed ?? new Uint8Array(), 40);
    expect(() => readUpload(bombs, NONE)).toThrow(/more than 1024 MB/);
  });

  it("MAP-9 takes nothing but a fault from zips that are cut off or turned over", () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    process.stdout.write(`read-upload: seed ${seed}\n`);
    let state = seed;
    const random = () => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff);
    const attempt = (bytes: Uint8Array) => {
      try {
        readUpload(bytes, NONE);
      } catch (error) {
        expect(error, `seed ${seed}`).toBeInstanceOf(ZipFault);
      }
    };
    for (let length = 0; length < good.length; length++) attempt(good.slice(0, length));
    for (let i = 0; i < 3_000; i++) {
      const bytes = good.slice();
      for (let n = random() % 4; n >= 0; n--) bytes[random() % bytes.length] = random() & 255;
      attempt(bytes);
    }
  });

  it("MAP-9 refuses manifests that are none", () => {
    for (const text of ["{", "[]", '{"files":{"a":{"url":5}}}', '{"files":{"a":null}}'])
      expect(() => read({ "manifest.json": text }), text).toThrow(/manifest/);
    const { scripts } = read({ "manifest.json": manifest({ gone: { url: "~/a.js", type: "minified_source" } }) });
    expect(scripts).toEqual([]);
  });

  it("MAP-9 what stands before a zip does not matter: the header of an artifact bundle", () => {
    const header = Buffer.concat([Buffer.from("SYSB"), Buffer.from([2, 0, 0, 0])]);
    expect(readUpload(new Uint8Array(Buffer.concat([header, good])), NONE).scripts).toHaveLength(1);
    expect(deflateRawSync(good).length).toBeGreaterThan(0);
  });
});

describe("multipart bodies", () => {
  const part = (head: string, body: string) => `--b\r\n${head}\r\n\r\n${body}\r\n`;
  const told = (text: string, boundary = "b") => readMultipart(Buffer.from(text, "latin1"), boundary, 3);
  const file = 'Content-Disposition: form-data; name="file"; filename="abc"';

  it("MAP-8 are read by their boundary, and bytes stay bytes", () => {
    const parts = told(`${part(file, "1\r\n--c\r\n2")}${part(`content-type: x/y\r\n${file.toLowerCase()}`, "")}--b--\r\n`);
    expect(parts?.map(({ name, fileName, body }) => [name, fileName, Buffer.from(body).toString()])).toEqual([
      ["file", "abc", "1\r\n--c\r\n2"],
      ["file", "abc", ""],
    ]);
    expect(boundaryOf('multipart/form-data; charset=x; boundary="a b"')).toBe("a b");
    expect(boundaryOf("multipart/form-data; boundary=b")).toBe("b");
    expect(boundaryOf("text/plain; boundary=b")).toBeNull();
  });

  it("MAP-9 are refused where they are cut off, or hold too much", () => {
    const whole = `${part(file, "1")}--b--`;
    for (let length = 0; length < whole.length; length++) expect(told(whole.slice(0, length))).toBeNull();
    expect(told(`${part(file, "1").repeat(4)}--b--`)).toBeNull();
    expect(told(part(`x: ${"y".repeat(5_000)}`, "1"))).toBeNull();
  });
});

it("MAP-3 debug ids are read however they are written", () => {
  for (const text of [ID, ID.toUpperCase(), ID.replaceAll("-", ""), ` ${ID} `]) expect(readDebugId(text)).toBe(ID);
  for (const text of ["", "x", ID.slice(1), undefined]) expect(readDebugId(text)).toBeNull();
});

/** A zip of so many scripts, each with the same packed bytes. */
function storedZip(packed: Uint8Array, count: number): Uint8Array {
  const plain = zipSync(Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}.js`, packed] as const)), { level: 0 });
  const view = new DataView(plain.buffer, plain.byteOffset, plain.byteLength);
  let at = view.getUint32(plain.length - 6, true);
  for (let i = 0; i < count; i++) {
    view.setUint16(at + 10, 8, true);
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return plain;
}
