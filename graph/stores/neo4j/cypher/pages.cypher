// Pages of identifiers and conflicts. Backward: the same texts with DESC for ASC. The index is named where another one would do
// for the condition but not for the order.

// name: open_ids
// :param given => {tenant: 'default', touchpoint: '', after: '', before: '~', limit: 20, isCounted: false, member: ['key']}
// The total is a degree; where the touchpoint is no node here, the index is counted.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (o:OpenID)
  USING INDEX o:OpenID(scope, key)
  WHERE o.scope = $given.touchpoint AND o.key > $given.after AND o.key < $given.before
  WITH o ORDER BY o.scope ASC, o.key ASC
  WHERE o.tenant = $given.tenant
  WITH o LIMIT $given.limit + 1
  RETURN collect([f IN $given.member | o[f]]) AS found
}
OPTIONAL MATCH (p:Touchpoint {key: $given.touchpoint})
WHERE $given.isCounted AND p.tenant = $given.tenant
RETURN t.registryVersion AS version, size(found) > $given.limit AS hasMore, found[..$given.limit] AS members,
  CASE
    WHEN p IS NOT NULL THEN COUNT { (p)-[:ISSUED]->() }
    WHEN $given.isCounted THEN COUNT { MATCH (o:OpenID) WHERE o.scope = $given.touchpoint AND o.tenant = $given.tenant }
  END AS total

// name: stale
// Only what was resolved has a scope that can be out of date.
// :param given => {tenant: 'default', touchpoint: '', version: 1, after: '', limit: 500}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (o:OpenID)
  USING INDEX o:OpenID(scope, key)
  WHERE o.scope = $given.touchpoint AND o.key > $given.after
  WITH o ORDER BY o.scope ASC, o.key ASC
  WHERE o.tenant = $given.tenant
    AND EXISTS { MATCH (o)-[r:RESOLVED_AS]->() WHERE r.version < $given.version }
  WITH o LIMIT $given.limit
  RETURN collect(o.key) AS keys
}
RETURN keys

// name: conflicts_by_key
// :param given => {tenant: 'default', after: '', before: '~', limit: 20, states: null, kinds: null, touchpoint: null}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (k:Conflict)
  USING INDEX k:Conflict(tenant, key)
  WHERE k.tenant = $given.tenant AND k.key > $given.after AND k.key < $given.before
  WITH k ORDER BY k.tenant ASC, k.key ASC
  WHERE ($given.states IS NULL OR k.state IN $given.states) AND ($given.kinds IS NULL OR k.kind IN $given.kinds)
  WITH k LIMIT $given.limit + 1
  RETURN collect(k) AS chosen
}

// name: conflicts_by_namespace
// :param given => {namespace: 'member', inStates: ['OPEN', 'RESOLVED']}
// Each state is a stretch of the index in the order of keys; of each no more is read than the page may need.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.inStates AS state
  CALL (state) {
    MATCH (k:Conflict)
    USING INDEX k:Conflict(tenant, namespace, state, key)
    WHERE k.tenant = $given.tenant AND k.namespace = $given.namespace AND k.state = state
      AND k.key > $given.after AND k.key < $given.before
    WITH k ORDER BY k.tenant ASC, k.namespace ASC, k.state ASC, k.key ASC
    WHERE $given.kinds IS NULL OR k.kind IN $given.kinds
    RETURN k LIMIT $given.limit + 1
  }
  WITH k ORDER BY k.key ASC
  WITH k LIMIT $given.limit + 1
  RETURN collect(k) AS chosen
}

// name: conflicts_by_state
// :param given => {state: 'OPEN'}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (k:Conflict)
  USING INDEX k:Conflict(tenant, state, key)
  WHERE k.tenant = $given.tenant AND k.state = $given.state AND k.key > $given.after AND k.key < $given.before
  WITH k ORDER BY k.tenant ASC, k.state ASC, k.key ASC
  WHERE $given.kinds IS NULL OR k.kind IN $given.kinds
  WITH k LIMIT $given.limit + 1
  RETURN collect(k) AS chosen
}

// name: conflicts_by_touchpoint
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH ()-[r:ABOUT]->()
  WHERE r.touchpoint = $given.touchpoint AND r.conflict > $given.after AND r.conflict < $given.before
  WITH DISTINCT r.touchpoint AS touchpoint, r.conflict AS key ORDER BY touchpoint ASC, key ASC
  MATCH (k:Conflict {key: key})
  WHERE k.tenant = $given.tenant AND ($given.states IS NULL OR k.state IN $given.states) AND ($given.kinds IS NULL OR k.kind IN $given.kinds)
    AND ($given.namespace IS NULL OR k.namespace = $given.namespace)
  WITH k LIMIT $given.limit + 1
  RETURN collect(k) AS chosen
}

// name: conflicts_here
// :param given => {keys: []}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.keys AS key
  MATCH (k:Conflict {key: key})
  WHERE k.tenant = $given.tenant
  RETURN collect(k) AS chosen
}

// name: conflicts_found
CALL (chosen) {
  UNWIND chosen[..$given.limit] AS k
  CALL (k) {
    UNWIND k.mentions AS key
    MATCH (e:Identifier {key: key})
    WHERE e.customer IS NOT NULL
    RETURN collect([f IN $given.member | e[f]]) AS mentioned
  }
  RETURN collect([[f IN $given.conflict | k[f]], CASE k.kind WHEN 'GENERIC_IDENTIFIER' THEN COUNT {
    MATCH (k)-[:ABOUT]->(g)-[:RESOLVED_AS|MIGRATED_TO|CLAIMS]-(n) WHERE n.customer <> g.customer RETURN DISTINCT n
  } END, mentioned]) AS conflicts
}
RETURN t.registryVersion AS version, size(chosen) > $given.limit AS hasMore, conflicts

// name: conflicts_count
RETURN size(chosen) AS total

// name: customer_keys
// :param given => {tenant: 'default', after: '', limit: 200}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (c:Customer)
  USING INDEX c:Customer(tenant, key)
  WHERE c.tenant = $given.tenant AND c.key > $given.after
  WITH c ORDER BY c.tenant ASC, c.key ASC LIMIT $given.limit
  RETURN collect(c.key) AS keys
}
RETURN keys

// name: loose_claims
// :param given => {tenant: 'default', externalId: '', evidence: '', limit: 200}
// Claims that count nowhere are loops at who made them, indexed by what they are on.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (a)-[r:CLAIMS]->()
  WHERE r.loose >= $given.externalId
  WITH a, r ORDER BY r.loose, r.key
  WHERE a.tenant = $given.tenant AND (r.loose > $given.externalId OR r.key > $given.evidence)
  WITH a, r LIMIT $given.limit
  RETURN collect([r.loose + r.key, a.key]) AS claims
}
RETURN claims
