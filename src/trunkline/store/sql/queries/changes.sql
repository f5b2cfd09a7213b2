-- Changes: what happened to an org's calls after a place in its order of changes. $1 is always the org.

-- name: reach
-- The last place that the org has given out.
SELECT coalesce((SELECT n FROM change_counts WHERE org_id = $1), 0);

-- name: look
-- The calls that changed after place $2 and match, and the ids of those that were taken out, in order; with each the
-- place up to which they were looked for, which a look that finds nothing has as well. Only so many changes are
-- looked through at a time, so that a filter that next to nothing matches costs no more than any other; they are
-- fetched before they are filtered, so that no index but that of the changes can be chosen.
WITH seen AS MATERIALIZED (
    SELECT c.* FROM calls c WHERE c.org_id = $1 AND c.change > $2 AND c.change > 0 ORDER BY c.change LIMIT {window}
), reach AS MATERIALIZED (
    SELECT
        count(*) = {window} AS more,
        CASE WHEN count(*) = {window} THEN max(s.change)
            ELSE greatest($2, (SELECT n FROM change_counts WHERE org_id = $1)) END AS place
    FROM seen s
)
SELECT r.place, r.more, c.change, c.id, c.body{transcript}
FROM reach r
LEFT JOIN (
    SELECT * FROM (
        (SELECT c.change, c.id, c.body FROM seen c WHERE true{where} ORDER BY c.change LIMIT {most})
        UNION ALL
        (
            SELECT d.change, d.id, NULL FROM deleted_calls d
            WHERE d.org_id = $1 AND d.change > $2 AND d.change <= (SELECT place FROM reach)
            ORDER BY d.change LIMIT {most}
        )
    ) c ORDER BY c.change LIMIT {most}
) c ON true{join}
ORDER BY c.change
