import { describe, expect, it } from "vitest";
import { importsOf, resolveImport, sourceFiles, type SourceFile } from "./harness/tree.ts";

/** Which rooms of the server a room may know. What is not here is a room that knows none. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  net: ["assist", "audit", "auth", "db", "errors", "ingest", "issues", "live", "projects", "replay", "retention", "store"],
  // A session as a file that is taken away, and such a file as a session.
  exports: ["auth", "db", "replay"],
  // What sessions are found by; replay shows what it finds.
  search: ["auth", "db"],
  friction: ["auth", "db", "search"],
  // What Sentry SDKs send: accepted and spooled, or shown as a session.
  errors: ["auth", "db", "jobs", "projects"],
  replays: ["db", "jobs", "projects", "recordings", "store"],
  // Reads what was accepted; cleans, redacts, symbolicates and groups it, in this order.
  digest: ["auth", "db", "errors", "issues", "jobs", "privacy", "sourcemaps"],
  issues: ["auth", "db"],
  sourcemaps: ["auth", "db", "jobs"],
  alerts: ["auth", "db", "jobs"],
  jobs: ["db"],
  assist: ["ingest"],
  ingest: ["live", "projects", "store"],
  // `History` is declared by the live edge, which needs it, and implemented by replay.
  replay: ["auth", "db", "live", "recordings", "search", "store"],
  live: ["cluster", "store"],
  projects: ["auth", "db"],
  auth: ["db"],
  audit: ["auth", "db"],
  privacy: ["auth", "db", "recordings"],
  // Shows to guests what replay reads and the live edge sends, cut by privacy.
  sharing: ["auth", "db", "live", "privacy", "projects", "replay"],
  retention: ["auth", "db"],
  store: ["db"],
  cluster: ["db"],
};

/** Doors besides the file with the room's own name. */
const FURTHER_DOORS = new Set(["server/net/route.ts", "server/db/connection.ts"]);
/** What a room declares so that the rooms below `net` can answer HTTP; types only, so it is known to all. */
const KNOWN_TO_ALL = "server/net/route.ts";
/** Where rooms are put together. */
const ABOVE_ALL = new Set(["app.ts", "main.ts"]);

const isTest = (file: SourceFile) => /\.test\.ts$/.test(file.path);
const code = sourceFiles(/^(protocol|server|tracker|viewer|bench|bin|test|demo|sql)\/.*\.(ts|svelte|js|mjs|css|html|sql)$/);
const server = code.filter((file) => file.path.startsWith("server/") && !isTest(file));

/** The relative imports of a file, as paths from the root. */
function relativeImports(file: SourceFile): { target: string; isType: boolean }[] {
  return importsOf(file.text)
    .filter(({ from }) => from.startsWith("."))
    .map(({ from, isType }) => ({ target: resolveImport(file.path, from.replace(/\?.*$/, "")), isType }));
}

describe("folders", () => {
  it.each([
    ["protocol", ["protocol"]],
    ["tracker", ["tracker", "protocol"]],
    ["viewer", ["viewer", "protocol"]],
    ["server", ["server", "protocol"]],
  ])("HOU-1 %s imports %j and no other folder", (folder, allowed) => {
    const strangers = code
      .filter((file) => file.path.startsWith(`${folder}/`) && !isTest(file))
      .flatMap((file) => relativeImports(file).map(({ target }) => ({ file: file.path, target })))
      .filter(({ target }) => !allowed.includes(target.split("/")[0] ?? ""));
    expect(strangers).toEqual([]);
  });

  it("HOU-2 imports between TypeScript files carry the extension", () => {
    const bare = code
      .filter((file) => file.path.endsWith(".ts"))
      .flatMap((file) => relativeImports(file).map(({ target }) => `${file.path} -> ${target}`))
      .filter((edge) => !/\.(ts|svelte|css|svg|json|mjs|js)$/.test(edge));
    expect(bare).toEqual([]);
  });
});

describe("rooms", () => {
  const edges = server
    .filter((file) => file.path.split("/").length > 2)
    .flatMap((file) => relativeImports(file).map(({ target, isType }) => ({ file: file.path, target, isType })))
    .map((edge) => ({ ...edge, from: edge.file.split("/")[1] ?? "", to: edge.target.split("/")[1] ?? "" }))
    .filter(({ target, from, to }) => target.startsWith("server/") && from !== to);

  it("HOU-3 know each other in one direction only", () => {
    const wrong = edges
      .filter(({ target, to }) => target !== KNOWN_TO_ALL && !to.endsWith(".ts"))
      .filter(({ from, to }) => !(MAY_IMPORT[from] ?? []).includes(to));
    expect(wrong).toEqual([]);
    expect(edges.filter(({ target, isType }) => target === KNOWN_TO_ALL && !isType)).toEqual([]);
  });

  it("HOU-3 do not know what stands above them", () => {
    expect(edges.filter(({ to }) => ABOVE_ALL.has(to))).toEqual([]);
  });

  it("HOU-4 are entered by their doors", () => {
    const others = edges.filter(
      ({ target, to }) => !to.endsWith(".ts") && target !== `server/${to}/${to}.ts` && !FURTHER_DOORS.has(target),
    );
    expect(others).toEqual([]);
  });

  it("HOU-4 have a door each", () => {
    const rooms = new Set(server.filter((file) => file.path.split("/").length > 2).map((file) => file.path.split("/")[1] ?? ""));
    const paths = new Set(server.map((file) => file.path));
    expect([...rooms].filter((room) => !paths.has(`server/${room}/${room}.ts`))).toEqual([]);
  });

  it("HOU-5 have no ring of files that import each other", () => {
    const graph = new Map(
      code.map((file) => [file.path, relativeImports(file).flatMap(({ target, isType }) => (isType ? [] : [target]))]),
    );
    expect(findRing(graph)).toEqual([]);
  });
});

/** The first ring of imports, or an empty list. */
function findRing(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const visit = (node: string, trail: readonly string[]): string[] => {
    if (trail.includes(node)) return [...trail.slice(trail.indexOf(node)), node];
    if (done.has(node)) return [];
    for (const next of graph.get(node) ?? []) {
      const ring = visit(next, [...trail, node]);
      if (ring.length > 0) return ring;
    }
    done.add(node);
    return [];
  };
  for (const node of graph.keys()) {
    const ring = visit(node, []);
    if (ring.length > 0) return ring;
  }
  return [];
}

describe("files", () => {
  const lines = (file: SourceFile) => file.text.trimEnd().split("\n").length;

  it("HOU-6 end at 400 lines, tests at 500", () => {
    const written = code.filter((file) => !/^test\/fixtures\/|^sql\/schema\.sql$/.test(file.path));
    const long = written.filter((file) => lines(file) > (isTest(file) ? 500 : 400));
    expect(long.map((file) => `${file.path}: ${lines(file)}`)).toEqual([]);
  });

  it("HOU-6 main.ts ends at 60 lines", () => {
    expect(server.filter((file) => file.path === "server/main.ts" && lines(file) > 60)).toEqual([]);
  });

  it("HOU-7 read the environment in one place", () => {
    const readers = code
      .filter(
        (file) => /^(protocol|server|tracker|viewer)\//.test(file.path) && !isTest(file) && !file.path.endsWith("vite.config.ts"),
      )
      .filter((file) => /\bprocess\.env\b|import\.meta\.env\b/.test(file.text))
      .map((file) => file.path);
    expect(readers.filter((path) => path !== "server/config.ts")).toEqual([]);
  });

  it("HOU-8 say what every exported function, class and interface is for", () => {
    const silent = code
      .filter(
        (file) => /^(protocol|server|tracker|viewer)\/.*\.ts$/.test(file.path) && !isTest(file) && !/\.d\.ts$/.test(file.path),
      )
      .flatMap((file) => undocumented(file).map((name) => `${file.path}: ${name}`));
    expect(silent).toEqual([]);
  });
});

/**
 * Exported functions, classes and interfaces without a comment above them. The comment that opens a file speaks for its first export
 * and for what has the file's own name (`Feed` in `feed.ts`); what a factory asks for (`...Deps`, `...Options`) speaks for itself.
 */
function undocumented(file: SourceFile): string[] {
  const ownName = (file.path.split("/").at(-1) ?? "").replace(/(\.svelte)?\.ts$/, "").replaceAll("-", "");
  const opens = file.text.startsWith("/*");
  const isSpokenFor = (name: string, index: number) =>
    /(Deps|Options)$/.test(name) || (opens && (index === 0 || name.toLowerCase().endsWith(ownName)));
  return [...file.text.matchAll(/^export (?:async )?(?:function\*?|class|interface) (\w+)/gm)]
    .filter((match, index) => !/\*\/\s*$/.test(file.text.slice(0, match.index)) && !isSpokenFor(match[1] ?? "", index))
    .map((match) => match[1] ?? "");
}

describe("words", () => {
  /** Written in pieces, so that this file does not hold what it looks for. */
  const FORBIDDEN: readonly [string, RegExp][] = [
    ["a switched-off lint rule", new RegExp("eslint-" + "disable")],
    ["a switched-off type check", new RegExp("@ts-" + "(ignore|nocheck|expect-error)")],
    ["raw HTML", new RegExp("\\{@" + "html")],
    ["a test that runs alone or never", new RegExp("\\b(it|test|describe)\\." + "(only|skip|todo)\\b")],
    ["a path of somebody's machine", new RegExp("(^|[\\s\"'`(=:])/" + "(work|farm|home/\\w+|Users/\\w+)/", "m")],
    ["a note to do it later", new RegExp("\\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b")],
  ];

  it.each(FORBIDDEN)("HOU-9 hold no %s", (_name, pattern) => {
    const all = [...code, ...sourceFiles(/^[^/]+\.(js|ts|json|md|yaml)$|^docs\/.*\.md$|^Dockerfile$|^\.ci\//)];
    expect(all.filter((file) => pattern.test(file.text)).map((file) => file.path)).toEqual([]);
  });

  it("HOU-9 the lockfile names no registry", () => {
    const [lock] = sourceFiles(/^package-lock\.json$/);
    expect(lock?.text).not.toMatch(/"resolved":/);
  });
});
