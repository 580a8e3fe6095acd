/**
 * Builds the viewer into `dist/viewer`: `index.html` and hashed files under `/assets`. No inline script, so that a strict CSP holds. Behind it
 * the page of exported sessions is built into `dist/viewer/export`.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { build, defineConfig, type Plugin } from "vite";

/** One build makes one page of this kind: the other is built behind it, into the same folder. */
function exportPageToo(): Plugin {
  return {
    name: "viewer-export-page",
    apply: "build",
    async writeBundle({ dir }) {
      if (!dir) return;
      const folder = fileURLToPath(new URL("export-page/", import.meta.url));
      await build({
        root: folder,
        configFile: `${folder}vite.config.ts`,
        logLevel: "warn",
        build: { outDir: join(dir, "export"), emptyOutDir: true },
      });
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/",
  publicDir: false,
  plugins: [svelte(), exportPageToo()],
  build: {
    outDir: fileURLToPath(new URL("../dist/viewer", import.meta.url)),
    emptyOutDir: true,
    target: "es2023",
    // A data: URL for a script would be refused by the CSP, and preloading by script is not needed in a module graph this small.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    // How the time of a build is spread over the plugins is of no use to somebody who starts a server.
    rolldownOptions: {
      checks: { bundlerTimings: false },
      input: {
        index: fileURLToPath(new URL("index.html", import.meta.url)),
        embed: fileURLToPath(new URL("embed/embed.ts", import.meta.url)),
      },
      // The element of embedding has an address that never changes, and is a module that others import.
      preserveEntrySignatures: "allow-extension",
      output: { entryFileNames: ({ name }) => (name === "embed" ? "embed.js" : "assets/[name]-[hash].js") },
    },
  },
});
