-- Words: what was said in which calls, looked up and kept. $1 is always the org; each ? is a value of its own.

-- name: whole
-- The numbers of a word.
SELECT id FROM said_words WHERE org_id = $1 AND word = ?

-- name: beginning
SELECT id FROM said_words WHERE org_id = $1 AND word >= ? AND word < ?

-- name: end
SELECT id FROM said_words WHERE org_id = $1 AND word = ?
    UNION ALL SELECT word_id FROM word_endings WHERE org_id = $1 AND ending = ?

-- name: anywhere
SELECT id FROM said_words WHERE org_id = $1 AND word >= ? AND word < ?
    UNION ALL SELECT word_id FROM word_endings WHERE org_id = $1 AND ending >= ? AND ending < ?

-- name: holds
-- That one of those words was said. no org: the statement around it names it
w.words && ARRAY({ids})

-- name: read
-- That the text holds the piece, where the words alone do not tell.
AND EXISTS (SELECT 1 FROM call_transcripts s WHERE s.org_id = $1 AND s.call_id = w.call_id AND strpos(s.search, ?) > 0)

-- name: said
-- The calls in which a piece of text was said: by their words, and those not indexed yet by their text. The numbers of
-- words are of one org already; a plan that looks for its calls besides reads all of them.
said AS MATERIALIZED (
    SELECT w.call_id FROM (SELECT * FROM call_words w WHERE {holds} OFFSET 0) w WHERE w.org_id = $1{read}
    UNION ALL
    SELECT s.call_id FROM unindexed_calls u JOIN call_transcripts s ON s.org_id = $1 AND s.call_id = u.call_id
    WHERE u.org_id = $1 AND strpos(s.search, ?) > 0
)

-- name: said_by_reading
-- The same for a piece that no word can be looked up of.
said AS MATERIALIZED (
    SELECT s.call_id FROM call_transcripts s WHERE s.org_id = $1 AND strpos(s.search, ?) > 0
)

-- name: count
-- no org: said names it
(SELECT count(*) FROM said)

-- name: among
-- no org: said names it
c.id = ANY(ARRAY(SELECT call_id FROM said))

-- name: orgs_behind
-- Orgs that have something to index or to clear away. no org: it looks for them
SELECT o.org_id FROM orgs o
WHERE EXISTS (SELECT 1 FROM unindexed_calls u WHERE u.org_id = o.org_id)
    OR EXISTS (SELECT 1 FROM lost_words l WHERE l.org_id = o.org_id);

-- name: behind
-- How many calls are not indexed yet.
SELECT count(*) FROM unindexed_calls WHERE org_id = $1;

-- name: lead
-- True for the one who may index the org until the transaction ends. no org: its number is what is locked
SELECT pg_try_advisory_xact_lock($2, $1::integer);

-- name: lead_in_turn
-- The same, for whoever waits until nobody else does. no org: its number is what is locked
SELECT pg_advisory_xact_lock($2, $1::integer) IS NOT NULL;

-- name: unindexed
-- Calls to index, in order after one of them, with what was said in them.
SELECT u.call_id, u.change, s.search
FROM unindexed_calls u LEFT JOIN call_transcripts s ON s.org_id = $1 AND s.call_id = u.call_id
WHERE u.org_id = $1 AND u.call_id > $2
ORDER BY u.call_id
LIMIT $3;

-- name: hold
-- Lets nobody write to the org until the transaction ends; writers hold the same row.
SELECT n FROM change_counts WHERE org_id = $1 FOR UPDATE;

-- name: indexed
-- Takes calls off the list, unless they were written since their text was read.
DELETE FROM unindexed_calls u USING unnest($2::uuid[], $3::bigint[]) AS i (call_id, change)
WHERE u.org_id = $1 AND u.call_id = i.call_id AND u.change = i.change
RETURNING u.call_id;

-- name: numbers
-- The numbers of some words; words that are new get one, and their endings are kept.
WITH asked AS (
    SELECT word COLLATE "C" AS word FROM unnest($2::text[]) AS a (word)
), known AS (
    SELECT k.word, k.id FROM asked a JOIN said_words k ON k.org_id = $1 AND k.word = a.word
), fresh AS (
    INSERT INTO said_words (org_id, word)
    SELECT $1, a.word FROM asked a WHERE NOT EXISTS (SELECT 1 FROM known k WHERE k.word = a.word)
    RETURNING word, id
), ended AS (
    INSERT INTO word_endings (org_id, ending, word_id)
    SELECT $1, substr(f.word, g.first), f.id
    FROM fresh f CROSS JOIN LATERAL generate_series(2, length(f.word) - $3::integer + 1) AS g (first)
)
SELECT word, id FROM known UNION ALL SELECT word, id FROM fresh;

-- name: clear_lost
-- Drops words that were lost by a call and that no call has now. Most lost words are common ones, which a few calls
-- show without a look at every call that has them.
WITH lost AS (
    DELETE FROM lost_words l WHERE l.org_id = $1 AND l.word_id = ANY(ARRAY(
        SELECT word_id FROM lost_words WHERE org_id = $1 ORDER BY word_id LIMIT $2
    ))
    RETURNING l.word_id
), common AS (
    SELECT DISTINCT unnest(words) AS word_id
    FROM (SELECT words FROM call_words WHERE org_id = $1 LIMIT 300) sample
), gone AS (
    DELETE FROM said_words k USING lost l
    WHERE k.org_id = $1 AND k.id = l.word_id AND NOT EXISTS (SELECT 1 FROM common c WHERE c.word_id = k.id)
        AND NOT EXISTS (SELECT 1 FROM call_words w WHERE w.org_id = $1 AND w.words @> ARRAY[k.id])
    RETURNING k.id, k.word
), ended AS (
    DELETE FROM word_endings e
    USING gone g CROSS JOIN LATERAL generate_series(2, length(g.word) - $3::integer + 1) AS s (first)
    WHERE e.org_id = $1 AND e.ending = substr(g.word, s.first) AND e.word_id = g.id
)
SELECT count(*) FROM lost;
