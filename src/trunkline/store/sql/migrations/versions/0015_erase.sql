-- Deleting a call leaves nothing of it.

-- The calls that an answer speaks of. Answers that were stored before name none and are forgotten: their requests may be
-- sent again, and are done again, as after a day.
DELETE FROM idempotent_requests;

ALTER TABLE idempotent_requests ADD COLUMN call_ids uuid[] NOT NULL DEFAULT '{}';

CREATE INDEX idempotent_requests_by_call ON idempotent_requests USING gin (call_ids);

-- Orgs of which calls were deleted since the log was last cleaned up after them.
CREATE TABLE erase_backlog (
    org_id   integer NOT NULL,
    first_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    PRIMARY KEY (org_id)
);

-- Files of deleted calls. A row stays until nobody can be writing its file any more, such as a fetch under way.
CREATE TABLE erased_objects (
    org_id    integer NOT NULL,
    path      text NOT NULL,
    erased_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, path)
);

-- What calls left that were deleted before is cleaned up once.
INSERT INTO erase_backlog (org_id, first_at, last_at)
SELECT org_id, min(deleted_at), max(deleted_at) FROM deleted_calls GROUP BY org_id;
