-- The schema after all migrations, written by describeSchema (server/db). Do not edit.

CREATE TABLE alert_channels (
  channel_id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  project_id integer NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  recipients text[] NOT NULL DEFAULT '{}'::text[],
  url text NOT NULL DEFAULT ''::text,
  secret text NOT NULL DEFAULT ''::text,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (channel_id),
  CHECK ((kind = ANY (ARRAY['email'::text, 'slack'::text, 'webhook'::text])))
);
CREATE INDEX alert_channels_project ON alert_channels USING btree (project_id);
COMMENT ON COLUMN alert_channels.secret IS 'Key of the HMAC-SHA256 with which messages of a webhook are signed. In clear, because it is used.';

CREATE TABLE alert_cooldowns (
  channel_id integer NOT NULL,
  issue_id bigint NOT NULL,
  until timestamp with time zone NOT NULL,
  held_back bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (channel_id, issue_id),
  FOREIGN KEY (channel_id) REFERENCES alert_channels(channel_id) ON DELETE CASCADE,
  FOREIGN KEY (issue_id) REFERENCES issues(issue_id) ON DELETE CASCADE
);
CREATE INDEX alert_cooldowns_issue ON alert_cooldowns USING btree (issue_id);
COMMENT ON TABLE alert_cooldowns IS 'Until then a channel hears no more of an issue. Taking the row is what makes a message be one.';

CREATE TABLE alert_messages (
  message_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  project_id integer NOT NULL,
  channel_id integer NOT NULL,
  kind text NOT NULL,
  issue_id bigint,
  error_id uuid,
  held_back bigint NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'waiting'::text,
  attempts smallint NOT NULL DEFAULT 0,
  fault text NOT NULL DEFAULT ''::text,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  sent_at timestamp with time zone,
  PRIMARY KEY (message_id),
  CHECK ((state = ANY (ARRAY['waiting'::text, 'sent'::text, 'failed'::text, 'dead'::text]))),
  FOREIGN KEY (channel_id) REFERENCES alert_channels(channel_id) ON DELETE CASCADE,
  FOREIGN KEY (issue_id) REFERENCES issues(issue_id) ON DELETE CASCADE
);
CREATE INDEX alert_messages_channel ON alert_messages USING btree (channel_id);
CREATE INDEX alert_messages_created ON alert_messages USING btree (created_at);
CREATE INDEX alert_messages_issue ON alert_messages USING btree (issue_id);
CREATE INDEX alert_messages_project ON alert_messages USING btree (project_id, message_id DESC);
COMMENT ON TABLE alert_messages IS 'Written in the transaction of the digest that gave the reason, with the job that sends it. What the message says is read when it is sent.';
COMMENT ON COLUMN alert_messages.held_back IS 'Reasons for word that this channel did not hear of since the message before, because of the cooldown.';

CREATE TABLE alert_rules (
  rule_id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  project_id integer NOT NULL,
  name text NOT NULL,
  is_enabled boolean NOT NULL DEFAULT true,
  on_new boolean NOT NULL DEFAULT true,
  on_regression boolean NOT NULL DEFAULT true,
  on_promoted boolean NOT NULL DEFAULT false,
  on_spike boolean NOT NULL DEFAULT false,
  spike_count integer NOT NULL DEFAULT 20,
  spike_factor double precision NOT NULL DEFAULT 5,
  levels text[] NOT NULL DEFAULT '{}'::text[],
  environments text[] NOT NULL DEFAULT '{}'::text[],
  cooldown_minutes integer NOT NULL DEFAULT 60,
  channel_ids integer[] NOT NULL DEFAULT '{}'::integer[],
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (rule_id)
);
CREATE INDEX alert_rules_project ON alert_rules USING btree (project_id);

CREATE TABLE artifact_bundles (
  bundle_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  project_id integer NOT NULL,
  checksum text COLLATE "C" NOT NULL,
  release text NOT NULL DEFAULT ''::text,
  dist text NOT NULL DEFAULT ''::text,
  state text NOT NULL DEFAULT 'reading'::text,
  fault text,
  notes text[] NOT NULL DEFAULT '{}'::text[],
  uploaded_by text NOT NULL DEFAULT ''::text,
  script_count integer NOT NULL DEFAULT 0,
  map_count integer NOT NULL DEFAULT 0,
  stored_bytes bigint NOT NULL DEFAULT 0,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  last_used_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (bundle_id),
  CHECK ((state = ANY (ARRAY['reading'::text, 'ready'::text, 'failed'::text]))),
  UNIQUE (project_id, checksum)
);
CREATE INDEX artifact_bundles_used ON artifact_bundles USING btree (last_used_at);
COMMENT ON TABLE artifact_bundles IS 'Uploads: reading -> ready or failed. One of the same checksum is the same upload; a failed one may be tried again.';

CREATE TABLE artifact_chunks (
  owner text COLLATE "C" NOT NULL,
  checksum bytea NOT NULL,
  body bytea NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (owner, checksum)
);
ALTER TABLE artifact_chunks ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX artifact_chunks_created ON artifact_chunks USING btree (created_at);
COMMENT ON TABLE artifact_chunks IS 'Pieces of uploads that are not put together yet; those that nobody asks for are gone after a day.';
COMMENT ON COLUMN artifact_chunks.owner IS 'Who sent it: `token:5` or `user:3`. A checksum means nothing to anybody else.';

CREATE TABLE artifacts (
  artifact_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  bundle_id bigint NOT NULL,
  project_id integer NOT NULL,
  release text NOT NULL DEFAULT ''::text,
  dist text NOT NULL DEFAULT ''::text,
  url text NOT NULL,
  file_name text COLLATE "C" NOT NULL,
  debug_id uuid,
  source bytea,
  source_bytes integer NOT NULL DEFAULT 0,
  map bytea,
  map_bytes integer NOT NULL DEFAULT 0,
  fault text,
  PRIMARY KEY (artifact_id),
  FOREIGN KEY (bundle_id) REFERENCES artifact_bundles(bundle_id) ON DELETE CASCADE
);
ALTER TABLE artifacts ALTER COLUMN source SET STORAGE EXTERNAL;
ALTER TABLE artifacts ALTER COLUMN map SET STORAGE EXTERNAL;
CREATE INDEX artifacts_bundle ON artifacts USING btree (bundle_id);
CREATE INDEX artifacts_debug_id ON artifacts USING btree (project_id, debug_id) WHERE (debug_id IS NOT NULL);
CREATE INDEX artifacts_path ON artifacts USING btree (project_id, release, file_name);
COMMENT ON TABLE artifacts IS 'Scripts as browsers run them, each with the map that leads back; source and map are deflated (raw). Debug ids are their builds'' words: they mean something within their project only, and the newest row counts.';
COMMENT ON COLUMN artifacts.file_name IS 'Last part of the path of url.';
COMMENT ON COLUMN artifacts.fault IS 'Why there is no map, in a few words.';

CREATE TABLE attachments (
  project_id integer NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  ordinal smallint NOT NULL,
  name text NOT NULL DEFAULT ''::text,
  content_type text NOT NULL DEFAULT ''::text,
  kind text NOT NULL DEFAULT ''::text,
  bytes bytea NOT NULL,
  received_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, event_id, ordinal)
);
ALTER TABLE attachments ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE INDEX attachments_received ON attachments USING btree (received_at);
COMMENT ON TABLE attachments IS 'Files that came with an event or with feedback, as they came. They go with the occurrence or feedback of their event_id.';

CREATE TABLE attempts (
  name_hash bytea NOT NULL,
  tries_left double precision NOT NULL,
  changed_at timestamp with time zone NOT NULL,
  PRIMARY KEY (name_hash)
);
COMMENT ON TABLE attempts IS 'Token buckets of passwords that were tried: SHA-256 of the account or the address, never the name. Full buckets are removed.';

CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  at timestamp with time zone NOT NULL DEFAULT now(),
  action text NOT NULL,
  actor_kind text NOT NULL,
  actor_user_id integer,
  actor_token_id integer,
  actor_name text NOT NULL DEFAULT ''::text,
  peer text NOT NULL DEFAULT ''::text,
  project_id integer,
  subject_kind text,
  subject_id text,
  person_id text,
  data jsonb NOT NULL DEFAULT '{}'::jsonb,
  PRIMARY KEY (id),
  CHECK ((actor_kind = ANY (ARRAY['user'::text, 'token'::text, 'system'::text, 'nobody'::text, 'guest'::text])))
);
CREATE INDEX audit_log_action ON audit_log USING btree (action, id DESC);
CREATE INDEX audit_log_actor ON audit_log USING btree (actor_user_id, id DESC) WHERE (actor_user_id IS NOT NULL);
CREATE INDEX audit_log_person ON audit_log USING btree (project_id, person_id) WHERE (person_id IS NOT NULL);
CREATE INDEX audit_log_project ON audit_log USING btree (project_id, id DESC);
CREATE INDEX audit_log_subject ON audit_log USING btree (subject_id) WHERE (subject_id IS NOT NULL);
COMMENT ON TABLE audit_log IS 'Append-only: who did and who saw what. An entry changes only by the erasure of the person it is about (watchback.erasing), which takes ids out and leaves the fact; it goes only after a year or more (watchback.audit_retention).';
COMMENT ON COLUMN audit_log.person_id IS 'The visitor (sessions.user_id) that the entry is about, where there is one.';

CREATE TABLE days_to_scrub (
  started_on date NOT NULL,
  since timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (started_on)
);
COMMENT ON TABLE days_to_scrub IS 'Written in the transaction that removes rows of a day; a row goes when no file of the database holds their bytes any more.';

CREATE TABLE embedding (
  project_id integer NOT NULL,
  origins text[] NOT NULL DEFAULT '{}'::text[],
  generation integer NOT NULL DEFAULT 1,
  PRIMARY KEY (project_id)
);
COMMENT ON TABLE embedding IS 'Whose pages may show sessions of a project in a frame. Embed tokens of an earlier generation are no longer good.';

CREATE TABLE feedback (
  feedback_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  project_id integer NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  error_event_id text COLLATE "C",
  received_at timestamp with time zone NOT NULL,
  session_id text COLLATE "C",
  replay_id text COLLATE "C",
  user_id text,
  name text NOT NULL DEFAULT ''::text,
  email text NOT NULL DEFAULT ''::text,
  message text NOT NULL DEFAULT ''::text,
  url text NOT NULL DEFAULT ''::text,
  PRIMARY KEY (feedback_id),
  UNIQUE (project_id, event_id)
);
CREATE INDEX feedback_error ON feedback USING btree (project_id, error_event_id) WHERE (error_event_id IS NOT NULL);
CREATE INDEX feedback_newest ON feedback USING btree (project_id, feedback_id DESC);
CREATE INDEX feedback_session ON feedback USING btree (session_id) WHERE (session_id IS NOT NULL);
COMMENT ON TABLE feedback IS 'What people wrote, each once by (project_id, event_id); cleaned and redacted.';
COMMENT ON COLUMN feedback.error_event_id IS 'occurrences.event_id of the error that it is about, where it is about one.';

CREATE TABLE groupings (
  project_id integer NOT NULL,
  mechanism text NOT NULL,
  key_hash bytea NOT NULL,
  key jsonb NOT NULL,
  issue_id bigint NOT NULL,
  made_for bigint,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  by_hand boolean NOT NULL DEFAULT false,
  PRIMARY KEY (project_id, mechanism, key_hash),
  FOREIGN KEY (issue_id) REFERENCES issues(issue_id) ON DELETE CASCADE
);
CREATE INDEX groupings_issue ON groupings USING btree (issue_id);
COMMENT ON TABLE groupings IS 'Which issue a key leads to. A changed algorithm is another mechanism with rows of its own; rows are never rewritten by it.';
COMMENT ON COLUMN groupings.made_for IS 'The issue that the key led to before a merge; null while it leads there.';
COMMENT ON COLUMN groupings.by_hand IS 'Split off by somebody: it goes before every other key.';

CREATE TABLE intake (
  intake_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  project_id integer NOT NULL,
  kind text NOT NULL,
  received_at timestamp with time zone NOT NULL DEFAULT now(),
  head jsonb NOT NULL DEFAULT '{}'::jsonb,
  body bytea,
  attempts smallint NOT NULL DEFAULT 0,
  due_at timestamp with time zone NOT NULL DEFAULT now(),
  fault text,
  dead_at timestamp with time zone,
  PRIMARY KEY (intake_id),
  CHECK ((kind = ANY (ARRAY['event'::text, 'feedback'::text, 'csp_report'::text, 'tracker_error'::text, 'replay'::text])))
);
ALTER TABLE intake ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX intake_dead ON intake USING btree (project_id, intake_id) WHERE (dead_at IS NOT NULL);
CREATE INDEX intake_due ON intake USING btree (due_at, intake_id) WHERE (dead_at IS NULL);
CREATE INDEX intake_session ON intake USING btree (((head ->> 'session_id'::text))) WHERE (kind = 'tracker_error'::text);
CREATE INDEX intake_to_digest ON intake USING btree (due_at, intake_id) WHERE ((dead_at IS NULL) AND (kind <> 'replay'::text));
COMMENT ON TABLE intake IS 'Accepted and not digested yet. A digest removes its row in the transaction that writes what came of it; one that fails is tried again at due_at, and is dead after the last try.';
COMMENT ON COLUMN intake.head IS 'What the envelope says of its item (event_id, sent_at, sdk, ...), or which row of session_errors it is: session_id, tab, seq, ordinal, started_on.';
COMMENT ON COLUMN intake.body IS 'The item as it came, inflated; null for tracker errors, whose row is read.';

CREATE TABLE intake_hours (
  project_id integer NOT NULL,
  hour timestamp with time zone NOT NULL,
  category text NOT NULL,
  outcome text NOT NULL,
  reason text NOT NULL DEFAULT ''::text,
  count bigint NOT NULL,
  PRIMARY KEY (project_id, hour, category, outcome, reason)
);
COMMENT ON TABLE intake_hours IS 'Items of envelopes by what became of them: accepted, not_kept, limited, malformed, too_large, or dropped by the client as it reports.';

CREATE TABLE intake_sources (
  project_id integer NOT NULL,
  first_event_at timestamp with time zone NOT NULL,
  last_event_at timestamp with time zone NOT NULL,
  sdk_name text NOT NULL DEFAULT ''::text,
  sdk_version text NOT NULL DEFAULT ''::text,
  PRIMARY KEY (project_id)
);
COMMENT ON TABLE intake_sources IS 'When envelopes with something in it came first and last, and from which SDK.';

CREATE TABLE invitations (
  id integer GENERATED BY DEFAULT AS IDENTITY NOT NULL,
  token_hash bytea NOT NULL,
  kind text NOT NULL,
  email text NOT NULL,
  project_id integer,
  role text,
  made_by integer,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  PRIMARY KEY (id),
  CHECK (((kind = 'invitation'::text) = ((project_id IS NOT NULL) AND (role IS NOT NULL)))),
  CHECK ((kind = ANY (ARRAY['invitation'::text, 'password_reset'::text]))),
  CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text, 'viewer'::text]))),
  FOREIGN KEY (made_by) REFERENCES users(id),
  FOREIGN KEY (project_id) REFERENCES projects(id),
  UNIQUE (token_hash)
);
CREATE INDEX invitations_made_by ON invitations USING btree (made_by) WHERE ((used_at IS NULL) AND (revoked_at IS NULL));
CREATE INDEX invitations_project ON invitations USING btree (project_id) WHERE ((used_at IS NULL) AND (revoked_at IS NULL));
COMMENT ON TABLE invitations IS 'One-time links: SHA-256 of the secret in the link, never the secret.';

CREATE TABLE issue_activity (
  activity_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  issue_id bigint NOT NULL,
  at timestamp with time zone NOT NULL,
  kind text NOT NULL,
  user_id integer,
  text text NOT NULL DEFAULT ''::text,
  PRIMARY KEY (activity_id),
  FOREIGN KEY (issue_id) REFERENCES issues(issue_id) ON DELETE CASCADE
);
CREATE INDEX issue_activity_issue ON issue_activity USING btree (issue_id, activity_id DESC);
COMMENT ON TABLE issue_activity IS 'What was done to an issue, and said of it. user_id null: the server by itself.';

CREATE TABLE issue_hours (
  issue_id bigint NOT NULL,
  hour timestamp with time zone NOT NULL,
  count integer NOT NULL DEFAULT 0,
  PRIMARY KEY (issue_id, hour),
  FOREIGN KEY (issue_id) REFERENCES issues(issue_id) ON DELETE CASCADE
);
CREATE INDEX issue_hours_hour ON issue_hours USING btree (hour, issue_id);
COMMENT ON TABLE issue_hours IS 'Occurrences of an issue in each hour, by the time they were received.';

CREATE TABLE issue_numbers (
  project_id integer NOT NULL,
  last integer NOT NULL,
  PRIMARY KEY (project_id)
);
COMMENT ON TABLE issue_numbers IS 'The newest number of a project''s issues; numbers are never given twice.';

CREATE TABLE issue_releases (
  issue_id bigint NOT NULL,
  release text NOT NULL,
  environment text NOT NULL,
  count bigint NOT NULL DEFAULT 0,
  first_seen timestamp with time zone NOT NULL,
  last_seen timestamp with time zone NOT NULL,
  PRIMARY KEY (issue_id, release, environment),
  FOREIGN KEY (issue_id) REFERENCES issues(issue_id) ON DELETE CASCADE
);
COMMENT ON TABLE issue_releases IS 'Releases and environments that an issue came from, at most 500 of an issue; they outlive its occurrences.';

CREATE TABLE issue_sessions (
  issue_id bigint NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  last_at timestamp with time zone NOT NULL,
  count integer NOT NULL DEFAULT 0,
  PRIMARY KEY (issue_id, session_id),
  FOREIGN KEY (issue_id) REFERENCES issues(issue_id) ON DELETE CASCADE
);
CREATE INDEX issue_sessions_session ON issue_sessions USING btree (session_id);
COMMENT ON TABLE issue_sessions IS 'Sessions that an issue hit. Of an SDK without a session, its replay id or trace counts as nothing.';

CREATE TABLE issue_users (
  issue_id bigint NOT NULL,
  user_id text NOT NULL,
  PRIMARY KEY (issue_id, user_id),
  FOREIGN KEY (issue_id) REFERENCES issues(issue_id) ON DELETE CASCADE
);
CREATE INDEX issue_users_user ON issue_users USING btree (user_id);

CREATE TABLE issues (
  issue_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  project_id integer NOT NULL,
  number integer NOT NULL,
  title text NOT NULL,
  type text NOT NULL DEFAULT ''::text,
  value text NOT NULL DEFAULT ''::text,
  culprit text NOT NULL DEFAULT ''::text,
  level text NOT NULL DEFAULT 'error'::text,
  platform text NOT NULL DEFAULT ''::text,
  status text NOT NULL DEFAULT 'open'::text,
  resolved_at timestamp with time zone,
  resolved_in text,
  muted_until timestamp with time zone,
  muted_until_count bigint,
  muted_until_users bigint,
  priority text NOT NULL DEFAULT 'medium'::text,
  assignee_id integer,
  first_seen timestamp with time zone NOT NULL,
  last_seen timestamp with time zone NOT NULL,
  first_release text NOT NULL DEFAULT ''::text,
  last_release text NOT NULL DEFAULT ''::text,
  occurrence_count bigint NOT NULL DEFAULT 0,
  session_count bigint NOT NULL DEFAULT 0,
  user_count bigint NOT NULL DEFAULT 0,
  promoted_at timestamp with time zone,
  regressed_at timestamp with time zone,
  merged_into bigint,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  merged_at timestamp with time zone,
  search text COLLATE "C" DEFAULT lower(((((title || '
'::text) || culprit) || '
'::text) || "left"(value, 500))),
  PRIMARY KEY (issue_id),
  CHECK ((priority = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text]))),
  CHECK ((status = ANY (ARRAY['open'::text, 'resolved'::text, 'ignored'::text, 'muted'::text]))),
  FOREIGN KEY (merged_into) REFERENCES issues(issue_id),
  UNIQUE (project_id, number)
);
CREATE INDEX issues_count ON issues USING btree (project_id, occurrence_count DESC, issue_id DESC) WHERE (merged_into IS NULL);
CREATE INDEX issues_first_seen ON issues USING btree (project_id, first_seen DESC, issue_id DESC) WHERE (merged_into IS NULL);
CREATE INDEX issues_last_seen ON issues USING btree (project_id, last_seen DESC, issue_id DESC) WHERE (merged_into IS NULL);
CREATE INDEX issues_merged ON issues USING btree (merged_into) WHERE (merged_into IS NOT NULL);
CREATE INDEX issues_priority ON issues USING btree (project_id, (
CASE priority
    WHEN 'high'::text THEN 2
    WHEN 'medium'::text THEN 1
    ELSE 0
END) DESC, last_seen DESC, issue_id DESC) WHERE (merged_into IS NULL);
CREATE INDEX issues_sessions ON issues USING btree (project_id, session_count DESC, issue_id DESC) WHERE (merged_into IS NULL);
CREATE INDEX issues_users ON issues USING btree (project_id, user_count DESC, issue_id DESC) WHERE (merged_into IS NULL);
COMMENT ON TABLE issues IS 'Groups of occurrences. Times are the server''s. An issue outlives its occurrences: the counts stay.';
COMMENT ON COLUMN issues.resolved_in IS 'Release from which on another occurrence is a regression; ''next'' for the first release not seen before; null: any.';
COMMENT ON COLUMN issues.merged_into IS 'Its occurrences and keys are there until it is split off again.';
COMMENT ON COLUMN issues.merged_at IS 'Since when it is merged into another. Its own counts and rows stay as they were then, so that it can be split off again.';
COMMENT ON COLUMN issues.search IS 'What the list is searched in.';

CREATE TABLE job_workers (
  worker_id text NOT NULL,
  seen_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (worker_id)
);
COMMENT ON TABLE job_workers IS 'Workers of jobs that are alive: each tells so every few seconds. A job that is held by a worker that is not here is free again.';

CREATE TABLE leak_findings (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  scan_id integer NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  tab text,
  seq integer,
  at double precision,
  kind text NOT NULL,
  place text NOT NULL,
  sample text NOT NULL,
  occurrences integer NOT NULL DEFAULT 1,
  PRIMARY KEY (id),
  FOREIGN KEY (scan_id) REFERENCES leak_scans(id) ON DELETE CASCADE
);
CREATE INDEX leak_findings_scan ON leak_findings USING btree (scan_id, id);
CREATE INDEX leak_findings_session ON leak_findings USING btree (session_id);
COMMENT ON TABLE leak_findings IS 'Where a scan found something, with a sample that reveals nothing. A row goes with its session, after the session''s own row.';

CREATE TABLE leak_scans (
  id integer GENERATED BY DEFAULT AS IDENTITY NOT NULL,
  project_id integer NOT NULL,
  state text NOT NULL DEFAULT 'pending'::text,
  requested_by integer,
  patterns text[] NOT NULL,
  from_at timestamp with time zone,
  to_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  runner text,
  lease_until timestamp with time zone,
  attempts integer NOT NULL DEFAULT 0,
  salt bytea NOT NULL,
  after_session text COLLATE "C" NOT NULL DEFAULT ''::text,
  total_sessions integer,
  scanned_sessions integer NOT NULL DEFAULT 0,
  scanned_batches integer NOT NULL DEFAULT 0,
  scanned_bytes bigint NOT NULL DEFAULT 0,
  unreadable_batches integer NOT NULL DEFAULT 0,
  found_count integer NOT NULL DEFAULT 0,
  truncated boolean NOT NULL DEFAULT false,
  error text,
  PRIMARY KEY (id),
  CHECK ((state = ANY (ARRAY['pending'::text, 'running'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE INDEX leak_scans_open ON leak_scans USING btree (id) WHERE (state = ANY (ARRAY['pending'::text, 'running'::text]));
CREATE INDEX leak_scans_project ON leak_scans USING btree (project_id, id DESC);
COMMENT ON TABLE leak_scans IS 'Jobs: pending -> running -> done, failed, cancelled. A running one belongs to `runner` until `lease_until`; then anybody goes on with it behind `after_session`.';

CREATE TABLE occurrences (
  error_id uuid NOT NULL,
  project_id integer NOT NULL,
  issue_id bigint NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  source text NOT NULL,
  received_at timestamp with time zone NOT NULL,
  at double precision NOT NULL,
  session_id text COLLATE "C",
  tab text COLLATE "C",
  user_id text,
  level text NOT NULL DEFAULT 'error'::text,
  type text NOT NULL DEFAULT ''::text,
  message text NOT NULL DEFAULT ''::text,
  culprit text NOT NULL DEFAULT ''::text,
  transaction text NOT NULL DEFAULT ''::text,
  release text NOT NULL DEFAULT ''::text,
  environment text NOT NULL DEFAULT ''::text,
  platform text NOT NULL DEFAULT ''::text,
  url text NOT NULL DEFAULT ''::text,
  tags jsonb NOT NULL DEFAULT '{}'::jsonb,
  detail jsonb NOT NULL DEFAULT '{}'::jsonb,
  mechanism text NOT NULL DEFAULT ''::text,
  key_hash bytea,
  symbolicated_at timestamp with time zone,
  written_at timestamp with time zone DEFAULT clock_timestamp(),
  PRIMARY KEY (error_id),
  CHECK ((source = ANY (ARRAY['tracker'::text, 'sdk'::text]))),
  UNIQUE (project_id, event_id)
);
CREATE INDEX occurrences_issue ON occurrences USING btree (issue_id, received_at DESC, error_id DESC);
CREATE INDEX occurrences_received ON occurrences USING btree (project_id, received_at);
CREATE INDEX occurrences_session ON occurrences USING btree (session_id) WHERE (session_id IS NOT NULL);
CREATE INDEX occurrences_tags ON occurrences USING gin (tags jsonb_path_ops);
CREATE INDEX occurrences_user ON occurrences USING btree (project_id, user_id) WHERE (user_id IS NOT NULL);
COMMENT ON TABLE occurrences IS 'Digested errors, of trackers and of Sentry SDKs, each once by (project_id, event_id). error_id is session_errors.error_id for a tracker''s.';
COMMENT ON COLUMN occurrences.at IS 'When it happened, epoch milliseconds, by the page''s or the SDK''s clock.';
COMMENT ON COLUMN occurrences.detail IS 'protocol/occurrence.ts: exceptions with frames, breadcrumbs, request, contexts, user.';
COMMENT ON COLUMN occurrences.key_hash IS 'With mechanism: the key by which it came into its issue.';
COMMENT ON COLUMN occurrences.written_at IS 'When it was counted, by the clock of issues.merged_at: what was received before a merge may be written after it. Null: when it was received.';

CREATE TABLE playlist_items (
  item_id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  playlist_id integer NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  place integer NOT NULL,
  from_at double precision,
  to_at double precision,
  note text NOT NULL DEFAULT ''::text,
  user_id integer NOT NULL,
  added_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (item_id),
  FOREIGN KEY (playlist_id) REFERENCES playlists(playlist_id) ON DELETE CASCADE
);
CREATE INDEX playlist_items_order ON playlist_items USING btree (playlist_id, place);
CREATE INDEX playlist_items_session ON playlist_items USING btree (session_id);
COMMENT ON TABLE playlist_items IS 'One session in a playlist, in the order of place; whole, or from from_at to to_at (page time). It goes with the session.';

CREATE TABLE playlists (
  playlist_id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  project_id integer NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT ''::text,
  user_id integer NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  changed_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (playlist_id)
);
CREATE INDEX playlists_project ON playlists USING btree (project_id, changed_at DESC);
COMMENT ON TABLE playlists IS 'Sessions, or ranges of them, in an order that people chose.';

CREATE TABLE project_keys (
  key text NOT NULL,
  project_id integer NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  revoked_at timestamp with time zone,
  name text NOT NULL DEFAULT ''::text,
  last_used_at timestamp with time zone,
  PRIMARY KEY (key),
  CHECK ((key ~ '^[0-9a-f]{32}$'::text)),
  FOREIGN KEY (project_id) REFERENCES projects(id)
);
COMMENT ON TABLE project_keys IS 'Ingest keys. Public by nature: a key permits writing into its project and nothing else.';

CREATE TABLE project_members (
  project_id integer NOT NULL,
  user_id integer NOT NULL,
  role text NOT NULL,
  added_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, user_id),
  CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text, 'viewer'::text]))),
  FOREIGN KEY (project_id) REFERENCES projects(id),
  FOREIGN KEY (user_id) REFERENCES users(id)
);
CREATE INDEX project_members_user ON project_members USING btree (user_id);
COMMENT ON TABLE project_members IS 'Who may see which project. An administrator (users.is_admin) sees them all.';

CREATE TABLE project_releases (
  project_id integer NOT NULL,
  release text NOT NULL,
  first_seen timestamp with time zone NOT NULL,
  PRIMARY KEY (project_id, release)
);
COMMENT ON TABLE project_releases IS 'When a release was first heard of: what "resolved in the next release" goes by.';

CREATE TABLE projects (
  id integer GENERATED BY DEFAULT AS IDENTITY NOT NULL,
  name text NOT NULL,
  slug text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  removed_at timestamp with time zone,
  allowed_origins text[] NOT NULL DEFAULT '{}'::text[],
  sample_rate double precision NOT NULL DEFAULT 1,
  privacy jsonb NOT NULL DEFAULT '{}'::jsonb,
  redaction jsonb NOT NULL DEFAULT '{}'::jsonb,
  limits jsonb NOT NULL DEFAULT '{}'::jsonb,
  retention_days integer,
  error_retention_days integer,
  storage_budget_bytes bigint,
  issue_settings jsonb NOT NULL DEFAULT '{}'::jsonb,
  assist jsonb NOT NULL DEFAULT '{}'::jsonb,
  PRIMARY KEY (id),
  CHECK (((error_retention_days >= 1) AND (error_retention_days <= 3650))),
  CHECK (((retention_days >= 1) AND (retention_days <= 3650))),
  CHECK (((sample_rate >= (0)::double precision) AND (sample_rate <= (1)::double precision))),
  CHECK ((storage_budget_bytes > 0)),
  UNIQUE (slug)
);
COMMENT ON TABLE projects IS 'A tenant: owns keys, sessions, issues.';
COMMENT ON COLUMN projects.allowed_origins IS 'Origins whose pages may send; empty: any.';
COMMENT ON COLUMN projects.retention_days IS 'Null: the RETENTION_DAYS of the installation.';
COMMENT ON COLUMN projects.issue_settings IS 'server/issue-settings.ts; what is missing is the default.';
COMMENT ON COLUMN projects.assist IS 'server/projects/project-settings.ts; what is missing is the default.';

CREATE TABLE release_hours (
  project_id integer NOT NULL,
  hour timestamp with time zone NOT NULL,
  release text NOT NULL,
  environment text NOT NULL,
  sessions bigint NOT NULL,
  errored bigint NOT NULL,
  crashed bigint NOT NULL,
  abnormal bigint NOT NULL,
  PRIMARY KEY (project_id, hour, release, environment)
);
COMMENT ON TABLE release_hours IS 'Sessions as SDKs count them (not sessions of ours), by release: how many, and how they went.';

CREATE TABLE replay_segments (
  session_id text COLLATE "C" NOT NULL,
  seq integer NOT NULL,
  event bytea NOT NULL,
  received_at timestamp with time zone NOT NULL,
  PRIMARY KEY (session_id, seq)
);
COMMENT ON TABLE replay_segments IS 'The replay_event item of each segment. Its recording is the payload of the batch with the same seq: as received (encoding 2), or repaired and redacted where the project wants that.';

CREATE TABLE replays (
  session_id text COLLATE "C" NOT NULL,
  project_id integer NOT NULL,
  replay_id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  sdk text NOT NULL DEFAULT ''::text,
  error_ids text[] NOT NULL DEFAULT '{}'::text[],
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (session_id),
  CHECK ((kind = ANY (ARRAY['session'::text, 'buffer'::text]))),
  UNIQUE (project_id, replay_id)
);
COMMENT ON TABLE replays IS 'Replays of Sentry SDKs, each a session. Their session ids are made from project and replay id (server/replay-session.ts). Rows go with the session.';
COMMENT ON COLUMN replays.error_ids IS 'Event ids of errors that happened in it, as its segments tell.';

CREATE TABLE saved_searches (
  search_id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  project_id integer NOT NULL,
  user_id integer NOT NULL,
  name text NOT NULL,
  query text NOT NULL,
  is_shared boolean NOT NULL DEFAULT false,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (search_id),
  FOREIGN KEY (user_id) REFERENCES users(id)
);
CREATE INDEX saved_searches_project ON saved_searches USING btree (project_id, search_id);
COMMENT ON TABLE saved_searches IS 'Filters of the list of sessions by name: of one person, or shared with everybody in the project. query is the query string without project, cursor and limit.';

CREATE TABLE schema_migrations (
  number integer NOT NULL,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (number)
);

CREATE TABLE session_comments (
  comment_id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  project_id integer NOT NULL,
  at double precision NOT NULL,
  user_id integer NOT NULL,
  text text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  edited_at timestamp with time zone,
  PRIMARY KEY (comment_id)
);
CREATE INDEX session_comments_session ON session_comments USING btree (session_id, at);
COMMENT ON TABLE session_comments IS 'What people wrote at a moment of a session. They go with it.';
COMMENT ON COLUMN session_comments.at IS 'Page time, epoch milliseconds.';

CREATE TABLE session_errors (
  error_id uuid NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  tab text COLLATE "C" NOT NULL,
  seq integer NOT NULL,
  ordinal smallint NOT NULL,
  started_on date NOT NULL,
  project_id integer NOT NULL,
  at double precision NOT NULL,
  received_at timestamp with time zone NOT NULL,
  type text NOT NULL DEFAULT ''::text,
  message text NOT NULL DEFAULT ''::text,
  stack text NOT NULL DEFAULT ''::text,
  url text NOT NULL DEFAULT ''::text,
  data jsonb NOT NULL DEFAULT '{}'::jsonb,
  PRIMARY KEY (session_id, tab, seq, ordinal, started_on)
) PARTITION BY RANGE (started_on);
CREATE INDEX session_errors_id ON ONLY session_errors USING btree (error_id);
CREATE INDEX session_errors_newest ON ONLY session_errors USING btree (project_id, at DESC);
COMMENT ON TABLE session_errors IS 'Occurrences: one reported error each. error_id is a hash of (session_id, tab, seq, ordinal), so that a batch that is sent twice makes one.';

CREATE TABLE session_events (
  session_id text COLLATE "C" NOT NULL,
  tab text COLLATE "C" NOT NULL,
  seq integer NOT NULL,
  started_on date NOT NULL,
  received_at timestamp with time zone NOT NULL,
  first_at double precision NOT NULL,
  last_at double precision NOT NULL,
  event_count integer NOT NULL,
  checkout boolean NOT NULL,
  encoding smallint NOT NULL,
  raw_bytes integer NOT NULL,
  object_key text,
  object_offset bigint,
  object_length integer,
  payload bytea,
  PRIMARY KEY (session_id, tab, seq, started_on)
) PARTITION BY RANGE (started_on);
ALTER TABLE session_events ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX session_events_checkouts ON ONLY session_events USING btree (session_id, tab, first_at) WHERE checkout;
COMMENT ON TABLE session_events IS 'Batches. A row is written once and never changed; payload is null only where object_* says where the bytes are.';
COMMENT ON COLUMN session_events.first_at IS 'Page time of the first event, epoch milliseconds.';
COMMENT ON COLUMN session_events.encoding IS '0: JSON array, 1: deflate-raw of it, 2: a Sentry replay recording as received.';

CREATE TABLE session_facts (
  started_at timestamp with time zone NOT NULL,
  duration_ms bigint NOT NULL DEFAULT 0,
  active_ms bigint NOT NULL DEFAULT 0,
  project_id integer NOT NULL,
  error_count integer NOT NULL DEFAULT 0,
  page_count integer NOT NULL DEFAULT 0,
  click_count integer NOT NULL DEFAULT 0,
  rage_click_count integer NOT NULL DEFAULT 0,
  dead_click_count integer NOT NULL DEFAULT 0,
  error_click_count integer NOT NULL DEFAULT 0,
  thrash_count integer NOT NULL DEFAULT 0,
  form_abandoned_count integer NOT NULL DEFAULT 0,
  reload_loop_count integer NOT NULL DEFAULT 0,
  failed_request_count integer NOT NULL DEFAULT 0,
  console_error_count integer NOT NULL DEFAULT 0,
  custom_count integer NOT NULL DEFAULT 0,
  assist_count integer NOT NULL DEFAULT 0,
  is_pinned boolean NOT NULL DEFAULT false,
  is_due boolean NOT NULL DEFAULT true,
  status text NOT NULL,
  country text NOT NULL DEFAULT ''::text,
  browser text NOT NULL DEFAULT ''::text,
  os text NOT NULL DEFAULT ''::text,
  device text NOT NULL DEFAULT ''::text,
  release text NOT NULL DEFAULT ''::text,
  environment text NOT NULL DEFAULT ''::text,
  region text NOT NULL DEFAULT ''::text,
  browser_version text NOT NULL DEFAULT ''::text,
  session_id text COLLATE "C" NOT NULL,
  user_id text,
  active_upto double precision,
  seen_at timestamp with time zone,
  folded_at timestamp with time zone,
  PRIMARY KEY (session_id)
) WITH (fillfactor=85);
CREATE INDEX session_facts_all_newest ON session_facts USING btree (started_at DESC, session_id DESC);
CREATE INDEX session_facts_due ON session_facts USING btree (started_at DESC) WHERE is_due;
CREATE INDEX session_facts_newest ON session_facts USING btree (project_id, started_at DESC, session_id DESC);
CREATE INDEX session_facts_user ON session_facts USING btree (project_id, user_id) WHERE (user_id IS NOT NULL);
COMMENT ON TABLE session_facts IS 'What sessions are searched by: made and changed with its row of `sessions` by triggers; the rest is folded from markers and batches, and exact once is_due is false. No index has a column that changes while a session goes on: those stay HOT updates.';
COMMENT ON COLUMN session_facts.active_upto IS 'Page time up to which active_ms counts.';
COMMENT ON COLUMN session_facts.seen_at IS 'sessions.received_at when it was folded last; another value there: there is news. Null: what SDKs reported of it is to be read.';

CREATE TABLE session_folds (
  session_id text COLLATE "C" NOT NULL,
  tab text COLLATE "C" NOT NULL,
  upto integer NOT NULL,
  PRIMARY KEY (session_id, tab)
) WITH (fillfactor=80);
COMMENT ON TABLE session_folds IS 'The newest batch of each tab that is in session_facts, written in the same transaction; only of sessions that go on.';

CREATE TABLE session_markers (
  session_id text COLLATE "C" NOT NULL,
  tab text COLLATE "C" NOT NULL,
  seq integer NOT NULL,
  ordinal smallint NOT NULL,
  started_on date NOT NULL,
  project_id integer NOT NULL,
  kind text NOT NULL,
  at double precision NOT NULL,
  name text NOT NULL DEFAULT ''::text,
  text text NOT NULL DEFAULT ''::text,
  data jsonb NOT NULL DEFAULT '{}'::jsonb,
  PRIMARY KEY (session_id, tab, seq, ordinal, started_on)
) PARTITION BY RANGE (started_on);
COMMENT ON TABLE session_markers IS 'Markers, written in the transaction of the batch that carried them, so exactly once with it.';

CREATE TABLE session_news (
  news_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  is_anew boolean NOT NULL DEFAULT false,
  PRIMARY KEY (news_id)
);
COMMENT ON TABLE session_news IS 'Sessions whose words are to be folded again, besides what their own rows tell: appended in the transaction that changed something, taken by server/search within seconds. Nobody waits for another here.';
COMMENT ON COLUMN session_news.is_anew IS 'Something was taken away: what is known already does not hold.';

CREATE TABLE session_people (
  session_id text COLLATE "C" NOT NULL,
  user_id text NOT NULL,
  PRIMARY KEY (session_id, user_id)
);
CREATE INDEX session_people_user ON session_people USING btree (user_id);
COMMENT ON TABLE session_people IS 'People of a session besides `sessions.user_id`: those before it. Erasing one of them erases the session. Rows go with the session.';

CREATE TABLE session_tabs (
  session_id text COLLATE "C" NOT NULL,
  tab text COLLATE "C" NOT NULL,
  tab_group text NOT NULL DEFAULT ''::text,
  url text NOT NULL DEFAULT ''::text,
  title text NOT NULL DEFAULT ''::text,
  viewport jsonb,
  started_at timestamp with time zone NOT NULL,
  last_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  PRIMARY KEY (session_id, tab)
) WITH (fillfactor=80);
COMMENT ON TABLE session_tabs IS 'The page contexts of a session; each has its own rrweb stream and seq.';

CREATE TABLE session_words (
  session_id text COLLATE "C" NOT NULL,
  project_id integer NOT NULL,
  head text COLLATE "C" NOT NULL DEFAULT ''::text,
  traits text[] NOT NULL DEFAULT '{}'::text[],
  marks text[] NOT NULL DEFAULT '{}'::text[],
  errors text COLLATE "C" NOT NULL DEFAULT ''::text,
  pages text COLLATE "C" NOT NULL DEFAULT ''::text,
  console text COLLATE "C" NOT NULL DEFAULT ''::text,
  PRIMARY KEY (session_id)
) WITH (fillfactor=90);
CREATE INDEX session_words_console ON session_words USING gin (console gin_trgm_ops) WITH (gin_pending_list_limit='1024');
CREATE INDEX session_words_errors ON session_words USING gin (errors gin_trgm_ops) WITH (gin_pending_list_limit='1024');
CREATE INDEX session_words_head ON session_words USING gin (head gin_trgm_ops) WITH (gin_pending_list_limit='1024');
CREATE INDEX session_words_marks ON session_words USING gin (marks) WITH (gin_pending_list_limit='1024');
CREATE INDEX session_words_pages ON session_words USING gin (pages gin_trgm_ops) WITH (gin_pending_list_limit='1024');
CREATE INDEX session_words_traits ON session_words USING gin (traits) WITH (gin_pending_list_limit='1024');
COMMENT ON TABLE session_words IS 'The texts that sessions are searched in, in lower case, each line once, cut, and up to a bound.';
COMMENT ON COLUMN session_words.head IS 'Lines: address, title, user, session id.';
COMMENT ON COLUMN session_words.traits IS 'Of each trait `name` and `name=value`, in lower case and cut at 256.';
COMMENT ON COLUMN session_words.marks IS 'Names of custom marks, as they are.';
COMMENT ON COLUMN session_words.pages IS 'Addresses visited. errors has types and messages, of the tracker and of SDKs, console what console.error wrote.';

CREATE TABLE sessions (
  session_id text COLLATE "C" NOT NULL,
  project_id integer NOT NULL,
  started_on date NOT NULL,
  resume_hash bytea NOT NULL,
  status text NOT NULL DEFAULT 'live'::text,
  user_id text,
  traits jsonb NOT NULL DEFAULT '{}'::jsonb,
  url text NOT NULL DEFAULT ''::text,
  title text NOT NULL DEFAULT ''::text,
  user_agent text NOT NULL DEFAULT ''::text,
  viewport jsonb,
  referrer text NOT NULL DEFAULT ''::text,
  time_zone text NOT NULL DEFAULT ''::text,
  language text NOT NULL DEFAULT ''::text,
  release text NOT NULL DEFAULT ''::text,
  environment text NOT NULL DEFAULT ''::text,
  started_at timestamp with time zone NOT NULL,
  last_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  end_reason text,
  event_count bigint NOT NULL DEFAULT 0,
  batch_count bigint NOT NULL DEFAULT 0,
  byte_count bigint NOT NULL DEFAULT 0,
  error_count bigint NOT NULL DEFAULT 0,
  received_at timestamp with time zone NOT NULL DEFAULT now(),
  pinned_at timestamp with time zone,
  pinned_by integer,
  country text NOT NULL DEFAULT ''::text,
  region text NOT NULL DEFAULT ''::text,
  imported_at timestamp with time zone,
  PRIMARY KEY (session_id),
  CHECK ((status = ANY (ARRAY['live'::text, 'away'::text, 'ended'::text])))
) WITH (fillfactor=80);
CREATE INDEX sessions_newest ON sessions USING btree (project_id, started_at DESC, session_id DESC);
CREATE INDEX sessions_open ON sessions USING btree (session_id) WHERE (status <> 'ended'::text);
CREATE INDEX sessions_started_on ON sessions USING btree (started_on);
CREATE INDEX sessions_user ON sessions USING btree (project_id, user_id, started_at DESC) WHERE (user_id IS NOT NULL);
COMMENT ON TABLE sessions IS 'One visitor''s continuous visit. started_on is the partition of everything that belongs to it. The counts are written behind and made exact when the session ends.';
COMMENT ON COLUMN sessions.resume_hash IS 'HMAC-SHA256 of session id and resume token: who may go on with this session.';
COMMENT ON COLUMN sessions.received_at IS 'When the server last heard of it, by the server''s clock. No index has this column or last_at: they change every second, and stay HOT updates.';
COMMENT ON COLUMN sessions.pinned_at IS 'Pinned sessions are kept until they are unpinned.';
COMMENT ON COLUMN sessions.country IS 'Two capital letters, as a trusted proxy in front of us says; empty where none does.';
COMMENT ON COLUMN sessions.imported_at IS 'When it was imported as a file, by the server''s clock; null for what visitors'' pages sent. What it says of the visit is a claim of that file.';

CREATE TABLE settings (
  name text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (name)
);
COMMENT ON TABLE settings IS 'Secrets and facts of this installation that must outlive a process: e.g. the session secret made at first start.';

CREATE TABLE setup_links (
  token_hash bytea NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  PRIMARY KEY (token_hash)
);
COMMENT ON TABLE setup_links IS 'One-time links that make the first administrator.';

CREATE TABLE share_links (
  link_id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  project_id integer NOT NULL,
  token_hash bytea NOT NULL,
  name text NOT NULL DEFAULT ''::text,
  user_id integer NOT NULL,
  from_at double precision,
  to_at double precision,
  shows_panels boolean NOT NULL DEFAULT false,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  expires_at timestamp with time zone NOT NULL,
  revoked_at timestamp with time zone,
  opened_count integer NOT NULL DEFAULT 0,
  opened_at timestamp with time zone,
  PRIMARY KEY (link_id),
  CHECK (((from_at IS NULL) = (to_at IS NULL))),
  UNIQUE (token_hash)
);
CREATE INDEX share_links_project ON share_links USING btree (project_id, created_at DESC);
CREATE INDEX share_links_session ON share_links USING btree (session_id);
COMMENT ON TABLE share_links IS 'Who holds the secret is a guest, who may read this session (or this range of it) and nothing else. The secret itself is never stored.';

CREATE TABLE sign_ins (
  token_hash bytea NOT NULL,
  user_id integer NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  last_seen_at timestamp with time zone NOT NULL DEFAULT now(),
  expires_at timestamp with time zone NOT NULL,
  user_agent text NOT NULL DEFAULT ''::text,
  id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  peer text NOT NULL DEFAULT ''::text,
  PRIMARY KEY (token_hash),
  FOREIGN KEY (user_id) REFERENCES users(id),
  UNIQUE (id)
);
CREATE INDEX sign_ins_user ON sign_ins USING btree (user_id);
COMMENT ON TABLE sign_ins IS 'Signed-in browsers: SHA-256 of the cookie value, never the value.';
COMMENT ON COLUMN sign_ins.peer IS 'Address from which it began; shown to its person only.';

CREATE TABLE spool_marks (
  spool_id uuid NOT NULL,
  upto bigint NOT NULL,
  at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (spool_id)
);
COMMENT ON TABLE spool_marks IS 'How many bytes of a spool file are in the intake. Written in the transaction that pours them, so that none is poured twice.';

CREATE TABLE tokens (
  id integer GENERATED BY DEFAULT AS IDENTITY NOT NULL,
  token_hash bytea NOT NULL,
  user_id integer NOT NULL,
  project_id integer,
  name text NOT NULL,
  scopes text[] NOT NULL DEFAULT '{read}'::text[],
  hint text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  last_used_at timestamp with time zone,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  PRIMARY KEY (id),
  FOREIGN KEY (project_id) REFERENCES projects(id),
  FOREIGN KEY (user_id) REFERENCES users(id),
  UNIQUE (token_hash)
);
CREATE INDEX tokens_project ON tokens USING btree (project_id) WHERE (revoked_at IS NULL);
COMMENT ON TABLE tokens IS 'Bearer tokens: SHA-256 of 40 hex characters that are shown once. No project_id: whatever its user may see.';

CREATE TABLE tombstones (
  session_id text COLLATE "C" NOT NULL,
  project_id integer NOT NULL,
  erased_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (session_id)
);
CREATE INDEX tombstones_erased ON tombstones USING btree (erased_at);
COMMENT ON TABLE tombstones IS 'Erased session ids: a batch that comes late is refused, and does not bring the session back.';

CREATE TABLE users (
  id integer GENERATED BY DEFAULT AS IDENTITY NOT NULL,
  email text NOT NULL,
  password_hash text NOT NULL,
  is_admin boolean NOT NULL DEFAULT false,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  disabled_at timestamp with time zone,
  password_changed_at timestamp with time zone NOT NULL DEFAULT now(),
  PRIMARY KEY (id)
);
CREATE UNIQUE INDEX users_email ON users USING btree (lower(email));
COMMENT ON COLUMN users.password_hash IS 'Argon2id in PHC string form; rehashed at sign-in when the parameters rise.';
