-- Recordings: what is to be fetched, what is kept, and what failed.

-- name: lagging_orgs
-- Orgs whose changes a follower has not seen to the end, where it is, and where the end is.
-- no org: every org is followed
SELECT c.org_id, coalesce(f.change, 0) AS change, c.n AS head
FROM change_sequences c LEFT JOIN followers f ON f.org_id = c.org_id AND f.name = $1
WHERE c.n > coalesce(f.change, 0)
ORDER BY c.org_id;

-- name: recorded
-- Calls that are over and may have a recording, among changes after one place and up to another.
SELECT c.body FROM calls c
WHERE c.org_id = $1 AND c.change > $2 AND c.change <= $3 AND c.change > 0
    AND c.status = ANY($4) AND strpos(c.body, '"recording":{') > 0;

-- name: deleted
-- Calls that were taken out, among the same changes.
SELECT d.id FROM deleted_calls d WHERE d.org_id = $1 AND d.change > $2 AND d.change <= $3;

-- name: note
-- Recordings to be fetched, and how far their org was followed. One that is kept stays; another link is a new chance.
WITH noted AS (
    INSERT INTO recordings AS r (org_id, call_id, url, state, next_try_at)
    SELECT $1, n.call_id, n.url, 'waiting', $6
    FROM unnest($4::uuid[], $5::text[]) AS n (call_id, url)
    ON CONFLICT (org_id, call_id) DO UPDATE SET url = excluded.url, state = 'waiting', attempts = 0,
        next_try_at = excluded.next_try_at, problem = NULL
    WHERE r.state <> 'stored' AND r.url <> excluded.url
)
INSERT INTO followers (org_id, name, change) VALUES ($1, $2, $3)
ON CONFLICT (org_id, name) DO UPDATE SET change = excluded.change;

-- name: drop_recordings
-- Recordings of calls that were taken out; answers where what was kept lies.
DELETE FROM recordings WHERE org_id = $1 AND call_id = ANY($2::uuid[]) RETURNING path;

-- name: due
-- What is to be fetched next.
-- no org: every org's recordings wait in one queue
SELECT r.org_id, o.name AS org_name, r.call_id, r.url, r.attempts, c.vendor, c.vendor_call_id
FROM recordings r JOIN orgs o ON o.org_id = r.org_id
JOIN calls c ON c.org_id = r.org_id AND c.id = r.call_id
WHERE r.state = 'waiting' AND r.next_try_at <= $1
ORDER BY r.next_try_at
LIMIT $2;

-- name: mark_stored
-- A recording is kept.
UPDATE recordings SET state = 'stored', path = $3, size_bytes = $4, media_type = $5, sha256 = $6, fetched_at = $7,
    problem = NULL, attempts = attempts + 1
WHERE org_id = $1 AND call_id = $2;

-- name: mark_failed
-- A try failed; the next one is later, or there is none.
UPDATE recordings SET state = $3, problem = $4, next_try_at = $5, attempts = attempts + 1
WHERE org_id = $1 AND call_id = $2;

-- name: stored
-- A recording that is kept.
SELECT path, size_bytes, media_type, sha256 FROM recordings WHERE org_id = $1 AND call_id = $2 AND state = 'stored';

-- name: recordings_of_org
-- An org's recordings in some state, or all, those that are due soonest first.
SELECT call_id, url, state, attempts, next_try_at, problem, size_bytes, media_type, fetched_at FROM recordings
WHERE org_id = $1 AND ($2::text IS NULL OR state = $2)
ORDER BY next_try_at, call_id LIMIT $3;

-- name: retry
-- Failed ones are tried again now.
UPDATE recordings SET state = 'waiting', attempts = 0, next_try_at = $2 WHERE org_id = $1 AND state <> 'stored';

-- name: lead
-- Whether this process may keep recordings; one at a time does, as long as its connection lives.
-- no org: it is about processes
SELECT pg_try_advisory_lock(7204912);
