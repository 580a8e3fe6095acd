-- Source maps: what builds upload, in pieces and whole, and the scripts that errors name.

CREATE TABLE artifact_chunks (
  owner text COLLATE "C" NOT NULL,
  checksum bytea NOT NULL,
  body bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, checksum)
);
ALTER TABLE artifact_chunks ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX artifact_chunks_created ON artifact_chunks (created_at);
COMMENT ON TABLE artifact_chunks IS 'Pieces of uploads that are not put together yet; those that nobody asks for are gone after a day.';
COMMENT ON COLUMN artifact_chunks.owner IS 'Who sent it: `token:5` or `user:3`. A checksum means nothing to anybody else.';

CREATE TABLE artifact_bundles (
  bundle_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id integer NOT NULL,
  checksum text COLLATE "C" NOT NULL,
  release text NOT NULL DEFAULT '',
  dist text NOT NULL DEFAULT '',
  state text NOT NULL DEFAULT 'reading' CHECK (state IN ('reading', 'ready', 'failed')),
  fault text,
  notes text[] NOT NULL DEFAULT '{}',
  uploaded_by text NOT NULL DEFAULT '',
  script_count integer NOT NULL DEFAULT 0,
  map_count integer NOT NULL DEFAULT 0,
  stored_bytes bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project_id, checksum)
);
CREATE INDEX artifact_bundles_used ON artifact_bundles (last_used_at);
COMMENT ON TABLE artifact_bundles IS 'Uploads: reading -> ready or failed. One of the same checksum is the same upload; a failed one may be tried again.';

CREATE TABLE artifacts (
  artifact_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  bundle_id bigint NOT NULL REFERENCES artifact_bundles (bundle_id) ON DELETE CASCADE,
  project_id integer NOT NULL,
  release text NOT NULL DEFAULT '',
  dist text NOT NULL DEFAULT '',
  url text NOT NULL,
  file_name text COLLATE "C" NOT NULL,
  debug_id uuid,
  source bytea,
  source_bytes integer NOT NULL DEFAULT 0,
  map bytea,
  map_bytes integer NOT NULL DEFAULT 0,
  fault text
);
ALTER TABLE artifacts ALTER COLUMN source SET STORAGE EXTERNAL, ALTER COLUMN map SET STORAGE EXTERNAL;
CREATE INDEX artifacts_bundle ON artifacts (bundle_id);
CREATE INDEX artifacts_debug_id ON artifacts (project_id, debug_id) WHERE debug_id IS NOT NULL;
CREATE INDEX artifacts_path ON artifacts (project_id, release, file_name);
COMMENT ON TABLE artifacts IS 'Scripts as browsers run them, each with the map that leads back; source and map are deflated (raw). Debug ids are their builds'' words: they mean something within their project only, and the newest row counts.';
COMMENT ON COLUMN artifacts.file_name IS 'Last part of the path of url.';
COMMENT ON COLUMN artifacts.fault IS 'Why there is no map, in a few words.';
