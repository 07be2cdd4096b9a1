-- Full text: schema 3 and its statements.
--
-- `indexed` gives each document with text a small number; a row of the index `page_text` is a page,
-- and its rowid is made of the document's number, the page's and a rough length (src/store/rank.h).
-- So the pages of a document stand together, in order, and a search needs no other table to group
-- and rank them. The index keeps no text of its own: what it is told to forget must be exactly what
-- it was told to learn, so pages are forgotten before they change.

-- name: schema_3
CREATE TABLE indexed (
    number INTEGER PRIMARY KEY,
    document_id BLOB NOT NULL UNIQUE
);
CREATE VIRTUAL TABLE page_text USING fts5 (name, text, content='', columnsize=0, tokenize='docq');
INSERT INTO meta SELECT 'index_after', zeroblob(16) WHERE EXISTS (SELECT 1 FROM result);

-- name: fts_api
SELECT fts5(?1);

-- name: indexed_get
SELECT number FROM indexed WHERE document_id = ?1;

-- name: indexed_add
INSERT INTO indexed (document_id) VALUES (?1) RETURNING number;

-- name: indexed_delete
DELETE FROM indexed WHERE document_id = ?1;

-- name: indexed_max
SELECT max(number) FROM indexed;

-- name: indexed_document
SELECT d.id, d.filename, d.content_type, d.owner, d.created_at
FROM indexed x JOIN document d ON d.id = x.document_id WHERE x.number = ?1;

-- name: page_text_add
-- The pages of a document as they are in `page`. ?2 = its number.
INSERT INTO page_text (rowid, name, text)
SELECT page_row(?2, p.number, p.text), d.filename, p.text
FROM document d JOIN page p ON p.document_id = d.id WHERE d.id = ?1;

-- name: page_text_forget
INSERT INTO page_text (page_text, rowid, name, text)
SELECT 'delete', page_row(?2, p.number, p.text), d.filename, p.text
FROM document d JOIN page p ON p.document_id = d.id WHERE d.id = ?1;

-- name: page_text_find
SELECT rowid, page_rank(page_text) FROM page_text
WHERE page_text MATCH ?1 AND rowid >= ?2 AND rowid < ?3 ORDER BY rowid;

-- name: page_get
SELECT text FROM page WHERE document_id = ?1 AND number = ?2;

-- name: result_after
-- Documents of a store older than the index, a slice at a time.
SELECT document_id, text_bytes FROM result WHERE document_id > ?1 ORDER BY document_id LIMIT ?2;
