-- A tenant read whole, page by page.

-- name: reading.keys
-- Identifiers, and those that said something although no evidence makes them exist now.
SELECT key FROM (SELECT i.key FROM identifier AS i WHERE i.tenant = :tenant AND i.key > :after ORDER BY i.key LIMIT :limit)
UNION
SELECT a FROM (
    SELECT DISTINCT e.a FROM evidence AS e INDEXED BY evidence_a WHERE e.tenant = :tenant AND e.a > :after ORDER BY e.a LIMIT :limit
)
ORDER BY 1
LIMIT :limit

-- name: reading.customers
SELECT {load.customer_columns} FROM customer AS c WHERE c.tenant = :tenant AND c.key > :after ORDER BY c.key LIMIT :limit

-- name: reading.conflicts
SELECT {conflicts.columns} FROM conflict AS c WHERE c.tenant = :tenant AND c.key > :after ORDER BY c.key LIMIT :limit
