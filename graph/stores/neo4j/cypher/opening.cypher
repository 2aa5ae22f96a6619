// Before a store is opened: what server and which schema it is. The schema itself is in schema.cypher.

// name: server
CALL dbms.components() YIELD name, versions
WITH versions[0] AS version WHERE name = 'Neo4j Kernel'
RETURN version LIMIT 1

// name: schema_name
// Asking for what was never seen would be a warning.
CALL db.createLabel('Schema')
CALL db.createProperty('key')
CALL db.createProperty('version')
CALL db.createProperty('secretFingerprint')

// name: schema_found
OPTIONAL MATCH (s:Schema {key: 'schema'})
RETURN s.version AS version, s.secretFingerprint AS fingerprint

// name: schema_made
// :param given => {fingerprint: '', version: 1}
// The secret is the one that made the first key; whoever comes second with another one is refused.
MERGE (s:Schema {key: 'schema'})
ON CREATE SET s.secretFingerprint = $given.fingerprint
SET s.version = $given.version
RETURN s.secretFingerprint AS fingerprint

// name: rekey
// From version 1: a roll-up's key begins as that of who said it.
MATCH (a:Identifier)-[r:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]->()
WHERE NOT r.key STARTS WITH left(a.key, 11)
CALL (a, r) {
  SET r.key = left(a.key, 11) + substring(r.key, 11)
} IN TRANSACTIONS OF 10000 ROWS

// name: name_conflicts
// Conflicts of version 1 do not say which namespace they are about: it is found in the external ids that they name.
MATCH (k:Conflict)
WHERE k.namespace IS NULL
CALL (k) {
  UNWIND k.mentions AS key
  MATCH (e:Identifier {key: key})
  WHERE e:ExternalID AND (k.kind = 'TWO_VALUES_ONE_NAMESPACE' OR (key IN k.about AND k.kind IN ['GENERIC_IDENTIFIER', 'TOO_LARGE']))
  WITH e.scope AS namespace, count(*) AS times ORDER BY times DESC, namespace LIMIT 1
  RETURN collect(namespace) AS found
}
SET k.namespace = coalesce(head(found), '')

// name: name_loose
// Resolutions that count nowhere did not yet say by an index of which UnionID's text they are.
MATCH (n:Identifier)-[r:RESOLVED_AS]->(n)
WHERE r.loose IS NULL
SET r.loose = r.b

// name: make_names
// :param given => {labels: [], types: [], properties: []}
CALL db.awaitIndexes(300)
CALL () {
  UNWIND $given.labels AS name
  CALL db.createLabel(name)
}
CALL () {
  UNWIND $given.types AS name
  CALL db.createRelationshipType(name)
}
CALL () {
  UNWIND $given.properties AS name
  CALL db.createProperty(name)
}

// name: name_customers_of_changes
// From version 1 to 2: a change names its customer by customerKey.
// It also says how many of its transaction follow it.
MATCH (c:Change)
WHERE c.customerKey IS NULL
WITH c.tenant AS tenant, c.transaction AS transaction, c ORDER BY c.sequence DESC
WITH tenant, transaction, collect(c) AS together
UNWIND range(0, size(together) - 1) AS left
WITH left, together[left] AS c
CALL (left, c) {
  SET c.customerKey = c.customer, c.changesLeft = left
  REMOVE c.customer
} IN TRANSACTIONS OF 10000 ROWS

// name: name_witnesses
// From version 1 to 2: UnionIDs and external ids have the OpenID by which they are followed when nothing names them any more.
MATCH (n:Identifier)
WHERE n.customer IS NOT NULL AND n.witness IS NULL AND NOT n:OpenID
CALL (n) {
  MATCH (o:OpenID)-[:RESOLVED_AS|CLAIMS]->(n)
  WITH n, o ORDER BY o.customer <> n.customer, o.firstSeenAt, o.key LIMIT 1
  SET n.witness = o.key
} IN TRANSACTIONS OF 10000 ROWS

// name: count_members
// From version 1 to 2: a customer knows how many identifiers it has.
MATCH (c:Customer)
WHERE c.size IS NULL
CALL (c) {
  SET c.size = COUNT { (c)<-[:BELONGS_TO]-(:WeChatAccount)<-[:BELONGS_TO]-() } + COUNT { (c)<-[:BELONGS_TO]-(:ExternalID) }
} IN TRANSACTIONS OF 10000 ROWS

// name: name_revoked
// From version 2 to 3: a decision says by a property of its own whether it is revoked, for no index holds what is missing.
MATCH (n:Decision)
WHERE n.isRevoked IS NULL
CALL (n) {
  SET n.isRevoked = n.revoked IS NOT NULL
} IN TRANSACTIONS OF 10000 ROWS

// name: name_states
// From version 2 to 3: what a conflict is about says, as the conflict does, its state and kind.
MATCH (c:Conflict)-[r:ABOUT]->()
WHERE r.state IS NULL
CALL (c, r) {
  SET r.state = c.state, r.kind = c.kind
} IN TRANSACTIONS OF 10000 ROWS
