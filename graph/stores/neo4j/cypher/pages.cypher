// Pages of identifiers and conflicts. Backward: the same texts with DESC for ASC.

// name: open_ids
// :params {tenant: 'default', touchpoint: '', after: '', before: '~', limit: 20, isCounted: false, member: ['key']}
// The total is a degree; where the touchpoint is no node here, the index is counted.
MATCH (t:Tenant {key: $tenant})
CALL () {
  MATCH (o:OpenID)
  WHERE o.scope = $touchpoint AND $after < o.key < $before
  WITH o ORDER BY o.key ASC
  WHERE o.tenant = $tenant
  WITH o LIMIT $limit + 1
  RETURN collect([f IN $member | o[f]]) AS found
}
OPTIONAL MATCH (p:Touchpoint {key: $touchpoint})
WHERE $isCounted AND p.tenant = $tenant
RETURN t.registryVersion AS version, size(found) > $limit AS hasMore, found[..$limit] AS members,
  CASE WHEN p IS NOT NULL THEN COUNT { (p)-[:ISSUED]->() } END AS total

// name: stale
// :params {tenant: 'default', touchpoint: '', version: 1, after: '', limit: 500}
MATCH (t:Tenant {key: $tenant})
CALL () {
  MATCH (o:OpenID)
  WHERE o.scope = $touchpoint AND o.key > $after
  WITH o ORDER BY o.key ASC
  WHERE o.tenant = $tenant
    AND EXISTS { MATCH (o)-[r:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]->() WHERE r.version < $version }
  WITH o LIMIT $limit
  RETURN collect(o.key) AS keys
}
RETURN keys

// name: conflicts_by_key
// :params {tenant: 'default', after: '', before: '~', limit: 20, states: null, kinds: null, touchpoint: null}
MATCH (t:Tenant {key: $tenant})
CALL () {
  MATCH (k:Conflict)
  WHERE k.tenant = $tenant AND $after < k.key < $before
  WITH k ORDER BY k.key ASC
  WHERE ($states IS NULL OR k.state IN $states) AND ($kinds IS NULL OR k.kind IN $kinds)
  WITH k LIMIT $limit + 1
  RETURN collect(k) AS chosen
}

// name: conflicts_by_state
// :params {state: 'OPEN'}
MATCH (t:Tenant {key: $tenant})
CALL () {
  MATCH (k:Conflict)
  WHERE k.tenant = $tenant AND k.state = $state AND $after < k.key < $before
  WITH k ORDER BY k.key ASC
  WHERE $kinds IS NULL OR k.kind IN $kinds
  WITH k LIMIT $limit + 1
  RETURN collect(k) AS chosen
}

// name: conflicts_by_touchpoint
MATCH (t:Tenant {key: $tenant})
CALL () {
  MATCH ()-[r:ABOUT]->()
  WHERE r.touchpoint = $touchpoint AND $after < r.conflict < $before
  WITH DISTINCT r.conflict AS key ORDER BY key ASC
  MATCH (k:Conflict {key: key})
  WHERE k.tenant = $tenant AND ($states IS NULL OR k.state IN $states) AND ($kinds IS NULL OR k.kind IN $kinds)
  WITH k LIMIT $limit + 1
  RETURN collect(k) AS chosen
}

// name: conflicts_here
// :params {keys: []}
MATCH (t:Tenant {key: $tenant})
CALL () {
  UNWIND $keys AS key
  MATCH (k:Conflict {key: key})
  WHERE k.tenant = $tenant
  RETURN collect(k) AS chosen
}

// name: conflicts_found
CALL (chosen) {
  UNWIND chosen[..$limit] AS k
  CALL (k) {
    UNWIND k.mentions AS key
    MATCH (e:Identifier {key: key})
    WHERE e.customer IS NOT NULL
    RETURN collect([f IN $member | e[f]]) AS mentioned
  }
  RETURN collect([[f IN $conflict | k[f]], CASE k.kind WHEN 'GENERIC_IDENTIFIER' THEN COUNT {
    MATCH (k)-[:ABOUT]->(g)-[:RESOLVED_AS|MIGRATED_TO|CLAIMS]-(n) WHERE n.customer <> g.customer RETURN DISTINCT n
  } END, mentioned]) AS conflicts
}
RETURN t.registryVersion AS version, size(chosen) > $limit AS hasMore, conflicts

// name: conflicts_count
RETURN size(chosen) AS total
