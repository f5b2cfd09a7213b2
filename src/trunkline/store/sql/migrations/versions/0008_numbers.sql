-- Numbers that many calls of an org have, such as its own lines: running totals are kept of them too.

-- counted says that the totals hold the calls from before the number was noted as well.
CREATE TABLE summed_numbers (
    org_id  integer NOT NULL,
    number  text NOT NULL,
    counted boolean NOT NULL DEFAULT false,
    PRIMARY KEY (org_id, number)
);
