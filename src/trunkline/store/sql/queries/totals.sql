-- Running totals: how they are updated, summed, checked and corrected. $1 is always the org. What is in braces comes
-- from the list of columns and the groupings, or is filled in when a statement is built.
-- no org: the parts that read a table name it, the others stand around those

-- name: cells
-- The changes that `delta` makes to the totals: it has a row with n = 1 for each call as it is now and one with n = -1
-- for each as it was. First by hour, then every grouping and level from the hours; intermediate sums stay integers,
-- since a sum of bigints is a numeric, which is several times as slow. The statement around it names the org_id.
hours AS (
    SELECT date_trunc('hour', created_at, 'UTC') AS hour, agent_ref, campaign_ref,
        concat_ws(chr(31), {outcome_parts}) AS outcome, sum(n)::integer AS n
    FROM delta
    GROUP BY 1, 2, 3, 4
    HAVING sum(n) <> 0
), days AS (
    SELECT date_trunc('day', hour, 'UTC') AS day, agent_ref, campaign_ref, outcome, sum(n)::integer AS n
    FROM hours
    GROUP BY 1, 2, 3, 4
), levels AS (
    SELECT {Level.DAY} AS level, day AS period, agent_ref, campaign_ref, outcome, n FROM days
    UNION ALL
    SELECT {Level.MONTH}, date_trunc('month', day, 'UTC'), agent_ref, campaign_ref, outcome, sum(n)::integer
    FROM days GROUP BY 2, 3, 4, 5
    UNION ALL
    SELECT {Level.YEAR}, date_trunc('year', day, 'UTC'), agent_ref, campaign_ref, outcome, sum(n)::integer
    FROM days GROUP BY 2, 3, 4, 5
), others AS (
    SELECT day, v.value, sum(n)::integer AS n
    FROM (
        SELECT date_trunc('day', created_at, 'UTC') AS day, {words}, sum(n)::integer AS n
        FROM delta
        GROUP BY 1, {words}
    ) d CROSS JOIN LATERAL (VALUES {word_values}) AS v (value)
    WHERE v.value IS NOT NULL
    GROUP BY 1, 2
    HAVING sum(n) <> 0
), {numbers}, instants AS (
    SELECT v.grouping, date_trunc(
            CASE WHEN v.grouping = {Grouping.DURATION_MS} THEN 'minute' ELSE 'hour' END, v.instant, 'UTC') AS instant,
        sum(n)::integer AS n
    FROM delta CROSS JOIN LATERAL (VALUES {by_value}) AS v (grouping, instant)
    GROUP BY 1, 2
    HAVING sum(n) <> 0
), cells AS (
    SELECT x.grouping, l.level, l.period,
        CASE WHEN x.by_agent THEN agent_ref ELSE {no_reference} END AS agent,
        CASE WHEN x.by_campaign THEN campaign_ref ELSE {no_reference} END AS campaign,
        '' AS value,
        CASE WHEN x.by_outcome THEN outcome ELSE '' END AS outcome,
        n
    FROM levels l CROSS JOIN (VALUES {by_period}) AS x (grouping, by_outcome, by_agent, by_campaign)
    WHERE (NOT x.by_agent OR agent_ref IS NOT NULL) AND (NOT x.by_campaign OR campaign_ref IS NOT NULL)
    UNION ALL
    SELECT x.grouping, {Level.HOUR}, hour, {no_reference}, {no_reference}, '',
        CASE WHEN x.by_outcome THEN outcome ELSE '' END, n
    FROM hours CROSS JOIN (VALUES {by_hour}) AS x (grouping, by_outcome, by_agent, by_campaign)
    UNION ALL
    SELECT {Grouping.WORD}, x.level, date_trunc(x.unit, day, 'UTC'), {no_reference}, {no_reference}, value, '', n
    FROM (SELECT * FROM others UNION ALL SELECT * FROM numbers) o
    CROSS JOIN (VALUES {levels_from_day}) AS x (level, unit)
    UNION ALL
    SELECT i.grouping, x.level, date_trunc(x.unit, instant, 'UTC'), {no_reference}, {no_reference}, '', '', n
    FROM instants i CROSS JOIN (VALUES {levels_from_hour}) AS x (level, unit)
    UNION ALL
    SELECT i.grouping, {Level.MINUTE}, instant, {no_reference}, {no_reference}, '', '', n
    FROM instants i WHERE i.grouping = {Grouping.DURATION_MS}
), sums AS (
    SELECT grouping, agent, campaign, value, level, period, outcome, sum(n)::bigint AS n
    FROM cells
    GROUP BY grouping, agent, campaign, value, level, period, outcome
    HAVING sum(n) <> 0
)

-- name: outcome_word
-- One of the words of an outcome.
coalesce({column}, '')

-- name: outcome_own_word
-- The vendor's own word for it, behind the vendor, since each has its own.
coalesce(vendor || ':' || {column}, '')

-- name: word_value
-- A word that is counted alone, with the name of its column.
('{column}:' || {column})

-- name: by_value
-- The grouping and the instant by which a column counts a call: its own, or that of the creation without a value.
(CASE WHEN {column} IS NULL THEN {without_value} ELSE {of_value} END,
    CASE WHEN {column} IS NULL THEN created_at ELSE {instant} END)

-- name: number_filter
-- Whether a filter finds a number in a call.
('{name}', s.number IN ({columns}))

-- name: numbers
-- The changes that `delta` makes to the totals of phone numbers: one for each filter that finds the number.
numbers AS (
    SELECT date_trunc('day', d.created_at, 'UTC') AS day, v.filter_name || ':' || s.number AS value, sum(d.n)::integer AS n
    FROM delta d
    JOIN number_totals s ON s.org_id = $1 AND s.number = ANY(ARRAY[{numbers_of_a_call}])
        {only}
    CROSS JOIN LATERAL (VALUES {number_filters}) AS v (filter_name, matches)
    WHERE v.matches
    GROUP BY 1, 2
    HAVING sum(d.n) <> 0
)

-- name: move
-- Updates the totals. The rows are locked in the order of their key, so that writers wait for each other in one
-- direction only.
moved AS (
    INSERT INTO call_totals AS t (org_id, grouping, agent, campaign, value, level, period, outcome, n)
    SELECT $1, grouping, agent, campaign, value, level, period, outcome, n
    FROM sums
    ORDER BY grouping, agent, campaign, value, level, period, outcome
    ON CONFLICT (org_id, grouping, agent, campaign, value, level, period, outcome)
    DO UPDATE SET n = t.n + excluded.n
    {returning}
)

-- name: moved_totals
-- Which totals were updated, and their new values.
RETURNING t.grouping, t.agent, t.campaign, t.value, t.level, t.period, t.outcome, t.n

-- name: drop_moved
-- Deletes totals that became zero, by their keys: no row keeps a number or an agent that no call has.
DELETE FROM call_totals t
USING unnest($2::smallint[], $3::uuid[], $4::uuid[], $5::text[], $6::smallint[], $7::timestamptz[], $8::text[])
    AS k (grouping, agent, campaign, value, level, period, outcome)
WHERE t.org_id = $1 AND t.grouping = k.grouping AND t.agent = k.agent AND t.campaign = k.campaign
    AND t.value = k.value AND t.level = k.level AND t.period = k.period AND t.outcome = k.outcome AND t.n = 0;

-- name: recount
-- Every call of the org as if it were new, and the stored totals, without numbers that are not counted yet.
WITH delta AS (
    SELECT 1 AS n, {counted} FROM calls WHERE org_id = $1
), stored AS (
    SELECT * FROM call_totals t
    WHERE t.org_id = $1 AND (t.grouping <> {Grouping.WORD} OR NOT EXISTS (
        SELECT 1 FROM number_totals s
        WHERE s.org_id = $1 AND NOT s.counted AND s.number = substr(t.value, strpos(t.value, ':') + 1)))
)

-- name: differences
-- Where the totals differ from a recount, in one snapshot.
{recount}, {cells}
SELECT grouping, agent, campaign, value, level, period, outcome, coalesce(t.n, 0) AS stored, coalesce(s.n, 0) AS counted
FROM stored t
FULL JOIN sums s USING (grouping, agent, campaign, value, level, period, outcome)
WHERE coalesce(t.n, 0) <> coalesce(s.n, 0)
ORDER BY grouping, level, period, outcome;

-- name: mend
-- Adds the difference from a recount to the totals. Writers may continue: what they add stays added, since the
-- difference is of one snapshot, in which calls and totals belong together.
{recount}, {cells}, lacking AS (
    SELECT grouping, agent, campaign, value, level, period, outcome, coalesce(s.n, 0) - coalesce(t.n, 0) AS n
    FROM stored t
    FULL JOIN sums s USING (grouping, agent, campaign, value, level, period, outcome)
    WHERE coalesce(t.n, 0) <> coalesce(s.n, 0)
)
INSERT INTO call_totals AS t (org_id, grouping, agent, campaign, value, level, period, outcome, n)
SELECT $1, grouping, agent, campaign, value, level, period, outcome, n
FROM lacking
ORDER BY grouping, agent, campaign, value, level, period, outcome
ON CONFLICT (org_id, grouping, agent, campaign, value, level, period, outcome)
DO UPDATE SET n = t.n + excluded.n;

-- name: note_number
-- From now on writers update the totals of this number.
INSERT INTO number_totals (org_id, number)
SELECT $1::integer, $2::text WHERE (SELECT count(*) FROM number_totals WHERE org_id = $1) < $3
ON CONFLICT (org_id, number) DO NOTHING;

-- name: hold_number
-- Whether a number was added and still has to be counted; locks it against others that would count it.
SELECT true FROM number_totals WHERE org_id = $1 AND number = $2 AND NOT counted FOR UPDATE;

-- name: count_number
-- Adds to the totals of a number its calls that were not written since the number was added. Writers may continue, as
-- with mend.
WITH delta AS (
    SELECT 1 AS n, created_at, {number_columns} FROM calls WHERE org_id = $1 AND ({is_a_number})
), {numbers}, sums AS (
    SELECT x.level, date_trunc(x.unit, day, 'UTC') AS period, value, sum(n)::bigint AS n
    FROM numbers CROSS JOIN (VALUES {levels_from_day}) AS x (level, unit)
    GROUP BY 1, 2, 3
), stored AS (
    SELECT level, period, value, n FROM call_totals
    WHERE org_id = $1 AND grouping = {Grouping.WORD} AND agent = {no_reference} AND campaign = {no_reference}
        AND value = ANY(ARRAY[{values_of_a_number}])
), lacking AS (
    SELECT level, period, value, coalesce(s.n, 0) - coalesce(k.n, 0) AS n
    FROM stored k FULL JOIN sums s USING (level, period, value)
    WHERE coalesce(s.n, 0) <> coalesce(k.n, 0)
), added AS (
    INSERT INTO call_totals AS t (org_id, grouping, agent, campaign, value, level, period, outcome, n)
    SELECT $1, {Grouping.WORD}, {no_reference}, {no_reference}, value, level, period, '', n
    FROM lacking
    ORDER BY value, level, period
    ON CONFLICT (org_id, grouping, agent, campaign, value, level, period, outcome)
    DO UPDATE SET n = t.n + excluded.n
)
UPDATE number_totals SET counted = true WHERE org_id = $1 AND number = $2;

-- name: has_number
SELECT EXISTS (SELECT 1 FROM number_totals WHERE org_id = $1 AND number = $2 AND counted);

-- name: of_number
-- A number that many calls have has running totals; any other is counted.
(CASE WHEN EXISTS (SELECT 1 FROM number_totals s WHERE s.org_id = $1 AND s.number = ? AND s.counted)
 THEN {summed} ELSE {counted} END)

-- name: drop_empty
-- Deletes totals that are zero.
DELETE FROM call_totals WHERE org_id = $1 AND n = 0;

-- name: periods
-- How many calls are in whole periods. Each segment is summed separately, so that it is one range of the index.
(SELECT coalesce(sum(x.n), 0)::bigint
 FROM unnest(?::smallint[], ?::timestamptz[], ?::timestamptz[]) AS s (level, first, last)
 CROSS JOIN LATERAL (
    SELECT sum(t.n) AS n FROM call_totals t
    WHERE t.org_id = $1 AND t.grouping = ? AND t.agent = ANY(?::uuid[]) AND t.campaign = ANY(?::uuid[])
        AND t.value = ANY(?) AND t.level = s.level AND t.period >= s.first AND t.period < s.last{outcome}
 ) x)

-- name: edges
-- How many calls are in the ranges that no whole period covers.
(SELECT coalesce(sum(x.n), 0)::bigint FROM unnest(?::timestamptz[], ?::timestamptz[]) AS e (first, last)
 CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM calls c
    WHERE c.org_id = $1 AND {column} >= e.first AND {column} < e.last{where}
 ) x)

-- name: edges_of_numbers
-- The same for a range of whole numbers.
(SELECT coalesce(sum(x.n), 0)::bigint FROM unnest(?::bigint[], ?::bigint[]) AS e (first, last)
 CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM calls c
    WHERE c.org_id = $1 AND {column} >= e.first AND {column} < e.last{where}
 ) x)

-- name: matches
-- How many calls match a duration or a text, and how many calls there are.
matches AS MATERIALIZED (SELECT {total} AS n, {everything} AS everything)

-- name: of_matches
(SELECT n FROM matches)

-- name: counted
-- A count of matches that have no totals.
(SELECT count(*) FROM calls c WHERE c.org_id = $1{where})

-- name: skipped
-- The offset in the whole list, of which a range of instants leaves out a part.
skipped AS MATERIALIZED (SELECT ?::bigint + {beyond} AS n)

-- name: skipped_without_value
-- The offset among the calls without a value, which come after all that have one.
skipped_without AS MATERIALIZED (SELECT greatest(0, s.n - {with_value}) AS n FROM skipped s)

-- name: step
-- Which period of a level contains the offset, and how many calls come before it.
{name} AS MATERIALIZED (
    SELECT period, before FROM (
        SELECT t.period, sum(t.n) AS n,
            ({above} + sum(sum(t.n)) OVER (ORDER BY t.period {direction}) - sum(t.n))::bigint AS before
        FROM call_totals t
        WHERE t.org_id = $1 AND t.grouping = ? AND t.agent = ANY(?::uuid[]) AND t.campaign = ANY(?::uuid[])
            AND t.value = ANY(?) AND t.level = ?{within}{outcome}
        GROUP BY t.period
    ) x
    WHERE before <= (SELECT n FROM {skipped}) AND before + n > (SELECT n FROM {skipped})
)

-- name: within
AND t.period >= (SELECT period FROM {parent}) AND t.period < (SELECT period + interval '1 {unit}' FROM {parent})

-- name: above
(SELECT before FROM {parent})

-- name: part
split_part(t.outcome, chr(31), {position}) = ANY(?)

-- name: part_with_word
((split_part(t.outcome, chr(31), {position}) = ANY(?) AND NOT starts_with(split_part(t.outcome, chr(31), {word}), ?))
 OR split_part(t.outcome, chr(31), {word}) = ANY(?))
