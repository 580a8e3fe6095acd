/** Builds the server into `dist/server/main.js`, and the threads of privacy and recordings beside it; packages stay in `node_modules`. */

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  publicDir: false,
  build: {
    ssr: true,
    target: "node20",
    outDir: fileURLToPath(new URL("../dist/server", import.meta.url)),
    emptyOutDir: true,
    sourcemap: true,
    minify: false,
    rolldownOptions: {
      input: {
        main: file("main.ts"),
        "privacy-worker": file("privacy/worker.ts"),
        "recordings-worker": file("recordings/worker.ts"),
        "sourcemaps-worker": file("sourcemaps/worker.ts"),
      },
      checks: { bundlerTimings: false },
      // All in one folder: the worker is looked for beside whatever file asks for it.
      output: { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js", format: "es" },
    },
  },
});
