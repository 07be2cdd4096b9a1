/* The description of the interface, made from the route table. */
#include "http/handlers.h"
#include "http/route.h"

#include "core/scope.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SCOPES_SIZE 64

static json_t *describe_parameters(const char *pattern)
{
    static const char *const names[] = {"id", "token", "n"};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char braced[16];
        snprintf(braced, sizeof braced, "{%s}", names[i]);
        if (strstr(pattern, braced))
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", names[i], "in",
                                            "path", "required", 1, "schema", "type", "string"));
    }
    return list;
}

static json_t *describe_body(enum body_kind body)
{
    static const char *const json_types[] = {"application/json", NULL};
    static const char *const upload_types[] = {"multipart/form-data", "application/octet-stream",
                                               NULL};
    json_t *content = json_object();
    const char *const *type = body == BODY_UPLOAD ? upload_types : json_types;
    for (; *type; type++)
        json_object_set_new(content, *type, json_pack("{s:{}}", "schema"));
    return json_pack("{s:o}", "content", content);
}

static const char *success_of(const struct route *route)
{
    if (strcmp(route->method, "DELETE") == 0)
        return "204";
    bool queued = route->body == BODY_UPLOAD || strstr(route->pattern, "reprocess") ||
                  (route->body == BODY_JSON && strcmp(route->pattern, "/v1/items") == 0);
    return queued ? "202" : "200";
}

static json_t *describe(const struct route *route)
{
    char scopes[SCOPES_SIZE];
    json_t *operation = json_pack(
        "{s:s, s:o, s:{s:{s:s}, s:{s:s, s:{s:{s:{s:s}}}}}}", "summary", route->summary,
        "parameters", describe_parameters(route->pattern), "responses", success_of(route),
        "description", "Success", "default", "description", "A problem (RFC 9457)", "content",
        "application/problem+json", "schema", "$ref", "#/components/schemas/Problem");
    if (route->body != BODY_NONE)
        json_object_set_new(operation, "requestBody", describe_body(route->body));
    if (route->scopes) {
        scope_join(route->scopes, " or ", scopes, sizeof scopes);
        json_object_set_new(operation, "security", json_pack("[{s:[]}]", "token"));
        json_object_set_new(operation, "x-docq-scope", json_string(scopes));
    }
    return operation;
}

static json_t *describe_paths(void)
{
    json_t *paths = json_object();
    for (size_t i = 0; i < route_count; i++) {
        const struct route *route = &route_table[i];
        json_t *path = json_object_get(paths, route->pattern);
        if (!path) {
            path = json_object();
            json_object_set_new(paths, route->pattern, path);
        }
        char method[8] = "";
        for (size_t c = 0; route->method[c] && c + 1 < sizeof method; c++)
            method[c] = (char)tolower((unsigned char)route->method[c]);
        json_object_set_new(path, method, describe(route));
    }
    return paths;
}

static json_t *describe_problem(void)
{
    static const char *const texts[] = {"type", "title",    "detail",
                                        "code", "instance", "request_id"};
    json_t *properties =
        json_pack("{s:{s:s}, s:{s:s}}", "status", "type", "integer", "errors", "type", "array");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        json_object_set_new(properties, texts[i], json_pack("{s:s}", "type", "string"));
    return json_pack("{s:s, s:o}", "type", "object", "properties", properties);
}

int openapi_get(struct call *call, dq_error *error)
{
    (void)error;
    return call_json(call, 200,
                     json_pack("{s:s, s:{s:s, s:s}, s:o, s:{s:{s:o}, s:{s:{s:s, s:s}}}}", "openapi",
                               "3.1.0", "info", "title", "docq", "version", DOCQ_VERSION, "paths",
                               describe_paths(), "components", "schemas", "Problem",
                               describe_problem(), "securitySchemes", "token", "type", "http",
                               "scheme", "bearer"));
}
