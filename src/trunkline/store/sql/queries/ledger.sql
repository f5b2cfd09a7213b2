-- The ledger: what a source's vendor lists, compared with what we store. $1 is always the org.
-- Hours are those of the creation in our log, so that both sides count a call in the same hour.

-- name: empty_hours
-- Removes the counts of hours that a pull covered; hours that still have calls are counted again.
UPDATE ledger_hours SET listed = 0, checked_at = $3
WHERE org_id = $1 AND source_id = $2
    AND ($4::timestamptz IS NULL OR hour >= $4) AND ($5::timestamptz IS NULL OR hour < $5);

-- name: list_hours
-- How many calls a pull listed, for each whole hour that it covered.
INSERT INTO ledger_hours (org_id, source_id, hour, listed, checked_at)
SELECT $1, $2, m.hour, count(*), $3
FROM (
    SELECT date_trunc('hour', coalesce(c.created_at, d.created_at, p.created_at, p.listed_at), 'UTC') AS hour
    FROM listed_calls p
    LEFT JOIN calls c ON c.org_id = $1 AND c.vendor = p.vendor AND c.vendor_call_id = p.vendor_call_id
    LEFT JOIN deleted_calls d ON d.org_id = $1 AND d.vendor = p.vendor AND d.vendor_call_id = p.vendor_call_id
    WHERE p.org_id = $1 AND p.source_id = $2
) m
WHERE ($4::timestamptz IS NULL OR m.hour >= $4) AND ($5::timestamptz IS NULL OR m.hour < $5)
GROUP BY m.hour
ON CONFLICT (org_id, source_id, hour) DO UPDATE SET listed = excluded.listed, checked_at = excluded.checked_at;

-- name: note_late
-- Calls of a source with webhooks whose first webhook arrived too long after their end.
INSERT INTO ledger_calls (org_id, source_id, vendor, vendor_call_id, hour, state, noticed_at)
SELECT $1, $2, p.vendor, p.vendor_call_id, date_trunc('hour', c.created_at, 'UTC'), 'late', s.first_at
FROM listed_calls p
JOIN sources o ON o.org_id = $1 AND o.id = $2
JOIN calls c ON c.org_id = $1 AND c.vendor = p.vendor AND c.vendor_call_id = p.vendor_call_id
CROSS JOIN LATERAL (
    SELECT min(received_at) AS first_at FROM sightings s
    WHERE s.org_id = $1 AND s.vendor = p.vendor AND s.vendor_call_id = p.vendor_call_id
        AND s.source_id = $2 AND s.kind IN ('hook', 'event')
) s
WHERE p.org_id = $1 AND p.source_id = $2 AND c.created_at >= o.created_at AND s.first_at > c.ended_at + $3::interval
ON CONFLICT (org_id, source_id, vendor, vendor_call_id) DO NOTHING;

-- name: note_repaired
-- Calls that a pull brought although they should have arrived before: their end, or else their creation, was longer ago
-- than the grace period when they were listed, and they were created after the source's first webhook or in a range
-- that complete pulls had covered before.
INSERT INTO ledger_calls AS l (
    org_id, source_id, vendor, vendor_call_id, hour, state, noticed_at, repaired_at
)
SELECT $1, $2, p.vendor, p.vendor_call_id, date_trunc('hour', c.created_at, 'UTC'), 'repaired', p.listed_at, $3
FROM listed_calls p
JOIN calls c ON c.org_id = $1 AND c.vendor = p.vendor AND c.vendor_call_id = p.vendor_call_id
LEFT JOIN pulls u ON u.org_id = $1 AND u.source_id = $2
WHERE p.org_id = $1 AND p.source_id = $2 AND NOT p.was_stored
    AND coalesce(p.over_at, c.created_at) + $4::interval < p.listed_at
    AND (
        c.created_at <= u.reached_at AND (u.reached_from IS NULL OR c.created_at >= u.reached_from)
        OR c.created_at >= least((
            SELECT min(s.received_at) FROM sightings s
            WHERE s.org_id = $1 AND s.source_id = $2 AND s.kind IN ('hook', 'event')
        ), (
            SELECT min(i.received_at) FROM inbox i
            WHERE i.org_id = $1 AND i.source_id = $2 AND i.kind = 'hook'
        ))
    )
ON CONFLICT (org_id, source_id, vendor, vendor_call_id)
DO UPDATE SET state = 'repaired', repaired_at = excluded.repaired_at WHERE l.state = 'missing';

-- name: mend_missing
-- Calls that were missing and are stored now, however they arrived.
UPDATE ledger_calls l SET state = 'repaired', repaired_at = $3
WHERE l.org_id = $1 AND l.source_id = $2 AND l.state = 'missing' AND EXISTS (
    SELECT FROM calls c WHERE c.org_id = $1 AND c.vendor = l.vendor AND c.vendor_call_id = l.vendor_call_id
);

-- name: forget_missing
-- Calls that were missing and that the vendor no longer lists in the hours that a pull covered.
DELETE FROM ledger_calls l
WHERE l.org_id = $1 AND l.source_id = $2 AND l.state = 'missing'
    AND ($3::timestamptz IS NULL OR l.hour >= $3) AND ($4::timestamptz IS NULL OR l.hour < $4)
    AND NOT EXISTS (
        SELECT FROM listed_calls p
        WHERE p.org_id = $1 AND p.source_id = $2 AND p.vendor = l.vendor AND p.vendor_call_id = l.vendor_call_id
    );

-- name: note_missing
-- Calls that a pull could not read, and that did not arrive otherwise either; deleted calls are not missing.
INSERT INTO ledger_calls AS l (org_id, source_id, vendor, vendor_call_id, hour, state, noticed_at, reason)
SELECT $1, $2, p.vendor, p.vendor_call_id, date_trunc('hour', coalesce(p.created_at, p.listed_at), 'UTC'), 'missing',
    p.listed_at, p.reason
FROM listed_calls p
WHERE p.org_id = $1 AND p.source_id = $2 AND p.reason IS NOT NULL AND NOT p.was_stored AND NOT EXISTS (
    SELECT FROM calls c WHERE c.org_id = $1 AND c.vendor = p.vendor AND c.vendor_call_id = p.vendor_call_id
) AND NOT EXISTS (
    SELECT FROM deleted_calls d WHERE d.org_id = $1 AND d.vendor = p.vendor AND d.vendor_call_id = p.vendor_call_id
)
ON CONFLICT (org_id, source_id, vendor, vendor_call_id)
DO UPDATE SET state = 'missing', reason = excluded.reason, repaired_at = NULL;

-- name: shown_hours
-- Each hour of a range with its listed, stored, late, repaired and missing calls, for one source or all of the org's.
WITH requested AS (
    SELECT s.id, s.vendor, coalesce(p.vendors, '{}') || s.vendor AS vendors
    FROM sources s LEFT JOIN pulls p ON p.org_id = $1 AND p.source_id = s.id
    WHERE s.org_id = $1 AND ($2::uuid IS NULL OR s.id = $2)
), listed AS (
    SELECT h.source_id, h.hour, h.listed, h.checked_at FROM ledger_hours h JOIN requested a ON a.id = h.source_id
    WHERE h.org_id = $1 AND h.hour >= $3 AND h.hour < $4
), per_vendor AS (
    SELECT vendor, date_trunc('hour', created_at, 'UTC') AS hour, count(*) AS stored FROM calls
    WHERE org_id = $1 AND created_at >= $3 AND created_at < $4 AND vendor IN (SELECT unnest(vendors) FROM requested)
    GROUP BY 1, 2
), stored AS (
    SELECT a.id AS source_id, v.hour, sum(v.stored)::bigint AS stored
    FROM requested a JOIN per_vendor v ON v.vendor = ANY(a.vendors) GROUP BY 1, 2
), gone AS (
    SELECT a.id AS source_id, date_trunc('hour', d.created_at, 'UTC') AS hour, count(*) AS deleted
    FROM requested a
    JOIN deleted_calls d ON d.org_id = $1 AND d.vendor = ANY(a.vendors) AND d.created_at >= $3 AND d.created_at < $4
    GROUP BY 1, 2
), named AS (
    SELECT l.source_id, l.hour, count(*) FILTER (WHERE l.state = 'missing') AS missing,
        count(*) FILTER (WHERE l.state = 'late') AS late, count(*) FILTER (WHERE l.state = 'repaired') AS repaired
    FROM ledger_calls l JOIN requested a ON a.id = l.source_id
    WHERE l.org_id = $1 AND l.hour >= $3 AND l.hour < $4
    GROUP BY 1, 2
)
SELECT hour, source_id, a.vendor, listed, coalesce(stored, 0) AS stored, coalesce(deleted, 0) AS deleted,
    coalesce(missing, 0) AS missing, coalesce(late, 0) AS late, coalesce(repaired, 0) AS repaired, checked_at
FROM listed
FULL JOIN stored USING (source_id, hour)
FULL JOIN gone USING (source_id, hour)
FULL JOIN named USING (source_id, hour)
JOIN requested a ON a.id = source_id
ORDER BY hour, a.vendor, source_id;

-- name: shown_calls
-- The calls of a range that were late, repaired or missing, and how many there are in all.
SELECT hour, source_id, vendor, vendor_call_id, state, noticed_at, repaired_at, reason, count(*) OVER () AS all_calls
FROM ledger_calls
WHERE org_id = $1 AND ($2::uuid IS NULL OR source_id = $2) AND hour >= $3 AND hour < $4
ORDER BY hour, vendor, vendor_call_id, source_id
LIMIT $5;
