/* Requests through libcurl. A handle of curl's is used by one thread at a time and keeps its
 * connection; idle ones wait in a stack.
 *
 * libcurl itself sends a request once more where a kept connection turns out to be dead and no byte
 * of an answer has come, although the server may have done it already. The body of what must not
 * arrive twice is therefore one that cannot be rewound. */
#include "client/link.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define IDLE_MAX          16
#define CONNECT_TIME_MAX  (5 * US_PER_S)
#define SLOW_BYTES        1024 /* a second; slower than this for SLOW_SECONDS is broken */
#define SLOW_SECONDS      30
#define AGAIN_TIME_MAX    (5 * US_PER_S) /* of a repeatable request, with a server that was there */
#define AGAIN_PAUSE_MIN   (50 * US_PER_MS)
#define AGAIN_PAUSE_MAX   US_PER_S
#define POLL_MS           1000
#define TOKEN_BYTES_MAX   256
#define PROBLEM_BYTES_MAX 65536

struct link {
    char *base; /* "http://host:8080" */
    struct curl_slist *headers, *json_headers;
    atomic_bool met; /* it has answered before */
    pthread_mutex_t lock;
    CURL *idle[IDLE_MAX];
    int idle_count;
};

/* One try. */
struct exchange {
    const struct request *request;
    struct buf *answer;
    CURL *easy;
    char *body;
    size_t body_bytes, body_sent;
    curl_mime *form;
    struct curl_slist *headers; /* of this request alone */
    bool disk_failed;
    char why[CURL_ERROR_SIZE];
};

static void start_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        bug("libcurl cannot be started");
}

/* ---- the link -------------------------------------------------------------------------------- */

static int check_url(const char *url, dq_error *error)
{
    const char *host = strstr(url, "://") + 3;
    size_t length = strcspn(host, "/?#");
    if (length == 0 || host[length] == '?' || host[length] == '#' || strlen(host) > length + 1)
        return error_field(error, DQ_INVALID, "url",
                           "\"%.200s\" is no address of a server, such as http://host:8080", url);
    if (memchr(host, '@', length))
        return error_field(error, DQ_INVALID, "url",
                           "a server's URL holds no name and password; docq uses tokens");
    return 0;
}

static int check_token(const char *token, dq_error *error)
{
    size_t length = strlen(token);
    bool good = length <= TOKEN_BYTES_MAX;
    for (size_t i = 0; i < length; i++)
        good = good && token[i] > ' ' && token[i] < 127;
    if (good)
        return 0;
    return error_field(error, DQ_INVALID, "token",
                       "a token is one word of at most %d printable characters", TOKEN_BYTES_MAX);
}

static void add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer)
        bug("out of memory");
    *list = longer;
}

static void make_headers(struct link *link, const char *token)
{
    struct curl_slist **lists[] = {&link->headers, &link->json_headers};
    char line[TOKEN_BYTES_MAX + 32];
    snprintf(line, sizeof line, "Authorization: Bearer %s", token ? token : "");
    for (size_t i = 0; i < 2; i++) {
        add_header(lists[i], "Accept: application/json, */*");
        if (token && *token)
            add_header(lists[i], line);
    }
    add_header(&link->json_headers, "Content-Type: application/json");
}

int link_new(const char *url, const char *token, struct link **ret_link, dq_error *error)
{
    static pthread_once_t started = PTHREAD_ONCE_INIT;
    int code = check_url(url, error);
    if (code == 0 && token)
        code = check_token(token, error);
    if (code < 0)
        return code;
    pthread_once(&started, start_curl);
    struct link *link = calloc(1, sizeof *link);
    char *base = strdup(url);
    if (!link || !base)
        bug("out of memory");
    size_t length = strlen(base);
    if (base[length - 1] == '/')
        base[length - 1] = '\0';
    link->base = base;
    pthread_mutex_init(&link->lock, NULL);
    make_headers(link, token);
    *ret_link = link;
    return 0;
}

void link_free(struct link *link)
{
    if (!link)
        return;
    while (link->idle_count > 0)
        curl_easy_cleanup(link->idle[--link->idle_count]);
    curl_slist_free_all(link->headers);
    curl_slist_free_all(link->json_headers);
    pthread_mutex_destroy(&link->lock);
    free(link->base);
    free(link);
}

static CURL *borrow(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    CURL *easy = link->idle_count > 0 ? link->idle[--link->idle_count] : NULL;
    pthread_mutex_unlock(&link->lock);
    if (!easy)
        easy = curl_easy_init();
    if (!easy)
        bug("out of memory");
    return easy;
}

static void give_back(struct link *link, CURL *easy)
{
    curl_easy_reset(easy); /* the connection stays */
    pthread_mutex_lock(&link->lock);
    bool kept = link->idle_count < IDLE_MAX;
    if (kept)
        link->idle[link->idle_count++] = easy;
    pthread_mutex_unlock(&link->lock);
    if (!kept)
        curl_easy_cleanup(easy);
}

/* ---- one try --------------------------------------------------------------------------------- */

static long status_of(CURL *easy)
{
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t take_answer(char *bytes, size_t one, size_t length, void *context)
{
    struct exchange *exchange = context;
    const int *sink = exchange->request->sink;
    (void)one;
    if (!sink || status_of(exchange->easy) != 200)
        return buf_append(exchange->answer, bytes, length) ? length : 0;
    exchange->disk_failed = fd_write_all(*sink, bytes, length) < 0;
    return exchange->disk_failed ? 0 : length;
}

static size_t give_body(char *bytes, size_t one, size_t length, void *context)
{
    struct exchange *exchange = context;
    size_t left = exchange->body_bytes - exchange->body_sent;
    size_t part = one * length < left ? one * length : left;
    memcpy(bytes, exchange->body + exchange->body_sent, part);
    exchange->body_sent += part;
    return part;
}

/* The link's own, with the request's key where it has one. */
static struct curl_slist *headers_for(const struct link *link, struct exchange *exchange)
{
    const struct request *request = exchange->request;
    struct curl_slist *shared = request->body ? link->json_headers : link->headers;
    char line[DQ_IDEMPOTENCY_KEY_BYTES_MAX + 32];
    if (!request->idempotency_key)
        return shared;
    for (const struct curl_slist *one = shared; one; one = one->next)
        add_header(&exchange->headers, one->data);
    snprintf(line, sizeof line, "Idempotency-Key: %s", request->idempotency_key);
    add_header(&exchange->headers, line);
    return exchange->headers;
}

static void set_body(const struct link *link, struct exchange *exchange)
{
    const struct request *request = exchange->request;
    CURL *easy = exchange->easy;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_for(link, exchange));
    if (request->body) {
        exchange->body = json_dumps(request->body, JSON_COMPACT);
        if (!exchange->body)
            bug("a request cannot be written as JSON");
        exchange->body_bytes = strlen(exchange->body);
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body_bytes);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
        curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
    } else if (request->form) {
        exchange->form = request->form(easy, request->form_context);
        curl_easy_setopt(easy, CURLOPT_MIMEPOST, exchange->form);
    }
    if (request->method)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void prepare(const struct link *link, struct exchange *exchange, const char *url)
{
    const struct request *request = exchange->request;
    CURL *easy = exchange->easy;
    int64_t time_max = request->time_max ? request->time_max : QUICK_TIME_MAX;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "docq/" DOCQ_VERSION);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->why);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(CONNECT_TIME_MAX / US_PER_MS));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(time_max / US_PER_MS));
    if (request->sink || request->form) {
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)SLOW_SECONDS);
    }
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    set_body(link, exchange);
}

/* Like curl_easy_perform(), but ends at once when it is told to. */
static CURLcode perform_until(CURL *easy, CURLM *multi, const atomic_bool *stop)
{
    CURLcode result = CURLE_ABORTED_BY_CALLBACK;
    int running = 1, left = 0;
    curl_multi_add_handle(multi, easy);
    while (running && !atomic_load(stop) && curl_multi_perform(multi, &running) == CURLM_OK)
        if (running)
            curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));)
        if (message->msg == CURLMSG_DONE)
            result = message->data.result;
    curl_multi_remove_handle(multi, easy);
    return result;
}

static int explain(const struct link *link, const struct exchange *exchange, CURLcode result,
                   dq_error *error)
{
    const char *why = exchange->why[0] ? exchange->why : curl_easy_strerror(result);
    if (exchange->disk_failed)
        return error_errno(error, "cannot keep the answer");
    if (exchange->answer->overflow)
        return error_set(error, DQ_TOO_LARGE, "the server's answer has more than %zu bytes",
                         exchange->answer->max);
    if (result == CURLE_OUT_OF_MEMORY)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL)
        return error_field(error, DQ_INVALID, "url", "%.200s: %s", link->base, why);
    return error_set(error, DQ_UNREACHABLE, "no docq server answers at %.200s: %.200s", link->base,
                     why);
}

/* ---- problems -------------------------------------------------------------------------------- */

/* The server ends its detail with the remedy that our own table has too. */
static void without_remedy(char *detail, const struct error_row *row)
{
    size_t length = strlen(detail), tail = strlen(row->remedy);
    if (length < tail || strcmp(detail + length - tail, row->remedy) != 0)
        return;
    length -= tail;
    if (length > 0 && detail[length - 1] == ' ')
        length--;
    detail[length] = '\0';
}

static int code_of_status(long status)
{
    static const struct {
        long status;
        int code;
    } rows[] = {{401, DQ_UNAUTHORIZED}, {403, DQ_FORBIDDEN}, {413, DQ_TOO_LARGE},  {429, DQ_BUSY},
                {502, DQ_UNREACHABLE},  {503, DQ_BUSY},      {504, DQ_UNREACHABLE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == status)
            return rows[i].code;
    return DQ_INTERNAL;
}

/* RFC 9457 -> dq_error. What has no code of ours came from something else on the way. */
static int read_problem(const struct link *link, const struct buf *answer, long status,
                        dq_error *error)
{
    size_t length = answer->length < PROBLEM_BYTES_MAX ? answer->length : PROBLEM_BYTES_MAX;
    json_t *problem =
        length ? json_loadb(answer->bytes, length, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *slug = json_string_value(json_object_get(problem, "code"));
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    const json_t *first = json_array_get(json_object_get(problem, "errors"), 0);
    const char *pointer = json_string_value(json_object_get(first, "pointer"));
    const char *plain = json_string_value(json_object_get(first, "detail"));
    const struct error_row *row = slug ? error_find(slug) : NULL;
    int code = row ? row->code : code_of_status(status);
    if (!row)
        error_set(error, code, "%.200s answered with HTTP status %ld%s%.200s", link->base, status,
                  detail ? ": " : "", detail ? detail : "");
    else
        error_field(error, code, pointer ? pointer : "", "%s",
                    plain    ? plain
                    : detail ? detail
                             : "");
    if (row && error)
        without_remedy(error->detail, row);
    if (error && !error->detail[0])
        error_field(error, code, pointer ? pointer : "", "%s", error_row(code)->title);
    json_decref(problem);
    return code;
}

/* ---- requests -------------------------------------------------------------------------------- */

static int rewind_sink(const int *sink, dq_error *error)
{
    if (!sink || (lseek(*sink, 0, SEEK_SET) == 0 && ftruncate(*sink, 0) == 0))
        return 0;
    return error_errno(error, "cannot keep the answer");
}

static int try_once(struct link *link, const struct request *request, struct buf *answer,
                    dq_error *error)
{
    autobuf url = BUF(PATH_BYTES_MAX);
    struct exchange exchange = {.request = request, .answer = answer, .easy = borrow(link)};
    buf_clear(answer);
    buf_printf(&url, "%s%s", link->base, request->path);
    int code = rewind_sink(request->sink, error);
    if (code == 0 && url.overflow)
        code = error_set(error, DQ_TOO_LARGE, "the request has more than %d bytes", PATH_BYTES_MAX);
    if (code == 0) {
        prepare(link, &exchange, url.bytes);
        CURLcode result = request->multi
                              ? perform_until(exchange.easy, request->multi, request->stop)
                              : curl_easy_perform(exchange.easy);
        long status = status_of(exchange.easy);
        if (result != CURLE_OK)
            code = explain(link, &exchange, result, error);
        else if (status < 200 || status > 299)
            code = read_problem(link, answer, status, error);
        if (result == CURLE_OK)
            atomic_store(&link->met, true);
    }
    give_back(link, exchange.easy);
    curl_mime_free(exchange.form);
    curl_slist_free_all(exchange.headers);
    free(exchange.body);
    return code;
}

int link_send(struct link *link, const struct request *request, struct buf *ret_answer,
              dq_error *error)
{
    autobuf unwanted = BUF(ANSWER_BYTES_MAX);
    struct buf *answer = ret_answer ? ret_answer : &unwanted;
    int64_t until = clock_tick() + AGAIN_TIME_MAX, pause = AGAIN_PAUSE_MIN;
    for (;;) {
        int code = try_once(link, request, answer, error);
        if (code != DQ_UNREACHABLE || !request->repeatable || !atomic_load(&link->met) ||
            clock_tick() + pause > until)
            return code;
        clock_rest(pause);
        pause = pause * 2 < AGAIN_PAUSE_MAX ? pause * 2 : AGAIN_PAUSE_MAX;
    }
}

int link_ask(struct link *link, const struct request *request, json_t **ret_answer, dq_error *error)
{
    autobuf answer = BUF(ANSWER_BYTES_MAX);
    json_error_t fault;
    int code = link_send(link, request, &answer, error);
    if (code < 0)
        return code;
    json_t *json = json_loadb(answer.bytes ? answer.bytes : "", answer.length,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
    if (!json)
        return error_set(error, DQ_INTERNAL, "the answer of %.200s is no JSON: %s", link->base,
                         fault.text);
    *ret_answer = json;
    return 0;
}

/* ---- paths ----------------------------------------------------------------------------------- */

void path_add(struct buf *path, const char *name, const char *value)
{
    if (!value)
        return;
    char *escaped = curl_easy_escape(NULL, value, (int)strlen(value));
    if (!escaped)
        bug("out of memory");
    buf_printf(path, "%c%s=%s", strchr(path->bytes, '?') ? '&' : '?', name, escaped);
    curl_free(escaped);
}

void path_add_number(struct buf *path, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    path_add(path, name, text);
}
