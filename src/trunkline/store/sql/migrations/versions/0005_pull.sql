-- Pulls, and the ledger of what vendors say they have.

-- The pull of one source. While one is under way, started_at is set and next is the request that is to be sent, so
-- that a pull that was killed goes on there. What lies between reached_from (null: the beginning) and reached_at was
-- listed by pulls that came to their end. vendors are those of the calls that the source has listed.
CREATE TABLE pulls (
    org_id       integer NOT NULL,
    source_id    uuid NOT NULL,
    started_at   timestamptz,
    asked_since  timestamptz,
    asked_until  timestamptz,
    range_from   timestamptz,
    next         text,
    newest_at    timestamptz,
    reached_from timestamptz,
    reached_at   timestamptz,
    completed_at timestamptz,
    vendors      text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (org_id, source_id)
);

-- The calls that the pull under way has met, each once; emptied into the ledger when it ends. had says whether we had
-- the call before, over_at when it ended or else was created, reason why it could not be read.
CREATE TABLE pull_calls (
    org_id         integer NOT NULL,
    source_id      uuid NOT NULL,
    vendor         text NOT NULL,
    vendor_call_id text NOT NULL,
    created_at     timestamptz,
    over_at        timestamptz,
    met_at         timestamptz NOT NULL,
    had            boolean NOT NULL,
    reason         text,
    PRIMARY KEY (org_id, source_id, vendor, vendor_call_id)
);

-- How many calls a source has that were created in an hour, as the last pull over that hour was told.
CREATE TABLE ledger_hours (
    org_id     integer NOT NULL,
    source_id  uuid NOT NULL,
    hour       timestamptz NOT NULL,
    told       integer NOT NULL,
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, source_id, hour)
);

-- The calls that did not come as they should have.
CREATE TABLE ledger_calls (
    org_id         integer NOT NULL,
    source_id      uuid NOT NULL,
    vendor         text NOT NULL,
    vendor_call_id text NOT NULL,
    hour           timestamptz NOT NULL,
    state          text NOT NULL,
    noticed_at     timestamptz NOT NULL,
    repaired_at    timestamptz,
    reason         text,
    PRIMARY KEY (org_id, source_id, vendor, vendor_call_id)
);

CREATE INDEX ledger_calls_by_hour ON ledger_calls (org_id, hour);

-- The few calls that are not over, which a pull asks for again.
CREATE INDEX calls_open ON calls (org_id, created_at)
WHERE status IN ('scheduled', 'queued', 'ringing', 'in_progress');
