-- Errors of trackers go the way of all others: what brings one into session_errors leaves a row in intake, in the same transaction.

CREATE FUNCTION take_tracker_errors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO intake (project_id, kind, received_at, due_at, head)
  SELECT project_id, 'tracker_error', received_at, now(), jsonb_build_object(
    'session_id', session_id, 'tab', tab, 'seq', seq, 'ordinal', ordinal, 'started_on', started_on)
  FROM added;
  RETURN NULL;
END $$;
COMMENT ON FUNCTION take_tracker_errors IS 'One statement for a whole COPY. A batch that is sent twice adds its rows once, so its errors are digested once.';

CREATE TRIGGER session_errors_taken AFTER INSERT ON session_errors
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION take_tracker_errors();
COMMENT ON TRIGGER session_errors_taken ON session_errors IS 'Rows that retention moves into another partition do not pass here: it writes to the partition itself.';

CREATE INDEX intake_session ON intake ((head ->> 'session_id')) WHERE kind = 'tracker_error';
COMMENT ON INDEX intake_session IS 'For the erasure of a session.';
