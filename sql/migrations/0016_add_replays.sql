-- Sentry replays: which session each is shown as, and what came with its segments. The recordings are payloads of session_events.

CREATE TABLE replays (
  session_id text COLLATE "C" PRIMARY KEY,
  project_id integer NOT NULL,
  replay_id text COLLATE "C" NOT NULL,
  kind text NOT NULL CHECK (kind IN ('session', 'buffer')),
  sdk text NOT NULL DEFAULT '',
  error_ids text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project_id, replay_id)
);
COMMENT ON TABLE replays IS 'Replays of Sentry SDKs, each a session. Their session ids are made from project and replay id (server/replay-session.ts). Rows go with the session.';
COMMENT ON COLUMN replays.error_ids IS 'Event ids of errors that happened in it, as its segments tell.';

CREATE TABLE replay_segments (
  session_id text COLLATE "C" NOT NULL,
  seq integer NOT NULL,
  event bytea NOT NULL,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (session_id, seq)
);
COMMENT ON TABLE replay_segments IS 'The replay_event item of each segment. Its recording is the payload of the batch with the same seq: as received (encoding 2), or repaired and redacted where the project wants that.';

COMMENT ON COLUMN session_events.encoding IS '0: JSON array, 1: deflate-raw of it, 2: a Sentry replay recording as received.';
