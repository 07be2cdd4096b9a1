/* A process is known by host, pid and start time: a reused pid is another process. */
#include "store/session.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "store/sql.h"
#include "store/steps.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOST_SIZE = 96, STAT_START_FIELD = 20 }; /* the 22nd field, counted behind the name */

/* Boot and pid namespace: within them, and only there, a pid means something. */
static void host_identity(char host[HOST_SIZE])
{
    char space[48] = "", boot[40] = "";
    ssize_t length = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    autoclose fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        (void)!fd_read_some(fd, boot, 36);
    snprintf(host, HOST_SIZE, "%.36s %.*s", boot, (int)(length > 0 ? length : 0), space);
}

/* Clock ticks since boot at which the process started; 0: there is none, or only its corpse. */
static int64_t process_start(int64_t pid)
{
    char path[40], text[1024];
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    autoclose fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : fd_read_some(fd, text, sizeof text - 1);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    char *at = strrchr(text, ')');
    if (!at || at[1] == '\0' || at[2] == 'Z' || at[2] == 'X')
        return 0;
    for (int field = 0; at && field < STAT_START_FIELD; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoll(at, NULL, 10) : 0;
}

int know_session(struct store *store, struct db *db, int64_t now, dq_error *error)
{
    char host[HOST_SIZE];
    int64_t pid = getpid();
    if (store->session_known)
        return 0;
    host_identity(host);
    int r = db_run(db,
                   db_bind(db, SQL_SESSION_PUT, "bttiii", &store->session, store->worker, host, pid,
                           process_start(pid), now),
                   error);
    if (r >= 0)
        store->session_known = true;
    return r < 0 ? r : 0;
}

static int end_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    (void)opaque;
    return db_run(db, db_bind(db, SQL_SESSION_END, "b", &store->session), error);
}

void end_session(struct store *store)
{
    if (store->session_known && !store->broken)
        (void)store_write(store, clock_now(), end_step, NULL, NULL);
}

struct dead_arguments {
    struct id *ids;
    size_t count;
};

static int dead_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct dead_arguments *arguments = opaque;
    struct rows *rows = db_bind(db, SQL_SESSION_LIST, "");
    char host[HOST_SIZE];
    int r;
    (void)store;
    arguments->count = 0;
    host_identity(host);
    while ((r = db_row(db, rows, error)) > 0 && arguments->count < SESSIONS_MAX)
        if (strcmp(db_text(rows, 2), host) == 0 &&
            process_start(db_int(rows, 3)) != db_int(rows, 4))
            arguments->ids[arguments->count++] = db_id(rows, 0);
    db_done(rows);
    return r < 0 ? r : 0;
}

int find_dead_sessions(struct store *store, struct id *ids, size_t *ret_count, dq_error *error)
{
    struct dead_arguments arguments = {ids, 0};
    int r = store_read(store, dead_step, &arguments, error);
    *ret_count = arguments.count;
    return r;
}

struct workers_arguments {
    struct arena *arena;
    dq_worker_list *list;
};

static int workers_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    struct workers_arguments *arguments = opaque;
    struct rows *rows = db_bind(db, SQL_SESSION_LIST, "");
    dq_worker *workers = arena_alloc(arguments->arena, SESSIONS_MAX * sizeof *workers);
    size_t count = 0;
    char host[HOST_SIZE];
    int r;
    (void)store;
    host_identity(host);
    while ((r = db_row(db, rows, error)) > 0 && count < SESSIONS_MAX) {
        dq_worker *worker = &workers[count++];
        struct id id = db_id(rows, 0);
        id_format(&id, worker->id);
        worker->name = db_copy(arguments->arena, rows, 1);
        worker->local = strcmp(db_text(rows, 2), host) == 0;
        worker->pid = worker->local ? db_int(rows, 3) : 0;
        worker->alive = !worker->local || process_start(worker->pid) == db_int(rows, 4);
        worker->started_at = db_int(rows, 5);
        worker->seen_at = db_int(rows, 6);
        worker->in_progress = db_int(rows, 7);
    }
    db_done(rows);
    *arguments->list = (dq_worker_list){workers, count};
    return r < 0 ? r : 0;
}

int store_workers(struct store *store, struct arena *arena, dq_worker_list *ret_list,
                  dq_error *error)
{
    struct workers_arguments arguments = {arena, ret_list};
    return store_read(store, workers_step, &arguments, error);
}
