-- What a writing turn must see. Lists come as JSON; CROSS JOIN keeps SQLite from turning a look-up by key into a scan.
-- What an identifier said is found by key: a roll-up's key begins with the first 11 characters of that of who said it (graph/keys.py).

-- name: load.member_columns
i.key, i.label, i.scope, i.value, i.text_key, i.account, i.customer, i.first, i.last, i.times, i.crowded, i.turn, i.witness

-- name: load.customer_columns
c.key, c.first, c.last, c.state, c.has_conflict, c.has_shed, c.turn, c.size

-- name: load.evidence_columns
e.key, e.said, e.a, e.b, e.source, e.first, e.last, e.times, e.text, e.settled, e.version, e.ends

-- name: load.members
SELECT {load.member_columns}
FROM json_each(:keys) AS k CROSS JOIN identifier AS i ON i.tenant = :tenant AND i.key = k.value

-- name: load.former
SELECT f.key, f.witness FROM json_each(:keys) AS k CROSS JOIN former AS f ON f.tenant = :tenant AND f.key = k.value

-- name: load.members_by_text
SELECT {load.member_columns}
FROM json_each(:keys) AS k CROSS JOIN identifier AS i INDEXED BY identifier_text ON i.tenant = :tenant AND i.text_key = k.value

-- name: load.rollups
-- What these identifiers said (:saying), and what was said about these (:meant): linked to them now, or naming them.
-- A UnionID's text stands for what is linked to nothing now.
WITH found (key) AS MATERIALIZED (
    SELECT e.key FROM json_each(:saying) AS k CROSS JOIN evidence AS e
        ON e.tenant = :tenant AND e.key > substr(k.value, 1, 11) AND e.key < substr(k.value, 1, 11) || '~' AND e.a = k.value
    UNION
    SELECT m.evidence FROM json_each(:meant) AS k CROSS JOIN evidence_mention AS m ON m.tenant = :tenant AND m.named = k.value
)
SELECT {load.evidence_columns}
FROM found CROSS JOIN evidence AS e ON e.tenant = :tenant AND e.key = found.key

-- name: load.evidence
SELECT {load.evidence_columns}
FROM json_each(:keys) AS k CROSS JOIN evidence AS e ON e.tenant = :tenant AND e.key = k.value
WHERE e.said IN ('RESOLVED_AS', 'MIGRATED_TO', 'CLAIMS')

-- name: load.tombstones
SELECT n.body FROM json_each(:keys) AS k CROSS JOIN node AS n ON n.tenant = :tenant AND n.label = 'Tombstone' AND n.key = k.value

-- name: load.mentions
-- What is kept as text and holds one of these, and everything that holds words of people. Looked for as they stand in a body's JSON:
-- to take each text out of it first would take thirty times as long.
SELECT n.label, n.body FROM node AS n
WHERE n.tenant = :tenant AND n.label IN ('Quarantined', 'ErasureReceipt')
    AND EXISTS (SELECT 1 FROM json_each(:keys) AS t WHERE instr(n.body, t.value))
UNION ALL
SELECT n.label, n.body FROM node AS n WHERE n.tenant = :tenant AND n.label IN ('Decision', 'Job', 'PolicyChange')

-- name: load.decisions
SELECT n.body FROM json_each(:names) AS k CROSS JOIN node AS n INDEXED BY decision_a
    ON n.tenant = :tenant AND n.label = 'Decision' AND n.body ->> 'revoked' IS NULL AND n.body ->> 'a' = k.value
UNION
SELECT n.body FROM json_each(:names) AS k CROSS JOIN node AS n INDEXED BY decision_b
    ON n.tenant = :tenant AND n.label = 'Decision' AND n.body ->> 'revoked' IS NULL AND n.body ->> 'b' = k.value

-- name: load.conflicts
SELECT DISTINCT {conflicts.columns}
FROM json_each(:keys) AS k
CROSS JOIN conflict_mention AS m INDEXED BY conflict_about ON m.tenant = :tenant AND m.identifier = k.value AND m.is_about = 1
CROSS JOIN conflict AS c ON c.tenant = :tenant AND c.key = m.conflict AND c.state = 'OPEN'

-- name: load.customers
SELECT {load.customer_columns}
FROM json_each(:keys) AS k CROSS JOIN customer AS c ON c.tenant = :tenant AND c.key = k.value

-- name: load.claimants
-- Accounts that claim an external id from outside of what was loaded, counted no further than :enough.
SELECT count(*) FROM (
    SELECT DISTINCT coalesce(i.account, i.key)
    FROM evidence_mention AS m CROSS JOIN identifier AS i ON i.tenant = :tenant AND i.key = m.a
    WHERE m.tenant = :tenant AND m.named = :key AND m.is_linked = 1 AND m.a NOT IN (SELECT value FROM json_each(:inside))
    LIMIT :enough
)

-- name: load.neighbours
-- Neighbours of an OpenID or UnionID in one slot, outside of what was loaded, counted no further than :enough.
SELECT count(*) FROM (
    SELECT l.key
    FROM evidence AS e CROSS JOIN json_each(e.ends) AS l CROSS JOIN identifier AS i ON i.tenant = :tenant AND i.key = l.key
    WHERE e.tenant = :tenant AND e.key > substr(:key, 1, 11) AND e.key < substr(:key, 1, 11) || '~' AND e.a = :key
        AND i.label || ' ' || i.scope = :slot AND l.key NOT IN (SELECT value FROM json_each(:inside))
    UNION
    SELECT m.a
    FROM evidence_mention AS m CROSS JOIN identifier AS i ON i.tenant = :tenant AND i.key = m.a
    WHERE m.tenant = :tenant AND m.named = :key AND m.is_linked = 1
        AND i.label || ' ' || i.scope = :slot AND m.a NOT IN (SELECT value FROM json_each(:inside))
    LIMIT :enough
)

-- name: load.namespaces
SELECT k.value FROM json_each(:namespaces) AS k
WHERE EXISTS (
    SELECT 1 FROM identifier AS i INDEXED BY external_id_namespace
    WHERE i.tenant = :tenant AND i.scope = k.value AND i.label = 'ExternalID'
)
