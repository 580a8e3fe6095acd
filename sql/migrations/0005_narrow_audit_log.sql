-- The audit log, held tighter: erasing may only take ids out of an entry, and what is older than a year may be removed, by those who say so.

CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND current_setting('watchback.erasing', true) = 'on'
     AND (NEW.id, NEW.at, NEW.action, NEW.actor_kind, NEW.actor_user_id, NEW.actor_token_id, NEW.project_id, NEW.subject_kind)
         IS NOT DISTINCT FROM
         (OLD.id, OLD.at, OLD.action, OLD.actor_kind, OLD.actor_user_id, OLD.actor_token_id, OLD.project_id, OLD.subject_kind)
     AND (NEW.subject_id IS NULL OR NEW.subject_id IS NOT DISTINCT FROM OLD.subject_id)
     AND (NEW.person_id IS NULL OR NEW.person_id IS NOT DISTINCT FROM OLD.person_id)
     AND NEW.actor_name IN ('', OLD.actor_name)
     AND NEW.peer IN ('', OLD.peer)
     AND NEW.data <@ OLD.data
  THEN RETURN NEW; END IF;
  IF TG_OP = 'DELETE' AND current_setting('watchback.audit_retention', true) = 'on' AND OLD.at < now() - interval '365 days'
  THEN RETURN OLD; END IF;
  RAISE EXCEPTION 'audit_log is append-only';
END $$;

-- Also in a session that plays the replica, where ordinary triggers sleep.
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_append_only;
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_no_truncate;

CREATE INDEX audit_log_action ON audit_log (action, id DESC);
CREATE INDEX audit_log_actor ON audit_log (actor_user_id, id DESC) WHERE actor_user_id IS NOT NULL;
DROP INDEX audit_log_newest;
COMMENT ON TABLE audit_log IS 'Append-only: who did and who saw what. An entry changes only by the erasure of the person it is about (watchback.erasing), which takes ids out and leaves the fact; it goes only after a year or more (watchback.audit_retention).';
