/** Builds the page that exported sessions play in: one script and one style, which the server puts into every exported file. */

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = fileURLToPath(new URL(".", import.meta.url));

export default defineConfig({
  root: here,
  publicDir: false,
  build: {
    outDir: "../../dist/viewer/export",
    emptyOutDir: true,
    target: "es2023",
    // Everything that the style names is in it.
    assetsInlineLimit: Number.MAX_SAFE_INTEGER,
    cssCodeSplit: false,
    rolldownOptions: {
      checks: { bundlerTimings: false },
      input: `${here}page.ts`,
      output: { format: "iife", entryFileNames: "page.js", assetFileNames: "page[extname]" },
    },
  },
});
