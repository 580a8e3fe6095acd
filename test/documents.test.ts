import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root, sourceFiles } from "./harness/tree.ts";

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
});
