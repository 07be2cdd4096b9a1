-- What else a parser makes of a document: Markdown by page, the language, a thumbnail.

-- name: schema_5
-- A page without a row here is its own Markdown.
CREATE TABLE page_markdown (
    document_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (document_id, number)
);

CREATE TABLE rendition (
    document_id BLOB NOT NULL UNIQUE,
    language TEXT,
    thumbnail BLOB
);

-- name: markdown_insert
INSERT INTO page_markdown (document_id, number, text) VALUES (?1, ?2, ?3);

-- name: markdown_delete
DELETE FROM page_markdown WHERE document_id = ?1;

-- name: markdown_list
SELECT p.number, coalesce(m.text, p.text)
FROM page p LEFT JOIN page_markdown m ON m.document_id = p.document_id AND m.number = p.number
WHERE p.document_id = ?1 AND p.number BETWEEN ?2 AND ?3 ORDER BY p.number;

-- name: rendition_put
INSERT INTO rendition (document_id, language, thumbnail) VALUES (?1, ?2, ?3);

-- name: rendition_delete
DELETE FROM rendition WHERE document_id = ?1;

-- name: rendition_get
-- The length of a blob is known without reading it.
SELECT language, length(thumbnail) FROM rendition WHERE document_id = ?1;

-- name: thumbnail_get
SELECT thumbnail FROM rendition WHERE document_id = ?1 AND thumbnail IS NOT NULL;
