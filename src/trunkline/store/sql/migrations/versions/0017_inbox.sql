-- The inbox: payloads that could not be read, or that name no call, apart from those of calls.

-- id is made of where the payload came from, how it is read, and its bytes: the same payload from the same source is one
-- row, of which the arrivals are counted. kind is how it is read, vendor by whose door; both as in sightings, and `line`
-- with no vendor for a line of a file in which none was recognised. state says whether it could be read, reason why it
-- could not or why it names no call. place is where in a file it was.
CREATE TABLE inbox (
    org_id           integer NOT NULL,
    id               uuid NOT NULL,
    source           text NOT NULL,
    source_id        uuid,
    vendor           text NOT NULL,
    kind             text NOT NULL,
    state            text NOT NULL,
    reason           text NOT NULL,
    event            text NOT NULL,
    place            text NOT NULL DEFAULT '',
    content_type     text NOT NULL,
    content_encoding text NOT NULL DEFAULT '',
    size_bytes       integer NOT NULL,
    times            integer NOT NULL,
    received_at      timestamptz NOT NULL,
    last_received_at timestamptz NOT NULL,
    payload          bytea NOT NULL,
    PRIMARY KEY (org_id, id)
);

CREATE INDEX inbox_by_arrival ON inbox (org_id, received_at, id);

-- How many payloads of a source and vendor were dropped because the inbox was full. source_key is the source's id, or its
-- name for what came from no source.
CREATE TABLE inbox_drops (
    org_id     integer NOT NULL,
    source_key text NOT NULL,
    vendor     text NOT NULL,
    source     text NOT NULL,
    source_id  uuid,
    payloads   bigint NOT NULL,
    size_bytes bigint NOT NULL,
    last_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, source_key, vendor)
);

-- The vendor whose form a payload has, which need not be that of its call: a call of any vendor may be reported in our own
-- form. Null for payloads that were stored before; for those it is the vendor of the source, or else of the call.
ALTER TABLE sightings ADD COLUMN form text;

INSERT INTO inbox (
    org_id, id, source, source_id, vendor, kind, state, reason, event, content_type, size_bytes, times, received_at,
    last_received_at, payload
)
SELECT DISTINCT ON (org_id, id) org_id, id, source, source_id, vendor, kind, state, reason, event, content_type, size_bytes,
    times, received_at, last_received_at, payload
FROM (
    SELECT s.org_id,
        encode(substr(sha256(convert_to(concat_ws(E'\n', coalesce(s.source_id::text, s.source), s.vendor, s.kind, ''), 'UTF8')
            || s.payload), 1, 16), 'hex')::uuid AS id,
        s.source, s.source_id, s.vendor, s.kind,
        CASE WHEN s.problem IS NULL THEN 'no_call' ELSE 'unreadable' END AS state,
        coalesce(s.problem, 'it names no call') AS reason, s.event, s.content_type, length(s.payload) AS size_bytes,
        s.times, s.received_at, coalesce(s.last_received_at, s.received_at) AS last_received_at, s.payload
    FROM sightings s WHERE s.vendor_call_id = ''
) n
ORDER BY org_id, id, received_at;

DELETE FROM sightings WHERE vendor_call_id = '';
