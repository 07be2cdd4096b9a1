/* What pack_files.c and pack_read.c share. */
#ifndef STORE_PACK_FILES_H
#define STORE_PACK_FILES_H

#include "store/pack_internal.h"

int pack_files_directory(const struct pack_store *store);          /* -1: in memory */
int pack_files_reopen(struct pack_store *store, const char *pack); /* read-only, -1 and errno */

int pack_files_open_content(struct pack_store *store, const struct pack_place *place, int *ret_fd,
                            dq_error *error);
void pack_files_discard(struct pack_store *store, const struct pack_place *place);
int64_t pack_files_reap(struct pack_store *store, pack_ranges_fn *ranges, void *context);

#endif
