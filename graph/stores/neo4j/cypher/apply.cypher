// What a turn writes. Every statement may run again with the same rows and changes nothing then, but for the count of blocked rows.

// name: apply
// :param given => {tenant: 'default', turn: 1, sequence: 0, version: 0, policy: null, customers: [], accounts: [], members: [], issued: []}
// :param given => {rollups: [], conflicts: [], retired: [], ended: [], changes: [], blocked: 0}
MATCH (t:Tenant {key: $given.tenant})
SET t.turn = $given.turn, t.sequence = $given.sequence, t.registryVersion = $given.version, t.policy = coalesce($given.policy, t.policy),
  t.blocked = coalesce(t.blocked, 0) + $given.blocked
WITH t
CALL () {
  UNWIND $given.customers AS row
  MERGE (c:Customer {key: row.key})
  SET c = row
}
CALL () {
  UNWIND $given.accounts AS row
  MATCH (c:Customer {key: row.customer})
  MERGE (a:WeChatAccount {key: row.key})
  SET a.tenant = $given.tenant
  WITH a, c
  CALL (a, c) {
    MATCH (a)-[former:BELONGS_TO]->(other)
    WHERE other <> c
    DELETE former
  }
  MERGE (a)-[:BELONGS_TO]->(c)
}
// Where members belonged before, if that changes. An account that nobody belongs to any more goes at the end.
CALL () {
  UNWIND $given.members AS row
  MATCH (n:Identifier {key: row.values.key})-[former:BELONGS_TO]->(place)
  WHERE place.key <> row.place
  DELETE former
  WITH DISTINCT place WHERE place:WeChatAccount
  RETURN collect(place) AS deserted
}
CALL () {
  UNWIND $given.members AS row
  MERGE (n:Identifier {key: row.values.key})
  SET n = row.values, n:$(row.label)
  WITH n, row
  CALL (n, row) {
    WITH n, row WHERE row.values.account IS NOT NULL
    MATCH (place:WeChatAccount {key: row.place})
    MERGE (n)-[:BELONGS_TO]->(place)
  }
  CALL (n, row) {
    WITH n, row WHERE row.values.account IS NULL
    MATCH (place:Customer {key: row.place})
    MERGE (n)-[:BELONGS_TO]->(place)
  }
}
CALL () {
  UNWIND $given.issued AS row
  MATCH (o:Identifier {key: row.key})
  WHERE NOT EXISTS { (o)<-[:ISSUED]-() }
  MATCH (p:Touchpoint {key: row.touchpoint})
  CREATE (p)-[:ISSUED]->(o)
}
// A roll-up is one relationship per end; one that counts nowhere is a loop at who said it. It is drawn anew as a whole.
CALL () {
  UNWIND $given.rollups AS row
  MERGE (a:Identifier {key: row.a})
  ON CREATE SET a.tenant = $given.tenant
  WITH a, row
  CALL (a, row) {
    MATCH (a)-[former:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]->()
    WHERE former.key = row.key
    DELETE former
  }
  UNWIND row.links AS link
  MERGE (b:Identifier {key: link.end})
  ON CREATE SET b.tenant = $given.tenant
  CREATE (a)-[r:$(row.said)]->(b)
  SET r = link.values
}
CALL () {
  UNWIND $given.conflicts AS row
  MERGE (c:Conflict {key: row.key})
  SET c = row
  WITH c, row
  UNWIND row.about AS key
  MATCH (n:Identifier {key: key})
  MERGE (c)-[r:ABOUT]->(n)
  SET r.conflict = row.key, r.state = row.state, r.kind = row.kind, r.touchpoint = CASE WHEN n:OpenID THEN n.scope END
}
// An identifier that no evidence names any more. Its bare key stays, with the OpenID by which it is followed; one without, while a roll-up
// or a conflict still hangs on it.
CALL () {
  UNWIND $given.retired AS key
  MATCH (n:Identifier {key: key})
  WHERE n.tenant = $given.tenant
  CALL (n) {
    MATCH (n)<-[former:ISSUED]-()
    DELETE former
  }
  CALL (n) {
    MATCH (n)-[former:BELONGS_TO]->(place)
    DELETE former
    RETURN collect(CASE WHEN place:WeChatAccount THEN place END) AS places
  }
  REMOVE n:OpenID:UnionID:ExternalID
  SET n = {key: key, tenant: $given.tenant, witness: n.witness}
  WITH n, places
  CALL (n) {
    WITH n WHERE n.witness IS NULL AND NOT EXISTS { (n)--() }
    DELETE n
  }
  UNWIND places AS place
  RETURN collect(DISTINCT place) AS left_behind
}
CALL (deserted, left_behind) {
  UNWIND deserted + left_behind AS a
  WITH DISTINCT a WHERE NOT EXISTS { (a)<-[:BELONGS_TO]-() }
  DETACH DELETE a
}
CALL () {
  UNWIND $given.ended AS key
  MATCH (c:Customer {key: key})
  WHERE c.tenant = $given.tenant
  DETACH DELETE c
}
CALL () {
  UNWIND $given.changes AS row
  MERGE (c:Change {tenant: $given.tenant, sequence: row.sequence})
  SET c = row
}

// name: erase
// :param given => {tenant: 'default', forgotten: [], erased: []}
// Roll-ups as if they had never been, every conflict about an identifier, and by whom it would be followed. The identifiers themselves
// are retired by `apply`.
CALL () {
  UNWIND $given.forgotten AS row
  MATCH (a:Identifier {key: row.a})
  WHERE a.tenant = $given.tenant
  MATCH (a)-[r:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]->()
  WHERE r.key = row.key
  DELETE r
}
CALL () {
  UNWIND $given.erased AS key
  MATCH (n:Identifier {key: key})<-[:ABOUT]-(c:Conflict)
  WHERE n.tenant = $given.tenant
  DETACH DELETE c
}
CALL () {
  UNWIND $given.erased AS key
  CALL (key) {
    MATCH (n:Identifier {key: key}) RETURN n
    UNION
    MATCH (n:Identifier {witness: key}) WHERE n.customer IS NULL RETURN n
  }
  WITH n WHERE n.tenant = $given.tenant
  REMOVE n.witness
  WITH n WHERE n.customer IS NULL AND NOT EXISTS { (n)--() }
  DELETE n
}

// name: pass
// :param given => {tenant: 'default', turn: 1}
// A turn in which nothing was written.
MATCH (t:Tenant {key: $given.tenant})
SET t.turn = $given.turn

// name: put
// :param given => {rows: []}
// The same for every label: Job stands for any.
UNWIND $given.rows AS row
MERGE (n:Job {key: row.key})
SET n = row

// name: drop
// :param given => {tenant: 'default', keys: []}
UNWIND $given.keys AS key
MATCH (n:Job {key: key})
WHERE n.tenant = $given.tenant
DETACH DELETE n

// name: rewire
// :param given => {tenant: 'default', owns: [], operates: [], related: [], binds: []}
// The registry's relationships, for people who explore: drawn anew whenever one of its nodes changes. What counts are the nodes.
CALL () {
  MATCH (:Entity {tenant: $given.tenant})-[r:OWNS|OPERATES|RELATED_TO]->()
  DELETE r
}
CALL () {
  MATCH (:OpenPlatform {tenant: $given.tenant})-[r:BINDS]->()
  DELETE r
}
CALL () {
  UNWIND $given.owns AS row
  MATCH (a:Entity {key: row.a})
  MATCH (b:OpenPlatform {key: row.b})
  CREATE (a)-[:OWNS]->(b)
}
CALL () {
  UNWIND $given.operates AS row
  MATCH (a:Entity {key: row.a})
  MATCH (b:Touchpoint {key: row.b})
  CREATE (a)-[:OPERATES]->(b)
}
CALL () {
  UNWIND $given.related AS row
  MATCH (a:Entity {key: row.a})
  MATCH (b:Entity {key: row.b})
  CREATE (a)-[r:RELATED_TO]->(b)
  SET r = row.values
}
CALL () {
  UNWIND $given.binds AS row
  MATCH (a:OpenPlatform {key: row.a})
  MATCH (b:Touchpoint {key: row.b})
  CREATE (a)-[r:BINDS]->(b)
  SET r = row.values
}
