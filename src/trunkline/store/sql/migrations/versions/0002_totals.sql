-- Running totals, the indexes that pages are read from, and transcripts as bytes.

-- How many calls there are, by words and period, moved by the write statement itself.
--
-- cuboid says what a row counts, see groupings.py; what it leaves aside is empty. level is the length of the period,
-- see periods.py, in UTC.
--
-- outcome is status, kept status word, result, kept result word and direction, with chr(31) between them; a kept
-- word stands behind its vendor and a colon.
CREATE TABLE call_totals (
    org_id   integer NOT NULL,
    cuboid   smallint NOT NULL,
    agent    uuid NOT NULL,
    campaign uuid NOT NULL,
    value    text NOT NULL,
    level    smallint NOT NULL,
    period   timestamptz NOT NULL,
    outcome  text NOT NULL,
    n        bigint NOT NULL,
    PRIMARY KEY (org_id, cuboid, agent, campaign, value, level, period, outcome)
) WITH (fillfactor = 60);


CREATE INDEX calls_by_status ON calls (org_id, status, created_at, id);

CREATE INDEX calls_by_result ON calls (org_id, result, created_at, id) WHERE result IS NOT NULL;

CREATE INDEX calls_by_status_word ON calls (org_id, vendor, status_word, created_at, id) WHERE status_word IS NOT NULL;

CREATE INDEX calls_by_result_word ON calls (org_id, vendor, result_word, created_at, id) WHERE result_word IS NOT NULL;

-- Transcripts are compressed before they are sent, which costs less than letting the database do it.
ALTER TABLE call_transcripts ALTER COLUMN body TYPE bytea USING convert_to(body, 'UTF8');

ALTER TABLE call_transcripts ALTER COLUMN body SET STORAGE EXTERNAL;

ALTER TABLE call_transcripts ALTER COLUMN search SET STORAGE EXTERNAL;

-- A call's body stays in its row: a page is read from a handful of pages of the table, and nothing is unpacked.
ALTER TABLE calls SET (toast_tuple_target = 8160);

ALTER TABLE calls ALTER COLUMN body SET STORAGE EXTERNAL;
