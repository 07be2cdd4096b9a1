-- What changes, for those who watch: the events of the server and whoever follows the queue.

-- name: schema_4
-- One row a commit. Every change of an item has a number, and `last` is that of the row's last
-- one, so a row of n changes covers last - n + 1 .. last; a reader that meets a gap knows that it
-- has missed something. `changes` holds 17 bytes each: the item's id and its new status.
CREATE TABLE change (
    last INTEGER PRIMARY KEY,
    changes BLOB NOT NULL
);
-- Failures by the time they happened, for grouping the recent ones.
CREATE INDEX item_failed ON item (finished_at) WHERE status = 'failed';

-- name: change_last
SELECT max(last) FROM change;

-- name: change_insert
INSERT INTO change VALUES (?1, ?2);

-- name: change_trim
DELETE FROM change WHERE last <= ?1;

-- name: change_list
SELECT last, changes FROM change WHERE last > ?1 ORDER BY last LIMIT ?2;

-- name: failure_list
SELECT id, operation, error_code, error_message, finished_at FROM item INDEXED BY item_failed
WHERE status = 'failed' AND finished_at >= ?1 ORDER BY finished_at DESC LIMIT ?2;

-- name: rate_list
SELECT minute, enqueued, completed, failed FROM rate WHERE minute >= ?1 ORDER BY minute;

-- name: finished_count
-- What retention would remove, up to a bound.
SELECT count(*) FROM (SELECT 1 FROM item INDEXED BY item_finished
    WHERE finished_at > 0 AND finished_at < ?1 AND status = ?2 LIMIT ?3);

-- name: finished_recent
-- The newest finished items, for how long they waited and ran.
SELECT status, created_at, started_at, finished_at FROM item INDEXED BY item_finished
WHERE finished_at > 0 ORDER BY finished_at DESC LIMIT ?1;
