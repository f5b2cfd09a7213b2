-- When a follower's step began, until it ended in whatever way. One that is set while nobody runs the step is of a
-- process that was killed in it.
ALTER TABLE followers ADD COLUMN started_at timestamptz;
