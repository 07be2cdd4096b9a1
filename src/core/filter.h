/* The filter language of lists: words and key:value pairs, all of which must hold. */
#ifndef CORE_FILTER_H
#define CORE_FILTER_H

#include <docq.h>

#define FILTER_VALUE_SIZE 129

struct filter {
    int status; /* enum dq_status, or -1 = any */
    char operation[FILTER_VALUE_SIZE], error[FILTER_VALUE_SIZE], owner[FILTER_VALUE_SIZE];
    char document[DQ_ID_SIZE];
    char problem[FILTER_VALUE_SIZE]; /* key of a kind of failure; the reader of rows compares it */
    int64_t since, before;           /* created_at bounds, 0 = none */
    bool empty;
};

/* DQ_INVALID names the word at fault. `now` gives `since:2h` its meaning. NULL text is empty. */
int filter_parse(const char *text, int64_t now, struct filter *ret_filter, dq_error *error);

/* Strings may be NULL where a row has none. */
bool filter_matches(const struct filter *filter, int status, const char *operation,
                    const char *error_code, const char *owner, int64_t created_at);

#endif
