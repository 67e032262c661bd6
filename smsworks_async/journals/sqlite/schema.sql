-- The tables of a journal, layout 5. A change of it needs a new layout: raise VERSION in file.py, and
-- write layout_N.sql, which leads from the layout before it to layout N.

CREATE TABLE campaign (
    key         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    message     TEXT NOT NULL,              -- JSON: what all messages share
    chunk_size  INTEGER NOT NULL,
    deduplicate INTEGER NOT NULL,
    created     REAL NOT NULL,              -- POSIX seconds, as all times
    totals      TEXT,                       -- JSON; NULL until it is planned whole
    round       INTEGER NOT NULL DEFAULT 0,
    restored    INTEGER NOT NULL DEFAULT 0,
    control     TEXT NOT NULL DEFAULT 'running',
    why         TEXT,                       -- of the control
    window      TEXT,                       -- JSON: when requests may leave; NULL for always
    opt_outs    TEXT,                       -- the list that it respects; NULL for none
    at          REAL,                       -- when its messages are due; NULL for at once
    forgotten   REAL                        -- when numbers and texts were erased
);

CREATE TABLE chunk (
    campaign INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    international INTEGER NOT NULL,
    credits  REAL NOT NULL,                 -- estimated
    round    INTEGER NOT NULL,
    state    TEXT NOT NULL
        CHECK (state IN ('pending', 'sending', 'accepted', 'rejected', 'unknown', 'split',
                         'skipped', 'cancelled')),
    attempt  INTEGER NOT NULL,
    owner    TEXT NOT NULL,
    began    REAL,
    lease    REAL,
    batch_id TEXT,
    error    TEXT,                          -- JSON
    reopenable INTEGER NOT NULL,
    found    INTEGER NOT NULL,
    resent   INTEGER NOT NULL,
    lease_seconds REAL NOT NULL DEFAULT 0,
    ahead    REAL,                          -- of the provider's clock; NULL where it is not known
    restored INTEGER NOT NULL DEFAULT 0,
    doubles  TEXT,                          -- JSON list of batch ids; NULL where there are none
    left_out TEXT NOT NULL DEFAULT '',      -- positions that the last attempt left out, packed
    opted_out TEXT NOT NULL DEFAULT '',     -- those of them that no request in doubt held, likewise
    excluded INTEGER NOT NULL DEFAULT 0,    -- how many are left out
    opted    INTEGER NOT NULL DEFAULT 0,    -- how many of them are opted out
    PRIMARY KEY (campaign, number)
) WITHOUT ROWID;
CREATE INDEX chunk_to_send ON chunk (campaign, round, number) WHERE state = 'pending';
CREATE INDEX chunk_by_batch ON chunk (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX chunk_by_find ON chunk (batch_id) WHERE found = 1;
CREATE INDEX chunk_with_doubles ON chunk (doubles) WHERE doubles IS NOT NULL;

-- Apart from the chunk, so that a change of state does not write them again.
CREATE TABLE recipients (
    campaign  INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    items     TEXT NOT NULL,
    positions TEXT NOT NULL,
    PRIMARY KEY (campaign, number)
);

CREATE TABLE problem (
    campaign INTEGER NOT NULL,
    position INTEGER NOT NULL,
    value    TEXT NOT NULL,                 -- JSON
    reason   TEXT NOT NULL,
    message  TEXT NOT NULL,
    field    TEXT NOT NULL,
    code     INTEGER,
    PRIMARY KEY (campaign, position)
) WITHOUT ROWID;

-- Which delivery reports were handled, and which are just being handled.
CREATE TABLE seen (
    message_id TEXT NOT NULL,
    status     TEXT NOT NULL,
    at         REAL NOT NULL,
    owner      TEXT,                        -- of a claim; NULL where it was handled
    lease      REAL,                        -- until when the claim holds
    PRIMARY KEY (message_id, status)
) WITHOUT ROWID;

CREATE TABLE event (
    key      INTEGER PRIMARY KEY,
    campaign INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    at       REAL NOT NULL,
    attempt  INTEGER NOT NULL,
    owner    TEXT NOT NULL,
    what     TEXT NOT NULL,
    detail   TEXT NOT NULL
);
-- Only the detail may go, which can quote a number or a text.
CREATE TRIGGER event_is_not_changed BEFORE UPDATE ON event
    WHEN new.detail != '' OR
        (new.key, new.campaign, new.number, new.at, new.attempt, new.owner, new.what) IS NOT
        (old.key, old.campaign, old.number, old.at, old.attempt, old.owner, old.what)
    BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE TRIGGER event_is_not_removed BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'events are only added'); END;

-- Opt-outs and opt-ins, in their order; the last one of a number counts.
CREATE TABLE opt_out (
    key        INTEGER PRIMARY KEY,
    number     TEXT NOT NULL,
    change     TEXT NOT NULL CHECK (change IN ('out', 'in')),
    at         REAL NOT NULL,
    source     TEXT NOT NULL,
    word       TEXT NOT NULL,
    message_id TEXT NOT NULL                -- '' where it came without a message
);
CREATE INDEX opt_out_by_number ON opt_out (number, key);
CREATE UNIQUE INDEX opt_out_by_message ON opt_out (message_id) WHERE message_id != '';
CREATE TRIGGER opt_out_is_not_changed BEFORE UPDATE ON opt_out
    BEGIN SELECT RAISE(ABORT, 'opt-outs are only added'); END;
CREATE TRIGGER opt_out_is_not_removed BEFORE DELETE ON opt_out
    BEGIN SELECT RAISE(ABORT, 'opt-outs are only added'); END;
-- Tells this list from all others.
CREATE TABLE opt_out_list (id TEXT NOT NULL);
INSERT INTO opt_out_list VALUES (lower(hex(randomblob(8))));

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
