-- Changes: what happened to an org's calls after a place in its order of changes. $1 is always the org.

-- name: head
-- The last place that the org has given out.
SELECT coalesce((SELECT n FROM change_sequences WHERE org_id = $1), 0);

-- name: notify
-- Wakes whoever listens, in a transaction of its own: commits that notify wait for each other. no org: it names some
SELECT pg_notify('trunkline_changes', $1);

-- name: read_batch
-- The calls that changed after place $2 and match, and the ids of those that were taken out, in order; with each the
-- place up to which they were looked for, which a look that finds nothing has as well. Only so many changes are
-- looked through at a time, so that a filter that next to nothing matches costs no more than any other; they are
-- fetched before they are filtered, so that no index but that of the changes can be chosen.
WITH seen AS MATERIALIZED (
    SELECT c.* FROM calls c WHERE c.org_id = $1 AND c.change > $2 AND c.change > 0 ORDER BY c.change LIMIT {window}
), head AS MATERIALIZED (
    SELECT
        count(*) = {window} AS more,
        CASE WHEN count(*) = {window} THEN max(s.change)
            ELSE greatest($2, (SELECT n FROM change_sequences WHERE org_id = $1)) END AS sequence
    FROM seen s
)
SELECT r.sequence, r.more, c.change, c.id, c.body{transcript}
FROM head r
LEFT JOIN (
    SELECT * FROM (
        (SELECT c.change, c.id, c.body FROM seen c WHERE true{where} ORDER BY c.change LIMIT {most})
        UNION ALL
        (
            SELECT d.change, d.id, NULL FROM deleted_calls d
            WHERE d.org_id = $1 AND d.change > $2 AND d.change <= (SELECT sequence FROM head)
            ORDER BY d.change LIMIT {most}
        )
    ) c ORDER BY c.change LIMIT {most}
) c ON true{join}
ORDER BY c.change
