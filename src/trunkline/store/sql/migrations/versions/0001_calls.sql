-- The ground floor: orgs, keys, calls, their transcripts, and what was seen of them.
--
-- org_id leads every primary key, for tenancy and for sharding alike. Text that may hold any JSON is kept as
-- text, not jsonb: a NUL in a transcript is legal JSON, and jsonb would refuse it.

CREATE TABLE orgs (
    org_id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- hash is of the key's body, or of a whole adopted key together with its dialect; name_hash is of the public
-- name that a two-part scheme shows, and proves nothing without the secret.
CREATE TABLE keys (
    org_id       integer NOT NULL,
    id           uuid NOT NULL,
    hash         bytea NOT NULL UNIQUE,
    name_hash    bytea UNIQUE,
    secret_hash  bytea,
    dialect      text,
    label        text NOT NULL,
    scopes       text[] NOT NULL,
    addresses    text[] NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (org_id, id)
);

-- body is the call without its transcript, as JSON in our own form; the columns beside it are what lists filter
-- and sort by. status_word and result_word hold the vendor's word where it kept one. revision counts the writes,
-- so that a writer notices another one that came between.
CREATE TABLE calls (
    org_id         integer NOT NULL,
    id             uuid NOT NULL,
    digest         uuid NOT NULL,
    vendor         text NOT NULL,
    vendor_call_id text NOT NULL,
    created_at     timestamptz NOT NULL,
    started_at     timestamptz,
    ended_at       timestamptz,
    duration_ms    bigint,
    status         text NOT NULL,
    status_word    text,
    result         text,
    result_word    text,
    direction      text NOT NULL,
    channel        text NOT NULL,
    end_reason     text,
    sentiment      text,
    success        boolean,
    voicemail      boolean,
    agent_id       text,
    agent_ref      uuid,
    campaign_id    text,
    campaign_ref   uuid,
    from_number    text,
    to_number      text,
    contact_number text,
    revision       integer NOT NULL,
    stamps         text NOT NULL,
    body           text NOT NULL,
    PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX calls_by_vendor_id ON calls (org_id, vendor, vendor_call_id);

CREATE INDEX calls_by_creation ON calls (org_id, created_at, id);

CREATE INDEX calls_by_digest ON calls (org_id, digest);

CREATE INDEX calls_by_start ON calls (org_id, started_at, id);

CREATE INDEX calls_by_agent ON calls (org_id, agent_ref, created_at, id) WHERE agent_ref IS NOT NULL;

CREATE INDEX calls_by_campaign ON calls (org_id, campaign_ref, created_at, id) WHERE campaign_ref IS NOT NULL;

CREATE INDEX calls_from ON calls (org_id, from_number, created_at, id) WHERE from_number IS NOT NULL;

CREATE INDEX calls_to ON calls (org_id, to_number, created_at, id) WHERE to_number IS NOT NULL;

CREATE INDEX calls_with_contact ON calls (org_id, contact_number, created_at, id) WHERE contact_number IS NOT NULL;

-- What grows with the conversation, apart from the call, so that a list without transcripts does not touch it.
-- search is the spoken text, case-folded.
CREATE TABLE call_transcripts (
    org_id  integer NOT NULL,
    call_id uuid NOT NULL,
    body    text NOT NULL,
    search  text NOT NULL,
    PRIMARY KEY (org_id, call_id)
);

-- Every payload as it arrived, once.
CREATE TABLE sightings (
    org_id         integer NOT NULL,
    vendor         text NOT NULL,
    vendor_call_id text NOT NULL,
    hash           bytea NOT NULL,
    source         text NOT NULL,
    received_at    timestamptz NOT NULL,
    payload        bytea NOT NULL,
    PRIMARY KEY (org_id, vendor, vendor_call_id, hash)
);
