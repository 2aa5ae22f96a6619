-- A tenant read whole, page by page.

-- name: reading.keys
-- Identifiers, and up to the last of them those that said something, or have a witness, although no evidence makes them exist now.
WITH page (key) AS MATERIALIZED (
    SELECT i.key FROM identifier AS i WHERE i.tenant = :tenant AND i.key > :after ORDER BY i.key LIMIT :limit
),
edge (key) AS MATERIALIZED (SELECT CASE WHEN count(*) = :limit THEN max(page.key) ELSE '~' END FROM page)
SELECT page.key FROM page
UNION
SELECT e.a
FROM edge CROSS JOIN evidence AS e
    ON e.tenant = :tenant AND e.key > substr(:after, 1, 11) AND e.key < substr(edge.key, 1, 11) || '~' AND e.a > :after AND e.a <= edge.key
UNION
SELECT f.key FROM edge CROSS JOIN former AS f ON f.tenant = :tenant AND f.key > :after AND f.key <= edge.key
ORDER BY 1
LIMIT :limit

-- name: reading.customers
SELECT {load.customer_columns} FROM customer AS c WHERE c.tenant = :tenant AND c.key > :after ORDER BY c.key LIMIT :limit

-- name: reading.conflicts
SELECT {conflicts.columns} FROM conflict AS c WHERE c.tenant = :tenant AND c.key > :after ORDER BY c.key LIMIT :limit
