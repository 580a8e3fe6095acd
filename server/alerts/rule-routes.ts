/** Routes of rules: when word goes to which channels. */

import * as v from "valibot";
import type { AlertRule } from "../../protocol/alert.ts";
import { LEVELS } from "../../protocol/occurrence.ts";
import { cleanText } from "../../protocol/text.ts";
import { AppError } from "../app-error.ts";
import type { AuditAction, AuditTrail } from "../audit-trail.ts";
import { requireRole } from "../auth/auth.ts";
import type { Database, Queryable } from "../db/db.ts";
import { notFound, readBody, readId } from "../http-input.ts";
import type { HttpRequest, Route } from "../net/route.ts";
import { deleteRule, listChannels, listRules, saveRule } from "./alert-queries.ts";

const MAX_RULES = 50;
/** A month. */
const MAX_COOLDOWN_MINUTES = 43_200;

const label = (max: number) => v.pipe(v.string(), v.transform(cleanText), v.trim(), v.minLength(1), v.maxLength(max));
const whole = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const entries = {
  name: label(100),
  isEnabled: v.boolean(),
  onNew: v.boolean(),
  onRegression: v.boolean(),
  onPromoted: v.boolean(),
  onSpike: v.boolean(),
  spikeCount: whole(1, 1_000_000),
  spikeFactor: v.pipe(v.number(), v.minValue(1), v.maxValue(1_000)),
  levels: v.pipe(v.array(v.picklist(LEVELS)), v.maxLength(LEVELS.length)),
  environments: v.pipe(v.array(label(64)), v.maxLength(50)),
  cooldownMinutes: whole(1, MAX_COOLDOWN_MINUTES),
  channelIds: v.pipe(v.array(whole(1, 2_147_483_647)), v.maxLength(50)),
};
const ruleChange = v.partial(v.object(entries));
const newRule = v.object({ ...ruleChange.entries, name: entries.name });

const DEFAULTS: Omit<AlertRule, "ruleId" | "name"> = {
  isEnabled: true,
  onNew: true,
  onRegression: true,
  onPromoted: false,
  onSpike: false,
  spikeCount: 20,
  spikeFactor: 5,
  levels: [],
  environments: [],
  cooldownMinutes: 60,
  channelIds: [],
};

/** The rows of the route table. */
export function createRuleRoutes({ db, audit }: { db: Database; audit: AuditTrail }): readonly Route[] {
  const record = (
    tx: Queryable,
    action: AuditAction,
    { identity, peer }: HttpRequest,
    projectId: number,
    id: number,
    name: string,
  ) =>
    audit.record(
      { action, actor: identity, peer, projectId, subject: { kind: "alert_rule", id: String(id) }, data: { name } },
      tx,
    );
  return [
    {
      method: "GET",
      path: "/v1/projects/:id/alert-rules",
      access: "signed-in",
      role: "admin",
      summary: "When word of issues goes out",
      handle: async (request) => ({ json: { rules: await listRules(db, projectOf(request)) } }),
    },
    {
      method: "POST",
      path: "/v1/projects/:id/alert-rules",
      access: "signed-in",
      role: "admin",
      summary:
        "Makes a rule: {name, onNew?, onRegression?, onPromoted?, onSpike?, levels?, environments?, cooldownMinutes?, channelIds?, ...}",
      handle: async (request) => {
        const projectId = projectOf(request);
        const wanted = { ...DEFAULTS, ...given(readBody(newRule, request.body)) };
        const made = await db.transaction(async (tx) => {
          if ((await listRules(tx, projectId)).length >= MAX_RULES)
            throw new AppError("limit", `a project has at most ${MAX_RULES} rules`);
          await requireChannels(tx, projectId, wanted.channelIds);
          const rule = await saveRule(tx, projectId, null, wanted);
          if (!rule) throw new Error("an insert gave no row");
          await record(tx, "alert_rule_made", request, projectId, rule.ruleId, rule.name);
          return rule;
        });
        return { status: 201, json: made };
      },
    },
    {
      method: "PATCH",
      path: "/v1/projects/:id/alert-rules/:ruleId",
      access: "signed-in",
      role: "admin",
      summary: "Changes a rule: any of its fields",
      handle: async (request) => {
        const projectId = projectOf(request);
        const ruleId = readId(request.params["ruleId"]);
        const change = given(readBody(ruleChange, request.body));
        const json = await db.transaction(async (tx) => {
          const before = (await listRules(tx, projectId)).find((rule) => rule.ruleId === ruleId);
          if (!before) throw notFound();
          if (change.channelIds) await requireChannels(tx, projectId, change.channelIds);
          const rule = await saveRule(tx, projectId, ruleId, { ...before, ...change });
          if (!rule) throw notFound();
          await record(tx, "alert_rule_changed", request, projectId, ruleId, rule.name);
          return rule;
        });
        return { json };
      },
    },
    {
      method: "DELETE",
      path: "/v1/projects/:id/alert-rules/:ruleId",
      access: "signed-in",
      role: "admin",
      summary: "Removes a rule",
      handle: async (request) => {
        const projectId = projectOf(request);
        const ruleId = readId(request.params["ruleId"]);
        await db.transaction(async (tx) => {
          const name = await deleteRule(tx, projectId, ruleId);
          if (name === null) throw notFound();
          await record(tx, "alert_rule_removed", request, projectId, ruleId, name);
        });
        return { json: { removed: true } };
      },
    },
  ];
}

function projectOf({ params, identity }: HttpRequest): number {
  const id = readId(params["id"]);
  requireRole(identity, id, "admin");
  return id;
}

/** Only what the body names, so that the rest keeps its value. */
function given<T extends object>(body: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

async function requireChannels(tx: Queryable, projectId: number, wanted: readonly number[]): Promise<void> {
  const known = new Set((await listChannels(tx, projectId)).map(({ channelId }) => channelId));
  if (!wanted.every((id) => known.has(id))) throw new AppError("protocol", "channelIds: expected channels of this project");
}
