-- The log of changes is not kept on PostgreSQL yet: nodes would have to take turns for its numbers.
-- Who asks for changes is told so.

-- name: change_last
-- unsupported

-- name: change_insert
-- unsupported

-- name: change_trim
-- unsupported

-- name: change_list
-- unsupported

-- name: finished_count
SELECT count(*) FROM (SELECT 1 FROM item_done
    WHERE finished_at < $1 AND status = $2 LIMIT $3) AS bounded;

-- name: finished_recent
SELECT status, created_at, started_at, finished_at FROM item_done
ORDER BY finished_at DESC LIMIT $1;
