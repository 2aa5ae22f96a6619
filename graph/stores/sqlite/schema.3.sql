-- What version 3 changes: what a roll-up links to lies in its own row, and one table leads back to it from whatever it names.

ALTER TABLE evidence ADD COLUMN ends TEXT NOT NULL DEFAULT '{}';  -- as JSON: the identifiers it links `a` to, 1 where raw components hang together by it
UPDATE evidence SET ends = (
    SELECT json_group_object(l.b, l.live) FROM link AS l WHERE l.tenant = evidence.tenant AND l.evidence = evidence.key
);

-- What a roll-up names besides its `a`: what it is linked to, and `b` where it is not linked to that. Not for SEEN, which names nothing else,
-- nor is a UnionID's text named by what is linked to a UnionID.
CREATE TABLE evidence_mention (
    tenant    INTEGER NOT NULL,
    named     TEXT NOT NULL,
    a         TEXT NOT NULL,
    evidence  TEXT NOT NULL,
    is_linked INTEGER NOT NULL,
    PRIMARY KEY (tenant, named, a, evidence)
) STRICT, WITHOUT ROWID;

INSERT INTO evidence_mention (tenant, named, a, evidence, is_linked) SELECT l.tenant, l.b, l.a, l.evidence, 1 FROM link AS l;
INSERT OR IGNORE INTO evidence_mention (tenant, named, a, evidence, is_linked)
SELECT e.tenant, e.b, e.a, e.key, 0 FROM evidence AS e
WHERE e.said IN ('MIGRATED_TO', 'CLAIMS', 'UNLINKED') OR (e.said = 'RESOLVED_AS' AND e.ends = '{}');
CREATE INDEX evidence_mention_loose ON evidence_mention (tenant, named, evidence) WHERE is_linked = 0;

DROP TABLE link;
DROP INDEX evidence_b;
DROP INDEX evidence_text;
