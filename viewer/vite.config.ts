/** Builds the viewer into `dist/viewer`: `index.html` and hashed files under `/assets`. No inline script, so that a strict CSP holds. */

import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/",
  publicDir: false,
  plugins: [svelte()],
  build: {
    outDir: fileURLToPath(new URL("../dist/viewer", import.meta.url)),
    emptyOutDir: true,
    target: "es2023",
    // A data: URL for a script would be refused by the CSP, and preloading by script is not needed in a module graph this small.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    // How the time of a build is spread over the plugins is of no use to somebody who starts a server.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
});
