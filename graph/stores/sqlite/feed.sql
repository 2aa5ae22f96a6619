-- The change feed.

-- name: feed.end
SELECT sequence FROM tenant WHERE id = :tenant

-- name: feed.page
SELECT c.sequence, c.body FROM change AS c
WHERE c.tenant = :tenant AND c.sequence > :after AND c.sequence < :before
ORDER BY c.sequence ASC
LIMIT :limit

-- name: feed.of_customers
-- Of each customer the changes before a number: `[[customer, number], …]`.
SELECT c.body
FROM json_each(:customers) AS k CROSS JOIN change AS c INDEXED BY change_customer
    ON c.tenant = :tenant AND c.body ->> 'customer_key' = k.value ->> 0 AND c.sequence < k.value ->> 1
