-- Sign-ins that can be told apart and ended one by one, and attempts that are counted over restarts and processes.

ALTER TABLE sign_ins
  ADD COLUMN id integer GENERATED ALWAYS AS IDENTITY UNIQUE,
  ADD COLUMN peer text NOT NULL DEFAULT '';
COMMENT ON COLUMN sign_ins.peer IS 'Address from which it began; shown to its person only.';

CREATE TABLE attempts (
  name_hash bytea PRIMARY KEY,
  tries_left double precision NOT NULL,
  changed_at timestamptz NOT NULL
);
COMMENT ON TABLE attempts IS 'Token buckets of passwords that were tried: SHA-256 of the account or the address, never the name. Full buckets are removed.';

CREATE INDEX invitations_made_by ON invitations (made_by) WHERE used_at IS NULL AND revoked_at IS NULL;
CREATE INDEX tokens_project ON tokens (project_id) WHERE revoked_at IS NULL;
