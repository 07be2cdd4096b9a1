-- The steps of the queue. `?1`.. are bound in the order of the numbers; `now` is always bound.

-- name: begin
BEGIN IMMEDIATE;
-- name: commit
COMMIT;
-- name: rollback
ROLLBACK;
-- name: savepoint
SAVEPOINT step;
-- name: release
RELEASE step;
-- name: rollback_step
ROLLBACK TO step;

-- name: document_insert
INSERT INTO document (id, filename, content_type, size, sha256, metadata, owner, pack, pack_offset,
                      created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10);

-- name: document_exists
SELECT 1 FROM document WHERE id = ?1;

-- name: operation_get
SELECT name, kind, max_attempts, backoff_base, backoff_factor, backoff_cap, crash_budget, timeout,
       paused_at
FROM operation WHERE name = ?1;

-- name: operation_list
SELECT name, kind, max_attempts, backoff_base, backoff_factor, backoff_cap, crash_budget, timeout,
       paused_at
FROM operation ORDER BY name;

-- name: operation_put
INSERT INTO operation VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)
ON CONFLICT (name) DO UPDATE SET max_attempts = ?3, backoff_base = ?4, backoff_factor = ?5,
    backoff_cap = ?6, crash_budget = ?7, timeout = ?8;

-- name: operation_pause
UPDATE operation SET paused_at = ?2 WHERE name = ?1;

-- name: waiting_find
-- The one item that may wait for a (document, operation).
SELECT id FROM item INDEXED BY item_waiting
WHERE document_id = ?1 AND operation = ?2 AND status = 'pending';

-- name: running_find
SELECT id FROM item INDEXED BY item_running WHERE document_id = ?1 AND status = 'in_progress';

-- name: item_lock
-- The item as the steps see it.
SELECT id, document_id, operation, priority, status, gate, attempts, errors, crashes, epoch,
       created_at, due_at, started_at, finished_at, worker
FROM item WHERE id = ?1;

-- name: item_insert
INSERT INTO item (id, document_id, operation, priority, status, gate, rank, created_at, due_at)
VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6, ?7, ?8);

-- name: item_raise
-- A second enqueue may raise the priority of the first, never lower it.
UPDATE item SET priority = ?2, rank = rank - (?2 - priority) * ?3
WHERE id = ?1 AND status = 'pending' AND priority < ?2;

-- name: item_due_now
-- Due items whose time has come become claimable, a slice at a time.
UPDATE item SET gate = 'ready' WHERE id IN (
    SELECT id FROM item INDEXED BY item_later WHERE gate = 'later' AND due_at <= ?1
    ORDER BY due_at LIMIT ?2);

-- name: ready_head
-- The next item of one operation; a claim merges the heads of all operations it offers.
SELECT id, rank FROM item INDEXED BY item_ready
WHERE gate = 'ready' AND operation = ?1 ORDER BY rank LIMIT 1;

-- name: ready_list
SELECT id, rank FROM item INDEXED BY item_ready
WHERE gate = 'ready' AND operation = ?1 ORDER BY rank LIMIT ?2;

-- name: item_claim
-- Attempt and epoch are counted in the commit that hands the item out.
UPDATE item SET status = 'in_progress', gate = NULL, attempts = attempts + 1, epoch = epoch + 1,
    started_at = ?2, worker = ?3, session = ?4, lease_time = ?5, lease_expires_at = ?2 + ?5,
    progress_stage = NULL, progress_done = 0, progress_total = 0
WHERE id = ?1 AND gate = 'ready';

-- name: siblings_block
-- While one item of a document is in progress, its others stand aside.
UPDATE item INDEXED BY item_waiting SET gate = 'blocked'
WHERE document_id = ?1 AND status = 'pending';

-- name: siblings_free
UPDATE item INDEXED BY item_waiting
SET gate = CASE WHEN due_at <= ?2 THEN 'ready' ELSE 'later' END
WHERE document_id = ?1 AND status = 'pending' AND gate = 'blocked';

-- name: item_heartbeat
-- In progress is what neither waits (it has no gate) nor has ended.
UPDATE item SET lease_expires_at = ?3 + lease_time,
    progress_stage = coalesce(?4, progress_stage), progress_done = coalesce(?5, progress_done),
    progress_total = coalesce(?6, progress_total)
WHERE id = ?1 AND epoch = ?2 AND gate IS NULL AND finished_at = 0
RETURNING lease_expires_at;

-- name: item_complete
UPDATE item SET status = 'completed', finished_at = ?3, lease_expires_at = 0, error_code = NULL,
    error_message = NULL, error_retryable = 0
WHERE id = ?1 AND epoch = ?2 AND gate IS NULL AND finished_at = 0;

-- name: item_fail
UPDATE item SET status = 'failed', finished_at = ?3, lease_expires_at = 0, error_code = ?4,
    error_message = ?5, error_retryable = ?6, errors = errors + ?7, crashes = crashes + ?8
WHERE id = ?1 AND epoch = ?2 AND gate IS NULL AND finished_at = 0;

-- name: item_return
-- Back to the queue, due later. The document is free now, so the gate depends on time only.
UPDATE item SET status = 'pending', lease_expires_at = 0, session = NULL, due_at = ?4,
    gate = CASE WHEN ?4 <= ?3 THEN 'ready' ELSE 'later' END, error_code = ?5, error_message = ?6,
    error_retryable = 1, errors = errors + ?7, crashes = crashes + ?8
WHERE id = ?1 AND epoch = ?2 AND gate IS NULL AND finished_at = 0;

-- name: item_release
-- Handed back unfinished: the attempt is not charged, its place in the queue is kept.
UPDATE item SET status = 'pending', lease_expires_at = 0, session = NULL, gate = 'ready',
    attempts = attempts - 1
WHERE id = ?1 AND epoch = ?2 AND gate IS NULL AND finished_at = 0;

-- name: item_supersede
-- It would go back to pending, but a newer one already waits for the same work. ?6 = uncharged.
UPDATE item SET status = 'cancelled', finished_at = ?3, lease_expires_at = 0, superseded_by = ?4,
    error_code = coalesce(?5, error_code), attempts = attempts - ?6
WHERE id = ?1 AND epoch = ?2 AND gate IS NULL AND finished_at = 0;

-- name: item_cancel
-- The epoch moves on, so that the holder's next call is refused.
UPDATE item SET status = 'cancelled', gate = NULL, finished_at = ?2, lease_expires_at = 0,
    epoch = epoch + 1
WHERE id = ?1 AND status IN ('pending', 'in_progress');

-- name: item_retry
UPDATE item SET status = 'pending', gate = ?3, due_at = ?2, rank = ?2 - priority * ?4,
    finished_at = 0, errors = 0, crashes = 0, superseded_by = NULL, error_retryable = 0
WHERE id = ?1 AND status IN ('failed', 'cancelled');

-- name: attempt_insert
INSERT INTO attempt (item_id, number, epoch, started_at, ended_at, worker, outcome, error_code,
                     error_message, signal, limit_name, peak_memory)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);

-- name: attempt_outcome
-- Tells a repeated report from a stale one.
SELECT outcome FROM attempt WHERE item_id = ?1 AND epoch = ?2;

-- name: attempt_list
SELECT number, epoch, started_at, ended_at, worker, outcome, error_code, error_message, signal,
       limit_name, peak_memory
FROM attempt WHERE item_id = ?1 ORDER BY number;

-- name: lease_expired
SELECT id, epoch FROM item INDEXED BY item_lease
WHERE status = 'in_progress' AND lease_expires_at <= ?1 ORDER BY lease_expires_at LIMIT ?2;

-- name: lease_of_session
SELECT id, epoch FROM item INDEXED BY item_lease
WHERE status = 'in_progress' AND lease_expires_at > 0 AND session = ?1 LIMIT ?2;

-- name: next_due
SELECT min(due_at) FROM item INDEXED BY item_later WHERE gate = 'later';

-- name: next_expiry
SELECT min(lease_expires_at) FROM item INDEXED BY item_lease WHERE status = 'in_progress';

-- name: session_put
INSERT INTO session (id, name, host, pid, process_started, started_at, seen_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
ON CONFLICT (id) DO UPDATE SET seen_at = ?6;

-- name: session_list
SELECT s.id, s.name, s.host, s.pid, s.process_started, s.started_at, s.seen_at,
       (SELECT count(*) FROM item INDEXED BY item_lease
        WHERE status = 'in_progress' AND lease_expires_at > 0 AND session = s.id)
FROM session s ORDER BY s.started_at;

-- name: session_delete
DELETE FROM session WHERE id = ?1;

-- name: session_end
-- A session that still holds leases stays, so that its process's death is noticed.
DELETE FROM session WHERE id = ?1 AND NOT EXISTS (
    SELECT 1 FROM item INDEXED BY item_lease
    WHERE status = 'in_progress' AND lease_expires_at > 0 AND session = ?1);

-- name: result_put
INSERT INTO result (document_id, item_id, pages, text_bytes, partial, metadata, problems,
                    processed_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (document_id) DO UPDATE SET item_id = ?2, pages = ?3, text_bytes = ?4, partial = ?5,
    metadata = ?6, problems = ?7, processed_at = ?8;

-- name: result_delete
DELETE FROM result WHERE document_id = ?1;

-- name: page_insert
INSERT INTO page (document_id, number, text) VALUES (?1, ?2, ?3);

-- name: page_delete
DELETE FROM page WHERE document_id = ?1;

-- name: page_list
SELECT number, text FROM page WHERE document_id = ?1 AND number BETWEEN ?2 AND ?3 ORDER BY number;

-- name: result_get
SELECT pages, text_bytes, partial, metadata, problems, processed_at FROM result
WHERE document_id = ?1;

-- name: document_type_set
UPDATE document SET content_type = ?2 WHERE id = ?1;

-- name: counter_add
INSERT INTO counter VALUES (?1, ?2, ?3)
ON CONFLICT (operation, status) DO UPDATE SET number = number + ?3;

-- name: counter_list
SELECT operation, status, number FROM counter;

-- name: rate_add
INSERT INTO rate VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (minute) DO UPDATE SET enqueued = enqueued + ?2, completed = completed + ?3,
    failed = failed + ?4;

-- name: rate_get
SELECT enqueued, completed, failed FROM rate WHERE minute = ?1;

-- name: oldest_ready
-- `due_at` of the first in order of service, for the age of the backlog.
SELECT due_at FROM item INDEXED BY item_ready WHERE gate = 'ready' AND operation = ?1
ORDER BY rank LIMIT 1;

-- name: later_count
SELECT count(*) FROM (SELECT 1 FROM item INDEXED BY item_later WHERE gate = 'later' AND due_at > ?1
                      LIMIT 100000);

-- name: meta_get
SELECT value FROM meta WHERE key = ?1;

-- name: meta_put
INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2;

-- name: meta_delete
DELETE FROM meta WHERE key = ?1;

-- name: token_insert
INSERT INTO token (id, digest, name, scopes, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6);

-- name: token_revoke
UPDATE token SET revoked_at = ?2 WHERE id = ?1 AND revoked_at = 0;

-- name: token_list
SELECT id, digest, name, scopes, created_at, expires_at, revoked_at FROM token ORDER BY created_at;

-- name: finished_before
-- What retention removes, oldest first.
SELECT id, document_id, operation, status FROM item INDEXED BY item_finished
WHERE finished_at > 0 AND finished_at < ?1 AND (?2 IS NULL OR status = ?2)
ORDER BY finished_at LIMIT ?3;

-- name: item_delete
DELETE FROM item WHERE id = ?1;

-- name: attempt_delete
DELETE FROM attempt WHERE item_id = ?1;

-- name: item_of_document_any
SELECT 1 FROM item INDEXED BY item_of_document WHERE document_id = ?1 LIMIT 1;

-- name: item_of_document_list
SELECT id, operation, status FROM item INDEXED BY item_of_document WHERE document_id = ?1;

-- name: document_delete
DELETE FROM document WHERE id = ?1;

-- name: document_locate
SELECT pack, pack_offset, size FROM document WHERE id = ?1;

-- name: pack_ranges
SELECT pack_offset, size FROM document INDEXED BY document_pack WHERE pack = ?1
ORDER BY pack_offset;
