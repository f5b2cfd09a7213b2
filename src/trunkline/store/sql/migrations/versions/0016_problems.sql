-- Values of a payload that could not be read as documented, by their paths: {"path": {"found", "expected", "read_as"}}.
-- NULL where everything was read. What could not be read at all says why in `problem`.
ALTER TABLE sightings ADD COLUMN problems jsonb;
