-- Lists that are read in parts, all of them from one snapshot.

-- name: may_stand_still
-- Lets this transaction wait for a reader for so long, without being ended. no org: it is about the session
SELECT set_config('idle_in_transaction_session_timeout', $1, true);
