-- Ends and durations: their indexes, their running totals, and calls that lack what a list is sorted by.
--
-- More cuboids of call_totals: 17 by the instant of end; 18 by duration; 19, 20 and 21 by creation, for the calls
-- that have no start, no end, no duration. A duration stands as an instant: each of its seconds is an hour after
-- 1970, so that the levels are one second, 24, about twelve minutes and about two and a half hours. Within the second
-- there is a level 0, the minute: the first is the whole second itself, the others are 17 milliseconds each. Below
-- zero is one period, and from sixty million seconds on is one.

DROP INDEX calls_by_start;

CREATE INDEX calls_by_start ON calls (org_id, started_at, id) WHERE started_at IS NOT NULL;

CREATE INDEX calls_by_end ON calls (org_id, ended_at, id) WHERE ended_at IS NOT NULL;

CREATE INDEX calls_by_duration ON calls (org_id, duration_ms, id) WHERE duration_ms IS NOT NULL;

CREATE INDEX calls_without_start ON calls (org_id, created_at, id) WHERE started_at IS NULL;

CREATE INDEX calls_without_end ON calls (org_id, created_at, id) WHERE ended_at IS NULL;

CREATE INDEX calls_without_duration ON calls (org_id, created_at, id) WHERE duration_ms IS NULL;

-- Calls that began or ended more than an hour away from their creation: a range of starts is a range of creations
-- for all calls but these.
CREATE INDEX calls_started_far ON calls (org_id, started_at)
    WHERE (started_at - created_at) NOT BETWEEN interval '-1 hour' AND interval '1 hour';

CREATE INDEX calls_ended_far ON calls (org_id, ended_at)
    WHERE (ended_at - created_at) NOT BETWEEN interval '-1 hour' AND interval '1 hour';

INSERT INTO call_totals (org_id, cuboid, agent, campaign, value, level, period, outcome, n)
SELECT org_id, cuboid, '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', '',
    level, date_trunc(unit, instant, 'UTC'), '', count(*)
FROM calls CROSS JOIN LATERAL (VALUES
    (17, ended_at),
    (18, timestamptz '1970-01-01 00:00Z'
        + make_interval(hours => greatest(-1, (least(duration_ms, 60000000000) + 1000) / 1000 - 1)::integer,
            mins => ((least(greatest(duration_ms, 0), 60000000000) % 1000 + 16) / 17)::integer)),
    (19, CASE WHEN started_at IS NULL THEN created_at END),
    (20, CASE WHEN ended_at IS NULL THEN created_at END),
    (21, CASE WHEN duration_ms IS NULL THEN created_at END)
) AS v (cuboid, instant)
CROSS JOIN (VALUES (0, 'minute'), (1, 'hour'), (2, 'day'), (3, 'month'), (4, 'year')) AS x (level, unit)
WHERE instant IS NOT NULL AND (cuboid <> 18 OR duration_ms IS NOT NULL) AND (cuboid = 18 OR level > 0)
GROUP BY org_id, cuboid, level, date_trunc(unit, instant, 'UTC');
