-- Fragments that a filter, an order or a window adds to the statements of calls.sql, which name the org.
-- Each ? is a value of its own; no org: the statement around it names the org

-- name: low
{column} >= ?

-- name: high
{column} <= ?

-- name: between
-- Both ends even if one is open: a plan without values estimates a range with one end at a third of the table.
{column} BETWEEN ? AND ?

-- name: between_without_index
-- The same where another index gives the order, and this range must not select an index.
({column} BETWEEN ? AND ?) IS TRUE

-- name: near
-- Started, or ended, within an hour of the creation, so that a range of the one is a range of the other.
(({column} - c.created_at) BETWEEN interval '-1 hour' AND interval '1 hour') IS TRUE

-- name: far
({column} - c.created_at) NOT BETWEEN interval '-1 hour' AND interval '1 hour'

-- name: many_match
-- Enough matches that scanning the calls in order finds a page sooner than sorting all matches would.
(SELECT m.n::numeric * m.n > ?::numeric * m.everything FROM matches m)

-- name: few_match
(SELECT m.n::numeric * m.n <= ?::numeric * m.everything FROM matches m)

-- name: value
{column} = ?

-- name: values
{column} = ANY(?)

-- name: word
-- What a vendor's call prints: its own stored word, if there is one, else the vendor's word for ours.
(({column} = ANY(?) AND (c.vendor <> ? OR {column}_word IS NULL)) OR (c.vendor = ? AND {column}_word = ANY(?)))

-- name: no_vendor_word
(c.vendor <> ? OR {column}_word IS NULL)

-- name: other_number
-- So that a call with the same number in two columns is found once.
{column} IS DISTINCT FROM ?

-- name: has_value
{column} IS NOT NULL

-- name: has_no_value
{column} IS NULL

-- name: transcript_text
EXISTS (SELECT 1 FROM call_transcripts s WHERE s.org_id = $1 AND s.call_id = c.id AND strpos({spoken}, ?) > 0)

-- name: after_creation
-- What follows a position; the index can begin there.
(c.created_at, c.id) {beyond} (?, ?)

-- name: after_value
({column}, c.id) {beyond} (?, ?)

-- name: after_empty
(c.created_at, c.id) {beyond} (?, ?)
