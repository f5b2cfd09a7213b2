-- Fragments that a filter, an order or a window adds to the statements of calls.sql, which name the org.
-- Each ? is a value of its own; no org: the statement around it names the org

-- name: low
{column} >= ?

-- name: high
{column} <= ?

-- name: value
{column} = ?

-- name: values
{column} = ANY(?)

-- name: word
-- What a vendor's call prints: its own word if it kept one, else the vendor's word for ours.
(({column} = ANY(?) AND (c.vendor <> ? OR {column}_word IS NULL)) OR (c.vendor = ? AND {column}_word = ANY(?)))

-- name: phone
(c.from_number = ? OR c.contact_number = ?)

-- name: any_number
(c.from_number = ? OR c.to_number = ? OR c.contact_number = ?)

-- name: transcript_text
EXISTS (SELECT 1 FROM call_transcripts s WHERE s.org_id = $1 AND s.call_id = c.id AND strpos(s.search, ?) > 0)

-- name: after_value
-- What follows a place that has a value, empty ones last.
({column} {beyond} ? OR ({column} = ? AND c.id {beyond} ?) OR {column} IS NULL)

-- name: after_creation
-- The same for the instant of creation, which every call has: the index can begin at the place.
(c.created_at, c.id) {beyond} (?, ?)

-- name: after_empty
({column} IS NULL AND c.id {beyond} ?)

-- name: rows
LIMIT ? OFFSET ?

-- name: order
{column} {direction} NULLS LAST, c.id {direction}

-- name: order_by_creation
c.created_at {direction}, c.id {direction}

-- name: transcript
, t.body AS transcript

-- name: join
LEFT JOIN call_transcripts t ON t.org_id = $1 AND t.call_id = c.id
