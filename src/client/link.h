/* The way to one server: requests and answers over a few connections that are kept. */
#ifndef CLIENT_LINK_H
#define CLIENT_LINK_H

#include "base/buf.h"

#include <curl/curl.h>
#include <docq.h>
#include <jansson.h>
#include <stdatomic.h>

#define QUICK_TIME_MAX     ((int64_t)60 * 1000000)
#define HEARTBEAT_TIME_MAX ((int64_t)5 * 1000000)
#define LONG_TIME_MAX      ((int64_t)3600 * 1000000) /* uploads, downloads, bulk actions */
#define ANSWER_BYTES_MAX   ((size_t)512 * 1024 * 1024)
#define PATH_BYTES_MAX     16384

struct link;

/* The body of an upload; made anew for each try. */
typedef curl_mime *form_fn(CURL *easy, void *context);

/* Only `path` must be there. */
struct request {
    const char *method; /* NULL = GET, or POST where there is a body */
    const char *path;   /* "/v1/items?limit=3", encoded */
    json_t *body;       /* stays the caller's */
    form_fn *form;      /* instead of `body` */
    void *form_context;
    int *sink;        /* the answer's bytes go into this file, from its beginning; NULL = memory */
    int64_t time_max; /* for the whole exchange, microseconds; 0 = QUICK_TIME_MAX */
    const char *idempotency_key; /* checked; NULL = none */
    bool repeatable; /* arriving twice is as good as once: try again where no answer comes */
    CURLM *multi;    /* with curl_multi_wakeup() and `stop` the exchange can be broken off */
    const atomic_bool *stop;
};

int link_new(const char *url, const char *token, struct link **ret_link, dq_error *error);
void link_free(struct link *link); /* NULL is fine */

/* 0 and the answer's bytes (NULL = not wanted); a problem of the server becomes its code, field
 * and detail; DQ_UNREACHABLE: no answer, and whether the request has had an effect is not known. */
int link_send(struct link *link, const struct request *request, struct buf *ret_answer,
              dq_error *error);

/* The same for an answer in JSON, which the caller gives back by json_decref(). */
int link_ask(struct link *link, const struct request *request, json_t **ret_answer,
             dq_error *error);

/* Appends NAME=VALUE to a path, behind ? or &; a NULL value is left out. */
void path_add(struct buf *path, const char *name, const char *value);
void path_add_number(struct buf *path, const char *name, int64_t value);

#endif
