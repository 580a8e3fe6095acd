-- Everybody whom a session showed: a page may tell of another person, or of none any more, while its session goes on.

CREATE TABLE session_people (
  session_id text COLLATE "C" NOT NULL,
  user_id text NOT NULL,
  PRIMARY KEY (session_id, user_id)
);
CREATE INDEX session_people_user ON session_people (user_id);
COMMENT ON TABLE session_people IS 'People of a session besides `sessions.user_id`: those before it. Erasing one of them erases the session. Rows go with the session.';
