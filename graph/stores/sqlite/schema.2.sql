-- What version 2 adds to schema.sql.

CREATE INDEX request_made ON node (body ->> 'made') WHERE label = 'Request';

-- A roll-up's key begins as that of who said it, so what one identifier said lies together and needs no index of its own,
-- nor does what was resolved at a touchpoint: its OpenIDs are listed.
-- UnionIDs that wait are noted again when their OpenID is seen again, or their binding is told.
UPDATE evidence SET key = substr(a, 1, 11) || substr(key, 12);
UPDATE link SET evidence = substr(a, 1, 11) || substr(evidence, 12);
DELETE FROM node WHERE label = 'Quarantined' AND body ->> 'holder' IS NOT NULL;
DROP INDEX evidence_a;
DROP INDEX evidence_scoped;
ALTER TABLE evidence DROP COLUMN touchpoint;

-- The feed is asked for by a change's id, and by the customers that a history goes back through.
UPDATE change SET body = json_set(json_remove(body, '$.customer'), '$.customer_key', body ->> 'customer');
UPDATE change SET body = json_set(body, '$.changes_left', w.changes_left)
FROM (
    SELECT tenant, sequence, count(*) OVER (PARTITION BY tenant, body ->> 'transaction' ORDER BY sequence DESC) - 1 AS changes_left FROM change
) AS w
WHERE w.tenant = change.tenant AND w.sequence = change.sequence;
CREATE INDEX change_key ON change (tenant, body ->> 'key');
CREATE INDEX change_customer ON change (tenant, body ->> 'customer_key', sequence);

-- The OpenID by which a UnionID or external id, and so the customer id that it once gave, is followed when nothing names it any more.
ALTER TABLE identifier ADD COLUMN witness TEXT;
UPDATE identifier SET witness = (
    SELECT o.key FROM link AS l INDEXED BY link_b
    CROSS JOIN identifier AS o ON o.tenant = l.tenant AND o.key = l.a AND o.label = 'OpenID'
    WHERE l.tenant = identifier.tenant AND l.b = identifier.key
    ORDER BY o.customer <> identifier.customer, o.first, o.key
    LIMIT 1
) WHERE label <> 'OpenID';

-- UnionIDs and external ids that nothing names any more.
CREATE TABLE former (
    tenant  INTEGER NOT NULL,
    key     TEXT NOT NULL,
    witness TEXT NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX former_witness ON former (tenant, witness);

-- Decisions are listed, too, those revoked as well.
DROP INDEX decision_a;
DROP INDEX decision_b;
CREATE INDEX decision_a ON node (tenant, body ->> 'a') WHERE label = 'Decision';
CREATE INDEX decision_b ON node (tenant, body ->> 'b') WHERE label = 'Decision';
CREATE INDEX decision_state ON node (tenant, (body ->> 'revoked' IS NOT NULL), key) WHERE label = 'Decision';

-- Conflicts are listed by the namespace that they are about. That of a row from before is found in the external ids that it names.
CREATE INDEX conflict_namespace ON conflict (tenant, links ->> 'namespace', state, kind, key);
UPDATE conflict SET links = json_set(links, '$.namespace', coalesce((
    SELECT i.scope FROM conflict_mention AS m CROSS JOIN identifier AS i ON i.tenant = m.tenant AND i.key = m.identifier
    WHERE m.tenant = conflict.tenant AND m.conflict = conflict.key AND i.label = 'ExternalID'
        AND (m.is_about = 1 OR conflict.kind = 'TWO_VALUES_ONE_NAMESPACE')
    GROUP BY i.scope
    ORDER BY count(*) DESC, i.scope
    LIMIT 1
), ''))
WHERE kind IN ('TWO_VALUES_ONE_NAMESPACE', 'GENERIC_IDENTIFIER', 'TOO_LARGE');

-- What erasure needs: how many rows were turned away, erasures whose bytes may still lie in the file, and the way from a UnionID's text
-- to all that was said of it.

ALTER TABLE tenant ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE store ADD COLUMN unswept INTEGER NOT NULL DEFAULT 0;

CREATE INDEX evidence_text ON evidence (tenant, b) WHERE said = 'RESOLVED_AS';
CREATE INDEX external_id_namespace ON identifier (tenant, scope) WHERE label = 'ExternalID';

-- How many identifiers a customer has.
ALTER TABLE customer ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
UPDATE customer SET size = (
    SELECT count(*) FROM identifier AS i INDEXED BY identifier_customer WHERE i.tenant = customer.tenant AND i.customer = customer.key
);
