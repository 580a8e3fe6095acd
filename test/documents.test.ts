import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root, sourceFiles } from "./harness/tree.ts";

/** `GET /path` of every row of the route table, as the rooms write them. */
const routes = sourceFiles(/^server\/.*(?<!\.test)\.ts$/).flatMap((file) =>
  [...file.text.matchAll(/method: "([A-Z]+)",\s*path: "([^"]+)",\s*access:/g)].map(
    (match) => `${match[1] ?? ""} ${match[2] ?? ""}`,
  ),
);

const documents = sourceFiles(/^(README|CHANGELOG)\.md$|^docs\/.*\.md$/);

describe("documents", () => {
  it("HOU-11 name only files that are there", () => {
    const names = documents.flatMap((file) =>
      [...file.text.matchAll(/`((?:protocol|server|tracker|viewer|test|bench|bin|demo|sql|docs)\/[\w./-]+\.\w+)`/g)].map(
        (match) => ({
          document: file.path,
          name: match[1] ?? "",
        }),
      ),
    );
    expect(names.filter(({ name }) => !existsSync(path.join(root, name)))).toEqual([]);
  });

  it("HOU-11 link only to what is there", () => {
    const links = documents.flatMap((file) =>
      [...file.text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => ({
        document: file.path,
        target: path.posix.join(path.posix.dirname(file.path), match[1] ?? ""),
      })),
    );
    expect(links.filter(({ target }) => !existsSync(path.join(root, target)))).toEqual([]);
  });

  it("HOU-12 the walks name functions that are in those files", () => {
    const [architecture] = documents.filter((file) => file.path === "docs/architecture.md");
    const stops = [...(architecture?.text ?? "").matchAll(/^\|\s*\d+\s*\|\s*`([\w./-]+)`\s*\|\s*`(\w+)`\s*\|/gm)];
    expect(stops.length).toBeGreaterThan(30);
    const lost = stops.filter(([, file = "", name = ""]) => {
      const full = path.join(root, file);
      return !existsSync(full) || !new RegExp(`\\b${name}\\b`).test(readFileSync(full, "utf8"));
    });
    expect(lost.map(([, file, name]) => `${file ?? ""}: ${name ?? ""}`)).toEqual([]);
  });

  it("HOU-13 the outside surface lists every route, and no other", () => {
    const [surface] = documents.filter((file) => file.path === "docs/surface.md");
    const listed = [...(surface?.text ?? "").matchAll(/^\|\s*([A-Z]+)\s*\|\s*`(\/[^`]*)`/gm)].map(
      (match) => `${match[1] ?? ""} ${match[2] ?? ""}`,
    );
    // Answered below the route table, because its body is streamed in.
    expect(listed.filter((route) => route !== "POST /v1/ingest").sort()).toEqual(
      routes.filter((route) => route !== "POST /v1/ingest").sort(),
    );
  });

  it("HOU-13 the outside surface lists every message", async () => {
    const [surface] = documents.filter((file) => file.path === "docs/surface.md");
    const { fromTracker, toTracker } = await import("../protocol/tracker-messages.ts");
    const { fromViewer, toViewer } = await import("../protocol/viewer-messages.ts");
    const types = [fromTracker, toTracker, fromViewer, toViewer].flatMap((messages) => Object.keys(messages));
    expect(types.filter((type) => !(surface?.text ?? "").includes(`\`${type}\``))).toEqual([]);
  });
});
