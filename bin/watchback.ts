/** `watchback sourcemaps upload DIR --release R`: what is done from a build. */

import { statSync } from "node:fs";
import path from "node:path";
import { readOptions } from "./lib/arguments.ts";
import { uploadMaps } from "./lib/upload-maps.ts";

const USAGE = `Usage: watchback sourcemaps upload DIR --release RELEASE [options]

Uploads the scripts and source maps of a folder, so that errors show the original source. The release is the one that the
tracker (data-release) or the SDK of the page says. Without a release, scripts are found by their debug ids.`;

const { values, rest } = readOptions(USAGE, {
  release: { default: "", help: "release that the files are of" },
  dist: { default: "", help: "variant of the release" },
  prefix: { default: "", help: "path below which the folder is served, e.g. static/js; mostly not needed" },
  url: { default: process.env["WATCHBACK_URL"] ?? "", help: "address of Watchback, or WATCHBACK_URL" },
  project: { default: process.env["WATCHBACK_PROJECT"] ?? "", help: "id of the project, or WATCHBACK_PROJECT" },
  token: { default: "", help: "bearer token of scope sourcemaps; better WATCHBACK_TOKEN" },
});

const token = values.token === "" ? (process.env["WATCHBACK_TOKEN"] ?? "") : values.token;
const [room, deed, folder = ""] = rest;

/** Says what is wrong with the command, and ends it. */
function fault(text: string): never {
  console.error(text);
  process.exit(2);
}

if (room !== "sourcemaps" || deed !== "upload" || folder === "" || rest.length > 3) fault(USAGE);
if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) fault(`${folder} is not a folder`);
if (!URL.canParse(values.url))
  fault("--url (or WATCHBACK_URL) must be the address of a Watchback, like https://watch.example.com");
if (!/^\d+$/.test(values.project)) fault("--project (or WATCHBACK_PROJECT) must be the id of a project, a number");
if (token === "") fault("WATCHBACK_TOKEN must be a bearer token of scope sourcemaps");

try {
  const { project, release, dist } = values;
  const done = await uploadMaps({
    folder: path.resolve(folder),
    server: values.url.replace(/\/+$/, ""),
    token,
    project,
    release,
    dist,
    prefix: values.prefix.replace(/^~?\/+/, ""),
    home: process.cwd(),
    say: (line) => {
      console.log(line);
    },
  });
  const of = release === "" ? "by debug ids" : `of release ${release}`;
  console.log(`Uploaded ${done.scripts} scripts, ${done.maps} with a source map (${Math.ceil(done.bytes / 1024)} KB), ${of}.`);
} catch (error) {
  console.error(`Not uploaded: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
