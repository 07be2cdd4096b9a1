/* The worker: takes items, handles each in a box, reports. Written on docq.h only, so any engine
 * behind it will do. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <docq.h>

#define WORKER_LEASE_DEFAULT  ((int64_t)30 * 1000000)
#define WORKER_GRACE_DEFAULT  ((int64_t)20 * 1000000)
#define WORKER_MEMORY_DEFAULT ((int64_t)1024 * 1024 * 1024)
#define WORKER_SLOTS_MAX      1024

/* A program that this worker has for an operation: the document is its stdin, the text its stdout,
 * pages separated by form feeds. Or a webhook, to which the document is posted. */
struct worker_program {
    const char *operation;
    char *const *argv; /* argv[0] is its path, or a URL alone; NULL-terminated */
};

#define WORKER_PROGRAMS_MAX 32

/* All zero but `url` is valid. */
struct worker_options {
    const char *url;
    const char *token;     /* of a server; NULL or "" = none */
    const char *name;      /* of this worker in leases; NULL = "host:pid" */
    const char *extractor; /* path of docq-extract; NULL = beside the running program */
    const struct worker_program *programs;
    const unsigned char *secret; /* signs what goes to webhooks */
    size_t secret_length;
    size_t program_count; /* up to WORKER_PROGRAMS_MAX */
    int concurrency;      /* documents at a time; 0 = number of processors */
    bool drain;           /* end when nothing is due, else run until told to stop */
    int limit;            /* items at most; 0 = no limit */
    int64_t time_max;     /* start nothing new after this long; 0 = no limit */
    int64_t lease_time;   /* 0 = WORKER_LEASE_DEFAULT */
    int64_t memory_bytes; /* of one box; 0 = WORKER_MEMORY_DEFAULT */
    int64_t grace;        /* for boxes to finish after SIGTERM; 0 = WORKER_GRACE_DEFAULT */
    bool signals;         /* SIGTERM and SIGINT stop it, a second one at once; SIGHUP drains it */
    bool log;             /* one line an item on stderr */
};

/* Returns when it has drained, reached a limit, or was told to stop; what it held by then is
 * finished or handed back. With `signals`, all three stay blocked meanwhile in the calling
 * thread: the program's other threads must block them as well. ret_stats may be NULL and is set on
 * failure too.
 * DQ_INVALID: no extractor there; else what the queue reported when it could not go on. */
int worker_run(const struct worker_options *options, struct dq_process_stats *ret_stats,
               dq_error *error);

#endif
