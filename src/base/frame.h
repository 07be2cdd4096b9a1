/*
 * The records that cross the wall between docq-extract and the worker, on a pipe.
 *
 * A frame is a header of 8 bytes, `type` (uint32, little-endian) and `length` (uint32), and then
 * `length` bytes. The reader treats every byte as hostile: an unknown type, a length above its
 * limit, a page out of order, bad UTF-8 or anything behind FRAME_END ends the talker.
 *
 *   FRAME_PROGRESS  uint32 done, uint32 total, stage name
 *   FRAME_TYPE      media type of the document as the parser sees it
 *   FRAME_PAGE      uint32 number (1, 2, 3, ... without a gap), text
 *   FRAME_METADATA  one JSON object
 *   FRAME_PROBLEM   one sentence
 *   FRAME_ERROR     slug of a failure (core/failures.def), NUL, message: the document is at fault
 *   FRAME_END       empty; exactly once, last: what came before is whole
 *   FRAME_MARKDOWN  uint32 number of the page that came last, its text as Markdown; none where
 *                   the text itself is all the Markdown there is
 *   FRAME_THUMBNAIL a small picture of the document as PNG; at most once
 */
#ifndef BASE_FRAME_H
#define BASE_FRAME_H

enum frame_type {
    FRAME_PROGRESS = 1,
    FRAME_TYPE,
    FRAME_PAGE,
    FRAME_METADATA,
    FRAME_PROBLEM,
    FRAME_ERROR,
    FRAME_END,
    FRAME_MARKDOWN,
    FRAME_THUMBNAIL,
};

#define FRAME_HEADER_BYTES        8
#define FRAME_SMALL_BYTES_MAX     4096 /* PROGRESS, TYPE, PROBLEM, ERROR */
#define FRAME_METADATA_BYTES_MAX  (256 * 1024)
#define FRAME_PAGE_BYTES_MAX      (16 * 1024 * 1024)
#define FRAME_PAGES_MAX           100000
#define FRAME_PROBLEMS_MAX        100
#define FRAME_OUTPUT_BYTES_MAX    (256 * 1024 * 1024) /* all pages of one document */
#define FRAME_MARKDOWN_BYTES_MAX  (128 * 1024 * 1024) /* the Markdown of all of them */
#define FRAME_THUMBNAIL_BYTES_MAX (512 * 1024)
#define FRAME_THUMBNAIL_SIDE_MAX  320 /* pixels */

#endif
