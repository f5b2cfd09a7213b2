-- An agent's or a campaign's calls of one status, however few of them have it.

CREATE INDEX calls_by_agent_and_status ON calls (org_id, agent_ref, status, created_at, id)
    WHERE agent_ref IS NOT NULL;

CREATE INDEX calls_by_campaign_and_status ON calls (org_id, campaign_ref, status, created_at, id)
    WHERE campaign_ref IS NOT NULL;
