/* The handle, its table, and the verbs on the queue as a whole. */
#include "client/client.h"

#include "base/clock.h"
#include "base/error.h"
#include "client/remote.h"
#include "core/policy.h"
#include "core/view.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- open and close -------------------------------------------------------------------------- */

static void remote_close(dq_queue *queue)
{
    struct remote *remote = remote_of(queue);
    pulse_free(remote->pulse);
    link_free(remote->link);
    free(remote);
}

static const struct engine remote_engine = {
    .close = remote_close,
#define VERB(type, name, parameters, arguments) .name = remote_##name,
#include "core/verbs.def"
#undef VERB
    .upload_write = remote_upload_write,
    .upload_abort = remote_upload_abort,
};

bool client_speaks(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

static void name_worker(struct remote *remote, const char *given)
{
    char host[64] = "localhost";
    gethostname(host, sizeof host - 1);
    if (given)
        snprintf(remote->worker, sizeof remote->worker, "%s", given);
    else
        snprintf(remote->worker, sizeof remote->worker, "%s:%d", host, (int)getpid());
}

/* Nobody at home is told at once, and once. */
static int greet(struct remote *remote, dq_error *error)
{
    struct request request = {.path = "/livez"};
    return link_send(remote->link, &request, NULL, error);
}

int client_open(const char *url, const dq_options *options, dq_queue **ret_queue, dq_error *error)
{
    struct remote *remote = calloc(1, sizeof *remote);
    if (!remote)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    remote->handle.engine = &remote_engine;
    name_worker(remote, options->worker);
    int code = link_new(url, options->token, &remote->link, error);
    if (code == 0)
        code = greet(remote, error);
    if (code == 0 && !(remote->pulse = pulse_new(remote->link)))
        code = error_set(error, DQ_NO_MEMORY, "out of memory");
    if (code < 0)
        remote_close(&remote->handle);
    else
        *ret_queue = &remote->handle;
    return code;
}

/* ---- what verbs share ------------------------------------------------------------------------ */

int path_of(const char *what, const char *id, const char *rest, char path[ID_PATH_SIZE],
            dq_error *error)
{
    struct id parsed;
    char text[ID_TEXT_SIZE];
    int code = parse_id(id, what, &parsed, error);
    if (code < 0)
        return code;
    id_format(&parsed, text);
    snprintf(path, ID_PATH_SIZE, "/v1/%ss/%s%s", what, text, rest);
    return 0;
}

int lease_path_of(const char *token, const char *rest, char path[LEASE_PATH_SIZE], dq_error *error)
{
    size_t length = token ? strlen(token) : 0;
    if (length != DQ_TOKEN_SIZE - 1 || strspn(token, "0123456789abcdefABCDEF") != length)
        return error_set(error, DQ_LEASE_LOST, "this is no lease token of this store");
    snprintf(path, LEASE_PATH_SIZE, "/v1/leases/%s%s", token, rest);
    return 0;
}

void *remote_noun(dq_queue *queue, const struct request *request, noun_fn *read, size_t size,
                  int *ret_code, dq_error *error)
{
    autojson *answer = NULL;
    struct arena *arena;
    *ret_code = link_ask(link_of(queue), request, &answer, error);
    if (*ret_code < 0)
        return NULL;
    void *noun = reply_new(size, &arena);
    *ret_code = read(answer, arena, noun, error);
    if (*ret_code == 0)
        return noun;
    dq_free(noun);
    return NULL;
}

int remote_list(dq_queue *queue, const struct request *request, const char *name, noun_fn *read,
                size_t size, struct arena *arena, void **ret_array, size_t *ret_count,
                const char **ret_next, dq_error *error)
{
    autojson *answer = NULL;
    int code = link_ask(link_of(queue), request, &answer, error);
    if (code < 0)
        return code;
    *ret_array = noun_array(answer, name, read, size, arena, ret_count, error);
    if (!*ret_array)
        return DQ_INTERNAL;
    return ret_next ? noun_text(answer, "next", arena, ret_next, error) : 0;
}

int temporary_file(void)
{
    const char *folder = getenv("TMPDIR");
    int fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : memfd_create("docq", MFD_CLOEXEC);
}

/* ---- numbers --------------------------------------------------------------------------------- */

int remote_get_queue_stats(dq_queue *queue, dq_queue_stats **ret_stats, dq_error *error)
{
    struct request request = {.path = "/v1/queue/stats", .repeatable = true};
    int code;
    dq_queue_stats *stats = remote_noun(queue, &request, noun_stats, sizeof *stats, &code, error);
    if (stats)
        *ret_stats = stats;
    return code;
}

int remote_list_workers(dq_queue *queue, dq_worker_list **ret_list, dq_error *error)
{
    struct request request = {.path = "/v1/workers", .repeatable = true};
    struct arena *arena;
    void *workers = NULL;
    dq_worker_list *list = reply_new(sizeof *list, &arena);
    int code = remote_list(queue, &request, "workers", noun_worker, sizeof *list->workers, arena,
                           &workers, &list->count, NULL, error);
    list->workers = workers;
    if (code < 0)
        dq_free(list);
    else
        *ret_list = list;
    return code;
}

/* ---- switches -------------------------------------------------------------------------------- */

static int post(dq_queue *queue, const char *path, json_t *body, dq_error *error)
{
    autojson *owned = body;
    struct request request = {.path = path, .body = owned, .repeatable = true};
    return link_send(link_of(queue), &request, NULL, error);
}

int remote_pause(dq_queue *queue, const char *operation, dq_error *error)
{
    return post(queue, "/v1/queue/pause", json_pack("{s:o}", "operation", view_text(operation)),
                error);
}

int remote_resume(dq_queue *queue, const char *operation, dq_error *error)
{
    return post(queue, "/v1/queue/resume", json_pack("{s:o}", "operation", view_text(operation)),
                error);
}

static double seconds(int64_t time)
{
    return (double)time / (double)US_PER_S;
}

int remote_define_operation(dq_queue *queue, const dq_operation *operation, dq_error *error)
{
    return post(queue, "/v1/operations",
                json_pack("{s:o, s:o, s:i, s:f, s:f, s:f, s:i, s:f}", "name",
                          view_text(operation->name ? operation->name : ""), "kind",
                          view_text(operation->kind), "max_attempts", operation->max_attempts,
                          "backoff_base_seconds", seconds(operation->backoff_base),
                          "backoff_cap_seconds", seconds(operation->backoff_cap), "backoff_factor",
                          operation->backoff_factor, "crash_budget", operation->crash_budget,
                          "timeout_seconds", seconds(operation->timeout)),
                error);
}

/* The server does it, all the time. */
int remote_recover(dq_queue *queue, int64_t *ret_next_due, dq_error *error)
{
    (void)queue;
    (void)error;
    if (ret_next_due)
        *ret_next_due = 0;
    return 0;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

int remote_token_new(dq_queue *queue, const char *name, unsigned scopes, int64_t expires_at,
                     char ret_secret[DQ_SECRET_SIZE], dq_error *error)
{
    const dq_token token = {.name = name ? name : "", .scopes = scopes, .expires_at = expires_at};
    autojson *view = view_token(&token), *answer = NULL;
    autojson *body = json_pack("{s:O, s:O, s:O}", "name", json_object_get(view, "name"), "scopes",
                               json_object_get(view, "scopes"), "expires_at",
                               json_object_get(view, "expires_at"));
    struct request request = {.path = "/v1/tokens", .body = body};
    if (scopes & DQ_SCOPE_LOGIN)
        return error_set(error, DQ_UNSUPPORTED, "a login link is made where the data directory is");
    int code = link_ask(link_of(queue), &request, &answer, error);
    return code < 0 ? code : noun_chars(answer, "token", ret_secret, DQ_SECRET_SIZE, error);
}

int remote_list_tokens(dq_queue *queue, dq_token_list **ret_list, dq_error *error)
{
    struct request request = {.path = "/v1/tokens", .repeatable = true};
    struct arena *arena;
    void *tokens = NULL;
    dq_token_list *list = reply_new(sizeof *list, &arena);
    int code = remote_list(queue, &request, "tokens", noun_token, sizeof *list->tokens, arena,
                           &tokens, &list->count, NULL, error);
    list->tokens = tokens;
    if (code < 0)
        dq_free(list);
    else
        *ret_list = list;
    return code;
}

int remote_token_revoke(dq_queue *queue, const char *id, dq_error *error)
{
    char path[64];
    size_t length = strlen(id);
    if (length == 0 || length >= sizeof((dq_token *)NULL)->id ||
        strspn(id, "0123456789abcdef") != length)
        return error_set(error, DQ_NOT_FOUND, "there is no token %.40s", id);
    snprintf(path, sizeof path, "/v1/tokens/%s", id);
    struct request request = {.method = "DELETE", .path = path};
    return link_send(link_of(queue), &request, NULL, error);
}
