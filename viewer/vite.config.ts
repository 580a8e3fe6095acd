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

/** `session.html`: the same page for the addresses of sessions, which asks at once for the program that plays them. */
function sessionHtmlToo(): Plugin {
  return {
    name: "viewer-session-html",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      const html = bundle["index.html"];
      const chunks = new Map(Object.values(bundle).flatMap((file) => (file.type === "chunk" ? [[file.fileName, file]] : [])));
      const page = [...chunks.values()].find(({ facadeModuleId }) => facadeModuleId?.endsWith("/session-page.svelte"));
      if (html?.type !== "asset" || !page) throw new Error("the build has no index.html, or no session page");
      const wanted = new Set([page.fileName]);
      for (const name of wanted) for (const imported of chunks.get(name)?.imports ?? []) wanted.add(imported);
      const source = String(html.source);
      const styles = new Set([...wanted].flatMap((name) => [...(chunks.get(name)?.viteMetadata?.importedCss ?? [])]));
      const links = [
        ...[...wanted].map((name) => [name, `<link rel="modulepreload" crossorigin href="/${name}">`]),
        ...[...styles].map((name) => [name, `<link rel="stylesheet" crossorigin href="/${name}">`]),
      ]
        .filter(([name = ""]) => !source.includes(name))
        .map(([, link]) => `    ${link}\n`);
      this.emitFile({
        type: "asset",
        fileName: "session.html",
        source: source.replace("  </head>", `${links.join("")}  </head>`),
      });
    },
  };
}

/**
 * Few files: a page made of thirty took twice as long to come out of a browser's cache as one made of five (measured). What watching needs
 * is in one, which pages that show no recording do not load.
 */
const WATCH =
  /node_modules[\\/]@?rrweb|viewer[\\/](?:player|ui[\\/](?:panels|session-(?:watch|desk|actions)|stage|timeline-|controls|tab-strip|outside-files))/;
const GROUPS = [
  { name: "libraries", priority: 3, test: /node_modules[\\/](?!@?rrweb|uplot)/ },
  { name: "shared", priority: 2, test: (id: string) => /(?:viewer|protocol)[\\/]/.test(id) && !WATCH.test(id), minShareCount: 3 },
  { name: "watch", priority: 1, test: WATCH },
];

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/",
  publicDir: false,
  plugins: [svelte(), sessionHtmlToo(), exportPageToo()],
  build: {
    outDir: fileURLToPath(new URL("../dist/viewer", import.meta.url)),
    emptyOutDir: true,
    target: "es2023",
    // A data: URL for a script would be refused by the CSP, and preloading by script is not needed in a module graph this small.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
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
      output: {
        codeSplitting: { groups: GROUPS },
        entryFileNames: ({ name }) => (name === "embed" ? "embed.js" : "assets/[name]-[hash].js"),
      },
    },
  },
});
