-- Ends and durations: their indexes, and those of calls that lack what a list is sorted by.

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
