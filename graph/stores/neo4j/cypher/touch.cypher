// Moving times only: most traffic is a login that was seen before.

// name: touch
// :param given => {tenant: 'default', version: 1, touches: []}
// Which touches may be applied follows from what is stored alone, so a batch may name an OpenID twice; then the sums are written.
MATCH (t:Tenant {key: $given.tenant})
SET t.locked = true
WITH t WHERE t.registryVersion = $given.version
UNWIND $given.touches AS row
MATCH (o:Identifier {key: row.openId})
WHERE o.tenant = $given.tenant AND o.customer IS NOT NULL
MATCH (o)-[r:SEEN|RESOLVED_AS|MIGRATED_TO|CLAIMS|UNLINKED]->(e)
WHERE r.key IN row.rollups
WITH row, o, collect(r) AS links, collect(DISTINCT e) AS ends
WHERE all(s IN row.sightings WHERE any(r IN links
  WHERE r.key = s[0] AND r.settled AND r.firstSeenAt <= row.at AND s[1] <= r.lastSeenAt AND r.lastSeenAt < s[2]))
  AND none(e IN ends WHERE e.key IN row.valued AND e.value IS NULL)
WITH collect({at: row.at, o: o, links: links, ends: ends, index: row.index}) AS good
CALL (good) {
  UNWIND good AS one
  UNWIND one.links AS r
  WITH r, count(*) AS times, max(one.at) AS at
  SET r.times = r.times + times, r.lastSeenAt = CASE WHEN at > r.lastSeenAt THEN at ELSE r.lastSeenAt END
}
CALL (good) {
  UNWIND good AS one
  WITH one.o AS o, count(*) AS times
  SET o.times = o.times + times
}
CALL (good) {
  UNWIND good AS one
  UNWIND one.ends + [one.o] AS n
  WITH n, max(one.at) AS at
  WHERE at > n.lastSeenAt
  SET n.lastSeenAt = at
}
CALL (good) {
  UNWIND good AS one
  UNWIND one.ends + [one.o] AS n
  WITH n.customer AS key, max(one.at) AS at
  MATCH (c:Customer {key: key})
  WHERE at > c.lastSeenAt
  SET c.lastSeenAt = at
}
RETURN [one IN good | [one.index, one.o.customer]] AS applied
