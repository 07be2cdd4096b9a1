/* Reading of JSON from outside. */
#include "http/fields.h"

#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX    64
#define POINTER_SIZE 64

/* jansson's own limit is fixed at 2048 levels. */
static bool too_deep(const char *bytes, size_t length)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        char c = bytes[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > DEPTH_MAX)
                return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

int json_read(const char *bytes, size_t length, json_t **ret, dq_error *error)
{
    json_error_t problem;
    if (too_deep(bytes, length))
        return error_set(error, DQ_MALFORMED, "The JSON is nested more than %d levels deep.",
                         DEPTH_MAX);
    json_t *value = json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (!value)
        return error_set(error, DQ_MALFORMED, "The JSON cannot be read: %s (line %d, column %d).",
                         problem.text, problem.line, problem.column);
    *ret = value;
    return 0;
}

struct place {
    const char *prefix, *name;
    dq_error *error;
};

/* RFC 6901: in a name, ~ is ~0 and / is ~1. */
static int wrong(const struct place *place, const char *expected)
{
    char pointer[POINTER_SIZE];
    size_t used = (size_t)snprintf(pointer, sizeof pointer, "%s/", place->prefix);
    for (const char *c = place->name; *c && used + 2 < sizeof pointer; c++) {
        if (*c == '~' || *c == '/')
            pointer[used++] = '~';
        pointer[used++] = *c == '~' ? '0' : *c == '/' ? '1' : *c;
    }
    pointer[used] = '\0';
    return error_field(place->error, DQ_INVALID, pointer, "`%.40s` %s.", pointer, expected);
}

static int read_string(const struct field *field, const json_t *value, const struct place *place)
{
    char expected[64];
    if (!json_is_string(value))
        return wrong(place, "is to be a string");
    if (field->max > 0 && json_string_length(value) > (size_t)field->max) {
        snprintf(expected, sizeof expected, "is longer than %lld bytes", (long long)field->max);
        return wrong(place, expected);
    }
    *(const char **)field->value = json_string_value(value);
    return 0;
}

static int read_number(const struct field *field, const json_t *value, const struct place *place)
{
    char expected[96];
    json_int_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= field->min && number <= field->max) {
        *(int64_t *)field->value = number;
        return 0;
    }
    snprintf(expected, sizeof expected, "is to be a whole number from %lld to %lld",
             (long long)field->min, (long long)field->max);
    return wrong(place, expected);
}

static int read_bool(const struct field *field, const json_t *value, const struct place *place)
{
    if (!json_is_boolean(value))
        return wrong(place, "is to be true or false");
    *(bool *)field->value = json_is_true(value);
    return 0;
}

static int read_container(const struct field *field, json_t *value, const struct place *place)
{
    char expected[64];
    if (field->type == FIELD_OBJECT && !json_is_object(value))
        return wrong(place, "is to be an object");
    if (field->type == FIELD_ARRAY && !json_is_array(value))
        return wrong(place, "is to be an array");
    if (field->type == FIELD_ARRAY && field->max > 0 &&
        json_array_size(value) > (size_t)field->max) {
        snprintf(expected, sizeof expected, "has more than %lld elements", (long long)field->max);
        return wrong(place, expected);
    }
    *(json_t **)field->value = value;
    return 0;
}

static int read_moment(const struct field *field, const json_t *value, const struct place *place)
{
    bool is_time = field->type == FIELD_TIME;
    const char *text = json_string_value(value);
    int64_t moment = !text ? -1 : is_time ? clock_parse(text) : duration_parse(text);
    if (moment < 0)
        return wrong(place, is_time ? "is to be a time such as 2026-11-24T06:43:29Z"
                                    : "is to be a duration such as 90s, 2h or 30d");
    *(int64_t *)field->value = moment;
    return 0;
}

/* Whole or broken; seconds become microseconds, so that a lease of half a second can be asked for.
 */
static int read_real(const struct field *field, const json_t *value, const struct place *place)
{
    char expected[96];
    bool seconds = field->type == FIELD_SECONDS;
    double unit = seconds ? (double)US_PER_S : 1, real = json_number_value(value) * unit;
    if (!json_is_number(value) || real < (double)field->min || real > (double)field->max) {
        snprintf(expected, sizeof expected, "is to be a number%s from %g to %g",
                 seconds ? " of seconds" : "", (double)field->min / unit,
                 (double)field->max / unit);
        return wrong(place, expected);
    }
    if (seconds)
        *(int64_t *)field->value = (int64_t)(real + 0.5);
    else
        *(double *)field->value = real;
    return 0;
}

static int read_field(const struct field *field, json_t *value, const struct place *place)
{
    switch (field->type) {
    case FIELD_STRING:
        return read_string(field, value, place);
    case FIELD_NUMBER:
        return read_number(field, value, place);
    case FIELD_BOOL:
        return read_bool(field, value, place);
    case FIELD_REAL:
    case FIELD_SECONDS:
        return read_real(field, value, place);
    case FIELD_OBJECT:
    case FIELD_ARRAY:
        return read_container(field, value, place);
    default:
        return read_moment(field, value, place);
    }
}

static int refuse_unknown(json_t *object, const char *prefix, const struct field *fields,
                          size_t count, dq_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (i < count && strcmp(fields[i].name, key) != 0)
            i++;
        struct place place = {prefix, key, error};
        if (i == count)
            return wrong(&place, "is not known here");
    }
    return 0;
}

int fields_read(json_t *object, const char *prefix, const struct field *fields, size_t count,
                dq_error *error)
{
    if (object && !json_is_object(object))
        return error_field(error, DQ_INVALID, prefix[0] ? prefix : "/", "An object is expected.");
    int code = refuse_unknown(object, prefix, fields, count, error);
    for (size_t i = 0; i < count && code == 0; i++) {
        json_t *value = json_object_get(object, fields[i].name);
        struct place place = {prefix, fields[i].name, error};
        if (value && !json_is_null(value))
            code = read_field(&fields[i], value, &place);
        else if (fields[i].required)
            code = wrong(&place, "is missing");
    }
    return code;
}
