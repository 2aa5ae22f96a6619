// Customers loaded whole: by their identifiers, or a page of them. The walks choose, `aggregates` answers; `then` joins texts.

// name: customers
// :param given => {tenant: 'default', keys: []}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.keys AS key
  MATCH (n:Identifier {key: key})
  WHERE n.tenant = $given.tenant
  OPTIONAL MATCH (w:Identifier {key: n.witness})
  WHERE n.customer IS NULL
  WITH key, coalesce(w, n) AS held
  RETURN collect([key, held.customer, held.key]) AS beside
}
CALL (beside) {
  UNWIND beside AS holder
  WITH DISTINCT holder[1] AS key
  MATCH (c:Customer {key: key})
  RETURN collect(c) AS found
}

// name: named
// :param given => {tenant: 'default', keys: []}
// A key may also be that of a UnionID's text: of several UnionIDs the one first seen is meant.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.keys AS key
  CALL (key) {
    MATCH (n:Identifier {key: key})
    RETURN n
    UNION ALL
    MATCH (n:UnionID {textKey: key})
    WITH n ORDER BY n.firstSeenAt, n.key LIMIT 1
    RETURN n
  }
  WITH key, n WHERE n.tenant = $given.tenant
  RETURN collect([key, n.customer, n.key]) AS beside
}
CALL (beside) {
  UNWIND beside AS holder
  WITH DISTINCT holder[1] AS key
  MATCH (c:Customer {key: key})
  RETURN collect(c) AS found
}

// name: aggregates
// :param given => {member: ['key'], rollup: ['key'], customer: ['key'], conflict: ['key']}
// One record, with positional lists in the order of those names: the driver pays for messages and maps, not for values.
CALL (found) {
  UNWIND found AS c
  CALL (c) {
    MATCH (c)<-[:BELONGS_TO]-(:WeChatAccount)<-[:BELONGS_TO]-(m)
    RETURN m
    UNION ALL
    MATCH (c)<-[:BELONGS_TO]-(m:ExternalID)
    RETURN m
  }
  WITH c, collect(m) AS members
  CALL (members) {
    CALL (members) {
      UNWIND members AS m
      MATCH (m)<-[:ABOUT]-(k:Conflict)
      RETURN k
      UNION
      UNWIND members AS m
      MATCH (m)-[:RESOLVED_AS|MIGRATED_TO|CLAIMS]->(e)
      WHERE e <> m
      MATCH (e)<-[:ABOUT]-(k:Conflict)
      WHERE k.kind IN ['GENERIC_IDENTIFIER', 'TOO_LARGE']
      RETURN k
    }
    RETURN collect(k) AS conflicts
  }
  // Whom its roll-ups and conflicts name in other customers; a claim taken back still names what it was on.
  CALL (c, members, conflicts) {
    CALL (c, members, conflicts) {
      UNWIND members AS m
      MATCH (m)-[:RESOLVED_AS|MIGRATED_TO|CLAIMS]->(e)
      WHERE e.customer <> c.key
      RETURN e
      UNION
      UNWIND members AS m
      MATCH (m)-[r:MIGRATED_TO|CLAIMS|UNLINKED]->(m)
      MATCH (e:Identifier {key: r.loose})
      WHERE e.customer <> c.key
      RETURN e
      UNION
      UNWIND conflicts AS k
      UNWIND k.mentions AS key
      MATCH (e:Identifier {key: key})
      WHERE e.customer <> c.key
      RETURN e
    }
    RETURN collect([f IN $given.member | e[f]]) AS mentioned
  }
  RETURN collect([
    [f IN $given.customer | c[f]],
    [m IN members | [f IN $given.member | m[f]]],
    [m IN members | [(m)-[r:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]->(e) | [type(r), m.key, e.key, [f IN $given.rollup | r[f]]]]],
    [k IN conflicts | [[f IN $given.conflict | k[f]], CASE k.kind WHEN 'GENERIC_IDENTIFIER' THEN COUNT {
      MATCH (k)-[:ABOUT]->(g)-[:RESOLVED_AS|MIGRATED_TO|CLAIMS]-(n) WHERE n.customer <> g.customer RETURN DISTINCT n
    } END]],
    mentioned
  ]) AS aggregates
}
RETURN t.registryVersion AS version, beside, aggregates

// name: walk_by_key
// :param given => {tenant: 'default', after: '', before: '~', limit: 20, usedAll: [], usedNone: []}
// :param given => {state: null, hasConflict: null, since: null}
// A walk goes on with `customers_chosen` or with `merged_count`. Backward pages are the same texts with DESC for ASC. The order names every
// property of the index: else Neo4j sorts.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  CALL () {
    MATCH (n:Customer)
    USING INDEX SEEK n:Customer(tenant, key)
    WHERE n.tenant = $given.tenant AND n.key > $given.after AND n.key < $given.before
    WITH n ORDER BY n.tenant ASC, n.key ASC
    // then: filters

// name: walk_by_state
// :param given => {states: ['PROVISIONAL', 'IDENTIFIED'], hasConflicts: [true]}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.states AS state
  UNWIND $given.hasConflicts AS hasConflict
  CALL (state, hasConflict) {
    MATCH (n:Customer)
    USING INDEX SEEK n:Customer(tenant, state, hasConflict, key)
    WHERE n.tenant = $given.tenant AND n.state = state AND n.hasConflict = hasConflict AND n.key > $given.after AND n.key < $given.before
    WITH n ORDER BY n.tenant ASC, n.state ASC, n.hasConflict ASC, n.key ASC
    // then: filters

// name: walk_by_touchpoint
// :param given => {touchpoint: 'the key of that of usedAll which fewest used'}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  CALL () {
    MATCH (o:OpenID)
    USING INDEX SEEK o:OpenID(scope, customer)
    WHERE o.scope = $given.touchpoint AND o.customer > $given.after AND o.customer < $given.before
    WITH DISTINCT o.scope AS scope, o.customer AS key ORDER BY scope ASC, key ASC
    MATCH (n:Customer {key: key})
    USING INDEX SEEK n:Customer(key)
    WHERE n.tenant = $given.tenant
    WITH n
    // then: filters

// name: walk_by_seen
// All of them are sorted, so only for few.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  CALL () {
    MATCH (n:Customer)
    USING INDEX SEEK n:Customer(tenant, lastSeenAt)
    WHERE n.tenant = $given.tenant AND n.lastSeenAt >= $given.since
    WITH n WHERE n.key > $given.after AND n.key < $given.before
    WITH n ORDER BY n.key ASC
    // then: filters

// name: filters
// Whom they used is looked for among the customer's own identifiers: no index serves a sum, so Neo4j cannot go through a whole touchpoint,
// which it did for a plan made while that was small.
    WHERE ($given.state IS NULL OR n.state = $given.state)
      AND ($given.hasConflict IS NULL OR n.hasConflict = $given.hasConflict)
      AND ($given.since IS NULL OR n.lastSeenAt >= $given.since)
      AND all(used IN $given.usedAll WHERE EXISTS { MATCH (n)<-[:BELONGS_TO]-()<-[:BELONGS_TO]-(o) WHERE o.scope + '' = used })
      AND none(used IN $given.usedNone WHERE EXISTS { MATCH (n)<-[:BELONGS_TO]-()<-[:BELONGS_TO]-(o) WHERE o.scope + '' = used })

// name: customers_chosen
// then: merged
WITH t, [size(chosen) > $given.limit] AS beside, chosen[..$given.limit] AS found
// then: aggregates

// name: few
// :param given => {tenant: 'default', usedAll: [], since: null, enough: 10001}
// How many used each of these touchpoints, by its degree, and how many were seen since then, counted no further than needed. Where a
// touchpoint is no node here, the index is counted.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.usedAll AS used
  OPTIONAL MATCH (p:Touchpoint {key: used})
  RETURN collect(CASE WHEN p IS NOT NULL THEN COUNT { (p)-[:ISSUED]->() } ELSE COUNT { MATCH (o:OpenID) WHERE o.scope = used } END) AS used
}
CALL () {
  MATCH (n:Customer)
  USING INDEX SEEK n:Customer(tenant, lastSeenAt)
  WHERE n.tenant = $given.tenant AND n.lastSeenAt >= $given.since
  WITH n LIMIT $given.enough
  RETURN count(n) AS seen
}
RETURN used, seen
