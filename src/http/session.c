/* The sessions of browsers: a session is a token in a cookie that no script can read. */
#include "http/handlers.h"

#include "base/clock.h"
#include "base/error.h"
#include "core/scope.h"
#include "http/fields.h"

#include <stdio.h>
#include <string.h>

#define SECRET_BYTES    DQ_SECRET_SIZE
#define COOKIE_SIZE     256
#define SESSION_SECONDS (12 * 3600)
#define SESSION_NAME    "browser session"

static json_t *view_scopes(unsigned scopes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < SCOPE_ROWS; i++)
        if (scopes & ((unsigned)scope_rows[i].bit | DQ_SCOPE_ADMIN))
            json_array_append_new(list, json_string(scope_rows[i].name));
    return list;
}

/* Whoever may change the queue is an operator; whoever may do all is the administrator. */
static json_t *view_role(unsigned scopes)
{
    const char *role = scopes & DQ_SCOPE_ADMIN     ? "admin"
                       : scopes & DQ_SCOPE_OPERATE ? "operator"
                       : scopes & DQ_SCOPE_READ    ? "viewer"
                                                   : NULL;
    return role ? json_string(role) : json_null();
}

static int answer_session(struct call *call, unsigned scopes, bool local)
{
    return call_json(call, 200,
                     json_pack("{s:o, s:o, s:b}", "role", view_role(scopes), "scopes",
                               view_scopes(scopes), "local", (int)local));
}

int session_get(struct call *call, dq_error *error)
{
    struct visitor visitor;
    int code = access_refresh(call->service->access, error);
    if (code < 0)
        return code;
    access_visitor(call->service->access, &call->head, &visitor);
    return answer_session(call, visitor.scopes, visitor.local);
}

static void set_cookie(struct call *call, const char *value, int seconds)
{
    char cookie[COOKIE_SIZE];
    const char *origin = head_value(&call->head, "origin");
    bool secure = origin && strncmp(origin, "https://", 8) == 0;
    snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
             SESSION_COOKIE, value, seconds, secure ? "; Secure" : "");
    answer_header(&call->answer, "Set-Cookie", cookie);
}

/* A link works once: who revokes its token first gets the session. */
static int exchange(struct call *call, const struct visitor *visitor, char secret[SECRET_BYTES],
                    dq_error *error)
{
    int code = dq_token_revoke(call->service->queue, visitor->id, error);
    if (code == DQ_NOT_FOUND)
        return error_set(error, DQ_UNAUTHORIZED, "This login link has been used already.");
    if (code < 0)
        return code;
    return dq_token_new(call->service->queue, SESSION_NAME, visitor->scopes,
                        clock_now() + SESSION_SECONDS * US_PER_S, secret, error);
}

int session_new(struct call *call, dq_error *error)
{
    const char *token = NULL;
    char secret[SECRET_BYTES];
    struct visitor visitor;
    const struct field fields[] = {
        FIELD("token", STRING, &token, .max = SECRET_BYTES - 1, .required = true),
    };
    int code = fields_read(call->json, "", fields, FIELDS_COUNT(fields), error);
    if (code == 0)
        code = access_same_origin(&call->head, error);
    if (code == 0)
        code = access_refresh(call->service->access, error);
    if (code < 0)
        return code;
    code = access_login(call->service->access, token, &visitor, error);
    if (code == DQ_BUSY) {
        call_problem(call, 429, error);
        answer_header(&call->answer, "Retry-After", "60");
        return 0;
    }
    if (code == 0 && visitor.link)
        code = exchange(call, &visitor, secret, error);
    if (code < 0)
        return code;
    set_cookie(call, visitor.link ? secret : token, SESSION_SECONDS);
    code = access_refresh(call->service->access, error);
    return code < 0 ? code : answer_session(call, visitor.scopes, false);
}

int session_end(struct call *call, dq_error *error)
{
    struct visitor visitor;
    int code = access_same_origin(&call->head, error);
    if (code < 0)
        return code;
    access_visitor(call->service->access, &call->head, &visitor);
    if (visitor.id[0] && strcmp(visitor.name, SESSION_NAME) == 0)
        code = dq_token_revoke(call->service->queue, visitor.id, error);
    if (code < 0 && code != DQ_NOT_FOUND)
        return code;
    set_cookie(call, "", 0);
    return call_empty(call, 204);
}
