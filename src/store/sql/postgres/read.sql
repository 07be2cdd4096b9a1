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

-- name: store_risk
SELECT nullif(concat_ws('; ',
    CASE WHEN current_setting('fsync') = 'off' OR current_setting('full_page_writes') = 'off'
    THEN 'the database runs with fsync or full_page_writes off and does not survive a power cut' END,
    CASE WHEN current_setting('synchronous_standby_names') = ''
    THEN 'the database has no synchronous standby: with its machine, acknowledged work would be lost'
    END,
    (SELECT 'a transaction has been open for ' || max(extract(epoch FROM now() - a.xact_start))::INT
            || ' s: while it lasts, dead rows stay and claims get slower'
     FROM pg_stat_activity a WHERE a.backend_xmin IS NOT NULL
     HAVING max(now() - a.xact_start) > interval '60 s')), '');
