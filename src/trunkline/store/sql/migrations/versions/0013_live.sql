-- Live calls: what their events say is held slot by slot while they come, so that one more costs what the first did.

-- live says what of the conversation stands in live_slots instead of the body: 1 the turns, 2 the tool calls. The body
-- has the rest then, and search what is said in that.
ALTER TABLE call_transcripts ADD COLUMN live smallint NOT NULL DEFAULT 0;

CREATE INDEX call_transcripts_live ON call_transcripts (org_id, call_id) WHERE live > 0;

-- A call that events were told of. base is the call without them, but for its conversation; record is what they come
-- to besides theirs. lost is what the base says of the conversation that the events say otherwise, once the
-- transcript was put together; until then the transcript's body has it. due_at is when the transcript is to be put
-- together and the slots are to be dropped; null when that is done. The next event makes them again from all events
-- that are kept.
CREATE TABLE live_calls (
    org_id  integer NOT NULL,
    call_id uuid NOT NULL,
    base    text NOT NULL,
    record  text NOT NULL,
    lost    bytea,
    due_at  timestamptz,
    version integer NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, call_id)
);

CREATE INDEX live_calls_due ON live_calls (org_id, due_at) WHERE due_at IS NOT NULL;

-- What still counts of the events of one turn (kind 1), of one tool call (2), or under one event id (3), which digest
-- stands for. The other columns are of turns: their order, and the text that is searched.
CREATE TABLE live_slots (
    org_id   integer NOT NULL,
    call_id  uuid NOT NULL,
    kind     smallint NOT NULL,
    digest   bytea NOT NULL,
    events   bytea NOT NULL,
    number   numeric,
    start_ms bigint,
    first_at timestamptz,
    search   text,
    PRIMARY KEY (org_id, call_id, kind, digest)
);
