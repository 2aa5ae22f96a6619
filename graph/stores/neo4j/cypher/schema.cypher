// The schema: one uniqueness constraint per label on `key`, and an index for every way a page is walked or a filter answered.
// Every statement may run again. A change here needs a step in migrate.py, and a new number there.

CREATE CONSTRAINT schema_key IF NOT EXISTS FOR (n:Schema) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT tenant_key IF NOT EXISTS FOR (n:Tenant) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT entity_key IF NOT EXISTS FOR (n:Entity) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT entity_relation_key IF NOT EXISTS FOR (n:EntityRelation) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT open_platform_key IF NOT EXISTS FOR (n:OpenPlatform) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT touchpoint_key IF NOT EXISTS FOR (n:Touchpoint) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT binding_key IF NOT EXISTS FOR (n:Binding) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT limit_override_key IF NOT EXISTS FOR (n:LimitOverride) REQUIRE n.key IS UNIQUE;
// OpenID, UnionID and ExternalID all have this second label: any id of theirs is found by one look-up.
CREATE CONSTRAINT identifier_key IF NOT EXISTS FOR (n:Identifier) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT account_key IF NOT EXISTS FOR (n:WeChatAccount) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT customer_key IF NOT EXISTS FOR (n:Customer) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT conflict_key IF NOT EXISTS FOR (n:Conflict) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT decision_key IF NOT EXISTS FOR (n:Decision) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT quarantined_key IF NOT EXISTS FOR (n:Quarantined) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT job_key IF NOT EXISTS FOR (n:Job) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT api_key_key IF NOT EXISTS FOR (n:ApiKey) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT request_key IF NOT EXISTS FOR (n:Request) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT change_key IF NOT EXISTS FOR (n:Change) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT tombstone_key IF NOT EXISTS FOR (n:Tombstone) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT erasure_receipt_key IF NOT EXISTS FOR (n:ErasureReceipt) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT policy_change_key IF NOT EXISTS FOR (n:PolicyChange) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT change_sequence IF NOT EXISTS FOR (n:Change) REQUIRE (n.tenant, n.sequence) IS UNIQUE;

CREATE INDEX entity_tenant IF NOT EXISTS FOR (n:Entity) ON (n.tenant);
CREATE INDEX entity_relation_tenant IF NOT EXISTS FOR (n:EntityRelation) ON (n.tenant);
CREATE INDEX open_platform_tenant IF NOT EXISTS FOR (n:OpenPlatform) ON (n.tenant);
CREATE INDEX touchpoint_tenant IF NOT EXISTS FOR (n:Touchpoint) ON (n.tenant);
CREATE INDEX binding_tenant IF NOT EXISTS FOR (n:Binding) ON (n.tenant);
CREATE INDEX limit_override_tenant IF NOT EXISTS FOR (n:LimitOverride) ON (n.tenant);

// Everybody of a tenant, for exports and rebuilds.
CREATE INDEX identifier_page IF NOT EXISTS FOR (n:Identifier) ON (n.tenant, n.key);
// A touchpoint's OpenIDs page by this one, never by expanding ISSUED: 301 hits a page of 100 against half a million.
CREATE INDEX open_id_page IF NOT EXISTS FOR (n:OpenID) ON (n.scope, n.key);
// Which customers used a touchpoint, in the order of customers.
CREATE INDEX open_id_customer IF NOT EXISTS FOR (n:OpenID) ON (n.scope, n.customer);
// Decisions mean a UnionID by its text, in every scope.
CREATE INDEX union_id_text IF NOT EXISTS FOR (n:UnionID) ON (n.textKey);

CREATE INDEX customer_page IF NOT EXISTS FOR (n:Customer) ON (n.tenant, n.key);
CREATE INDEX customer_filter IF NOT EXISTS FOR (n:Customer) ON (n.tenant, n.state, n.hasConflict, n.key);
CREATE INDEX customer_seen IF NOT EXISTS FOR (n:Customer) ON (n.tenant, n.lastSeenAt);

CREATE INDEX conflict_page IF NOT EXISTS FOR (n:Conflict) ON (n.tenant, n.key);
CREATE INDEX conflict_filter IF NOT EXISTS FOR (n:Conflict) ON (n.tenant, n.state, n.kind, n.key);
CREATE INDEX conflict_namespace_filter IF NOT EXISTS FOR (n:Conflict) ON (n.tenant, n.namespace, n.state, n.kind, n.key);
CREATE INDEX about_filter IF NOT EXISTS FOR ()-[r:ABOUT]-() ON (r.touchpoint, r.state, r.kind, r.conflict);

// Claims and migrations that count nowhere now, what took them back, and resolutions that count nowhere, by what they name.
CREATE INDEX resolved_loose IF NOT EXISTS FOR ()-[r:RESOLVED_AS]-() ON (r.loose);
CREATE INDEX migrated_loose IF NOT EXISTS FOR ()-[r:MIGRATED_TO]-() ON (r.loose);
CREATE INDEX claims_loose IF NOT EXISTS FOR ()-[r:CLAIMS]-() ON (r.loose);
CREATE INDEX unlinked_loose IF NOT EXISTS FOR ()-[r:UNLINKED]-() ON (r.loose);

// A customer's history goes back through the customers that its members were in before.
CREATE INDEX change_customer IF NOT EXISTS FOR (n:Change) ON (n.tenant, n.customerKey, n.sequence);
// UnionIDs and external ids that nothing names any more, by the OpenID that stands for them.
CREATE INDEX identifier_witness IF NOT EXISTS FOR (n:Identifier) ON (n.witness);
// A step of an explanation names the roll-up that it rests on.
CREATE INDEX resolved_key IF NOT EXISTS FOR ()-[r:RESOLVED_AS]-() ON (r.key);
CREATE INDEX migrated_key IF NOT EXISTS FOR ()-[r:MIGRATED_TO]-() ON (r.key);
CREATE INDEX claims_key IF NOT EXISTS FOR ()-[r:CLAIMS]-() ON (r.key);

CREATE INDEX decision_page IF NOT EXISTS FOR (n:Decision) ON (n.tenant, n.key);
CREATE INDEX decision_revoked IF NOT EXISTS FOR (n:Decision) ON (n.tenant, n.isRevoked, n.key);
CREATE INDEX decision_a IF NOT EXISTS FOR (n:Decision) ON (n.tenant, n.a);
CREATE INDEX decision_b IF NOT EXISTS FOR (n:Decision) ON (n.tenant, n.b);
CREATE INDEX quarantined_page IF NOT EXISTS FOR (n:Quarantined) ON (n.tenant, n.key);
CREATE INDEX quarantined_app IF NOT EXISTS FOR (n:Quarantined) ON (n.tenant, n.appId, n.key);
CREATE INDEX tombstone_page IF NOT EXISTS FOR (n:Tombstone) ON (n.tenant, n.key);
CREATE INDEX erasure_receipt_page IF NOT EXISTS FOR (n:ErasureReceipt) ON (n.tenant, n.key);
CREATE INDEX job_page IF NOT EXISTS FOR (n:Job) ON (n.tenant, n.key);
CREATE INDEX job_filter IF NOT EXISTS FOR (n:Job) ON (n.tenant, n.state, n.kind, n.key);
CREATE INDEX job_touchpoint IF NOT EXISTS FOR (n:Job) ON (n.tenant, n.touchpointKey, n.state, n.kind, n.key);
CREATE INDEX job_state IF NOT EXISTS FOR (n:Job) ON (n.state, n.leaseUntil);
CREATE INDEX api_key_page IF NOT EXISTS FOR (n:ApiKey) ON (n.tenant, n.key);
CREATE INDEX api_key_digest IF NOT EXISTS FOR (n:ApiKey) ON (n.digest);
CREATE INDEX request_made IF NOT EXISTS FOR (n:Request) ON (n.made);
CREATE INDEX policy_change_page IF NOT EXISTS FOR (n:PolicyChange) ON (n.tenant, n.key);
CREATE INDEX external_id_namespace IF NOT EXISTS FOR (n:ExternalID) ON (n.tenant, n.scope);

// Version 3 walks others in place of these.
DROP INDEX customer_state IF EXISTS;
DROP INDEX customer_conflict IF EXISTS;
DROP INDEX conflict_state IF EXISTS;
DROP INDEX conflict_namespace IF EXISTS;
DROP INDEX about_touchpoint IF EXISTS;
