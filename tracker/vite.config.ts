/** Builds the tracker twice, as a classic script and as a module, and refuses to grow past its budget; the preview, which nobody but its owner loads, and co-browsing. */

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { minify } from "terser";
import { build, defineConfig, type Plugin } from "vite";
import { fixRecorder } from "./recorder-fixes.ts";
import { TRACKER_NAMES } from "./short-names.ts";

/** What a page pays for all of it: 30 KB, gzip at its best. */
export const MAX_GZIP_BYTES = 30_000;
/** What a page pays once somebody helps its visitor. */
const MAX_ASSIST_GZIP_BYTES = 25_000;

const here = fileURLToPath(new URL(".", import.meta.url));

/** Fails the build where a bundle is over the budget. */
function budget(maxBytes = MAX_GZIP_BYTES): Plugin {
  return {
    name: "tracker-budget",
    apply: "build",
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        const bytes = gzipSync(chunk.code, { level: 9 }).length;
        if (bytes > maxBytes) this.error(`${chunk.fileName} is ${bytes} bytes gzip, over the budget of ${maxBytes}`);
      }
    },
  };
}

/** A second look at what the build has made short already: 0.6 KB less. */
function shorter(): Plugin {
  return {
    name: "tracker-shorter",
    apply: "build",
    async generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        const { code } = await minify(chunk.code, {
          ecma: 2020,
          module: chunk.fileName.endsWith(".mjs"),
          toplevel: true,
          compress: { ecma: 2020, passes: 4, unsafe_arrows: true, unsafe_methods: true },
          mangle: { properties: { regex: TRACKER_NAMES } },
        });
        chunk.code = code ?? chunk.code;
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

/** One build makes one format of one entry: the others are built behind the script, into the same folder. */
function othersToo(): Plugin {
  return {
    name: "tracker-others",
    apply: "build",
    async writeBundle({ dir }) {
      if (!dir) return;
      for (const mode of ["module", "preview", "assist", "bodies"]) {
        await build({
          configFile: `${here}vite.config.ts`,
          mode,
          logLevel: "warn",
          build: { outDir: dir, emptyOutDir: false },
        });
      }
    },
  };
}

const OUTPUTS = {
  script: { input: "snippet.ts", file: "tracker.js", format: "iife", others: [shorter(), budget(), othersToo()] },
  module: { input: "tracker.ts", file: "tracker.mjs", format: "es", others: [shorter(), budget()] },
  preview: { input: "preview.ts", file: "tracker-preview.js", format: "iife", others: [] },
  bodies: { input: "bodies.ts", file: "tracker-bodies.js", format: "iife", others: [] },
  assist: {
    input: "assist/assist.ts",
    file: "tracker-assist.js",
    format: "iife",
    others: [shorter(), budget(MAX_ASSIST_GZIP_BYTES)],
  },
} as const;

function isOutput(mode: string): mode is keyof typeof OUTPUTS {
  return Object.hasOwn(OUTPUTS, mode);
}

/** `--mode` with one of the other names builds one file; otherwise `tracker.js` is built, and then those. */
export default defineConfig(({ mode }) => {
  const output = OUTPUTS[isOutput(mode) ? mode : "script"];
  return {
    root: here,
    plugins: [recorder(), ...output.others],
    build: {
      target: "es2020",
      outDir: "../dist/tracker",
      emptyOutDir: true,
      // Not Vite's library mode, which leaves modules half minified.
      rolldownOptions: {
        checks: { bundlerTimings: false },
        input: here + output.input,
        preserveEntrySignatures: "exports-only",
        output: {
          format: output.format,
          entryFileNames: output.file,
        },
      },
    },
  };
});
