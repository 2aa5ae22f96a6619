// What a turn writes. Every statement may run again with the same rows and changes nothing then.

// name: apply
// :params {tenant: 'default', turn: 1, sequence: 0, version: 0, policy: null, customers: [], accounts: [], members: [], issued: []}
// :params {rollups: [], conflicts: [], retired: [], ended: [], changes: []}
MATCH (t:Tenant {key: $tenant})
SET t.turn = $turn, t.sequence = $sequence, t.registryVersion = $version, t.policy = coalesce($policy, t.policy)
WITH t
CALL () {
  UNWIND $customers AS row
  MERGE (c:Customer {key: row.key})
  SET c = row
}
CALL () {
  UNWIND $accounts AS row
  MATCH (c:Customer {key: row.customer})
  MERGE (a:WeChatAccount {key: row.key})
  SET a.tenant = $tenant
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
  UNWIND $members AS row
  MATCH (n:Identifier {key: row.values.key})-[former:BELONGS_TO]->(place)
  WHERE place.key <> row.place
  DELETE former
  WITH DISTINCT place WHERE place:WeChatAccount
  RETURN collect(place) AS deserted
}
CALL () {
  UNWIND $members AS row
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
  UNWIND $issued AS row
  MATCH (o:Identifier {key: row.key})
  WHERE NOT EXISTS { (o)<-[:ISSUED]-() }
  MATCH (p:Touchpoint {key: row.touchpoint})
  CREATE (p)-[:ISSUED]->(o)
}
// A roll-up is one relationship per end; one that counts nowhere is a loop at who said it.
CALL () {
  UNWIND $rollups AS row
  MERGE (a:Identifier {key: row.a})
  ON CREATE SET a.tenant = $tenant
  WITH a, row
  CALL (a, row) {
    MATCH (a)-[former:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]->(b)
    WHERE former.key = row.key AND NOT b.key IN row.ends
    DELETE former
  }
  UNWIND row.links AS link
  MERGE (b:Identifier {key: link.end})
  ON CREATE SET b.tenant = $tenant
  MERGE (a)-[r:$(row.said) {key: row.key}]->(b)
  SET r = link.values
}
CALL () {
  UNWIND $conflicts AS row
  MERGE (c:Conflict {key: row.key})
  SET c = row
  WITH c, row
  UNWIND row.about AS key
  MATCH (n:Identifier {key: key})
  MERGE (c)-[r:ABOUT]->(n)
  SET r.conflict = row.key, r.touchpoint = CASE WHEN n:OpenID THEN n.scope END
}
// An identifier that no evidence names any more. While a roll-up or a conflict still hangs on it, its bare key stays.
CALL () {
  UNWIND $retired AS key
  MATCH (n:Identifier {key: key})
  WHERE n.tenant = $tenant
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
  SET n = {key: key, tenant: $tenant}
  WITH n, places
  CALL (n) {
    WITH n WHERE NOT EXISTS { (n)--() }
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
  UNWIND $ended AS key
  MATCH (c:Customer {key: key})
  WHERE c.tenant = $tenant
  DETACH DELETE c
}
CALL () {
  UNWIND $changes AS row
  MERGE (c:Change {tenant: $tenant, sequence: row.sequence})
  SET c = row
}

// name: put
// :params {rows: []}
// The same for every label: Job stands for any.
UNWIND $rows AS row
MERGE (n:Job {key: row.key})
SET n = row

// name: drop
// :params {tenant: 'default', keys: []}
UNWIND $keys AS key
MATCH (n:Job {key: key})
WHERE n.tenant = $tenant
DETACH DELETE n

// name: rewire
// :params {tenant: 'default', owns: [], operates: [], related: [], binds: []}
// The registry's relationships, for people who explore: drawn anew whenever one of its nodes changes. What counts are the nodes.
CALL () {
  MATCH (:Entity {tenant: $tenant})-[r:OWNS|OPERATES|RELATED_TO]->()
  DELETE r
}
CALL () {
  MATCH (:OpenPlatform {tenant: $tenant})-[r:BINDS]->()
  DELETE r
}
CALL () {
  UNWIND $owns AS row
  MATCH (a:Entity {key: row.a}), (b:OpenPlatform {key: row.b})
  CREATE (a)-[:OWNS]->(b)
}
CALL () {
  UNWIND $operates AS row
  MATCH (a:Entity {key: row.a}), (b:Touchpoint {key: row.b})
  CREATE (a)-[:OPERATES]->(b)
}
CALL () {
  UNWIND $related AS row
  MATCH (a:Entity {key: row.a}), (b:Entity {key: row.b})
  CREATE (a)-[r:RELATED_TO]->(b)
  SET r = row.values
}
CALL () {
  UNWIND $binds AS row
  MATCH (a:OpenPlatform {key: row.a}), (b:Touchpoint {key: row.b})
  CREATE (a)-[r:BINDS]->(b)
  SET r = row.values
}
