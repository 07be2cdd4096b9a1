/* Reading, discarding and reaping files of packs. */
#include "store/pack_files.h"

#include "base/error.h"
#include "base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOLE_SLACK_BYTES = 1024 * 1024 }; /* less than this is not worth a look at the ranges */

int pack_files_open_content(struct pack_store *store, const struct pack_place *place, int *ret_fd,
                            dq_error *error)
{
    struct stat info;
    autoclose fd = pack_files_reopen(store, place->pack);
    if (fd < 0 || fstat(fd, &info) < 0)
        return error_errno(error, "cannot open the document's bytes");
    if (info.st_size < place->offset + place->size)
        return error_set(error, DQ_CORRUPT, "the document's bytes are cut short in its pack");
    bool alone = place->offset == 0 && info.st_size == place->size;
    if (!alone || place->size == 0) { /* nobody may see its neighbours through the descriptor */
        int copy = fd_copy_range(fd, place->offset, (size_t)place->size, "document");
        if (copy < 0)
            return error_errno(error, "cannot read the document's bytes");
        fd_close(&fd);
        fd = copy;
    }
    *ret_fd = fd_take(&fd);
    return 0;
}

void pack_files_discard(struct pack_store *store, const struct pack_place *place)
{
    int directory = pack_files_directory(store);
    if (directory < 0 || place->size == 0)
        return;
    autoclose fd = openat(directory, place->pack, O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        (void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, place->offset,
                         place->size);
}

/* Punches what lies between the ranges in use. Returns the bytes asked to be given back. */
static int64_t punch_gaps(int fd, int64_t size, const struct pack_range *ranges, size_t count)
{
    int64_t at = 0, freed = 0;
    for (size_t i = 0; i <= count; i++) {
        int64_t end = i < count ? ranges[i].offset : size;
        if (end > at &&
            fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, end - at) == 0)
            freed += end - at;
        if (i < count)
            at = ranges[i].offset + ranges[i].size;
    }
    return freed;
}

static int64_t reap_one(int directory, const char *name, pack_ranges_fn *ranges, void *context)
{
    struct stat info;
    struct pack_range *used = NULL;
    size_t count = 0;
    int64_t freed = 0, live = 0;
    autoclose fd = openat(directory, name, O_RDWR | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &info) < 0)
        return 0; /* somebody writes it */
    if (ranges(context, name, &used, &count) < 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        live += used[i].size;
    if (count == 0 && unlinkat(directory, name, 0) == 0)
        freed = (int64_t)info.st_blocks * 512;
    else if ((int64_t)info.st_blocks * 512 > live + HOLE_SLACK_BYTES)
        freed = punch_gaps(fd, info.st_size, used, count);
    free(used);
    return freed;
}

static bool is_pack(const char *name)
{
    size_t length = strlen(name);
    return length == PACK_NAME_SIZE - 4 && strcmp(name + length - 5, ".pack") == 0;
}

int64_t pack_files_reap(struct pack_store *store, pack_ranges_fn *ranges, void *context)
{
    int64_t freed = 0;
    int directory = pack_files_directory(store);
    int again = directory < 0 ? -1 : openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = again < 0 ? NULL : fdopendir(again);
    if (!listing)
        return 0;
    for (struct dirent *entry; (entry = readdir(listing));)
        if (is_pack(entry->d_name))
            freed += reap_one(directory, entry->d_name, ranges, context);
    closedir(listing);
    return freed;
}
