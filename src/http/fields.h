/* JSON that came from outside: read strictly, its fields checked against a table. */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include <docq.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* One value, nothing behind it, UTF-8, no duplicate keys, nesting up to 64. DQ_MALFORMED. */
int json_read(const char *bytes, size_t length, json_t **ret, dq_error *error);

enum field_type {
    FIELD_STRING,   /* const char *; `max` bytes */
    FIELD_NUMBER,   /* int64_t, an integer from `min` to `max` */
    FIELD_BOOL,     /* bool */
    FIELD_OBJECT,   /* json_t *, borrowed */
    FIELD_ARRAY,    /* json_t *, borrowed; `max` elements */
    FIELD_REAL,     /* double from `min` to `max` */
    FIELD_SECONDS,  /* int64_t microseconds, from a number of seconds; min and max as well */
    FIELD_TIME,     /* int64_t, from an RFC 3339 string */
    FIELD_DURATION, /* int64_t microseconds, from "30d" */
};

struct field {
    const char *name;
    enum field_type type;
    void *value; /* unchanged where the field is missing or null */
    int64_t min, max;
    bool required;
};

/* One row: FIELD("limit", NUMBER, &limit, .min = 1, .max = 10). */
#define FIELD(id, kind, target, ...)                                                               \
    {                                                                                              \
        .name = id, .type = FIELD_##kind, .value = target, __VA_ARGS__                             \
    }

#define FIELDS_COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

/* `object` NULL = {}. `prefix` is the pointer of the object itself ("" or "/3"). Unknown fields,
 * wrong types and values out of range are DQ_INVALID with the pointer of the field. */
int fields_read(json_t *object, const char *prefix, const struct field *fields, size_t count,
                dq_error *error);

#endif
