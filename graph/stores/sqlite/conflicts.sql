-- Conflicts, by key and in pages.

-- name: conflicts.columns
c.key, c.kind, c.refused_count, c.opened, c.resolved, c.links

-- name: conflicts.counted_columns
-- How many links of a generic identifier are refused is counted now: to how many others it is linked that are in another customer.
c.key, c.kind,
iif(
    c.kind <> 'GENERIC_IDENTIFIER', c.refused_count,
    (
        SELECT count(*) FROM (
            SELECT l.a AS key
            FROM conflict_mention AS m CROSS JOIN evidence_mention AS l
                ON l.tenant = c.tenant AND l.named = m.identifier AND l.is_linked = 1
            WHERE m.tenant = c.tenant AND m.conflict = c.key
            UNION
            SELECT l.key
            FROM conflict_mention AS m CROSS JOIN evidence AS e
                ON e.tenant = c.tenant AND e.key > substr(m.identifier, 1, 11) AND e.key < substr(m.identifier, 1, 11) || '~' AND e.a = m.identifier
            CROSS JOIN json_each(e.ends) AS l
            WHERE m.tenant = c.tenant AND m.conflict = c.key
        ) AS other
        CROSS JOIN identifier AS i ON i.tenant = c.tenant AND i.key = other.key
        WHERE i.customer NOT IN (
            SELECT own.customer FROM conflict_mention AS m CROSS JOIN identifier AS own ON own.tenant = c.tenant AND own.key = m.identifier
            WHERE m.tenant = c.tenant AND m.conflict = c.key
        )
    )
),
c.opened, c.resolved, c.links

-- name: conflicts.by_key
-- Those named, each with the registry's version, so that a stale copy of the registry is noticed; then the identifiers they mention.
WITH wanted (key) AS MATERIALIZED (SELECT DISTINCT value FROM json_each(:keys)),
mentioned (key) AS MATERIALIZED (
    SELECT DISTINCT m.identifier FROM wanted CROSS JOIN conflict_mention AS m ON m.tenant = :tenant AND m.conflict = wanted.key
)
SELECT 'version', t.registry_version, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM tenant AS t WHERE t.id = :tenant
UNION ALL
SELECT 'conflict', {conflicts.counted_columns}, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM wanted CROSS JOIN conflict AS c ON c.tenant = :tenant AND c.key = wanted.key
UNION ALL
SELECT 'member', {load.member_columns}
FROM mentioned CROSS JOIN identifier AS i ON i.tenant = :tenant AND i.key = mentioned.key

-- name: conflicts.page
-- Each state and kind is a stretch of the index in the order of keys; of each no more is read than the page may need.
SELECT c.key
FROM json_each(:states) AS s CROSS JOIN json_each(:kinds) AS k
CROSS JOIN conflict AS c ON c.tenant = :tenant AND c.key IN (
    SELECT x.key FROM conflict AS x INDEXED BY conflict_state
    WHERE x.tenant = :tenant AND x.state = s.value AND x.kind = k.value AND x.key > :after AND x.key < :before
    ORDER BY x.key ASC
    LIMIT :limit
)
ORDER BY c.key ASC
LIMIT :limit

-- name: conflicts.page_of_touchpoint
SELECT c.key
FROM json_each(:states) AS s CROSS JOIN json_each(:kinds) AS k
CROSS JOIN conflict AS c ON c.tenant = :tenant AND c.key IN (
    SELECT x.conflict FROM conflict_touchpoint AS x
    WHERE x.tenant = :tenant AND x.touchpoint = :touchpoint AND x.state = s.value AND x.kind = k.value
        AND x.conflict > :after AND x.conflict < :before
        AND (:namespace IS NULL OR EXISTS (
            SELECT 1 FROM conflict AS own WHERE own.tenant = :tenant AND own.key = x.conflict AND own.links ->> 'namespace' = :namespace
        ))
    ORDER BY x.conflict ASC
    LIMIT :limit
)
ORDER BY c.key ASC
LIMIT :limit

-- name: conflicts.page_of_namespace
SELECT c.key
FROM json_each(:states) AS s CROSS JOIN json_each(:kinds) AS k
CROSS JOIN conflict AS c ON c.tenant = :tenant AND c.key IN (
    SELECT x.key FROM conflict AS x INDEXED BY conflict_namespace
    WHERE x.tenant = :tenant AND x.links ->> 'namespace' = :namespace AND x.state = s.value AND x.kind = k.value
        AND x.key > :after AND x.key < :before
    ORDER BY x.key ASC
    LIMIT :limit
)
ORDER BY c.key ASC
LIMIT :limit

-- name: conflicts.count
SELECT count(*) FROM json_each(:states) AS s CROSS JOIN json_each(:kinds) AS k CROSS JOIN conflict AS x INDEXED BY conflict_state
    ON x.tenant = :tenant AND x.state = s.value AND x.kind = k.value

-- name: conflicts.count_of_touchpoint
SELECT count(*) FROM json_each(:states) AS s CROSS JOIN json_each(:kinds) AS k CROSS JOIN conflict_touchpoint AS x
    ON x.tenant = :tenant AND x.touchpoint = :touchpoint AND x.state = s.value AND x.kind = k.value
WHERE :namespace IS NULL OR EXISTS (
    SELECT 1 FROM conflict AS own WHERE own.tenant = :tenant AND own.key = x.conflict AND own.links ->> 'namespace' = :namespace
)

-- name: conflicts.count_of_namespace
SELECT count(*) FROM json_each(:states) AS s CROSS JOIN json_each(:kinds) AS k CROSS JOIN conflict AS x INDEXED BY conflict_namespace
    ON x.tenant = :tenant AND x.links ->> 'namespace' = :namespace AND x.state = s.value AND x.kind = k.value
