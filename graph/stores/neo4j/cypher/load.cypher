// Taking a tenant's turn, and seeing what the turn must see.

// name: take_turn
// :param given => {tenant: 'default'}
// The lock. A constant and MATCH, measured to be free of deadlocks; what is read after it is what the turn before wrote.
MATCH (t:Tenant {key: $given.tenant})
SET t.locked = true
WITH t
RETURN t.turn AS turn, t.sequence AS sequence, t.registryVersion AS version

// name: load
// :param given => {tenant: 'default', people: [], expand: [], partners: [], names: [], decided: [], keys: [], enough: 6}
// :param given => {member: ['key'], rollup: ['key'], customer: ['key'], conflict: ['key']}
// 1. Where to begin: the asked identifiers, who is followed in place of one that is gone, and the partners of SAME decisions (a UnionID is
// meant by its text).
CALL () {
  UNWIND $given.people + $given.expand AS key
  MATCH (f:Identifier {key: key})
  USING INDEX SEEK f:Identifier(key)
  WHERE f.tenant = $given.tenant AND f.customer IS NULL AND f.witness IS NOT NULL
  RETURN collect([f.key, f.witness]) AS followed
}
CALL (followed) {
  CALL (followed) {
    UNWIND $given.people + $given.expand + $given.partners + [f IN followed | f[1]] AS key
    MATCH (s:Identifier {key: key})
    WHERE s.tenant = $given.tenant AND s.customer IS NOT NULL
    RETURN s
    UNION
    UNWIND $given.partners AS text
    MATCH (s:UnionID {textKey: text})
    WHERE s.tenant = $given.tenant
    RETURN s
  }
  RETURN collect(s) AS starts
}
// 2. Generic identifiers that are opened all the same: those asked for as such, and asked OpenIDs.
WITH followed, starts, [s IN starts WHERE s.crowded <> '' AND (s.key IN $given.expand OR (s:OpenID AND s.key IN $given.people))] AS opened
CALL (opened) {
  UNWIND opened AS s
  MATCH (s)-[:RESOLVED_AS|MIGRATED_TO|CLAIMS {isLive: true}]-(n)
  RETURN collect(DISTINCT n) AS beside
}
// 3. Raw components: they hang together by live links, and none goes on beyond a generic identifier.
CALL (starts, beside) {
  UNWIND starts + beside AS s
  MATCH path = (s)-[:RESOLVED_AS|MIGRATED_TO|CLAIMS*0.. {isLive: true}]-(m)
  WHERE all(n IN nodes(path) WHERE n.crowded = '')
  RETURN collect(DISTINCT m) AS reached
}
WITH followed, starts, reached, reached + opened AS whole
// 4. Everything said by or about a whole member, also what counts nowhere now; and what the others that were asked for said,
// even those that are no members any more.
CALL (whole) {
  CALL (whole) {
    UNWIND whole AS m
    MATCH (m)-[r:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]-()
    RETURN r
    UNION
    UNWIND $given.people + $given.expand AS key
    MATCH (m:Identifier {key: key})
    WHERE m.tenant = $given.tenant AND NOT m IN whole
    MATCH (m)-[r:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]->()
    RETURN r
    UNION
    UNWIND [m IN whole WHERE NOT m:UnionID | m.key] + $given.decided AS named
    CALL (named) {
      MATCH ()-[r:MIGRATED_TO {loose: named}]->() RETURN r
      UNION ALL
      MATCH ()-[r:CLAIMS {loose: named}]->() RETURN r
      UNION ALL
      MATCH ()-[r:UNLINKED {loose: named}]->() RETURN r
    }
    RETURN r
    UNION
    UNWIND $given.decided AS text
    MATCH ()-[r:RESOLVED_AS {loose: text}]->()
    RETURN r
  }
  RETURN collect(r) AS said
}
// 5. Who else is named there: generic ones at the border, and second ends of what they said.
CALL (starts, reached, said) {
  CALL (starts, reached, said) {
    UNWIND starts + reached AS m
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
  RETURN collect(m) AS members
}
// 6. Standing decisions that name any of them, or what was asked for.
CALL (members) {
  WITH members WHERE EXISTS { MATCH (d:Decision) WHERE d.tenant = $given.tenant AND d.key > '' }
  UNWIND [m IN members | m.key] + [m IN members WHERE m.textKey IS NOT NULL | m.textKey] + $given.names AS name
  WITH DISTINCT name
  CALL (name) {
    MATCH (d:Decision {tenant: $given.tenant, a: name}) RETURN d
    UNION
    MATCH (d:Decision {tenant: $given.tenant, b: name}) RETURN d
  }
  WITH DISTINCT d WHERE d.revoked IS NULL
  RETURN collect(properties(d)) AS decisions
}
CALL (members) {
  UNWIND members AS m
  MATCH (m)<-[:ABOUT]-(c:Conflict {state: 'OPEN'})
  WITH DISTINCT c
  RETURN collect([f IN $given.conflict | c[f]]) AS conflicts
}
CALL (members) {
  UNWIND members AS m
  WITH DISTINCT m.customer AS key
  MATCH (c:Customer {key: key})
  RETURN collect([f IN $given.customer | c[f]]) AS customers
}
// 7. What stands beside each generic identifier at the border, counted no further than the threshold needs.
CALL (starts, whole, members) {
  WITH [m IN starts + whole | m.key] AS here, [m IN members WHERE m.crowded <> '' AND NOT m IN whole] AS generic
  UNWIND generic AS g
  CALL (g, here) {
    MATCH (g)<-[:CLAIMS]-(n)
    WHERE g.crowded = 'claims' AND NOT n.key IN here
    WITH DISTINCT coalesce(n.account, n.key) AS account LIMIT $given.enough
    RETURN count(account) AS accounts
  }
  CALL (g, here) {
    MATCH (g)-[:RESOLVED_AS|MIGRATED_TO]-(n)
    WHERE NOT n.key IN here AND g.crowded = CASE WHEN n:OpenID THEN 'OpenID ' ELSE 'UnionID ' END + n.scope
    WITH DISTINCT n LIMIT $given.enough
    RETURN count(n) AS neighbours
  }
  RETURN collect([g.key, accounts, neighbours]) AS crowds
}
// 8. What is left of the erased among all of these.
CALL (members) {
  WITH members WHERE EXISTS { MATCH (d:Tombstone) WHERE d.tenant = $given.tenant AND d.key > '' }
  UNWIND [m IN members | m.key] + [m IN members WHERE m.textKey IS NOT NULL | m.textKey] + $given.names + $given.keys AS key
  WITH DISTINCT key
  MATCH (d:Tombstone {key: key})
  WHERE d.tenant = $given.tenant
  RETURN collect(properties(d)) AS tombstones
}
// 9. Nodes asked for by key.
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
    MATCH (n:ErasureReceipt {key: key}) RETURN n
    UNION ALL
    MATCH (n:PolicyChange {key: key}) RETURN n
  }
  WITH n WHERE n.tenant = $given.tenant
  RETURN collect([labels(n)[0], properties(n)]) AS nodes
}
RETURN
  [m IN whole | m.key] AS whole,
  [m IN members | [f IN $given.member | m[f]]] AS members,
  [r IN said | [type(r), startNode(r).key, endNode(r).key, [f IN $given.rollup | r[f]]]] AS rollups,
  decisions, conflicts, customers, crowds, nodes, followed, tombstones

// name: mentions
// :param given => {tenant: 'default', mentions: []}
// What is kept as text and holds one of these, and everything that holds words of people.
CALL () {
  MATCH (n:Quarantined)
  WHERE n.tenant = $given.tenant AND n.key > '' AND n.row <> '' AND any(text IN $given.mentions WHERE n.row CONTAINS text)
  RETURN n
  UNION ALL
  MATCH (n:ErasureReceipt)
  WHERE n.tenant = $given.tenant AND n.key > '' AND any(text IN $given.mentions WHERE n.document CONTAINS text)
  RETURN n
  UNION ALL
  MATCH (n:Decision)
  WHERE n.tenant = $given.tenant AND n.key > ''
  RETURN n
  UNION ALL
  MATCH (n:PolicyChange)
  WHERE n.tenant = $given.tenant AND n.key > ''
  RETURN n
  UNION ALL
  MATCH (n:Job)
  WHERE n.tenant = $given.tenant AND n.key > ''
  RETURN n
}
RETURN collect([labels(n)[0], properties(n)]) AS nodes

// name: in_use
// :param given => {tenant: 'default', namespaces: ['member']}
UNWIND $given.namespaces AS namespace
CALL (namespace) {
  MATCH (n:ExternalID)
  WHERE n.tenant = $given.tenant AND n.scope = namespace
  RETURN n LIMIT 1
}
RETURN collect(namespace) AS namespaces
