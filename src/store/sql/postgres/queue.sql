-- Statements whose text differs for PostgreSQL: locks, partitions, arrays. `item` is both
-- partitions; what waits or is in progress is addressed in item_hot.

-- name: begin
BEGIN;

-- name: read_begin
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- name: item_lock
-- The item as the steps see it, and nobody else changes it before our commit.
SELECT i.id, i.document_id, i.operation, i.priority, i.status, i.gate, i.attempts, i.errors,
       i.crashes, i.epoch, i.created_at, i.due_at, i.started_at, i.finished_at, i.worker
FROM item i WHERE i.id = $1 FOR UPDATE;

-- name: item_get
SELECT i.id, i.document_id, i.operation, i.priority, i.status,
       CASE WHEN i.gate = 'ready' AND EXISTS (
           SELECT 1 FROM item_hot r WHERE r.document_id = i.document_id AND r.status = 'in_progress' OFFSET 0)
       THEN 'blocked' ELSE i.gate END,
       i.attempts, i.errors,
       i.crashes, i.epoch, i.created_at, i.due_at, i.started_at, i.finished_at, i.worker,
       i.lease_expires_at, i.progress_stage, i.progress_done, i.progress_total, i.error_code,
       i.error_message, i.error_retryable, i.superseded_by, i.session, o.max_attempts, o.paused_at,
       o.kind
FROM item i JOIN operation o ON o.name = i.operation
WHERE i.id = $1;

-- name: running_find
-- Blocked is seen by a claim, not stored: nothing to find here.

-- name: siblings_block

-- name: siblings_free

-- name: waiting_find
SELECT id FROM item_hot WHERE document_id = $1 AND operation = $2 AND status = 'pending';

-- name: item_raise
UPDATE item_hot SET priority = $2, rank = rank - ($2 - priority) * $3
WHERE id = $1 AND gate IS NOT NULL AND priority < $2;

-- name: item_due_now
UPDATE item_hot SET gate = 'ready' WHERE id = ANY (ARRAY(
    SELECT id FROM item_hot WHERE gate = 'later' AND due_at <= $1
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED));

-- name: ready_head
SELECT id, rank FROM item_hot WHERE gate = 'ready' AND operation = $1 ORDER BY rank LIMIT 1;

-- name: ready_list
SELECT i.id, i.rank FROM item_hot i WHERE i.gate = 'ready' AND i.operation = $1
    AND NOT EXISTS (SELECT 1 FROM item_hot r
                    WHERE r.document_id = i.document_id AND r.status = 'in_progress' OFFSET 0)
ORDER BY i.rank LIMIT $2;

-- name: item_claim
UPDATE item_hot i SET status = 'in_progress', gate = NULL, attempts = attempts + 1,
    epoch = epoch + 1, started_at = $2, worker = $3, session = $4, lease_time = $5,
    lease_expires_at = $2::BIGINT + $5::BIGINT, progress_stage = NULL, progress_done = 0, progress_total = 0
WHERE i.id = $1 AND coalesce(i.gate, '') = 'ready'
    AND NOT EXISTS (SELECT 1 FROM item_hot r
                    WHERE r.document_id = i.document_id AND r.status = 'in_progress' OFFSET 0);

-- name: item_heartbeat
UPDATE item_hot SET lease_expires_at = $3 + lease_time,
    progress_stage = coalesce($4, progress_stage), progress_done = coalesce($5, progress_done),
    progress_total = coalesce($6, progress_total)
WHERE id = $1 AND epoch = $2 AND gate IS NULL
RETURNING lease_expires_at;

-- name: lease_expired
-- Who renews one of them at this moment keeps it.
SELECT id, epoch FROM item_hot WHERE lease_expires_at > 0 AND lease_expires_at <= $1
ORDER BY lease_expires_at LIMIT $2 FOR UPDATE SKIP LOCKED;

-- name: lease_of_session
SELECT id, epoch FROM item_hot WHERE session = $1 AND gate IS NULL LIMIT $2
FOR UPDATE SKIP LOCKED;

-- name: next_due
SELECT due_at FROM item_hot WHERE gate = 'later' ORDER BY due_at LIMIT 1;

-- name: next_expiry
SELECT lease_expires_at FROM item_hot WHERE lease_expires_at > 0
ORDER BY lease_expires_at LIMIT 1;

-- name: session_list
SELECT s.id, s.name, s.host, s.pid, s.process_started, s.started_at, s.seen_at,
       (SELECT count(*) FROM item_hot i WHERE i.session = s.id AND i.gate IS NULL)
FROM session s ORDER BY s.started_at;

-- name: session_end
DELETE FROM session WHERE id = $1 AND NOT EXISTS (
    SELECT 1 FROM item_hot i WHERE i.session = $1 AND i.gate IS NULL);

-- name: counter_add
-- Counts are written by counter_changes.
-- unsupported

-- name: counter_list
SELECT operation, status, sum(number)::BIGINT FROM (
    SELECT operation, status, number FROM counter
    UNION ALL SELECT operation, status, number FROM counter_change) c
GROUP BY operation, status;

-- name: counter_changes
-- What the commit under way changes, in one statement: counts, the minute's rates, and the row by
-- which the commit is known.
WITH rates AS (
    INSERT INTO rate SELECT $4::BIGINT, $5::BIGINT, $6::BIGINT, $7::BIGINT
    WHERE $5::BIGINT + $6::BIGINT + $7::BIGINT > 0),
known AS (INSERT INTO batch VALUES ($8, $9))
INSERT INTO counter_change (operation, status, number)
SELECT * FROM unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[]);

-- name: counter_fold
WITH gone AS (
    DELETE FROM counter_change WHERE id = ANY (ARRAY(
        SELECT id FROM counter_change ORDER BY id LIMIT 10000 FOR UPDATE SKIP LOCKED))
    RETURNING operation, status, number)
INSERT INTO counter
SELECT operation, status, sum(number) FROM gone GROUP BY operation, status
ORDER BY operation, status
ON CONFLICT (operation, status) DO UPDATE SET number = counter.number + excluded.number;

-- name: fold_turn
-- One node at a time: the others find it done.
SELECT pg_try_advisory_xact_lock(hashtextextended('docq fold', 0));

-- name: rate_fold
DELETE FROM rate WHERE minute < $1;

-- name: batch_fold
DELETE FROM batch WHERE at < $1;

-- name: session_fold
-- Of hosts that nobody has heard from: their leases have run out long ago.
DELETE FROM session s WHERE s.seen_at < $1
    AND NOT EXISTS (SELECT 1 FROM item_hot i WHERE i.session = s.id AND i.gate IS NULL OFFSET 0);

-- name: session_touch
UPDATE session SET seen_at = $2 WHERE id = $1;

-- name: batch_settle
-- Waits until the commit in doubt has ended. No row is added where it happened, and it cannot
-- happen any more where one is.
INSERT INTO batch VALUES ($1, $2) ON CONFLICT (id) DO NOTHING;

-- name: rate_add
-- unsupported

-- name: rate_get
SELECT sum(enqueued)::BIGINT, sum(completed)::BIGINT, sum(failed)::BIGINT FROM rate
WHERE minute = $1;

-- name: oldest_ready
SELECT due_at FROM item_hot WHERE gate = 'ready' AND operation = $1 ORDER BY rank LIMIT 1;

-- name: later_count
SELECT count(*) FROM (SELECT 1 FROM item_hot WHERE gate = 'later' AND due_at > $1
                      LIMIT 100000) later;

-- name: finished_before
SELECT id, document_id, operation, status FROM item_done
WHERE finished_at > 0 AND finished_at < $1 AND ($2::TEXT IS NULL OR status = $2)
ORDER BY finished_at LIMIT $3 FOR UPDATE SKIP LOCKED;

-- name: item_of_document_list
SELECT id, operation, status FROM item WHERE document_id = $1 FOR UPDATE;

-- name: request_key_forget
DELETE FROM request_key WHERE key = ANY (ARRAY(
    SELECT key FROM request_key WHERE created_at < $1 ORDER BY created_at LIMIT $2
    FOR UPDATE SKIP LOCKED));

-- name: pack_ranges
-- Bytes are not in packs here.
-- unsupported

-- name: item_return
UPDATE item SET status = 'pending', lease_expires_at = 0, session = NULL, due_at = $4::BIGINT,
    gate = CASE WHEN $4::BIGINT <= $3 THEN 'ready' ELSE 'later' END, error_code = $5,
    error_message = $6, error_retryable = 1, errors = errors + $7, crashes = crashes + $8
WHERE id = $1 AND epoch = $2 AND gate IS NULL AND finished_at = 0;

-- name: document_delete
-- Its bytes go in the same commit.
WITH gone AS (DELETE FROM document WHERE id = $1 RETURNING pack)
DELETE FROM chunk WHERE pack = ANY (ARRAY(SELECT pack FROM gone));

-- name: chunk_insert
INSERT INTO chunk VALUES ($1, $2, $3);

-- name: chunk_delete_one
DELETE FROM chunk WHERE pack = $1 AND number = $2;

-- name: tell
SELECT pg_notify('docq', $1);

-- name: listen
LISTEN docq;

-- name: chunk_get
SELECT bytes FROM chunk WHERE pack = $1 AND number = $2;

-- name: chunk_delete
DELETE FROM chunk WHERE pack = $1;

-- name: incoming_touch
INSERT INTO incoming VALUES ($1, $2) ON CONFLICT (pack) DO UPDATE SET touched_at = $2;

-- name: incoming_end
-- Zero rows: it was taken for abandoned, and its bytes are gone.
DELETE FROM incoming WHERE pack = $1;

-- name: incoming_abandoned
WITH gone AS (
    DELETE FROM incoming WHERE pack = ANY (ARRAY(
        SELECT pack FROM incoming WHERE touched_at < $1 ORDER BY touched_at LIMIT 100
        FOR UPDATE SKIP LOCKED))
    RETURNING pack)
DELETE FROM chunk WHERE pack = ANY (ARRAY(SELECT pack FROM gone)) RETURNING length(bytes);

-- name: enqueue_fresh
-- Many at once: what is neither waiting already nor refused. Returns the ids that are new. LATERAL
-- with a LIMIT: whatever the planner believes of the sizes, each row looks up its own by index.
INSERT INTO item_hot (id, document_id, operation, priority, status, gate, rank, created_at, due_at)
SELECT a.id, a.document_id, a.operation, a.priority, 'pending',
       CASE WHEN a.due_at <= $6 THEN 'ready' ELSE 'later' END, a.due_at - a.priority * $7::BIGINT,
       $6, a.due_at
FROM (SELECT DISTINCT ON (document_id, operation) *
      FROM unnest($1::UUID[], $2::UUID[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[])
           WITH ORDINALITY u(id, document_id, operation, priority, due_at, n)
      ORDER BY document_id, operation, n) a,
    LATERAL (SELECT 1 FROM operation o WHERE o.name = a.operation LIMIT 1) o,
    LATERAL (SELECT 1 FROM document d WHERE d.id = a.document_id LIMIT 1) d
ON CONFLICT (document_id, operation) WHERE status = 'pending' DO NOTHING
RETURNING id;

-- name: enqueue_waiting
-- Those that wait already: the place in the arrays, the id and the priority of what waits.
SELECT a.n, w.id, w.priority
FROM unnest($1::UUID[], $2::TEXT[]) WITH ORDINALITY a(document_id, operation, n),
    LATERAL (SELECT i.id, i.priority FROM item_hot i
             WHERE i.document_id = a.document_id AND i.operation = a.operation
                AND i.status = 'pending' LIMIT 1) w;

-- name: claim_plan
-- Due items become ready; then how many of the best $3 are of each operation offered, from the rank
-- $4 on. Looks without locks. One row at least: (made ready, operations known, operation, count).
WITH due AS (
    UPDATE item_hot SET gate = 'ready' WHERE id = ANY (ARRAY(
        SELECT id FROM item_hot WHERE gate = 'later' AND due_at <= $1
        ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED))
    RETURNING 1),
offered AS (
    SELECT name FROM operation WHERE name = ANY ($2::TEXT[]) AND paused_at = 0
        AND NOT EXISTS (SELECT 1 FROM meta WHERE key = 'paused_at')),
best AS (
    SELECT o.name, x.rank FROM offered o, LATERAL (
        SELECT i.rank FROM item_hot i
        WHERE i.gate = 'ready' AND i.operation = o.name AND i.rank >= $4
            AND NOT EXISTS (SELECT 1 FROM item_hot r
                            WHERE r.document_id = i.document_id AND r.status = 'in_progress' OFFSET 0)
        ORDER BY i.rank LIMIT $3) x
    ORDER BY x.rank LIMIT $3)
SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM operation WHERE name = ANY ($2::TEXT[])),
       b.name, b.number
FROM (SELECT 1) one
LEFT JOIN (SELECT name, count(*) AS number FROM best GROUP BY name) b ON true;

-- name: claim_batch
-- The next items of one operation, with their documents. What another node claims is skipped.
WITH taken AS (
    UPDATE item_hot SET status = 'in_progress', gate = NULL, attempts = attempts + 1,
        epoch = epoch + 1, started_at = $2, worker = $3, session = $4, lease_time = $5,
        lease_expires_at = $2::BIGINT + $5::BIGINT, progress_stage = NULL, progress_done = 0, progress_total = 0
    WHERE id = ANY (ARRAY(
        SELECT i.id FROM item_hot i
        WHERE i.gate = 'ready' AND i.operation = $1 AND i.rank >= $7
            AND NOT EXISTS (SELECT 1 FROM item_hot r
                            WHERE r.document_id = i.document_id AND r.status = 'in_progress' OFFSET 0)
        ORDER BY i.rank LIMIT $6 FOR UPDATE SKIP LOCKED))
    RETURNING *)
SELECT i.id, i.document_id, i.operation, i.priority, i.status, i.gate, i.attempts, i.errors,
       i.crashes, i.epoch, i.created_at, i.due_at, i.started_at, i.finished_at, i.worker,
       i.lease_expires_at, i.progress_stage, i.progress_done, i.progress_total, i.error_code,
       i.error_message, i.error_retryable, i.superseded_by, i.session, o.max_attempts, o.paused_at,
       o.kind, i.rank, d.id, d.filename, d.content_type, d.size, d.sha256, d.metadata, d.owner,
       d.created_at
FROM taken i,
    LATERAL (SELECT * FROM operation WHERE name = i.operation LIMIT 1) o,
    LATERAL (SELECT * FROM document WHERE id = i.document_id LIMIT 1) d
ORDER BY i.rank;

-- name: complete_batch
-- Many leases at once, without results. Returns those that still stood.
WITH held AS (
    SELECT x.id FROM (SELECT * FROM unnest($1::UUID[], $2::BIGINT[]) u(id, epoch) ORDER BY id) h,
        LATERAL (SELECT i.id FROM item_hot i WHERE i.id = h.id AND i.epoch = h.epoch
                    AND i.gate IS NULL LIMIT 1 FOR UPDATE) x),
done AS (
    UPDATE item i SET status = 'completed', finished_at = $3, lease_expires_at = 0,
        error_code = NULL, error_message = NULL, error_retryable = 0
    WHERE i.id = ANY (ARRAY(SELECT id FROM held)) AND i.gate IS NULL AND i.finished_at = 0
    RETURNING i.id, i.epoch, i.operation, i.attempts, i.started_at, i.worker),
history AS (
    INSERT INTO attempt (item_id, number, epoch, started_at, ended_at, worker, outcome)
    SELECT id, attempts, epoch, started_at, $3, coalesce(worker, ''), 'completed' FROM done)
SELECT id, epoch, operation FROM done;
