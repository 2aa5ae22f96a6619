// Pages of identifiers, conflicts and customers' keys, and what pages of anything share (`merged`). Backward: the same texts with DESC for
// ASC. The index is named where another one would do for the condition but not for the order, and SEEK: else Neo4j may look through the
// whole of it where it was small when it made the plan.

// name: open_ids
// :param given => {tenant: 'default', touchpoint: '', after: '', before: '~', limit: 20, isCounted: false, member: ['key']}
// The total is a degree; where the touchpoint is no node here, the index is counted.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (o:OpenID)
  USING INDEX SEEK o:OpenID(scope, key)
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
  USING INDEX SEEK o:OpenID(scope, key)
  WHERE o.scope = $given.touchpoint AND o.key > $given.after
  WITH o ORDER BY o.scope ASC, o.key ASC
  WHERE o.tenant = $given.tenant
    AND EXISTS { MATCH (o)-[r:RESOLVED_AS]->() WHERE r.version < $given.version }
  WITH o LIMIT $given.limit
  RETURN collect(o.key) AS keys
}
RETURN keys

// name: merged
// A walk gives stretches of an index, each in the order of keys; of each no more is read than the page may need. One more than the page
// holds tells whether more lies beyond.
    RETURN n LIMIT $given.limit + 1
  }
  WITH n ORDER BY n.key ASC LIMIT $given.limit + 1
  RETURN collect(n) AS chosen
}

// name: merged_count
// Or how many there are in all.
    RETURN count(n) AS some
  }
  RETURN sum(some) AS total
}
RETURN total

// name: conflicts_of_namespace
// :param given => {namespace: 'member', states: ['OPEN', 'RESOLVED'], kinds: ['TWO_VALUES_ONE_NAMESPACE']}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.states AS state
  UNWIND $given.kinds AS kind
  CALL (state, kind) {
    MATCH (n:Conflict)
    USING INDEX SEEK n:Conflict(tenant, namespace, state, kind, key)
    WHERE n.tenant = $given.tenant AND n.namespace = $given.namespace AND n.state = state AND n.kind = kind
      AND n.key > $given.after AND n.key < $given.before
    WITH n ORDER BY n.tenant ASC, n.namespace ASC, n.state ASC, n.kind ASC, n.key ASC

// name: conflicts_of_touchpoint
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.states AS state
  UNWIND $given.kinds AS kind
  CALL (state, kind) {
    MATCH ()-[r:ABOUT]->()
    USING INDEX SEEK r:ABOUT(touchpoint, state, kind, conflict)
    WHERE r.touchpoint = $given.touchpoint AND r.state = state AND r.kind = kind AND r.conflict > $given.after AND r.conflict < $given.before
    WITH DISTINCT r.touchpoint AS at, r.state AS inState, r.kind AS ofKind, r.conflict AS key ORDER BY at ASC, inState ASC, ofKind ASC, key ASC
    MATCH (n:Conflict {key: key})
    USING INDEX SEEK n:Conflict(key)
    WHERE n.tenant = $given.tenant AND ($given.namespace IS NULL OR n.namespace = $given.namespace)

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

// name: customer_keys
// :param given => {tenant: 'default', after: '', limit: 200}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (c:Customer)
  USING INDEX SEEK c:Customer(tenant, key)
  WHERE c.tenant = $given.tenant AND c.key > $given.after
  WITH c ORDER BY c.tenant ASC, c.key ASC LIMIT $given.limit
  RETURN collect(c.key) AS keys
}
RETURN keys

// name: loose_claims
// :param given => {tenant: 'default', after: '', limit: 200}
// Claims that count nowhere are loops at who made them, which keep what they name in `loose`. All claims are looked through, once for a
// change of policy.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (a)-[r:CLAIMS]->()
  USING INDEX SEEK r:CLAIMS(key)
  WHERE r.key > $given.after
  WITH a, r ORDER BY r.key
  WHERE a.tenant = $given.tenant AND r.loose IS NOT NULL
  WITH r LIMIT $given.limit
  RETURN collect(r.key) AS claims
}
RETURN claims
