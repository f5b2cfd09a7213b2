-- Calls from before there were totals, an order of changes or an index of words get their place in each.

-- What is left to do for an org after its tables were changed, see upgrade.py: it takes long, and is done in steps of
-- their own, each of which may be broken off and taken up again.
CREATE TABLE upgrade_steps (
    org_id integer NOT NULL,
    step   text NOT NULL,
    PRIMARY KEY (org_id, step)
);

INSERT INTO upgrade_steps (org_id, step)
SELECT o.org_id, s.step FROM orgs o CROSS JOIN (VALUES ('sequence'), ('totals'), ('words')) AS s (step);
