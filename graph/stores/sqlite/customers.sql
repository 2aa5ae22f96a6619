-- Customers, loaded whole: by any of their identifiers, and in pages.

-- name: customers.whole
WITH held (key, customer) AS MATERIALIZED (
    SELECT i.key, i.customer FROM json_each(:keys) AS k CROSS JOIN identifier AS i ON i.tenant = :tenant AND i.key = k.value
    UNION ALL
    SELECT f.key, i.customer
    FROM json_each(:keys) AS k CROSS JOIN former AS f ON f.tenant = :tenant AND f.key = k.value
    CROSS JOIN identifier AS i ON i.tenant = :tenant AND i.key = f.witness
),
{customers.around}

-- name: customers.named
-- A key may also be that of a UnionID's text: of several UnionIDs the one first seen is meant.
WITH held (key, customer) AS MATERIALIZED (
    SELECT i.key, i.customer FROM json_each(:keys) AS k CROSS JOIN identifier AS i ON i.tenant = :tenant AND i.key = k.value
    UNION ALL
    SELECT k.value, i.customer FROM json_each(:keys) AS k CROSS JOIN identifier AS i ON i.tenant = :tenant AND i.key = (
        SELECT u.key FROM identifier AS u INDEXED BY identifier_text WHERE u.tenant = :tenant AND u.text_key = k.value
        ORDER BY u.first, u.key
        LIMIT 1
    )
),
{customers.around}

-- name: customers.around
-- Rows of several kinds, told apart by their first column; `asked` says which identifier led to which customer, `trouble` whose a conflict is.
person (key) AS MATERIALIZED (SELECT DISTINCT customer FROM held),
member (key, label, scope, value, text_key, account, customer, first, last, times, crowded, turn, witness) AS MATERIALIZED (
    SELECT {load.member_columns}
    FROM person CROSS JOIN identifier AS i INDEXED BY identifier_customer ON i.tenant = :tenant AND i.customer = person.key
),
said (key, said, a, b, source, first, last, times, text, settled, version, ends, customer) AS MATERIALIZED (
    SELECT {load.evidence_columns}, member.customer
    FROM member CROSS JOIN evidence AS e
        ON e.tenant = :tenant AND e.key > substr(member.key, 1, 11) AND e.key < substr(member.key, 1, 11) || '~' AND e.a = member.key
),
named (key, customer) AS MATERIALIZED (
    SELECT said.b, said.customer FROM said WHERE said.said NOT IN ('SEEN', 'RESOLVED_AS')
    UNION
    SELECT l.key, said.customer FROM said CROSS JOIN json_each(said.ends) AS l WHERE said.said = 'RESOLVED_AS'
),
trouble (key, customer) AS MATERIALIZED (
    SELECT m.conflict, member.customer
    FROM member CROSS JOIN conflict_mention AS m INDEXED BY conflict_about ON m.tenant = :tenant AND m.identifier = member.key AND m.is_about = 1
    UNION
    SELECT m.conflict, named.customer
    FROM named CROSS JOIN conflict_mention AS m INDEXED BY conflict_about ON m.tenant = :tenant AND m.identifier = named.key AND m.is_about = 1
    CROSS JOIN conflict AS c ON c.tenant = :tenant AND c.key = m.conflict AND c.kind IN ('GENERIC_IDENTIFIER', 'TOO_LARGE')
),
mentioned (key) AS MATERIALIZED (
    SELECT key FROM named
    UNION
    SELECT m.identifier FROM trouble CROSS JOIN conflict_mention AS m ON m.tenant = :tenant AND m.conflict = trouble.key
    EXCEPT
    SELECT key FROM member
)
SELECT 'version', t.registry_version, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM tenant AS t WHERE t.id = :tenant
UNION ALL
SELECT 'asked', held.key, held.customer, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM held
UNION ALL
SELECT 'customer', {load.customer_columns}, NULL, NULL, NULL, NULL, NULL
FROM person CROSS JOIN customer AS c ON c.tenant = :tenant AND c.key = person.key
UNION ALL
SELECT 'member', * FROM member
UNION ALL
SELECT 'rollup', key, said, a, b, source, first, last, times, text, settled, version, ends, NULL FROM said
UNION ALL
SELECT 'conflict', {conflicts.counted_columns}, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM (SELECT DISTINCT key FROM trouble) AS one CROSS JOIN conflict AS c ON c.tenant = :tenant AND c.key = one.key
UNION ALL
SELECT 'trouble', trouble.key, trouble.customer, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM trouble
UNION ALL
SELECT 'mentioned', {load.member_columns}
FROM mentioned CROSS JOIN identifier AS i ON i.tenant = :tenant AND i.key = mentioned.key

-- name: customers.matching
(:state IS NULL OR c.state = :state)
AND (:has_conflict IS NULL OR c.has_conflict = :has_conflict)
AND (:seen_since IS NULL OR c.last >= :seen_since)
AND (:used_all = '[]' OR NOT EXISTS (
    SELECT 1 FROM json_each(:used_all) AS t WHERE NOT EXISTS (
        SELECT 1 FROM identifier AS u INDEXED BY open_id_customer
        WHERE u.tenant = :tenant AND u.scope = t.value AND u.customer = c.key AND u.label = 'OpenID'
    )
))
AND (:used_none = '[]' OR NOT EXISTS (
    SELECT 1 FROM json_each(:used_none) AS t WHERE EXISTS (
        SELECT 1 FROM identifier AS u INDEXED BY open_id_customer
        WHERE u.tenant = :tenant AND u.scope = t.value AND u.customer = c.key AND u.label = 'OpenID'
    )
))

-- name: customers.page
SELECT c.key FROM customer AS c
WHERE c.tenant = :tenant AND c.key > :after AND c.key < :before AND {customers.matching}
ORDER BY c.key ASC
LIMIT :limit

-- name: customers.page_by_state
SELECT c.key FROM customer AS c INDEXED BY customer_state
WHERE c.tenant = :tenant AND c.state = :state AND c.key > :after AND c.key < :before AND {customers.matching}
ORDER BY c.key ASC
LIMIT :limit

-- name: customers.page_by_conflict
-- Both states are a stretch of the index in the order of keys; of each no more is read than the page may need.
SELECT c.key FROM (SELECT 'PROVISIONAL' AS state UNION ALL SELECT 'IDENTIFIED') AS s
CROSS JOIN customer AS c ON c.tenant = :tenant AND c.key IN (
    SELECT c.key FROM customer AS c INDEXED BY customer_conflict
    WHERE c.tenant = :tenant AND c.has_conflict = 1 AND c.state = s.state AND c.key > :after AND c.key < :before AND {customers.matching}
    ORDER BY c.key ASC
    LIMIT :limit
)
ORDER BY c.key ASC
LIMIT :limit

-- name: customers.page_by_last
-- Sorted, so only for few.
SELECT c.key FROM customer AS c INDEXED BY customer_last
WHERE c.tenant = :tenant AND c.last >= :seen_since AND c.key > :after AND c.key < :before AND {customers.matching}
ORDER BY c.key ASC
LIMIT :limit

-- name: customers.page_by_touchpoint
SELECT DISTINCT i.customer FROM identifier AS i INDEXED BY open_id_customer
CROSS JOIN customer AS c ON c.tenant = :tenant AND c.key = i.customer
WHERE i.tenant = :tenant AND i.scope = :touchpoint AND i.label = 'OpenID' AND i.customer > :after AND i.customer < :before
    AND {customers.matching}
ORDER BY i.customer ASC
LIMIT :limit

-- name: customers.count_all
SELECT count(*) FROM customer AS c INDEXED BY customer_last WHERE c.tenant = :tenant

-- name: customers.few_last
-- How many were seen since then, counted no further than :enough.
SELECT count(*) FROM (
    SELECT 1 FROM customer AS c INDEXED BY customer_last WHERE c.tenant = :tenant AND c.last >= :seen_since LIMIT :enough
)

-- name: customers.few_at_touchpoint
SELECT count(*) FROM (
    SELECT 1 FROM identifier AS i INDEXED BY open_id_page WHERE i.tenant = :tenant AND i.scope = :touchpoint AND i.label = 'OpenID' LIMIT :enough
)
