/*
 * Documents' bytes as rows of chunks, so that another machine needs nothing but the URL.
 *
 * A small document's one chunk is put in the commit that adds its row. A large one's chunks are put
 * as they come, each in a commit of its own; until the document's commit a row of `incoming` says
 * that they are wanted, and what nobody touched for a long time is reaped. At most one chunk of a
 * document is in memory.
 */
#include "store/postgres.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "store/pack_internal.h"
#include "store/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CHUNK_BYTES = INCOMING_BUFFER_BYTES, IN_MEMORY_BYTES_MAX = 4 * 1024 * 1024 };
static const int64_t abandoned_after = 24 * 3600 * US_PER_S;

struct bytes {
    struct pack_store base;
    struct store *store;
};

static struct store *store_of(const struct pack_store *base)
{
    return ((const struct bytes *)base)->store; /* `base` is its first member */
}

/* The chunk of a large document that fills up. */
struct tail {
    int64_t number;
    size_t filled;
    char bytes[CHUNK_BYTES];
};

struct put {
    const char *pack;
    const struct tail *tail;
};

static void name_pack(char name[PACK_NAME_SIZE])
{
    unsigned char bytes[16];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, name);
}

static int put_chunk(struct db *db, const char *pack, int64_t number, const char *bytes,
                     size_t length, dq_error *error)
{
    return db_run(db, db_bind(db, SQL_CHUNK_INSERT, "tiy", pack, number, bytes, length), error);
}

/* May run twice where the answer to the first was lost. */
static int put_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    const struct put *put = opaque;
    (void)store;
    int r = db_run(db, db_bind(db, SQL_INCOMING_TOUCH, "ti", put->pack, clock_now()), error);
    if (r >= 0)
        r = db_run(db, db_bind(db, SQL_CHUNK_DELETE_ONE, "ti", put->pack, put->tail->number),
                   error);
    return r < 0 ? r
                 : put_chunk(db, put->pack, put->tail->number, put->tail->bytes, put->tail->filled,
                             error);
}

static int put_tail(dq_incoming *incoming, dq_error *error)
{
    struct tail *tail = incoming->own;
    struct put put = {incoming->pack, tail};
    int r = postgres_apart(store_of(incoming->store), put_step, &put, error);
    tail->number++;
    tail->filled = 0;
    return r < 0 ? r : 0;
}

static int write_on(dq_incoming *incoming, const void *bytes, size_t length, dq_error *error)
{
    struct tail *tail = incoming->own;
    const char *from = bytes;
    int r = 0;
    while (r >= 0 && length > 0) {
        size_t room = CHUNK_BYTES - tail->filled, n = length < room ? length : room;
        memcpy(tail->bytes + tail->filled, from, n);
        tail->filled += n;
        from += n;
        length -= n;
        if (tail->filled == CHUNK_BYTES)
            r = put_tail(incoming, error);
    }
    return r;
}

static int spill(dq_incoming *incoming, dq_error *error)
{
    incoming->own = calloc(1, sizeof(struct tail));
    if (!incoming->own)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    name_pack(incoming->pack);
    return write_on(incoming, incoming->buffer, incoming->buffered, error);
}

static int finish(dq_incoming *incoming, dq_error *error)
{
    struct tail *tail = incoming->own;
    return tail->filled > 0 ? put_tail(incoming, error) : 0;
}

static int drop_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    const char *pack = opaque;
    (void)store;
    int r = db_run(db, db_bind(db, SQL_INCOMING_END, "t", pack), error);
    return r <= 0 ? r : db_run(db, db_bind(db, SQL_CHUNK_DELETE, "t", pack), error);
}

static void drop(dq_incoming *incoming)
{
    if (incoming->large && !incoming->committed)
        (void)postgres_apart(store_of(incoming->store), drop_step, incoming->pack, NULL);
    free(incoming->own);
    incoming->own = NULL;
}

static int place(struct pack_store *base, struct db *db, dq_incoming *incoming,
                 struct pack_place *ret_place, dq_error *error)
{
    (void)base;
    *ret_place = (struct pack_place){.size = incoming->size};
    if (incoming->large) {
        int r = db_run(db, db_bind(db, SQL_INCOMING_END, "t", incoming->pack), error);
        memcpy(ret_place->pack, incoming->pack, sizeof ret_place->pack);
        return r != 0 ? r
                      : error_set(error, DQ_TIMED_OUT,
                                  "the upload rested for a day and its bytes were given up; "
                                  "send it again");
    }
    name_pack(ret_place->pack);
    return incoming->buffered == 0
               ? 0
               : put_chunk(db, ret_place->pack, 0, incoming->buffer, incoming->buffered, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct fetch {
    const struct pack_place *place;
    int fd;
};

/* May run twice: it begins at the start of the file. */
static int fetch_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    const struct fetch *fetch = opaque;
    int64_t at = 0;
    (void)store;
    for (int64_t number = 0; at < fetch->place->size; number++) {
        struct rows *row = db_bind(db, SQL_CHUNK_GET, "ti", fetch->place->pack, number);
        size_t length = 0;
        int r = db_row(db, row, error);
        const void *bytes = r > 0 ? db_bytes(row, 0, &length) : NULL;
        if (bytes && fd_pwrite_all(fetch->fd, bytes, length, at) < 0)
            r = error_errno(error, "cannot write the copy of a document");
        db_done(row);
        if (r < 0)
            return r;
        if (!bytes || length == 0)
            return error_set(error, DQ_CORRUPT, "chunk %" PRId64 " of the document is missing",
                             number);
        at += (int64_t)length;
    }
    return 0;
}

static int scratch_file(int64_t size)
{
    const char *directory = getenv("TMPDIR");
    if (size <= IN_MEMORY_BYTES_MAX)
        return memfd_create("document", MFD_CLOEXEC);
    return open(directory && *directory ? directory : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static int open_content(struct pack_store *base, const struct pack_place *place_of, int *ret_fd,
                        dq_error *error)
{
    char path[64];
    autoclose fd = scratch_file(place_of->size);
    if (fd < 0)
        return error_errno(error, "cannot create a file for a copy of the document");
    struct fetch fetch = {place_of, fd};
    int r = store_read(store_of(base), fetch_step, &fetch, error);
    if (r < 0)
        return r;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int reader = open(path, O_RDONLY | O_CLOEXEC); /* whoever gets it must not write */
    if (reader < 0)
        return error_errno(error, "cannot open the copy of the document");
    *ret_fd = reader;
    return 0;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int has_room(struct pack_store *base, int64_t more, dq_error *error)
{
    (void)base;
    (void)more;
    (void)error;
    return 0; /* the database says so when its disk is full */
}

static int nothing_to_sync(struct pack_store *base, dq_error *error)
{
    (void)base;
    (void)error;
    return 0; /* the commit does it */
}

static void gone_with_its_row(struct pack_store *base, const struct pack_place *place_of)
{
    (void)base;
    (void)place_of;
}

static int reap_step(struct store *store, struct db *db, void *opaque, dq_error *error)
{
    int64_t *freed = opaque;
    int r;
    (void)store;
    struct rows *rows = db_bind(db, SQL_INCOMING_ABANDONED, "i", clock_now() - abandoned_after);
    while ((r = db_row(db, rows, error)) > 0)
        *freed += db_int(rows, 0);
    db_done(rows);
    return r;
}

static int64_t reap(struct pack_store *base, pack_ranges_fn *ranges, void *context)
{
    int64_t freed = 0;
    (void)ranges;
    (void)context;
    (void)postgres_apart(store_of(base), reap_step, &freed, NULL);
    return freed;
}

static void close_bytes(struct pack_store *base)
{
    free(base);
}

static const struct pack_engine engine = {
    .room = has_room,
    .spill = spill,
    .write = write_on,
    .finish = finish,
    .drop = drop,
    .place = place,
    .sync = nothing_to_sync,
    .open_content = open_content,
    .discard = gone_with_its_row,
    .reap = reap,
    .close = close_bytes,
};

int postgres_bytes_open(struct store *store, struct pack_store **ret_store, dq_error *error)
{
    struct bytes *bytes = calloc(1, sizeof *bytes);
    if (!bytes)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    *bytes = (struct bytes){.base = {&engine, INCOMING_BUFFER_BYTES}, .store = store};
    *ret_store = &bytes->base;
    return 0;
}
