-- Moving times only.

-- name: touch.rollups
-- The roll-ups named, each with the identifiers it links to.
SELECT e.key, e.settled, e.first, e.last, e.ends
FROM json_each(:keys) AS k CROSS JOIN evidence AS e ON e.tenant = :tenant AND e.key = k.value

-- name: touch.people
SELECT i.key, i.customer, i.value IS NULL FROM json_each(:keys) AS k CROSS JOIN identifier AS i ON i.tenant = :tenant AND i.key = k.value

-- name: touch.evidence
UPDATE evidence SET last = max(last, ?), times = times + ? WHERE tenant = ? AND key = ?

-- name: touch.identifier
UPDATE identifier SET last = max(last, ?), times = times + ? WHERE tenant = ? AND key = ?

-- name: touch.customer
UPDATE customer SET last = ?1 WHERE tenant = ?2 AND key = ?3 AND last < ?1
