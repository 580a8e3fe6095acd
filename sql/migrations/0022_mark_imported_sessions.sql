-- Sessions that came as a file.
ALTER TABLE sessions ADD COLUMN imported_at timestamptz;
COMMENT ON COLUMN sessions.imported_at IS 'When it was imported as a file, by the server''s clock; null for what visitors'' pages sent. What it says of the visit is a claim of that file.';
