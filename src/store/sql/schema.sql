-- The schema of version 1 (PRAGMA user_version). Times are microseconds since 1970 UTC, 0 = never.

-- name: schema_1
-- Small facts about the store: `secret` signs lease tokens, `paused_at` stops the whole queue.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE operation (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('builtin', 'remote')),
    max_attempts INTEGER NOT NULL,
    backoff_base INTEGER NOT NULL,
    backoff_factor REAL NOT NULL,
    backoff_cap INTEGER NOT NULL,
    crash_budget INTEGER NOT NULL,
    timeout INTEGER NOT NULL,
    paused_at INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Bytes live at `pack_offset` of the file `pack` (src/store/pack.h).
CREATE TABLE document (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    filename TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL CHECK (size >= 0),
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    metadata TEXT NOT NULL,
    owner TEXT NOT NULL,
    pack TEXT NOT NULL,
    pack_offset INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX document_pack ON document (pack, pack_offset);

-- `gate` says why a pending item may or may not be claimed: ready; later (due_at is to come);
-- blocked (another item of the document is in progress). `attempts` counts claims and equals the
-- length of the history; `errors` and `crashes` are the two budgets used since the last retry.
CREATE TABLE item (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    document_id BLOB NOT NULL REFERENCES document (id),
    operation TEXT NOT NULL REFERENCES operation (name),
    priority INTEGER NOT NULL,
    status TEXT NOT NULL
        CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'cancelled')),
    gate TEXT CHECK (gate IN ('ready', 'later', 'blocked')),
    rank INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    errors INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL DEFAULT 0,
    finished_at INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    session BLOB,
    lease_time INTEGER NOT NULL DEFAULT 0,
    lease_expires_at INTEGER NOT NULL DEFAULT 0,
    progress_stage TEXT,
    progress_done INTEGER NOT NULL DEFAULT 0,
    progress_total INTEGER NOT NULL DEFAULT 0,
    error_code TEXT,
    error_message TEXT,
    error_retryable INTEGER NOT NULL DEFAULT 0,
    superseded_by BLOB,
    CHECK ((status = 'pending') = (gate IS NOT NULL)),
    CHECK ((status = 'in_progress') = (lease_expires_at > 0)),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (finished_at > 0))
) WITHOUT ROWID;
CREATE INDEX item_of_document ON item (document_id, id);
CREATE UNIQUE INDEX item_waiting ON item (document_id, operation) WHERE status = 'pending';
CREATE UNIQUE INDEX item_running ON item (document_id) WHERE status = 'in_progress';
CREATE INDEX item_ready ON item (operation, rank) WHERE gate = 'ready';
CREATE INDEX item_later ON item (due_at) WHERE gate = 'later';
CREATE INDEX item_lease ON item (lease_expires_at) WHERE status = 'in_progress';
CREATE INDEX item_by_status ON item (status, id);
CREATE INDEX item_finished ON item (finished_at) WHERE finished_at > 0;

CREATE TABLE attempt (
    item_id BLOB NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    epoch INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    worker TEXT NOT NULL,
    outcome TEXT NOT NULL,
    error_code TEXT,
    error_message TEXT,
    signal INTEGER NOT NULL DEFAULT 0,
    limit_name TEXT,
    peak_memory INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (item_id, number)
) WITHOUT ROWID;

CREATE TABLE result (
    document_id BLOB PRIMARY KEY,
    item_id BLOB NOT NULL,
    pages INTEGER NOT NULL,
    text_bytes INTEGER NOT NULL,
    partial INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    problems TEXT NOT NULL,
    processed_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE page (
    document_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (document_id, number)
);

-- Processes that claim: on their own host a dead one is noticed by its pid.
CREATE TABLE session (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_started INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Numbers of rows, kept in the commit that changes them: no count ever scans. `status` is that of
-- items, or 'documents' with operation ''.
CREATE TABLE counter (
    operation TEXT NOT NULL,
    status TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (operation, status)
) WITHOUT ROWID;

CREATE TABLE rate (
    minute INTEGER PRIMARY KEY,
    enqueued INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL
);

CREATE TABLE token (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    name TEXT NOT NULL,
    scopes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

INSERT INTO operation VALUES ('process', 'builtin', 5, 2000000, 4.0, 3600000000, 3, 600000000, 0);
INSERT INTO operation VALUES ('reprocess', 'builtin', 5, 2000000, 4.0, 3600000000, 3, 600000000, 0);
