-- The schema of PostgreSQL's version 1 (meta.schema). Times are microseconds since 1970 UTC, 0 =
-- never. All whole numbers are BIGINT, so that both engines bind the same parameters.

-- name: postgres_settings
-- Plans must not depend on how many rows the last ANALYZE happened to see: every statement has an
-- index to go by, and one plan is made for it. Durability may be set higher for the role or the
-- database, not lower. Who holds a lock for long is refused or ended, so that a lost node's
-- transaction blocks nobody.
SET search_path = docq;
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET jit = off;
SET lock_timeout = '1s';
SET idle_in_transaction_session_timeout = '30s';
SET client_min_messages = warning;
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') IN ('off', 'local');

-- name: postgres_version
-- No row: there is no schema yet.
SELECT value FROM docq.meta WHERE key = 'schema';

-- name: postgres_exists
SELECT 1 FROM pg_class WHERE oid = to_regclass('docq.meta');

-- name: postgres_lock
-- Nodes that start together take their turns.
SELECT pg_advisory_xact_lock(hashtextextended('docq schema', 0));

-- name: postgres_1
CREATE SCHEMA IF NOT EXISTS docq;
SET LOCAL search_path = docq;

-- Small facts: `schema`, `secret` (signs lease tokens, hexadecimal), `paused_at`, `age_step`.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE operation (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('builtin', 'remote')),
    max_attempts BIGINT NOT NULL,
    backoff_base BIGINT NOT NULL,
    backoff_factor DOUBLE PRECISION NOT NULL,
    backoff_cap BIGINT NOT NULL,
    crash_budget BIGINT NOT NULL,
    timeout BIGINT NOT NULL,
    paused_at BIGINT NOT NULL DEFAULT 0
);

-- `pack` names the chunks that hold the bytes (src/store/postgres_bytes.c).
CREATE TABLE document (
    id UUID PRIMARY KEY,
    filename TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size BIGINT NOT NULL CHECK (size >= 0),
    sha256 BYTEA NOT NULL CHECK (length(sha256) = 32),
    metadata TEXT NOT NULL,
    owner TEXT NOT NULL,
    pack TEXT NOT NULL,
    pack_offset BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE chunk (
    pack TEXT NOT NULL,
    number BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (pack, number)
);
ALTER TABLE chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Large documents on their way in: chunks that no document names yet.
CREATE TABLE incoming (
    pack TEXT PRIMARY KEY,
    touched_at BIGINT NOT NULL
);
CREATE INDEX incoming_touched ON incoming (touched_at);

-- Items that wait or are in progress are in item_hot, which stays small, and move to item_done when
-- they end. `gate` is ready or later; blocked is not stored here but seen when an item is claimed
-- or looked at: two sessions could miss each other's rows.
CREATE TABLE item (
    id UUID NOT NULL,
    document_id UUID NOT NULL,
    operation TEXT NOT NULL,
    priority BIGINT NOT NULL,
    status TEXT NOT NULL,
    gate TEXT CHECK (gate IN ('ready', 'later')),
    rank BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    errors BIGINT NOT NULL DEFAULT 0,
    crashes BIGINT NOT NULL DEFAULT 0,
    epoch BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL DEFAULT 0,
    finished_at BIGINT NOT NULL DEFAULT 0,
    worker TEXT,
    session UUID,
    lease_time BIGINT NOT NULL DEFAULT 0,
    lease_expires_at BIGINT NOT NULL DEFAULT 0,
    progress_stage TEXT,
    progress_done BIGINT NOT NULL DEFAULT 0,
    progress_total BIGINT NOT NULL DEFAULT 0,
    error_code TEXT,
    error_message TEXT,
    error_retryable BIGINT NOT NULL DEFAULT 0,
    superseded_by UUID,
    CHECK ((status = 'pending') = (gate IS NOT NULL)),
    CHECK ((status = 'in_progress') = (lease_expires_at > 0)),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (finished_at > 0))
) PARTITION BY LIST (status);
-- No row there is ever updated in place without an index noticing, so free space in its pages buys
-- nothing but locality: new versions stay beside the old ones until vacuum, which comes often.
CREATE TABLE item_hot PARTITION OF item FOR VALUES IN ('pending', 'in_progress')
    WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
          autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0,
          autovacuum_analyze_threshold = 100000);
CREATE TABLE item_done PARTITION OF item FOR VALUES IN ('completed', 'failed', 'cancelled');
-- A partial index looks cheap to the planner while the table is empty, even without a condition on
-- its columns. So each has a predicate of its own, which only statements that want it fulfil: who
-- looks for an id says `gate IS NULL AND finished_at = 0` for what is in progress.
ALTER TABLE item_hot ADD PRIMARY KEY (id);
ALTER TABLE item_hot ADD FOREIGN KEY (document_id) REFERENCES document (id);
CREATE UNIQUE INDEX item_waiting ON item_hot (document_id, operation) WHERE status = 'pending';
CREATE UNIQUE INDEX item_running ON item_hot (document_id) WHERE status = 'in_progress';
CREATE INDEX item_hot_document ON item_hot (document_id, id);
CREATE INDEX item_ready ON item_hot (operation, rank) WHERE gate = 'ready';
CREATE INDEX item_later ON item_hot (due_at) WHERE gate = 'later';
CREATE INDEX item_lease ON item_hot (lease_expires_at) WHERE lease_expires_at > 0;
CREATE INDEX item_session ON item_hot (session) WHERE session IS NOT NULL;
CREATE INDEX item_hot_status ON item_hot (status, id);
ALTER TABLE item_done ADD PRIMARY KEY (id);
CREATE INDEX item_done_document ON item_done (document_id, id);
CREATE INDEX item_done_status ON item_done (status, id);
CREATE INDEX item_failed ON item_done (finished_at) WHERE status = 'failed';
CREATE INDEX item_finished ON item_done (finished_at);

CREATE TABLE attempt (
    item_id UUID NOT NULL,
    number BIGINT NOT NULL CHECK (number >= 1),
    epoch BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    worker TEXT NOT NULL,
    outcome TEXT NOT NULL,
    error_code TEXT,
    error_message TEXT,
    signal BIGINT NOT NULL DEFAULT 0,
    limit_name TEXT,
    peak_memory BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (item_id, number)
);

CREATE TABLE result (
    document_id UUID PRIMARY KEY,
    item_id UUID NOT NULL,
    pages BIGINT NOT NULL,
    text_bytes BIGINT NOT NULL,
    partial BIGINT NOT NULL,
    metadata TEXT NOT NULL,
    problems TEXT NOT NULL,
    processed_at BIGINT NOT NULL
);

CREATE TABLE page (
    document_id UUID NOT NULL,
    number BIGINT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (document_id, number)
);

CREATE TABLE session (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    pid BIGINT NOT NULL,
    process_started BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

-- Counts are kept in the commit that changes them, as rows that are only ever added, so that nodes
-- do not wait for each other; recovery folds them into `counter`.
CREATE TABLE counter (
    operation TEXT NOT NULL,
    status TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (operation, status)
);
CREATE TABLE counter_change (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operation TEXT NOT NULL,
    status TEXT NOT NULL,
    number BIGINT NOT NULL
);

CREATE TABLE rate (
    minute BIGINT NOT NULL,
    enqueued BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    failed BIGINT NOT NULL
);
CREATE INDEX rate_minute ON rate (minute);

-- One row a commit of a node: after a connection was lost it tells whether the commit happened.
CREATE TABLE batch (
    id UUID PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX batch_at ON batch (at);

CREATE TABLE request_key (
    key BYTEA PRIMARY KEY CHECK (length(key) = 32),
    digest BYTEA NOT NULL CHECK (length(digest) = 32),
    made TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX request_key_age ON request_key (created_at);

CREATE TABLE token (
    id TEXT PRIMARY KEY,
    digest BYTEA NOT NULL CHECK (length(digest) = 32),
    name TEXT NOT NULL,
    scopes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL DEFAULT 0
);

INSERT INTO operation VALUES ('process', 'builtin', 5, 2000000, 4.0, 3600000000, 3, 600000000, 0);
INSERT INTO operation VALUES ('reprocess', 'builtin', 5, 2000000, 4.0, 3600000000, 3, 600000000, 0);
INSERT INTO meta VALUES ('schema', '1'), ('age_step', '60000000');

-- For applications: one item of work in the caller's own transaction. Returns the id of the item
-- that waits, new or old. See docs/postgresql.md.
CREATE FUNCTION enqueue(document_id UUID, operation TEXT DEFAULT 'process',
                        priority INTEGER DEFAULT 0, due TIMESTAMPTZ DEFAULT NULL)
RETURNS UUID LANGUAGE plpgsql SECURITY DEFINER SET search_path = docq, pg_temp AS $$
#variable_conflict use_column
DECLARE
    now_us BIGINT := (extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT;
    due_us BIGINT := greatest(now_us, (extract(epoch FROM enqueue.due) * 1000000)::BIGINT);
    step BIGINT;
    fresh UUID;
    found_id UUID;
BEGIN
    IF enqueue.priority NOT BETWEEN -1000 AND 1000 THEN
        RAISE EXCEPTION 'docq: priority % is not from -1000 to 1000', enqueue.priority
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM operation o WHERE o.name = enqueue.operation) THEN
        RAISE EXCEPTION 'docq: unknown operation "%"', enqueue.operation
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'docq.operation lists those that are known.';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM document d WHERE d.id = enqueue.document_id) THEN
        RAISE EXCEPTION 'docq: there is no document %', enqueue.document_id
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT m.value::BIGINT INTO step FROM meta m WHERE m.key = 'age_step';
    LOOP
        UPDATE item_hot i
        SET priority = greatest(i.priority, enqueue.priority),
            rank = i.rank - (greatest(i.priority, enqueue.priority) - i.priority) * step
        WHERE i.document_id = enqueue.document_id AND i.operation = enqueue.operation
          AND i.status = 'pending'
        RETURNING i.id INTO found_id;
        IF FOUND THEN
            RETURN found_id;
        END IF;
        -- A UUID of version 7: milliseconds, then random bits.
        fresh := encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
            PLACING substring(int8send(now_us / 1000) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
            'hex')::UUID;
        INSERT INTO item_hot (id, document_id, operation, priority, status, gate, rank, created_at,
                              due_at)
        VALUES (fresh, enqueue.document_id, enqueue.operation, enqueue.priority, 'pending',
                CASE WHEN due_us <= now_us THEN 'ready' ELSE 'later' END,
                due_us - enqueue.priority * step, now_us, due_us)
        ON CONFLICT (document_id, operation) WHERE status = 'pending' DO NOTHING
        RETURNING id INTO found_id;
        IF FOUND THEN
            INSERT INTO counter_change (operation, status, number)
            VALUES (enqueue.operation, 'pending', 1);
            RETURN found_id;
        END IF;
    END LOOP;
END $$;

-- Wakes the workers at once instead of at their next look. To be called after the commit.
CREATE FUNCTION wake() RETURNS VOID LANGUAGE sql SET search_path = docq, pg_temp AS $$
    SELECT pg_notify('docq', 'work')
$$;
