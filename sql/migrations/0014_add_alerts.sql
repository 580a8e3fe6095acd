-- Alerts: channels, rules, what was sent, and who has heard of what lately.

CREATE TABLE alert_channels (
  channel_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('email', 'slack', 'webhook')),
  name text NOT NULL,
  recipients text[] NOT NULL DEFAULT '{}',
  url text NOT NULL DEFAULT '',
  secret text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN alert_channels.secret IS 'Key of the HMAC-SHA256 with which messages of a webhook are signed. In clear, because it is used.';
CREATE INDEX alert_channels_project ON alert_channels (project_id);

CREATE TABLE alert_rules (
  rule_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id integer NOT NULL,
  name text NOT NULL,
  is_enabled boolean NOT NULL DEFAULT true,
  on_new boolean NOT NULL DEFAULT true,
  on_regression boolean NOT NULL DEFAULT true,
  on_promoted boolean NOT NULL DEFAULT false,
  on_spike boolean NOT NULL DEFAULT false,
  spike_count integer NOT NULL DEFAULT 20,
  spike_factor double precision NOT NULL DEFAULT 5,
  levels text[] NOT NULL DEFAULT '{}',
  environments text[] NOT NULL DEFAULT '{}',
  cooldown_minutes integer NOT NULL DEFAULT 60,
  channel_ids integer[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_rules_project ON alert_rules (project_id);

CREATE TABLE alert_messages (
  message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id integer NOT NULL,
  channel_id integer NOT NULL REFERENCES alert_channels (channel_id) ON DELETE CASCADE,
  kind text NOT NULL,
  issue_id bigint REFERENCES issues (issue_id) ON DELETE CASCADE,
  error_id uuid,
  held_back bigint NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed', 'dead')),
  attempts smallint NOT NULL DEFAULT 0,
  fault text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz
);
COMMENT ON TABLE alert_messages IS 'Written in the transaction of the digest that gave the reason, with the job that sends it. What the message says is read when it is sent.';
COMMENT ON COLUMN alert_messages.held_back IS 'Reasons for word that this channel did not hear of since the message before, because of the cooldown.';
CREATE INDEX alert_messages_project ON alert_messages (project_id, message_id DESC);
CREATE INDEX alert_messages_created ON alert_messages (created_at);
CREATE INDEX alert_messages_issue ON alert_messages (issue_id);
CREATE INDEX alert_messages_channel ON alert_messages (channel_id);

CREATE TABLE alert_cooldowns (
  channel_id integer NOT NULL REFERENCES alert_channels (channel_id) ON DELETE CASCADE,
  issue_id bigint NOT NULL REFERENCES issues (issue_id) ON DELETE CASCADE,
  until timestamptz NOT NULL,
  held_back bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (channel_id, issue_id)
);
COMMENT ON TABLE alert_cooldowns IS 'Until then a channel hears no more of an issue. Taking the row is what makes a message be one.';
CREATE INDEX alert_cooldowns_issue ON alert_cooldowns (issue_id);
