/** Sessions as shops have them, made in Postgres itself: rows the way the store leaves them, before anything is folded. */

import { withClient, type ConnectionOptions } from "../../server/db/connection.ts";

const DAY_MS = 24 * 3_600_000;
/** Days over which they are spread. */
export const DAYS = 30;
const CHUNK = 10_000;

/** Projects and their parts of a hundred sessions. */
export const PROJECTS = [60, 20, 12, 6, 2] as const;

const AGENTS = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
  "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
];
const COUNTRIES = ["DE", "US", "US", "GB", "FR", "AT", "CH", "NL", "ES", "IT", "PL", "SE", "JP", "BR", "IN", "IS"];

/** Makes the projects, the days and `count` sessions with their tabs, batches, markers and issues. Seeded: the same every time, but for `now`. */
export async function fillSessions(connection: ConnectionOptions, count: number, now: number): Promise<void> {
  await withClient(
    connection,
    async (client) => {
      await client.query("SELECT setseed(0.42)");
      for (const id of PROJECTS.keys())
        await client.query("INSERT INTO projects (id, name, slug) VALUES ($1, $2, $2)", [id + 1, `shop-${id + 1}`]);
      for (let day = 0; day <= DAYS; day++) {
        const from = dayOf(now - day * DAY_MS);
        for (const table of ["session_events", "session_markers", "session_errors"]) {
          await client.query(
            `CREATE TABLE IF NOT EXISTS ${table}_${from.replaceAll("-", "")} PARTITION OF ${table}
             FOR VALUES FROM ('${from}') TO ('${dayOf(now - (day - 1) * DAY_MS)}')`,
          );
        }
      }
      await client.query(
        `INSERT INTO issues (project_id, number, title, first_seen, last_seen)
         SELECT 1 + n % ${PROJECTS.length}, n, 'TypeError: cannot read thing ' || n, now(), now() FROM generate_series(1, 300) n`,
      );
      for (let from = 0; from < count; from += CHUNK) {
        await client.query("BEGIN");
        const last = Math.min(count, from + CHUNK) - 1;
        await client.query(SESSIONS, [from, last, now, AGENTS, COUNTRIES]);
        await client.query(MADE.replaceAll("$1", String(from)).replaceAll("$2", String(last)));
        for (const statement of [TABS, BATCHES, MARKERS, MORE, HITS]) await client.query(statement);
        await client.query("DROP TABLE made");
        await client.query("COMMIT");
      }
    },
    { statementTimeoutMs: 0 },
  );
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

const SESSIONS = `
  INSERT INTO sessions (
    session_id, project_id, started_on, resume_hash, status, user_id, traits, url, title, user_agent, release, environment, started_at,
    last_at, ended_at, country, region, error_count, event_count, batch_count
  )
  SELECT 'session-' || lpad(n::text, 8, '0'),
    CASE WHEN p < 0.6 THEN 1 WHEN p < 0.8 THEN 2 WHEN p < 0.92 THEN 3 WHEN p < 0.98 THEN 4 ELSE 5 END,
    (at AT TIME ZONE 'UTC')::date, '\\x00', 'ended', CASE WHEN who < 0.6 THEN 'user-' || floor(who * 30000) END,
    jsonb_build_object('plan', (ARRAY['free', 'free', 'free', 'pro', 'team', 'enterprise'])[1 + floor(plan * 6)::integer],
      'company', 'company-' || floor(who * 5000), 'seats', floor(plan * 200)),
    'https://shop.example/' || (ARRAY['', 'products/' || floor(place * 2000), 'cart', 'checkout/payment',
        'account/orders/' || floor(place * 90000), 'help'])[1 + floor(land * 6)::integer]
      || '?utm_source=' || (ARRAY['mail', 'search', 'none'])[1 + floor(plan * 3)::integer],
    (ARRAY['Shop', 'Product ' || floor(place * 2000), 'Cart', 'Payment', 'Your orders', 'Help'])[1 + floor(land * 6)::integer],
    ($4::text[])[1 + floor(agent * agent * ${AGENTS.length})::integer], '2.' || floor(age * 14) || '.' || floor(plan * 3),
    CASE WHEN plan < 0.9 THEN 'production' ELSE 'staging' END, at, at + length * length * interval '40 minutes',
    at + length * length * interval '40 minutes', ($5::text[])[1 + floor(land * place * ${COUNTRIES.length})::integer],
    'region-' || floor(place * 40), CASE WHEN p * 100 - floor(p * 100) < 0.08 THEN 1 ELSE 0 END, 200, 4
  FROM (
    SELECT *, to_timestamp(($3::float8 - age * ${(DAYS - 1) * DAY_MS}) / 1000) AS at FROM (
      SELECT n, random() AS p, random() AS age, random() AS who, random() AS length, random() AS agent, random() AS land, random() AS place,
        random() AS plan
      FROM generate_series($1::integer, $2::integer) n
    ) drawn
  ) d`;

const MADE = `
  CREATE TEMPORARY TABLE made AS
  SELECT session_id, project_id, started_on, started_at, last_at, error_count, extract(epoch FROM started_at) * 1000 AS from_at,
    extract(epoch FROM last_at - started_at) * 1000 AS ms, random() AS luck, random() AS kind
  FROM sessions WHERE session_id BETWEEN 'session-' || lpad($1::text, 8, '0') AND 'session-' || lpad($2::text, 8, '0')`;

const TABS = `INSERT INTO session_tabs (session_id, tab, started_at, last_at, ended_at) SELECT session_id, 'main', started_at, last_at, last_at FROM made`;

const BATCHES = `
  INSERT INTO session_events (session_id, tab, seq, started_on, received_at, first_at, last_at, event_count, checkout, encoding, raw_bytes, payload)
  SELECT session_id, 'main', b, started_on, last_at, from_at + ms * b / 4, from_at + ms * b / 4 + least(ms / 4, 20000), 50, b = 0, 1, 900,
    decode(repeat(md5(b::text), 12), 'hex')
  FROM made CROSS JOIN generate_series(0, 3) b`;

/** A visit: three pages, some clicks, and now and then what goes wrong. */
const MARKERS = `
  INSERT INTO session_markers (session_id, tab, seq, ordinal, started_on, project_id, kind, at, name, text)
  SELECT session_id, 'main', m.place % 4, m.place, started_on, project_id, m.kind, from_at + ms * m.place / 20, m.name, m.text FROM made
  CROSS JOIN LATERAL (VALUES
    (0, true, 'page_load', 'https://shop.example/', 'Shop'),
    (1, true, 'navigation', 'https://shop.example/products/' || floor(luck * 2000), 'Product'),
    (2, luck < 0.5, 'navigation', 'https://shop.example/cart?items=' || floor(luck * 20), 'Cart'),
    (3, luck < 0.2, 'navigation', 'https://shop.example/checkout/address', 'Address'),
    (4, luck < 0.15, 'navigation', 'https://shop.example/checkout/payment', 'Payment'),
    (5, true, 'click', 'a#product', 'Details'), (6, true, 'click', 'button', 'Add to cart'), (7, luck < 0.5, 'click', 'button', 'Cart'),
    (8, kind < 0.04, 'rage_click', 'button#pay', 'Pay now'), (9, kind BETWEEN 0.03 AND 0.09, 'dead_click', 'div.card', 'Offer'),
    (10, kind BETWEEN 0.5 AND 0.65, 'console_error', 'error',
      (ARRAY['Warning: each child in a list should have a unique key', 'Failed to load resource: the server responded with a status of 404',
        'ResizeObserver loop completed with undelivered notifications', 'payment provider timed out after ' || floor(luck * 9000) || ' ms',
        'Uncaught (in promise) order ' || md5(luck::text) || ' not found'])[1 + floor(luck * 5)::integer]),
    (11, error_count > 0, 'error', (ARRAY['TypeError', 'RangeError', 'ChunkLoadError', 'NetworkError'])[1 + floor(kind * 4)::integer],
      (ARRAY['cannot read properties of undefined (reading ''price'')', 'invalid array length', 'loading chunk ' || floor(luck * 300) || ' failed',
        'the request ' || md5(kind::text) || ' was aborted'])[1 + floor(kind * 4)::integer]),
    (12, kind > 0.9, 'failed_request', 'https://api.shop.example/orders', ''),
    (13, kind BETWEEN 0.2 AND 0.45, 'custom', (ARRAY['signed_up', 'added_to_cart', 'coupon_used', 'order_placed', 'newsletter'])[1 + floor(luck * 5)::integer], ''),
    (14, luck > 0.999, 'custom', 'refund_asked', '')
  ) AS m (place, is_there, kind, name, text)
  WHERE m.is_there`;

/** Long visits, and pages that complain again and again. */
const MORE = `
  INSERT INTO session_markers (session_id, tab, seq, ordinal, started_on, project_id, kind, at, name, text)
  SELECT session_id, 'main', n % 4, 15 + n, started_on, project_id, CASE WHEN kind BETWEEN 0.5 AND 0.6 THEN 'console_error' ELSE 'navigation' END,
    from_at + ms * n / 30, 'https://shop.example/products/' || floor(luck * 2000 + n) || '?from=list-' || n,
    'Warning: component ' || n || ' of product ' || floor(luck * 2000) || ' was updated after it was removed; cancel its subscriptions first'
  FROM made CROSS JOIN LATERAL generate_series(1, floor(luck * luck * 24)::integer) n`;

const HITS = `
  INSERT INTO issue_sessions (issue_id, session_id, last_at, count)
  SELECT i.issue_id, m.session_id, m.last_at, 1 FROM made m JOIN LATERAL (
    SELECT issue_id FROM issues WHERE project_id = m.project_id ORDER BY issue_id OFFSET floor(m.luck * 50) LIMIT 1
  ) i ON true WHERE m.error_count > 0`;
