// A tenant and its registry: the brand's side, loaded whole.

// name: create_tenant
// :param given => {tenant: 'default'}
OPTIONAL MATCH (known:Tenant {key: $given.tenant})
WITH known IS NULL AS isNew
MERGE (t:Tenant {key: $given.tenant})
ON CREATE SET t.turn = 0, t.sequence = 0, t.registryVersion = 0, t.locked = true
RETURN isNew

// name: registry
// :param given => {tenant: 'default', known: -1}
// The nodes come only where the caller's version is not the one in force. That is read before them, once: nodes may be newer than the
// version they come with, and are then read again, but never older.
MATCH (t:Tenant {key: $given.tenant})
WITH t.registryVersion AS version, t.policy AS policy
CALL (version) {
  CALL (version) {
    WITH version WHERE version <> $given.known
    MATCH (n:Entity {tenant: $given.tenant}) RETURN n
    UNION ALL
    WITH version WHERE version <> $given.known
    MATCH (n:EntityRelation {tenant: $given.tenant}) RETURN n
    UNION ALL
    WITH version WHERE version <> $given.known
    MATCH (n:OpenPlatform {tenant: $given.tenant}) RETURN n
    UNION ALL
    WITH version WHERE version <> $given.known
    MATCH (n:Touchpoint {tenant: $given.tenant}) RETURN n
    UNION ALL
    WITH version WHERE version <> $given.known
    MATCH (n:Binding {tenant: $given.tenant}) RETURN n
    UNION ALL
    WITH version WHERE version <> $given.known
    MATCH (n:LimitOverride {tenant: $given.tenant}) RETURN n
  }
  RETURN collect([labels(n)[0], properties(n)]) AS nodes
}
RETURN version, policy, nodes

// name: tenants
MATCH (t:Tenant)
WITH t.key AS name ORDER BY name
RETURN collect(name) AS names

// name: settings
// :param given => {names: []}
SHOW SETTINGS YIELD name, value
WHERE name IN $given.names
RETURN collect([name, value]) AS settings

// name: health
MATCH (s:Schema {key: 'schema'})
CALL () {
  CALL dbms.components() YIELD name, versions, edition
  WITH versions[0] AS version, edition WHERE name = 'Neo4j Kernel'
  RETURN version, edition LIMIT 1
}
RETURN s.version AS schema, version, edition
