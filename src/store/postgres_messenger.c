/* The messenger: a thread with a connection of its own that tells other nodes and hears them. */
#include "store/postgres.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "store/latch.h"
#include "store/sql.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    LOOK_EVERY_US = 1000000, /* work that nobody told of is found after this long */
    TELL_EVERY_US = 5000,    /* one message for all that happened since the last one */
};

static void hear(struct store *store, struct db *db)
{
    PGconn *conn = pg_of(db)->conn;
    bool work = false, recall = false;
    if (!PQconsumeInput(conn))
        pg_of(db)->lost = true;
    for (PGnotify *told; (told = PQnotifies(conn)); PQfreemem(told))
        if (told->be_pid != PQbackendPID(conn)) {
            work = work || strcmp(told->extra, "recall") != 0;
            recall = recall || strcmp(told->extra, "recall") == 0;
        }
    if (work || recall)
        latch_pulse(store->latch, work, recall);
}

static void tell(struct postgres *own, struct db *db)
{
    if (atomic_exchange(&own->tell_work, false))
        (void)db_run(db, db_bind(db, SQL_TELL, "t", "work"), NULL);
    if (atomic_exchange(&own->tell_recall, false))
        (void)db_run(db, db_bind(db, SQL_TELL, "t", "recall"), NULL);
}

/* Sleeps until a message comes or is to be sent, or it is time to look by ourselves. */
static void rest(struct store *store, struct db *db, int64_t timeout_us)
{
    struct postgres *own = postgres_of(store);
    bool up = db->handle && !pg_of(db)->lost;
    struct pollfd fds[] = {{.fd = own->wake_fd, .events = POLLIN},
                           {.fd = up ? PQsocket(pg_of(db)->conn) : -1, .events = POLLIN}};
    eventfd_t ignored;
    (void)poll(fds, 2, timeout_us > 0 ? (int)(timeout_us / US_PER_MS) + 1 : 0);
    if (fds[0].revents)
        (void)eventfd_read(own->wake_fd, &ignored);
    if (fds[1].revents)
        hear(store, db);
}

static void *messenger(void *opaque)
{
    struct store *store = opaque;
    struct postgres *own = postgres_of(store);
    struct db db = {0};
    int64_t told = 0, looked = clock_tick();
    while (!atomic_load(&own->stop)) {
        if (!db.handle || pg_of(&db)->lost) {
            postgres_disconnect(&db);
            if (postgres_connect(own->url, &db, NULL) >= 0)
                (void)postgres_exec(&db, SQL_LISTEN, NULL);
            if (pg_of(&db)->lost) {
                rest(store, &db, LOOK_EVERY_US / 4);
                continue;
            }
            looked = 0; /* what was said meanwhile is not known */
        }
        int64_t look = looked + LOOK_EVERY_US - clock_tick();
        if (look <= 0) {
            latch_pulse(store->latch, true, true);
            looked = clock_tick();
            look = LOOK_EVERY_US;
        }
        int64_t wait = told + TELL_EVERY_US - clock_tick();
        bool waiting = atomic_load(&own->tell_work) || atomic_load(&own->tell_recall);
        if (waiting && wait <= 0) {
            tell(own, &db);
            told = clock_tick();
            hear(store, &db); /* what came with the answer rings no bell */
        } else {
            rest(store, &db, waiting && wait < look ? wait : look);
        }
    }
    postgres_disconnect(&db);
    return NULL;
}

int postgres_messenger_start(struct store *store, dq_error *error)
{
    struct postgres *own = postgres_of(store);
    own->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (own->wake_fd < 0 || pthread_create(&own->messenger, NULL, messenger, store) != 0)
        return error_set(error, DQ_NO_MEMORY, "cannot start the thread that listens");
    own->has_messenger = true;
    return 0;
}

void postgres_messenger_stop(struct store *store)
{
    struct postgres *own = postgres_of(store);
    if (own->has_messenger) {
        atomic_store(&own->stop, true);
        (void)eventfd_write(own->wake_fd, 1);
        pthread_join(own->messenger, NULL);
    }
    fd_close(&own->wake_fd);
}

void postgres_tell(struct store *store, bool work, bool recall)
{
    struct postgres *own = postgres_of(store);
    bool news = (work && !atomic_exchange(&own->tell_work, true)) |
                (recall && !atomic_exchange(&own->tell_recall, true));
    if (news)
        (void)eventfd_write(own->wake_fd, 1);
}
