-- Recordings that are kept, and how far those who follow an org's changes have come.

CREATE TABLE followers (
    org_id integer NOT NULL,
    name   text NOT NULL,
    change bigint NOT NULL,
    PRIMARY KEY (org_id, name)
);

-- state is `waiting` until the recording is `kept`, or `failed` after the last try. This is the queue as well: what
-- waits and is due is next.
CREATE TABLE recordings (
    org_id      integer NOT NULL,
    call_id     uuid NOT NULL,
    url         text NOT NULL,
    state       text NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL,
    problem     text,
    path        text,
    size_bytes  bigint,
    media_type  text,
    sha256      bytea,
    fetched_at  timestamptz,
    PRIMARY KEY (org_id, call_id)
);

CREATE INDEX recordings_due ON recordings (next_try_at) WHERE state = 'waiting';
