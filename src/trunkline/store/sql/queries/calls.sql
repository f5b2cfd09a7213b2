-- Calls: pages, single calls, and the one statement that writes them.
-- What stands in braces is put together from the fragments of clauses.sql, listing.sql and totals.sql; $1 is
-- always the org.

-- name: page
-- One page in order. no org: its streams name it
{ctes}SELECT c.body{transcript}
FROM ({streams}) c{join}
ORDER BY {order}

-- name: page_with_total
-- One page in order and the size of the whole match, from one snapshot. An empty page is one row without a call.
-- no org: its streams and its total name it
{ctes}SELECT n.total, c.body{transcript}
FROM (SELECT {total} AS total) n
LEFT JOIN ({streams}) c ON true{join}
ORDER BY {order}

-- name: part
-- The calls of a page in order, as many as begin within so many bytes, which is one at least: a list is read in
-- parts of an even size however long its conversations are. no org: its streams name it
{ctes}SELECT c.body{chosen}
FROM (
    SELECT c.*{transcript}, coalesce(sum({size}) OVER (
        ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS bytes_before
    FROM ({streams}) c{join}
) c
WHERE {room}
ORDER BY {order}

-- name: total
-- The size of a match alone. no org: the total names it
{ctes}SELECT {total} AS total

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

-- name: find_deleted
-- Where the call stood that a printed id names and that was taken out; the id is understood as in find.
SELECT d.id, d.created_at
FROM (
    SELECT 1 AS rank, d.* FROM deleted_calls d WHERE d.org_id = $1 AND d.vendor = $2 AND d.vendor_call_id = $3
    UNION ALL
    SELECT 2, d.* FROM deleted_calls d WHERE d.org_id = $1 AND d.id = $4
    UNION ALL
    SELECT 3, d.* FROM deleted_calls d WHERE d.org_id = $1 AND d.digest BETWEEN $5 AND $6 AND d.vendor <> $2
) d
ORDER BY d.rank
LIMIT 1;

-- name: exists_elsewhere
-- Whether the call that a printed id names is another org's, for a vendor that documents an answer of its own.
-- no org: that it is not the asking org's call is the question
SELECT EXISTS (SELECT 1 FROM calls WHERE vendor = $1 AND vendor_call_id = $2)
    OR EXISTS (SELECT 1 FROM calls WHERE digest BETWEEN $3 AND $4 AND vendor <> $1);

-- name: write
-- Writes a batch: new calls are inserted, known ones are replaced if nobody wrote them since they were read.
-- Returns the calls that were written, each with its former words, which totals are moved by.
WITH incoming AS (
    SELECT * FROM unnest(
        $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[],
        $9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
        $17::text[], $18::boolean[], $19::boolean[], $20::text[], $21::uuid[], $22::text[], $23::uuid[],
        $24::text[], $25::text[], $26::text[], $27::integer[], $28::text[], $29::text[], $30::bigint[], $31::boolean[],
        $32::bytea[], $33::text[]
    ) AS i (
        id, digest, vendor, vendor_call_id, created_at, started_at, ended_at,
        duration_ms, status, status_word, result, result_word, direction, channel, end_reason,
        sentiment, success, voicemail, agent_id, agent_ref, campaign_id, campaign_ref,
        from_number, to_number, contact_number, revision, versions, body, change, has_unstored_facts, transcript, search
    )
), written AS (
    INSERT INTO calls AS c (
        org_id, id, digest, vendor, vendor_call_id, created_at, started_at, ended_at,
        duration_ms, status, status_word, result, result_word, direction, channel, end_reason,
        sentiment, success, voicemail, agent_id, agent_ref, campaign_id, campaign_ref,
        from_number, to_number, contact_number, revision, versions, body, change, has_unstored_facts
    )
    SELECT
        $1, id, digest, vendor, vendor_call_id, created_at, started_at, ended_at,
        duration_ms, status, status_word, result, result_word, direction, channel, end_reason,
        sentiment, success, voicemail, agent_id, agent_ref, campaign_id, campaign_ref,
        from_number, to_number, contact_number, revision, versions, body, change, has_unstored_facts
    FROM incoming
    ON CONFLICT (org_id, vendor, vendor_call_id) DO UPDATE SET
        created_at = excluded.created_at, started_at = excluded.started_at, ended_at = excluded.ended_at,
        duration_ms = excluded.duration_ms, status = excluded.status, status_word = excluded.status_word,
        result = excluded.result, result_word = excluded.result_word, direction = excluded.direction,
        channel = excluded.channel, end_reason = excluded.end_reason, sentiment = excluded.sentiment,
        success = excluded.success, voicemail = excluded.voicemail, agent_id = excluded.agent_id,
        agent_ref = excluded.agent_ref, campaign_id = excluded.campaign_id, campaign_ref = excluded.campaign_ref,
        from_number = excluded.from_number, to_number = excluded.to_number,
        contact_number = excluded.contact_number, revision = excluded.revision, change = excluded.change,
        has_unstored_facts = c.has_unstored_facts OR excluded.has_unstored_facts, versions = excluded.versions, body = excluded.body
    WHERE c.revision = excluded.revision - 1
    RETURNING new.id, new.vendor, new.vendor_call_id, new.change, old.org_id IS NULL AS is_new,
        new.created_at, new.started_at, new.ended_at, new.duration_ms, new.agent_ref, new.campaign_ref,
        new.status, new.status_word, new.result, new.result_word, new.direction,
        new.channel, new.end_reason, new.sentiment, new.success, new.voicemail,
        new.from_number, new.to_number, new.contact_number,
        old.created_at AS old_created_at, old.started_at AS old_started_at,
        old.ended_at AS old_ended_at, old.duration_ms AS old_duration_ms,
        old.agent_ref AS old_agent_ref, old.campaign_ref AS old_campaign_ref, old.vendor AS old_vendor,
        old.status AS old_status, old.status_word AS old_status_word, old.result AS old_result,
        old.result_word AS old_result_word, old.direction AS old_direction,
        old.channel AS old_channel, old.end_reason AS old_end_reason, old.sentiment AS old_sentiment,
        old.success AS old_success, old.voicemail AS old_voicemail, old.from_number AS old_from_number,
        old.to_number AS old_to_number, old.contact_number AS old_contact_number
), said AS (
    INSERT INTO call_transcripts (org_id, call_id, body, search)
    SELECT $1, w.id, i.transcript, i.search
    FROM written w JOIN incoming i ON i.vendor = w.vendor AND i.vendor_call_id = w.vendor_call_id
    WHERE i.transcript IS NOT NULL
    ON CONFLICT (org_id, call_id) DO UPDATE SET body = excluded.body, search = excluded.search
    RETURNING call_id, old.search IS DISTINCT FROM new.search AS differs
), unindexed AS (
    INSERT INTO search_backlog (org_id, call_id, change)
    SELECT $1, w.id, w.change FROM said s JOIN written w ON w.id = s.call_id WHERE s.differs
    ON CONFLICT (org_id, call_id) DO UPDATE SET change = excluded.change
), unworded AS (
    DELETE FROM call_terms x USING said s WHERE x.org_id = $1 AND x.call_id = s.call_id AND s.differs
    RETURNING x.term_ids
), lost AS (
    INSERT INTO orphan_terms (org_id, term_id) SELECT DISTINCT $1::integer, unnest(term_ids) FROM unworded
    ON CONFLICT (org_id, term_id) DO NOTHING
), delta AS (
    SELECT 1 AS n, created_at, started_at, ended_at, duration_ms, agent_ref, campaign_ref, vendor, status, status_word,
        result, result_word, direction, channel, end_reason, sentiment, success, voicemail, from_number, to_number,
        contact_number
    FROM written
    UNION ALL
    SELECT -1, old_created_at, old_started_at, old_ended_at, old_duration_ms, old_agent_ref, old_campaign_ref,
        old_vendor, old_status, old_status_word, old_result, old_result_word, old_direction, old_channel,
        old_end_reason, old_sentiment, old_success, old_voicemail, old_from_number, old_to_number,
        old_contact_number
    FROM written WHERE NOT is_new
), {cells}, {move}
SELECT id, vendor, vendor_call_id, is_new FROM written;

-- name: move_new
-- Moves the totals by calls that are new. no org: the parts that stand in braces name it
WITH delta AS (
    SELECT 1 AS n, i.* FROM unnest(
        $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::uuid[], $7::uuid[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
        $17::boolean[], $18::boolean[], $19::text[], $20::text[], $21::text[]
    ) AS i (
        created_at, started_at, ended_at, duration_ms, agent_ref, campaign_ref, vendor,
        status, status_word, result, result_word, direction, channel, end_reason, sentiment,
        success, voicemail, from_number, to_number, contact_number
    )
), {cells}, {move}
SELECT;

-- name: delete
-- Takes a call out, its transcript and its payloads with it, moves the totals, and remembers that it is gone.
WITH gone AS (
    DELETE FROM calls WHERE org_id = $1 AND id = $2
    RETURNING id, digest, created_at, started_at, ended_at, duration_ms, agent_ref, campaign_ref, vendor,
        vendor_call_id, status, status_word, result, result_word, direction, channel, end_reason, sentiment,
        success, voicemail, from_number, to_number, contact_number
), unsaid AS (
    DELETE FROM call_transcripts t USING gone g WHERE t.org_id = $1 AND t.call_id = g.id
), unindexed AS (
    DELETE FROM search_backlog u USING gone g WHERE u.org_id = $1 AND u.call_id = g.id
), unworded AS (
    DELETE FROM call_terms x USING gone g WHERE x.org_id = $1 AND x.call_id = g.id RETURNING x.term_ids
), lost AS (
    INSERT INTO orphan_terms (org_id, term_id) SELECT DISTINCT $1::integer, unnest(term_ids) FROM unworded
    ON CONFLICT (org_id, term_id) DO NOTHING
), unseen AS (
    DELETE FROM sightings s USING gone g
    WHERE s.org_id = $1 AND s.vendor = g.vendor AND s.vendor_call_id = g.vendor_call_id
), remembered AS (
    INSERT INTO deleted_calls (org_id, id, digest, vendor, vendor_call_id, created_at, change)
    SELECT $1, g.id, g.digest, g.vendor, g.vendor_call_id, g.created_at, $3 FROM gone g
), delta AS (
    SELECT -1 AS n, gone.* FROM gone
), {cells}, {move}
SELECT id FROM gone;
