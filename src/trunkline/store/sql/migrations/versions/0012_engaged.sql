-- Whether a call was a meaningful conversation, as a column that lists are filtered by and that totals are kept of.
-- Calls that are there get it step by step; the index leaves out those that do not have it yet.

ALTER TABLE calls ADD COLUMN engaged boolean;

CREATE INDEX calls_by_engagement ON calls (org_id, engaged, created_at, id) WHERE engaged IS NOT NULL;

INSERT INTO upgrade_steps (org_id, step)
SELECT o.org_id, s.step FROM orgs o CROSS JOIN (VALUES ('columns'), ('totals')) AS s (step)
ON CONFLICT (org_id, step) DO NOTHING;
