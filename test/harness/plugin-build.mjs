/** Builds the shop with a bundler plugin of Sentry, as a project would: `node plugin-build.mjs FOLDER SERVER`; the token comes by SENTRY_AUTH_TOKEN. */

import path from "node:path";
import { sentryVitePlugin } from "@sentry/bundler-plugins/vite";
import { build } from "vite";

const [folder = ".", url = ""] = process.argv.slice(2);
await build({
  root: folder,
  configFile: false,
  logLevel: "error",
  plugins: [
    sentryVitePlugin({
      org: "anything",
      project: "1",
      url,
      telemetry: false,
      release: { create: false, finalize: false, inject: false },
    }),
  ],
  build: {
    outDir: path.join(folder, "dist"),
    sourcemap: true,
    modulePreload: false,
    rolldownOptions: {
      input: path.join(folder, "src/main.ts"),
      output: { entryFileNames: "assets/[name]-[hash].js", format: "iife" },
    },
  },
});
