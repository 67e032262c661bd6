-- From layout 3 to layout 4.
ALTER TABLE campaign ADD COLUMN control TEXT NOT NULL DEFAULT 'running';
ALTER TABLE campaign ADD COLUMN why TEXT;
ALTER TABLE campaign ADD COLUMN window TEXT;
ALTER TABLE campaign ADD COLUMN opt_outs TEXT;
ALTER TABLE campaign ADD COLUMN at REAL;
ALTER TABLE campaign ADD COLUMN forgotten REAL;

-- A CHECK can be changed in a new table only.
DROP INDEX chunk_to_send;
DROP INDEX chunk_by_batch;
DROP INDEX chunk_by_find;
DROP INDEX chunk_with_doubles;
ALTER TABLE chunk RENAME TO chunk_3;
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
INSERT INTO chunk
    (campaign, number, size, international, credits, round, state, attempt, owner, began,
     lease, batch_id, error, reopenable, found, resent, lease_seconds, ahead, restored, doubles)
    SELECT campaign, number, size, international, credits, round, state, attempt, owner, began,
        lease, batch_id, error, reopenable, found, resent, lease_seconds, ahead, restored, doubles
    FROM chunk_3;
DROP TABLE chunk_3;

DROP TRIGGER event_is_not_changed;
-- Only the detail may go, which can quote a number or a text.
CREATE TRIGGER event_is_not_changed BEFORE UPDATE ON event
    WHEN new.detail != '' OR
        (new.key, new.campaign, new.number, new.at, new.attempt, new.owner, new.what) IS NOT
        (old.key, old.campaign, old.number, old.at, old.attempt, old.owner, old.what)
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
