/** Everything that is watched of a page, besides what the recorder records. */

import type { Capture } from "./capture.ts";
import { captureClicks } from "./clicks.ts";
import { captureConsole } from "./console.ts";
import { captureErrors } from "./errors.ts";
import { captureForms } from "./forms.ts";
import { captureNavigation } from "./navigation.ts";
import { captureNetwork } from "./network.ts";
import { captureOutcomes } from "./outcomes.ts";
import { captureReloads } from "./reloads.ts";
import { captureThrash } from "./thrash.ts";

/** Begins to watch; where the browser lacks what one watcher needs, the others work. */
export function watchPage(capture: Capture): void {
  for (const watch of [
    captureErrors,
    captureConsole,
    captureNetwork,
    captureClicks,
    captureNavigation,
    captureOutcomes,
    captureThrash,
    captureForms,
    captureReloads,
  ])
    capture.host.guard(watch)(capture);
}
