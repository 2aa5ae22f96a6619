// The change feed.

// name: feed_end
// :param given => {tenant: 'default'}
MATCH (t:Tenant {key: $given.tenant})
RETURN t.sequence AS last

// name: feed_page
// :param given => {tenant: 'default', after: 0, before: 9007199254740991, limit: 100}
// Backward: DESC for ASC. One more than the page holds tells whether more lies beyond.
MATCH (t:Tenant {key: $given.tenant})
WITH t.sequence AS last
CALL () {
  MATCH (n:Change)
  WHERE n.tenant = $given.tenant AND n.sequence > $given.after AND n.sequence < $given.before
  WITH n ORDER BY n.tenant ASC, n.sequence ASC LIMIT $given.limit + 1
  RETURN collect(properties(n)) AS found
}
RETURN last, size(found) > $given.limit AS hasMore, found[..$given.limit] AS changes

// name: feed_of_customers
// :param given => {tenant: 'default', customers: [['key', 9007199254740991]]}
MATCH (t:Tenant {key: $given.tenant})
CALL () {
  UNWIND $given.customers AS one
  MATCH (n:Change)
  USING INDEX SEEK n:Change(tenant, customerKey, sequence)
  WHERE n.tenant = $given.tenant AND n.customerKey = one[0] AND n.sequence < one[1]
  RETURN collect(properties(n)) AS changes
}
RETURN changes
