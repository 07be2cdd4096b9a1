-- What people look at, where PostgreSQL's planner must be told to look rows up one by one.

-- name: item_page
SELECT i.id, i.status, i.operation, i.error_code, i.document_id, i.created_at, d.owner
FROM item i, LATERAL (SELECT owner FROM document WHERE id = i.document_id LIMIT 1) d
WHERE i.id < $1 ORDER BY i.id DESC LIMIT $2;

-- name: item_page_status
SELECT i.id, i.status, i.operation, i.error_code, i.document_id, i.created_at, d.owner
FROM item i, LATERAL (SELECT owner FROM document WHERE id = i.document_id LIMIT 1) d
WHERE i.status = $3 AND i.id < $1 ORDER BY i.id DESC LIMIT $2;

-- name: item_page_document
SELECT i.id, i.status, i.operation, i.error_code, i.document_id, i.created_at, d.owner
FROM item i, LATERAL (SELECT owner FROM document WHERE id = i.document_id LIMIT 1) d
WHERE i.document_id = $3 AND i.id < $1 ORDER BY i.id DESC LIMIT $2;

-- name: document_page
SELECT d.id, i.status, i.operation, i.error_code, d.id, d.created_at, d.owner
FROM document d LEFT JOIN LATERAL (
    SELECT status, operation, error_code FROM item WHERE document_id = d.id
    ORDER BY id DESC LIMIT 1) i ON true
WHERE d.id < $1 ORDER BY d.id DESC LIMIT $2;
