/* What the conformance tests share: a fresh store each, uploads of a few bytes, and shorthands. */
#ifndef TESTS_STORE_SUITE_H
#define TESTS_STORE_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <docq.h>

#define S 1000000

int fresh(void **state); /* setup: *state is a dq_queue with quick retries */
int drop(void **state);
int remove_tree(const char *path);

bool is_remote(void); /* the engine is a server: it looks after expired leases by itself */

const char *store_url(void); /* of the store that `fresh` opened */

/* A document with the text as its bytes; *ret_item_id may be NULL. The id is static to the call's
 * caller: copy it. */
void upload(dq_queue *queue, const char *text, char ret_id[DQ_ID_SIZE], char *ret_item_id);
/* Claims one; false where nothing is due. The copy holds no strings beyond what tests compare. */
bool claim_one(dq_queue *queue, char ret_token[DQ_TOKEN_SIZE], char ret_item_id[DQ_ID_SIZE]);
enum dq_status status_of(dq_queue *queue, const char *item_id);
dq_item *item_of(dq_queue *queue, const char *item_id);
void nap(int64_t microseconds);

/* The call returns `code`; the failure is printed otherwise. */
#define expect(code, call)                                                                         \
    do {                                                                                           \
        dq_error error_ = {0}, *error = &error_;                                                   \
        (void)error;                                                                               \
        int64_t r_ = (call);                                                                       \
        if (r_ != (code))                                                                          \
            print_error("%s: %s\n", dq_code_name((int)r_), error_.detail);                         \
        assert_int_equal(r_, code);                                                                \
    } while (0)

int state_tests(void);  /* states.c */
int verb_tests(void);   /* verbs.c */
int search_tests(void); /* searching.c */
int watch_tests(void);  /* watch.c */

#endif
