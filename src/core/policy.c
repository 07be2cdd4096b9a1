/* Pure rules with numbers and names. */
#include "core/policy.h"

#include "base/error.h"
#include "base/png.h"
#include "base/utf8.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>

enum { OWNER_BYTES_MAX = 128 };

int64_t retry_delay(const dq_operation *policy, int failures, int64_t retry_after, uint64_t random)
{
    double ceiling = (double)policy->backoff_base;
    for (int i = 1; i < failures && ceiling < (double)policy->backoff_cap; i++)
        ceiling *= policy->backoff_factor;
    if (ceiling > (double)policy->backoff_cap)
        ceiling = (double)policy->backoff_cap;
    int64_t delay = (int64_t)(ceiling * ((double)(random >> 11) * 0x1p-53));
    if (retry_after > policy->backoff_cap)
        retry_after = policy->backoff_cap;
    return delay > retry_after ? delay : retry_after;
}

int64_t rank_of(int64_t enqueued_at, int priority, int64_t age_step)
{
    return enqueued_at - priority * age_step;
}

int check_priority(int priority, dq_error *error)
{
    if (priority >= DQ_PRIORITY_MIN && priority <= DQ_PRIORITY_MAX)
        return 0;
    return error_field(error, DQ_INVALID, "/priority",
                       "priority %d is out of range; use a whole number from %d to %d", priority,
                       DQ_PRIORITY_MIN, DQ_PRIORITY_MAX);
}

int check_operation_name(const char *name, dq_error *error)
{
    size_t length = strlen(name);
    bool good = length > 0 && length <= DQ_OPERATION_BYTES_MAX;
    for (size_t i = 0; good && i < length; i++)
        good = islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]) ||
               name[i] == '_' || name[i] == '-';
    if (good)
        return 0;
    return error_field(error, DQ_INVALID, "/operation",
                       "an operation's name has 1 to %d of the characters a-z 0-9 _ -",
                       DQ_OPERATION_BYTES_MAX);
}

static int check_text(const char *text, size_t max, const char *field, dq_error *error)
{
    size_t length = strlen(text);
    if (length == 0 || length > max)
        return error_field(error, DQ_INVALID, field, "%s must have 1 to %zu bytes, not %zu",
                           field + 1, max, length);
    if (!utf8_valid(text, length))
        return error_field(error, DQ_INVALID, field, "%s must be valid UTF-8", field + 1);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 32 || text[i] == 127)
            return error_field(error, DQ_INVALID, field,
                               "%s must not hold control characters (byte %zu is 0x%02x)",
                               field + 1, i, (unsigned char)text[i]);
    return 0;
}

int check_filename(const char *name, dq_error *error)
{
    return check_text(name, DQ_FILENAME_BYTES_MAX, "/filename", error);
}

int check_owner(const char *owner, dq_error *error)
{
    return check_text(owner, OWNER_BYTES_MAX, "/owner", error);
}

int check_metadata(const char *json, dq_error *error)
{
    json_error_t why;
    size_t length = strlen(json);
    if (length > DQ_METADATA_BYTES_MAX)
        return error_field(error, DQ_INVALID, "/metadata", "metadata has %zu bytes; %d at most",
                           length, DQ_METADATA_BYTES_MAX);
    json_t *parsed = json_loadb(json, length, JSON_REJECT_DUPLICATES, &why);
    bool object = json_is_object(parsed);
    json_decref(parsed);
    if (object)
        return 0;
    return error_field(error, DQ_INVALID, "/metadata", "metadata must be a JSON object: %s",
                       parsed ? "it is another kind of value" : why.text);
}

bool language_valid(const char *language)
{
    size_t length = language ? strlen(language) : 0;
    if (length < 2 || length > DQ_LANGUAGE_BYTES_MAX || !isalpha((unsigned char)language[0]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)language[i]) && language[i] != '-')
            return false;
    return true;
}

int check_renditions(const dq_result *result, dq_error *error)
{
    if (result->language && !language_valid(result->language))
        return error_field(error, DQ_INVALID, "/result/language",
                           "a language is a BCP 47 tag such as \"en\" or \"pt-BR\"");
    if (!result->thumbnail)
        return 0;
    if (result->thumbnail_bytes <= DQ_THUMBNAIL_BYTES_MAX &&
        png_valid(result->thumbnail, result->thumbnail_bytes, DQ_THUMBNAIL_SIDE_MAX))
        return 0;
    return error_field(error, DQ_INVALID, "/result/thumbnail",
                       "a thumbnail is a PNG of at most %d x %d pixels and %d bytes",
                       DQ_THUMBNAIL_SIDE_MAX, DQ_THUMBNAIL_SIDE_MAX, DQ_THUMBNAIL_BYTES_MAX);
}

int check_purge(int64_t older, int status, dq_error *error)
{
    if (older < 0)
        return error_field(error, DQ_INVALID, "/older", "an age cannot be negative");
    if (status >= 0 && !(status == DQ_COMPLETED || status == DQ_FAILED || status == DQ_CANCELLED))
        return error_field(error, DQ_INVALID, "/status",
                           "only completed, failed and cancelled items can be purged");
    return 0;
}

int check_limit(int limit, int max, dq_error *error)
{
    if (limit >= 1 && limit <= max)
        return 0;
    return error_field(error, DQ_INVALID, "/limit", "limit must be from 1 to %d", max);
}

int parse_id(const char *text, const char *what, struct id *ret_id, dq_error *error)
{
    if (text && id_parse(text, ret_id))
        return 0;
    return error_set(error, DQ_NOT_FOUND, "\"%.40s\" is no %s id", text ? text : "", what);
}

int check_ask(const dq_ask *ask, struct id *ret_document, dq_error *error)
{
    int r = check_priority(ask->priority, error);
    if (r >= 0 && ask->operation)
        r = check_operation_name(ask->operation, error);
    if (r >= 0 && !(ask->document_id && id_parse(ask->document_id, ret_document)))
        r = error_field(error, DQ_NOT_FOUND, "/document_id", "\"%.40s\" is no document id",
                        ask->document_id ? ask->document_id : "");
    return r;
}

int check_idempotency_key(const char *key, dq_error *error)
{
    size_t length = strlen(key);
    bool sound = length > 0 && length <= DQ_IDEMPOTENCY_KEY_BYTES_MAX;
    for (size_t i = 0; sound && i < length; i++)
        sound = (unsigned char)key[i] >= 0x20 && key[i] != 0x7f;
    if (sound)
        return 0;
    return error_field(error, DQ_INVALID, "/idempotency_key",
                       "an idempotency key has 1 to %d bytes and no control characters",
                       DQ_IDEMPOTENCY_KEY_BYTES_MAX);
}
