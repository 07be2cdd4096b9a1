/* Like vfork: the child borrows our memory until it executes, so that starting a box costs the
 * same whatever the size of the worker. In between it may only make system calls, and makes them
 * directly: a wrapper may be a sanitizer's, which would note the child's doings as ours. */
#include "sandbox/spawn.h"

#include "sandbox/wall_parts.h"

#include <errno.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK_BYTES = 16 * 1024, ENVIRONMENT_MAX = 16, KERNEL_SIGSET_BYTES = 8, EXIT_SPAWN = 127 };

/* Without an instrumented prologue: the stack is not the thread's. */
#define ON_BORROWED_STACK                                                                          \
    __attribute__((no_sanitize("address", "thread", "undefined"), no_stack_protector, noinline))
#if !__has_attribute(no_stack_protector)
#undef ON_BORROWED_STACK
#define ON_BORROWED_STACK __attribute__((no_sanitize("address", "thread", "undefined"), noinline))
#endif

struct birth {
    const struct spawn *spawn;
    char *const *environment;
    pid_t parent;
    int error; /* errno of what failed in the child; 0 where it became the program */
};

/* Exec turns handlers into the default by itself, but keeps what is ignored. */
ON_BORROWED_STACK static void reset_signals(void)
{
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        unsigned long mask;
    } defaults = {0};
    unsigned long nothing = 0;
    for (int number = 1; number <= 64; number++)
        syscall(SYS_rt_sigaction, number, &defaults, NULL, KERNEL_SIGSET_BYTES);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &nothing, NULL, KERNEL_SIGSET_BYTES);
}

ON_BORROWED_STACK static void set_limit(int resource, int64_t soft, int64_t hard)
{
    struct rlimit limit = {(rlim_t)soft, (rlim_t)hard};
    if (soft > 0 || resource == RLIMIT_CORE)
        syscall(SYS_prlimit64, 0, resource, &limit, NULL);
}

/* false: errno says what failed. */
ON_BORROWED_STACK static bool strip(const struct spawn *spawn)
{
    for (int fd = 0; fd < 3; fd++)
        if (syscall(SYS_dup3, spawn->fds[fd], fd, 0) < 0)
            return false;
    set_limit(RLIMIT_AS, WALL_SANITIZED ? 0 : spawn->memory_bytes, spawn->memory_bytes);
    set_limit(RLIMIT_CPU, spawn->cpu_seconds, spawn->cpu_seconds + 1);
    set_limit(RLIMIT_CORE, 0, 0);
    return syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

ON_BORROWED_STACK static int become(void *context)
{
    struct birth *birth = context;
    reset_signals();
    syscall(SYS_setpgid, 0, 0);
    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (syscall(SYS_getppid) != birth->parent) /* it died before we asked to be told */
        syscall(SYS_exit_group, EXIT_SPAWN);
    if (strip(birth->spawn))
        syscall(SYS_execve, birth->spawn->program, birth->spawn->argv, birth->environment);
    birth->error = errno;
    syscall(SYS_exit_group, EXIT_SPAWN);
    return EXIT_SPAWN;
}

/* Nothing of the worker's environment but what makes sanitizers speak; one processor a box. */
static void make_environment(char *const *more, char *environment[ENVIRONMENT_MAX])
{
    static char language[] = "LANG=C.UTF-8", threads[] = "OMP_THREAD_LIMIT=1";
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    static const char *const kept[] = {"ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS="};
    size_t count = 0;
    environment[count++] = language;
    environment[count++] = threads;
    environment[count++] = path;
    for (; more && *more && count < ENVIRONMENT_MAX - 1; more++)
        environment[count++] = *more;
    for (char **variable = environ; *variable; variable++)
        for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
            if (strncmp(*variable, kept[i], strlen(kept[i])) == 0 && count < ENVIRONMENT_MAX - 1)
                environment[count++] = *variable;
    environment[count] = NULL;
}

int spawn_start(const struct spawn *spawn, pid_t *ret_pid, int *ret_pidfd, dq_error *error)
{
    alignas(16) char stack[STACK_BYTES];
    char *environment[ENVIRONMENT_MAX];
    struct birth birth = {.spawn = spawn, .environment = environment, .parent = getpid()};
    sigset_t all, before;
    int pidfd = -1;
    make_environment(spawn->environment, environment);
    sigfillset(&all); /* a handler must not run in the child, on our memory */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t pid = clone(become, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                      &birth, &pidfd);
    int clone_error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        errno = clone_error;
        return error_errno(error, "cannot start a process");
    }
    if (birth.error != 0) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        close(pidfd);
        return error_set(error, DQ_UNSUPPORTED, "%s cannot be executed: %s.", spawn->program,
                         strerror(birth.error));
    }
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return 0;
}
