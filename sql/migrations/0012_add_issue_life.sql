-- How issues live: numbers within a project, releases, what was done to them by hand, and what a project wants of grouping.

ALTER TABLE projects ADD COLUMN issue_settings jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN projects.issue_settings IS 'server/issue-settings.ts; what is missing is the default.';

CREATE TABLE issue_numbers (
  project_id integer PRIMARY KEY,
  last integer NOT NULL
);
COMMENT ON TABLE issue_numbers IS 'The newest number of a project''s issues; numbers are never given twice.';

CREATE TABLE project_releases (
  project_id integer NOT NULL,
  release text NOT NULL,
  first_seen timestamptz NOT NULL,
  PRIMARY KEY (project_id, release)
);
COMMENT ON TABLE project_releases IS 'When a release was first heard of: what "resolved in the next release" goes by.';

CREATE TABLE issue_releases (
  issue_id bigint NOT NULL REFERENCES issues (issue_id) ON DELETE CASCADE,
  release text NOT NULL,
  environment text NOT NULL,
  count bigint NOT NULL DEFAULT 0,
  first_seen timestamptz NOT NULL,
  last_seen timestamptz NOT NULL,
  PRIMARY KEY (issue_id, release, environment)
);
COMMENT ON TABLE issue_releases IS 'Releases and environments that an issue came from, at most 500 of an issue; they outlive its occurrences.';

CREATE TABLE issue_activity (
  activity_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  issue_id bigint NOT NULL REFERENCES issues (issue_id) ON DELETE CASCADE,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  user_id integer,
  text text NOT NULL DEFAULT ''
);
CREATE INDEX issue_activity_issue ON issue_activity (issue_id, activity_id DESC);
COMMENT ON TABLE issue_activity IS 'What was done to an issue, and said of it. user_id null: the server by itself.';

ALTER TABLE issues ADD COLUMN merged_at timestamptz;
COMMENT ON COLUMN issues.merged_at IS 'Since when it is merged into another. Its own counts and rows stay as they were then, so that it can be split off again.';
CREATE INDEX issues_merged ON issues (merged_into) WHERE merged_into IS NOT NULL;

ALTER TABLE groupings ADD COLUMN by_hand boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN groupings.by_hand IS 'Split off by somebody: it goes before every other key.';

CREATE INDEX occurrences_tags ON occurrences USING gin (tags jsonb_path_ops);
