/**
 * Makes the labelled errors in `test/fixtures/grouping/`: what the real `@sentry/browser` sends of known bugs, out of two minified builds,
 * in a real browser. Run by hand when they should change:
 *
 *     node bin/run.mjs test/recordings/record-errors.ts build
 *     node bin/run.mjs test/recordings/record-errors.ts chrome
 *     node bin/run.mjs test/recordings/record-errors.ts firefox firefox --headless --profile /tmp/an-empty-folder
 *     node bin/run.mjs test/recordings/record-errors.ts safari cog -P headless
 */

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import chromium from "@sparticuz/chromium";
import { build as esbuild } from "esbuild";
import { chromium as playwright } from "playwright-core";
import { build as viteBuild } from "vite";
import { type LabelledBuild, type LabelledErrors, readBuilds } from "./labelled-errors.ts";

const FOLDER = fileURLToPath(new URL("../fixtures/grouping/", import.meta.url));
const PATIENCE_MS = 120_000;

const page = ({ release, file }: LabelledBuild, host: string) => `<!doctype html><title>shop</title>
<script src="/sdk.js" crossorigin></script>
<script src="/${file}" crossorigin></script>
<script>
  Sentry.init({
    dsn: "http://00112233445566778899aabbccddeeff@${host}/1",
    release: ${JSON.stringify(release)},
    defaultIntegrations: Sentry.getDefaultIntegrations({}).filter(({ name }) => !/Breadcrumbs|BrowserSession|Dedupe/.test(name)),
  });
  const kept = [];
  breakAll(async (bug, error) => {
    if (error === null) kept.push(bug);
    else Sentry.withScope((scope) => {
      scope.setTag("bug", bug);
      Sentry.captureException(error);
    });
    await Sentry.flush(5000);
  }).then(() => fetch("/done", { method: "POST", body: kept.join() }));
</script>`;

/** The shop as it was released first, and as it was released later, by another bundler and with other lines above. */
async function buildAll(): Promise<void> {
  const scratch = mkdtempSync(path.join(tmpdir(), "wb-labelled-"));
  const sources = new Map(
    readdirSync(path.join(FOLDER, "src")).map((name) => [name, readFileSync(path.join(FOLDER, "src", name), "utf8")]),
  );
  const write = (folder: string, above: string) => {
    mkdirSync(path.join(scratch, folder, "src"), { recursive: true });
    for (const [name, text] of sources) writeFileSync(path.join(scratch, folder, "src", name), above + text);
  };
  write("first", "");
  write("later", "// Released later.\n// With more lines above.\n\n");
  const common = { bundle: true, minify: true, format: "iife", sourcemap: "external", sourcesContent: true } as const;
  await esbuild({
    ...common,
    entryPoints: [path.join(scratch, "first/src/main.js")],
    outfile: path.join(scratch, "first/out/shop.js"),
    target: "es2022",
  });
  await viteBuild({
    root: path.join(scratch, "later"),
    configFile: false,
    logLevel: "silent",
    build: {
      outDir: "out",
      sourcemap: "hidden",
      target: "es2020",
      lib: { entry: "src/main.js", formats: ["iife"], name: "Shop", fileName: () => "shop-BqK3x9Zd.js" },
    },
  });
  const read = (folder: string, release: string, file: string): LabelledBuild => ({
    release,
    file,
    code: readFileSync(path.join(scratch, folder, "out", file), "utf8"),
    map: readFileSync(path.join(scratch, folder, "out", `${file}.map`), "utf8"),
  });
  const builds = [read("first", "shop@1.0.0", "shop.js"), read("later", "shop@1.1.0", "shop-BqK3x9Zd.js")];
  writeFileSync(path.join(FOLDER, "builds.json.gz"), gzipSync(JSON.stringify(builds), { level: 9 }));
  rmSync(scratch, { recursive: true });
}

async function bundleSdk(): Promise<string> {
  const contents = `import * as Sentry from "@sentry/browser"; globalThis.Sentry = Sentry;`;
  const stdin = { contents, resolveDir: fileURLToPath(new URL("../../", import.meta.url)) };
  const { outputFiles } = await esbuild({ stdin, bundle: true, minify: true, format: "iife", target: "es2020", write: false });
  return outputFiles[0]?.text ?? "";
}

/** Opens the shop of each build in a browser, and keeps what it sends. */
async function record(name: string, command: readonly string[]): Promise<void> {
  const builds = readBuilds();
  const sdk = await bundleSdk();
  const errors: LabelledErrors = { engine: name, userAgent: "", envelopes: [], unbroken: [] };
  for (const one of builds) {
    let done = (): void => undefined;
    const isDone = new Promise<void>((resolve, reject) => {
      done = resolve;
      setTimeout(() => {
        reject(new Error(`${name} did not finish`));
      }, PATIENCE_MS).unref();
    });
    const server = createServer((request, answer) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        const { url = "" } = request;
        errors.userAgent = request.headers["user-agent"] ?? errors.userAgent;
        if (url.startsWith("/api/")) errors.envelopes.push({ release: one.release, body });
        if (url === "/done") {
          errors.unbroken.push(...body.split(",").filter((bug) => bug !== ""));
          done();
        }
        const files: Record<string, string> = {
          "/sdk.js": sdk,
          [`/${one.file}`]: one.code,
          "/": page(one, request.headers.host ?? ""),
        };
        answer.writeHead(url in files || request.method === "POST" ? 200 : 404, {
          "Content-Type": url === "/" ? "text/html" : "text/javascript",
          "Access-Control-Allow-Origin": "*",
        });
        answer.end(files[url] ?? "{}");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `http://localhost:${(server.address() as AddressInfo).port}/`;
    const close = await open(address, command);
    await isDone.finally(close);
    server.close();
  }
  writeFileSync(path.join(FOLDER, `${name}.json.gz`), gzipSync(JSON.stringify(errors), { level: 9 }));
  process.stdout.write(
    `${name}: ${errors.envelopes.length} errors; not broken: ${errors.unbroken.join(", ")}\n${errors.userAgent}\n`,
  );
}

async function open(address: string, [program, ...options]: readonly string[]): Promise<() => Promise<void>> {
  if (program !== undefined) {
    const browser = spawn(program, [...options, address], { stdio: "inherit", detached: true });
    return () => {
      if (browser.pid !== undefined) process.kill(-browser.pid, "SIGKILL");
      return Promise.resolve();
    };
  }
  const browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: ["--no-sandbox"],
    headless: true,
  });
  await (await browser.newPage()).goto(address);
  return () => browser.close();
}

const [name = "", ...command] = process.argv.slice(2);
await (name === "build" ? buildAll() : record(name, command));
