-- What is kept beside the intake when an envelope is accepted: attachments, feedback, counts, and how far spool files were poured.

CREATE TABLE attachments (
  project_id integer NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  ordinal smallint NOT NULL,
  name text NOT NULL DEFAULT '',
  content_type text NOT NULL DEFAULT '',
  kind text NOT NULL DEFAULT '',
  bytes bytea NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, event_id, ordinal)
);
COMMENT ON TABLE attachments IS 'Files that came with an event or with feedback, as they came. They go with the occurrence or feedback of their event_id.';
CREATE INDEX attachments_received ON attachments (received_at);
ALTER TABLE attachments ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE feedback (
  feedback_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id integer NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  error_event_id text COLLATE "C",
  received_at timestamptz NOT NULL,
  session_id text COLLATE "C",
  replay_id text COLLATE "C",
  user_id text,
  name text NOT NULL DEFAULT '',
  email text NOT NULL DEFAULT '',
  message text NOT NULL DEFAULT '',
  url text NOT NULL DEFAULT '',
  UNIQUE (project_id, event_id)
);
COMMENT ON TABLE feedback IS 'What people wrote, each once by (project_id, event_id); cleaned and redacted.';
COMMENT ON COLUMN feedback.error_event_id IS 'occurrences.event_id of the error that it is about, where it is about one.';
CREATE INDEX feedback_newest ON feedback (project_id, feedback_id DESC);
CREATE INDEX feedback_error ON feedback (project_id, error_event_id) WHERE error_event_id IS NOT NULL;
CREATE INDEX feedback_session ON feedback (session_id) WHERE session_id IS NOT NULL;

CREATE FUNCTION forget_companions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM attachments a USING gone g WHERE a.project_id = g.project_id AND a.event_id = g.event_id;
  IF TG_TABLE_NAME = 'occurrences' THEN
    DELETE FROM feedback f USING gone g WHERE f.project_id = g.project_id AND f.error_event_id = g.event_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER occurrences_companions AFTER DELETE ON occurrences REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION forget_companions();
CREATE TRIGGER feedback_companions AFTER DELETE ON feedback REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION forget_companions();

CREATE TABLE intake_sources (
  project_id integer PRIMARY KEY,
  first_event_at timestamptz NOT NULL,
  last_event_at timestamptz NOT NULL,
  sdk_name text NOT NULL DEFAULT '',
  sdk_version text NOT NULL DEFAULT ''
);
COMMENT ON TABLE intake_sources IS 'When envelopes with something in it came first and last, and from which SDK.';

CREATE TABLE intake_hours (
  project_id integer NOT NULL,
  hour timestamptz NOT NULL,
  category text NOT NULL,
  outcome text NOT NULL,
  reason text NOT NULL DEFAULT '',
  count bigint NOT NULL,
  PRIMARY KEY (project_id, hour, category, outcome, reason)
);
COMMENT ON TABLE intake_hours IS 'Items of envelopes by what became of them: accepted, not_kept, limited, malformed, too_large, or dropped by the client as it reports.';

CREATE TABLE release_hours (
  project_id integer NOT NULL,
  hour timestamptz NOT NULL,
  release text NOT NULL,
  environment text NOT NULL,
  sessions bigint NOT NULL,
  errored bigint NOT NULL,
  crashed bigint NOT NULL,
  abnormal bigint NOT NULL,
  PRIMARY KEY (project_id, hour, release, environment)
);
COMMENT ON TABLE release_hours IS 'Sessions as SDKs count them (not sessions of ours), by release: how many, and how they went.';

CREATE TABLE spool_marks (
  spool_id uuid PRIMARY KEY,
  upto bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE spool_marks IS 'How many bytes of a spool file are in the intake. Written in the transaction that pours them, so that none is poured twice.';
