/*
 * The query language of search. docs/search.md explains it to people.
 *
 * A query is groups that must all hold; the terms of one group are alternatives (OR). Terms with
 * `exclude` must not hold. What can be compared with a document's row is a filter. Nothing that is
 * typed is an error but a key that nobody knows, a date that is none, and what exceeds a limit.
 */
#ifndef CORE_QUERY_H
#define CORE_QUERY_H

#include "base/buf.h"

#include <docq.h>

#define QUERY_BYTES_MAX     1024
#define QUERY_TERMS_MAX     32
#define QUERY_FILTERS_MAX   16
#define QUERY_PREFIXES_MAX  8    /* each is looked up word by word */
#define QUERY_COMPILED_SIZE 8192 /* more than any query needs once it is compiled */

struct query_term {
    const char *text; /* inside query.bytes, not terminated */
    size_t length;
    bool prefix;  /* its last word may go on */
    bool exclude; /* in no group */
    bool name;    /* only in the file's name */
    bool silent;  /* holds no word, so it is left out; set by who knows what the index calls one */
    int group;
};

enum query_key { QUERY_TYPE, QUERY_OWNER, QUERY_KEYS_MAX };

struct query_filter {
    enum query_key key;
    bool exclude;
    const char *value; /* inside query.bytes, not terminated */
    size_t length;
};

struct query {
    char bytes[QUERY_BYTES_MAX + 1];
    struct query_term terms[QUERY_TERMS_MAX];
    int term_count, group_count;
    struct query_filter filters[QUERY_FILTERS_MAX];
    int filter_count;
    int64_t since, before; /* bounds of created_at, 0 = none */
};

/* `now` gives `since:2h` its meaning. The query points into itself: it must not be copied.
 * DQ_INVALID: *ret_query is of no use then. NULL is the empty query. */
int query_parse(const char *text, int64_t now, struct query *ret_query, dq_error *error);

/* Appends the query in the syntax of FTS5 for the columns `name` and `text`, every term quoted.
 * False: it has no term to look for, and so finds nothing. */
bool query_compile(const struct query *query, struct buf *out);

/* Do the filters let this document through? Filters of one key are alternatives. */
bool query_admits(const struct query *query, const char *content_type, const char *owner,
                  int64_t created_at);

#endif
