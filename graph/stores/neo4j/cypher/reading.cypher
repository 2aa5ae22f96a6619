// A tenant read whole, page by page. The walks choose, `holdings` answers; `then` joins two texts.

// name: state
// :param given => {tenant: 'default'}
MATCH (t:Tenant {key: $given.tenant})
RETURN t.turn AS turn, t.sequence AS sequence, t.registryVersion AS version

// name: holdings_after
// :param given => {tenant: 'default', after: '', limit: 500}
// Bare keys too: no evidence makes them exist now, and what they said hangs on them.
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (n:Identifier)
  USING INDEX SEEK n:Identifier(tenant, key)
  WHERE n.tenant = $given.tenant AND n.key > $given.after
  WITH n ORDER BY n.tenant ASC, n.key ASC
  WITH n LIMIT $given.limit
  RETURN collect(n) AS found
}

// name: holdings_by_key
// :param given => {tenant: 'default', keys: []}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.keys AS key
  MATCH (n:Identifier {key: key})
  WHERE n.tenant = $given.tenant
  RETURN collect(DISTINCT n) AS found
}

// name: holdings
// :param given => {member: ['key'], rollup: ['key']}
RETURN [n IN found | [
  n.key,
  CASE WHEN n.customer IS NOT NULL THEN [f IN $given.member | n[f]] END,
  [(n)-[r:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]->(e) | [type(r), n.key, e.key, [f IN $given.rollup | r[f]]]],
  CASE WHEN n.customer IS NULL THEN n.witness END
]] AS holdings

// name: customer_rows
// :param given => {tenant: 'default', after: '', limit: 500, customer: ['key']}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (c:Customer)
  USING INDEX SEEK c:Customer(tenant, key)
  WHERE c.tenant = $given.tenant AND c.key > $given.after
  WITH c ORDER BY c.tenant ASC, c.key ASC
  WITH c LIMIT $given.limit
  RETURN collect([f IN $given.customer | c[f]]) AS rows
}
RETURN rows

// name: conflict_rows
// :param given => {tenant: 'default', after: '', limit: 500, conflict: ['key']}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  MATCH (k:Conflict)
  USING INDEX SEEK k:Conflict(tenant, key)
  WHERE k.tenant = $given.tenant AND k.key > $given.after
  WITH k ORDER BY k.tenant ASC, k.key ASC
  WITH k LIMIT $given.limit
  RETURN collect([f IN $given.conflict | k[f]]) AS rows
}
RETURN rows
