// Taking a tenant's turn, and seeing what the turn must see.

// name: take_turn
// :param tenant => 'default'
// The lock. A constant and MATCH, measured to be free of deadlocks; what is read after it is what the turn before wrote.
MATCH (t:Tenant {key: $tenant})
SET t.locked = true
WITH t
RETURN t.turn AS turn, t.sequence AS sequence, t.registryVersion AS version

// name: load
// :params {tenant: 'default', people: [], expand: [], partners: [], names: [], keys: [], enough: 6}
// :params {member: ['key'], rollup: ['key'], customer: ['key'], conflict: ['key']}
// 1. Where to begin: the asked identifiers, and the partners of SAME decisions (a UnionID is meant by its text).
CALL () {
  UNWIND $people + $expand + $partners AS key
  MATCH (s:Identifier {key: key})
  WHERE s.tenant = $tenant AND s.customer IS NOT NULL
  RETURN s
  UNION
  UNWIND $partners AS text
  MATCH (s:UnionID {textKey: text})
  WHERE s.tenant = $tenant
  RETURN s
}
WITH collect(s) AS starts
// 2. Generic identifiers that are opened all the same: those asked for as such, and asked OpenIDs.
WITH starts, [s IN starts WHERE s.crowded <> '' AND (s.key IN $expand OR (s:OpenID AND s.key IN $people))] AS opened
CALL (opened) {
  UNWIND opened AS s
  MATCH (s)-[:RESOLVED_AS|MIGRATED_TO|CLAIMS]-(n)
  WHERE n.customer IS NOT NULL
  RETURN collect(DISTINCT n) AS beside
}
// 3. Raw components: links at generic identifiers are not live, so the pattern stops there by itself.
CALL (starts, beside) {
  UNWIND starts + beside AS s
  MATCH (s)-[:RESOLVED_AS|MIGRATED_TO|CLAIMS*0.. {isLive: true}]-(m)
  RETURN collect(DISTINCT m) AS reached
}
WITH starts, reached, [m IN reached WHERE m.crowded = '' OR m IN opened] AS whole
// 4. Everything said by or about a whole member, also what counts nowhere now; and what the others that were asked for said.
CALL (starts, whole) {
  UNWIND whole AS m
  MATCH (m)-[r:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]-()
  RETURN r
  UNION
  UNWIND starts AS m
  WITH m, whole WHERE NOT m IN whole
  MATCH (m)-[r:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]->()
  RETURN r
  UNION
  UNWIND [m IN whole WHERE NOT m:UnionID | m.key] AS named
  CALL (named) {
    MATCH ()-[r:MIGRATED_TO {loose: named}]->() RETURN r
    UNION ALL
    MATCH ()-[r:CLAIMS {loose: named}]->() RETURN r
    UNION ALL
    MATCH ()-[r:UNLINKED {loose: named}]->() RETURN r
  }
  RETURN r
}
WITH starts, reached, whole, collect(r) AS said
// 5. Who else is named there: generic ones at the border, and second ends of what they said.
CALL (reached, said) {
  UNWIND reached AS m
  RETURN m
  UNION
  UNWIND said AS r
  UNWIND [startNode(r), endNode(r)] AS m
  WITH m WHERE m.customer IS NOT NULL
  RETURN m
  UNION
  UNWIND said AS r
  UNWIND [r.other, r.loose] AS key
  WITH key WHERE key IS NOT NULL
  MATCH (m:Identifier {key: key})
  WHERE m.customer IS NOT NULL
  RETURN m
}
WITH starts, whole, said, collect(m) AS members
// 6. Standing decisions that name any of them, or what was asked for.
CALL (members) {
  WITH members WHERE EXISTS { MATCH (d:Decision) WHERE d.tenant = $tenant }
  UNWIND [m IN members | m.key] + [m IN members WHERE m.textKey IS NOT NULL | m.textKey] + $names AS name
  WITH DISTINCT name
  CALL (name) {
    MATCH (d:Decision {tenant: $tenant, a: name}) RETURN d
    UNION
    MATCH (d:Decision {tenant: $tenant, b: name}) RETURN d
  }
  WITH DISTINCT d WHERE d.revoked IS NULL
  RETURN collect(properties(d)) AS decisions
}
CALL (members) {
  UNWIND members AS m
  MATCH (m)<-[:ABOUT]-(c:Conflict {state: 'OPEN'})
  WITH DISTINCT c
  RETURN collect([f IN $conflict | c[f]]) AS conflicts
}
CALL (members) {
  UNWIND members AS m
  WITH DISTINCT m.customer AS key
  MATCH (c:Customer {key: key})
  RETURN collect([f IN $customer | c[f]]) AS customers
}
// 7. What stands beside each generic identifier at the border, counted no further than the threshold needs.
CALL (starts, whole, members) {
  WITH [m IN starts + whole | m.key] AS here, [m IN members WHERE m.crowded <> '' AND NOT m IN whole] AS generic
  UNWIND generic AS g
  CALL (g, here) {
    MATCH (g)<-[:CLAIMS]-(n)
    WHERE g.crowded = 'claims' AND NOT n.key IN here
    WITH DISTINCT coalesce(n.account, n.key) AS account LIMIT $enough
    RETURN count(account) AS accounts
  }
  CALL (g, here) {
    MATCH (g)-[:RESOLVED_AS|MIGRATED_TO]-(n)
    WHERE NOT n.key IN here AND g.crowded = CASE WHEN n:OpenID THEN 'OpenID ' ELSE 'UnionID ' END + n.scope
    WITH DISTINCT n LIMIT $enough
    RETURN count(n) AS neighbours
  }
  RETURN collect([g.key, accounts, neighbours]) AS crowds
}
// 8. Nodes asked for by key.
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
RETURN
  [m IN whole | m.key] AS whole,
  [m IN members | [f IN $member | m[f]]] AS members,
  [r IN said | [type(r), startNode(r).key, endNode(r).key, [f IN $rollup | r[f]]]] AS rollups,
  decisions, conflicts, customers, crowds, nodes
