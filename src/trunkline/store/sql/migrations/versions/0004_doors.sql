-- Doors: where calls come from, what was sent, and what changed when.

-- Every change of a call takes the next place in its org's order of changes, so that whoever follows can go on from
-- the last place seen. A writer holds the row until it commits: places are seen in their order, and none is left out.
CREATE TABLE change_counts (
    org_id integer PRIMARY KEY,
    n      bigint NOT NULL
) WITH (fillfactor = 20);

-- change is the place of a call's last change; 0 for calls that have not changed since places are counted. unkept
-- says that something was told of the call of which no payload was kept, so that it cannot be derived again from
-- payloads alone.
ALTER TABLE calls ADD COLUMN change bigint NOT NULL DEFAULT 0, ADD COLUMN unkept boolean NOT NULL DEFAULT true;

CREATE INDEX calls_by_change ON calls (org_id, change) WHERE change > 0;

-- Calls that were taken out. They stay out, whoever tells of them again; and a page that was to go on after one of
-- them still can.
CREATE TABLE deleted_calls (
    org_id         integer NOT NULL,
    id             uuid NOT NULL,
    digest         uuid NOT NULL,
    vendor         text NOT NULL,
    vendor_call_id text NOT NULL,
    created_at     timestamptz NOT NULL,
    deleted_at     timestamptz NOT NULL DEFAULT now(),
    change         bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX deleted_calls_by_vendor_id ON deleted_calls (org_id, vendor, vendor_call_id);

CREATE INDEX deleted_calls_by_digest ON deleted_calls (org_id, digest);

CREATE INDEX deleted_calls_by_change ON deleted_calls (org_id, change);

-- A source is one account with one vendor. Its webhooks come to an address that holds a secret, of which a hash is
-- looked up; address, secrets and credential are sealed with a key that is not in the database.
CREATE TABLE sources (
    org_id       integer NOT NULL,
    id           uuid NOT NULL,
    vendor       text NOT NULL,
    label        text NOT NULL,
    address_hash bytea NOT NULL UNIQUE,
    address      bytea NOT NULL,
    secrets      bytea NOT NULL,
    credential   bytea,
    base_url     text,
    created_at   timestamptz NOT NULL,
    disabled_at  timestamptz,
    PRIMARY KEY (org_id, id)
);

-- kind is how a payload is read: `call` as the vendor's API prints one, `hook` as its webhooks are written. A
-- delivery that names no call stands under the empty id. times is how often the same payload came.
ALTER TABLE sightings
    ADD COLUMN kind text NOT NULL DEFAULT 'call',
    ADD COLUMN content_type text NOT NULL DEFAULT 'application/json',
    ADD COLUMN source_id uuid,
    ADD COLUMN event text NOT NULL DEFAULT '',
    ADD COLUMN unknown text[] NOT NULL DEFAULT '{}',
    ADD COLUMN problem text,
    ADD COLUMN times integer NOT NULL DEFAULT 1,
    ADD COLUMN last_received_at timestamptz;

CREATE INDEX sightings_of_source ON sightings (org_id, source_id, received_at) WHERE source_id IS NOT NULL;

-- Answers to requests that may be sent again. fingerprint is of the whole request; status is null while it runs.
CREATE TABLE repeatable_requests (
    org_id      integer NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    created_at  timestamptz NOT NULL,
    status      integer,
    headers     text,
    body        bytea,
    PRIMARY KEY (org_id, key)
);

CREATE INDEX repeatable_requests_by_age ON repeatable_requests (created_at);
