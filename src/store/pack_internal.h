/* What pack.c and pack_read.c share. */
#ifndef STORE_PACK_INTERNAL_H
#define STORE_PACK_INTERNAL_H

#include "store/pack.h"

int pack_directory(const struct pack_store *store);          /* -1: in memory */
int pack_reopen(struct pack_store *store, const char *pack); /* read-only, -1 and errno */

#endif
