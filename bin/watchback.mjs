#!/usr/bin/env node
/** The command `watchback`, wherever it is called from. */

import { register } from "tsx/esm/api";

register();
await import(new URL("watchback.ts", import.meta.url).href);
