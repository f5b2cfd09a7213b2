-- Recordings: which calls have one, and where the stored ones are. A job decides when one is downloaded.

-- name: recorded
-- Calls that have ended and may have a recording, among changes after one sequence number up to another.
SELECT c.body FROM calls c
WHERE c.org_id = $1 AND c.change > $2 AND c.change <= $3 AND c.change > 0
    AND c.status = ANY($4) AND strpos(c.body, '"recording":{') > 0;

-- name: deleted
-- Deleted calls among the same changes.
SELECT d.id FROM deleted_calls d WHERE d.org_id = $1 AND d.change > $2 AND d.change <= $3;

-- name: note
-- Recordings to be downloaded; returns those that are new or have another link. A stored one stays.
INSERT INTO recordings AS r (org_id, call_id, url)
SELECT $1, n.call_id, n.url FROM unnest($2::uuid[], $3::text[]) AS n (call_id, url)
ON CONFLICT (org_id, call_id) DO UPDATE SET url = excluded.url
WHERE r.path IS NULL AND r.url <> excluded.url
RETURNING r.call_id;

-- name: drop_recordings
-- Removes the recordings of deleted calls; returns those that existed.
DELETE FROM recordings WHERE org_id = $1 AND call_id = ANY($2::uuid[]) RETURNING call_id;

-- name: wanted
-- A recording to be downloaded, with its call.
SELECT r.url, r.path, c.vendor, c.vendor_call_id
FROM recordings r JOIN calls c ON c.org_id = $1 AND c.id = r.call_id
WHERE r.org_id = $1 AND r.call_id = $2;

-- name: mark_stored
-- Records that a recording is stored.
UPDATE recordings SET path = $3, size_bytes = $4, media_type = $5, sha256 = $6, fetched_at = $7
WHERE org_id = $1 AND call_id = $2;

-- name: stored
-- A stored recording.
SELECT path, size_bytes, media_type, sha256 FROM recordings WHERE org_id = $1 AND call_id = $2 AND path IS NOT NULL;

-- name: recordings_of_org
-- An org's recordings in some state, or all, those that are due soonest first.
SELECT call_id, url, state, attempts, next_try_at, problem, size_bytes, media_type, fetched_at FROM (
    SELECT r.*, CASE WHEN r.path IS NOT NULL THEN 'stored' ELSE coalesce(j.state, 'failed') END AS state,
        coalesce(j.attempts, 0) AS attempts, j.next_try_at, j.problem
    FROM recordings r LEFT JOIN jobs j ON j.org_id = r.org_id AND j.kind = 'recording' AND j.key = r.call_id::text
    WHERE r.org_id = $1
) r
WHERE $2::text IS NULL OR state = $2
ORDER BY next_try_at, call_id LIMIT $3;
