/* Request targets: paths and queries. */
#include "http/path.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "base/utf8.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#define SCHEME "http://"

int percent_decode(const char *from, size_t length, char *to, bool plus_is_space)
{
    size_t out = 0;
    if (length > INT_MAX)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (from[i] == '%') {
            unsigned char byte;
            if (length - i < 3 || !hex_decode(from + i + 1, 2, &byte))
                return -1;
            to[out++] = (char)byte;
            i += 2;
        } else {
            to[out++] = from[i] == '+' && plus_is_space ? ' ' : from[i];
        }
    }
    return (int)out;
}

void percent_encode(struct buf *out, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    while (*text) {
        size_t span = strspn(text, plain);
        buf_append(out, text, span);
        text += span;
        if (*text)
            buf_printf(out, "%%%02X", (unsigned char)*text++);
    }
}

/* "http://host/path" is allowed where `host` repeats the Host header. */
static char *origin_form(char *target, const char *host)
{
    size_t scheme = strlen(SCHEME), length = strlen(host);
    if (target[0] == '/')
        return target;
    if (strncasecmp(target, SCHEME, scheme) != 0 || length == 0)
        return NULL;
    char *rest = target + scheme;
    if (strncasecmp(rest, host, length) != 0 || rest[length] != '/')
        return NULL;
    return rest + length;
}

int target_split(char *target, const char *host, char **path, char **query, dq_error *error)
{
    *path = origin_form(target, host);
    if (!*path || strchr(*path, '#') || strchr(*path, '\\'))
        return error_set(error, DQ_MALFORMED, "The request target is not a /path on this host.");
    char *mark = strchr(*path, '?');
    *query = mark ? mark + 1 : *path + strlen(*path);
    if (mark)
        *mark = '\0';
    return 0;
}

static bool segment_is_sound(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    if ((length == 1 && text[0] == '.') || (length == 2 && text[0] == '.' && text[1] == '.'))
        return false;
    return utf8_valid(text, length);
}

int path_segments(char *path, char *segments[SEGMENTS_MAX], dq_error *error)
{
    int count = 0;
    char *at = path + 1;
    for (;;) {
        size_t span = strcspn(at, "/");
        bool last = at[span] == '\0';
        int length = percent_decode(at, span, at, false);
        if (length < 0 || !segment_is_sound(at, (size_t)length))
            return error_set(error, DQ_MALFORMED,
                             "The path has a broken escape, a control byte or a `..` in it.");
        at[length] = '\0';
        if (count < SEGMENTS_MAX)
            segments[count] = at;
        if (count <= SEGMENTS_MAX)
            count++;
        if (last)
            return count;
        at += span + 1;
    }
}

static int query_copy(const char *name, const char *value, size_t length, char *out, size_t size,
                      dq_error *error)
{
    if (length >= size)
        return error_field(error, DQ_INVALID, name, "The query parameter `%s` is too long.", name);
    int decoded = percent_decode(value, length, out, true);
    if (decoded < 0 || memchr(out, '\0', (size_t)decoded) || !utf8_valid(out, (size_t)decoded))
        return error_set(error, DQ_MALFORMED,
                         "The query parameter `%s` has a broken escape or is not UTF-8.", name);
    out[decoded] = '\0';
    return decoded;
}

int query_value(const char *query, const char *name, char *out, size_t size, dq_error *error)
{
    size_t wanted = strlen(name);
    while (*query) {
        size_t span = strcspn(query, "&");
        if (span > wanted && query[wanted] == '=' && strncmp(query, name, wanted) == 0)
            return query_copy(name, query + wanted + 1, span - wanted - 1, out, size, error);
        query += span + (query[span] == '&');
    }
    return QUERY_MISSING;
}
