-- The tables of a journal in PostgreSQL, layout 1. A change of it needs a new layout: raise VERSION in
-- layout.py, and write layout_N.sql, which leads from the layout before it to layout N.
-- Times are POSIX seconds. What is JSON is kept as text: it is read whole, and by Python alone.

CREATE TABLE smsworks.layout (version integer NOT NULL);

CREATE TABLE smsworks.campaign (
    key         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          text COLLATE "C" NOT NULL UNIQUE,
    kind        text NOT NULL,
    message     text NOT NULL,              -- JSON: what all messages share
    chunk_size  integer NOT NULL,
    deduplicate boolean NOT NULL,
    created     double precision NOT NULL,
    totals      text,                       -- JSON; NULL until it is planned whole
    round       integer NOT NULL DEFAULT 0,
    restored    boolean NOT NULL DEFAULT false,
    control     text NOT NULL DEFAULT 'running',
    why         text,                       -- of the control
    "window"    text,                       -- JSON: when requests may leave; NULL for always
    opt_outs    text,                       -- the list that it respects; NULL for none
    at          double precision,           -- when its messages are due; NULL for at once
    forgotten   double precision,           -- when numbers and texts were erased
    timeline    text                        -- the server's when it was begun, or was reconciled
);

CREATE TABLE smsworks.chunk (
    campaign bigint NOT NULL,
    number   integer NOT NULL,
    size     integer NOT NULL,
    international boolean NOT NULL,
    credits  double precision NOT NULL,     -- estimated
    round    integer NOT NULL,
    state    text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'sending', 'accepted', 'rejected', 'unknown', 'split',
                         'skipped', 'cancelled')),
    attempt  integer NOT NULL DEFAULT 0,
    owner    text NOT NULL DEFAULT '',
    began    double precision,
    lease    double precision,
    batch_id text,
    error    text,                          -- JSON
    reopenable boolean NOT NULL DEFAULT false,
    found    boolean NOT NULL DEFAULT false,
    resent   boolean NOT NULL DEFAULT false,
    lease_seconds double precision NOT NULL DEFAULT 0,
    ahead    double precision,              -- of the provider's clock; NULL where it is not known
    restored boolean NOT NULL DEFAULT false,
    doubles  text,                          -- JSON list of batch ids; NULL where there are none
    left_out text NOT NULL DEFAULT '',      -- positions that the last attempt left out, packed
    opted_out text NOT NULL DEFAULT '',     -- those of them that no request in doubt held, likewise
    excluded integer NOT NULL DEFAULT 0,    -- how many are left out
    opted    integer NOT NULL DEFAULT 0,    -- how many of them are opted out
    PRIMARY KEY (campaign, number)
) WITH (fillfactor = 80);
CREATE INDEX chunk_to_send ON smsworks.chunk (campaign, round, number) WHERE state = 'pending';
CREATE INDEX chunk_in_doubt ON smsworks.chunk (campaign, state, number)
    WHERE state IN ('sending', 'unknown');
CREATE INDEX chunk_by_batch ON smsworks.chunk (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX chunk_by_find ON smsworks.chunk (batch_id) WHERE found;
CREATE INDEX chunk_with_doubles ON smsworks.chunk (campaign) WHERE doubles IS NOT NULL;

-- Apart from the chunk, so that a change of state does not write them again.
CREATE TABLE smsworks.recipients (
    campaign  bigint NOT NULL,
    number    integer NOT NULL,
    items     text NOT NULL,
    positions text NOT NULL,
    PRIMARY KEY (campaign, number)
);

CREATE TABLE smsworks.problem (
    campaign bigint NOT NULL,
    position bigint NOT NULL,
    value    text NOT NULL,                 -- JSON
    reason   text NOT NULL,
    message  text NOT NULL,
    field    text NOT NULL,
    code     integer,
    PRIMARY KEY (campaign, position)
);

-- Which delivery reports were handled, and which are just being handled.
CREATE TABLE smsworks.seen (
    message_id text COLLATE "C" NOT NULL,
    status     text COLLATE "C" NOT NULL,
    at         double precision NOT NULL,
    owner      text,                        -- of a claim; NULL where it was handled
    lease      double precision,            -- until when the claim holds
    PRIMARY KEY (message_id, status)
);

CREATE TABLE smsworks.event (
    key      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign bigint NOT NULL,
    number   integer NOT NULL,
    at       double precision NOT NULL,
    attempt  integer NOT NULL,
    owner    text NOT NULL,
    what     text NOT NULL,
    detail   text NOT NULL
);
CREATE INDEX event_by_chunk ON smsworks.event (campaign, number);

-- Opt-outs and opt-ins, in their order; the last one of a number counts. A key is given out under
-- a lock that is held until it is committed, so that nobody sees one before those below it.
CREATE TABLE smsworks.opt_out (
    key        bigint PRIMARY KEY,
    number     text COLLATE "C" NOT NULL,
    change     text NOT NULL CHECK (change IN ('out', 'in')),
    at         double precision NOT NULL,
    source     text NOT NULL,
    word       text NOT NULL,
    message_id text COLLATE "C" NOT NULL    -- '' where it came without a message
);
CREATE INDEX opt_out_by_number ON smsworks.opt_out (number, key);
CREATE UNIQUE INDEX opt_out_by_message ON smsworks.opt_out (message_id) WHERE message_id != '';
-- Tells this list from all others.
CREATE TABLE smsworks.opt_out_list (id text NOT NULL);
INSERT INTO smsworks.opt_out_list VALUES (replace(gen_random_uuid()::text, '-', ''));

-- Idempotency keys, each a chunk of one request. Neither a key nor a number or text is in it.
CREATE TABLE smsworks.idempotency_key (
    key_hash text COLLATE "C" PRIMARY KEY,
    operation text NOT NULL,
    fields   text NOT NULL,                 -- JSON: a hash of each field
    found_by text NOT NULL CHECK (found_by IN ('mark', 'recipients', 'nothing')),
    answer   text NOT NULL,                 -- JSON: what is known of it
    changed  double precision NOT NULL,
    state    text NOT NULL
        CHECK (state IN ('pending', 'sending', 'accepted', 'rejected', 'unknown')),
    attempt  integer NOT NULL,
    owner    text NOT NULL,
    began    double precision,
    lease    double precision,
    lease_seconds double precision NOT NULL,
    ahead    double precision,
    batch_id text,                          -- or the message's id
    error    text,                          -- JSON, without what the API said
    reopenable boolean NOT NULL,
    found    boolean NOT NULL,
    resent   boolean NOT NULL,
    restored boolean NOT NULL,
    doubles  text
);
CREATE INDEX key_by_message ON smsworks.idempotency_key (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX key_with_doubles ON smsworks.idempotency_key (key_hash) WHERE doubles IS NOT NULL;
CREATE INDEX key_in_doubt ON smsworks.idempotency_key (state)
    WHERE state IN ('sending', 'unknown');

CREATE FUNCTION smsworks.only_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%s are only added', replace(TG_TABLE_NAME, '_', '-');
END $$;

-- Only the detail may go, which can quote a number or a text.
CREATE TRIGGER event_is_not_changed BEFORE UPDATE ON smsworks.event FOR EACH ROW
    WHEN (new.detail != '' OR
        (new.key, new.campaign, new.number, new.at, new.attempt, new.owner, new.what)
        IS DISTINCT FROM
        (old.key, old.campaign, old.number, old.at, old.attempt, old.owner, old.what))
    EXECUTE FUNCTION smsworks.only_added();
CREATE TRIGGER event_is_not_removed BEFORE DELETE ON smsworks.event FOR EACH ROW
    EXECUTE FUNCTION smsworks.only_added();
CREATE TRIGGER event_is_not_truncated BEFORE TRUNCATE ON smsworks.event
    EXECUTE FUNCTION smsworks.only_added();
CREATE TRIGGER opt_out_is_not_changed BEFORE UPDATE ON smsworks.opt_out FOR EACH ROW
    EXECUTE FUNCTION smsworks.only_added();
CREATE TRIGGER opt_out_is_not_removed BEFORE DELETE ON smsworks.opt_out FOR EACH ROW
    EXECUTE FUNCTION smsworks.only_added();
CREATE TRIGGER opt_out_is_not_truncated BEFORE TRUNCATE ON smsworks.opt_out
    EXECUTE FUNCTION smsworks.only_added();

-- Locks a batch or message until the transaction ends, and tells whether a chunk or a key was found
-- with it.
-- A query in a volatile function sees what was committed before the query, not before the statement
-- that calls the function: so it sees what was recorded while it waited for the lock.
CREATE FUNCTION smsworks.lock_batch(id text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(id, 7697));
    RETURN EXISTS (SELECT FROM smsworks.chunk AS c WHERE c.batch_id = id AND c.found)
        OR EXISTS (SELECT FROM smsworks.idempotency_key AS k WHERE k.batch_id = id AND k.found);
END $$;

-- The server's timeline, which changes when a standby takes over; NULL where the server does not say.
CREATE FUNCTION smsworks.timeline() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$;

-- Rates of requests that all processes of an account share.
CREATE TABLE smsworks.rate (
    account    text COLLATE "C" PRIMARY KEY,
    per_second double precision NOT NULL,
    next       timestamptz NOT NULL         -- from when on the next request may leave
);
