-- What version 2 adds to schema.sql.

CREATE INDEX request_made ON node (body ->> 'made') WHERE label = 'Request';

-- A roll-up's key begins as that of who said it, so what one identifier said lies together and needs no index of its own.
-- UnionIDs that wait are noted again when their OpenID is seen again, or their binding is told.
UPDATE evidence SET key = substr(a, 1, 11) || substr(key, 12);
UPDATE link SET evidence = substr(a, 1, 11) || substr(evidence, 12);
DELETE FROM node WHERE label = 'Quarantined' AND body ->> 'holder' IS NOT NULL;
DROP INDEX evidence_a;
