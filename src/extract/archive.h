/* The ZIP archive that a document is made of, in memory, read within the budgets of budget.h. The
 * libarchive of container.c has a `struct archive` of its own: include only one of the two. */
#ifndef EXTRACT_ARCHIVE_H
#define EXTRACT_ARCHIVE_H

#include "base/buf.h"
#include "base/error.h"
#include "extract/input.h"

#include <stddef.h>

struct archive;

/* DQ_CORRUPT or DQ_TOO_LARGE on failure. `input` must outlive the archive. */
int archive_open(const struct input *input, struct archive **ret_archive, dq_error *error);
void archive_close(struct archive **archive); /* NULL is fine */
#define autoarchive __attribute__((cleanup(archive_close))) struct archive *

/* The entry's place, or -1. A leading slash is ignored, and so is the case of letters. */
int archive_find(const struct archive *archive, const char *name);

const char *archive_name(const struct archive *archive, int entry);

/* The entry's bytes, piece by piece; stops where the sink returns < 0. DQ_FORBIDDEN where it is
 * encrypted. All reading counts towards the input's budget. */
typedef int archive_sink(void *context, const char *bytes, size_t length);
int archive_stream(struct archive *archive, int entry, archive_sink *sink, void *context,
                   dq_error *error);

/* The whole entry, at most what `to` may hold; more is DQ_TOO_LARGE. */
int archive_read(struct archive *archive, int entry, struct buf *to, dq_error *error);

/* The name of the entry that `target` means where the entry `part` refers to it: relative to its
 * folder, or from the root. "" where that is longer than `size`. */
void archive_resolve(const char *part, const char *target, char *to, size_t size);

#endif
