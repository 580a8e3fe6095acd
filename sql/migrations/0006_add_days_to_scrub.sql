-- Days of which rows were removed, and whose bytes still lie in the files of the database.

CREATE TABLE days_to_scrub (
  started_on date PRIMARY KEY,
  since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE days_to_scrub IS 'Written in the transaction that removes rows of a day; a row goes when no file of the database holds their bytes any more.';
