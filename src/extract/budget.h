/* What a document may ask for at most; beyond it the answer is limit_exceeded. The limits of the
 * records themselves are in base/frame.h. */
#ifndef EXTRACT_BUDGET_H
#define EXTRACT_BUDGET_H

#include <docq.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Counted over a document and everything inside of it, however deep. */
#define LIMIT_INFLATED_BYTES (512ull * 1024 * 1024) /* unpacked, of all that is read */
#define LIMIT_INFLATE_RATIO  200                    /* unpacked bytes for each stored one ... */
#define LIMIT_RATIO_FROM     (10ull * 1024 * 1024)  /* ... looked at from so many bytes on */
#define LIMIT_MEMBERS        50000                  /* of archives, and attachments */
#define LIMIT_NESTING        8                      /* documents in documents */

/* Of one document. */
#define LIMIT_ARCHIVE_ENTRIES 10000
#define LIMIT_MEMBER_BYTES    (128ull * 1024 * 1024) /* one member of an archive, in memory */
#define LIMIT_XML_DEPTH       256
#define LIMIT_XML_ATTRIBUTES  50000 /* of one element, counted by '=' up to the next '<' */
#define LIMIT_HTML_BYTES      (64ull * 1024 * 1024)  /* source, as UTF-8 */
#define LIMIT_HTML_TREE_BYTES (512ull * 1024 * 1024) /* what the HTML library may allocate */
#define LIMIT_PDF_BYTES       (1024ull * 1024 * 1024)
#define LIMIT_IMAGE_PIXELS    100000000 /* of one picture, before it is decoded */
#define LIMIT_IMAGE_PAGES     1000
#define LIMIT_OCR_PIXELS      25000000 /* larger ones are made smaller first */
#define LIMIT_OCR_LANGUAGES   4        /* where the settings name none */
#define LIMIT_PART_NAMES      1000     /* parts of one office document that are read */
#define LIMIT_PARAGRAPH_BYTES (16ull * 1024 * 1024)
#define LIMIT_STRINGS_BYTES   (256ull * 1024 * 1024) /* shared strings of a workbook */
#define LIMIT_STRINGS         8000000                /* their number */
#define LIMIT_STYLES          70000                  /* cell formats of a workbook */
#define LIMIT_NUMBER_FORMATS  4096                   /* its own number formats */
#define LIMIT_CELL_GAP        64                     /* empty cells or copies shown in a row */
#define LIMIT_RTF_DEPTH       1000                   /* groups in groups */
#define LIMIT_MIME_DEPTH      20                     /* multiparts in multiparts */
#define LIMIT_MIME_PARTS      1000                   /* of one message */
#define LIMIT_HEADER_BYTES    (1024ull * 1024)       /* of one message or part */

/* What has been used of it; zeroed at the start, but for `stored`. */
struct budget {
    uint64_t stored, inflated; /* bytes: of the document as it came, of all that was unpacked */
    unsigned members, depth;
    bool exhausted; /* a limit was reached; the whole document ends */
};

/* Each counts what is about to be used; DQ_TOO_LARGE says which limit is in the way. */
int budget_inflate(struct budget *budget, size_t bytes, dq_error *error);
int budget_member(struct budget *budget, dq_error *error);
int budget_enter(struct budget *budget, dq_error *error); /* one level down; balance it */
void budget_leave(struct budget *budget);

#ifdef __cplusplus
}
#endif

#endif
