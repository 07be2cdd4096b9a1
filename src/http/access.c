/* Tokens, Host and Origin. The tokens are a copy that is at most a second old. */
#include "http/access.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/id.h"
#include "core/scope.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TOKENS_AGE_MAX     US_PER_S
#define TOKENS_AGE_UNKNOWN (100 * US_PER_MS) /* a token that is not known may be brand new */
#define TOKEN_ID_BYTES     16

struct access {
    dq_queue *queue;
    const struct http_access *rules;
    bool loopback;
    char port[8];
    pthread_mutex_t lock; /* of the two below */
    dq_token_list *tokens;
    int64_t read_at; /* clock_tick(), 0 = never */
};

struct access *access_new(dq_queue *queue, const struct http_access *rules, bool loopback,
                          unsigned port)
{
    struct access *access = calloc(1, sizeof *access);
    if (!access)
        bug("out of memory");
    access->queue = queue;
    access->rules = rules;
    access->loopback = loopback;
    snprintf(access->port, sizeof access->port, "%u", port);
    pthread_mutex_init(&access->lock, NULL);
    return access;
}

void access_free(struct access *access)
{
    if (!access)
        return;
    dq_free(access->tokens);
    pthread_mutex_destroy(&access->lock);
    free(access);
}

int access_refresh(struct access *access, dq_error *error)
{
    dq_token_list *fresh = NULL;
    int64_t now = clock_tick();
    int code = dq_list_tokens(access->queue, &fresh, error);
    if (code < 0)
        return code;
    pthread_mutex_lock(&access->lock);
    dq_token_list *old = access->tokens;
    access->tokens = fresh;
    access->read_at = now;
    pthread_mutex_unlock(&access->lock);
    dq_free(old);
    return 0;
}

static bool is_live(const dq_token *token, int64_t now)
{
    return token->revoked_at == 0 && (token->expires_at == 0 || token->expires_at > now);
}

static bool any_live(const struct access *access)
{
    int64_t now = clock_now();
    for (size_t i = 0; access->tokens && i < access->tokens->count; i++)
        if (is_live(&access->tokens->tokens[i], now))
            return true;
    return false;
}

bool access_has_token(struct access *access)
{
    pthread_mutex_lock(&access->lock);
    bool any = any_live(access);
    pthread_mutex_unlock(&access->lock);
    return any;
}

/* "localhost:8080" is ours, and so is "localhost" on port 80. */
static bool is_our_name(const struct access *access, const char *host, const char *name)
{
    size_t length = strlen(name);
    if (strncasecmp(host, name, length) != 0)
        return false;
    const char *port = host[length] == ':' ? host + length + 1 : host[length] ? NULL : "80";
    return port && strcmp(port, access->port) == 0;
}

static bool is_our_host(const struct access *access, const char *host)
{
    static const char *const local[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        if (is_our_name(access, host, local[i]))
            return true;
    const char *const *allowed = access->rules->allowed_hosts;
    for (; allowed && *allowed; allowed++)
        if (strcasecmp(host, *allowed) == 0 || is_our_name(access, host, *allowed))
            return true;
    return false;
}

/* Browsers tell where a request comes from; a page of somebody else must not reach the queue. */
static int check_origin(const struct head *head, dq_error *error)
{
    static const char *const reading[] = {"GET", "HEAD", "OPTIONS"};
    for (size_t i = 0; i < sizeof reading / sizeof reading[0]; i++)
        if (strcmp(head->method, reading[i]) == 0)
            return 0;
    const char *origin = head_value(head, "origin"), *site = head_value(head, "sec-fetch-site");
    bool foreign = site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
    if (origin && !foreign)
        foreign = strncasecmp(origin, "http://", 7) != 0 || strcasecmp(origin + 7, head->host) != 0;
    if (foreign)
        return error_set(error, DQ_FORBIDDEN,
                         "The request comes from a page of another origin; use a program or a "
                         "page of this server.");
    return 0;
}

static int check_local(const struct access *access, const struct head *head, dq_error *error)
{
    if (!is_our_host(access, head->host))
        return error_set(error, DQ_MISDIRECTED,
                         "Without tokens only the local machine is served, not the host `%.100s`.",
                         head->host);
    return check_origin(head, error);
}

/* What follows "dq_" in the Authorization header, NULL where no token of ours is shown. */
static const char *bearer(const struct head *head)
{
    static const char scheme[] = "Bearer dq_";
    const char *value = head_value(head, "authorization");
    if (!value || strncasecmp(value, scheme, sizeof scheme - 1) != 0)
        return NULL;
    value += sizeof scheme - 1;
    return strlen(value) > TOKEN_ID_BYTES + 1 && value[TOKEN_ID_BYTES] == '_' ? value : NULL;
}

static const dq_token *find_token(const struct access *access, const char *shown)
{
    unsigned char digest[DIGEST_BYTES];
    const char *secret = shown + TOKEN_ID_BYTES + 1;
    digest_of(secret, strlen(secret), digest);
    int64_t now = clock_now();
    for (size_t i = 0; access->tokens && i < access->tokens->count; i++) {
        const dq_token *token = &access->tokens->tokens[i];
        if (strncmp(token->id, shown, TOKEN_ID_BYTES) == 0 && is_live(token, now) &&
            equal_in_constant_time(token->digest, digest, DIGEST_BYTES))
            return token;
    }
    return NULL;
}

static int check_token(const struct access *access, const struct head *head, unsigned scopes,
                       int64_t age, dq_error *error)
{
    const char *shown = bearer(head);
    const dq_token *token = shown ? find_token(access, shown) : NULL;
    if (!token && shown && age > TOKENS_AGE_UNKNOWN)
        return ACCESS_STALE;
    if (!token)
        return error_set(error, DQ_UNAUTHORIZED, "%s",
                         shown ? "The token is not known, has expired or was revoked."
                               : "The request shows no token.");
    if (token->scopes & (scopes | DQ_SCOPE_ADMIN))
        return 0;
    char names[64];
    scope_join(scopes, " or ", names, sizeof names);
    return error_set(error, DQ_FORBIDDEN, "This needs a token with the scope %s.", names);
}

int access_check(struct access *access, const struct head *head, unsigned scopes, dq_error *error)
{
    int64_t now = clock_tick();
    pthread_mutex_lock(&access->lock);
    int64_t age = access->read_at ? now - access->read_at : TOKENS_AGE_MAX + 1;
    int code = 0;
    if (age > TOKENS_AGE_MAX)
        code = ACCESS_STALE;
    else if (access->loopback && access->rules->loopback_open && !any_live(access))
        code = check_local(access, head, error);
    else if (scopes)
        code = check_token(access, head, scopes, age, error);
    pthread_mutex_unlock(&access->lock);
    return code;
}
