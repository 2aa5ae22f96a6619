-- Jobs, quarantined rows, API keys and decisions; the OpenIDs of a touchpoint.

-- name: nodes.by_key
SELECT n.label, n.body
FROM json_each(:keys) AS k CROSS JOIN node AS n
    ON n.tenant = :tenant AND n.key = k.value
    AND n.label IN ('Job', 'Quarantined', 'ApiKey', 'Decision', 'Request', 'Tombstone', 'ErasureReceipt', 'PolicyChange')
UNION ALL
SELECT 'Change', c.body
FROM json_each(:keys) AS k CROSS JOIN change AS c INDEXED BY change_key ON c.tenant = :tenant AND c.body ->> 'key' = k.value

-- name: nodes.page
SELECT n.key, n.body FROM node AS n
WHERE n.tenant = :tenant AND n.label = :label AND n.key > :after AND n.key < :before
ORDER BY n.key ASC
LIMIT :limit

-- name: nodes.count
SELECT count(*) FROM node AS n WHERE n.tenant = :tenant AND n.label = :label

-- name: nodes.jobs
SELECT n.key, n.body
FROM json_each(:states) AS s CROSS JOIN json_each(:kinds) AS k
CROSS JOIN node AS n ON n.tenant = :tenant AND n.label = 'Job' AND n.key IN (
    SELECT x.key FROM node AS x INDEXED BY job_state
    WHERE x.tenant = :tenant AND x.label = 'Job' AND x.body ->> 'state' = s.value AND x.body ->> 'kind' = k.value
        AND x.key > :after AND x.key < :before
    ORDER BY x.key ASC
    LIMIT :limit
)
ORDER BY n.key ASC
LIMIT :limit

-- name: nodes.jobs_of_touchpoint
SELECT n.key, n.body
FROM json_each(:states) AS s CROSS JOIN json_each(:kinds) AS k
CROSS JOIN node AS n ON n.tenant = :tenant AND n.label = 'Job' AND n.key IN (
    SELECT x.key FROM node AS x INDEXED BY job_touchpoint
    WHERE x.tenant = :tenant AND x.label = 'Job' AND x.body ->> 'touchpoint_key' = :touchpoint
        AND x.body ->> 'state' = s.value AND x.body ->> 'kind' = k.value AND x.key > :after AND x.key < :before
    ORDER BY x.key ASC
    LIMIT :limit
)
ORDER BY n.key ASC
LIMIT :limit

-- name: nodes.count_jobs
SELECT count(*) FROM json_each(:states) AS s CROSS JOIN json_each(:kinds) AS k CROSS JOIN node AS x INDEXED BY job_state
    ON x.tenant = :tenant AND x.label = 'Job' AND x.body ->> 'state' = s.value AND x.body ->> 'kind' = k.value

-- name: nodes.count_jobs_of_touchpoint
SELECT count(*) FROM json_each(:states) AS s CROSS JOIN json_each(:kinds) AS k CROSS JOIN node AS x INDEXED BY job_touchpoint
    ON x.tenant = :tenant AND x.label = 'Job' AND x.body ->> 'touchpoint_key' = :touchpoint
    AND x.body ->> 'state' = s.value AND x.body ->> 'kind' = k.value

-- name: nodes.decisions
SELECT n.key, n.body FROM node AS n INDEXED BY decision_state
WHERE n.tenant = :tenant AND n.label = 'Decision' AND (n.body ->> 'revoked' IS NOT NULL) = :is_revoked
    AND n.key > :after AND n.key < :before
ORDER BY n.key ASC
LIMIT :limit

-- name: nodes.decisions_of
-- A customer has a few, so they are sorted.
SELECT n.key, n.body
FROM (
    SELECT x.key FROM json_each(:names) AS k CROSS JOIN node AS x INDEXED BY decision_a
        ON x.tenant = :tenant AND x.label = 'Decision' AND x.body ->> 'a' = k.value
    UNION
    SELECT x.key FROM json_each(:names) AS k CROSS JOIN node AS x INDEXED BY decision_b
        ON x.tenant = :tenant AND x.label = 'Decision' AND x.body ->> 'b' = k.value
) AS found CROSS JOIN node AS n ON n.tenant = :tenant AND n.label = 'Decision' AND n.key = found.key
WHERE n.key > :after AND n.key < :before AND (:is_revoked IS NULL OR (n.body ->> 'revoked' IS NOT NULL) = :is_revoked)
ORDER BY n.key ASC
LIMIT :limit

-- name: nodes.leases
-- Unfinished jobs of every tenant that nobody is doing, oldest first.
SELECT t.name, n.body
FROM node AS n INDEXED BY job_lease CROSS JOIN tenant AS t ON t.id = n.tenant
WHERE n.label = 'Job' AND n.body ->> 'state' IN ('QUEUED', 'RUNNING', 'WAITING_FOR_QUOTA') AND n.body ->> 'lease_until' <= :now
ORDER BY n.body ->> 'started', n.key

-- name: nodes.api_key
SELECT t.name, n.body
FROM node AS n INDEXED BY api_key_digest CROSS JOIN tenant AS t ON t.id = n.tenant
WHERE n.label = 'ApiKey' AND n.body ->> 'digest' = :digest

-- name: nodes.old_requests
SELECT t.name, n.key
FROM node AS n INDEXED BY request_made CROSS JOIN tenant AS t ON t.id = n.tenant
WHERE n.label = 'Request' AND n.body ->> 'made' < :before
ORDER BY n.body ->> 'made'
LIMIT :limit

-- name: nodes.quarantined
SELECT n.key FROM node AS n INDEXED BY quarantined_row
WHERE n.tenant = :tenant AND n.label = 'Quarantined' AND n.body ->> 'row' <> '' AND n.key > :after
ORDER BY n.key
LIMIT :limit

-- name: nodes.quarantined_of_app
SELECT n.key FROM node AS n INDEXED BY quarantined_app
WHERE n.tenant = :tenant AND n.label = 'Quarantined' AND n.body ->> 'row' <> '' AND n.body ->> 'app_id' = :app_id AND n.key > :after
ORDER BY n.key
LIMIT :limit

-- name: nodes.open_ids
SELECT {load.member_columns}
FROM identifier AS i INDEXED BY open_id_page
WHERE i.tenant = :tenant AND i.scope = :touchpoint AND i.label = 'OpenID' AND i.key > :after AND i.key < :before
ORDER BY i.key ASC
LIMIT :limit

-- name: nodes.count_open_ids
SELECT count(*) FROM identifier AS i INDEXED BY open_id_page WHERE i.tenant = :tenant AND i.scope = :touchpoint AND i.label = 'OpenID'

-- name: nodes.customers
SELECT c.key FROM customer AS c WHERE c.tenant = :tenant AND c.key > :after ORDER BY c.key LIMIT :limit

-- name: nodes.loose_claims
-- All evidence is looked through, once for a change of policy.
SELECT e.key FROM evidence AS e
WHERE e.tenant = :tenant AND e.key > :after AND e.said = 'CLAIMS' AND e.ends = '{}'
ORDER BY e.key
LIMIT :limit

-- name: nodes.stale
-- Only what was resolved has a scope that can be out of date.
SELECT i.key FROM identifier AS i INDEXED BY open_id_page
WHERE i.tenant = :tenant AND i.scope = :touchpoint AND i.label = 'OpenID' AND i.key > :after
    AND EXISTS (
        SELECT 1 FROM evidence AS e
        WHERE e.tenant = :tenant AND e.key > substr(i.key, 1, 11) AND e.key < substr(i.key, 1, 11) || '~' AND e.a = i.key
            AND e.said = 'RESOLVED_AS' AND e.version < :version
    )
ORDER BY i.key
LIMIT :limit
