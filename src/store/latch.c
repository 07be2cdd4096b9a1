/* A mapped page with a robust mutex and a futex word. */
#include "store/latch.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LATCH_MAGIC = 0x64716c32, BOOT_ID_BYTES = 36 };

struct latch {
    uint32_t magic;
    char boot[BOOT_ID_BYTES + 4]; /* a mutex held across a power cut is not to be trusted */
    pthread_mutex_t mutex;
    _Atomic uint32_t beat; /* the futex: changes with every pulse */
    _Atomic uint32_t work, recall;
    _Atomic uint32_t waiters;
    _Atomic uint32_t changes; /* a futex of its own: who waits for work sleeps through changes */
    _Atomic uint32_t watchers;
};

static void read_boot_id(char boot[BOOT_ID_BYTES + 4])
{
    autoclose fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    memset(boot, 0, BOOT_ID_BYTES + 4);
    if (fd >= 0)
        (void)!fd_read_some(fd, boot, BOOT_ID_BYTES);
}

static void initialise(struct latch *latch, const char *boot)
{
    pthread_mutexattr_t attributes;
    memset(latch, 0, sizeof *latch);
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&latch->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    memcpy(latch->boot, boot, sizeof latch->boot);
    latch->magic = LATCH_MAGIC;
}

static int map(int fd, struct latch **ret_latch)
{
    void *memory = mmap(NULL, sizeof(struct latch), PROT_READ | PROT_WRITE,
                        fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return -1;
    *ret_latch = memory;
    return 0;
}

int latch_open(const char *path, struct latch **ret_latch, dq_error *error)
{
    struct latch *latch = NULL;
    char boot[BOOT_ID_BYTES + 4];
    autoclose fd = -1;
    read_boot_id(boot);
    if (path) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || flock(fd, LOCK_EX) < 0 || ftruncate(fd, sizeof *latch) < 0)
            return error_errno(error, "cannot open the store's latch file");
    }
    if (map(fd, &latch) < 0)
        return error_errno(error, "cannot map the store's latch file");
    if (latch->magic != LATCH_MAGIC || memcmp(latch->boot, boot, sizeof boot) != 0)
        initialise(latch, boot);
    if (fd >= 0)
        flock(fd, LOCK_UN); /* closing would not: the mapping keeps the file open */
    *ret_latch = latch;
    return 0;
}

void latch_close(struct latch **latch)
{
    if (*latch)
        munmap(*latch, sizeof **latch);
    *latch = NULL;
}

void latch_lock(struct latch *latch)
{
    int r = pthread_mutex_lock(&latch->mutex);
    if (r == EOWNERDEAD)
        pthread_mutex_consistent(&latch->mutex);
    else if (r != 0)
        bug("the store's latch cannot be locked: %s", strerror(r));
}

void latch_unlock(struct latch *latch)
{
    pthread_mutex_unlock(&latch->mutex);
}

static long futex(_Atomic uint32_t *word, int operation, uint32_t value,
                  const struct timespec *timeout)
{
    return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

void latch_pulse(struct latch *latch, bool work, bool recall)
{
    if (work)
        atomic_fetch_add(&latch->work, 1);
    if (recall)
        atomic_fetch_add(&latch->recall, 1);
    atomic_fetch_add(&latch->beat, 1);
    if (atomic_load(&latch->waiters) > 0)
        futex(&latch->beat, FUTEX_WAKE, INT_MAX, NULL);
}

void latch_changed(struct latch *latch)
{
    atomic_fetch_add(&latch->changes, 1);
    if (atomic_load(&latch->watchers) > 0)
        futex(&latch->changes, FUTEX_WAKE, INT_MAX, NULL);
}

int latch_watch(struct latch *latch, uint32_t *seen, int64_t timeout)
{
    struct timespec ts = {.tv_sec = timeout / US_PER_S, .tv_nsec = timeout % US_PER_S * 1000};
    atomic_fetch_add(&latch->watchers, 1);
    if (atomic_load(&latch->changes) == *seen)
        futex(&latch->changes, FUTEX_WAIT, *seen, &ts);
    atomic_fetch_sub(&latch->watchers, 1);
    uint32_t now = atomic_load(&latch->changes);
    bool differs = now != *seen;
    *seen = now;
    return differs ? 0 : DQ_TIMED_OUT;
}

static bool changed(struct latch *latch, dq_pulse *seen)
{
    dq_pulse now = {.work = atomic_load(&latch->work), .recall = atomic_load(&latch->recall)};
    bool differs = now.work != seen->work || now.recall != seen->recall;
    *seen = now;
    return differs;
}

int latch_wait(struct latch *latch, dq_pulse *seen, int64_t timeout)
{
    int64_t deadline = clock_tick() + timeout;
    for (;;) {
        uint32_t beat = atomic_load(&latch->beat);
        if (changed(latch, seen))
            return 0;
        int64_t left = deadline - clock_tick();
        if (left <= 0)
            return DQ_TIMED_OUT;
        struct timespec ts = {.tv_sec = left / US_PER_S, .tv_nsec = left % US_PER_S * 1000};
        atomic_fetch_add(&latch->waiters, 1);
        futex(&latch->beat, FUTEX_WAIT, beat, &ts);
        atomic_fetch_sub(&latch->waiters, 1);
    }
}
