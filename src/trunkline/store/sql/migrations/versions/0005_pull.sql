-- Pull and ledger: how far a vendor's list was read, and what it said beside what we hold.

-- The pull of a source that runs or was broken off; following is the request to go on with, as JSON. reached is the
-- newest creation that a complete pull has seen.
CREATE TABLE pulls (
    org_id    integer NOT NULL,
    source_id uuid NOT NULL,
    since     timestamptz,
    until     timestamptz,
    following text,
    reached   timestamptz,
    began_at  timestamptz NOT NULL,
    ended_at  timestamptz,
    PRIMARY KEY (org_id, source_id)
);

-- The calls that the vendor listed in the pull that runs, each once however pages shift; reason tells why a call
-- could not be taken in.
CREATE TABLE pulled_calls (
    org_id         integer NOT NULL,
    source_id      uuid NOT NULL,
    vendor_call_id text NOT NULL,
    created_at     timestamptz,
    reason         text,
    PRIMARY KEY (org_id, source_id, vendor_call_id)
);

-- How many calls of an hour of creation the vendor listed when a complete pull last covered it.
CREATE TABLE ledger_hours (
    org_id     integer NOT NULL,
    source_id  uuid NOT NULL,
    hour       timestamptz NOT NULL,
    told       bigint NOT NULL,
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, source_id, hour)
);

-- Calls that were not as they should be: missing (listed, and not to be had), or repaired (found by a pull, long after
-- a webhook should have told of them).
CREATE TABLE ledger_calls (
    org_id         integer NOT NULL,
    source_id      uuid NOT NULL,
    vendor_call_id text NOT NULL,
    hour           timestamptz,
    state          text NOT NULL,
    reason         text NOT NULL,
    noticed_at     timestamptz NOT NULL,
    PRIMARY KEY (org_id, source_id, vendor_call_id)
);
