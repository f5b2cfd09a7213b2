-- Jobs: work that may fail, wait or be repeated. $1 is the org, $2 the kind and $3 the key, unless a statement says otherwise.

-- name: add
-- Jobs that are due now. One that exists starts over, also while it runs: that run does not count.
INSERT INTO jobs AS j (org_id, kind, key, next_try_at, created_at)
SELECT $1, $2, k.key, $4, $4 FROM unnest($3::text[]) AS k (key)
ON CONFLICT (org_id, kind, key) DO UPDATE SET turn = j.turn + 1, state = 'waiting', attempts = 0, problem = NULL,
    started_at = NULL, next_try_at = excluded.next_try_at;

-- name: schedule
-- A recurring job. A changed schedule begins at its own next time; an unchanged one stays as it is.
INSERT INTO jobs AS j (org_id, kind, key, schedule, next_try_at, created_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (org_id, kind, key) DO UPDATE SET turn = j.turn + 1, state = 'waiting', attempts = 0, problem = NULL,
    started_at = NULL, schedule = excluded.schedule, next_try_at = excluded.next_try_at
WHERE j.schedule IS DISTINCT FROM excluded.schedule OR j.state = 'failed';

-- name: remove
-- Removes a job; a run of it does not count.
DELETE FROM jobs WHERE org_id = $1 AND kind = $2 AND key = $3 RETURNING true;

-- name: share_out
-- The jobs that are queued next, of the kinds $1, of each of which $2 may be in the queue for all orgs together and $3
-- for one org. Orgs take turns: first the one with the fewest jobs in the queue, then the one served longest ago. A job
-- that is in the queue is not queued again. A finished run that is still in the queue does not count against the
-- limits, but the next turn of its job waits until it is gone, so that a job never runs twice at once. no org: all share
-- the queue
WITH RECURSIVE kinds AS (
    SELECT * FROM unnest($1::text[], $2::integer[], $3::integer[]) AS k (kind, at_once, at_once_of_org)
), queued AS MATERIALIZED (
    SELECT q.entrypoint AS kind, q.dedupe_key, j.org_id
    FROM job_queue.pgqueuer q
    LEFT JOIN jobs j ON j.org_id = (q.headers ->> 'org')::integer AND j.kind = q.entrypoint
        AND j.key = q.headers ->> 'key' AND j.turn = (q.headers ->> 'turn')::bigint
    WHERE q.status IN ('queued', 'picked')
), of_org AS (
    SELECT kind, org_id, count(*) AS n FROM queued WHERE org_id IS NOT NULL GROUP BY kind, org_id
), of_kind AS (
    SELECT kind, count(*) AS n FROM queued WHERE org_id IS NOT NULL GROUP BY kind
), orgs (kind, org_id) AS (
    SELECT k.kind, (
        SELECT j.org_id FROM jobs j WHERE j.kind = k.kind AND j.state = 'waiting' ORDER BY j.org_id LIMIT 1
    ) FROM kinds k
    UNION ALL
    SELECT o.kind, (
        SELECT j.org_id FROM jobs j WHERE j.kind = o.kind AND j.state = 'waiting' AND j.org_id > o.org_id
        ORDER BY j.org_id LIMIT 1
    ) FROM orgs o WHERE o.org_id IS NOT NULL
), due AS (
    SELECT o.kind, o.org_id, j.key, j.turn, k.at_once,
        coalesce(n.n, 0) + row_number() OVER (PARTITION BY o.kind, o.org_id ORDER BY j.next_try_at, j.key) AS rank
    FROM orgs o JOIN kinds k ON k.kind = o.kind
    LEFT JOIN of_org n ON n.kind = o.kind AND n.org_id = o.org_id
    CROSS JOIN LATERAL (
        SELECT j.key, j.turn, j.next_try_at FROM jobs j
        WHERE j.org_id = o.org_id AND j.kind = o.kind AND j.state = 'waiting' AND j.next_try_at <= $4
            AND NOT EXISTS (SELECT FROM queued q WHERE q.dedupe_key = concat_ws('/', j.org_id, j.kind, j.key))
        ORDER BY j.next_try_at, j.key
        LIMIT greatest(0, k.at_once_of_org - coalesce(n.n, 0))
    ) j
    WHERE o.org_id IS NOT NULL
), ranked AS (
    SELECT d.*, coalesce(n.n, 0) + row_number() OVER (
        PARTITION BY d.kind ORDER BY d.rank, t.served_at NULLS FIRST, d.org_id
    ) AS position
    FROM due d LEFT JOIN job_turns t ON t.org_id = d.org_id AND t.kind = d.kind
    LEFT JOIN of_kind n ON n.kind = d.kind
)
SELECT org_id, kind, key, turn FROM ranked WHERE position <= at_once ORDER BY kind, position;

-- name: share_out_alone
-- True for the only process that may queue jobs until the transaction ends. no org: it is about processes
SELECT pg_try_advisory_xact_lock(7204913);

-- name: served
-- Records the orgs whose jobs were just queued. $1 are the orgs, $2 the kinds.
INSERT INTO job_turns (org_id, kind, served_at)
SELECT s.org_id, s.kind, clock_timestamp()
FROM (SELECT DISTINCT s.org_id, s.kind FROM unnest($1::integer[], $2::text[]) AS s (org_id, kind)) s
ON CONFLICT (org_id, kind) DO UPDATE SET served_at = excluded.served_at;

-- name: begin
-- A job begins to run, and the try is counted. `died` means that an earlier run of the same turn began and never ended;
-- then this one does not begin.
UPDATE jobs AS j SET attempts = j.attempts + (j.started_at IS NULL)::integer, started_at = coalesce(j.started_at, $5)
WHERE j.org_id = $1 AND j.kind = $2 AND j.key = $3 AND j.turn = $4 AND j.state = 'waiting'
RETURNING new.attempts, new.schedule, old.started_at IS NOT NULL AS died,
    coalesce((SELECT o.name FROM orgs o WHERE o.org_id = $1), '') AS org_name;

-- name: done
-- A job is done, and removed.
DELETE FROM jobs WHERE org_id = $1 AND kind = $2 AND key = $3 AND turn = $4 RETURNING true;

-- name: done_until
-- A job is done until its next time.
UPDATE jobs SET turn = turn + 1, attempts = 0, started_at = NULL, ended_at = $5, next_try_at = $6, problem = $7
WHERE org_id = $1 AND kind = $2 AND key = $3 AND turn = $4 RETURNING true;

-- name: fail
-- A try failed: the job waits for the next one, or there is none.
UPDATE jobs SET turn = turn + 1, state = $5, started_at = NULL, ended_at = $6, next_try_at = $7, problem = $8
WHERE org_id = $1 AND kind = $2 AND key = $3 AND turn = $4 RETURNING true;

-- name: give_back
-- A try was cancelled by us, and does not count.
UPDATE jobs SET turn = turn + 1, attempts = greatest(0, attempts - 1), started_at = NULL, next_try_at = $5
WHERE org_id = $1 AND kind = $2 AND key = $3 AND turn = $4 RETURNING true;

-- name: count
-- Counts an outcome of a kind of job or of a follower; $3 is the outcome, $4 how often, $5 the seconds it took.
INSERT INTO job_counts AS c (org_id, kind, outcome, n, seconds) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (org_id, kind, outcome) DO UPDATE SET n = c.n + excluded.n, seconds = c.seconds + excluded.seconds;

-- name: jobs
-- Jobs of an org, or of all and of the log itself; those that failed first, then in the order of their next try.
SELECT j.org_id, coalesce(o.name, '') AS org, j.kind, j.key, j.state, j.started_at IS NOT NULL AS running, j.schedule,
    j.attempts, j.next_try_at, j.ended_at, j.problem
FROM jobs j LEFT JOIN orgs o ON o.org_id = j.org_id
WHERE ($1::integer IS NULL OR j.org_id = $1) AND ($2::text IS NULL OR j.kind = $2)
    AND ($3::text IS NULL OR j.state = $3)
ORDER BY j.state, j.next_try_at, j.org_id, j.kind, j.key
LIMIT $4;

-- name: retry
-- Jobs of an org, or of all, that failed or wait for another try are due now; $2 is a kind, or null, $3 the instant.
UPDATE jobs SET state = 'waiting', attempts = 0, next_try_at = $3
WHERE ($1::integer IS NULL OR org_id = $1) AND ($2::text IS NULL OR kind = $2) AND started_at IS NULL
    AND (state = 'failed' OR attempts > 0);

-- name: waiting
-- How many jobs of each kind are due, wait for a later time and failed, and since when the first of them is due.
-- no org: it is about kinds
SELECT kind,
    count(*) FILTER (WHERE state = 'waiting' AND started_at IS NULL AND next_try_at <= $1) AS due,
    count(*) FILTER (WHERE state = 'waiting' AND started_at IS NULL AND next_try_at > $1) AS later,
    count(*) FILTER (WHERE state = 'waiting' AND attempts > (started_at IS NOT NULL)::integer) AS retried,
    count(*) FILTER (WHERE state = 'failed') AS failed,
    min(next_try_at) FILTER (WHERE state = 'waiting' AND started_at IS NULL AND next_try_at <= $1) AS oldest_due_at
FROM jobs GROUP BY kind ORDER BY kind;

-- name: running
-- How many jobs of each kind are in the queue, and how many of them run. no org: it is about kinds
SELECT entrypoint AS kind, count(*) AS queued, count(*) FILTER (WHERE status = 'picked') AS running
FROM job_queue.pgqueuer WHERE status IN ('queued', 'picked') GROUP BY entrypoint ORDER BY entrypoint;

-- name: counts
-- How jobs and steps of followers ended, for all orgs together. no org: it is about kinds
SELECT kind, outcome, sum(n)::bigint AS n, sum(seconds) AS seconds FROM job_counts
GROUP BY kind, outcome ORDER BY kind, outcome;

-- name: sweep_log
-- Deletes entries of the queue's own log that are older than $1. no org: the queue is shared by all
DELETE FROM job_queue.pgqueuer_log WHERE created < $1;
