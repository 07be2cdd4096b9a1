/* The description of the interface: the route table, with what openapi.json says of each route. */
#include "http/handlers.h"
#include "http/openapi_parts.h"
#include "http/route.h"

#include "base/error.h"
#include "core/scope.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SCOPES_SIZE 64
#define KEY_SIZE    128

/* The parts of the operation that openapi.json knows; {} where it does not know the route. */
static json_t *parts_of(const json_t *parts, const struct route *route)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof key, "%s %s", route->method, route->pattern);
    json_t *found = json_object_get(json_object_get(parts, "routes"), key);
    return found ? json_incref(found) : json_object();
}

static json_t *describe(const json_t *parts, const struct route *route)
{
    char scopes[SCOPES_SIZE];
    json_t *operation = parts_of(parts, route);
    json_object_set_new(operation, "summary", json_string(route->summary));
    if (route->scopes) {
        scope_join(route->scopes, " or ", scopes, sizeof scopes);
        json_object_set_new(operation, "security", json_pack("[{s:[]}]", "token"));
        json_object_set_new(operation, "x-docq-scope", json_string(scopes));
    }
    return operation;
}

static json_t *describe_paths(const json_t *parts)
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
        json_object_set_new(path, method, describe(parts, route));
    }
    return paths;
}

int openapi_get(struct call *call, dq_error *error)
{
    (void)error;
    json_t *parts = json_loadb((const char *)openapi_parts, sizeof openapi_parts, 0, NULL);
    if (!parts)
        bug("the description of the interface cannot be read");
    json_t *whole = json_pack("{s:s, s:{s:s, s:s}, s:o, s:O}", "openapi", "3.1.0", "info", "title",
                              "docq", "version", DOCQ_VERSION, "paths", describe_paths(parts),
                              "components", json_object_get(parts, "components"));
    json_decref(parts);
    return call_json(call, 200, whole);
}
