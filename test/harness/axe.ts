/** axe-core in a page: what keeps people with a screen reader, a keyboard or weak eyes from using it. */

import axe from "axe-core";
import type { Page } from "playwright-core";
import * as v from "valibot";

const resultsSchema = v.object({
  violations: v.array(
    v.object({
      id: v.string(),
      impact: v.nullish(v.string()),
      help: v.string(),
      nodes: v.array(v.object({ html: v.string(), failureSummary: v.optional(v.string(), "") })),
    }),
  ),
});

/** What nobody should have to live with. */
const GRAVE = new Set(["serious", "critical"]);
/** The visitor's page is as its makers made it. */
const EXCLUDED = [[".stage-frame"], [".replayer-wrapper"]];
const OPTIONS = { resultTypes: ["violations"], iframes: false };

/**
 * The serious and critical findings in a page as it is now, a line each; empty where there are none.
 * @param within selector of the only part that is looked at; default: all of it
 */
export async function axeFaults(page: Page, within?: string): Promise<string[]> {
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axe.source);
  const context = { exclude: EXCLUDED, ...(within === undefined ? {} : { include: [[within]] }) };
  const { violations } = v.parse(
    resultsSchema,
    await page.evaluate(`axe.run(${JSON.stringify(context)}, ${JSON.stringify(OPTIONS)})`),
  );
  return violations
    .filter(({ impact }) => GRAVE.has(impact ?? ""))
    .flatMap(({ id, help, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id} (${help}): ${html.slice(0, 160)} | ${summary(failureSummary)}`),
    );
}

function summary(text: string): string {
  return text.replaceAll(/\s+/g, " ").slice(0, 200);
}
