-- Pulls and the ledger. $1 is always the org, $2 mostly the source.

-- name: pull
-- How far a source was read.
SELECT since, until, following, reached, began_at, ended_at FROM pulls WHERE org_id = $1 AND source_id = $2;

-- name: begin
-- A new pull; what an older one listed is forgotten.
WITH forgotten AS (
    DELETE FROM pulled_calls WHERE org_id = $1 AND source_id = $2
)
INSERT INTO pulls (org_id, source_id, since, until, following, began_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (org_id, source_id) DO UPDATE SET since = excluded.since, until = excluded.until,
    following = excluded.following, began_at = excluded.began_at, ended_at = NULL;

-- name: advance
-- A page is in: its calls are listed, and the next request is remembered.
WITH listed AS (
    INSERT INTO pulled_calls (org_id, source_id, vendor_call_id, created_at, reason)
    SELECT $1, $2, l.vendor_call_id, l.created_at, l.reason
    FROM unnest($4::text[], $5::timestamptz[], $6::text[]) AS l (vendor_call_id, created_at, reason)
    ON CONFLICT (org_id, source_id, vendor_call_id)
    DO UPDATE SET created_at = coalesce(excluded.created_at, pulled_calls.created_at), reason = excluded.reason
)
UPDATE pulls SET following = $3 WHERE org_id = $1 AND source_id = $2;

-- name: repaired
-- Calls that a pull found long after they should have come.
INSERT INTO ledger_calls (org_id, source_id, vendor_call_id, hour, state, reason, noticed_at)
SELECT $1, $2, r.vendor_call_id, date_trunc('hour', r.created_at, 'UTC'), 'repaired', 'no webhook told of it', $5
FROM unnest($3::text[], $4::timestamptz[]) AS r (vendor_call_id, created_at)
ON CONFLICT (org_id, source_id, vendor_call_id)
DO UPDATE SET state = excluded.state, reason = excluded.reason, noticed_at = excluded.noticed_at;

-- name: complete
-- The list was read to its end: the hours it covers are as it said, and what it named in vain is missing.
WITH covered AS (
    SELECT date_trunc('hour', created_at, 'UTC') AS hour, count(*) AS told
    FROM pulled_calls WHERE org_id = $1 AND source_id = $2 AND created_at IS NOT NULL
    GROUP BY 1
), emptied AS (
    UPDATE ledger_hours h SET told = 0, checked_at = $3::timestamptz
    WHERE h.org_id = $1 AND h.source_id = $2 AND h.hour >= $4::timestamptz AND h.hour <= coalesce($5::timestamptz, $3::timestamptz)
        AND NOT EXISTS (SELECT 1 FROM covered c WHERE c.hour = h.hour)
), counted AS (
    INSERT INTO ledger_hours (org_id, source_id, hour, told, checked_at)
    SELECT $1, $2, c.hour, c.told, $3::timestamptz FROM covered c WHERE c.hour >= $4::timestamptz
    ON CONFLICT (org_id, source_id, hour) DO UPDATE SET told = excluded.told, checked_at = excluded.checked_at
), missing AS (
    INSERT INTO ledger_calls (org_id, source_id, vendor_call_id, hour, state, reason, noticed_at)
    SELECT $1, $2, p.vendor_call_id, date_trunc('hour', p.created_at, 'UTC'), 'missing', p.reason, $3::timestamptz
    FROM pulled_calls p WHERE p.org_id = $1 AND p.source_id = $2 AND p.reason IS NOT NULL
    ON CONFLICT (org_id, source_id, vendor_call_id)
    DO UPDATE SET state = excluded.state, reason = excluded.reason, noticed_at = excluded.noticed_at
), found AS (
    UPDATE ledger_calls l SET state = 'repaired', reason = 'could be read at last', noticed_at = $3::timestamptz
    FROM pulled_calls p
    WHERE l.org_id = $1 AND l.source_id = $2 AND l.state = 'missing' AND p.org_id = $1 AND p.source_id = $2
        AND p.vendor_call_id = l.vendor_call_id AND p.reason IS NULL
), ended AS (
    UPDATE pulls SET following = NULL, ended_at = $3::timestamptz, reached = greatest(reached, (
        SELECT max(created_at) FROM pulled_calls WHERE org_id = $1 AND source_id = $2
    )) WHERE org_id = $1 AND source_id = $2
)
DELETE FROM pulled_calls WHERE org_id = $1 AND source_id = $2;

-- name: oldest_open
-- The oldest of a vendor's calls that have not ended, among those made since a moment.
SELECT min(created_at) FROM calls
WHERE org_id = $1 AND vendor = $2 AND status = ANY($3) AND created_at >= $4;

-- name: kept
-- Which of some payloads are kept already.
SELECT s.hash FROM unnest($3::text[], $4::bytea[]) AS k (vendor_call_id, hash)
JOIN sightings s ON s.org_id = $1 AND s.vendor = $2 AND s.vendor_call_id = k.vendor_call_id AND s.hash = k.hash;

-- name: ledger
-- Hour by hour what the vendor listed, what we hold, and how many calls came late, were repaired or are missing.
WITH hours AS (
    SELECT hour, told, checked_at FROM ledger_hours
    WHERE org_id = $1 AND source_id = $2 AND hour >= $4 AND hour < $5
), held AS (
    SELECT h.hour, count(c.id) AS held FROM hours h
    LEFT JOIN calls c ON c.org_id = $1 AND c.vendor = $3 AND c.created_at >= h.hour
        AND c.created_at < h.hour + interval '1 hour'
    GROUP BY h.hour
), named AS (
    SELECT hour, count(*) FILTER (WHERE state = 'missing') AS missing,
        count(*) FILTER (WHERE state = 'repaired') AS repaired
    FROM ledger_calls WHERE org_id = $1 AND source_id = $2 GROUP BY hour
)
SELECT h.hour, h.told, d.held, coalesce(n.missing, 0) AS missing, coalesce(n.repaired, 0) AS repaired, h.checked_at
FROM hours h JOIN held d ON d.hour = h.hour LEFT JOIN named n ON n.hour = h.hour
ORDER BY h.hour;

-- name: ledger_names
-- Calls that are missing or were repaired, by name, newest first.
SELECT vendor_call_id, hour, state, reason, noticed_at FROM ledger_calls
WHERE org_id = $1 AND source_id = $2 AND (hour IS NULL OR (hour >= $3 AND hour < $4))
ORDER BY noticed_at DESC, vendor_call_id LIMIT $5;

-- name: late
-- Calls of which the first webhook came long after their end, newest first.
SELECT f.vendor_call_id, date_trunc('hour', c.created_at, 'UTC') AS hour, f.received_at AS noticed_at
FROM (
    SELECT vendor_call_id, min(received_at) AS received_at FROM sightings
    WHERE org_id = $1 AND source_id = $2 AND kind = 'hook' AND vendor_call_id <> '' GROUP BY vendor_call_id
) f JOIN calls c ON c.org_id = $1 AND c.vendor = $3 AND c.vendor_call_id = f.vendor_call_id
WHERE f.received_at > c.ended_at + $6::interval AND c.created_at >= $4 AND c.created_at < $5
ORDER BY f.received_at DESC LIMIT $7;
