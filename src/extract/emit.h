/* The only writer of frames (base/frame.h). Text goes into the open page until emit_page() closes
 * it; a page that grows over the frame limit is closed and continued on the next. All text may be
 * any bytes: what is not UTF-8 becomes U+FFFD and NUL disappears.
 *
 * The first failure is kept: every later call returns it and writes nothing. */
#ifndef EXTRACT_EMIT_H
#define EXTRACT_EMIT_H

#include <docq.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct emit;

enum fact {
    FACT_TITLE,
    FACT_AUTHOR,
    FACT_SUBJECT,
    FACT_KEYWORDS,
    FACT_DESCRIPTION,
    FACT_CREATED,  /* ISO 8601 */
    FACT_MODIFIED, /* ISO 8601 */
    FACT_LANGUAGE,
    FACT_PRODUCER,
    FACT_ENCODING,
    FACT_ROWS,
    FACT_COLUMNS,
};

/* `deadline` is a clock_tick() after which emitting fails with DQ_TIMED_OUT; 0 is never. */
struct emit *emit_new(int fd, int64_t deadline);
void emit_free(struct emit *emit); /* NULL is fine; the descriptor stays open */

int emit_type(struct emit *emit, const char *media_type);
int emit_progress(struct emit *emit, uint32_t done, uint32_t total, const char *stage);
int emit_text(struct emit *emit, const char *text, size_t length); /* whole characters */
int emit_puts(struct emit *emit, const char *text);
int emit_page(struct emit *emit); /* closes the page, an empty one as well */

/* The open page as Markdown, beside its text: whole characters that are Markdown already (what
 * must be escaped, the caller escapes). A page that gets none is its own Markdown. Markdown that
 * has no room any more is left out, and a problem says so. */
int emit_markdown(struct emit *emit, const char *text, size_t length);

/* A PNG of at most FRAME_THUMBNAIL_SIDE_MAX pixels a side; the first one counts, and none of
 * a document inside. */
int emit_thumbnail(struct emit *emit, const void *png, size_t length);

int emit_problem(struct emit *emit, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Facts are collected and leave with emit_metadata(); the first non-empty value counts. */
void emit_fact(struct emit *emit, enum fact fact, const char *text, size_t length);
void emit_count(struct emit *emit, enum fact fact, uint64_t count);
void emit_time(struct emit *emit, enum fact fact, int64_t seconds); /* since 1970 UTC */

/* A document inside of this one: begins a page, with `name` as its heading, and ends with one.
 * Where `name` is NULL it goes on in the open page and leaves it open. Until the end facts are not
 * taken (they are not about this document) and problems begin with the name. */
int emit_part_begin(struct emit *emit, const char *name);
int emit_part_end(struct emit *emit);

int64_t emit_time_left(const struct emit *emit); /* milliseconds; INT64_MAX: there is no end */
size_t emit_open_bytes(const struct emit *emit); /* text in the open page */
int emit_status(struct emit *emit,
                dq_error *error); /* the first failure, or 0; looks at the time */

/* The three endings; they work after DQ_TIMED_OUT and DQ_TOO_LARGE as well. */
int emit_metadata(struct emit *emit, int partial, dq_error *error); /* closes the open page */
int emit_error(struct emit *emit, const char *slug, const char *message, dq_error *error);
int emit_end(struct emit *emit, dq_error *error);

/* For a signal handler, when a parser hangs: ends the document with the pages that have left, if
 * there are any and no frame is half written; then it does not return. */
void emit_cut_off(const struct emit *emit);

#ifdef __cplusplus
}
#endif

#endif
