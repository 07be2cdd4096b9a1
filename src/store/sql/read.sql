-- What people and programs look at.

-- name: item_get
SELECT i.id, i.document_id, i.operation, i.priority, i.status, i.gate, i.attempts, i.errors,
       i.crashes, i.epoch, i.created_at, i.due_at, i.started_at, i.finished_at, i.worker,
       i.lease_expires_at, i.progress_stage, i.progress_done, i.progress_total, i.error_code,
       i.error_message, i.error_retryable, i.superseded_by, i.session, o.max_attempts, o.paused_at,
       o.kind, d.filename, d.owner
FROM item i JOIN operation o ON o.name = i.operation JOIN document d ON d.id = i.document_id
WHERE i.id = ?1;

-- name: store_risk
-- What could cost acknowledged work. Of a file, `docq doctor` looks at the disk itself.
SELECT NULL;

-- name: newest_item
SELECT id FROM item INDEXED BY item_of_document WHERE document_id = ?1 ORDER BY id DESC LIMIT 1;

-- name: document_get
SELECT id, filename, content_type, size, sha256, metadata, owner, created_at
FROM document WHERE id = ?1;

-- name: item_page
-- Keyset paging, newest first. ?1 = ids below this one, ?2 = how many rows to look at.
SELECT i.id, i.status, i.operation, i.error_code, i.document_id, i.created_at, d.owner,
       i.error_message
FROM item i JOIN document d ON d.id = i.document_id
WHERE i.id < ?1 ORDER BY i.id DESC LIMIT ?2;

-- name: item_page_status
SELECT i.id, i.status, i.operation, i.error_code, i.document_id, i.created_at, d.owner,
       i.error_message
FROM item i INDEXED BY item_by_status JOIN document d ON d.id = i.document_id
WHERE i.status = ?3 AND i.id < ?1 ORDER BY i.id DESC LIMIT ?2;

-- name: item_page_document
SELECT i.id, i.status, i.operation, i.error_code, i.document_id, i.created_at, d.owner,
       i.error_message
FROM item i INDEXED BY item_of_document JOIN document d ON d.id = i.document_id
WHERE i.document_id = ?3 AND i.id < ?1 ORDER BY i.id DESC LIMIT ?2;

-- name: document_page
SELECT d.id, i.status, i.operation, i.error_code, d.id, d.created_at, d.owner,
       i.error_message
FROM document d LEFT JOIN item i ON i.id = (
    SELECT id FROM item INDEXED BY item_of_document WHERE document_id = d.id
    ORDER BY id DESC LIMIT 1)
WHERE d.id < ?1 ORDER BY d.id DESC LIMIT ?2;

-- name: document_prefix
SELECT id FROM document WHERE id BETWEEN ?1 AND ?2 LIMIT 2;

-- name: item_prefix
SELECT id FROM item WHERE id BETWEEN ?1 AND ?2 LIMIT 2;
