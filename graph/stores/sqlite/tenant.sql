-- The store itself, tenants, and the registry.

-- name: tenant.fingerprint
SELECT fingerprint FROM store

-- name: tenant.set_fingerprint
INSERT INTO store (only_row, fingerprint) VALUES (1, :fingerprint)

-- name: tenant.create
INSERT INTO tenant (name) VALUES (:name) ON CONFLICT (name) DO NOTHING

-- name: tenant.names
SELECT name FROM tenant ORDER BY name

-- name: tenant.known
SELECT id, registry_version FROM tenant WHERE name = :name

-- name: tenant.state
SELECT turn, sequence, registry_version, policy FROM tenant WHERE id = :tenant

-- name: tenant.registry
SELECT label, body FROM node
WHERE tenant = :tenant AND label IN ('Entity', 'EntityRelation', 'OpenPlatform', 'Touchpoint', 'Binding', 'LimitOverride')

-- name: tenant.unswept
UPDATE store SET unswept = unswept + 1

-- name: tenant.to_sweep
SELECT unswept FROM store

-- name: tenant.swept
UPDATE store SET unswept = max(0, unswept - :erasures)

-- name: tenant.blocked
SELECT blocked FROM tenant WHERE id = :tenant

-- name: tenant.advance
UPDATE tenant SET
    turn = turn + 1, sequence = :sequence, registry_version = registry_version + :registered, policy = coalesce(:policy, policy),
    blocked = blocked + :blocked
WHERE id = :tenant
