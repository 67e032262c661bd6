-- A journal as version 0.1 wrote it (layout 1): one chunk accepted, twice; one being sent; one pending.
PRAGMA application_id = 1397576535;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE campaign (
    key         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    message     TEXT NOT NULL,              -- JSON: what all messages share
    chunk_size  INTEGER NOT NULL,
    deduplicate INTEGER NOT NULL,
    created     REAL NOT NULL,              -- POSIX seconds, as all times
    totals      TEXT,                       -- JSON; NULL until it is planned whole
    round       INTEGER NOT NULL DEFAULT 0
);
INSERT INTO "campaign" VALUES(1,'x','send','{"sender": "AcmeCorp", "content": "Hello"}',2,1,1900000000.0,NULL,0);
CREATE TABLE chunk (
    campaign INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    abroad   INTEGER NOT NULL,
    credits  REAL NOT NULL,                 -- estimated
    round    INTEGER NOT NULL,
    state    TEXT NOT NULL
        CHECK (state IN ('pending', 'sending', 'accepted', 'rejected', 'unknown', 'split')),
    attempt  INTEGER NOT NULL,
    owner    TEXT NOT NULL,
    began    REAL,
    lease    REAL,
    batch_id TEXT,
    error    TEXT,                          -- JSON
    again    INTEGER NOT NULL,
    found    INTEGER NOT NULL,
    resent   INTEGER NOT NULL,
    PRIMARY KEY (campaign, number)
) WITHOUT ROWID;
INSERT INTO "chunk" VALUES(1,0,2,0,2.0,0,'accepted',1,'host:1:abc',1900000000.0,1900000038.5,'1',NULL,0,0,0);
INSERT INTO "chunk" VALUES(1,1,2,1,4.0,0,'sending',1,'host:1:abc',1900000000.0,1900000038.5,NULL,NULL,0,0,0);
INSERT INTO "chunk" VALUES(1,2,1,0,1.0,0,'pending',0,'',NULL,NULL,NULL,NULL,0,0,0);
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
INSERT INTO "event" VALUES(1,1,0,1900000000.0,0,'','planned','');
INSERT INTO "event" VALUES(2,1,1,1900000000.0,0,'','planned','');
INSERT INTO "event" VALUES(3,1,2,1900000000.0,0,'','planned','');
INSERT INTO "event" VALUES(4,1,0,1900000000.0,1,'host:1:abc','started','');
INSERT INTO "event" VALUES(5,1,0,1900000000.0,1,'host:1:abc','accepted','1');
INSERT INTO "event" VALUES(6,1,0,1900000000.0,1,'host:1:abc','accepted a second time','2');
INSERT INTO "event" VALUES(7,1,1,1900000000.0,1,'host:1:abc','started','');
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
CREATE TABLE recipients (
    campaign  INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    items     TEXT NOT NULL,
    positions TEXT NOT NULL,
    PRIMARY KEY (campaign, number)
);
INSERT INTO "recipients" VALUES(1,0,'a,b','0-1');
INSERT INTO "recipients" VALUES(1,1,'c,d','2,4');
INSERT INTO "recipients" VALUES(1,2,'e','5');
CREATE TABLE seen (
    message_id TEXT NOT NULL,
    status     TEXT NOT NULL,
    at         REAL NOT NULL,
    PRIMARY KEY (message_id, status)
) WITHOUT ROWID;
CREATE INDEX chunk_to_send ON chunk (campaign, round, number) WHERE state = 'pending';
CREATE INDEX chunk_by_batch ON chunk (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX chunk_by_find ON chunk (batch_id) WHERE found = 1;
CREATE TRIGGER event_is_not_changed BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE TRIGGER event_is_not_removed BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
COMMIT;
