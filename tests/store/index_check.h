/* Whether the index of full text says exactly what the pages say. */
#ifndef TESTS_STORE_INDEX_CHECK_H
#define TESTS_STORE_INDEX_CHECK_H

#include <stdint.h>

/* Compares the index of a database file, word by word and place by place, with one made anew from
 * its pages. Returns the number of places that only one of them has; -1 where it is damaged. */
int64_t index_differences(const char *database);

/* The words of all pages, repetitions counted: proof that there was something to compare. */
int64_t index_places(const char *database);

#endif
