-- Search: the words of transcripts, looked up and stored. $1 is always the org; each ? is a value of its own.

-- name: whole
-- The ids of a word.
SELECT id FROM search_terms WHERE org_id = $1 AND term = ?

-- name: beginning
SELECT id FROM search_terms WHERE org_id = $1 AND term >= ? AND term < ?

-- name: end
SELECT id FROM search_terms WHERE org_id = $1 AND term = ?
    UNION ALL SELECT term_id FROM term_suffixes WHERE org_id = $1 AND suffix = ?

-- name: anywhere
SELECT id FROM search_terms WHERE org_id = $1 AND term >= ? AND term < ?
    UNION ALL SELECT term_id FROM term_suffixes WHERE org_id = $1 AND suffix >= ? AND suffix < ?

-- name: holds
-- That the transcript has one of those words. no org: the statement around it names it
w.term_ids && ARRAY({ids})

-- name: read
-- That the text has the piece, where the words alone do not decide.
AND EXISTS (SELECT 1 FROM call_transcripts s WHERE s.org_id = $1 AND s.call_id = w.call_id AND strpos(s.search, ?) > 0)

-- name: transcript_matches
-- The calls whose transcript has a piece of text: by their words, and live calls and those not indexed yet by their
-- text. The ids of words belong to one org already; a plan that also searched by the org would read all its calls.
matching_calls AS MATERIALIZED (
    SELECT w.call_id FROM (SELECT * FROM call_terms w WHERE {holds} OFFSET 0) w WHERE w.org_id = $1{read}
    UNION ALL
    SELECT s.call_id FROM search_backlog u JOIN call_transcripts s ON s.org_id = $1 AND s.call_id = u.call_id
    WHERE u.org_id = $1 AND strpos(s.search, ?) > 0
    UNION ALL
    SELECT s.call_id FROM call_transcripts s WHERE s.org_id = $1 AND s.live > 0 AND strpos({spoken}, ?) > 0
)

-- name: transcript_matches_by_text
-- The same for a piece without a word that can be looked up.
matching_calls AS MATERIALIZED (
    SELECT s.call_id FROM call_transcripts s WHERE s.org_id = $1 AND strpos({spoken}, ?) > 0
)

-- name: count
-- no org: matching_calls names it
(SELECT count(*) FROM matching_calls)

-- name: among
-- no org: matching_calls names it
c.id = ANY(ARRAY(SELECT call_id FROM matching_calls))

-- name: backlog_size
-- How many calls are not indexed yet.
SELECT count(*) FROM search_backlog WHERE org_id = $1;

-- name: backlog
-- Calls to index among changes after one sequence number up to another, with their searchable text. The sequence of a
-- call is never before the one at which it was put on the list.
SELECT u.call_id, u.change, s.search, c.change AS sequence
FROM calls c
JOIN search_backlog u ON u.org_id = $1 AND u.call_id = c.id
LEFT JOIN call_transcripts s ON s.org_id = $1 AND s.call_id = c.id
WHERE c.org_id = $1 AND c.change > $2 AND c.change <= $3 AND c.change > 0
ORDER BY c.change
LIMIT $4;

-- name: hold_sequence
-- Lets nobody write to the org until the transaction ends; writers hold the same row.
SELECT n FROM change_sequences WHERE org_id = $1 FOR UPDATE;

-- name: backlog_of_call
-- A call that is not indexed yet, with its searchable text.
SELECT u.call_id, u.change, s.search
FROM search_backlog u LEFT JOIN call_transcripts s ON s.org_id = $1 AND s.call_id = u.call_id
WHERE u.org_id = $1 AND u.call_id = $2;

-- name: indexed
-- Takes calls off the list, unless they were written since their text was read.
DELETE FROM search_backlog u USING unnest($2::uuid[], $3::bigint[]) AS i (call_id, change)
WHERE u.org_id = $1 AND u.call_id = i.call_id AND u.change = i.change
RETURNING u.call_id;

-- name: term_ids
-- The ids of some words; new words get one, and their endings are stored.
WITH wanted AS (
    SELECT term COLLATE "C" AS term FROM unnest($2::text[]) AS a (term)
), known AS (
    SELECT k.term, k.id FROM wanted a JOIN search_terms k ON k.org_id = $1 AND k.term = a.term
), fresh AS (
    INSERT INTO search_terms (org_id, term)
    SELECT $1, a.term FROM wanted a WHERE NOT EXISTS (SELECT 1 FROM known k WHERE k.term = a.term)
    RETURNING term, id
), ended AS (
    INSERT INTO term_suffixes (org_id, suffix, term_id)
    SELECT $1, substr(f.term, g.first), f.id
    FROM fresh f CROSS JOIN LATERAL generate_series(2, length(f.term) - $3::integer + 1) AS g (first)
)
SELECT term, id FROM known UNION ALL SELECT term, id FROM fresh;

-- name: clear_orphans
-- Drops words that a call has lost and that no call has now. Most lost words are common ones, which are found in a few
-- calls without reading every call that has them.
WITH lost AS (
    DELETE FROM orphan_terms l WHERE l.org_id = $1 AND l.term_id = ANY(ARRAY(
        SELECT term_id FROM orphan_terms WHERE org_id = $1 ORDER BY term_id LIMIT $2
    ))
    RETURNING l.term_id
), common AS (
    SELECT DISTINCT unnest(term_ids) AS term_id
    FROM (SELECT term_ids FROM call_terms WHERE org_id = $1 LIMIT 300) sample
), gone AS (
    DELETE FROM search_terms k USING lost l
    WHERE k.org_id = $1 AND k.id = l.term_id AND NOT EXISTS (SELECT 1 FROM common c WHERE c.term_id = k.id)
        AND NOT EXISTS (SELECT 1 FROM call_terms w WHERE w.org_id = $1 AND w.term_ids @> ARRAY[k.id])
    RETURNING k.id, k.term
), ended AS (
    DELETE FROM term_suffixes e
    USING gone g CROSS JOIN LATERAL generate_series(2, length(g.term) - $3::integer + 1) AS s (first)
    WHERE e.org_id = $1 AND e.suffix = substr(g.term, s.first) AND e.term_id = g.id
)
SELECT count(*) FROM lost;
