-- Requests that may come twice: what the first one made, under the key that its sender chose.

-- name: schema_2
-- `key` is a digest of who asked and of the key, `digest` one of what was asked, `made` lists ids.
CREATE TABLE request_key (
    key BLOB PRIMARY KEY CHECK (length(key) = 32),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    made TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX request_key_age ON request_key (created_at);

-- name: request_key_find
SELECT made, CASE WHEN digest = ?2 THEN 1 ELSE 0 END FROM request_key WHERE key = ?1;

-- name: request_key_keep
INSERT INTO request_key (key, digest, made, created_at) VALUES (?1, ?2, ?3, ?4);

-- name: request_key_forget
-- A slice of those that are older than anybody retries.
DELETE FROM request_key WHERE key IN (
    SELECT key FROM request_key WHERE created_at < ?1 ORDER BY created_at LIMIT ?2);
