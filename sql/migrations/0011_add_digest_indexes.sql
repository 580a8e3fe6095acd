-- The digest finds its next rows without passing over replays; jobs of processes that died are seen as theirs.

CREATE INDEX intake_to_digest ON intake (due_at, intake_id) WHERE dead_at IS NULL AND kind <> 'replay';

CREATE TABLE job_workers (
  worker_id text PRIMARY KEY,
  seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE job_workers IS 'Workers of jobs that are alive: each tells so every few seconds. A job that is held by a worker that is not here is free again.';
