-- The inbox: payloads that could not be read or that name no call. $1 is always the org.

-- name: add
-- Adds payloads, each once; of one that is there already the arrivals are counted, and the reason is that of today.
-- Returns which are new.
INSERT INTO inbox AS i (
    org_id, id, source, source_id, vendor, kind, state, reason, event, place, content_type, content_encoding, size_bytes,
    times, received_at, last_received_at, payload
)
SELECT $1, k.id, k.source, k.source_id, k.vendor, k.kind, k.state, k.reason, k.event, k.place, k.content_type,
    k.content_encoding, length(k.payload), k.times, coalesce(k.received_at, $2), coalesce(k.last_received_at, $2), k.payload
FROM unnest(
    $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
    $12::text[], $13::text[], $14::integer[], $15::timestamptz[], $16::timestamptz[], $17::bytea[]
) AS k (
    id, source, source_id, vendor, kind, state, reason, event, place, content_type, content_encoding, times, received_at,
    last_received_at, payload
)
ON CONFLICT (org_id, id) DO UPDATE SET times = i.times + excluded.times, state = excluded.state, reason = excluded.reason,
    last_received_at = greatest(i.last_received_at, excluded.last_received_at)
RETURNING old.id IS NULL AS is_new;

-- name: sizes
-- How many payloads of each source and state there are, and how many bytes they have.
SELECT count(*) AS payloads, sum(size_bytes)::bigint AS size_bytes FROM inbox WHERE org_id = $1
GROUP BY source_id, source, state;

-- name: trim
-- Drops payloads beyond the bounds, those that did not arrive for the longest time first, and counts them. The last one
-- of a source stays, however long it is.
WITH ranked AS (
    SELECT id, row_number() OVER of_source AS n, sum(size_bytes) OVER of_source AS source_bytes,
        sum(size_bytes) OVER (ORDER BY last_received_at DESC, id) AS org_bytes
    FROM inbox WHERE org_id = $1
    WINDOW of_source AS (PARTITION BY source_id, source, state ORDER BY last_received_at DESC, id)
), dropped AS (
    DELETE FROM inbox i USING ranked r
    WHERE i.org_id = $1 AND i.id = r.id AND (r.n > $3 OR r.n > 1 AND (r.source_bytes > $4 OR r.org_bytes > $5))
    RETURNING i.source, i.source_id, i.vendor, i.size_bytes
), summed AS (
    SELECT coalesce(source_id::text, source) AS source_key, vendor, max(source) AS source, source_id, count(*) AS payloads,
        sum(size_bytes) AS size_bytes
    FROM dropped GROUP BY 1, 2, 4
), counted AS (
    INSERT INTO inbox_drops AS d (org_id, source_key, vendor, source, source_id, payloads, size_bytes, last_at)
    SELECT $1, source_key, vendor, source, source_id, payloads, size_bytes, $2 FROM summed
    ON CONFLICT (org_id, source_key, vendor) DO UPDATE SET payloads = d.payloads + excluded.payloads,
        size_bytes = d.size_bytes + excluded.size_bytes, last_at = excluded.last_at
)
SELECT source, vendor, payloads FROM summed;

-- name: listed
-- Some payloads without their content, what arrived last first.
SELECT id, source, source_id, vendor, kind, state, reason, event, place, content_type, size_bytes, times, received_at,
    last_received_at
FROM inbox
WHERE org_id = $1 AND ($2::uuid IS NULL OR source_id = $2) AND ($3::text IS NULL OR vendor = $3)
    AND ($4::text IS NULL OR state = $4) AND ($5::timestamptz IS NULL OR (received_at, id) < ($5, $6::uuid))
ORDER BY received_at DESC, id DESC
LIMIT $7;

-- name: total
-- How many payloads match.
SELECT count(*) FROM inbox
WHERE org_id = $1 AND ($2::uuid IS NULL OR source_id = $2) AND ($3::text IS NULL OR vendor = $3)
    AND ($4::text IS NULL OR state = $4);

-- name: one
-- One payload with its content.
SELECT id, source, source_id, vendor, kind, state, reason, event, place, content_type, size_bytes, times, received_at,
    last_received_at, payload, content_encoding
FROM inbox WHERE org_id = $1 AND id = $2;

-- name: ids
-- The payloads that match, in the order in which they arrived.
SELECT id FROM inbox
WHERE org_id = $1 AND ($2::uuid[] IS NULL OR id = ANY($2)) AND ($3::uuid IS NULL OR source_id = $3)
    AND ($4::text IS NULL OR vendor = $4)
ORDER BY received_at, id;

-- name: delete
-- Deletes the payloads that match; returns how many there were.
WITH deleted AS (
    DELETE FROM inbox
    WHERE org_id = $1 AND ($2::uuid[] IS NULL OR id = ANY($2)) AND ($3::uuid IS NULL OR source_id = $3)
        AND ($4::text IS NULL OR vendor = $4)
    RETURNING id
)
SELECT count(*) FROM deleted;

-- name: still_unread
-- Notes why a payload could not be read this time.
UPDATE inbox SET state = $3, reason = $4 WHERE org_id = $1 AND id = $2;

-- name: counts
-- How many payloads of each source and vendor there are, and how many were dropped; of one source if $2 names one.
SELECT coalesce(i.source, d.source) AS source, coalesce(i.source_id, d.source_id) AS source_id, vendor,
    coalesce(i.unreadable, 0) AS unreadable, coalesce(i.no_call, 0) AS no_call, coalesce(i.size_bytes, 0) AS size_bytes,
    coalesce(d.payloads, 0) AS dropped, d.last_at AS last_dropped_at
FROM (
    SELECT coalesce(source_id::text, source) AS source_key, vendor, max(source) AS source, source_id,
        count(*) FILTER (WHERE state = 'unreadable') AS unreadable, count(*) FILTER (WHERE state = 'no_call') AS no_call,
        sum(size_bytes)::bigint AS size_bytes
    FROM inbox WHERE org_id = $1 GROUP BY 1, 2, 4
) i
FULL JOIN (SELECT * FROM inbox_drops WHERE org_id = $1) d USING (source_key, vendor)
WHERE $2::uuid IS NULL OR coalesce(i.source_id, d.source_id) = $2
ORDER BY source, vendor, source_key;

-- name: all_counts
-- How many payloads of each vendor and state there are in all. no org: it is about the whole log
SELECT vendor, state, count(*) AS payloads, sum(size_bytes)::bigint AS size_bytes FROM inbox
GROUP BY vendor, state ORDER BY vendor, state;

-- name: all_drops
-- How many payloads of each vendor were dropped in all. no org: it is about the whole log
SELECT vendor, sum(payloads)::bigint AS payloads FROM inbox_drops GROUP BY vendor ORDER BY vendor;
