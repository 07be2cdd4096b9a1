/* The piece of a page that shows why it was found: plain text on one line. Pure. */
#ifndef CORE_SNIPPET_H
#define CORE_SNIPPET_H

#include "base/arena.h"

#include <docq.h>

#define SNIPPET_CHARACTERS_MAX 240 /* without the ellipses */
#define SNIPPET_LEAD_MAX       60  /* characters before the first match */

/* Where a term of the query stands in the text, in bytes. */
struct found {
    size_t from, to;
    int term;
};

/* Around the place where most different terms stand together. `found` may be in any order and is
 * sorted; without any, the snippet is the beginning. The text is UTF-8; NUL and other control
 * bytes become blanks, and several blanks one. Fills snippet, matches and match_count of *hit. */
void snippet_make(const char *text, size_t length, struct found *found, size_t count,
                  struct arena *arena, dq_hit *hit);

#endif
