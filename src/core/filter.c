/* Parsing and matching of filters. */
#include "core/filter.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static int take_duration(const char *value, int64_t now, int64_t *ret_time, dq_error *error)
{
    int64_t ago = duration_parse(value);
    if (ago < 0)
        return error_field(error, DQ_INVALID, "/filter",
                           "\"%.40s\" is no duration; write 90s, 2h or 30d", value);
    *ret_time = now - ago;
    return 0;
}

static int take_document(const char *value, struct filter *filter, dq_error *error)
{
    struct id id;
    if (!id_parse(value, &id))
        return error_field(error, DQ_INVALID, "/filter", "\"%.40s\" is no document id", value);
    id_format(&id, filter->document);
    return 0;
}

static int take_pair(const char *key, const char *value, int64_t now, struct filter *filter,
                     dq_error *error)
{
    static const struct {
        const char *key;
        size_t offset;
    } texts[] = {{"operation", offsetof(struct filter, operation)},
                 {"error", offsetof(struct filter, error)},
                 {"owner", offsetof(struct filter, owner)},
                 {"problem", offsetof(struct filter, problem)}};
    if (!*value)
        return error_field(error, DQ_INVALID, "/filter", "\"%.40s:\" says no value", key);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(key, texts[i].key) == 0) {
            snprintf((char *)filter + texts[i].offset, FILTER_VALUE_SIZE, "%s", value);
            return 0;
        }
    if (strcmp(key, "since") == 0)
        return take_duration(value, now, &filter->since, error);
    if (strcmp(key, "before") == 0)
        return take_duration(value, now, &filter->before, error);
    if (strcmp(key, "document") == 0)
        return take_document(value, filter, error);
    if (strcmp(key, "status") == 0) {
        filter->status = dq_status_parse(value, strlen(value));
        if (filter->status >= 0)
            return 0;
        return error_field(error, DQ_INVALID, "/filter",
                           "\"%.40s\" is no status; use pending, in_progress, completed, failed "
                           "or cancelled",
                           value);
    }
    return error_field(error, DQ_INVALID, "/filter",
                       "unknown key \"%.40s\"; use status, operation, error, problem, owner, "
                       "document, since or before",
                       key);
}

static int take_word(char *word, int64_t now, struct filter *filter, dq_error *error)
{
    char *colon = strchr(word, ':');
    if (colon) {
        *colon = '\0';
        return take_pair(word, colon + 1, now, filter, error);
    }
    filter->status = dq_status_parse(word, strlen(word));
    if (filter->status >= 0)
        return 0;
    return error_field(error, DQ_INVALID, "/filter",
                       "\"%.40s\" is no status and no key:value; example: failed "
                       "operation:process since:2h",
                       word);
}

int filter_parse(const char *text, int64_t now, struct filter *ret_filter, dq_error *error)
{
    struct filter filter = {.status = -1, .empty = true};
    char word[FILTER_VALUE_SIZE];
    for (text = text ? text : ""; *text;) {
        size_t length = strcspn(text, " ");
        if (length >= sizeof word)
            return error_field(error, DQ_INVALID, "/filter", "a word has more than %zu bytes",
                               sizeof word - 1);
        if (length > 0) {
            memcpy(word, text, length);
            word[length] = '\0';
            int r = take_word(word, now, &filter, error);
            if (r < 0)
                return r;
            filter.empty = false;
        }
        text += length + (text[length] == ' ');
    }
    *ret_filter = filter;
    return 0;
}

static bool same(const char *wanted, const char *value)
{
    return !wanted[0] || (value && strcmp(wanted, value) == 0);
}

bool filter_matches(const struct filter *filter, int status, const char *operation,
                    const char *error_code, const char *owner, int64_t created_at)
{
    return (filter->status < 0 || filter->status == status) && same(filter->operation, operation) &&
           same(filter->error, error_code) && same(filter->owner, owner) &&
           (filter->since == 0 || created_at >= filter->since) &&
           (filter->before == 0 || created_at < filter->before);
}
