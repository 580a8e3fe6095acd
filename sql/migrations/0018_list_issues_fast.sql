-- Lists of issues by every order, the search in them, and splits that know what was written after a merge.

ALTER TABLE occurrences ADD COLUMN written_at timestamptz;
ALTER TABLE occurrences ALTER COLUMN written_at SET DEFAULT clock_timestamp();
COMMENT ON COLUMN occurrences.written_at IS 'When it was counted, by the clock of issues.merged_at: what was received before a merge may be written after it. Null: when it was received.';

ALTER TABLE issues ADD COLUMN search text COLLATE "C"
  GENERATED ALWAYS AS (lower(title || E'\n' || culprit || E'\n' || left(value, 500))) STORED;
COMMENT ON COLUMN issues.search IS 'What the list is searched in.';

CREATE INDEX issues_first_seen ON issues (project_id, first_seen DESC, issue_id DESC) WHERE merged_into IS NULL;
CREATE INDEX issues_count ON issues (project_id, occurrence_count DESC, issue_id DESC) WHERE merged_into IS NULL;
CREATE INDEX issues_users ON issues (project_id, user_count DESC, issue_id DESC) WHERE merged_into IS NULL;
CREATE INDEX issues_sessions ON issues (project_id, session_count DESC, issue_id DESC) WHERE merged_into IS NULL;
CREATE INDEX issues_priority ON issues (
  project_id, (CASE priority WHEN 'high' THEN 2 WHEN 'medium' THEN 1 ELSE 0 END) DESC, last_seen DESC, issue_id DESC
) WHERE merged_into IS NULL;
CREATE INDEX issue_hours_hour ON issue_hours (hour, issue_id);
