-- Changes: what happened to an org's calls after a sequence number. $1 is always the org.

-- name: head
-- The last sequence number of the org.
SELECT coalesce((SELECT n FROM change_sequences WHERE org_id = $1), 0);

-- name: notify
-- Wakes listeners, in a transaction of its own: commits that notify wait for each other. It is not flushed to disk,
-- since a wake-up that is lost with the server wakes nobody anyway. no org: it names some
SELECT pg_notify('trunkline_changes', $1), set_config('synchronous_commit', 'off', true);

-- name: read_batch
-- The calls that changed after sequence number $2 and match, and the ids of deleted ones, in order; each row has the
-- number up to which changes were read, and a batch without calls has one row with it. Only so many changes are read
-- at a time, so that a filter that matches hardly any calls costs no more than any other; they are fetched before they
-- are filtered, so that no index but that of the changes can be chosen.
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
