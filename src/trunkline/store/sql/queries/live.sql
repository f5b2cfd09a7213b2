-- Live calls: their events that still count, and their transcripts so far. $1 is always the org.

-- name: transcript
-- The transcript of a call as it is read: its body, or for a live call what is in its slots, after the body.
CASE WHEN s.live = 0 THEN s.body ELSE int4send(s.live) || int4send(octet_length(s.body)) || s.body || (
    SELECT coalesce(string_agg(l.events, ','::bytea ORDER BY l.kind, l.digest), '') FROM live_slots l
    WHERE l.org_id = $1 AND l.call_id = s.call_id AND l.kind < 3
) END

-- name: spoken
-- The searchable text of a transcript. Turns are in the order of their numbers if all have one, else of their starts
-- if all have one, else of their first report.
CASE WHEN s.live & 1 = 0 THEN s.search ELSE (
    SELECT coalesce(string_agg(x.search, chr(10) ORDER BY
        CASE WHEN x.numbered THEN x.number WHEN x.timed THEN x.start_ms END, x.first_at, x.events), '')
    FROM (
        SELECT l.search, l.number, l.start_ms, l.first_at, l.events,
            bool_and(l.number IS NOT NULL) OVER () AS numbered, bool_and(l.start_ms IS NOT NULL) OVER () AS timed
        FROM live_slots l WHERE l.org_id = $1 AND l.call_id = s.call_id AND l.kind = 1
    ) x
) || s.search END

-- name: some_slots
-- Some slots of some calls.
SELECT k.call_id, k.kind, k.digest, l.events
FROM unnest($2::uuid[], $3::smallint[], $4::bytea[]) AS k (call_id, kind, digest)
CROSS JOIN LATERAL (
    SELECT l.events FROM live_slots l
    WHERE l.org_id = $1 AND l.call_id = k.call_id AND l.kind = k.kind AND l.digest = k.digest LIMIT 1
) l;

-- name: all_slots
-- All slots of one call.
SELECT call_id, kind, digest, events FROM live_slots WHERE org_id = $1 AND call_id = $2;

-- name: drop_slots
-- Drops all slots of some calls.
DELETE FROM live_slots WHERE org_id = $1 AND call_id = ANY($2::uuid[]);

-- name: write
-- Writes the records of some live calls, and slots of them.
WITH called AS (
    INSERT INTO live_calls AS l (org_id, call_id, base, record, lost, due_at)
    SELECT $1, i.* FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::timestamptz[]) AS i
    ON CONFLICT (org_id, call_id) DO UPDATE SET base = excluded.base, record = excluded.record, lost = excluded.lost,
        due_at = excluded.due_at, version = l.version + 1
)
INSERT INTO live_slots (org_id, call_id, kind, digest, events, number, start_ms, first_at, search)
SELECT $1, i.* FROM unnest(
    $7::uuid[], $8::smallint[], $9::bytea[], $10::bytea[], $11::numeric[], $12::bigint[], $13::timestamptz[], $14::text[]
) AS i
ON CONFLICT (org_id, call_id, kind, digest) DO UPDATE SET events = excluded.events, number = excluded.number,
    start_ms = excluded.start_ms, first_at = excluded.first_at, search = excluded.search;

-- name: write_transcripts
-- Writes the transcripts of calls that have events. The transcript of a live call is searched by reading it; any other
-- is put on the list of those to be indexed.
WITH written AS (
    INSERT INTO call_transcripts (org_id, call_id, body, search, live)
    SELECT $1, i.* FROM unnest($2::uuid[], $3::bytea[], $4::text[], $5::smallint[]) AS i
    ON CONFLICT (org_id, call_id) DO UPDATE SET body = excluded.body, search = excluded.search, live = excluded.live
    RETURNING call_id, new.live, old.search IS DISTINCT FROM new.search OR old.live <> new.live AS differs
), listed AS (
    INSERT INTO search_backlog (org_id, call_id, change)
    SELECT $1, s.call_id, c.change FROM written s JOIN calls c ON c.org_id = $1 AND c.id = s.call_id
    WHERE s.live = 0 AND s.differs
    ON CONFLICT (org_id, call_id) DO UPDATE SET change = excluded.change
), unlisted AS (
    DELETE FROM search_backlog u USING written s WHERE u.org_id = $1 AND u.call_id = s.call_id AND s.live > 0
), unworded AS (
    DELETE FROM call_terms x USING written s WHERE x.org_id = $1 AND x.call_id = s.call_id AND s.differs
    RETURNING x.term_ids
)
INSERT INTO orphan_terms (org_id, term_id) SELECT DISTINCT $1::integer, unnest(term_ids) FROM unworded
ON CONFLICT (org_id, term_id) DO NOTHING;

-- name: resting
-- The live calls among some changes, and when their transcripts are to be assembled.
SELECT l.call_id, l.due_at FROM live_calls l JOIN calls c ON c.org_id = $1 AND c.id = l.call_id
WHERE l.org_id = $1 AND l.due_at IS NOT NULL AND c.change > $2 AND c.change <= $3;

-- name: settling
-- A live call with its transcript, and its revision, which shows whether it was written since.
SELECT c.body, coalesce(s.live, 0) AS live, {transcript} AS transcript, l.record, l.version
FROM live_calls l JOIN calls c ON c.org_id = $1 AND c.id = l.call_id
LEFT JOIN call_transcripts s ON s.org_id = $1 AND s.call_id = l.call_id
WHERE l.org_id = $1 AND l.call_id = $2 AND l.due_at <= $3;

-- name: settled
-- Records that a live call's slots are dropped, if it was not written since it was read.
UPDATE live_calls SET due_at = NULL, lost = $4, version = version + 1
WHERE org_id = $1 AND call_id = $2 AND version = $3
RETURNING true;
