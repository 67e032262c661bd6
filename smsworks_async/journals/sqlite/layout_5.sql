-- From layout 4 to layout 5.
-- Idempotency keys, each a chunk of one request. Neither a key nor a number or text is in it.
CREATE TABLE idempotency_key (
    key_hash TEXT NOT NULL PRIMARY KEY,
    operation TEXT NOT NULL,
    fields   TEXT NOT NULL,                 -- JSON: a hash of each field
    found_by TEXT NOT NULL CHECK (found_by IN ('mark', 'recipients', 'nothing')),
    answer   TEXT NOT NULL,                 -- JSON: what is known of it
    changed  REAL NOT NULL,
    state    TEXT NOT NULL
        CHECK (state IN ('pending', 'sending', 'accepted', 'rejected', 'unknown')),
    attempt  INTEGER NOT NULL,
    owner    TEXT NOT NULL,
    began    REAL,
    lease    REAL,
    lease_seconds REAL NOT NULL,
    ahead    REAL,
    batch_id TEXT,                          -- or the message's id
    error    TEXT,                          -- JSON, without what the API said
    reopenable INTEGER NOT NULL,
    found    INTEGER NOT NULL,
    resent   INTEGER NOT NULL,
    restored INTEGER NOT NULL,
    doubles  TEXT
) WITHOUT ROWID;
CREATE INDEX key_by_message ON idempotency_key (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX key_by_find ON idempotency_key (batch_id) WHERE found = 1;
CREATE INDEX key_with_doubles ON idempotency_key (doubles) WHERE doubles IS NOT NULL;
CREATE INDEX key_in_doubt ON idempotency_key (state) WHERE state IN ('sending', 'unknown');
