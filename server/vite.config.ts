/** Builds the server into `dist/server/main.js`; packages stay in `node_modules`. */

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  publicDir: false,
  build: {
    ssr: "main.ts",
    target: "node20",
    outDir: fileURLToPath(new URL("../dist/server", import.meta.url)),
    emptyOutDir: true,
    sourcemap: true,
    minify: false,
    rolldownOptions: { checks: { bundlerTimings: false }, output: { entryFileNames: "[name].js", format: "es" } },
  },
});
