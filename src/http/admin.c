/* What an administrator sets up: operations and access tokens. */
#include "http/handlers.h"

#include "base/error.h"
#include "core/scope.h"
#include "core/view.h"
#include "http/fields.h"

#include <string.h>

#define KIND_BYTES_MAX  16
#define NAME_BYTES_MAX  128
#define BUDGET_MAX      1000
#define POLICY_TIME_MAX ((int64_t)365 * 86400 * 1000000)

int admin_define_operation(struct call *call, dq_error *error)
{
    dq_operation operation = {0};
    int64_t max_attempts = 0, crash_budget = 0;
    const struct field fields[] = {
        FIELD("name", STRING, &operation.name, .max = DQ_OPERATION_BYTES_MAX, .required = true),
        FIELD("kind", STRING, &operation.kind, .max = KIND_BYTES_MAX),
        FIELD("max_attempts", NUMBER, &max_attempts, .min = 0, .max = BUDGET_MAX),
        FIELD("backoff_base_seconds", SECONDS, &operation.backoff_base, .max = POLICY_TIME_MAX),
        FIELD("backoff_cap_seconds", SECONDS, &operation.backoff_cap, .max = POLICY_TIME_MAX),
        FIELD("backoff_factor", REAL, &operation.backoff_factor, .max = BUDGET_MAX),
        FIELD("crash_budget", NUMBER, &crash_budget, .min = 0, .max = BUDGET_MAX),
        FIELD("timeout_seconds", SECONDS, &operation.timeout, .max = POLICY_TIME_MAX),
    };
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    if (code < 0)
        return code;
    operation.max_attempts = (int)max_attempts;
    operation.crash_budget = (int)crash_budget;
    code = dq_define_operation(call->service->queue, &operation, error);
    return code < 0 ? code : call_json(call, 200, json_pack("{s:s}", "name", operation.name));
}

int admin_tokens(struct call *call, dq_error *error)
{
    autoreply dq_token_list *list = NULL;
    int code = dq_list_tokens(call->service->queue, &list, error);
    if (code < 0)
        return code;
    json_t *views = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(views, view_token(&list->tokens[i]));
    return call_json(call, 200, json_pack("{s:o}", "tokens", views));
}

static int read_scopes(json_t *list, unsigned *ret_scopes, dq_error *error)
{
    *ret_scopes = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        unsigned bit = name ? scope_find(name, strlen(name)) : 0;
        if (!bit)
            return error_field(error, DQ_INVALID, "/scopes",
                               "It is an array of upload, read, work, operate, admin.");
        *ret_scopes |= bit;
    }
    return 0;
}

/* Where nobody needs a token yet, the first one would shut everybody else out: whoever may do that
 * can write to the data directory. */
int admin_new_token(struct call *call, dq_error *error)
{
    const char *name = NULL;
    json_t *list = NULL;
    int64_t expires_at = 0;
    unsigned scopes = 0;
    char secret[DQ_SECRET_SIZE];
    const struct field fields[] = {
        FIELD("name", STRING, &name, .max = NAME_BYTES_MAX),
        FIELD("scopes", ARRAY, &list, .max = SCOPE_ROWS, .required = true),
        FIELD("expires_at", TIME, &expires_at),
    };
    if (!access_has_token(call->service->access))
        return error_set(error, DQ_FORBIDDEN,
                         "The first token is made where the data directory is, with "
                         "`docq token new --scope admin`.");
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    if (code == 0)
        code = read_scopes(list, &scopes, error);
    if (code == 0)
        code = dq_token_new(call->service->queue, name, scopes, expires_at, secret, error);
    if (code == 0)
        code = access_refresh(call->service->access, error); /* it is good from now on */
    return code < 0 ? code : call_json(call, 200, json_pack("{s:s}", "token", secret));
}

int admin_revoke_token(struct call *call, dq_error *error)
{
    int code = dq_token_revoke(call->service->queue, call->param, error);
    if (code == 0)
        code = access_refresh(call->service->access, error);
    return code < 0 ? code : call_empty(call, 204);
}
