/* Text cut into pieces for retrieval. Pure; docq.h says what a chunk is. */
#ifndef CORE_CHUNK_H
#define CORE_CHUNK_H

#include "base/arena.h"

#include <docq.h>

/* Fills defaults in and refuses what makes no sense: DQ_INVALID with the field. NULL = defaults. */
int chunk_options_check(const dq_chunk_options *options, dq_chunk_options *ret_options,
                        dq_error *error);

/* `options` as chunk_options_check gave them. Everything in the list is allocated in `arena`. */
void chunks_make(const dq_page *pages, size_t page_count, const dq_chunk_options *options,
                 struct arena *arena, dq_chunk_list *list);

#endif
