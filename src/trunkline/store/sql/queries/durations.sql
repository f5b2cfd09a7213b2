-- Durations as periods, see durations.py: a second is an hour after 1970, and in it the first minute is the whole
-- second, each other one so many milliseconds. no org: the statements around these name it

-- name: period
-- The instant that represents a duration; it must not be null, since greatest and least ignore nulls.
{zero} + make_interval(
    hours => greatest(-1, (least({column}, {max_ms}) + {second}) / {second} - 1)::integer,
    mins => ((least(greatest({column}, 0), {max_ms}) % {second} + ({minute} - 1)) / {minute})::integer)

-- name: before_end
-- Shorter than the end of the period that contains an offset; the last period has no end.
c.duration_ms < (SELECT CASE WHEN period >= {zero} + interval '{last_hour} hours' THEN 9223372036854775807
    WHEN period < {zero} THEN 0
    ELSE floor(extract(epoch FROM period) / 3600)::bigint * {second}
        + least({second}, extract(minute FROM period)::bigint * {minute} + 1) END FROM {period})

-- name: from_start
-- At least as long as the beginning of the period that contains an offset; the first period has no beginning.
c.duration_ms >= (SELECT CASE WHEN period < {zero} THEN -9223372036854775808
    ELSE floor(extract(epoch FROM period) / 3600)::bigint * {second}
        + greatest(0, extract(minute FROM period)::bigint * {minute} - ({minute} - 1)) END FROM {period})
