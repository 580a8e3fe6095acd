/**
 * The redactors of all projects, in memory: the hot path asks without waiting. Read anew every few seconds; while the database is away they
 * stay as they were. A project that is not known yet has the standard rules.
 */

import type { Clock } from "../clock.ts";
import type { Queryable } from "../db/db.ts";
import type { Logger } from "../log.ts";
import type { FactRedactors } from "./redact-facts.ts";
import { createRedactor, readSettings, STANDARD_SETTINGS, type RedactionSettings } from "./redactor.ts";

/** A change of settings holds after this long at most. */
const REFRESH_MS = 3_000;

/** A project's redactors, with the settings that they were made from. */
export interface ProjectRules extends FactRedactors {
  settings: RedactionSettings;
}

export interface SettingsCache {
  of(projectId: number): ProjectRules;
  /** @throws whatever the database throws, where it cannot be read for the first time */
  start(): Promise<void>;
  stop(): void;
}

/** Builds a cache that knows no project yet. */
export function createSettingsCache({ db, clock, log }: { db: Queryable; clock: Clock; log: Logger }): SettingsCache {
  const standard = rulesOf(STANDARD_SETTINGS);
  let known = new Map<number, { text: string; rules: ProjectRules }>();
  let stopTimer = () => {};
  let isReading = false;

  async function read(): Promise<void> {
    const rows = await db.query<{ id: number; redaction: unknown }>(
      "SELECT id, redaction FROM projects WHERE removed_at IS NULL AND redaction <> '{}'",
    );
    const next: typeof known = new Map();
    for (const { id, redaction } of rows) {
      const text = JSON.stringify(redaction);
      const before = known.get(id);
      next.set(id, before?.text === text ? before : { text, rules: rulesOf(readSettings(redaction)) });
    }
    known = next;
  }

  return {
    of: (projectId) => known.get(projectId)?.rules ?? standard,
    async start() {
      await read();
      stopTimer = clock.every(REFRESH_MS, () => {
        if (isReading) return;
        isReading = true;
        read()
          .catch((error: unknown) => {
            log.warn("redaction settings could not be read; they stay as they were", { error: String(error) });
          })
          .finally(() => {
            isReading = false;
          });
      });
    },
    stop: () => {
      stopTimer();
    },
  };
}

/** What may be the site's own id of a person stays, an e-mail address or a phone number included; cards and tokens do not. */
function rulesOf(settings: RedactionSettings): ProjectRules {
  const patterns = settings.patterns.filter((name) => name !== "email" && name !== "phone" && name !== "iban");
  return { settings, all: createRedactor(settings), ids: createRedactor({ ...settings, patterns }) };
}
