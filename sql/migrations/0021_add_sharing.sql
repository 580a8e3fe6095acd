-- What people say about sessions and show of them: comments at a moment, playlists, share links, and where sessions may be embedded.

CREATE TABLE session_comments (
  comment_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  session_id text COLLATE "C" NOT NULL,
  project_id integer NOT NULL,
  at double precision NOT NULL,
  user_id integer NOT NULL,
  text text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  edited_at timestamptz
);
COMMENT ON TABLE session_comments IS 'What people wrote at a moment of a session. They go with it.';
COMMENT ON COLUMN session_comments.at IS 'Page time, epoch milliseconds.';
CREATE INDEX session_comments_session ON session_comments (session_id, at);

CREATE TABLE playlists (
  playlist_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id integer NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  user_id integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE playlists IS 'Sessions, or ranges of them, in an order that people chose.';
CREATE INDEX playlists_project ON playlists (project_id, changed_at DESC);

CREATE TABLE playlist_items (
  item_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  playlist_id integer NOT NULL REFERENCES playlists (playlist_id) ON DELETE CASCADE,
  session_id text COLLATE "C" NOT NULL,
  place integer NOT NULL,
  from_at double precision,
  to_at double precision,
  note text NOT NULL DEFAULT '',
  user_id integer NOT NULL,
  added_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE playlist_items IS 'One session in a playlist, in the order of place; whole, or from from_at to to_at (page time). It goes with the session.';
CREATE INDEX playlist_items_order ON playlist_items (playlist_id, place);
CREATE INDEX playlist_items_session ON playlist_items (session_id);

CREATE TABLE share_links (
  link_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  session_id text COLLATE "C" NOT NULL,
  project_id integer NOT NULL,
  token_hash bytea NOT NULL UNIQUE,
  name text NOT NULL DEFAULT '',
  user_id integer NOT NULL,
  from_at double precision,
  to_at double precision,
  shows_panels boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  opened_count integer NOT NULL DEFAULT 0,
  opened_at timestamptz,
  CHECK ((from_at IS NULL) = (to_at IS NULL))
);
COMMENT ON TABLE share_links IS 'Who holds the secret is a guest, who may read this session (or this range of it) and nothing else. The secret itself is never stored.';
CREATE INDEX share_links_session ON share_links (session_id);
CREATE INDEX share_links_project ON share_links (project_id, created_at DESC);

CREATE TABLE embedding (
  project_id integer PRIMARY KEY,
  origins text[] NOT NULL DEFAULT '{}',
  generation integer NOT NULL DEFAULT 1
);
COMMENT ON TABLE embedding IS 'Whose pages may show sessions of a project in a frame. Embed tokens of an earlier generation are no longer good.';

-- Guests are written down as what they are.
ALTER TABLE audit_log DROP CONSTRAINT audit_log_actor_kind_check,
  ADD CONSTRAINT audit_log_actor_kind_check CHECK (actor_kind IN ('user', 'token', 'system', 'nobody', 'guest'));
