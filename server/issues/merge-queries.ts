/** Statements that merge issues and split them. The issues are held, and the keys of their project locked. */

import type { Queryable } from "../db/db.ts";

const HOUR = "date_trunc('hour', received_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'";

/** Issue $1 and all that was merged into it, and into that. */
const FAMILY = `WITH RECURSIVE family AS (
  SELECT $1::bigint AS issue_id UNION SELECT i.issue_id FROM issues i JOIN family f ON i.merged_into = f.issue_id)`;

/** Sessions or users that two issues have in common. */
const common = (table: string, column: string) =>
  `(SELECT count(*) FROM ${table} a JOIN ${table} b USING (${column}) WHERE a.issue_id = $1 AND b.issue_id = $2)`;

/** When issue $2 was seen first and last, by its occurrences; by its hours, where retention took the occurrences. */
const END_OF = {
  first: `(SELECT CASE WHEN h.at < date_trunc('hour', o.at) THEN h.at ELSE coalesce(o.at, h.at) END
    FROM (SELECT min(received_at) AS at FROM occurrences WHERE issue_id = $2) o,
      (SELECT min(hour) AS at FROM issue_hours WHERE issue_id = $2) h)`,
  last: `coalesce((SELECT max(received_at) FROM occurrences WHERE issue_id = $2), (SELECT max(hour) FROM issue_hours WHERE issue_id = $2))`,
};

/** Adds the counts of one issue to another; the one keeps its own. A mute of the other holds for as many more as before. */
export async function copyCounts(tx: Queryable, from: number, into: number): Promise<void> {
  await tx.query(
    `UPDATE issues i SET occurrence_count = i.occurrence_count + o.occurrence_count,
       session_count = i.session_count + o.session_count - ${common("issue_sessions", "session_id")},
       user_count = i.user_count + o.user_count - ${common("issue_users", "user_id")},
       muted_until_count = i.muted_until_count + o.occurrence_count,
       muted_until_users = i.muted_until_users + o.user_count - ${common("issue_users", "user_id")},
       first_release = CASE WHEN o.first_seen < i.first_seen THEN o.first_release ELSE i.first_release END,
       last_release = CASE WHEN o.last_seen > i.last_seen AND o.last_release <> '' THEN o.last_release ELSE i.last_release END,
       first_seen = least(i.first_seen, o.first_seen), last_seen = greatest(i.last_seen, o.last_seen),
       promoted_at = coalesce(i.promoted_at, o.promoted_at)
     FROM issues o WHERE i.issue_id = $2 AND o.issue_id = $1`,
    [from, into],
  );
  await tx.query(
    `INSERT INTO issue_hours AS h (issue_id, hour, count) SELECT $2, hour, count FROM issue_hours WHERE issue_id = $1
     ON CONFLICT (issue_id, hour) DO UPDATE SET count = h.count + excluded.count`,
    [from, into],
  );
  await tx.query(
    `INSERT INTO issue_sessions AS s (issue_id, session_id, last_at, count)
     SELECT $2, session_id, last_at, count FROM issue_sessions WHERE issue_id = $1
     ON CONFLICT (issue_id, session_id) DO UPDATE
       SET count = s.count + excluded.count, last_at = greatest(s.last_at, excluded.last_at)`,
    [from, into],
  );
  await tx.query(
    `INSERT INTO issue_users (issue_id, user_id) SELECT $2, user_id FROM issue_users WHERE issue_id = $1 ON CONFLICT DO NOTHING`,
    [from, into],
  );
  await tx.query(
    `INSERT INTO issue_releases AS r (issue_id, release, environment, count, first_seen, last_seen)
     SELECT $2, release, environment, count, first_seen, last_seen FROM issue_releases WHERE issue_id = $1
     ON CONFLICT (issue_id, release, environment) DO UPDATE SET count = r.count + excluded.count,
       first_seen = least(r.first_seen, excluded.first_seen), last_seen = greatest(r.last_seen, excluded.last_seen)`,
    [from, into],
  );
}

/** Moves keys and occurrences of one issue to another. */
export async function moveInto(tx: Queryable, from: number, into: number): Promise<void> {
  await tx.query("UPDATE groupings SET issue_id = $2, made_for = coalesce(made_for, $1) WHERE issue_id = $1", [from, into]);
  await tx.query("UPDATE occurrences SET issue_id = $2 WHERE issue_id = $1", [from, into]);
  // By the clock that says when an occurrence was written: what was received before the merge may be written after it.
  await tx.query("UPDATE issues SET merged_into = $2, merged_at = clock_timestamp() WHERE issue_id = $1", [from, into]);
}

/** Moves the keys that led to an issue before it was merged, and what came by them, back to it. */
export async function moveBack(tx: Queryable, issueId: number, from: number): Promise<void> {
  await tx.query(
    `${FAMILY} UPDATE groupings SET issue_id = $1, made_for = nullif(made_for, $1)
     WHERE issue_id = $2 AND made_for IN (SELECT issue_id FROM family)`,
    [issueId, from],
  );
  await tx.query(
    `UPDATE occurrences o SET issue_id = $1 FROM groupings g
     WHERE o.issue_id = $2 AND g.issue_id = $1
       AND g.project_id = o.project_id AND g.mechanism = o.mechanism AND g.key_hash = o.key_hash`,
    [issueId, from],
  );
}

/** Adds to an issue what came for it while it was merged. */
export async function addSinceMerge(tx: Queryable, issueId: number): Promise<void> {
  const since = `FROM occurrences o JOIN issues i ON i.issue_id = o.issue_id WHERE o.issue_id = $1
    AND coalesce(o.written_at, o.received_at) > i.merged_at`;
  await tx.query(
    `INSERT INTO issue_hours AS h (issue_id, hour, count) SELECT $1, ${HOUR}, count(*) ${since} GROUP BY 2
     ON CONFLICT (issue_id, hour) DO UPDATE SET count = h.count + excluded.count`,
    [issueId],
  );
  await tx.query(
    `INSERT INTO issue_releases AS r (issue_id, release, environment, count, first_seen, last_seen)
     SELECT $1, release, environment, count(*), min(received_at), max(received_at) ${since} GROUP BY release, environment
     ON CONFLICT (issue_id, release, environment) DO UPDATE
       SET count = r.count + excluded.count, last_seen = greatest(r.last_seen, excluded.last_seen)`,
    [issueId],
  );
  await tx.query(
    `WITH sessions AS (
       INSERT INTO issue_sessions AS s (issue_id, session_id, last_at, count)
       SELECT $1, o.session_id, max(received_at), count(*) ${since} AND o.session_id IS NOT NULL GROUP BY o.session_id
       ON CONFLICT (issue_id, session_id) DO UPDATE
         SET count = s.count + excluded.count, last_at = greatest(s.last_at, excluded.last_at)
       RETURNING (s.xmax = 0) AS is_new
     ), users AS (
       INSERT INTO issue_users (issue_id, user_id)
       SELECT DISTINCT $1::bigint, o.user_id ${since} AND o.user_id <> '' ON CONFLICT DO NOTHING RETURNING user_id
     ), came AS (SELECT count(*) AS count, max(received_at) AS last_at ${since})
     UPDATE issues SET merged_into = NULL, merged_at = NULL, occurrence_count = occurrence_count + came.count,
       last_seen = greatest(last_seen, came.last_at),
       session_count = session_count + (SELECT count(*) FROM sessions WHERE is_new),
       user_count = user_count + (SELECT count(*) FROM users)
     FROM came WHERE issue_id = $1`,
    [issueId],
  );
}

/** Takes the counts of an issue out of the one that it was merged into. */
export async function takeOut(tx: Queryable, issueId: number, from: number): Promise<void> {
  const subtract = async (table: string, columns: string) => {
    await tx.query(
      `UPDATE ${table} t SET count = t.count - o.count FROM ${table} o
       WHERE t.issue_id = $2 AND o.issue_id = $1 AND (${columns.replaceAll(/\w+/g, "t.$&")}) = (${columns.replaceAll(/\w+/g, "o.$&")})`,
      [issueId, from],
    );
    await tx.query(`DELETE FROM ${table} WHERE issue_id = $1 AND count <= 0`, [from]);
  };
  await subtract("issue_hours", "hour");
  await subtract("issue_sessions", "session_id");
  await subtract("issue_releases", "release, environment");
  await tx.query(
    `UPDATE issue_releases r SET first_seen = c.first_at, last_seen = c.last_at
     FROM issue_releases o, (SELECT release, environment, min(received_at) AS first_at, max(received_at) AS last_at
       FROM occurrences WHERE issue_id = $2 GROUP BY release, environment) c
     WHERE r.issue_id = $2 AND o.issue_id = $1 AND (r.release, r.environment) = (o.release, o.environment)
       AND (r.release, r.environment) = (c.release, c.environment) AND (r.first_seen = o.first_seen OR r.last_seen = o.last_seen)`,
    [issueId, from],
  );
  await tx.query(
    `UPDATE issue_sessions s SET last_at = c.last_at
     FROM issue_sessions o, (SELECT session_id, max(received_at) AS last_at FROM occurrences WHERE issue_id = $2 GROUP BY session_id) c
     WHERE s.issue_id = $2 AND o.issue_id = $1 AND s.session_id = o.session_id AND s.session_id = c.session_id AND s.last_at = o.last_at`,
    [issueId, from],
  );
  await tx.query(
    `DELETE FROM issue_users t USING issue_users o
     WHERE t.issue_id = $2 AND o.issue_id = $1 AND t.user_id = o.user_id
       AND NOT EXISTS (SELECT FROM occurrences c WHERE c.issue_id = $2 AND c.user_id = t.user_id)`,
    [issueId, from],
  );
  await tx.query(
    `UPDATE issues i SET occurrence_count = greatest(i.occurrence_count - o.occurrence_count, 0),
       session_count = greatest(i.session_count - o.session_count + ${common("issue_sessions", "session_id")}, 0),
       user_count = greatest(i.user_count - o.user_count + ${common("issue_users", "user_id")}, 0),
       muted_until_count = i.muted_until_count - least(o.occurrence_count, i.occurrence_count),
       muted_until_users = i.muted_until_users - least(o.user_count - ${common("issue_users", "user_id")}, i.user_count),
       first_seen = CASE WHEN i.first_seen = o.first_seen THEN coalesce(${END_OF.first}, i.first_seen) ELSE i.first_seen END,
       last_seen = CASE WHEN i.last_seen = o.last_seen THEN coalesce(${END_OF.last}, i.last_seen) ELSE i.last_seen END,
       first_release = CASE WHEN i.first_seen = o.first_seen THEN coalesce(
         (SELECT release FROM issue_releases WHERE issue_id = $2 ORDER BY first_seen, release LIMIT 1), i.first_release)
         ELSE i.first_release END,
       last_release = coalesce(
         (SELECT release FROM issue_releases WHERE issue_id = $2 AND release <> '' ORDER BY last_seen DESC, release LIMIT 1),
         i.last_release)
     FROM issues o WHERE i.issue_id = $2 AND o.issue_id = $1`,
    [issueId, from],
  );
}

/** Begins an issue with the texts of another, under the next number of its project. */
export async function beginLike(tx: Queryable, like: number): Promise<number> {
  const rows = await tx.query<{ issue_id: number }>(
    `WITH n AS (
       INSERT INTO issue_numbers AS n (project_id, last) SELECT project_id, 1 FROM issues WHERE issue_id = $1
       ON CONFLICT (project_id) DO UPDATE SET last = n.last + 1 RETURNING n.project_id, n.last
     )
     INSERT INTO issues (project_id, number, title, type, value, culprit, level, platform, first_seen, last_seen, first_release,
       last_release, merged_into, merged_at)
     SELECT i.project_id, n.last, i.title, i.type, i.value, i.culprit, i.level, i.platform, i.first_seen, i.first_seen, i.first_release,
       i.last_release, i.issue_id, '-infinity'
     FROM issues i JOIN n ON n.project_id = i.project_id WHERE i.issue_id = $1 RETURNING issue_id`,
    [like],
  );
  return rows[0]?.issue_id ?? 0;
}

/**
 * Says of keys of an issue that they were made for another one, by hand: what comes by them goes there before all else. Keys that came
 * with a merge are left: the merged issue counts what came by them.
 * @returns how many of them there are
 */
export async function claimKeys(tx: Queryable, from: number, issueId: number, hashes: readonly string[]): Promise<number> {
  const rows = await tx.query(
    `UPDATE groupings SET made_for = $2, by_hand = true
     WHERE issue_id = $1 AND made_for IS NULL AND encode(key_hash, 'hex') = ANY($3::text[]) RETURNING mechanism`,
    [from, issueId, hashes],
  );
  return rows.length;
}

/** How many keys lead to an issue. */
export async function countKeys(tx: Queryable, issueId: number): Promise<number> {
  const [row] = await tx.query<{ count: number }>("SELECT count(*) AS count FROM groupings WHERE issue_id = $1", [issueId]);
  return row?.count ?? 0;
}

/** Gives a new issue the title, the times and the releases of what came to it. */
export async function retitle(tx: Queryable, issueId: number): Promise<void> {
  await tx.query(
    `UPDATE issues i SET first_seen = c.first_at, first_release = c.release, type = c.type, culprit = c.culprit, value = c.message,
       platform = c.platform, level = l.level, last_release = coalesce(
         (SELECT release FROM issue_releases WHERE issue_id = $1 AND release <> '' ORDER BY last_seen DESC, release LIMIT 1), ''),
       title = coalesce(nullif(left(concat_ws(': ', nullif(c.type, ''), (regexp_match(c.message, '\\S[^\\r\\n]*'))[1]), 250), ''), i.title)
     FROM (SELECT received_at AS first_at, release, type, culprit, platform, left(message, 1024) AS message
           FROM occurrences WHERE issue_id = $1 ORDER BY received_at, error_id LIMIT 1) c,
       (SELECT level FROM occurrences WHERE issue_id = $1 ORDER BY received_at DESC, error_id DESC LIMIT 1) l
     WHERE i.issue_id = $1`,
    [issueId],
  );
}
