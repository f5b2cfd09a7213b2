-- Followers: how far each has read an org's changes. $1 is the org and $2 the follower's name.

-- name: behind
-- Which of the followers named in $1 have unread changes in which orgs and may read them at $2.
-- no org: every org is followed
SELECT n.name, c.org_id
FROM change_sequences c CROSS JOIN unnest($1::text[]) AS n (name)
LEFT JOIN followers f ON f.org_id = c.org_id AND f.name = n.name
WHERE c.n > coalesce(f.change, 0) AND (f.next_try_at IS NULL OR f.next_try_at <= $2);

-- name: lock_step
-- One step of a follower in an org at a time; the lock ends with its connection. no org: the key is made of org and name
SELECT pg_try_advisory_lock(hashtextextended($1::integer::text || ' ' || $2::text, 6));

-- name: wait_for_step
-- The same, but waits for the lock. no org: the key is made of org and name
SELECT pg_advisory_lock(hashtextextended($1::integer::text || ' ' || $2::text, 6));

-- name: unlock_step
-- Releases the lock. no org: the key is made of org and name
SELECT pg_advisory_unlock(hashtextextended($1::integer::text || ' ' || $2::text, 6));

-- name: begin_step
-- A step begins, where not everything up to $3 is read; only whoever holds the lock does this. `died` means that the
-- last step began and never ended.
INSERT INTO followers AS f (org_id, name, change, started_at) SELECT $1, $2, 0, clock_timestamp() WHERE $3::bigint > 0
ON CONFLICT (org_id, name) DO UPDATE SET started_at = coalesce(f.started_at, excluded.started_at)
WHERE f.change < $3::bigint
RETURNING new.change, new.span, new.attempts, old.started_at IS NOT NULL AS died;

-- name: end_step
-- A step ended without having moved the position.
UPDATE followers SET started_at = NULL WHERE org_id = $1 AND name = $2;

-- name: lock_position
-- Locks a follower's position until the transaction ends.
SELECT change, span, attempts FROM followers WHERE org_id = $1 AND name = $2 FOR UPDATE;

-- name: move_position
-- A follower has reached a sequence number. If its batches were made smaller, the next one is twice as large.
UPDATE followers SET change = $3, attempts = 0, next_try_at = NULL, problem = NULL, span = $4, started_at = NULL
WHERE org_id = $1 AND name = $2;

-- name: note_failure
-- A follower failed at a sequence number, perhaps its first; nothing is recorded if it has moved on since.
INSERT INTO followers AS f (org_id, name, change, attempts, next_try_at, problem, span)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (org_id, name) DO UPDATE SET attempts = excluded.attempts, next_try_at = excluded.next_try_at,
    problem = excluded.problem, span = excluded.span, started_at = NULL
WHERE f.change = excluded.change;

-- name: skip
-- A follower skips a change that always fails, and marks it.
WITH past AS (
    UPDATE followers SET change = $4, attempts = 0, next_try_at = NULL, problem = NULL, started_at = NULL
    WHERE org_id = $1 AND name = $2 AND change = $3 RETURNING true
)
INSERT INTO follower_skips (org_id, name, change, problem, skipped_at) SELECT $1, $2, $4, $5, $6 FROM past
ON CONFLICT (org_id, name, change) DO UPDATE SET problem = excluded.problem, skipped_at = excluded.skipped_at;

-- name: skipped_count
-- How many changes a follower has skipped.
SELECT count(*) FROM follower_skips WHERE org_id = $1 AND name = $2;

-- name: followers
-- The positions and problems of followers of an org, or of all; those with a problem first. $2 is how many at most.
SELECT c.org_id, coalesce(o.name, '') AS org, f.name, c.n - f.change AS behind, f.attempts, f.next_try_at, f.problem,
    (SELECT count(*) FROM follower_skips s WHERE s.org_id = f.org_id AND s.name = f.name) AS skipped
FROM followers f JOIN change_sequences c ON c.org_id = f.org_id LEFT JOIN orgs o ON o.org_id = f.org_id
WHERE $1::integer IS NULL OR f.org_id = $1
ORDER BY f.attempts = 0, f.org_id, f.name
LIMIT $2;

-- name: go_back
-- Followers of an org, or of all, move back to before the first change that they skipped, and retry now.
WITH gone AS (
    DELETE FROM follower_skips s WHERE $1::integer IS NULL OR s.org_id = $1 RETURNING s.org_id, s.name, s.change
), first AS (
    SELECT org_id, name, min(change) AS change, count(*) AS n FROM gone GROUP BY org_id, name
), moved AS (
    UPDATE followers f SET change = least(f.change, coalesce(g.change - 1, f.change)), next_try_at = NULL, attempts = 0
    FROM followers b LEFT JOIN first g ON g.org_id = b.org_id AND g.name = b.name
    WHERE f.org_id = b.org_id AND f.name = b.name AND ($1::integer IS NULL OR f.org_id = $1)
        AND (g.n IS NOT NULL OR f.attempts > 0)
)
SELECT coalesce(sum(n), 0)::bigint FROM first;

-- name: lags
-- How many unread changes each follower has, over how many orgs, and in how many of them it fails.
-- no org: it is about followers
SELECT f.name, coalesce(sum(c.n - f.change), 0)::bigint AS behind, count(*) FILTER (WHERE c.n > f.change) AS orgs_behind,
    count(*) FILTER (WHERE f.attempts > 0) AS orgs_failing, max(c.n - f.change) AS farthest
FROM followers f JOIN change_sequences c ON c.org_id = f.org_id
GROUP BY f.name ORDER BY f.name;

-- name: skips
-- How many changes each follower has skipped. no org: it is about followers
SELECT name, count(*) AS n FROM follower_skips GROUP BY name ORDER BY name;
