/*
 * The queue through its C API, each figure the median of RUNS: bulk enqueue, claim + complete in
 * batches and one by one, two processes that write at once, claim time against the depth.
 * Prints one JSON object; bench/run.py makes the table.
 * Usage: bench_queue DIRECTORY|URL rates DEPTH, or bench_queue DIRECTORY documents COUNT,
 * which makes documents for others to enqueue and prints their ids.
 */
#include "base/clock.h"

#include <docq.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNS = 5, BATCH = 10, BULK = 1000, WORKERS = 8, CALLERS_MAX = 64 };

static char url[512];

static void die(const dq_error *error)
{
    fprintf(stderr, "bench_queue: %s\n", error->detail);
    exit(1);
}

static dq_queue *open_queue(void)
{
    dq_queue *queue;
    dq_error error;
    if (dq_open(url, NULL, &queue, &error) < 0)
        die(&error);
    return queue;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[count / 2];
}

/* `count` documents of no consequence, for items to be about. */
static char (*make_documents(dq_queue *queue, int count))[DQ_ID_SIZE]
{
    enum { GROUP = 100 };
    char(*ids)[DQ_ID_SIZE] = calloc((size_t)count, sizeof *ids);
    dq_error error;
    for (int i = 0; i < count; i += GROUP) {
        dq_upload uploads[GROUP] = {{0}};
        dq_document_list *list;
        int n = count - i < GROUP ? count - i : GROUP;
        for (int k = 0; k < n; k++) {
            uploads[k].operation = "park";
            if (dq_upload_begin(queue, 0, &uploads[k].incoming, &error) < 0 ||
                dq_upload_write(uploads[k].incoming, "x", 1, &error) < 0)
                die(&error);
        }
        if (dq_upload_commit(queue, uploads, (size_t)n, &list, &error) < 0)
            die(&error);
        for (int k = 0; k < n; k++)
            memcpy(ids[i + k], list->documents[k].id, DQ_ID_SIZE);
        dq_free(list);
    }
    return ids;
}

static double enqueue_bulk(dq_queue *queue, char (*ids)[DQ_ID_SIZE], int count,
                           const char *operation)
{
    static dq_ask asks[DQ_BATCH_MAX];
    dq_error error = {0};
    int64_t start = clock_tick();
    for (int i = 0; i < count; i += BULK) {
        int n = count - i < BULK ? count - i : BULK;
        for (int k = 0; k < n; k++)
            asks[k] = (dq_ask){.document_id = ids[i + k], .operation = operation};
        if (dq_enqueue_many(queue, asks, (size_t)n, NULL, NULL, &error) != n)
            die(&error);
    }
    return count / ((double)(clock_tick() - start) / 1e6);
}

struct drain {
    dq_queue *queue;
    int batch;
    int64_t deadline; /* clock_tick(), 0 = until it is empty */
    int64_t done;
};

static void complete(dq_queue *queue, const dq_lease_list *list)
{
    static _Thread_local const char *tokens[DQ_BATCH_MAX];
    dq_error error;
    for (size_t i = 0; i < list->count; i++)
        tokens[i] = list->leases[i].token;
    if (list->count > 0 &&
        dq_mark_completed_many(queue, tokens, list->count, NULL, &error) < (int)list->count)
        die(&error);
}

static void *drain(void *argument)
{
    static const char *const operations[] = {"bench", NULL};
    struct drain *drain = argument;
    dq_claim_options options = {.limit = drain->batch, .operations = operations};
    dq_error error;
    for (size_t got = 1; got > 0 && (!drain->deadline || clock_tick() < drain->deadline);) {
        dq_lease_list *list;
        if (dq_claim(drain->queue, &options, &list, &error) < 0)
            die(&error);
        got = list->count;
        complete(drain->queue, list);
        drain->done += (int64_t)got;
        dq_free(list);
    }
    return NULL;
}

static double drain_all(dq_queue *queue, int threads, int batch, int64_t seconds)
{
    pthread_t ids[WORKERS];
    struct drain drains[WORKERS];
    int64_t start = clock_tick(), done = 0;
    for (int i = 0; i < threads; i++) {
        drains[i] = (struct drain){queue, batch, seconds ? start + seconds * US_PER_S : 0, 0};
        pthread_create(&ids[i], NULL, drain, &drains[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        done += drains[i].done;
    }
    return (double)done / ((double)(clock_tick() - start) / 1e6);
}

/* A server that enqueues and a worker that drains, each in its own process, one by one. */
static void two_processes(char (*ids)[DQ_ID_SIZE], int count, double *server, double *worker)
{
    enum { SECONDS = 3 };
    double *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        dq_queue *queue = open_queue();
        shared[0] = drain_all(queue, 1, 1, SECONDS);
        dq_close(&queue);
        _exit(0);
    }
    dq_queue *queue = open_queue();
    dq_error error;
    int64_t start = clock_tick(), n = 0;
    while (clock_tick() < start + SECONDS * US_PER_S && n < count) {
        dq_ask ask = {.document_id = ids[n], .operation = "other"};
        if (dq_enqueue_many(queue, &ask, 1, NULL, NULL, &error) < 0)
            die(&error);
        n++;
    }
    *server = (double)n / ((double)(clock_tick() - start) / 1e6);
    waitpid(child, NULL, 0);
    *worker = shared[0];
    dq_close(&queue);
    munmap(shared, 4096);
}

struct caller {
    dq_queue *queue;
    char (*ids)[DQ_ID_SIZE];
    int first, step, count;
};

static void *enqueue_own(void *argument)
{
    const struct caller *caller = argument;
    dq_error error;
    for (int i = caller->first; i < caller->count; i += caller->step) {
        dq_ask ask = {.document_id = caller->ids[i], .operation = "bench"};
        if (dq_enqueue_many(caller->queue, &ask, 1, NULL, NULL, &error) != 1)
            die(&error);
    }
    return NULL;
}

/* One item a call, by so many threads at once. */
static double enqueue_singly(dq_queue *queue, char (*ids)[DQ_ID_SIZE], int threads, int count)
{
    pthread_t running[CALLERS_MAX];
    struct caller callers[CALLERS_MAX];
    int64_t start = clock_tick();
    for (int i = 0; i < threads; i++) {
        callers[i] = (struct caller){queue, ids, i, threads, count};
        pthread_create(&running[i], NULL, enqueue_own, &callers[i]);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(running[i], NULL);
    double seconds = (double)(clock_tick() - start) / 1e6;
    drain_all(queue, 1, BULK, 0);
    return count / seconds;
}

static void single_callers(dq_queue *queue, char (*ids)[DQ_ID_SIZE])
{
    static const struct {
        int threads, count;
    } rounds[] = {{1, 1000}, {16, 10000}, {CALLERS_MAX, 20000}};
    for (size_t i = 0; i < sizeof rounds / sizeof rounds[0]; i++) {
        double rates[RUNS];
        for (int run = 0; run < RUNS; run++)
            rates[run] = enqueue_singly(queue, ids, rounds[i].threads, rounds[i].count);
        printf(", \"enqueue_%d_threads_per_s\": %.0f", rounds[i].threads, median(rates, RUNS));
    }
}

/* Microseconds of one claim of BATCH, median of many; what was claimed is released. */
static double claim_time(dq_queue *queue)
{
    enum { CLAIMS = 200 };
    static const char *const operations[] = {"bench", NULL};
    static double times[CLAIMS];
    dq_claim_options options = {.limit = BATCH, .operations = operations};
    dq_error error;
    for (int i = 0; i < CLAIMS; i++) {
        dq_lease_list *list;
        int64_t start = clock_tick();
        if (dq_claim(queue, &options, &list, &error) < 0)
            die(&error);
        times[i] = (double)(clock_tick() - start);
        for (size_t k = 0; k < list->count; k++)
            if (dq_release(queue, list->leases[k].token, &error) < 0)
                die(&error);
        dq_free(list);
    }
    return median(times, CLAIMS);
}

static void define(dq_queue *queue)
{
    static const char *const names[] = {"bench", "other", "park", "done"};
    dq_error error;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        dq_operation operation = {.name = names[i]};
        if (dq_define_operation(queue, &operation, &error) < 0)
            die(&error);
    }
}

/* Of an operation that nobody claims while it is filled. */
static void empty(dq_queue *queue, const char *operation)
{
    char filter[64];
    dq_error error;
    snprintf(filter, sizeof filter, "pending operation:%s", operation);
    if (dq_bulk(queue, DQ_BULK_CANCEL, filter, &error) < 0)
        die(&error);
}

static void rates(dq_queue *queue, char (*ids)[DQ_ID_SIZE], int count)
{
    double bulk[RUNS], batch[RUNS], batch1[RUNS], single[RUNS], server[3], worker[3];
    for (int i = 0; i < RUNS; i++) {
        bulk[i] = enqueue_bulk(queue, ids, count, "bench");
        batch[i] = drain_all(queue, WORKERS, BATCH, 0);
        enqueue_bulk(queue, ids, count, "bench");
        batch1[i] = drain_all(queue, 1, BATCH, 2);
        single[i] = drain_all(queue, WORKERS, 1, 2);
        drain_all(queue, 1, BULK, 0);
        fprintf(stderr, "run %d: bulk %.0f, batches %.0f, one thread %.0f, one by one %.0f\n", i,
                bulk[i], batch[i], batch1[i], single[i]);
    }
    for (int i = 0; i < 3; i++) {
        enqueue_bulk(queue, ids, count, "bench");
        two_processes(ids, count, &server[i], &worker[i]);
        drain_all(queue, 1, BULK, 0);
        empty(queue, "other"); /* an item that waits already would be no new one */
    }
    printf("\"enqueue_bulk_per_s\": %.0f, \"drain_batch10_8_threads_per_s\": %.0f, "
           "\"drain_batch10_1_thread_per_s\": %.0f, \"drain_single_8_threads_per_s\": %.0f, "
           "\"two_processes_server_per_s\": %.0f, \"two_processes_worker_per_s\": %.0f",
           median(bulk, RUNS), median(batch, RUNS), median(batch1, RUNS), median(single, RUNS),
           median(server, 3), median(worker, 3));
}

static void depths(dq_queue *queue, char (*ids)[DQ_ID_SIZE], int count)
{
    enqueue_bulk(queue, ids, 1000, "bench");
    printf(", \"claim10_us_at_1000\": %.0f", claim_time(queue));
    enqueue_bulk(queue, ids + 1000, count - 1000, "bench");
    printf(", \"claim10_us_deep\": %.0f", claim_time(queue));
    drain_all(queue, 1, BULK, 0);
    enqueue_bulk(queue, ids, 1000, "bench");
    printf(", \"claim10_us_finished\": %.0f", claim_time(queue));
}

static void print_documents(dq_queue *queue, int count)
{
    char(*ids)[DQ_ID_SIZE] = make_documents(queue, count);
    for (int i = 0; i < count; i++)
        puts(ids[i]);
    free(ids);
}

static void measure(dq_queue *queue, int depth)
{
    enum { COUNT = 50000 };
    char(*ids)[DQ_ID_SIZE] = make_documents(queue, depth > COUNT ? depth : COUNT);
    printf("{");
    rates(queue, ids, COUNT);
    single_callers(queue, ids);
    depths(queue, ids, depth);
    printf("}\n");
    free(ids);
}

int main(int argc, char **argv)
{
    int count = argc == 4 ? (int)strtol(argv[3], NULL, 10) : 0;
    bool documents = argc == 4 && strcmp(argv[2], "documents") == 0;
    if (count < 1 || (!documents && strcmp(argv[2], "rates") != 0)) {
        fprintf(stderr, "usage: bench_queue DIRECTORY|URL rates|documents COUNT\n");
        return 2;
    }
    snprintf(url, sizeof url, "%s%s", strstr(argv[1], "://") ? "" : "sqlite:", argv[1]);
    dq_queue *queue = open_queue();
    define(queue);
    if (documents)
        print_documents(queue, count);
    else
        measure(queue, count);
    dq_close(&queue);
    return 0;
}
