/** A trail of views for tests that are about something else. */

import type { ViewTrail } from "../../server/audit-trail.ts";

/** Writes nothing down. */
export const noViews: ViewTrail = { viewed: () => Promise.resolve() };
