/** Lint rules. Restricted imports keep the rooms apart; `test/architecture.test.ts` holds what a linter cannot see. */

import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import tseslint from "typescript-eslint";
import { existsSync } from "node:fs";

/** Packages that have one home each, by the name under which the homes below let them in. */
const HOMED = {
  uws: { group: ["uWebSockets.js"], message: "Only server/net speaks uWebSockets.js." },
  record: { group: ["@rrweb/record", "@rrweb/record/*"], message: "Only tracker/record.ts records." },
  replay: {
    group: ["rrweb", "rrweb/*", "rrweb-player", "rrweb-player/*"],
    message: "Only viewer/player, exported pages and the preview replay.",
  },
  pg: { group: ["pg", "pg/*", "pg-copy-streams"], message: "Only server/db and server/store speak to Postgres." },
  msgpack: { group: ["msgpackr", "msgpackr/*"], message: "Only protocol packs and unpacks." },
  winston: { group: ["winston", "winston/*", "winston-daily-rotate-file"], message: "Only server/log.ts writes logs." },
};

/** The import rule with the named packages let in. */
function imports(...letIn) {
  const patterns = Object.entries(HOMED)
    .filter(([name]) => !letIn.includes(name))
    .map(([, pattern]) => pattern);
  return {
    "no-restricted-imports": [
      "error",
      {
        paths: [{ name: "node:process", importNames: ["env"], message: "Only server/config.ts reads the environment." }],
        patterns,
      },
    ],
  };
}

const noEnvironment = {
  "no-restricted-properties": [
    "error",
    { object: "process", property: "env", message: "Only server/config.ts reads the environment." },
  ],
};

/** Folders with a TypeScript project of their own; one that is not there yet is left out. */
const projects = ["protocol", "server", "tracker", "viewer", "test", "bench"].filter((folder) =>
  existsSync(new URL(`${folder}/tsconfig.json`, import.meta.url)),
);

export default tseslint.config(
  { ignores: ["dist/", "data/", "logs/", "coverage/", "node_modules/", "test/fixtures/"] },
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: ["**/*.ts", "**/*.svelte"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: projects.map((folder) => `./${folder}/tsconfig.json`),
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: [".svelte"],
      },
    },
    rules: {
      ...imports(),
      ...noEnvironment,
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "no-warning-comments": ["error", { terms: ["todo", "fixme", "xxx", "hack"], location: "start" }],
      eqeqeq: "error",
      "no-eval": "error",
      "no-new-func": "error",
    },
  },
  ...svelte.configs.recommended,
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { globals: globals.browser, parserOptions: { parser: tseslint.parser } },
    rules: {
      "svelte/no-at-html-tags": "error",
      "svelte/no-target-blank": "error",
      "svelte/button-has-type": "error",
      // The TypeScript compiler knows the names; ESLint's own rule does not know types.
      "no-undef": "off",
      "prefer-const": "off",
    },
  },
  { files: ["viewer/**"], rules: { "svelte/no-navigation-without-resolve": "off" } },
  { files: ["server/**/*.ts"], rules: { "no-console": "error" } },
  { files: ["server/net/**/*.ts"], rules: imports("uws") },
  { files: ["server/db/**/*.ts", "server/store/**/*.ts"], rules: imports("pg") },
  { files: ["server/log.ts"], rules: imports("winston") },
  { files: ["server/config.ts"], rules: { ...imports(), "no-restricted-properties": "off" } },
  { files: ["tracker/record.ts"], rules: imports("record") },
  { files: ["viewer/player/**", "viewer/export-page/**", "tracker/preview.ts"], rules: imports("replay") },
  { files: ["protocol/**/*.ts"], rules: imports("msgpack") },
  {
    files: ["**/*.test.ts", "test/**/*.ts", "bench/**/*.ts"],
    rules: {
      "no-restricted-imports": "off",
      "no-restricted-properties": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
  { files: ["bin/**", "**/vite.config.ts", "vitest.config.ts"], rules: { "no-restricted-properties": "off" } },
  {
    files: ["**/*.js", "**/*.mjs"],
    languageOptions: { globals: globals.node },
    rules: { eqeqeq: "error", "no-warning-comments": ["error", { terms: ["todo", "fixme", "xxx", "hack"], location: "start" }] },
  },
  { files: ["demo/**/*.js"], languageOptions: { globals: { ...globals.browser, watchback: "readonly" } } },
);
