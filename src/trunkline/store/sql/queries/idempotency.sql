-- Idempotent requests: their answers, for requests that are sent again under one key. $1 is always the org.

-- name: begin
-- Reserves a key for a request. Returns nothing if another request uses the key already, unless that is older than $5,
-- or is the same and was begun before $6 and never answered.
INSERT INTO idempotent_requests AS r (org_id, key, fingerprint, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (org_id, key) DO UPDATE
SET fingerprint = excluded.fingerprint, created_at = excluded.created_at, status = NULL, headers = NULL, body = NULL,
    call_ids = '{}'
WHERE r.created_at < $5 OR (r.status IS NULL AND r.created_at < $6 AND r.fingerprint = excluded.fingerprint)
RETURNING true;

-- name: find
-- The request that uses a key.
SELECT fingerprint, status, headers, body FROM idempotent_requests WHERE org_id = $1 AND key = $2;

-- name: store_response
-- Stores the answer to the request that reserved a key at $3, and the calls in it. The answer is not stored if one of
-- those calls was deleted meanwhile.
WITH answered AS (
    UPDATE idempotent_requests SET status = $4, headers = $5, body = $6, call_ids = $7
    WHERE org_id = $1 AND key = $2 AND created_at = $3
        AND NOT EXISTS (SELECT FROM deleted_calls WHERE org_id = $1 AND id = ANY($7::uuid[]))
    RETURNING key
)
DELETE FROM idempotent_requests
WHERE org_id = $1 AND key = $2 AND created_at = $3 AND NOT EXISTS (SELECT FROM answered);

-- name: forget
-- Releases a key that a request reserved at $3.
DELETE FROM idempotent_requests WHERE org_id = $1 AND key = $2 AND created_at = $3;

-- name: sweep
-- Deletes expired requests. no org: age is the same for all
DELETE FROM idempotent_requests WHERE created_at < $1;
