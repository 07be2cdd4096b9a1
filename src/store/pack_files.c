/* Documents' bytes in files. */
#include "store/pack_files.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/id.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct pack_files {
    struct pack_store base;
    int directory; /* -1: in memory, every pack is a memfd */
    int64_t disk_reserve;
    pthread_mutex_t mutex; /* guards what follows */
    char current[PACK_NAME_SIZE];
    int fd;
    int64_t offset;
    bool dirty;
};

static struct pack_files *files_of(struct pack_store *store)
{
    return (struct pack_files *)store; /* `base` is its first member */
}

static const struct pack_files *files_of_const(const struct pack_store *store)
{
    return (const struct pack_files *)store;
}

static void new_name(char name[PACK_NAME_SIZE])
{
    unsigned char bytes[12];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, name);
    memcpy(name + 24, ".pack", 6);
}

/* A new locked pack, its directory entry durable. */
static int create(struct pack_files *store, char name[PACK_NAME_SIZE], dq_error *error)
{
    new_name(name);
    autoclose fd = store->directory < 0 ? memfd_create(name, MFD_CLOEXEC)
                                        : openat(store->directory, name,
                                                 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(error, "cannot create a file for document bytes");
    if (store->directory >= 0 &&
        (flock(fd, LOCK_EX | LOCK_NB) < 0 || fsync(store->directory) < 0)) {
        unlinkat(store->directory, name, 0);
        return error_errno(error, "cannot create a file for document bytes");
    }
    return fd_take(&fd);
}

static int check_room(struct pack_store *base, int64_t more, dq_error *error)
{
    struct pack_files *store = files_of(base);
    struct statvfs disk;
    if (store->directory < 0 || fstatvfs(store->directory, &disk) < 0)
        return 0;
    int64_t free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    if (free_bytes - more >= store->disk_reserve)
        return 0;
    return error_set(error, DQ_NO_SPACE,
                     "the disk has %lld MiB left and disk-reserve keeps %lld MiB free; nothing was "
                     "stored",
                     (long long)(free_bytes >> 20), (long long)(store->disk_reserve >> 20));
}

/* The buffer is full: from here on the document has a pack to itself. */
static int spill(dq_incoming *incoming, dq_error *error)
{
    int fd = create(files_of(incoming->store), incoming->pack, error);
    if (fd < 0)
        return fd;
    incoming->fd = fd;
    if (fd_write_all(fd, incoming->buffer, incoming->buffered) < 0)
        return error_errno(error, "cannot write document bytes");
    return 0;
}

static int write_on(dq_incoming *incoming, const void *bytes, size_t length, dq_error *error)
{
    enum { LOOK_BITS = 24 }; /* the disk's room is looked at once every 16 MiB */
    int64_t size = incoming->size;
    int r = 0;
    if (((size ^ (size + (int64_t)length)) >> LOOK_BITS) != 0)
        r = check_room(incoming->store, 0, error);
    if (r >= 0 && fd_write_all(incoming->fd, bytes, length) < 0)
        r = error_errno(error, "cannot write document bytes");
    return r;
}

static void drop(dq_incoming *incoming)
{
    int directory = files_of(incoming->store)->directory;
    if (incoming->fd >= 0 && !incoming->committed && directory >= 0)
        unlinkat(directory, incoming->pack, 0);
    fd_close(&incoming->fd);
}

static int finish(dq_incoming *incoming, dq_error *error)
{
    if (fdatasync(incoming->fd) < 0)
        return error_errno(error, "cannot sync document bytes");
    return 0;
}

static int use_current(struct pack_files *store, int64_t size, dq_error *error)
{
    if (store->fd >= 0 && (store->directory < 0 || store->offset + size <= PACK_BYTES_MAX))
        return 0;
    if (store->fd >= 0 && store->dirty && fdatasync(store->fd) < 0)
        return error_errno(error, "cannot sync document bytes");
    int fd = create(store, store->current, error);
    if (fd < 0)
        return fd;
    fd_close(&store->fd);
    store->fd = fd;
    store->offset = 0;
    store->dirty = false;
    return 0;
}

static int append(struct pack_files *store, dq_incoming *incoming, struct pack_place *ret_place,
                  dq_error *error)
{
    int r = use_current(store, incoming->size, error);
    if (r < 0)
        return r;
    if (fd_pwrite_all(store->fd, incoming->buffer, incoming->buffered, store->offset) < 0)
        return error_errno(error, "cannot write document bytes");
    memcpy(ret_place->pack, store->current, sizeof ret_place->pack);
    ret_place->offset = store->offset;
    ret_place->size = incoming->size;
    store->offset += incoming->size;
    store->dirty = true;
    return 0;
}

static int place(struct pack_store *base, struct db *db, dq_incoming *incoming,
                 struct pack_place *ret_place, dq_error *error)
{
    struct pack_files *store = files_of(base);
    (void)db;
    if (incoming->fd >= 0) {
        *ret_place = (struct pack_place){.size = incoming->size};
        memcpy(ret_place->pack, incoming->pack, sizeof ret_place->pack);
        return 0;
    }
    pthread_mutex_lock(&store->mutex);
    int r = append(store, incoming, ret_place, error);
    pthread_mutex_unlock(&store->mutex);
    return r;
}

static int sync_files(struct pack_store *base, dq_error *error)
{
    struct pack_files *store = files_of(base);
    int r = 0;
    pthread_mutex_lock(&store->mutex);
    if (store->dirty && store->directory >= 0 && fdatasync(store->fd) < 0) {
        r = error_errno(error, "cannot sync document bytes");
        fd_close(&store->fd); /* its pages are in doubt: never trust this descriptor again */
    }
    store->dirty = false;
    pthread_mutex_unlock(&store->mutex);
    return r;
}

int pack_files_directory(const struct pack_store *store)
{
    return files_of_const(store)->directory;
}

/* In memory there is one pack, and it lives as long as the store. */
int pack_files_reopen(struct pack_store *base, const char *pack)
{
    struct pack_files *store = files_of(base);
    char path[64];
    if (store->directory >= 0)
        return openat(store->directory, pack, O_RDONLY | O_CLOEXEC);
    if (strcmp(pack, store->current) != 0 || store->fd < 0) {
        errno = ENOENT;
        return -1;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", store->fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void close_files(struct pack_store *base)
{
    struct pack_files *store = files_of(base);
    fd_close(&store->fd);
    fd_close(&store->directory);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

static const struct pack_engine pack_files_engine = {
    .room = check_room,
    .spill = spill,
    .write = write_on,
    .finish = finish,
    .drop = drop,
    .place = place,
    .sync = sync_files,
    .open_content = pack_files_open_content,
    .discard = pack_files_discard,
    .reap = pack_files_reap,
    .close = close_files,
};

int pack_files_open(const char *directory, int64_t disk_reserve, struct pack_store **ret_store,
                    dq_error *error)
{
    autoclose fd = -1;
    if (directory) {
        if (mkdir(directory, 0700) < 0 && errno != EEXIST)
            return error_errno(error, "cannot create the directory for document bytes");
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return error_errno(error, "cannot open the directory for document bytes");
    }
    struct pack_files *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    *store = (struct pack_files){
        .base = {&pack_files_engine, directory ? INCOMING_BUFFER_BYTES : SIZE_MAX},
        .directory = fd_take(&fd),
        .disk_reserve = disk_reserve,
        .fd = -1};
    pthread_mutex_init(&store->mutex, NULL);
    *ret_store = &store->base;
    return 0;
}
