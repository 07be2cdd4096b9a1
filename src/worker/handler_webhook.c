/* An operation that somebody else's server does: the document is POSTed to it, signed as Standard
 * Webhooks describes, and what it answers is the text. The address is a setting of this machine and
 * not of the queue, so nobody can point it elsewhere through the queue; redirects are not
 * followed. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/utf8.h"
#include "worker/handler.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_SECONDS_MAX 10L
#define POLL_MS             250
#define HEADER_SIZE         512
#define EXCERPT_BYTES       200 /* of a refusal, for people */

enum { READ_BYTES = 64 * 1024 };

struct delivery {
    const struct job *job;
    struct outcome *outcome;
    int document;
    int64_t size, deadline;
    bool stopped, late;
    char excerpt[EXCERPT_BYTES + 1];
    size_t excerpt_length;
    long status;
    curl_off_t retry_after; /* seconds */
    char why[CURL_ERROR_SIZE];
};

static void start_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        bug("libcurl cannot be started");
}

/* ---- the signature --------------------------------------------------------------------------- */

/* Over "id.timestamp.body", as base64. False: the document cannot be read. */
static bool sign(const struct delivery *delivery, int64_t seconds, char out[DIGEST_BASE64_SIZE])
{
    const struct job *job = delivery->job;
    char prefix[DQ_ID_SIZE + 32], bytes[READ_BYTES];
    unsigned char signature[DIGEST_BYTES];
    int64_t at = 0;
    ssize_t length = 1;
    struct mac *mac = mac_new(job->secret, job->secret_length);
    snprintf(prefix, sizeof prefix, "%s.%lld.", job->lease->item.id, (long long)seconds);
    mac_update(mac, prefix, strlen(prefix));
    while (at < delivery->size &&
           (length = pread(delivery->document, bytes, sizeof bytes, at)) > 0) {
        mac_update(mac, bytes, (size_t)length);
        at += length;
    }
    mac_final(mac, signature);
    digest_base64(signature, out);
    return at == delivery->size;
}

/* ---- the request ----------------------------------------------------------------------------- */

static size_t send_body(char *buffer, size_t size, size_t count, void *context)
{
    const struct delivery *delivery = context;
    ssize_t length = read(delivery->document, buffer, size * count);
    return length < 0 ? CURL_READFUNC_ABORT : (size_t)length;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct delivery *delivery = context;
    size_t length = size * count, room = EXCERPT_BYTES - delivery->excerpt_length;
    memcpy(delivery->excerpt + delivery->excerpt_length, bytes, length < room ? length : room);
    delivery->excerpt_length += length < room ? length : room;
    return wire_feed(delivery->outcome->box.wire, bytes, length) == WIRE_OPEN ? length : 0;
}

static struct curl_slist *add(struct curl_slist *list, const char *name, const char *value)
{
    char line[HEADER_SIZE];
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(list, line);
    if (!longer)
        bug("out of memory");
    return longer;
}

/* A file's name may hold anything, so it comes percent-encoded. */
static struct curl_slist *add_escaped(struct curl_slist *list, const char *name, const char *value)
{
    char *escaped = curl_easy_escape(NULL, value, 0);
    list = add(list, name, escaped ? escaped : "");
    curl_free(escaped);
    return list;
}

static struct curl_slist *make_headers(const struct delivery *delivery)
{
    const dq_document *document = &delivery->job->lease->document;
    const dq_item *item = &delivery->job->lease->item;
    char base64[DIGEST_BASE64_SIZE], signature[sizeof base64 + 3], number[32];
    int64_t seconds = clock_now() / US_PER_S;
    if (!sign(delivery, seconds, base64))
        return NULL;
    struct curl_slist *list = add(NULL, "Content-Type", document->content_type);
    snprintf(signature, sizeof signature, "v1,%s", base64);
    list = add(list, "webhook-id", item->id);
    snprintf(number, sizeof number, "%lld", (long long)seconds);
    list = add(list, "webhook-timestamp", number);
    list = add(list, "webhook-signature", signature);
    list = add(list, "docq-document-id", document->id);
    list = add(list, "docq-operation", item->operation);
    snprintf(number, sizeof number, "%d", item->attempts);
    list = add(list, "docq-attempt", number);
    list = add_escaped(list, "docq-filename", document->filename);
    return add(list, "Expect", "");
}

static void describe(CURL *easy, struct delivery *delivery, struct curl_slist *headers)
{
    curl_easy_setopt(easy, CURLOPT_URL, delivery->job->argv[0]);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS_MAX);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "docq/" DOCQ_VERSION);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)delivery->size);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, send_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, delivery);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, delivery);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, delivery->why);
}

/* Until it is answered, late, or told to stop. */
static CURLcode run(CURLM *multi, struct delivery *delivery)
{
    int running = 1, left = 0;
    for (;;) {
        struct curl_waitfd stop = {.fd = delivery->job->stop_fd, .events = CURL_WAIT_POLLIN};
        curl_multi_perform(multi, &running);
        const CURLMsg *message = curl_multi_info_read(multi, &left);
        if (message && message->msg == CURLMSG_DONE)
            return message->data.result;
        curl_multi_poll(multi, &stop, stop.fd >= 0, POLL_MS, NULL);
        delivery->stopped = stop.revents != 0;
        delivery->late = clock_tick() >= delivery->deadline;
        if (delivery->stopped || delivery->late)
            return CURLE_ABORTED_BY_CALLBACK;
    }
}

static CURLcode deliver(struct delivery *delivery)
{
    struct curl_slist *headers = make_headers(delivery);
    CURL *easy = curl_easy_init();
    CURLM *multi = curl_multi_init();
    CURLcode code = CURLE_READ_ERROR;
    if (!easy || !multi)
        bug("out of memory");
    if (headers) {
        describe(easy, delivery, headers);
        curl_multi_add_handle(multi, easy);
        code = run(multi, delivery);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &delivery->status);
        curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &delivery->retry_after);
        curl_multi_remove_handle(multi, easy);
    }
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    return code;
}

/* ---- the outcome ----------------------------------------------------------------------------- */

static void complete(struct outcome *outcome)
{
    struct wire *wire = outcome->box.wire;
    if (wire_finish(wire) != WIRE_WHOLE) {
        outcome_fail(outcome, failure_row(FAILURE_OUTPUT_INVALID), wire_fault(wire));
        return;
    }
    outcome->box.content = wire_content(wire);
    outcome->kind = OUTCOME_COMPLETED;
    outcome->nothing = outcome->box.content.page_count == 0;
    outcome->result = (dq_result){.pages = outcome->box.content.pages,
                                  .page_count = outcome->box.content.page_count};
}

static bool may_pass(long status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void refuse(struct delivery *delivery)
{
    struct outcome *outcome = delivery->outcome;
    size_t good = utf8_prefix(delivery->excerpt, delivery->excerpt_length);
    delivery->excerpt[good] = '\0';
    for (char *at = delivery->excerpt; *at; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
    const char *message = arena_printf(outcome->arena, "The webhook answered %ld%s%s",
                                       delivery->status, good ? ": " : ".", delivery->excerpt);
    bool again = may_pass(delivery->status);
    outcome_fail(outcome, failure_row(again ? FAILURE_HANDLER_ERROR : FAILURE_WEBHOOK_REFUSED),
                 message);
    if (again)
        outcome->failure.retry_after = delivery->retry_after * US_PER_S;
}

static void make_outcome(struct delivery *delivery, CURLcode code)
{
    struct outcome *outcome = delivery->outcome;
    struct wire *wire = outcome->box.wire;
    const char *why = delivery->why[0] ? delivery->why : curl_easy_strerror(code);
    if (delivery->stopped)
        outcome->kind = OUTCOME_STOPPED;
    else if (delivery->late)
        outcome_fail(outcome, failure_row(FAILURE_HANDLER_ERROR),
                     "The webhook did not answer in time.");
    else if (code == CURLE_WRITE_ERROR && wire_state(wire) == WIRE_FULL)
        outcome_fail(outcome, failure_row(FAILURE_LIMIT_EXCEEDED), wire_fault(wire));
    else if (code != CURLE_OK)
        outcome_fail(outcome, failure_row(FAILURE_HANDLER_ERROR),
                     arena_printf(outcome->arena, "The webhook cannot be reached: %s.", why));
    else if (delivery->status / 100 == 2)
        complete(outcome);
    else
        refuse(delivery);
}

void handle_webhook(const struct job *job, struct outcome *ret_outcome)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    autoclose document = -1;
    dq_error error = {0};
    int64_t began = clock_tick();
    *ret_outcome = (struct outcome){.arena = arena_new()};
    if (dq_open_content(job->queue, job->lease->document.id, &document, &error) < 0) {
        outcome_fail_content(ret_outcome, &error);
        return;
    }
    pthread_once(&once, start_curl);
    struct delivery delivery = {.job = job,
                                .outcome = ret_outcome,
                                .document = document,
                                .size = lseek(document, 0, SEEK_END),
                                .deadline = began + job->time_max};
    lseek(document, 0, SEEK_SET);
    ret_outcome->box.wire = wire_new(0, NULL, NULL);
    wire_expect_text(ret_outcome->box.wire);
    CURLcode code = deliver(&delivery);
    make_outcome(&delivery, code);
    ret_outcome->box.duration = clock_tick() - began;
}
