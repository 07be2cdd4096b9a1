-- Full text: schema 3 and its statements.
--
-- `indexed` gives each document with text a small number; a row of the index `page_text` is a page,
-- and its rowid is number * 2^24 + page. So the pages of a document stand together, in order, and
-- a search needs no other table to group them. The index keeps no text of its own: what it is told
-- to forget must be exactly what it was told to learn, so pages are forgotten before they change.

-- name: schema_3
CREATE TABLE indexed (
    number INTEGER PRIMARY KEY,
    document_id BLOB NOT NULL UNIQUE
);
CREATE VIRTUAL TABLE page_text USING fts5 (name, text, content='', tokenize='docq');
INSERT INTO meta SELECT 'index_after', zeroblob(16) WHERE EXISTS (SELECT 1 FROM result);

-- name: fts_api
SELECT fts5(?1);

-- name: indexed_get
SELECT number FROM indexed WHERE document_id = ?1;

-- name: indexed_add
INSERT INTO indexed (document_id) VALUES (?1);

-- name: indexed_delete
DELETE FROM indexed WHERE document_id = ?1;

-- name: indexed_max
SELECT max(number) FROM indexed;

-- name: indexed_document
SELECT d.id, d.filename, d.content_type, d.owner, d.created_at
FROM indexed x JOIN document d ON d.id = x.document_id WHERE x.number = ?1;

-- name: page_text_add
-- The pages of a document as they are in `page`. ?2 = its number * 2^24.
INSERT INTO page_text (rowid, name, text)
SELECT ?2 + p.number, d.filename, p.text
FROM document d JOIN page p ON p.document_id = d.id WHERE d.id = ?1;

-- name: page_text_forget
INSERT INTO page_text (page_text, rowid, name, text)
SELECT 'delete', ?2 + p.number, d.filename, p.text
FROM document d JOIN page p ON p.document_id = d.id WHERE d.id = ?1;

-- name: page_text_find
-- In the order of the rows. A word in the file's name weighs as much as four in the text.
SELECT rowid, -bm25(page_text, 4.0, 1.0) FROM page_text
WHERE page_text MATCH ?1 AND rowid BETWEEN ?2 AND ?3;

-- name: page_get
SELECT text FROM page WHERE document_id = ?1 AND number = ?2;

-- name: result_after
-- Documents of a store older than the index, a slice at a time.
SELECT document_id, text_bytes FROM result WHERE document_id > ?1 ORDER BY document_id LIMIT ?2;
