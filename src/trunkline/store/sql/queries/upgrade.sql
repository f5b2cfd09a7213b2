-- Upgrade: what is done with stored calls after the tables were changed. $1 is always the org.

-- name: is_known
-- Whether the table of steps exists, which older databases lack. no org: it is about the table
SELECT to_regclass('upgrade_steps') IS NOT NULL;

-- name: is_pending
-- Whether any step is left. no org: it looks for one of any org
SELECT EXISTS (SELECT 1 FROM upgrade_steps);

-- name: pending
-- The steps that are left. no org: it looks for those of every org
SELECT u.org_id, o.name, u.step FROM upgrade_steps u LEFT JOIN orgs o ON o.org_id = u.org_id ORDER BY u.org_id;

-- name: lead
-- Waits until no other process upgrades the database. no org: it is about the database
SELECT pg_advisory_lock($1);

-- name: done
DELETE FROM upgrade_steps WHERE org_id = $1 AND step = $2;

-- name: hold
-- Lets nobody write to the org until the transaction ends; writers hold the same row.
INSERT INTO change_sequences AS c (org_id, n) VALUES ($1, 0)
ON CONFLICT (org_id) DO UPDATE SET n = c.n;

-- name: sequence
-- Gives calls without a sequence number the next ones, in order of creation after a call. Returns the last of them, and
-- how many there were.
WITH batch AS (
    SELECT c.id, c.created_at, row_number() OVER (ORDER BY c.created_at, c.id) AS nth
    FROM calls c
    WHERE c.org_id = $1 AND c.change = 0 AND (c.created_at, c.id) > ($2, $3)
    ORDER BY c.created_at, c.id
    LIMIT $4
), reserved AS (
    UPDATE change_sequences SET n = n + (SELECT count(*) FROM batch) WHERE org_id = $1
    RETURNING old.n AS before
), placed AS (
    UPDATE calls c SET change = r.before + b.nth FROM batch b, reserved r WHERE c.org_id = $1 AND c.id = b.id
)
SELECT created_at, id, nth AS count FROM batch ORDER BY nth DESC LIMIT 1;

-- name: calls
-- Calls in order of their ids after one of them, as they are stored.
SELECT c.id, c.revision, c.body, t.body AS transcript
FROM calls c LEFT JOIN call_transcripts t ON t.org_id = $1 AND t.call_id = c.id
WHERE c.org_id = $1 AND c.id > $2
ORDER BY c.id
LIMIT $3;

-- name: columns
-- Corrects the columns of calls that differ from what is read from the call, unless it was written meanwhile.
UPDATE calls c SET {assigned}
FROM unnest({arrays}) AS i ({names})
WHERE c.org_id = $1 AND c.id = i.id AND c.revision = i.revision AND ({stored}) IS DISTINCT FROM ({read});

-- name: words
-- Puts transcripts without words on the list of those to be indexed.
INSERT INTO search_backlog (org_id, call_id, change)
SELECT t.org_id, t.call_id, 0 FROM call_transcripts t
WHERE t.org_id = $1 AND NOT EXISTS (SELECT 1 FROM call_terms w WHERE w.org_id = $1 AND w.call_id = t.call_id)
ON CONFLICT (org_id, call_id) DO NOTHING;
