/* What a document may ask for at most; beyond it the answer is limit_exceeded. The limits of the
 * records themselves are in base/frame.h. */
#ifndef EXTRACT_BUDGET_H
#define EXTRACT_BUDGET_H

#define LIMIT_INFLATED_BYTES  (256ull * 1024 * 1024) /* all read parts of one archive */
#define LIMIT_INFLATE_RATIO   200                    /* inflated bytes for each stored one ... */
#define LIMIT_RATIO_FROM      (10ull * 1024 * 1024)  /* ... looked at from so many bytes on */
#define LIMIT_ARCHIVE_ENTRIES 10000
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

#endif
