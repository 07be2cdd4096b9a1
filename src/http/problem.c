/* Problems: the fault and the remedy from errors.def, with the pointer of the field. */
#include "http/problem.h"

#include "base/error.h"
#include "core/view.h"

#include <stdio.h>
#include <string.h>

#define TYPE_PREFIX "urn:docq:error:"

static int append_json(const char *bytes, size_t length, void *out)
{
    return buf_append(out, bytes, length) ? 0 : -1;
}

/* The detail says what is wrong; what to do follows unless it is a bug of ours. */
static json_t *detail_of(const dq_error *error, const struct error_row *row)
{
    if (!error->detail[0])
        return json_string(row->remedy);
    size_t length = strlen(error->detail);
    bool ends = strchr(".!?", error->detail[length - 1]) != NULL;
    json_t *detail = view_text(error->detail);
    json_t *whole =
        json_sprintf("%s%s %s", json_string_value(detail), ends ? "" : ".", row->remedy);
    json_decref(detail);
    return whole;
}

/* "/3/priority" and "priority" are both given as JSON pointers; "/" stands for the whole body. */
static json_t *errors_of(const dq_error *error)
{
    char pointer[sizeof error->field + 1];
    const char *field = strcmp(error->field, "/") == 0 ? "" : error->field;
    snprintf(pointer, sizeof pointer, "%s%s", *field && *field != '/' ? "/" : "", field);
    return json_pack("[{s:o, s:o}]", "pointer", view_text(pointer), "detail",
                     view_text(error->detail));
}

void problem_write(struct buf *out, int status, const dq_error *error, const char *request_id)
{
    const struct error_row *row = error_row(error->code);
    json_t *problem = json_object();
    json_object_set_new(problem, "type", json_sprintf(TYPE_PREFIX "%s", row->slug));
    json_object_set_new(problem, "title", json_string(row->title));
    json_object_set_new(problem, "status", json_integer(status));
    json_object_set_new(problem, "detail", detail_of(error, row));
    json_object_set_new(problem, "code", json_string(row->slug));
    json_object_set_new(problem, "instance", json_sprintf("/requests/%s", request_id));
    json_object_set_new(problem, "request_id", json_string(request_id));
    if (error->field[0])
        json_object_set_new(problem, "errors", errors_of(error));
    json_dump_callback(problem, append_json, out, JSON_COMPACT);
    json_decref(problem);
}

json_t *problem_brief(int code)
{
    const struct error_row *row = error_row(code);
    return json_pack("{s:s, s:s, s:s}", "code", row->slug, "title", row->title, "detail",
                     row->remedy);
}
