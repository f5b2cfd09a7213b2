-- Calls: pages, single calls, and the one statement that writes them.
-- What is in braces comes from the list of columns and from the fragments of filters.sql, list_query.sql and
-- totals.sql; $1 is always the org.

-- name: page
-- One page in order. no org: its index scans name it
{ctes}SELECT c.body{transcript}
FROM ({streams}) c{join}
ORDER BY {order}

-- name: page_with_total
-- One page in order and the size of the whole match, from one snapshot. An empty page is one row without a call.
-- no org: its index scans and its total name it
{ctes}SELECT n.total, c.body{transcript}
FROM (SELECT {total} AS total) n
LEFT JOIN ({streams}) c ON true{join}
ORDER BY {order}

-- name: part
-- The calls of a page in order, as many as begin within so many bytes, and at least one: a list is read in chunks
-- of similar size however long its transcripts are. no org: its index scans name it
{ctes}SELECT c.body{chosen}
FROM (
    SELECT c.*{transcript}, coalesce(sum({size}) OVER (
        ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS bytes_before
    FROM ({streams}) c{join}
) c
WHERE {room}
ORDER BY {order}

-- name: total
-- The size of a match alone. no org: the total names it
{ctes}SELECT {total} AS total

-- name: find
-- The call that a printed id names: by its vendor's own id first, then by its canonical id, then by its digest.
SELECT c.id, c.created_at, c.body{transcript}
FROM (
    SELECT 1 AS rank, c.* FROM calls c WHERE c.org_id = $1 AND c.vendor = $2 AND c.vendor_call_id = $3
    UNION ALL
    SELECT 2, c.* FROM calls c WHERE c.org_id = $1 AND c.id = $4
    UNION ALL
    SELECT 3, c.* FROM calls c WHERE c.org_id = $1 AND c.digest BETWEEN $5 AND $6 AND c.vendor <> $2
) c{join}
ORDER BY c.rank
LIMIT 1;

-- name: find_deleted
-- The position of the deleted call that a printed id names; the id is understood as in find.
SELECT d.id, d.created_at
FROM (
    SELECT 1 AS rank, d.* FROM deleted_calls d WHERE d.org_id = $1 AND d.vendor = $2 AND d.vendor_call_id = $3
    UNION ALL
    SELECT 2, d.* FROM deleted_calls d WHERE d.org_id = $1 AND d.id = $4
    UNION ALL
    SELECT 3, d.* FROM deleted_calls d WHERE d.org_id = $1 AND d.digest BETWEEN $5 AND $6 AND d.vendor <> $2
) d
ORDER BY d.rank
LIMIT 1;

-- name: exists_elsewhere
-- Whether the call that a printed id names is another org's, for a vendor that documents an answer of its own.
-- no org: the question is whether it is another org's call
SELECT EXISTS (SELECT 1 FROM calls WHERE vendor = $1 AND vendor_call_id = $2)
    OR EXISTS (SELECT 1 FROM calls WHERE digest BETWEEN $3 AND $4 AND vendor <> $1);

-- name: write
-- Writes a batch: new calls are inserted, known ones are replaced if nobody wrote them since they were read.
-- Returns the calls that were written, each with its former counted columns, by which totals are updated.
WITH incoming AS (
    SELECT * FROM unnest({arrays}) AS i ({incoming})
), written AS (
    INSERT INTO calls AS c (org_id, {columns})
    SELECT $1, {columns} FROM incoming
    ON CONFLICT (org_id, vendor, vendor_call_id) DO UPDATE SET {replaced}
    WHERE c.revision = excluded.revision - 1
    RETURNING new.id, new.vendor_call_id, new.change, old.org_id IS NULL AS is_new, {new_counted}, {old_counted}
), transcripts AS (
    INSERT INTO call_transcripts (org_id, call_id, body, search)
    SELECT $1, w.id, i.transcript, i.search
    FROM written w JOIN incoming i ON i.vendor = w.vendor AND i.vendor_call_id = w.vendor_call_id
    WHERE i.transcript IS NOT NULL
    ON CONFLICT (org_id, call_id) DO UPDATE SET body = excluded.body, search = excluded.search
    RETURNING call_id, old.search IS DISTINCT FROM new.search AS differs
), unindexed AS (
    INSERT INTO search_backlog (org_id, call_id, change)
    SELECT $1, w.id, w.change FROM transcripts s JOIN written w ON w.id = s.call_id WHERE s.differs
    ON CONFLICT (org_id, call_id) DO UPDATE SET change = excluded.change
), unworded AS (
    DELETE FROM call_terms x USING transcripts s WHERE x.org_id = $1 AND x.call_id = s.call_id AND s.differs
    RETURNING x.term_ids
), lost AS (
    INSERT INTO orphan_terms (org_id, term_id) SELECT DISTINCT $1::integer, unnest(term_ids) FROM unworded
    ON CONFLICT (org_id, term_id) DO NOTHING
), delta AS (
    SELECT 1 AS n, {counted} FROM written
    UNION ALL
    SELECT -1, {former} FROM written WHERE NOT is_new
), {cells}, {move}
SELECT id, vendor, vendor_call_id, is_new FROM written;

-- name: move_new
-- Adds new calls to the totals. no org: the parts in braces name it
WITH delta AS (
    SELECT 1 AS n, i.* FROM unnest({counted_arrays}) AS i ({counted})
), {cells}, {move}
SELECT;

-- name: delete
-- Deletes a call, updates the totals, and records the deletion. The braces are replaced by how the call is removed from
-- every other table. Returns the id, and the keys of the totals that became zero.
WITH gone AS (
    DELETE FROM calls WHERE org_id = $1 AND id = $2 RETURNING id, digest, vendor_call_id, {counted}
), remembered AS (
    INSERT INTO deleted_calls (org_id, id, digest, vendor, vendor_call_id, created_at, change)
    SELECT $1, g.id, g.digest, g.vendor, g.vendor_call_id, g.created_at, $3 FROM gone g
), {deletion}, {erasures}, delta AS (
    SELECT -1 AS n, {counted} FROM gone
), {cells}, {move}, empty AS (
    SELECT array_agg(m.grouping) AS groupings, array_agg(agent) AS agents, array_agg(campaign) AS campaigns,
        array_agg(value) AS values, array_agg(level) AS levels, array_agg(period) AS periods,
        array_agg(outcome) AS outcomes
    FROM moved m WHERE n = 0
)
SELECT g.id, e.* FROM gone g CROSS JOIN empty e;
