-- Errors become issues: what was accepted and waits for its digest, occurrences, issues, and the keys by which one finds the other.

CREATE TABLE intake (
  intake_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('event', 'feedback', 'csp_report', 'tracker_error', 'replay')),
  received_at timestamptz NOT NULL DEFAULT now(),
  head jsonb NOT NULL DEFAULT '{}',
  body bytea,
  attempts smallint NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL DEFAULT now(),
  fault text,
  dead_at timestamptz
);
COMMENT ON TABLE intake IS 'Accepted and not digested yet. A digest removes its row in the transaction that writes what came of it; one that fails is tried again at due_at, and is dead after the last try.';
COMMENT ON COLUMN intake.head IS 'What the envelope says of its item (event_id, sent_at, sdk, ...), or which row of session_errors it is: session_id, tab, seq, ordinal, started_on.';
COMMENT ON COLUMN intake.body IS 'The item as it came, inflated; null for tracker errors, whose row is read.';
CREATE INDEX intake_due ON intake (due_at, intake_id) WHERE dead_at IS NULL;
CREATE INDEX intake_dead ON intake (project_id, intake_id) WHERE dead_at IS NOT NULL;

CREATE TABLE issues (
  issue_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id integer NOT NULL,
  number integer NOT NULL,
  title text NOT NULL,
  type text NOT NULL DEFAULT '',
  value text NOT NULL DEFAULT '',
  culprit text NOT NULL DEFAULT '',
  level text NOT NULL DEFAULT 'error',
  platform text NOT NULL DEFAULT '',
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved', 'ignored', 'muted')),
  resolved_at timestamptz,
  resolved_in text,
  muted_until timestamptz,
  muted_until_count bigint,
  muted_until_users bigint,
  priority text NOT NULL DEFAULT 'medium' CHECK (priority IN ('low', 'medium', 'high')),
  assignee_id integer,
  first_seen timestamptz NOT NULL,
  last_seen timestamptz NOT NULL,
  first_release text NOT NULL DEFAULT '',
  last_release text NOT NULL DEFAULT '',
  occurrence_count bigint NOT NULL DEFAULT 0,
  session_count bigint NOT NULL DEFAULT 0,
  user_count bigint NOT NULL DEFAULT 0,
  promoted_at timestamptz,
  regressed_at timestamptz,
  merged_into bigint REFERENCES issues (issue_id),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project_id, number)
);
COMMENT ON TABLE issues IS 'Groups of occurrences. Times are the server''s. An issue outlives its occurrences: the counts stay.';
COMMENT ON COLUMN issues.resolved_in IS 'Release from which on another occurrence is a regression; ''next'' for the first release not seen before; null: any.';
COMMENT ON COLUMN issues.merged_into IS 'Its occurrences and keys are there until it is split off again.';
CREATE INDEX issues_last_seen ON issues (project_id, last_seen DESC, issue_id DESC) WHERE merged_into IS NULL;

CREATE TABLE groupings (
  project_id integer NOT NULL,
  mechanism text NOT NULL,
  key_hash bytea NOT NULL,
  key jsonb NOT NULL,
  issue_id bigint NOT NULL REFERENCES issues (issue_id) ON DELETE CASCADE,
  made_for bigint,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, mechanism, key_hash)
);
COMMENT ON TABLE groupings IS 'Which issue a key leads to. A changed algorithm is another mechanism with rows of its own; rows are never rewritten by it.';
COMMENT ON COLUMN groupings.made_for IS 'The issue that the key led to before a merge; null while it leads there.';
CREATE INDEX groupings_issue ON groupings (issue_id);

CREATE TABLE occurrences (
  error_id uuid PRIMARY KEY,
  project_id integer NOT NULL,
  issue_id bigint NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  source text NOT NULL CHECK (source IN ('tracker', 'sdk')),
  received_at timestamptz NOT NULL,
  at double precision NOT NULL,
  session_id text COLLATE "C",
  tab text COLLATE "C",
  user_id text,
  level text NOT NULL DEFAULT 'error',
  type text NOT NULL DEFAULT '',
  message text NOT NULL DEFAULT '',
  culprit text NOT NULL DEFAULT '',
  transaction text NOT NULL DEFAULT '',
  release text NOT NULL DEFAULT '',
  environment text NOT NULL DEFAULT '',
  platform text NOT NULL DEFAULT '',
  url text NOT NULL DEFAULT '',
  tags jsonb NOT NULL DEFAULT '{}',
  detail jsonb NOT NULL DEFAULT '{}',
  mechanism text NOT NULL DEFAULT '',
  key_hash bytea,
  symbolicated_at timestamptz,
  UNIQUE (project_id, event_id)
);
COMMENT ON TABLE occurrences IS 'Digested errors, of trackers and of Sentry SDKs, each once by (project_id, event_id). error_id is session_errors.error_id for a tracker''s.';
COMMENT ON COLUMN occurrences.at IS 'When it happened, epoch milliseconds, by the page''s or the SDK''s clock.';
COMMENT ON COLUMN occurrences.detail IS 'protocol/occurrence.ts: exceptions with frames, breadcrumbs, request, contexts, user.';
COMMENT ON COLUMN occurrences.key_hash IS 'With mechanism: the key by which it came into its issue.';
CREATE INDEX occurrences_issue ON occurrences (issue_id, received_at DESC, error_id DESC);
CREATE INDEX occurrences_session ON occurrences (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX occurrences_received ON occurrences (project_id, received_at);
CREATE INDEX occurrences_user ON occurrences (project_id, user_id) WHERE user_id IS NOT NULL;

CREATE TABLE issue_hours (
  issue_id bigint NOT NULL REFERENCES issues (issue_id) ON DELETE CASCADE,
  hour timestamptz NOT NULL,
  count integer NOT NULL DEFAULT 0,
  PRIMARY KEY (issue_id, hour)
);
COMMENT ON TABLE issue_hours IS 'Occurrences of an issue in each hour, by the time they were received.';

CREATE TABLE issue_sessions (
  issue_id bigint NOT NULL REFERENCES issues (issue_id) ON DELETE CASCADE,
  session_id text COLLATE "C" NOT NULL,
  last_at timestamptz NOT NULL,
  count integer NOT NULL DEFAULT 0,
  PRIMARY KEY (issue_id, session_id)
);
COMMENT ON TABLE issue_sessions IS 'Sessions that an issue hit. Of an SDK without a session, its replay id or trace counts as nothing.';
CREATE INDEX issue_sessions_session ON issue_sessions (session_id);

CREATE TABLE issue_users (
  issue_id bigint NOT NULL REFERENCES issues (issue_id) ON DELETE CASCADE,
  user_id text NOT NULL,
  PRIMARY KEY (issue_id, user_id)
);
CREATE INDEX issue_users_user ON issue_users (user_id);
