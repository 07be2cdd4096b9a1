/*
 * docq.h - the DocumentQueueService: a durable queue of work on documents.
 *
 * The nouns are document, operation, queue item, attempt and lease; docs/queue.md explains them.
 *
 *     dq_queue *queue = NULL;
 *     dq_document *document = NULL;
 *     dq_error error = {0};
 *     if (dq_open("sqlite:./docq-data", NULL, &queue, &error) < 0)
 *         fail(error.detail);
 *     dq_upload upload = {.fd = fd, .filename = "letter.pdf"};
 *     if (dq_upload_document(queue, &upload, &document, &error) < 0)
 *         fail(error.detail);
 *     puts(document->id);
 *     dq_free(document);
 *     dq_close(&queue);
 *
 * Conventions, true for every call:
 * - 0 or a count is success; a negative `enum dq_code` is failure, explained in *error (may be
 *   NULL). A `ret_` parameter is set on success and untouched on failure.
 * - What a `ret_` parameter receives belongs to the caller and is given back whole with dq_free(),
 *   strings and nested arrays included. Arguments stay the caller's and are copied where needed.
 * - A handle may be used by many threads at once; their writes share one commit and one fsync.
 * - When a write returns success, the fact is on disk.
 * - Times are microseconds since 1970-01-01 UTC, 0 = never; durations are microseconds as well.
 * - Strings are UTF-8. Ids are UUIDs (version 7) in their 36-character form.
 */
#ifndef DOCQ_H
#define DOCQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DQ_API __attribute__((visibility("default")))

#define DQ_ID_SIZE                   37 /* 36 characters and the terminating NUL */
#define DQ_TOKEN_SIZE                81 /* a lease token: 80 hexadecimal characters and NUL */
#define DQ_PRIORITY_MIN              (-1000)
#define DQ_PRIORITY_MAX              1000
#define DQ_BATCH_MAX                 10000 /* items in one dq_enqueue_many or dq_claim */
#define DQ_FILENAME_BYTES_MAX        1024
#define DQ_METADATA_BYTES_MAX        65536
#define DQ_OPERATION_BYTES_MAX       64
#define DQ_LIST_MAX                  1000
#define DQ_IDEMPOTENCY_KEY_BYTES_MAX 300
#define DQ_IDEMPOTENCY_TIME          ((int64_t)24 * 3600 * 1000000) /* how long a key is known */

/* ---- errors -------------------------------------------------------------------------------- */

/* One row each in src/base/errors.def, which adds slug, HTTP status, exit code and remedy. */
enum dq_code {
    DQ_OK = 0,
    DQ_INVALID = -1,       /* an argument or a field is wrong; error.field names it */
    DQ_NOT_FOUND = -2,     /* no such document, item, token, page */
    DQ_CONFLICT = -3,      /* the item's state does not allow it; somebody else won */
    DQ_LEASE_LOST = -4,    /* the lease's epoch has passed; the holder must stop */
    DQ_NOT_PROCESSED = -5, /* there is no result yet */
    DQ_TOO_LARGE = -6,     /* a named limit is exceeded */
    DQ_UNSUPPORTED = -7,   /* content type or feature not supported */
    DQ_UNAUTHORIZED = -8,  /* no valid token */
    DQ_FORBIDDEN = -9,     /* the token lacks the scope */
    DQ_BUSY = -10,         /* try again later */
    DQ_NO_SPACE = -11,     /* the disk is full; nothing was stored */
    DQ_IO = -12,           /* the disk failed; the store has stopped */
    DQ_STORE = -13,        /* the database reported something unexpected */
    DQ_CORRUPT = -14,      /* stored bytes do not match their digest or format */
    DQ_VERSION = -15,      /* the store was written by a newer docq */
    DQ_UNREACHABLE = -16,  /* no server answers at the URL */
    DQ_TIMED_OUT = -17,    /* the wait ended first */
    DQ_NO_MEMORY = -18,    /* out of memory */
    DQ_METHOD = -19,       /* HTTP: method not allowed here */
    DQ_MALFORMED = -20,    /* HTTP: the request breaks the protocol */
    DQ_HEADERS = -21,      /* HTTP: header section too large */
    DQ_RANGE = -22,        /* HTTP: range not satisfiable */
    DQ_SLOW = -23,         /* HTTP: the request did not arrive in time */
    DQ_MISDIRECTED = -24,  /* HTTP: Host or Origin is not ours */
    DQ_LOCKED = -25,       /* another server already serves this data directory */
    DQ_INTERNAL = -26,     /* a bug; please report it */
};

typedef struct dq_error {
    int code;         /* enum dq_code */
    char field[64];   /* JSON pointer of the field at fault, or "" */
    char detail[512]; /* one sentence: the fault and the remedy */
} dq_error;

/* "not_found" for DQ_NOT_FOUND: the stable name used in HTTP answers and logs. Static. */
DQ_API const char *dq_code_name(int code);

/* ---- nouns --------------------------------------------------------------------------------- */

typedef struct dq_queue dq_queue;

enum dq_status { DQ_PENDING, DQ_IN_PROGRESS, DQ_COMPLETED, DQ_FAILED, DQ_CANCELLED, DQ_STATUS_MAX };

DQ_API const char *dq_status_name(enum dq_status status);    /* "pending", ...; static */
DQ_API int dq_status_parse(const char *name, size_t length); /* enum dq_status or DQ_INVALID */

/* What kept a finished or broken attempt from being `completed`. */
typedef struct dq_failure {
    const char *code;    /* slug: [a-z0-9_], e.g. "damaged_document" */
    const char *message; /* for people; may be NULL */
    bool retryable;
    bool crash;          /* the handler died: charged to the crash budget, not to the attempts */
    int64_t retry_after; /* at least this long before the next attempt; 0 = the policy decides */
    int signal;          /* that ended the handler, or 0 */
    const char *limit;   /* named limit that was hit ("memory", "time", ...), or NULL */
    int64_t peak_memory; /* bytes, 0 = unknown */
} dq_failure;

/* One past attempt. `outcome`: completed, retried, failed, released, lost (lease expired or worker
 * died), cancelled, superseded. */
typedef struct dq_attempt {
    int number; /* 1.. */
    int64_t epoch;
    int64_t started_at, ended_at;
    const char *worker;
    const char *outcome;
    const char *error_code, *error_message; /* NULL where there was none */
    int signal;
    const char *limit;
    int64_t peak_memory; /* bytes, 0 = unknown */
} dq_attempt;

typedef struct dq_item {
    char id[DQ_ID_SIZE];
    char document_id[DQ_ID_SIZE];
    char superseded_by[DQ_ID_SIZE]; /* "" = not superseded */
    const char *operation;
    int priority;
    enum dq_status status;
    const char *waiting; /* pending: why, one sentence; else NULL */
    int attempts, max_attempts, crashes;
    int64_t epoch;
    int64_t created_at, due_at, started_at, finished_at;
    const char *worker;       /* in_progress: the holder; else the last one; NULL = never claimed */
    int64_t lease_expires_at; /* in_progress only, else 0 */
    const char *progress_stage; /* NULL = none reported */
    int64_t progress_done, progress_total;
    const char *error_code, *error_message; /* of the last attempt; NULL = none */
    bool error_retryable;
    const dq_attempt *history; /* oldest first; only dq_get_item fills it */
    size_t history_count;
    bool created;                 /* dq_enqueue: false = this item was already waiting */
    const char *filename, *owner; /* of its document; NULL from dq_enqueue_many */
} dq_item;

typedef struct dq_item_list {
    dq_item *items;
    size_t count;
    const char *next; /* cursor of the next page, NULL = last page */
} dq_item_list;

typedef struct dq_document {
    char id[DQ_ID_SIZE];
    const char *filename;     /* as the caller named it; never used as a path */
    const char *content_type; /* sniffed */
    int64_t size;             /* bytes */
    char sha256[65];
    const char *metadata; /* JSON object */
    const char *owner;
    int64_t created_at;
    enum dq_status status; /* of the newest item */
    dq_item *item;         /* the newest item */
    bool has_result;
    int pages;                   /* of the result */
    int64_t text_bytes;          /* of the result */
    bool partial;                /* the result was cut by a time-out */
    const char *result_metadata; /* JSON object, NULL = no result */
    const char *problems;        /* JSON array, NULL = no result */
    int64_t processed_at;
} dq_document;

typedef struct dq_document_list {
    dq_document *documents;
    size_t count;
    const char *next;
} dq_document_list;

typedef struct dq_lease {
    char token[DQ_TOKEN_SIZE]; /* what the holder shows with every write */
    dq_item item;
    dq_document document; /* without its item */
} dq_lease;

typedef struct dq_lease_list {
    dq_lease *leases;
    size_t count;
} dq_lease_list;

typedef struct dq_operation {
    const char *name;
    const char *kind; /* "builtin" or "remote" */
    int max_attempts;
    int64_t backoff_base, backoff_cap; /* microseconds */
    double backoff_factor;
    int crash_budget;
    int64_t timeout;   /* of one attempt */
    int64_t paused_at; /* 0 = not paused */
    int64_t counts[DQ_STATUS_MAX];
} dq_operation;

typedef struct dq_queue_stats {
    int64_t counts[DQ_STATUS_MAX];
    int64_t documents;
    int64_t due;            /* pending and due now */
    int64_t oldest_due_age; /* microseconds, 0 = nothing is due */
    int64_t enqueued_per_minute, completed_per_minute, failed_per_minute; /* last full minute */
    int64_t paused_at; /* the whole queue; 0 = not paused */
    int64_t workers;   /* live sessions that have claimed */
    const char *risk;  /* of the store: what could cost acknowledged work; NULL = none is known */
    dq_operation *operations;
    size_t operation_count;
} dq_queue_stats;

typedef struct dq_worker {
    char id[DQ_ID_SIZE];
    const char *name; /* "host:pid" or what the remote worker calls itself */
    int64_t pid;      /* 0 = on another host */
    bool local, alive;
    int64_t started_at, seen_at;
    int64_t in_progress;
} dq_worker;

typedef struct dq_worker_list {
    dq_worker *workers;
    size_t count;
} dq_worker_list;

typedef struct dq_page {
    int number; /* 1.. */
    const char *text;
    size_t text_bytes;
} dq_page;

/* What a handler made of a document. */
typedef struct dq_result {
    const char *content_type; /* as the parser sees it, or NULL */
    const dq_page *pages;
    size_t page_count;
    const char *metadata; /* JSON object or NULL */
    const char *problems; /* JSON array of strings or NULL */
    bool partial;
    int64_t peak_memory; /* bytes, 0 = unknown */
} dq_result;

/* ---- open and close ------------------------------------------------------------------------ */

typedef struct dq_options {
    const char *worker;         /* name of this session in leases; NULL = "host:pid" */
    int64_t age_step;           /* one step of priority is worth this much waiting; 0 = 60 s */
    int64_t disk_reserve_bytes; /* refuse uploads when less would stay free; 0 = 64 MiB */
    bool read_only;             /* never create or migrate; writes fail with DQ_INVALID */
    const char *token;          /* of a server: shown with every request; NULL = none */
} dq_options;

/* URL: "sqlite:DIR" (a data directory, created where missing), "sqlite::memory:" (tests),
 * "postgresql://..." (libpq's, several hosts and target_session_attrs included),
 * "http://HOST:PORT" or "https://HOST" (a docq server; of the options it uses worker and token).
 * DQ_VERSION: written by a newer docq. DQ_IO, DQ_STORE, DQ_INVALID (bad URL, not writable).
 * DQ_UNREACHABLE: no docq server answers there. */
DQ_API int dq_open(const char *url, const dq_options *options, dq_queue **ret_queue,
                   dq_error *error);

/* Waits for writes under way, hands nothing back by itself; sets *queue to NULL. NULL is fine. */
DQ_API void dq_close(dq_queue **queue);

/* Frees what any call returned, strings included. NULL is fine. */
DQ_API void dq_free(const void *reply);

/* ---- documents ----------------------------------------------------------------------------- */

/* Bytes on their way in, for callers that receive them in pieces. Not thread-safe by itself. */
typedef struct dq_incoming dq_incoming;

typedef struct dq_upload {
    int fd;                /* read until end of file; stays the caller's */
    dq_incoming *incoming; /* instead of fd, where not NULL; consumed by dq_upload_commit */
    const char *filename;  /* NULL = "document" */
    const char *operation; /* NULL = "process" */
    const char *metadata;  /* JSON object text, NULL = {} */
    const char *owner;     /* NULL = "default" */
    int priority;
    int64_t size_max;            /* bytes; DQ_TOO_LARGE beyond; 0 = no limit. Only with fd */
    const char *idempotency_key; /* see below; NULL = none. That of the first of several counts */
} dq_upload;

/* A request with an idempotency key does its work once: the same key with the same contents, up to
 * DQ_IDEMPOTENCY_TIME later, changes nothing and answers with what the first one made, as that is
 * now. With other contents it is DQ_INVALID. Keys of uploads and of enqueues do not meet. */

/* Stores bytes, document and queue item in one durable step. The status of *ret is DQ_PENDING. */
DQ_API int dq_upload_document(dq_queue *queue, const dq_upload *upload, dq_document **ret_document,
                              dq_error *error);

/* The same in pieces: begin, write as often as needed (hashes; small documents stay in a bounded
 * buffer, larger ones go to disk at once), then commit one or several as one durable step: all or
 * none. Commit consumes every `incoming`, on failure too; abort drops one that is not committed
 * (NULL inside is fine). DQ_NO_SPACE: the disk is full or would be; nothing stays behind. */
DQ_API int dq_upload_begin(dq_queue *queue, int64_t size_max, dq_incoming **ret_incoming,
                           dq_error *error);
DQ_API int dq_upload_write(dq_incoming *incoming, const void *bytes, size_t length,
                           dq_error *error);
DQ_API int dq_upload_commit(dq_queue *queue, const dq_upload *uploads, size_t count,
                            dq_document_list **ret_list, dq_error *error);
DQ_API void dq_upload_abort(dq_incoming **incoming);

/* A new item for an existing document. operation NULL = "reprocess". */
DQ_API int dq_reprocess_document(dq_queue *queue, const char *document_id, const char *operation,
                                 int priority, dq_document **ret_document, dq_error *error);
DQ_API int dq_get_document(dq_queue *queue, const char *id, dq_document **ret_document,
                           dq_error *error);
DQ_API int dq_list_documents(dq_queue *queue, const char *filter, int limit, const char *cursor,
                             dq_document_list **ret_list, dq_error *error);

/* *ret_fd: a read-only descriptor that holds exactly this document's bytes; the caller closes. */
DQ_API int dq_open_content(dq_queue *queue, const char *document_id, int *ret_fd, dq_error *error);

/* Pages `first`..`last` of the extracted text (1.., last 0 = the end).
 * DQ_NOT_PROCESSED: no result yet. */
typedef struct dq_text {
    dq_page *pages;
    size_t page_count;
} dq_text;
DQ_API int dq_get_text(dq_queue *queue, const char *document_id, int first, int last,
                       dq_text **ret_text, dq_error *error);

/* Removes document, items and results. A holder of its lease gets DQ_LEASE_LOST from then on. */
DQ_API int dq_delete_document(dq_queue *queue, const char *document_id, dq_error *error);

/* The full id of the only document (or item) whose id begins with `prefix` (4 characters at
 * least). DQ_NOT_FOUND, or DQ_CONFLICT where several begin so. */
DQ_API int dq_resolve_id(dq_queue *queue, const char *prefix, char ret_id[DQ_ID_SIZE],
                         dq_error *error);

/* ---- search ------------------------------------------------------------------------------------
 */

typedef struct dq_span {
    int from, to; /* code points (Unicode characters); `to` is behind the last */
} dq_span;

/* One page on which a query was found. */
typedef struct dq_hit {
    char document_id[DQ_ID_SIZE];
    const char *filename;
    const char *content_type;
    const char *owner;
    int64_t created_at;     /* of the document */
    int page;               /* 1.. */
    double score;           /* higher is better; comparable within one search only */
    const char *snippet;    /* plain text around the matches, on one line */
    const dq_span *matches; /* within the snippet, in order, apart; none: only the name matched */
    size_t match_count;
} dq_hit;

typedef struct dq_hit_list {
    dq_hit *hits;
    size_t count;
    const char *next; /* cursor of the next page, NULL = last page */
} dq_hit_list;

#define DQ_HITS_A_DOCUMENT_MAX 3

/* Full text of all processed documents: the best documents first, at most DQ_HITS_A_DOCUMENT_MAX
 * pages of each, best page first. docs/search.md has the language of `query`; all its words must
 * be on one page or in the file's name. At most `limit` hits (1..DQ_LIST_MAX); a page of the list
 * ends with a whole document and may be shorter. Paging is stable: documents that are indexed after
 * the first page are left out. DQ_INVALID: an unknown key, a limit, or the search took too long. */
DQ_API int dq_search(dq_queue *queue, const char *query, int limit, const char *cursor,
                     dq_hit_list **ret_list, dq_error *error);

/* A piece of a page for retrieval: text[from, to) of that page, without blanks at its ends. */
typedef struct dq_chunk {
    int number;                  /* 1.. in the document */
    int page;                    /* 1.. */
    int from, to;                /* code points in the page's text */
    const char *const *headings; /* above it, outermost first */
    size_t heading_count;
    const char *text;
    size_t text_bytes;
} dq_chunk;

typedef struct dq_chunk_list {
    dq_chunk *chunks;
    size_t count;
    int next; /* number of the chunk behind the last one; 0 = there is none */
} dq_chunk_list;

#define DQ_CHUNK_SIZE_MIN     50
#define DQ_CHUNK_SIZE_MAX     20000
#define DQ_CHUNK_SIZE_DEFAULT 1000

typedef struct dq_chunk_options {
    int size;    /* code points at most; 0 = DQ_CHUNK_SIZE_DEFAULT */
    int overlap; /* about so many code points of the one before, at most half of size */
    int first;   /* number of the first chunk wanted; 0 = 1 */
    int limit;   /* at most so many; 0 = all */
} dq_chunk_options;

/* The document's text cut at headings (Markdown's `#`), paragraphs, sentences, lines, words, in
 * this order of preference; never across pages. The same text and options give the same chunks.
 * options NULL = defaults. DQ_NOT_PROCESSED: no result yet. */
DQ_API int dq_get_chunks(dq_queue *queue, const char *document_id, const dq_chunk_options *options,
                         dq_chunk_list **ret_list, dq_error *error);

/* ---- the queue ----------------------------------------------------------------------------- */

/* One item waits for a (document, operation): a second call returns it (`created` false), with
 * its priority raised where a higher one is asked for. */
DQ_API int dq_enqueue(dq_queue *queue, const char *document_id, const char *operation, int priority,
                      dq_item **ret_item, dq_error *error);

typedef struct dq_ask {
    const char *document_id;
    const char *operation; /* NULL = "process" */
    int priority;
    int64_t due_at;              /* 0 = now */
    const char *idempotency_key; /* as in dq_upload; that of the first of several counts */
} dq_ask;

/* All asks in one durable step. ret_codes[i] (count of them, may be NULL): 0 or why the i-th was
 * refused; *ret_list (may be NULL) holds the items of those that were not, in order. Returns the
 * number accepted. */
DQ_API int dq_enqueue_many(dq_queue *queue, const dq_ask *asks, size_t count, int *ret_codes,
                           dq_item_list **ret_list, dq_error *error);

/* What would be claimed next, in order of service. Read only: looking is not taking. */
DQ_API int dq_get_pending_items(dq_queue *queue, int limit, dq_item_list **ret_list,
                                dq_error *error);

/* Takes exactly this item. Of several callers one wins; the others get DQ_CONFLICT, as does who
 * asks for an item that is not due, paused, or whose document has another item in progress. */
DQ_API int dq_mark_in_progress(dq_queue *queue, const char *item_id, int64_t lease_time,
                               dq_lease **ret_lease, dq_error *error);

typedef struct dq_claim_options {
    int limit;                     /* 1.. DQ_BATCH_MAX */
    int64_t lease_time;            /* 0 = 30 s */
    const char *const *operations; /* NULL-terminated; NULL = the built-in ones */
    const char *worker;            /* a remote holder's name; NULL = this session */
    const char *item_id;           /* exactly this one, as dq_mark_in_progress(); NULL = the next */
} dq_claim_options;

/* dq_get_pending_items and dq_mark_in_progress in one step. An empty list is success. */
DQ_API int dq_claim(dq_queue *queue, const dq_claim_options *options, dq_lease_list **ret_list,
                    dq_error *error);

typedef struct dq_progress {
    const char *stage; /* NULL = unchanged */
    int64_t done, total;
} dq_progress;

/* Renews the lease by its own length. DQ_LEASE_LOST: stop working; it was cancelled or has passed
 * to somebody else. */
DQ_API int dq_heartbeat(dq_queue *queue, const char *token, const dq_progress *progress,
                        int64_t *ret_expires_at, dq_error *error);

/* Result and status in one commit. The same token again gives the same answer. */
DQ_API int dq_mark_completed(dq_queue *queue, const char *token, const dq_result *result,
                             dq_error *error);

/* Many leases in one step, without results. ret_codes[i] (may be NULL): 0, or why the i-th was
 * refused (DQ_LEASE_LOST); the others are completed all the same. Returns their number. */
DQ_API int dq_mark_completed_many(dq_queue *queue, const char *const *tokens, size_t count,
                                  int *ret_codes, dq_error *error);

/* *ret_status (may be NULL): DQ_PENDING = will be retried, DQ_FAILED, DQ_CANCELLED = superseded. */
DQ_API int dq_mark_failed(dq_queue *queue, const char *token, const dq_failure *failure,
                          enum dq_status *ret_status, dq_error *error);

/* Hands the item back; the attempt is not charged. */
DQ_API int dq_release(dq_queue *queue, const char *token, dq_error *error);

DQ_API int dq_cancel(dq_queue *queue, const char *item_id, dq_item **ret_item, dq_error *error);
DQ_API int dq_retry(dq_queue *queue, const char *item_id, dq_item **ret_item, dq_error *error);
DQ_API int dq_get_item(dq_queue *queue, const char *id, dq_item **ret_item, dq_error *error);

/* Newest first. Filter: words `pending|in_progress|completed|failed|cancelled`, `operation:NAME`,
 * `error:CODE`, `problem:KEY`, `document:ID`, `owner:NAME`, `since:2h`, `before:30d`; NULL or "" =
 * everything. */
DQ_API int dq_list_items(dq_queue *queue, const char *filter, int limit, const char *cursor,
                         dq_item_list **ret_list, dq_error *error);

enum dq_bulk { DQ_BULK_RETRY, DQ_BULK_CANCEL, DQ_BULK_DELETE };

/* Every item that matches and whose state allows it, a slice a commit. Returns their number.
 * An empty filter is refused: say what to match. */
DQ_API int64_t dq_bulk(dq_queue *queue, enum dq_bulk action, const char *filter, dq_error *error);

DQ_API int dq_get_queue_stats(dq_queue *queue, dq_queue_stats **ret_stats, dq_error *error);
DQ_API int dq_list_workers(dq_queue *queue, dq_worker_list **ret_list, dq_error *error);

/* How many dq_list_items would list; *ret_more: at least so many, counting them all takes too long.
 */
DQ_API int64_t dq_count_items(dq_queue *queue, const char *filter, bool *ret_more, dq_error *error);

/* Failures of one kind: the same code, and the same message but for numbers and names in it. */
typedef struct dq_problem {
    char key[13];                           /* for `problem:KEY` in a filter */
    const char *code, *message, *operation; /* of the newest one */
    char item_id[DQ_ID_SIZE];               /* the newest one */
    int64_t count, last_hour, last_day;
    int64_t first_at, last_at;
} dq_problem;

typedef struct dq_problem_list {
    dq_problem *problems; /* the most frequent first */
    size_t count;
    bool more; /* only the newest failures were grouped */
} dq_problem_list;

/* What has failed within the last `span`, grouped. */
DQ_API int dq_list_problems(dq_queue *queue, int64_t span, dq_problem_list **ret_list,
                            dq_error *error);

typedef struct dq_history_point {
    int64_t at; /* when the step begins */
    int64_t enqueued, completed, failed;
} dq_history_point;

typedef struct dq_spread {
    int64_t p50, p95; /* microseconds */
    int count;        /* of how many */
} dq_spread;

typedef struct dq_history {
    dq_history_point *points; /* oldest first; the last one is not over */
    size_t count;
    dq_spread wait, run; /* of the items that finished last */
} dq_history;

/* Rates in `points` steps of so many minutes, up to now. */
DQ_API int dq_get_history(dq_queue *queue, int step_minutes, int points, dq_history **ret_history,
                          dq_error *error);

/* How many items dq_purge would delete, counted up to 100,000 a status. */
DQ_API int64_t dq_count_purgeable(dq_queue *queue, int64_t older, int status, dq_error *error);

/* operation NULL = the whole queue. Items in progress go on. */
DQ_API int dq_pause(dq_queue *queue, const char *operation, dq_error *error);
DQ_API int dq_resume(dq_queue *queue, const char *operation, dq_error *error);

/* Deletes finished items that ended more than `older` ago, a slice a commit, with their history;
 * the document stays while it has another item, and goes with its last one where
 * `with_documents`. status -1 = completed, failed and cancelled. Returns the number of items. */
DQ_API int64_t dq_purge(dq_queue *queue, int64_t older, int status, bool with_documents,
                        dq_error *error);

/* Makes an operation known, or changes its policy (zero fields = defaults). */
DQ_API int dq_define_operation(dq_queue *queue, const dq_operation *operation, dq_error *error);

/* ---- workers ------------------------------------------------------------------------------- */

/* Counters that change when something may have become claimable, or a lease was taken away. */
typedef struct dq_pulse {
    uint32_t work, recall;
} dq_pulse;

/* Returns at once where either counter differs from *seen, else when one changes or the timeout
 * ends (DQ_TIMED_OUT). *seen is brought up to date either way. */
DQ_API int dq_wait(dq_queue *queue, dq_pulse *seen, int64_t timeout);

/* Changes, problems, history and counts below are of a store; on the handle of a server elsewhere
 * they fail with DQ_UNSUPPORTED: ask it over HTTP (/v1/events, /v1/problems, ...). */

/* One item that changed: enqueued, claimed, progressed, ended, retried, deleted. */
typedef struct dq_change {
    int64_t number; /* grows from change to change, also over restarts */
    char item_id[DQ_ID_SIZE];
    dq_item *item; /* as it is now, without history; NULL = deleted */
} dq_change;

typedef struct dq_change_list {
    dq_change *changes;
    size_t count;
    int64_t last; /* ask for what comes after this one next */
    bool reset;   /* the log does not reach back that far: look at everything anew */
} dq_change_list;

/* What changed after number `after`, oldest first, each item once; at most `limit` (1..
 * DQ_LIST_MAX) changes are drawn together. The log is written in the commit that it tells of, so
 * none is missed, and keeps about the last 65,000. `after` < 0: no changes, only the number to
 * begin with. */
DQ_API int dq_list_changes(dq_queue *queue, int64_t after, int limit, dq_change_list **ret_list,
                           dq_error *error);

/* Sleeps until any item changes or the timeout ends (DQ_TIMED_OUT); a wake-up may be for nothing.
 * *seen begins as 0 and is brought up to date. Those who wait for work sleep through it. */
DQ_API int dq_watch(dq_queue *queue, uint32_t *seen, int64_t timeout);

/* Takes back at once what dead processes of this host held, expires old leases, makes due items
 * claimable. *ret_next_due (may be NULL): when to call again at the latest, 0 = no need.
 * Returns the number of items taken back. */
DQ_API int dq_recover(dq_queue *queue, int64_t *ret_next_due, dq_error *error);

typedef struct dq_process_options {
    int limit;             /* items at most; 0 = all that are due */
    int64_t time_max;      /* start nothing new after this long; 0 = no limit */
    const char *extractor; /* path of docq-extract; NULL = beside the running program */
    int concurrency;       /* 0 = number of processors */
    const char *token;     /* of a server; NULL = none */
} dq_process_options;

typedef struct dq_process_stats {
    int64_t claimed, completed, failed, retried, released;
    int64_t duration; /* microseconds */
} dq_process_stats;

/* process_document_queue(): a session of its own on `url`, handles what is due, returns what it
 * did. Works beside a running server and without one; overlapping calls are safe. */
DQ_API int dq_process_document_queue(const char *url, const dq_process_options *options,
                                     dq_process_stats *ret_stats, dq_error *error);

/* ---- access tokens ------------------------------------------------------------------------- */

enum dq_scope {
    DQ_SCOPE_UPLOAD = 1,
    DQ_SCOPE_READ = 2,
    DQ_SCOPE_WORK = 4,
    DQ_SCOPE_OPERATE = 8,
    DQ_SCOPE_ADMIN = 16, /* includes all others */
    DQ_SCOPE_LOGIN = 32, /* good for one login of a browser with the other scopes, nothing else */
};

typedef struct dq_token {
    char id[17];              /* public part, 16 hexadecimal characters */
    unsigned char digest[32]; /* SHA-256 of the secret part */
    const char *name;
    unsigned scopes; /* enum dq_scope, ored */
    int64_t created_at, expires_at, revoked_at;
} dq_token;

typedef struct dq_token_list {
    dq_token *tokens;
    size_t count;
} dq_token_list;

#define DQ_SECRET_SIZE 96
/* ret_secret: "dq_<id>_<secret>", to be shown once; only its digest is stored. */
DQ_API int dq_token_new(dq_queue *queue, const char *name, unsigned scopes, int64_t expires_at,
                        char ret_secret[DQ_SECRET_SIZE], dq_error *error);
DQ_API int dq_list_tokens(dq_queue *queue, dq_token_list **ret_list, dq_error *error);
DQ_API int dq_token_revoke(dq_queue *queue, const char *id, dq_error *error);

#ifdef __cplusplus
}
#endif
#endif
