-- Errors that Sentry SDKs report of a session are searched like those of its tracker, whenever they come.

CREATE TABLE session_news (
  news_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  session_id text COLLATE "C" NOT NULL,
  is_anew boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE session_news IS 'Sessions whose words are to be folded again, besides what their own rows tell: appended in the transaction that changed something, taken by server/search within seconds. Nobody waits for another here.';
COMMENT ON COLUMN session_news.is_anew IS 'Something was taken away: what is known already does not hold.';

COMMENT ON COLUMN session_facts.seen_at IS 'sessions.received_at when it was folded last; another value there: there is news. Null: what SDKs reported of it is to be read.';
COMMENT ON COLUMN session_words.pages IS 'Addresses visited. errors has types and messages, of the tracker and of SDKs, console what console.error wrote.';

CREATE FUNCTION note_reported_error() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO session_news (session_id) VALUES (NEW.session_id);
  RETURN NULL;
END
$$;
CREATE TRIGGER occurrences_report AFTER INSERT ON occurrences FOR EACH ROW
  WHEN (NEW.source = 'sdk' AND NEW.session_id IS NOT NULL) EXECUTE FUNCTION note_reported_error();

INSERT INTO session_news (session_id) SELECT DISTINCT session_id FROM occurrences WHERE source = 'sdk' AND session_id IS NOT NULL;
