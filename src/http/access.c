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

#define TOKENS_AGE_MAX               US_PER_S
#define TOKENS_AGE_UNKNOWN           (100 * US_PER_MS) /* an unknown token may be brand new */
#define TOKEN_ID_BYTES               16
#define LOGINS_FAILED_PER_MINUTE_MAX 10

struct access {
    dq_queue *queue;
    const struct http_access *rules;
    bool loopback;
    char port[8];
    pthread_mutex_t lock; /* of what follows */
    dq_token_list *tokens;
    int64_t read_at; /* clock_tick(), 0 = never */
    int64_t logins_since;
    int logins_failed;
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

/* "http://HOST"; or "https://HOST", where something in front of us may speak TLS. */
static bool is_origin_of(const char *origin, const char *host, bool tls)
{
    if (strncasecmp(origin, "http", 4) != 0)
        return false;
    origin += 4;
    origin += tls && (*origin == 's' || *origin == 'S');
    return strncmp(origin, "://", 3) == 0 && strcasecmp(origin + 3, host) == 0;
}

static int same_origin(const struct head *head, bool tls, dq_error *error)
{
    const char *origin = head_value(head, "origin"), *site = head_value(head, "sec-fetch-site");
    bool foreign = site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
    if (origin && !foreign)
        foreign = !is_origin_of(origin, head->host, tls);
    if (foreign)
        return error_set(error, DQ_FORBIDDEN,
                         "The request comes from a page of another origin; use a program or a "
                         "page of this server.");
    return 0;
}

int access_same_origin(const struct head *head, dq_error *error)
{
    return same_origin(head, true, error);
}

/* Browsers tell where a request comes from; a page of somebody else must not reach the queue. */
static int check_origin(const struct head *head, bool tls, dq_error *error)
{
    static const char *const reading[] = {"GET", "HEAD", "OPTIONS"};
    for (size_t i = 0; i < sizeof reading / sizeof reading[0]; i++)
        if (strcmp(head->method, reading[i]) == 0)
            return 0;
    return same_origin(head, tls, error);
}

static int check_local(const struct access *access, const struct head *head, dq_error *error)
{
    if (!is_our_host(access, head->host))
        return error_set(error, DQ_MISDIRECTED,
                         "Without tokens only the local machine is served, not the host `%.100s`.",
                         head->host);
    return check_origin(head, false, error);
}

/* What follows "dq_" in a token, NULL where it is none of ours. */
static const char *token_part(const char *value)
{
    if (strncmp(value, "dq_", 3) != 0)
        return NULL;
    value += 3;
    return strlen(value) > TOKEN_ID_BYTES + 1 && value[TOKEN_ID_BYTES] == '_' ? value : NULL;
}

static const char *bearer(const struct head *head)
{
    static const char scheme[] = "Bearer ";
    const char *value = head_value(head, "authorization");
    if (!value || strncasecmp(value, scheme, sizeof scheme - 1) != 0)
        return NULL;
    return token_part(value + sizeof scheme - 1);
}

/* The session cookie's token, copied up to its end. */
static const char *cookie(const struct head *head, char out[DQ_SECRET_SIZE])
{
    static const char name[] = SESSION_COOKIE "=";
    const char *at = head_value(head, "cookie");
    while (at && *at) {
        at += strspn(at, "; ");
        size_t length = strcspn(at, ";");
        if (length > sizeof name - 1 && length - (sizeof name - 1) < DQ_SECRET_SIZE &&
            memcmp(at, name, sizeof name - 1) == 0) {
            snprintf(out, DQ_SECRET_SIZE, "%.*s", (int)(length - (sizeof name - 1)),
                     at + sizeof name - 1);
            return token_part(out);
        }
        at += length;
    }
    return NULL;
}

void access_id(const struct head *head, char id[ACCESS_ID_SIZE])
{
    const char *shown = bearer(head);
    snprintf(id, ACCESS_ID_SIZE, "%.*s", TOKEN_ID_BYTES, shown ? shown : "");
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
    char session[DQ_SECRET_SIZE];
    const char *shown = bearer(head);
    bool browser = !shown && (shown = cookie(head, session));
    const dq_token *token = shown ? find_token(access, shown) : NULL;
    if (token && token->scopes & DQ_SCOPE_LOGIN)
        token = NULL; /* it opens one session, and nothing else */
    if (!token && shown && age > TOKENS_AGE_UNKNOWN)
        return ACCESS_STALE;
    if (!token)
        return error_set(error, DQ_UNAUTHORIZED, "%s",
                         shown ? "The token is not known, has expired or was revoked."
                               : "The request shows no token.");
    if (token->scopes & (scopes | DQ_SCOPE_ADMIN))
        return browser ? check_origin(head, true, error) : 0;
    char names[64];
    scope_join(scopes, " or ", names, sizeof names);
    return error_set(error, DQ_FORBIDDEN, "This needs a token with the scope %s.", names);
}

/* The lock is held. */
static int check(const struct access *access, const struct head *head, unsigned scopes, int64_t age,
                 dq_error *error)
{
    int code = 0;
    if (age > TOKENS_AGE_MAX)
        code = ACCESS_STALE;
    else if (access->loopback && access->rules->loopback_open && !any_live(access))
        code = check_local(access, head, error);
    else if (scopes)
        code = check_token(access, head, scopes, age, error);
    return code;
}

int access_check(struct access *access, const struct head *head, unsigned scopes, dq_error *error)
{
    int64_t now = clock_tick();
    pthread_mutex_lock(&access->lock);
    int64_t age = access->read_at ? now - access->read_at : TOKENS_AGE_MAX + 1;
    int code = check(access, head, scopes, age, error);
    pthread_mutex_unlock(&access->lock);
    return code;
}

static void describe(const dq_token *token, struct visitor *visitor)
{
    if (!token)
        return;
    visitor->link = (token->scopes & DQ_SCOPE_LOGIN) != 0;
    visitor->scopes = token->scopes & ~(unsigned)DQ_SCOPE_LOGIN;
    snprintf(visitor->id, sizeof visitor->id, "%s", token->id);
    snprintf(visitor->name, sizeof visitor->name, "%s", token->name ? token->name : "");
}

void access_visitor(struct access *access, const struct head *head, struct visitor *ret_visitor)
{
    char session[DQ_SECRET_SIZE];
    struct visitor visitor = {0};
    const char *shown = bearer(head);
    if (!shown)
        shown = cookie(head, session);
    pthread_mutex_lock(&access->lock);
    visitor.local = access->loopback && access->rules->loopback_open && !any_live(access);
    if (visitor.local)
        visitor.scopes = DQ_SCOPE_ADMIN;
    else
        describe(shown ? find_token(access, shown) : NULL, &visitor);
    pthread_mutex_unlock(&access->lock);
    if (visitor.link)
        visitor = (struct visitor){0};
    *ret_visitor = visitor;
}

int access_login(struct access *access, const char *token, struct visitor *ret_visitor,
                 dq_error *error)
{
    struct visitor visitor = {0};
    int64_t now = clock_tick();
    const char *shown = token_part(token);
    pthread_mutex_lock(&access->lock);
    if (now - access->logins_since > US_PER_S * 60) {
        access->logins_since = now;
        access->logins_failed = 0;
    }
    bool barred = access->logins_failed >= LOGINS_FAILED_PER_MINUTE_MAX;
    if (!barred)
        describe(shown ? find_token(access, shown) : NULL, &visitor);
    access->logins_failed += !barred && !visitor.scopes;
    pthread_mutex_unlock(&access->lock);
    if (barred)
        return error_set(error, DQ_BUSY, "Too many wrong tokens; wait a minute.");
    if (!visitor.scopes)
        return error_set(error, DQ_UNAUTHORIZED,
                         "This token or link is not known, has expired, was used or was revoked; "
                         "`docq token login` prints a new link.");
    *ret_visitor = visitor;
    return 0;
}

bool access_still(struct access *access, const struct head *head, unsigned scopes)
{
    pthread_mutex_lock(&access->lock);
    int code = check(access, head, scopes, 0, NULL);
    pthread_mutex_unlock(&access->lock);
    return code == 0;
}
