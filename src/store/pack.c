/* Documents' bytes on disk. */
#include "store/pack_internal.h"

#include "base/digest.h"
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

struct pack_store {
    int directory; /* -1: in memory, every pack is a memfd */
    int64_t disk_reserve;
    pthread_mutex_t mutex; /* guards what follows */
    char current[PACK_NAME_SIZE];
    int fd;
    int64_t offset;
    bool dirty;
};

struct dq_incoming {
    struct pack_store *store;
    struct digest *digest;
    unsigned char sum[DIGEST_BYTES];
    char *buffer; /* the whole document while it is small, else its head */
    size_t buffered;
    int64_t size, size_max;
    int fd; /* of its own pack, -1 while it is small */
    char pack[PACK_NAME_SIZE];
    bool committed;
};

static void new_name(char name[PACK_NAME_SIZE])
{
    unsigned char bytes[12];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, name);
    memcpy(name + 24, ".pack", 6);
}

/* A new locked pack, its directory entry durable. */
static int create(struct pack_store *store, char name[PACK_NAME_SIZE], dq_error *error)
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

int pack_store_open(const char *directory, int64_t disk_reserve, struct pack_store **ret_store,
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
    struct pack_store *store = calloc(1, sizeof *store);
    if (!store)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    *store = (struct pack_store){.directory = fd_take(&fd), .disk_reserve = disk_reserve, .fd = -1};
    pthread_mutex_init(&store->mutex, NULL);
    *ret_store = store;
    return 0;
}

void pack_store_close(struct pack_store **store)
{
    if (!*store)
        return;
    fd_close(&(*store)->fd);
    fd_close(&(*store)->directory);
    pthread_mutex_destroy(&(*store)->mutex);
    free(*store);
    *store = NULL;
}

static int check_room(struct pack_store *store, int64_t more, dq_error *error)
{
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

int pack_begin(struct pack_store *store, int64_t size_max, dq_incoming **ret_incoming,
               dq_error *error)
{
    int r = check_room(store, 0, error);
    if (r < 0)
        return r;
    dq_incoming *incoming = calloc(1, sizeof *incoming);
    if (!incoming)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    incoming->store = store;
    incoming->size_max = size_max;
    incoming->fd = -1;
    incoming->digest = digest_new();
    *ret_incoming = incoming;
    return 0;
}

/* The buffer is full: from here on the document has a pack to itself. */
static int spill(dq_incoming *incoming, dq_error *error)
{
    int fd = create(incoming->store, incoming->pack, error);
    if (fd < 0)
        return fd;
    incoming->fd = fd;
    if (fd_write_all(fd, incoming->buffer, incoming->buffered) < 0)
        return error_errno(error, "cannot write document bytes");
    return 0;
}

static int grow(dq_incoming *incoming, size_t length, dq_error *error)
{
    size_t need = incoming->buffered + length;
    size_t have = 4096;
    while (have < incoming->buffered)
        have *= 2;
    if (incoming->buffer && need <= have)
        return 0;
    while (have < need)
        have *= 2;
    char *buffer = realloc(incoming->buffer, have);
    if (!buffer)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    incoming->buffer = buffer;
    return 0;
}

int pack_write(dq_incoming *incoming, const void *bytes, size_t length, dq_error *error)
{
    int r = 0;
    if (length == 0)
        return 0;
    if (incoming->size_max > 0 && incoming->size + (int64_t)length > incoming->size_max)
        return error_set(error, DQ_TOO_LARGE,
                         "the document has more than %lld bytes; upload-bytes-max allows no more",
                         (long long)incoming->size_max);
    digest_update(incoming->digest, bytes, length);
    if (incoming->fd < 0 && incoming->store->directory >= 0 &&
        incoming->buffered + length > INCOMING_BUFFER_BYTES)
        r = spill(incoming, error);
    if (r >= 0 && incoming->fd < 0 && (r = grow(incoming, length, error)) >= 0) {
        memcpy(incoming->buffer + incoming->buffered, bytes, length);
        incoming->buffered += length;
    } else if (r >= 0 && ((incoming->size ^ (incoming->size + (int64_t)length)) >> 24) != 0) {
        r = check_room(incoming->store, 0, error); /* once every 16 MiB */
    }
    if (r >= 0 && incoming->fd >= 0 && fd_write_all(incoming->fd, bytes, length) < 0)
        r = error_errno(error, "cannot write document bytes");
    incoming->size += (int64_t)length;
    return r;
}

void pack_abort(dq_incoming **slot)
{
    dq_incoming *incoming = *slot;
    if (!incoming)
        return;
    if (incoming->fd >= 0 && !incoming->committed && incoming->store->directory >= 0)
        unlinkat(incoming->store->directory, incoming->pack, 0);
    fd_close(&incoming->fd);
    digest_free(incoming->digest);
    free(incoming->buffer);
    free(incoming);
    *slot = NULL;
}

int pack_finish(dq_incoming *incoming, dq_error *error)
{
    if (incoming->digest) {
        digest_final(incoming->digest, incoming->sum);
        digest_free(incoming->digest);
        incoming->digest = NULL;
    }
    if (incoming->fd < 0)
        return check_room(incoming->store, incoming->size, error);
    if (fdatasync(incoming->fd) < 0)
        return error_errno(error, "cannot sync document bytes");
    return 0;
}

const unsigned char *pack_digest(const dq_incoming *incoming)
{
    return incoming->sum;
}

int64_t pack_size(const dq_incoming *incoming)
{
    return incoming->size;
}

const char *pack_head(const dq_incoming *incoming, size_t *ret_length)
{
    *ret_length = incoming->buffered;
    return incoming->buffer;
}

static int use_current(struct pack_store *store, int64_t size, dq_error *error)
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

static int append(struct pack_store *store, dq_incoming *incoming, struct pack_place *ret_place,
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

int pack_place(struct pack_store *store, dq_incoming *incoming, struct pack_place *ret_place,
               dq_error *error)
{
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

int pack_sync(struct pack_store *store, dq_error *error)
{
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

void pack_forget(dq_incoming *incoming)
{
    incoming->committed = true;
}

int pack_directory(const struct pack_store *store)
{
    return store->directory;
}

/* In memory there is one pack, and it lives as long as the store. */
int pack_reopen(struct pack_store *store, const char *pack)
{
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
