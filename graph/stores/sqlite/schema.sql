-- Everything of one UnionGraph store. Times are milliseconds since 1970 in UTC; keys are 22 characters (graph/keys.py); yes and no are 1 and 0.
-- Every table begins with the tenant, and so does every index but those that serve all tenants at once.
-- A change of this file is a new step in migrate.py: what is written here has been applied to somebody's data.

CREATE TABLE store (
    only_row    INTEGER PRIMARY KEY CHECK (only_row = 1),
    fingerprint TEXT NOT NULL  -- of the secret that all keys were made with
) STRICT;

CREATE TABLE tenant (
    id               INTEGER PRIMARY KEY,
    name             TEXT NOT NULL UNIQUE,
    turn             INTEGER NOT NULL DEFAULT 0,  -- writing turns so far
    sequence         INTEGER NOT NULL DEFAULT 0,  -- the last change's number
    registry_version INTEGER NOT NULL DEFAULT 0,
    policy           TEXT                         -- the identity policy as JSON; null: the default one
) STRICT;

-- OpenIDs, UnionIDs and external ids, each with the account and customer derived for it.
CREATE TABLE identifier (
    tenant   INTEGER NOT NULL,
    key      TEXT NOT NULL,
    label    TEXT NOT NULL,     -- OpenID, UnionID, ExternalID
    scope    TEXT NOT NULL,     -- its touchpoint's key, its Open Platform's key, its namespace
    value    TEXT,              -- null in sensitive namespaces
    text_key TEXT,              -- UnionID: the key of its text in every scope
    account  TEXT,              -- the seed of its WeChatAccount
    customer TEXT NOT NULL,     -- the seed of its Customer
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    times    INTEGER NOT NULL,
    crowded  TEXT NOT NULL,     -- what makes it generic; empty where it is not
    turn     INTEGER NOT NULL,  -- the turn that wrote it
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX identifier_customer ON identifier (tenant, customer);
CREATE INDEX identifier_text ON identifier (tenant, text_key) WHERE text_key IS NOT NULL;
CREATE INDEX open_id_page ON identifier (tenant, scope, key) WHERE label = 'OpenID';
CREATE INDEX open_id_customer ON identifier (tenant, scope, customer) WHERE label = 'OpenID';

CREATE TABLE customer (
    tenant       INTEGER NOT NULL,
    key          TEXT NOT NULL,
    first        INTEGER NOT NULL,
    last         INTEGER NOT NULL,
    state        TEXT NOT NULL,     -- PROVISIONAL, IDENTIFIED
    has_conflict INTEGER NOT NULL,
    has_shed     INTEGER NOT NULL,
    turn         INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX customer_last ON customer (tenant, last);
CREATE INDEX customer_state ON customer (tenant, state, key);
CREATE INDEX customer_conflict ON customer (tenant, state, key) WHERE has_conflict = 1;

-- What was said about one pair, from one source.
CREATE TABLE evidence (
    tenant     INTEGER NOT NULL,
    key        TEXT NOT NULL,
    said       TEXT NOT NULL,     -- SEEN, RESOLVED_AS, MIGRATED_TO, CLAIMS, UNLINKED
    a          TEXT NOT NULL,
    b          TEXT NOT NULL,     -- SEEN: a again; RESOLVED_AS: the key of the UnionID's text; else an identifier
    source     TEXT NOT NULL,
    first      INTEGER NOT NULL,
    last       INTEGER NOT NULL,
    times      INTEGER NOT NULL,
    text       TEXT NOT NULL,     -- RESOLVED_AS: the UnionID as WeChat wrote it
    settled    INTEGER NOT NULL,  -- a touch may move it
    version    INTEGER NOT NULL,  -- of the registry it was scoped under
    touchpoint TEXT,              -- RESOLVED_AS: where its OpenID is from, for the re-scoping job
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX evidence_a ON evidence (tenant, a);
CREATE INDEX evidence_b ON evidence (tenant, b) WHERE said IN ('MIGRATED_TO', 'CLAIMS', 'UNLINKED');
CREATE INDEX evidence_scoped ON evidence (tenant, touchpoint, a, version) WHERE touchpoint IS NOT NULL;

-- The identifiers that a piece of evidence links its `a` to.
CREATE TABLE link (
    tenant   INTEGER NOT NULL,
    evidence TEXT NOT NULL,
    b        TEXT NOT NULL,
    a        TEXT NOT NULL,
    live     INTEGER NOT NULL,  -- raw components hang together by it
    PRIMARY KEY (tenant, evidence, b)
) STRICT, WITHOUT ROWID;

CREATE INDEX link_b ON link (tenant, b, a);

CREATE TABLE conflict (
    tenant        INTEGER NOT NULL,
    key           TEXT NOT NULL,
    kind          TEXT NOT NULL,
    state         TEXT NOT NULL,  -- OPEN, RESOLVED
    refused_count INTEGER,        -- null: counted when read
    opened        INTEGER NOT NULL,
    resolved      INTEGER,
    links         TEXT NOT NULL,  -- as JSON: what it is about, the refused link, the kept ones
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX conflict_state ON conflict (tenant, state, kind, key);

-- The identifiers that a conflict names, and the touchpoints whose OpenIDs it is about.
CREATE TABLE conflict_mention (
    tenant     INTEGER NOT NULL,
    conflict   TEXT NOT NULL,
    identifier TEXT NOT NULL,
    is_about   INTEGER NOT NULL,
    PRIMARY KEY (tenant, conflict, identifier)
) STRICT, WITHOUT ROWID;

CREATE INDEX conflict_about ON conflict_mention (tenant, identifier, conflict) WHERE is_about = 1;

CREATE TABLE conflict_touchpoint (
    tenant     INTEGER NOT NULL,
    touchpoint TEXT NOT NULL,
    state      TEXT NOT NULL,
    kind       TEXT NOT NULL,
    conflict   TEXT NOT NULL,
    PRIMARY KEY (tenant, touchpoint, state, kind, conflict)
) STRICT, WITHOUT ROWID;

CREATE INDEX conflict_touchpoint_of ON conflict_touchpoint (tenant, conflict);

-- The feed.
CREATE TABLE change (
    tenant   INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    body     TEXT NOT NULL,  -- as JSON
    PRIMARY KEY (tenant, sequence)
) STRICT, WITHOUT ROWID;

-- Everything else that is looked up by its key: the registry, jobs, quarantined rows, API keys, decisions.
CREATE TABLE node (
    tenant INTEGER NOT NULL,
    label  TEXT NOT NULL,
    key    TEXT NOT NULL,
    body   TEXT NOT NULL,  -- as JSON, by the field names of its class
    PRIMARY KEY (tenant, label, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_state ON node (tenant, body ->> 'state', body ->> 'kind', key) WHERE label = 'Job';
CREATE INDEX job_touchpoint ON node (tenant, body ->> 'touchpoint_key', body ->> 'state', body ->> 'kind', key) WHERE label = 'Job';
CREATE INDEX job_lease ON node (body ->> 'lease_until') WHERE label = 'Job' AND body ->> 'state' IN ('QUEUED', 'RUNNING', 'WAITING_FOR_QUOTA');
CREATE INDEX quarantined_row ON node (tenant, key) WHERE label = 'Quarantined' AND body ->> 'row' <> '';
CREATE INDEX quarantined_app ON node (tenant, body ->> 'app_id', key) WHERE label = 'Quarantined' AND body ->> 'row' <> '';
CREATE INDEX api_key_digest ON node (body ->> 'digest') WHERE label = 'ApiKey';
CREATE INDEX decision_a ON node (tenant, body ->> 'a') WHERE label = 'Decision' AND body ->> 'revoked' IS NULL;
CREATE INDEX decision_b ON node (tenant, body ->> 'b') WHERE label = 'Decision' AND body ->> 'revoked' IS NULL;
