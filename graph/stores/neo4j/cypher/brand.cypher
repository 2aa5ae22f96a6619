// A tenant and its registry: the brand's side, loaded whole.

// name: create_tenant
// :params {tenant: 'default'}
OPTIONAL MATCH (known:Tenant {key: $tenant})
WITH known IS NULL AS isNew
MERGE (t:Tenant {key: $tenant})
ON CREATE SET t.turn = 0, t.sequence = 0, t.registryVersion = 0, t.locked = true
RETURN isNew

// name: registry
// :params {tenant: 'default', known: -1}
// The nodes come only where the caller's version is not the one in force.
MATCH (t:Tenant {key: $tenant})
CALL (t) {
  CALL (t) {
    WITH t WHERE t.registryVersion <> $known
    MATCH (n:Entity {tenant: $tenant}) RETURN n
    UNION ALL
    WITH t WHERE t.registryVersion <> $known
    MATCH (n:EntityRelation {tenant: $tenant}) RETURN n
    UNION ALL
    WITH t WHERE t.registryVersion <> $known
    MATCH (n:OpenPlatform {tenant: $tenant}) RETURN n
    UNION ALL
    WITH t WHERE t.registryVersion <> $known
    MATCH (n:Touchpoint {tenant: $tenant}) RETURN n
    UNION ALL
    WITH t WHERE t.registryVersion <> $known
    MATCH (n:Binding {tenant: $tenant}) RETURN n
    UNION ALL
    WITH t WHERE t.registryVersion <> $known
    MATCH (n:LimitOverride {tenant: $tenant}) RETURN n
  }
  RETURN collect([labels(n)[0], properties(n)]) AS nodes
}
RETURN t.registryVersion AS version, t.policy AS policy, nodes

// name: tenants
MATCH (t:Tenant)
WITH t.key AS name ORDER BY name
RETURN collect(name) AS names

// name: health
MATCH (s:Schema {key: 'schema'})
CALL () {
  CALL dbms.components() YIELD name, versions, edition
  WITH versions[0] AS version, edition WHERE name = 'Neo4j Kernel'
  RETURN version, edition LIMIT 1
}
RETURN s.version AS schema, version, edition
