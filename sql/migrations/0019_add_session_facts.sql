-- Sessions are searched in two rows each: facts (narrow, so that reading them all is quick) and words (texts and lists, with indexes of their
-- parts). What is known of a session when it begins or changes is there with the same transaction, what its markers and batches add up to is
-- folded in by server/search.

ALTER TABLE sessions ADD COLUMN country text NOT NULL DEFAULT '', ADD COLUMN region text NOT NULL DEFAULT '';
COMMENT ON COLUMN sessions.country IS 'Two capital letters, as a trusted proxy in front of us says; empty where none does.';

-- Columns of a fixed width first: a scan that passes over 100,000 rows finds them without reading the others.
CREATE TABLE session_facts (
  started_at timestamptz NOT NULL,
  duration_ms bigint NOT NULL DEFAULT 0,
  active_ms bigint NOT NULL DEFAULT 0,
  project_id integer NOT NULL,
  error_count integer NOT NULL DEFAULT 0,
  page_count integer NOT NULL DEFAULT 0,
  click_count integer NOT NULL DEFAULT 0,
  rage_click_count integer NOT NULL DEFAULT 0,
  dead_click_count integer NOT NULL DEFAULT 0,
  error_click_count integer NOT NULL DEFAULT 0,
  thrash_count integer NOT NULL DEFAULT 0,
  form_abandoned_count integer NOT NULL DEFAULT 0,
  reload_loop_count integer NOT NULL DEFAULT 0,
  failed_request_count integer NOT NULL DEFAULT 0,
  console_error_count integer NOT NULL DEFAULT 0,
  custom_count integer NOT NULL DEFAULT 0,
  assist_count integer NOT NULL DEFAULT 0,
  is_pinned boolean NOT NULL DEFAULT false,
  is_due boolean NOT NULL DEFAULT true,
  status text NOT NULL,
  country text NOT NULL DEFAULT '',
  browser text NOT NULL DEFAULT '',
  os text NOT NULL DEFAULT '',
  device text NOT NULL DEFAULT '',
  release text NOT NULL DEFAULT '',
  environment text NOT NULL DEFAULT '',
  region text NOT NULL DEFAULT '',
  browser_version text NOT NULL DEFAULT '',
  session_id text COLLATE "C" PRIMARY KEY,
  user_id text,
  active_upto double precision,
  seen_at timestamptz,
  folded_at timestamptz
) WITH (fillfactor = 85);

COMMENT ON TABLE session_facts IS 'What sessions are searched by: made and changed with its row of `sessions` by triggers; the rest is folded from markers and batches, and exact once is_due is false. No index has a column that changes while a session goes on: those stay HOT updates.';
COMMENT ON COLUMN session_facts.active_upto IS 'Page time up to which active_ms counts.';
COMMENT ON COLUMN session_facts.seen_at IS 'sessions.received_at when it was folded last; another value there: there is news.';

CREATE TABLE session_words (
  session_id text COLLATE "C" PRIMARY KEY,
  project_id integer NOT NULL,
  head text COLLATE "C" NOT NULL DEFAULT '',
  traits text[] NOT NULL DEFAULT '{}',
  marks text[] NOT NULL DEFAULT '{}',
  errors text COLLATE "C" NOT NULL DEFAULT '',
  pages text COLLATE "C" NOT NULL DEFAULT '',
  console text COLLATE "C" NOT NULL DEFAULT ''
) WITH (fillfactor = 90);
COMMENT ON TABLE session_words IS 'The texts that sessions are searched in, in lower case, each line once, cut, and up to a bound.';
COMMENT ON COLUMN session_words.head IS 'Lines: address, title, user, session id.';
COMMENT ON COLUMN session_words.traits IS 'Of each trait `name` and `name=value`, in lower case and cut at 256.';
COMMENT ON COLUMN session_words.marks IS 'Names of custom marks, as they are.';
COMMENT ON COLUMN session_words.pages IS 'Addresses visited. errors has types and messages, console what console.error wrote.';

CREATE TABLE session_folds (
  session_id text COLLATE "C" NOT NULL,
  tab text COLLATE "C" NOT NULL,
  upto integer NOT NULL,
  PRIMARY KEY (session_id, tab)
) WITH (fillfactor = 80);
COMMENT ON TABLE session_folds IS 'The newest batch of each tab that is in session_facts, written in the same transaction; only of sessions that go on.';

CREATE TABLE saved_searches (
  search_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id integer NOT NULL,
  user_id integer NOT NULL REFERENCES users (id),
  name text NOT NULL,
  query text NOT NULL,
  is_shared boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX saved_searches_project ON saved_searches (project_id, search_id);
COMMENT ON TABLE saved_searches IS 'Filters of the list of sessions by name: of one person, or shared with everybody in the project. query is the query string without project, cursor and limit.';

CREATE FUNCTION trait_words(traits jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(array_agg(DISTINCT w.word), '{}')
  FROM jsonb_each_text(traits) AS t (name, value), LATERAL (VALUES (left(lower(t.name), 256)), (left(lower(t.name || '=' || t.value), 256))) AS w (word)
$$;

-- A line holds no line break of its own.
CREATE FUNCTION session_head(url text, title text, user_id text, session_id text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT lower(concat_ws(E'\n', replace(url, E'\n', ' '), replace(title, E'\n', ' '), replace(coalesce(user_id, ''), E'\n', ' '), session_id))
$$;

CREATE FUNCTION note_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO session_facts (
    session_id, project_id, started_at, status, is_pinned, user_id, error_count, duration_ms, release, environment, country, region
  ) VALUES (
    NEW.session_id, NEW.project_id, NEW.started_at, NEW.status, NEW.pinned_at IS NOT NULL, NEW.user_id, least(NEW.error_count, 2147483647),
    greatest(0, round(extract(epoch FROM coalesce(NEW.ended_at, NEW.last_at) - NEW.started_at) * 1000)), NEW.release, NEW.environment,
    NEW.country, NEW.region
  )
  ON CONFLICT (session_id) DO UPDATE SET
    started_at = excluded.started_at, status = excluded.status, is_pinned = excluded.is_pinned, user_id = excluded.user_id,
    error_count = excluded.error_count, duration_ms = excluded.duration_ms, release = excluded.release, environment = excluded.environment,
    country = excluded.country, region = excluded.region, is_due = true;
  INSERT INTO session_words AS w (session_id, project_id, head, traits)
  VALUES (NEW.session_id, NEW.project_id, session_head(NEW.url, NEW.title, NEW.user_id, NEW.session_id), trait_words(NEW.traits))
  ON CONFLICT (session_id) DO UPDATE SET head = excluded.head, traits = excluded.traits
    WHERE (w.head, w.traits) IS DISTINCT FROM (excluded.head, excluded.traits);
  RETURN NULL;
END
$$;

CREATE TRIGGER sessions_begin AFTER INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION note_session();
-- What changes with every second of a session (counts, times) is not among this.
CREATE TRIGGER sessions_change AFTER UPDATE ON sessions FOR EACH ROW WHEN (
  (OLD.status, OLD.started_at, OLD.ended_at, OLD.pinned_at IS NULL, OLD.user_id, OLD.url, OLD.title, OLD.traits, OLD.release, OLD.environment,
    OLD.error_count > 0, OLD.country, OLD.region)
  IS DISTINCT FROM
  (NEW.status, NEW.started_at, NEW.ended_at, NEW.pinned_at IS NULL, NEW.user_id, NEW.url, NEW.title, NEW.traits, NEW.release, NEW.environment,
    NEW.error_count > 0, NEW.country, NEW.region)
  OR NEW.status = 'ended' AND (OLD.event_count, OLD.batch_count, OLD.error_count) IS DISTINCT FROM (NEW.event_count, NEW.batch_count, NEW.error_count)
) EXECUTE FUNCTION note_session();

INSERT INTO session_facts (session_id, project_id, started_at, status, is_pinned, user_id, error_count, duration_ms, release, environment)
SELECT session_id, project_id, started_at, status, pinned_at IS NOT NULL, user_id, least(error_count, 2147483647),
  greatest(0, round(extract(epoch FROM coalesce(ended_at, last_at) - started_at) * 1000)), release, environment
FROM sessions;
INSERT INTO session_words (session_id, project_id, head, traits)
SELECT session_id, project_id, session_head(url, title, user_id, session_id), trait_words(traits) FROM sessions;

CREATE INDEX session_facts_newest ON session_facts (project_id, started_at DESC, session_id DESC);
CREATE INDEX session_facts_all_newest ON session_facts (started_at DESC, session_id DESC);
CREATE INDEX session_facts_due ON session_facts (started_at DESC) WHERE is_due;
CREATE INDEX session_facts_user ON session_facts (project_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX session_words_traits ON session_words USING gin (traits) WITH (gin_pending_list_limit = 1024);
CREATE INDEX session_words_marks ON session_words USING gin (marks) WITH (gin_pending_list_limit = 1024);

-- Without the extension (a server that does not have it, or does not let us) the same searches read more rows: docs/decisions/0015.
DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  CREATE INDEX session_words_head ON session_words USING gin (head gin_trgm_ops) WITH (gin_pending_list_limit = 1024);
  CREATE INDEX session_words_pages ON session_words USING gin (pages gin_trgm_ops) WITH (gin_pending_list_limit = 1024);
  CREATE INDEX session_words_console ON session_words USING gin (console gin_trgm_ops) WITH (gin_pending_list_limit = 1024);
  CREATE INDEX session_words_errors ON session_words USING gin (errors gin_trgm_ops) WITH (gin_pending_list_limit = 1024);
EXCEPTION
  WHEN undefined_file OR feature_not_supported OR insufficient_privilege OR undefined_object THEN
    RAISE NOTICE 'pg_trgm cannot be had here (%): searching for parts of texts reads every session', SQLERRM;
END
$$;
