/** Builds the tracker twice, as a classic script and as a module, and refuses to grow past its budget. */

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, defineConfig, type Plugin } from "vite";
import { fixRecorder } from "./recorder-fixes.ts";

/** What a page pays for all of it: 30 KB, gzip at its best. */
export const MAX_GZIP_BYTES = 30 * 1024;

const here = fileURLToPath(new URL(".", import.meta.url));

/** Fails the build where a bundle is over the budget. */
function budget(): Plugin {
  return {
    name: "tracker-budget",
    apply: "build",
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        const bytes = gzipSync(chunk.code, { level: 9 }).length;
        if (bytes > MAX_GZIP_BYTES) this.error(`${chunk.fileName} is ${bytes} bytes gzip, over the budget of ${MAX_GZIP_BYTES}`);
      }
    },
  };
}

/** Puts right what the pinned recorder does wrong. */
function recorder(): Plugin {
  return {
    name: "tracker-recorder-fixes",
    enforce: "pre",
    transform: (code, id) =>
      /@rrweb[\\/]record[\\/]dist[\\/]record\.js/.test(id) ? { code: fixRecorder(code), map: null } : null,
  };
}

/** One build makes one format of one entry: the module is built behind the script, into the same folder. */
function moduleToo(): Plugin {
  return {
    name: "tracker-module",
    apply: "build",
    async writeBundle({ dir }) {
      if (dir)
        await build({
          configFile: `${here}vite.config.ts`,
          mode: "module",
          logLevel: "warn",
          build: { outDir: dir, emptyOutDir: false },
        });
    },
  };
}

/** `--mode module` builds `tracker.mjs` alone; otherwise `tracker.js` is built, and then that. */
export default defineConfig(({ mode }) => {
  const isModule = mode === "module";
  return {
    root: here,
    plugins: [recorder(), budget(), ...(isModule ? [] : [moduleToo()])],
    build: {
      target: "es2020",
      outDir: "../dist/tracker",
      emptyOutDir: true,
      // Not Vite's library mode, which leaves modules half minified.
      rolldownOptions: {
        checks: { bundlerTimings: false },
        input: here + (isModule ? "tracker.ts" : "snippet.ts"),
        preserveEntrySignatures: "exports-only",
        output: {
          format: isModule ? "es" : "iife",
          entryFileNames: isModule ? "tracker.mjs" : "tracker.js",
        },
      },
    },
  };
});
