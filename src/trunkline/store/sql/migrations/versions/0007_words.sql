-- Words: which calls a word was said in, so that a search of what was said reads the calls that match and no others.

-- The words of an org's conversations, each with a number of its own that no other org uses.
CREATE TABLE said_words (
    org_id integer NOT NULL,
    word   text COLLATE "C" NOT NULL,
    id     integer GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (org_id, word)
);

CREATE UNIQUE INDEX said_words_by_id ON said_words (org_id, id);

-- How words end, from their second letter on: what stands in the middle of a word is the beginning of one of these.
CREATE TABLE word_endings (
    org_id  integer NOT NULL,
    ending  text COLLATE "C" NOT NULL,
    word_id integer NOT NULL,
    PRIMARY KEY (org_id, ending, word_id)
);

-- The numbers of the words that were said in a call. A call with a transcript stands here or among the calls that
-- are not indexed yet, never in both.
CREATE TABLE call_words (
    org_id  integer NOT NULL,
    call_id uuid NOT NULL,
    words   integer[] NOT NULL,
    PRIMARY KEY (org_id, call_id)
);

CREATE INDEX call_words_by_word ON call_words USING gin (words);

-- Transcripts that were written since they were last indexed; change is the call's place in the order of changes.
CREATE TABLE unindexed_calls (
    org_id  integer NOT NULL,
    call_id uuid NOT NULL,
    change  bigint NOT NULL,
    PRIMARY KEY (org_id, call_id)
);

-- Words that a call lost, which may be nobody's now: what is erased is to leave no word behind.
CREATE TABLE lost_words (
    org_id  integer NOT NULL,
    word_id integer NOT NULL,
    PRIMARY KEY (org_id, word_id)
);

INSERT INTO unindexed_calls (org_id, call_id, change)
SELECT org_id, call_id, 0 FROM call_transcripts;
