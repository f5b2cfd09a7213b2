-- Pulls: the progress of a source's pull, and what it has listed. $1 is always the org, $2 the source.

-- name: lock_pull
-- One pull of a source at a time; the lock ends with its connection. no org: the key is made of org and source
SELECT pg_try_advisory_lock(hashtextextended($1::integer::text || ' ' || $2::uuid::text, 5));

-- name: unlock_pull
-- Releases the lock. no org: the key is made of org and source
SELECT pg_advisory_unlock(hashtextextended($1::integer::text || ' ' || $2::uuid::text, 5));

-- name: pull
-- The progress of a source's pull.
SELECT started_at, requested_since, requested_until, range_from, next, newest_at, reached_from, reached_at, vendors
FROM pulls WHERE org_id = $1 AND source_id = $2;

-- name: begin_pull
-- Begins a pull; what complete ones have reached stays.
INSERT INTO pulls (org_id, source_id, started_at, requested_since, requested_until, range_from, next)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (org_id, source_id) DO UPDATE SET
    started_at = excluded.started_at, requested_since = excluded.requested_since, requested_until = excluded.requested_until,
    range_from = excluded.range_from, next = excluded.next, newest_at = NULL;

-- name: forget_listed
-- Removes what a pull has listed.
DELETE FROM listed_calls WHERE org_id = $1 AND source_id = $2;

-- name: record_listed
-- Records the calls of a page before they are stored. For a call that was listed before, whether we had it stays as it
-- was then: a page that is read again after a kill finds calls that it brought itself. A row that was inserted and not
-- updated is a call that was not listed before.
INSERT INTO listed_calls AS p (
    org_id, source_id, vendor, vendor_call_id, created_at, over_at, listed_at, was_stored, reason
)
SELECT $1, $2, m.vendor, m.vendor_call_id, m.created_at, m.over_at, $3,
    EXISTS (
        SELECT FROM calls c
        WHERE c.org_id = $1 AND c.vendor = m.vendor AND c.vendor_call_id = m.vendor_call_id
    ) OR EXISTS (
        SELECT FROM deleted_calls d
        WHERE d.org_id = $1 AND d.vendor = m.vendor AND d.vendor_call_id = m.vendor_call_id
    ),
    CASE WHEN NOT EXISTS (
        SELECT FROM deleted_calls d
        WHERE d.org_id = $1 AND d.vendor = m.vendor AND d.vendor_call_id = m.vendor_call_id
    ) THEN m.reason END
FROM unnest($4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::text[])
    AS m (vendor, vendor_call_id, created_at, over_at, reason)
ON CONFLICT (org_id, source_id, vendor, vendor_call_id) DO UPDATE SET
    created_at = excluded.created_at, over_at = excluded.over_at, reason = excluded.reason
RETURNING p.xmax = 0 AS fresh;

-- name: turn_page
-- Stores the next request, after the page before was committed.
UPDATE pulls SET
    next = $3,
    newest_at = greatest(newest_at, $4),
    vendors = ARRAY(SELECT DISTINCT v FROM unnest(vendors || $5::text[]) AS v ORDER BY v)
WHERE org_id = $1 AND source_id = $2;

-- name: oldest_open
-- The creation of the oldest call of some vendors that has not ended, if that is not too long ago.
SELECT created_at FROM calls
WHERE org_id = $1 AND vendor = ANY($2::text[]) AND created_at >= $3
    AND status IN ('scheduled', 'queued', 'ringing', 'in_progress')
ORDER BY created_at
LIMIT 1;

-- name: end_pull
-- Ends a pull. What it reached counts if there is no gap between it and what was reached before.
UPDATE pulls SET
    started_at = NULL, next = NULL, newest_at = NULL, completed_at = $3,
    reached_from = CASE
        WHEN reached_at IS NULL THEN range_from
        WHEN range_from > reached_at OR requested_until < reached_from OR reached_from IS NULL THEN reached_from
        WHEN range_from IS NOT NULL THEN least(reached_from, range_from)
    END,
    reached_at = CASE
        WHEN newest_at IS NULL OR range_from > reached_at THEN reached_at
        ELSE greatest(reached_at, least(newest_at, started_at))
    END
WHERE org_id = $1 AND source_id = $2;

-- name: stored_lines
-- Which of some payloads are stored already.
SELECT s.hash FROM unnest($3::text[], $4::bytea[]) AS k (vendor_call_id, hash)
JOIN sightings s ON s.org_id = $1 AND s.vendor = $2 AND s.vendor_call_id = k.vendor_call_id AND s.hash = k.hash;

-- name: pull_schedules
-- The pull schedules of an org's sources, and when each was last pulled to the end; $2 is the kind of job.
SELECT s.id, j.schedule, p.completed_at AS last_at, j.next_try_at AS next_at, j.problem,
    j.started_at IS NOT NULL AS running
FROM sources s
LEFT JOIN pulls p ON p.org_id = s.org_id AND p.source_id = s.id
LEFT JOIN jobs j ON j.org_id = s.org_id AND j.kind = $2 AND j.key = s.id::text
WHERE s.org_id = $1;
