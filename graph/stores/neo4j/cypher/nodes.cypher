// What is not a person and not the brand: jobs, quarantined rows, API keys, decisions.

// name: nodes
// :param given => {tenant: 'default', keys: []}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.keys AS key
  CALL (key) {
    MATCH (n:Job {key: key}) RETURN n
    UNION ALL
    MATCH (n:Quarantined {key: key}) RETURN n
    UNION ALL
    MATCH (n:ApiKey {key: key}) RETURN n
    UNION ALL
    MATCH (n:Decision {key: key}) RETURN n
    UNION ALL
    MATCH (n:Request {key: key}) RETURN n
    UNION ALL
    MATCH (n:Change {key: key}) RETURN n
    UNION ALL
    MATCH (n:Tombstone {key: key}) RETURN n
    UNION ALL
    MATCH (n:ErasureReceipt {key: key}) RETURN n
    UNION ALL
    MATCH (n:PolicyChange {key: key}) RETURN n
  }
  WITH n WHERE n.tenant = $given.tenant
  RETURN collect([labels(n)[0], properties(n)]) AS nodes
}
RETURN t.registryVersion AS version, nodes

// name: blocked
// :param given => {tenant: 'default'}
MATCH (t:Tenant {key: $given.tenant})
RETURN coalesce(t.blocked, 0) AS blocked

// name: page
// :param given => {tenant: 'default', after: '', before: '~', limit: 20}
// The same for every label: Job stands for any. Backward: DESC for ASC. What is chosen is shown by `nodes_found` or `conflicts_found`.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (n:Job)
  USING INDEX SEEK n:Job(tenant, key)
  WHERE n.tenant = $given.tenant AND n.key > $given.after AND n.key < $given.before
  WITH n ORDER BY n.tenant ASC, n.key ASC LIMIT $given.limit + 1
  RETURN collect(n) AS chosen
}

// name: page_total
MATCH (t:Tenant {key: $given.tenant})
RETURN COUNT {
  MATCH (n:Job)
  USING INDEX SEEK n:Job(tenant, key)
  WHERE n.tenant = $given.tenant AND n.key > ''
} AS total

// name: nodes_found
RETURN t.registryVersion AS version, size(chosen) > $given.limit AS hasMore, [n IN chosen[..$given.limit] | properties(n)] AS nodes

// name: page_by_kind
// :param given => {states: ['RUNNING'], kinds: ['BACKFILL']}
// The filtered pages go on with `merged` or with `merged_count`. This one is for jobs and for conflicts.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.states AS state
  UNWIND $given.kinds AS kind
  CALL (state, kind) {
    MATCH (n:Job)
    USING INDEX SEEK n:Job(tenant, state, kind, key)
    WHERE n.tenant = $given.tenant AND n.state = state AND n.kind = kind AND n.key > $given.after AND n.key < $given.before
    WITH n ORDER BY n.tenant ASC, n.state ASC, n.kind ASC, n.key ASC

// name: jobs_of_touchpoint
// :param given => {touchpoint: ''}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.states AS state
  UNWIND $given.kinds AS kind
  CALL (state, kind) {
    MATCH (n:Job)
    USING INDEX SEEK n:Job(tenant, touchpointKey, state, kind, key)
    WHERE n.tenant = $given.tenant AND n.touchpointKey = $given.touchpoint AND n.state = state AND n.kind = kind
      AND n.key > $given.after AND n.key < $given.before
    WITH n ORDER BY n.tenant ASC, n.touchpointKey ASC, n.state ASC, n.kind ASC, n.key ASC

// name: decisions_by_state
// :param given => {isRevoked: false}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  CALL () {
    MATCH (n:Decision)
    USING INDEX SEEK n:Decision(tenant, isRevoked, key)
    WHERE n.tenant = $given.tenant AND n.isRevoked = $given.isRevoked AND n.key > $given.after AND n.key < $given.before
    WITH n ORDER BY n.tenant ASC, n.isRevoked ASC, n.key ASC

// name: decisions_of
// :param given => {names: [], isRevoked: null}
// A customer has a few, so they are sorted.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  CALL () {
    UNWIND $given.names AS name
    CALL (name) {
      MATCH (n:Decision {tenant: $given.tenant, a: name}) RETURN n
      UNION
      MATCH (n:Decision {tenant: $given.tenant, b: name}) RETURN n
    }
    WITH DISTINCT n
    WHERE n.key > $given.after AND n.key < $given.before AND ($given.isRevoked IS NULL OR n.isRevoked = $given.isRevoked)
    WITH n ORDER BY n.key ASC

// name: evidence
// :param given => {tenant: 'default', keys: [], rollup: ['key']}
// What links two identifiers, also what counts nowhere now and is a loop.
// SEEK: else Neo4j may look through the whole of an index that was small when it made the plan.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.keys AS key
  CALL (key) {
    MATCH ()-[r:RESOLVED_AS {key: key}]->() USING INDEX SEEK r:RESOLVED_AS(key) RETURN r
    UNION ALL
    MATCH ()-[r:MIGRATED_TO {key: key}]->() USING INDEX SEEK r:MIGRATED_TO(key) RETURN r
    UNION ALL
    MATCH ()-[r:CLAIMS {key: key}]->() USING INDEX SEEK r:CLAIMS(key) RETURN r
  }
  WITH r, startNode(r) AS a WHERE a.tenant = $given.tenant
  RETURN collect([type(r), a.key, endNode(r).key, [f IN $given.rollup | r[f]]]) AS rollups
}
RETURN t.registryVersion AS version, rollups

// name: quarantined
// :param given => {tenant: 'default', appId: 'wx0', after: '', limit: 500}
// Whole rows only: a UnionID that waits has no row, its evidence is in the graph.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (n:Quarantined)
  USING INDEX SEEK n:Quarantined(tenant, appId, key)
  WHERE n.tenant = $given.tenant AND n.appId = $given.appId AND n.key > $given.after
  WITH n ORDER BY n.tenant ASC, n.appId ASC, n.key ASC
  WHERE n.row <> ''
  WITH n LIMIT $given.limit
  RETURN collect(n.key) AS keys
}
RETURN keys

// name: quarantined_anywhere
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (n:Quarantined)
  USING INDEX SEEK n:Quarantined(tenant, key)
  WHERE n.tenant = $given.tenant AND n.key > $given.after
  WITH n ORDER BY n.tenant ASC, n.key ASC
  WHERE n.row <> ''
  WITH n LIMIT $given.limit
  RETURN collect(n.key) AS keys
}
RETURN keys

// name: jobs
// :param given => {states: ['QUEUED', 'RUNNING', 'WAITING_FOR_QUOTA'], now: 0}
UNWIND $given.states AS state
MATCH (n:Job)
WHERE n.state = state AND n.leaseUntil <= $given.now
WITH n ORDER BY n.started, n.key
RETURN collect(properties(n)) AS jobs

// name: api_key
// :param given => {digest: ''}
MATCH (n:ApiKey {digest: $given.digest})
RETURN collect(properties(n)) AS keys

// name: old_requests
// :param given => {before: 0, limit: 500}
MATCH (n:Request)
WHERE n.made < $given.before
WITH n ORDER BY n.made LIMIT $given.limit
RETURN collect([n.tenant, n.key]) AS requests
