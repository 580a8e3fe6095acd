/** Why a visitor cannot be helped now. */

import type { SessionSummary } from "../../../protocol/session.ts";
import { app } from "../../state/app.svelte.ts";

/** In words; empty where he can be. */
export function whyNoHelp(session: SessionSummary): string {
  const why = app.whyNot("member", session.projectId);
  if (why !== "") return why;
  const project = app.projects.find(({ id }) => id === session.projectId);
  if (project?.settings?.assist.enabled === false) return "Co-browsing is switched off in this project";
  return session.live ? "" : "The visitor is not here any more";
}
