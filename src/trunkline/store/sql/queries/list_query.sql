-- Parts of a list query. A list is merged from index scans, all in the same order.
-- no org: the parts below that read calls name it, the others stand around those

-- name: stream
-- Calls in order from one index.
(SELECT c.* FROM calls c WHERE c.org_id = $1{where} ORDER BY {order} {limit})

-- name: stream_by_id
-- The same for a large offset: skipped rows are read from the index alone.
(SELECT c.* FROM calls c WHERE c.org_id = $1 AND c.id = ANY(ARRAY(
    SELECT c.id FROM calls c WHERE c.org_id = $1{where} ORDER BY {order} {limit}
)))

-- name: sorted
-- Calls in no index's order, all of which are read.
(SELECT c.* FROM (SELECT c.* FROM calls c WHERE c.org_id = $1{where} OFFSET 0) c ORDER BY {order} {limit})

-- name: merged
-- The first rows of several scans that are in the same order.
SELECT c.* FROM ({streams}) c ORDER BY {order} {window}

-- name: take
LIMIT ?

-- name: take_and_skip
LIMIT ? OFFSET ?

-- name: take_from_period
-- Skips within the period that contains the offset, from the end of the periods before it.
LIMIT ? OFFSET (SELECT s.n - p.before FROM {skipped} s, {period} p)

-- name: take_up_to_place
-- How many rows each scan must return so that the merged scans reach the offset and the page after it.
LIMIT (SELECT ?::bigint + s.n - p.before FROM {skipped} s, {period} p)

-- name: ctes
WITH {parts}

-- name: order_by_creation
c.created_at {direction}, c.id {direction}

-- name: order_by_value
-- Calls without a value come last either way, among themselves by creation.
({column} IS NULL), {column} {direction}, (CASE WHEN {column} IS NULL THEN c.created_at END) {direction},
    c.id {direction}

-- name: order_of_index
-- Of calls with a value.
{column} {direction}, c.id {direction}

-- name: before_end_of_period
{column} < (SELECT period + interval '1 {unit}' FROM {period})

-- name: from_start_of_period
{column} >= (SELECT period FROM {period})

-- name: transcript
, t.body AS transcript

-- name: transcript_chosen
, c.transcript

-- name: size
octet_length(c.body)

-- name: size_with_transcript
octet_length(c.body) + coalesce(octet_length(t.body), 0)

-- name: room
c.bytes_before < ?

-- name: join
LEFT JOIN LATERAL (
    SELECT {stored} AS body FROM call_transcripts s WHERE s.org_id = $1 AND s.call_id = c.id
) t ON true
