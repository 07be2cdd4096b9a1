/* What a document says of itself in a part of its own: title, author, dates. */
#ifndef EXTRACT_PROPERTIES_H
#define EXTRACT_PROPERTIES_H

#include "extract/archive.h"
#include "extract/emit.h"

/* Damaged properties are a problem, missing ones are nothing. */
void properties_read_office(struct archive *archive, struct emit *emit); /* OOXML: docProps/ */
void properties_read_open_document(struct archive *archive, struct emit *emit); /* ODF: meta.xml */
void properties_read_book(struct archive *archive, int entry, struct emit *emit); /* EPUB: OPF */

#endif
