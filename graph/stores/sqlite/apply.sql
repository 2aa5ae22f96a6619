-- What a writing turn changes. Everything may be applied twice.

-- name: apply.member
INSERT INTO identifier (tenant, key, label, scope, value, text_key, account, customer, first, last, times, crowded, turn, witness)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, key) DO UPDATE SET
    label = excluded.label, scope = excluded.scope, value = excluded.value, text_key = excluded.text_key, account = excluded.account,
    customer = excluded.customer, first = excluded.first, last = excluded.last, times = excluded.times, crowded = excluded.crowded,
    turn = excluded.turn, witness = excluded.witness

-- name: apply.former
-- What remains of an identifier that no evidence names any more: by whom it is followed.
INSERT INTO former (tenant, key, witness)
SELECT i.tenant, i.key, i.witness FROM identifier AS i WHERE i.tenant = ? AND i.key = ? AND i.witness IS NOT NULL
ON CONFLICT (tenant, key) DO UPDATE SET witness = excluded.witness

-- name: apply.retired
DELETE FROM identifier WHERE tenant = ? AND key = ?

-- name: apply.returned
DELETE FROM former WHERE tenant = ? AND key = ?

-- name: apply.unfollowed
DELETE FROM former INDEXED BY former_witness WHERE tenant = ? AND witness = ?

-- name: apply.customer
INSERT INTO customer (tenant, key, first, last, state, has_conflict, has_shed, turn, size)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, key) DO UPDATE SET
    first = excluded.first, last = excluded.last, state = excluded.state, has_conflict = excluded.has_conflict, has_shed = excluded.has_shed,
    turn = excluded.turn, size = excluded.size

-- name: apply.ended
DELETE FROM customer WHERE tenant = ? AND key = ?

-- name: apply.evidence
INSERT INTO evidence (tenant, key, said, a, b, source, first, last, times, text, settled, version, ends)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, key) DO UPDATE SET
    said = excluded.said, a = excluded.a, b = excluded.b, source = excluded.source, first = excluded.first, last = excluded.last,
    times = excluded.times, text = excluded.text, settled = excluded.settled, version = excluded.version,
    ends = excluded.ends

-- name: apply.unlink
-- The way back to a roll-up goes before the roll-up changes: its row says what it names.
DELETE FROM evidence_mention WHERE tenant = ?1 AND a = ?2 AND evidence = ?3 AND named IN (
    SELECT e.b FROM evidence AS e WHERE e.tenant = ?1 AND e.key = ?3
    UNION ALL
    SELECT l.key FROM evidence AS e CROSS JOIN json_each(e.ends) AS l WHERE e.tenant = ?1 AND e.key = ?3
)

-- name: apply.link
INSERT INTO evidence_mention (tenant, named, a, evidence, is_linked) VALUES (?, ?, ?, ?, ?)

-- name: apply.conflict
INSERT INTO conflict (tenant, key, kind, state, refused_count, opened, resolved, links)
VALUES (:tenant, :key, :kind, :state, :refused_count, :opened, :resolved, :links)
ON CONFLICT (tenant, key) DO UPDATE SET
    kind = excluded.kind, state = excluded.state, refused_count = excluded.refused_count, opened = excluded.opened,
    resolved = excluded.resolved, links = excluded.links

-- name: apply.unmention
DELETE FROM conflict_mention WHERE tenant = ? AND conflict = ?

-- name: apply.mention
INSERT INTO conflict_mention (tenant, conflict, identifier, is_about) VALUES (?, ?, ?, ?)

-- name: apply.unplace
DELETE FROM conflict_touchpoint INDEXED BY conflict_touchpoint_of WHERE tenant = ? AND conflict = ?

-- name: apply.place
INSERT INTO conflict_touchpoint (tenant, touchpoint, state, kind, conflict)
SELECT DISTINCT c.tenant, i.scope, c.state, c.kind, c.key
FROM conflict AS c
CROSS JOIN conflict_mention AS m ON m.tenant = c.tenant AND m.conflict = c.key AND m.is_about = 1
CROSS JOIN identifier AS i ON i.tenant = c.tenant AND i.key = m.identifier AND i.label = 'OpenID'
WHERE c.tenant = ? AND c.key = ?

-- name: apply.forget
DELETE FROM evidence WHERE tenant = ? AND key = ?

-- name: apply.erase_conflict
-- Every conflict about an identifier; what it mentions goes last, because it is found by that.
DELETE FROM conflict WHERE tenant = ?1 AND key IN (
    SELECT m.conflict FROM conflict_mention AS m INDEXED BY conflict_about WHERE m.tenant = ?1 AND m.identifier = ?2 AND m.is_about = 1
)

-- name: apply.erase_place
DELETE FROM conflict_touchpoint INDEXED BY conflict_touchpoint_of WHERE tenant = ?1 AND conflict IN (
    SELECT m.conflict FROM conflict_mention AS m INDEXED BY conflict_about WHERE m.tenant = ?1 AND m.identifier = ?2 AND m.is_about = 1
)

-- name: apply.erase_mention
DELETE FROM conflict_mention WHERE tenant = ?1 AND conflict IN (
    SELECT m.conflict FROM conflict_mention AS m INDEXED BY conflict_about WHERE m.tenant = ?1 AND m.identifier = ?2 AND m.is_about = 1
)

-- name: apply.change
INSERT INTO change (tenant, sequence, body) VALUES (?, ?, ?)
ON CONFLICT (tenant, sequence) DO UPDATE SET body = excluded.body

-- name: apply.put
INSERT INTO node (tenant, label, key, body) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant, label, key) DO UPDATE SET body = excluded.body

-- name: apply.drop
DELETE FROM node WHERE tenant = ? AND label = ? AND key = ?
