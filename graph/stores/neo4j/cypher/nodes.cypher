// What is not a person and not the brand: jobs, quarantined rows, API keys, decisions, the feed.

// name: nodes
// :params {tenant: 'default', keys: []}
MATCH (t:Tenant {key: $tenant})
CALL () {
  UNWIND $keys AS key
  CALL (key) {
    MATCH (n:Job {key: key}) RETURN n
    UNION ALL
    MATCH (n:Quarantined {key: key}) RETURN n
    UNION ALL
    MATCH (n:ApiKey {key: key}) RETURN n
    UNION ALL
    MATCH (n:Decision {key: key}) RETURN n
  }
  WITH n WHERE n.tenant = $tenant
  RETURN collect([labels(n)[0], properties(n)]) AS nodes
}
RETURN t.registryVersion AS version, nodes

// name: page
// :params {tenant: 'default', after: '', before: '~', limit: 20, kinds: null, states: null, touchpoint: null}
// The same for every label: Job stands for any. Backward: DESC for ASC.
MATCH (t:Tenant {key: $tenant})
CALL () {
  MATCH (n:Job)
  WHERE n.tenant = $tenant AND $after < n.key < $before
  WITH n ORDER BY n.key ASC
  WHERE ($kinds IS NULL OR n.kind IN $kinds)
    AND ($states IS NULL OR n.state IN $states)
    AND ($touchpoint IS NULL OR n.touchpointKey = $touchpoint)
  WITH n LIMIT $limit + 1
  RETURN collect(properties(n)) AS found
}
RETURN t.registryVersion AS version, size(found) > $limit AS hasMore, found[..$limit] AS nodes

// name: page_total
MATCH (t:Tenant {key: $tenant})
RETURN COUNT {
  MATCH (n:Job)
  WHERE n.tenant = $tenant AND n.key > ''
    AND ($kinds IS NULL OR n.kind IN $kinds)
    AND ($states IS NULL OR n.state IN $states)
    AND ($touchpoint IS NULL OR n.touchpointKey = $touchpoint)
} AS total

// name: quarantined
// :params {tenant: 'default', appId: 'wx0', after: '', limit: 500}
// Whole rows only: a UnionID that waits has no row, its evidence is in the graph.
MATCH (t:Tenant {key: $tenant})
CALL () {
  MATCH (n:Quarantined)
  WHERE n.tenant = $tenant AND n.appId = $appId AND n.key > $after
  WITH n ORDER BY n.key ASC
  WHERE n.row <> ''
  WITH n LIMIT $limit
  RETURN collect(n.key) AS keys
}
RETURN keys

// name: quarantined_anywhere
MATCH (t:Tenant {key: $tenant})
CALL () {
  MATCH (n:Quarantined)
  WHERE n.tenant = $tenant AND n.key > $after
  WITH n ORDER BY n.key ASC
  WHERE n.row <> ''
  WITH n LIMIT $limit
  RETURN collect(n.key) AS keys
}
RETURN keys

// name: changes
// :params {tenant: 'default', after: 0, limit: 100}
MATCH (t:Tenant {key: $tenant})
CALL () {
  MATCH (n:Change)
  WHERE n.tenant = $tenant AND n.sequence > $after
  WITH n ORDER BY n.sequence LIMIT $limit
  RETURN collect(properties(n)) AS changes
}
RETURN changes

// name: jobs
// :params {states: ['QUEUED', 'RUNNING', 'WAITING_FOR_QUOTA'], now: 0}
UNWIND $states AS state
MATCH (n:Job)
WHERE n.state = state AND n.leaseUntil <= $now
WITH n ORDER BY n.started, n.key
RETURN collect(properties(n)) AS jobs

// name: api_key
// :params {digest: ''}
MATCH (n:ApiKey {digest: $digest})
RETURN collect(properties(n)) AS keys
