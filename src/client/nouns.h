/* JSON -> the nouns of docq.h: the other direction of core/view.h.
 *
 * A member that is missing or null leaves its zero; one of another type, or text that does not fit,
 * is DQ_INTERNAL with the member's name: the server speaks another language. Strings go into the
 * arena. */
#ifndef CLIENT_NOUNS_H
#define CLIENT_NOUNS_H

#include "base/arena.h"

#include <docq.h>
#include <jansson.h>

typedef int noun_fn(const json_t *json, struct arena *arena, void *ret_noun, dq_error *error);

noun_fn noun_item;     /* dq_item */
noun_fn noun_document; /* dq_document */
noun_fn noun_lease;    /* dq_lease */
noun_fn noun_stats;    /* dq_queue_stats */
noun_fn noun_worker;   /* dq_worker */
noun_fn noun_page;     /* dq_page */
noun_fn noun_hit;      /* dq_hit */
noun_fn noun_token;    /* dq_token, without its digest */

/* The array NAME of an answer, `size` bytes an element, with room for none as well. NULL: as above.
 */
void *noun_array(const json_t *answer, const char *name, noun_fn *read, size_t size,
                 struct arena *arena, size_t *ret_count, dq_error *error);

/* Single members of an answer. */
int noun_text(const json_t *answer, const char *name, struct arena *arena, const char **ret_text,
              dq_error *error);
int noun_number(const json_t *answer, const char *name, int64_t *ret_number, dq_error *error);
int noun_time(const json_t *answer, const char *name, int64_t *ret_time, dq_error *error);
int noun_status(const json_t *answer, const char *name, enum dq_status *ret_status,
                dq_error *error);

/* The code of {"error": {code, detail}} among the results of a batch; *error gets the first one. */
int noun_refusal(const json_t *result, dq_error *error);

/* A copy of at most `size` - 1 bytes, such as an id. */
int noun_chars(const json_t *answer, const char *name, char *ret_chars, size_t size,
               dq_error *error);

#endif
