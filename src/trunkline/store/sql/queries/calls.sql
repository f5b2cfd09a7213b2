-- Calls: pages, single calls, and the one statement that writes them.
-- {where}, {order} and {transcript} stand for fragments of clauses.sql; $1 is always the org.

-- name: page
-- One page in order.
SELECT c.body{transcript}
FROM calls c{join}
WHERE c.org_id = $1{where}
ORDER BY {order}
{window};

-- name: page_with_total
-- One page in order and the size of the whole match, from one snapshot. An empty page is one row without a call.
SELECT t.total, p.*
FROM (SELECT count(*) AS total FROM calls c WHERE c.org_id = $1{where}) t
LEFT JOIN (
    SELECT c.body{transcript}
    FROM calls c{join}
    WHERE c.org_id = $1{where}
    ORDER BY {order}
    {window}
) p ON true;

-- name: find
-- The call that a printed id names: by its vendor's own id first, then by its canonical id, then by its digest.
SELECT c.id, c.created_at, c.body{transcript}
FROM (
    SELECT 1 AS rank, c.* FROM calls c WHERE c.org_id = $1 AND c.vendor = $2 AND c.vendor_call_id = $3
    UNION ALL
    SELECT 2, c.* FROM calls c WHERE c.org_id = $1 AND c.id = $4
    UNION ALL
    SELECT 3, c.* FROM calls c WHERE c.org_id = $1 AND c.digest BETWEEN $5 AND $6 AND c.vendor <> $2
) c{join}
ORDER BY c.rank
LIMIT 1;

-- name: exists_elsewhere
-- Whether the call that a printed id names is another org's, for a vendor that documents an answer of its own.
-- no org: that it is not the asking org's call is the question
SELECT EXISTS (SELECT 1 FROM calls WHERE vendor = $1 AND vendor_call_id = $2)
    OR EXISTS (SELECT 1 FROM calls WHERE digest BETWEEN $3 AND $4 AND vendor <> $1);

-- name: known
-- Calls as they stand, to merge into.
SELECT c.vendor, c.vendor_call_id, c.revision, c.stamps, c.body, t.body AS transcript
FROM unnest($2::text[], $3::text[]) AS k (vendor, vendor_call_id)
JOIN calls c ON c.org_id = $1 AND c.vendor = k.vendor AND c.vendor_call_id = k.vendor_call_id
LEFT JOIN call_transcripts t ON t.org_id = $1 AND t.call_id = c.id;

-- name: taken_ids
-- Which of some canonical ids belong to a call already.
SELECT id FROM calls WHERE org_id = $1 AND id = ANY($2::uuid[]);

-- name: write
-- Writes a batch: new calls are inserted, known ones are replaced if nobody wrote them since they were read.
-- Returns the calls that were written, each with its former words, which totals are moved by.
WITH incoming AS (
    SELECT * FROM unnest(
        $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[],
        $9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
        $17::text[], $18::boolean[], $19::boolean[], $20::text[], $21::uuid[], $22::text[], $23::uuid[],
        $24::text[], $25::text[], $26::text[], $27::integer[], $28::text[], $29::text[], $30::text[], $31::text[]
    ) AS i (
        id, digest, vendor, vendor_call_id, created_at, started_at, ended_at,
        duration_ms, status, status_word, result, result_word, direction, channel, end_reason,
        sentiment, success, voicemail, agent_id, agent_ref, campaign_id, campaign_ref,
        from_number, to_number, contact_number, revision, stamps, body, transcript, search
    )
), written AS (
    INSERT INTO calls AS c (
        org_id, id, digest, vendor, vendor_call_id, created_at, started_at, ended_at,
        duration_ms, status, status_word, result, result_word, direction, channel, end_reason,
        sentiment, success, voicemail, agent_id, agent_ref, campaign_id, campaign_ref,
        from_number, to_number, contact_number, revision, stamps, body
    )
    SELECT
        $1, id, digest, vendor, vendor_call_id, created_at, started_at, ended_at,
        duration_ms, status, status_word, result, result_word, direction, channel, end_reason,
        sentiment, success, voicemail, agent_id, agent_ref, campaign_id, campaign_ref,
        from_number, to_number, contact_number, revision, stamps, body
    FROM incoming
    ON CONFLICT (org_id, vendor, vendor_call_id) DO UPDATE SET
        created_at = excluded.created_at, started_at = excluded.started_at, ended_at = excluded.ended_at,
        duration_ms = excluded.duration_ms, status = excluded.status, status_word = excluded.status_word,
        result = excluded.result, result_word = excluded.result_word, direction = excluded.direction,
        channel = excluded.channel, end_reason = excluded.end_reason, sentiment = excluded.sentiment,
        success = excluded.success, voicemail = excluded.voicemail, agent_id = excluded.agent_id,
        agent_ref = excluded.agent_ref, campaign_id = excluded.campaign_id, campaign_ref = excluded.campaign_ref,
        from_number = excluded.from_number, to_number = excluded.to_number,
        contact_number = excluded.contact_number, revision = excluded.revision, stamps = excluded.stamps,
        body = excluded.body
    WHERE c.revision = excluded.revision - 1
    RETURNING new.id, new.vendor, new.vendor_call_id, old.revision AS old_revision
), said AS (
    INSERT INTO call_transcripts (org_id, call_id, body, search)
    SELECT $1, w.id, i.transcript, i.search
    FROM written w JOIN incoming i ON i.vendor = w.vendor AND i.vendor_call_id = w.vendor_call_id
    WHERE i.transcript IS NOT NULL
    ON CONFLICT (org_id, call_id) DO UPDATE SET body = excluded.body, search = excluded.search
)
SELECT id, vendor, vendor_call_id, old_revision IS NULL AS is_new FROM written;

-- name: keep_sightings
-- Stores payloads as they arrived, each once.
INSERT INTO sightings (org_id, vendor, vendor_call_id, hash, source, received_at, payload)
SELECT $1, s.vendor, s.vendor_call_id, s.hash, $6, $7, s.payload
FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bytea[]) AS s (vendor, vendor_call_id, hash, payload)
ON CONFLICT DO NOTHING;
