import { randomBytes } from "node:crypto";
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { AppError } from "../app-error.ts";
import { createDecoder, UnknownEncoding } from "./decode-body.ts";
import { readSecurityReports } from "./security-reports.ts";
import { unwrapStoredEvent } from "./store-body.ts";

const KIB = 1024;
const text = JSON.stringify({ message: "x".repeat(10 * KIB) });
const bytes = Buffer.from(text);
const decoder = createDecoder(64 * KIB);
const decode = async (body: Uint8Array, encoding?: string) => Buffer.from(await decoder.decode(body, encoding)).toString();
const kindOf = (work: Promise<unknown>) =>
  work.then(String, (error: unknown) => (error instanceof AppError ? error.kind : String(error)));

it("ERR-3 undoes gzip, deflate in both of its forms, and br", async () => {
  expect(await decode(gzipSync(bytes), "gzip")).toBe(text);
  expect(await decode(gzipSync(bytes), " GZIP ")).toBe(text);
  expect(await decode(deflateSync(bytes), "deflate")).toBe(text);
  expect(await decode(deflateSync(bytes, { level: 1, windowBits: 9 }), "deflate")).toBe(text);
  expect(await decode(deflateRawSync(bytes), "deflate")).toBe(text);
  expect(await decode(brotliCompressSync(bytes), "br")).toBe(text);
  expect(await decode(bytes, "identity")).toBe(text);
  expect(await decode(bytes)).toBe(text);
});

it("ERR-3 refuses encodings that it does not know, and bytes that are not of theirs", async () => {
  for (const name of ["zstd", "gzip, br", "constructor", "__proto__"]) {
    await expect(decoder.decode(bytes, name)).rejects.toBeInstanceOf(UnknownEncoding);
  }
  for (const name of ["gzip", "deflate", "br"]) {
    expect(await kindOf(decoder.decode(Buffer.from("neither this nor that"), name))).toBe("protocol");
    expect(await kindOf(decoder.decode(new Uint8Array(0), name))).toBe("protocol");
  }
  expect(await kindOf(decoder.decode(gzipSync(bytes).subarray(0, 40), "gzip"))).toBe("protocol");
});

it("ERR-4 a bomb stops at the bound, and many at once wait for their turn", async () => {
  const zeros = Buffer.alloc(50 * KIB * KIB);
  const bombs = { gzip: gzipSync(zeros), deflate: deflateRawSync(zeros), br: brotliCompressSync(zeros) };
  for (const [name, body] of Object.entries(bombs)) expect(await kindOf(decoder.decode(body, name)), name).toBe("too_large");
  const many = Array.from({ length: 200 }, (_, i) =>
    i % 10 === 0 ? kindOf(decoder.decode(bombs.br, "br")) : decode(gzipSync(bytes), "gzip"),
  );
  const answers = await Promise.all(many);
  expect(answers.filter((one) => one === "too_large")).toHaveLength(20);
  expect(answers.filter((one) => one === text)).toHaveLength(180);
});

it("ERR-4 few bytes come to 8 MiB, more to three hundred times their length, or to what their route takes", async () => {
  const roomy = createDecoder();
  const zeros = (mib: number) => Buffer.alloc(mib * KIB * KIB);
  const pack = (body: Buffer) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });
  expect((await roomy.decode(pack(zeros(8)), "br")).length).toBe(8 * KIB * KIB);
  expect(await kindOf(roomy.decode(pack(zeros(9)), "br"))).toBe("too_large");
  const noise = randomBytes(40 * KIB);
  const mixed = Buffer.concat([noise, zeros(11)]);
  expect((await roomy.decode(gzipSync(mixed), "gzip")).length).toBe(mixed.length);
  expect(await kindOf(roomy.decode(gzipSync(Buffer.concat([noise, zeros(40)])), "gzip"))).toBe("too_large");
  expect(await kindOf(roomy.decode(gzipSync(zeros(1)), "gzip", 64 * KIB))).toBe("too_large");
});

it("ERR-4 nobody waits for bodies that turn out to be long", async () => {
  const roomy = createDecoder();
  const longest = 200 * KIB + 20 * KIB * KIB;
  const large = gzipSync(Buffer.concat([randomBytes(200 * KIB), Buffer.alloc(20 * KIB * KIB)]));
  let longDone = 0;
  const long = Array.from({ length: 12 }, async () => {
    expect((await roomy.decode(large, "gzip")).length).toBe(longest);
    longDone++;
  });
  const short = Array.from({ length: 12 }, async () => (await roomy.decode(gzipSync(bytes), "gzip")).length);
  expect(await Promise.all(short)).toEqual(Array.from({ length: 12 }, () => bytes.length));
  expect(longDone).toBeLessThan(6);
  await Promise.all(long);
});

it("ERR-13 a stored event is JSON, or base64 of a zlib stream", async () => {
  const unwrap = async (body: string | Buffer) => Buffer.from(await unwrapStoredEvent(Buffer.from(body), decoder)).toString();
  expect(await unwrap(` \n${text}`)).toBe(text);
  expect(await unwrap(deflateSync(bytes).toString("base64"))).toBe(text);
  expect(
    await unwrap(
      deflateSync(bytes)
        .toString("base64")
        .replace(/(.{76})/g, "$1\r\n"),
    ),
  ).toBe(text);
  for (const body of ["", "[]", "a=b&c=d", Buffer.from("nonsense").toString("base64"), deflateSync("[]").toString("base64")]) {
    expect(await kindOf(unwrap(body)), body).toBe("protocol");
  }
  expect(await kindOf(unwrap(deflateSync(Buffer.alloc(KIB * KIB)).toString("base64")))).toBe("too_large");
});

it("ERR-14 policy reports come alone or as a list, and each is one of its own", () => {
  const read = (value: unknown) => readSecurityReports(Buffer.from(JSON.stringify(value)));
  const report = { "csp-report": { "document-uri": "https://shop.example/", "violated-directive": "img-src" } };
  expect(JSON.parse(Buffer.from(read(report).reports[0] ?? []).toString())).toEqual(report);
  expect(read([report, 7, null, [report], report])).toMatchObject({ malformed: 3 });
  expect(read(Array.from({ length: 150 }, () => report)).reports).toHaveLength(100);
  expect(read({ "csp-report": "x".repeat(100 * KIB) })).toEqual({ reports: [], malformed: 1 });
  for (const body of ["", "nonsense", "[".repeat(1_000), Buffer.alloc(2 * KIB * KIB)]) {
    expect(() => readSecurityReports(Buffer.from(body))).toThrow(AppError);
  }
});
