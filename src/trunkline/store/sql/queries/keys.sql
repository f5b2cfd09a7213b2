-- Orgs and keys.

-- name: ensure_org
-- An org by its name, created if it is new. The update changes nothing; it makes the statement return the row.
-- no org: this creates one
INSERT INTO orgs (name) VALUES ($1)
ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING org_id;

-- name: org_by_name
-- no org: it is found by its name
SELECT org_id FROM orgs WHERE name = $1;

-- name: org_names
-- no org: all of them are requested
SELECT name FROM orgs ORDER BY name;

-- name: insert_key
-- A new key; the hash is unique over all orgs, so a key that any org has already is not stored.
INSERT INTO keys (org_id, id, hash, name_hash, secret_hash, dialect, label, scopes, addresses, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: key_by_hash
-- The key of a request, with its org.
-- no org: the key decides the org
SELECT k.org_id, o.name AS org_name, k.id, k.secret_hash, k.dialect, k.scopes, k.addresses, k.expires_at,
       k.revoked_at, k.last_used_at
FROM keys k JOIN orgs o ON o.org_id = k.org_id
WHERE k.hash = ANY($1::bytea[]) OR k.name_hash = ANY($1::bytea[])
ORDER BY k.dialect NULLS FIRST
LIMIT 1;

-- name: touch_key
-- Records the last use, to the minute, so that a busy key is not written at every request.
UPDATE keys SET last_used_at = $3
WHERE org_id = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at < $3::timestamptz - interval '1 minute');

-- name: keys_of_org
SELECT id, dialect, label, scopes, addresses, created_at, expires_at, revoked_at, last_used_at
FROM keys WHERE org_id = $1 ORDER BY created_at, id;

-- name: revoke_key
UPDATE keys SET revoked_at = $3 WHERE org_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING id;
