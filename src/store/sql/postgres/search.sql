-- Search is not there on PostgreSQL yet: completing and deleting keep no index, and asking is
-- refused.

-- name: indexed_get
-- name: indexed_add
-- name: indexed_delete
-- name: indexed_max
-- name: page_text_add
-- name: page_text_forget

-- name: fts_api
-- unsupported

-- name: indexed_document
-- unsupported

-- name: page_text_find
-- unsupported

-- name: result_after
-- unsupported
