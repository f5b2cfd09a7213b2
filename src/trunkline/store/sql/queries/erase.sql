-- Erasing: how calls are removed from each table. $1 is always the org.
-- First come fragments that are named by their table in store/erase.py: each is a part of a statement that has the
-- calls in `gone`, with their `id`, `vendor` and `vendor_call_id`. They run in the transaction of the deletion and once
-- more in the later cleanup.

-- name: call_transcripts
transcripts_erased AS (
    DELETE FROM call_transcripts t USING gone g WHERE t.org_id = $1 AND t.call_id = g.id
)

-- name: live_calls
live_erased AS (
    DELETE FROM live_calls l USING gone g WHERE l.org_id = $1 AND l.call_id = g.id
)

-- name: live_slots
slots_erased AS (
    DELETE FROM live_slots l USING gone g WHERE l.org_id = $1 AND l.call_id = g.id
)

-- name: search_backlog
backlog_erased AS (
    DELETE FROM search_backlog u USING gone g WHERE u.org_id = $1 AND u.call_id = g.id
)

-- name: call_terms
-- Terms that no other call has are found afterwards, among the orphans.
terms_erased AS (
    DELETE FROM call_terms x USING gone g WHERE x.org_id = $1 AND x.call_id = g.id RETURNING x.term_ids
), orphans_noted AS (
    INSERT INTO orphan_terms (org_id, term_id) SELECT DISTINCT $1::integer, unnest(term_ids) FROM terms_erased
    ON CONFLICT (org_id, term_id) DO NOTHING
)

-- name: sightings
payloads_erased AS (
    DELETE FROM sightings s USING gone g
    WHERE s.org_id = $1 AND s.vendor = g.vendor AND s.vendor_call_id = g.vendor_call_id
)

-- name: listed_calls
-- The ids stay until the pull has ended, so that the call is counted as listed and not reported as missing.
listed_erased AS (
    UPDATE listed_calls p SET created_at = NULL, over_at = NULL, reason = NULL, was_stored = true
    FROM gone g JOIN sources o ON o.org_id = $1
    WHERE p.org_id = $1 AND p.source_id = o.id AND p.vendor = g.vendor AND p.vendor_call_id = g.vendor_call_id
)

-- name: ledger_calls
ledger_erased AS (
    DELETE FROM ledger_calls l USING gone g JOIN sources o ON o.org_id = $1
    WHERE l.org_id = $1 AND l.source_id = o.id AND l.vendor = g.vendor AND l.vendor_call_id = g.vendor_call_id
)

-- name: pulls
-- An interrupted pull that would continue after this call starts from the beginning instead.
pulls_erased AS (
    UPDATE pulls p SET next = NULL, started_at = NULL FROM gone g
    WHERE p.org_id = $1 AND p.next IS NOT NULL
        AND (strpos(p.next, g.id::text) > 0 OR strpos(p.next, g.vendor_call_id) > 0)
)

-- name: recordings
-- The file is deleted after the commit. One that is being downloaded has no path yet, and will have this one.
recordings_erased AS (
    DELETE FROM recordings r USING gone g WHERE r.org_id = $1 AND r.call_id = g.id
    RETURNING coalesce(r.path, $1::text || '/' || left(g.id::text, 2) || '/' || g.id::text) AS path
), objects_noted AS (
    INSERT INTO erased_objects (org_id, path, erased_at) SELECT $1, path, now() FROM recordings_erased
    ON CONFLICT (org_id, path) DO UPDATE SET erased_at = excluded.erased_at
)

-- name: jobs
-- Jobs of any kind that are about the call, such as downloading its recording; one that runs has nothing to update.
jobs_erased AS (
    DELETE FROM jobs j USING gone g WHERE j.org_id = $1 AND j.key = g.id::text
)

-- name: idempotent_requests
-- The request is removed, not only its answer: sent again it is run again, and refused for this call.
answers_erased AS (
    DELETE FROM idempotent_requests i USING gone g WHERE i.org_id = $1 AND i.call_ids @> ARRAY[g.id]
)

-- name: note_deletion
-- Records that a cleanup is due. no org: it is that of the statement around it
deletion_noted AS (
    INSERT INTO erase_backlog AS b (org_id, first_at, last_at) SELECT $1, now(), now() FROM gone
    ON CONFLICT (org_id) DO UPDATE SET last_at = greatest(b.last_at, excluded.last_at)
)

-- name: erase_again
-- What a concurrent writer stored of a call before it saw the deletion: an answer, a recording.
WITH gone AS (
    SELECT d.id, d.vendor, d.vendor_call_id FROM deleted_calls d JOIN erase_backlog b ON b.org_id = $1
    WHERE d.org_id = $1 AND d.deleted_at >= b.first_at
), {erasures}
SELECT;

-- name: orgs
-- Orgs with deletions since the last cleanup, and the time of the last deletion. no org: it looks for them
SELECT org_id, last_at FROM erase_backlog ORDER BY org_id;

-- name: cleaned
-- Records that everything deleted until then was cleaned up.
DELETE FROM erase_backlog WHERE org_id = $1 AND last_at = $2;

-- name: numbers_of_nobody
-- Numbers that had running totals and that no call has now.
DELETE FROM number_totals s WHERE s.org_id = $1 AND {nobody};

-- name: number_jobs_of_nobody
-- Jobs that would begin such totals, and failed or wait.
DELETE FROM jobs s WHERE s.org_id = $1 AND s.kind = 'number_total' AND {nobody};

-- name: nobody
-- That no call has a number in one column.
NOT EXISTS (SELECT FROM calls c WHERE c.org_id = $1 AND c.{column} = s.{number})

-- name: follower_problems
-- The type of the error stays; what it quoted may have been of a call.
UPDATE followers SET problem = split_part(problem, ':', 1) WHERE org_id = $1 AND strpos(problem, ':') > 0;

-- name: skips_of_nobody
-- Marks at skipped changes of calls that have changed again or were deleted: there is nothing to return to.
DELETE FROM follower_skips f
WHERE f.org_id = $1
    AND NOT EXISTS (SELECT FROM calls c WHERE c.org_id = $1 AND c.change = f.change AND c.change > 0)
    AND NOT EXISTS (SELECT FROM deleted_calls d WHERE d.org_id = $1 AND d.change = f.change);

-- name: unread_payloads
-- Payloads of the inbox that contain the vendor's id of a deleted call, in the payload or in the reason. A short id may
-- occur in any payload by chance.
DELETE FROM inbox i USING deleted_calls d, erase_backlog b
WHERE i.org_id = $1 AND d.org_id = $1 AND b.org_id = $1 AND d.deleted_at >= b.first_at
    AND length(d.vendor_call_id) >= $2::integer
    AND (position(convert_to(d.vendor_call_id, 'UTF8') IN i.payload) > 0 OR strpos(i.reason, d.vendor_call_id) > 0);

-- name: erased_objects
-- Files of deleted calls that are to be deleted, oldest entries first.
SELECT path, erased_at FROM erased_objects WHERE org_id = $1 ORDER BY erased_at, path LIMIT $2;

-- name: orgs_with_objects
-- Orgs that have such files. no org: it looks for them
SELECT DISTINCT org_id FROM erased_objects ORDER BY org_id;

-- name: objects_of
-- The file of one deleted call, if it has one.
SELECT path FROM erased_objects WHERE org_id = $1 AND path LIKE '%/' || $2;

-- name: object_deleted
-- A file was deleted, and nobody can be writing it any more.
DELETE FROM erased_objects WHERE org_id = $1 AND path = $2;

-- name: may_vacuum
-- Which of some tables the database user may vacuum. no org: it is about the tables
SELECT t.name FROM unnest($1::text[]) AS t (name) WHERE has_table_privilege(t.name, 'MAINTAIN');

-- name: set_vacuum_delay
-- How many milliseconds vacuums on this connection pause after a piece of work; 0 by default.
-- no org: it is about the connection
SELECT set_config('vacuum_cost_delay', $1::integer::text, false);

-- name: vacuum
-- Removes dead rows from tables, one after another, with their large values and index entries, and analyzes them. No
-- table is truncated at its end, since others would have to wait for that. no org: it is about the tables
VACUUM (ANALYZE, INDEX_CLEANUP ON, TRUNCATE FALSE) {tables};
