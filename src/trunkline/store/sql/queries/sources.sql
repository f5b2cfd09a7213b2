-- Sources: accounts with vendors, and the addresses to which their webhooks come.

-- name: insert_source
-- A new source.
INSERT INTO sources (org_id, id, vendor, label, address_hash, address, secrets, credential, base_url, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: source_by_address
-- The source that an address belongs to, with its org.
-- no org: the address decides the org
SELECT s.org_id, o.name AS org_name, s.id, s.vendor, s.label, s.address, s.secrets, s.credential, s.base_url,
       s.created_at, s.disabled_at
FROM sources s JOIN orgs o ON o.org_id = s.org_id
WHERE s.address_hash = $1;

-- name: sources_of_org
-- An org's sources, oldest first.
SELECT s.org_id, o.name AS org_name, s.id, s.vendor, s.label, s.address, s.secrets, s.credential, s.base_url,
       s.created_at, s.disabled_at
FROM sources s JOIN orgs o ON o.org_id = s.org_id
WHERE s.org_id = $1
ORDER BY s.created_at, s.id;

-- name: source
-- One source of an org.
SELECT s.org_id, o.name AS org_name, s.id, s.vendor, s.label, s.address, s.secrets, s.credential, s.base_url,
       s.created_at, s.disabled_at
FROM sources s JOIN orgs o ON o.org_id = s.org_id
WHERE s.org_id = $1 AND s.id = $2;

-- name: change_secrets
-- Other secrets and credential; null leaves them as they are.
UPDATE sources SET secrets = coalesce($3, secrets), credential = coalesce($4, credential)
WHERE org_id = $1 AND id = $2
RETURNING id;

-- name: disable_source
-- Disables a source: it accepts no more deliveries.
UPDATE sources SET disabled_at = $3 WHERE org_id = $1 AND id = $2 AND disabled_at IS NULL RETURNING id;
