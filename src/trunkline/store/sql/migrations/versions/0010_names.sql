-- Tables and columns under the names that the code has for them now. Names of indexes, constraints and sequences follow,
-- so that an error names what is there.

ALTER TABLE change_counts RENAME TO change_sequences;
ALTER INDEX change_counts_pkey RENAME TO change_sequences_pkey;
ALTER TABLE change_sequences RENAME CONSTRAINT change_counts_n_not_null TO change_sequences_n_not_null;
ALTER TABLE change_sequences RENAME CONSTRAINT change_counts_org_id_not_null TO change_sequences_org_id_not_null;

ALTER TABLE said_words RENAME TO search_terms;
ALTER TABLE search_terms RENAME COLUMN word TO term;
ALTER INDEX said_words_pkey RENAME TO search_terms_pkey;
ALTER INDEX said_words_by_id RENAME TO search_terms_by_id;
ALTER SEQUENCE said_words_id_seq RENAME TO search_terms_id_seq;
ALTER TABLE search_terms RENAME CONSTRAINT said_words_id_not_null TO search_terms_id_not_null;
ALTER TABLE search_terms RENAME CONSTRAINT said_words_org_id_not_null TO search_terms_org_id_not_null;
ALTER TABLE search_terms RENAME CONSTRAINT said_words_word_not_null TO search_terms_term_not_null;

ALTER TABLE word_endings RENAME TO term_suffixes;
ALTER TABLE term_suffixes RENAME COLUMN ending TO suffix;
ALTER TABLE term_suffixes RENAME COLUMN word_id TO term_id;
ALTER INDEX word_endings_pkey RENAME TO term_suffixes_pkey;
ALTER TABLE term_suffixes RENAME CONSTRAINT word_endings_ending_not_null TO term_suffixes_suffix_not_null;
ALTER TABLE term_suffixes RENAME CONSTRAINT word_endings_org_id_not_null TO term_suffixes_org_id_not_null;
ALTER TABLE term_suffixes RENAME CONSTRAINT word_endings_word_id_not_null TO term_suffixes_term_id_not_null;

ALTER TABLE call_words RENAME TO call_terms;
ALTER TABLE call_terms RENAME COLUMN words TO term_ids;
ALTER INDEX call_words_pkey RENAME TO call_terms_pkey;
ALTER INDEX call_words_by_word RENAME TO call_terms_by_term;
ALTER TABLE call_terms RENAME CONSTRAINT call_words_call_id_not_null TO call_terms_call_id_not_null;
ALTER TABLE call_terms RENAME CONSTRAINT call_words_org_id_not_null TO call_terms_org_id_not_null;
ALTER TABLE call_terms RENAME CONSTRAINT call_words_words_not_null TO call_terms_term_ids_not_null;

ALTER TABLE unindexed_calls RENAME TO search_backlog;
ALTER INDEX unindexed_calls_pkey RENAME TO search_backlog_pkey;
ALTER TABLE search_backlog RENAME CONSTRAINT unindexed_calls_call_id_not_null TO search_backlog_call_id_not_null;
ALTER TABLE search_backlog RENAME CONSTRAINT unindexed_calls_change_not_null TO search_backlog_change_not_null;
ALTER TABLE search_backlog RENAME CONSTRAINT unindexed_calls_org_id_not_null TO search_backlog_org_id_not_null;

ALTER TABLE lost_words RENAME TO orphan_terms;
ALTER TABLE orphan_terms RENAME COLUMN word_id TO term_id;
ALTER INDEX lost_words_pkey RENAME TO orphan_terms_pkey;
ALTER TABLE orphan_terms RENAME CONSTRAINT lost_words_org_id_not_null TO orphan_terms_org_id_not_null;
ALTER TABLE orphan_terms RENAME CONSTRAINT lost_words_word_id_not_null TO orphan_terms_term_id_not_null;

ALTER TABLE summed_numbers RENAME TO number_totals;
ALTER INDEX summed_numbers_pkey RENAME TO number_totals_pkey;
ALTER TABLE number_totals RENAME CONSTRAINT summed_numbers_counted_not_null TO number_totals_counted_not_null;
ALTER TABLE number_totals RENAME CONSTRAINT summed_numbers_number_not_null TO number_totals_number_not_null;
ALTER TABLE number_totals RENAME CONSTRAINT summed_numbers_org_id_not_null TO number_totals_org_id_not_null;

ALTER TABLE repeatable_requests RENAME TO idempotent_requests;
ALTER INDEX repeatable_requests_pkey RENAME TO idempotent_requests_pkey;
ALTER INDEX repeatable_requests_by_age RENAME TO idempotent_requests_by_age;
ALTER TABLE idempotent_requests RENAME CONSTRAINT repeatable_requests_created_at_not_null TO idempotent_requests_created_at_not_null;
ALTER TABLE idempotent_requests RENAME CONSTRAINT repeatable_requests_fingerprint_not_null TO idempotent_requests_fingerprint_not_null;
ALTER TABLE idempotent_requests RENAME CONSTRAINT repeatable_requests_key_not_null TO idempotent_requests_key_not_null;
ALTER TABLE idempotent_requests RENAME CONSTRAINT repeatable_requests_org_id_not_null TO idempotent_requests_org_id_not_null;

ALTER TABLE pull_calls RENAME TO listed_calls;
ALTER TABLE listed_calls RENAME COLUMN had TO was_stored;
ALTER TABLE listed_calls RENAME COLUMN met_at TO listed_at;
ALTER INDEX pull_calls_pkey RENAME TO listed_calls_pkey;
ALTER TABLE listed_calls RENAME CONSTRAINT pull_calls_had_not_null TO listed_calls_was_stored_not_null;
ALTER TABLE listed_calls RENAME CONSTRAINT pull_calls_met_at_not_null TO listed_calls_listed_at_not_null;
ALTER TABLE listed_calls RENAME CONSTRAINT pull_calls_org_id_not_null TO listed_calls_org_id_not_null;
ALTER TABLE listed_calls RENAME CONSTRAINT pull_calls_source_id_not_null TO listed_calls_source_id_not_null;
ALTER TABLE listed_calls RENAME CONSTRAINT pull_calls_vendor_call_id_not_null TO listed_calls_vendor_call_id_not_null;
ALTER TABLE listed_calls RENAME CONSTRAINT pull_calls_vendor_not_null TO listed_calls_vendor_not_null;

ALTER TABLE calls RENAME COLUMN stamps TO versions;
ALTER TABLE calls RENAME CONSTRAINT calls_stamps_not_null TO calls_versions_not_null;
ALTER TABLE calls RENAME COLUMN unkept TO has_unstored_facts;
ALTER TABLE calls RENAME CONSTRAINT calls_unkept_not_null TO calls_has_unstored_facts_not_null;
ALTER TABLE call_totals RENAME COLUMN cuboid TO grouping;
ALTER TABLE call_totals RENAME CONSTRAINT call_totals_cuboid_not_null TO call_totals_grouping_not_null;
ALTER TABLE ledger_hours RENAME COLUMN told TO listed;
ALTER TABLE ledger_hours RENAME CONSTRAINT ledger_hours_told_not_null TO ledger_hours_listed_not_null;
ALTER TABLE pulls RENAME COLUMN asked_since TO requested_since;
ALTER TABLE pulls RENAME COLUMN asked_until TO requested_until;

-- A recording that we store was said to be `kept`: as a state, in calls, and in what we note of ourselves. A colon
-- before a letter would be a parameter to the library that runs these statements.
UPDATE recordings SET state = 'stored' WHERE state = 'kept';

UPDATE calls SET
    body = regexp_replace(body,
        '("recording":\{"enabled":(true|false|null),"url":(null|"([^"\\]|\\.)*"),)"kept"(:[t]rue\})', '\1"stored"\5'),
    versions = replace(versions, '"recording/kept"', '"recording/stored"')
WHERE strpos(body, '"kept":') > 0 OR strpos(versions, '"recording/kept"') > 0;

UPDATE sightings s SET payload = n.payload, hash = sha256(n.payload)
FROM (
    SELECT org_id, vendor, vendor_call_id, hash,
        convert_to(replace(convert_from(payload, 'UTF8'), '"kept"', '"stored"'), 'UTF8') AS payload
    FROM sightings WHERE kind = 'recording'
) n
WHERE s.org_id = n.org_id AND s.vendor = n.vendor AND s.vendor_call_id = n.vendor_call_id AND s.hash = n.hash;

-- A change by our own API ends with the moment at which it was asked for, which is its `as_of` now.
UPDATE sightings s SET payload = n.payload, hash = sha256(n.payload)
FROM (
    SELECT org_id, vendor, vendor_call_id, hash, convert_to(regexp_replace(convert_from(payload, 'UTF8'),
            ',"said_at":("[0-9TZ:.+-]+"\})$', ',"as_of":\1'), 'UTF8') AS payload
    FROM sightings
    WHERE kind = 'change' AND source = 'api' AND convert_from(payload, 'UTF8') ~ ',"said_at":"[0-9TZ:.+-]+"\}$'
) n
WHERE s.org_id = n.org_id AND s.vendor = n.vendor AND s.vendor_call_id = n.vendor_call_id AND s.hash = n.hash;
