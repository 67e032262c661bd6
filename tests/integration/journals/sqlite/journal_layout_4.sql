-- A journal as the version before layout 5 wrote it (layout 4), otherwise as that of layout 3.
PRAGMA application_id = 1397576535;
PRAGMA user_version = 4;
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
    round       INTEGER NOT NULL DEFAULT 0,
    restored    INTEGER NOT NULL DEFAULT 0
, control TEXT NOT NULL DEFAULT 'running', why TEXT, window TEXT, opt_outs TEXT, at REAL, forgotten REAL);
INSERT INTO "campaign" VALUES(1,'x','send','{"sender": "AcmeCorp", "content": "Hello", "ai": false}',2,1,1900000000.0,'{"read": 11, "set_aside": {"invalid": 1, "duplicate": 0}, "chunks": 5}',0,0,'running',NULL,NULL,NULL,NULL,NULL);
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
INSERT INTO "chunk" VALUES(1,0,2,0,2.0,0,'accepted',1,'host:1:a:1',1900000001.0,1900000046.0,'11',NULL,0,0,0,45.0,0.5,0,'["12"]','','',0,0);
INSERT INTO "chunk" VALUES(1,1,2,0,2.0,0,'sending',1,'host:1:a:4',1900000004.0,1900000049.0,NULL,NULL,0,0,0,45.0,0.5,0,NULL,'','',0,0);
INSERT INTO "chunk" VALUES(1,2,2,0,2.0,0,'rejected',1,'host:1:a:2',1900000002.0,1900000047.0,NULL,'{"error": "InsufficientCredit", "message": "no credit", "status": 402, "code": 4021, "permanent": false}',1,0,0,45.0,0.5,0,NULL,'','',0,0);
INSERT INTO "chunk" VALUES(1,3,2,0,2.0,0,'pending',0,'',NULL,NULL,NULL,NULL,0,0,0,0.0,NULL,0,NULL,'','',0,0);
INSERT INTO "chunk" VALUES(1,4,2,1,4.0,0,'accepted',1,'host:1:a:3',1900000003.0,1900000048.0,'13',NULL,0,0,0,45.0,0.5,0,NULL,'','',0,0);
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
INSERT INTO "event" VALUES(4,1,3,1900000000.0,0,'','planned','');
INSERT INTO "event" VALUES(5,1,4,1900000000.0,0,'','planned','');
INSERT INTO "event" VALUES(6,1,0,1900000001.0,1,'host:1:a:1','started','');
INSERT INTO "event" VALUES(7,1,0,1900000001.0,1,'host:1:a:1','accepted','11');
INSERT INTO "event" VALUES(8,1,0,1900000001.0,1,'host:1:a:1','accepted a second time','12');
INSERT INTO "event" VALUES(9,1,2,1900000002.0,1,'host:1:a:2','started','');
INSERT INTO "event" VALUES(10,1,2,1900000002.0,1,'host:1:a:2','rejected','no credit [code 4021] (buy credits, then send what was not sent)');
INSERT INTO "event" VALUES(11,1,4,1900000003.0,1,'host:1:a:3','started','');
INSERT INTO "event" VALUES(12,1,4,1900000003.0,1,'host:1:a:3','accepted','13');
INSERT INTO "event" VALUES(13,1,1,1900000004.0,1,'host:1:a:4','started','');
CREATE TABLE opt_out (
    key        INTEGER PRIMARY KEY,
    number     TEXT NOT NULL,
    change     TEXT NOT NULL CHECK (change IN ('out', 'in')),
    at         REAL NOT NULL,
    source     TEXT NOT NULL,
    word       TEXT NOT NULL,
    message_id TEXT NOT NULL                -- '' where it came without a message
);
INSERT INTO "opt_out" VALUES(1,'447700900999','out',1900000060.0,'webhook','STOP','9');
CREATE TABLE opt_out_list (id TEXT NOT NULL);
INSERT INTO "opt_out_list" VALUES('225d73591d136c9c');
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
INSERT INTO "problem" VALUES(1,10,'"nobody"','invalid','it is no number','destination',4004);
CREATE TABLE recipients (
    campaign  INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    items     TEXT NOT NULL,
    positions TEXT NOT NULL,
    PRIMARY KEY (campaign, number)
);
INSERT INTO "recipients" VALUES(1,0,'447700900000,447700900001','0-1');
INSERT INTO "recipients" VALUES(1,1,'447700900002,447700900003','2-3');
INSERT INTO "recipients" VALUES(1,2,'447700900004,447700900005','4-5');
INSERT INTO "recipients" VALUES(1,3,'447700900006,447700900007','6-7');
INSERT INTO "recipients" VALUES(1,4,'33100000001,33100000002','8-9');
CREATE TABLE seen (
    message_id TEXT NOT NULL,
    status     TEXT NOT NULL,
    at         REAL NOT NULL,
    owner      TEXT,                        -- of a claim; NULL where it was handled
    lease      REAL,                        -- until when the claim holds
    PRIMARY KEY (message_id, status)
) WITHOUT ROWID;
INSERT INTO "seen" VALUES('1','DELIVERED',1900000004.0,'me',1900000064.0);
INSERT INTO "seen" VALUES('1','SENT',1900000004.0,NULL,NULL);
CREATE TRIGGER event_is_not_removed BEFORE DELETE ON event
    BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE INDEX chunk_to_send ON chunk (campaign, round, number) WHERE state = 'pending';
CREATE INDEX chunk_by_batch ON chunk (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX chunk_by_find ON chunk (batch_id) WHERE found = 1;
CREATE INDEX chunk_with_doubles ON chunk (doubles) WHERE doubles IS NOT NULL;
CREATE TRIGGER event_is_not_changed BEFORE UPDATE ON event
    WHEN new.detail != '' OR
        (new.key, new.campaign, new.number, new.at, new.attempt, new.owner, new.what) IS NOT
        (old.key, old.campaign, old.number, old.at, old.attempt, old.owner, old.what)
    BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE INDEX opt_out_by_number ON opt_out (number, key);
CREATE UNIQUE INDEX opt_out_by_message ON opt_out (message_id) WHERE message_id != '';
CREATE TRIGGER opt_out_is_not_changed BEFORE UPDATE ON opt_out
    BEGIN SELECT RAISE(ABORT, 'opt-outs are only added'); END;
CREATE TRIGGER opt_out_is_not_removed BEFORE DELETE ON opt_out
    BEGIN SELECT RAISE(ABORT, 'opt-outs are only added'); END;
COMMIT;
