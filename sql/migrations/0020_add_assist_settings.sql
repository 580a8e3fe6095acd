-- Co-browsing: what a project allows.
ALTER TABLE projects ADD COLUMN assist jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN projects.assist IS 'server/projects/project-settings.ts; what is missing is the default.';
