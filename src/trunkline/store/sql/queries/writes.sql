-- Writing: the statements of one transaction that stores sightings. $1 is always the org.

-- name: reserve_sequence
-- Reserves sequence numbers of the org; writers of one org wait here for each other until the first commits.
INSERT INTO change_sequences AS c (org_id, n) VALUES ($1, $2)
ON CONFLICT (org_id) DO UPDATE SET n = c.n + excluded.n
RETURNING n;

-- name: current_calls
-- Calls as they are stored, to merge into; `whole` says for which of them the transcript is read. Each is looked up by
-- itself: with a join, a plan that was made when the table was small would read it whole ever after.
SELECT c.vendor, c.vendor_call_id, c.revision, c.has_unstored_facts, c.versions, c.body, k.whole, t.body AS transcript,
    l.base, l.record, l.lost, l.due_at IS NOT NULL AS is_warm
FROM unnest($2::text[], $3::text[], $4::boolean[]) AS k (vendor, vendor_call_id, whole)
CROSS JOIN LATERAL (
    SELECT * FROM calls c WHERE c.org_id = $1 AND c.vendor = k.vendor AND c.vendor_call_id = k.vendor_call_id LIMIT 1
) c
LEFT JOIN LATERAL (
    SELECT {transcript} AS body FROM call_transcripts s WHERE k.whole AND s.org_id = $1 AND s.call_id = c.id LIMIT 1
) t ON true
LEFT JOIN LATERAL (SELECT * FROM live_calls l WHERE l.org_id = $1 AND l.call_id = c.id LIMIT 1) l ON true;

-- name: never_analyzed
-- Whether the table of calls was never analyzed. no org: it is about the table
SELECT reltuples < 0 FROM pg_class WHERE oid = 'calls'::regclass;

-- name: analyze
-- Analyzes the tables, so that plans that were made for empty ones are made again. no org: it is about the tables
ANALYZE calls, call_transcripts, deleted_calls;

-- name: deleted
-- Which of some calls were deleted.
SELECT d.vendor, d.vendor_call_id
FROM unnest($2::text[], $3::text[]) AS k (vendor, vendor_call_id)
CROSS JOIN LATERAL (
    SELECT d.vendor, d.vendor_call_id FROM deleted_calls d
    WHERE d.org_id = $1 AND d.vendor = k.vendor AND d.vendor_call_id = k.vendor_call_id LIMIT 1
) d;

-- name: owners
-- Which calls have some canonical ids.
SELECT id, vendor, vendor_call_id FROM calls WHERE org_id = $1 AND id = ANY($2::uuid[]);

-- name: store_payloads
-- Stores payloads as they arrived, each once; for one that arrived before, the arrivals are counted. Returns those that
-- arrived before.
WITH stored AS (
    INSERT INTO sightings AS s (
        org_id, vendor, vendor_call_id, hash, received_at, last_received_at,
        payload, kind, content_type, source, source_id, event, unknown, problem, times, problems, form
    )
    SELECT $1, k.vendor, k.vendor_call_id, k.hash, coalesce(k.received_at, $2), coalesce(k.last_received_at, $2), k.payload, k.kind, k.content_type, k.source, k.source_id,
        k.event, coalesce(string_to_array(k.unknown, chr(31)), '{}'), k.problem, k.times, k.problems::jsonb, k.form
    FROM unnest(
        $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::text[], $8::text[], $9::text[], $10::uuid[],
        $11::text[], $12::text[], $13::text[], $14::integer[], $15::text[], $16::text[], $17::timestamptz[],
        $18::timestamptz[]
    ) AS k (
        vendor, vendor_call_id, hash, payload, kind, content_type, source, source_id, event, unknown, problem, times,
        problems, form, received_at, last_received_at
    )
    ON CONFLICT (org_id, vendor, vendor_call_id, hash)
    DO UPDATE SET times = s.times + excluded.times,
        last_received_at = greatest(s.last_received_at, excluded.last_received_at)
    RETURNING new.vendor, new.vendor_call_id, new.hash, new.kind, new.received_at, new.last_received_at,
        old.hash IS NOT NULL AS came_before
)
SELECT vendor, vendor_call_id, hash, kind, received_at, last_received_at FROM stored WHERE came_before;

-- name: repeats
-- Which of some payloads are stored already, with what store_payloads would return for them.
SELECT s.vendor, s.vendor_call_id, s.hash, s.kind, s.received_at, greatest(s.last_received_at, $5) AS last_received_at
FROM unnest($2::text[], $3::text[], $4::bytea[]) AS k (vendor, vendor_call_id, hash)
CROSS JOIN LATERAL (
    SELECT * FROM sightings s
    WHERE s.org_id = $1 AND s.vendor = k.vendor AND s.vendor_call_id = k.vendor_call_id AND s.hash = k.hash LIMIT 1
) s;

-- name: confirm
-- Writes the versions of calls whose values stay as they are, if nobody wrote them since they were read. They keep
-- their sequence number: there is nothing to follow and nothing to count.
UPDATE calls c SET versions = i.versions, revision = c.revision + 1, has_unstored_facts = c.has_unstored_facts OR i.has_unstored_facts
FROM unnest($2::uuid[], $3::integer[], $4::text[], $5::boolean[]) AS i (id, revision, versions, has_unstored_facts)
WHERE c.org_id = $1 AND c.id = i.id AND c.revision = i.revision
RETURNING c.id;

-- name: events
-- Every event of a live call.
SELECT payload FROM sightings
WHERE org_id = $1 AND vendor = $2 AND vendor_call_id = $3 AND kind = 'event';

-- name: named_after
-- The calls of which payloads are stored, in order after one of them.
SELECT vendor, vendor_call_id FROM sightings
WHERE org_id = $1 AND ($2::text IS NULL OR vendor = $2) AND (vendor, vendor_call_id) > ($3, $4)
GROUP BY vendor, vendor_call_id
ORDER BY vendor, vendor_call_id
LIMIT $5;

-- name: payloads
-- Every stored payload of some calls, in order of arrival, with the vendor whose form it has, by itself or else by its
-- source: that may be another than the call's own vendor.
SELECT s.vendor, s.vendor_call_id, s.payload, s.kind, s.content_type, coalesce(s.form, o.vendor) AS form, s.received_at,
    s.last_received_at
FROM unnest($2::text[], $3::text[]) AS k (vendor, vendor_call_id)
JOIN sightings s ON s.org_id = $1 AND s.vendor = k.vendor AND s.vendor_call_id = k.vendor_call_id
LEFT JOIN sources o ON o.org_id = $1 AND o.id = s.source_id
ORDER BY s.received_at, s.hash;
