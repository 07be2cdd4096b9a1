/* Raising the wall, in the only order in which each part can still be put up: descriptors, limits,
 * identity, namespaces, fence, filter. */
#include "sandbox/wall.h"

#include "sandbox/wall_parts.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, DESCRIPTORS_MAX = 64 };

const struct wall_row wall_rows[] = {
    {WALL_NO_NEW_PRIVS, "no_new_privs", "set-user-id programs give no rights"},
    {WALL_LIMITS, "limits", "memory, processor time and descriptors are bounded"},
    {WALL_FILTER, "seccomp", "system calls that a reader does not need kill it"},
    {WALL_FENCE, "landlock", "files outside fonts and encodings cannot be opened"},
    {WALL_FENCE_NET, "landlock_net", "TCP cannot be used, even without the filter"},
    {WALL_FENCE_SCOPE, "landlock_scope", "processes outside cannot be signalled or reached"},
    {WALL_NAMESPACES, "namespaces",
     "users, networks and shared memory of the host are out of sight"},
};
const size_t wall_row_count = sizeof wall_rows / sizeof wall_rows[0];

#if WALL_SANITIZED
/* Its search for leaks starts a thread and traces, which the filter forbids. */
int __lsan_is_turned_off(void);
__attribute__((visibility("default"))) int __lsan_is_turned_off(void)
{
    return 1;
}
#endif

/* Never above what is there already: the parent may have set a lower one. */
static int lower(__rlimit_resource_t resource, rlim_t value)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) < 0)
        return -1;
    if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > value)
        limit.rlim_max = value;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    return setrlimit(resource, &limit);
}

/* For people who run docq-extract by hand with its output in a file. */
static bool writes_a_file(void)
{
    struct stat out, err;
    return (fstat(1, &out) == 0 && S_ISREG(out.st_mode)) ||
           (fstat(2, &err) == 0 && S_ISREG(err.st_mode));
}

static rlim_t bound(int64_t value)
{
    return value > 0 ? (rlim_t)value : RLIM_INFINITY;
}

static int raise_limits(const struct wall_limits *limits, dq_error *error)
{
    const rlim_t file_bytes = writes_a_file() ? bound(limits->output_bytes) : 0;
    const rlim_t cpu = bound(limits->cpu_seconds);
    const rlim_t memory = WALL_SANITIZED ? RLIM_INFINITY : bound(limits->memory_bytes);
    const struct {
        __rlimit_resource_t resource;
        rlim_t value;
    } rows[] = {
        {RLIMIT_AS, memory},        {RLIMIT_CPU, cpu},    {RLIMIT_NOFILE, DESCRIPTORS_MAX},
        {RLIMIT_FSIZE, file_bytes}, {RLIMIT_CORE, 0},     {RLIMIT_NPROC, 0},
        {RLIMIT_MEMLOCK, 0},        {RLIMIT_MSGQUEUE, 0}, {RLIMIT_SIGPENDING, 16},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].value != RLIM_INFINITY && lower(rows[i].resource, rows[i].value) < 0)
            return error_errno(error, "cannot set a limit");
    return 0;
}

/* A change of user forgets who must be told when the parent dies, so that is asked for again; a
 * parent that died in between is noticed by its absence. */
static void drop_root(void)
{
    int signal_number = 0;
    pid_t parent = getppid();
    if (geteuid() != 0)
        return;
    prctl(PR_GET_PDEATHSIG, &signal_number);
    (void)!setgroups(0, NULL);
    (void)!setresgid(NOBODY, NOBODY, NOBODY);
    (void)!setresuid(NOBODY, NOBODY, NOBODY);
    if (signal_number == 0)
        return;
    prctl(PR_SET_PDEATHSIG, signal_number);
    if (getppid() != parent)
        _exit(BOX_EXIT_WALL);
}

/* Each by itself: a kernel or container may refuse some, and the other walls do not need them. */
static bool leave_namespaces(void)
{
    if (unshare(CLONE_NEWUSER) < 0)
        return false;
    bool network = unshare(CLONE_NEWNET) == 0;
    bool ipc = unshare(CLONE_NEWIPC) == 0;
    return network && ipc;
}

static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return (int)syscall(SYS_capset, &header, none);
}

/* The fence holds one thread only, so another one would be outside it. */
static bool is_single_threaded(void)
{
    struct stat tasks;
    return WALL_SANITIZED || stat("/proc/self/task", &tasks) < 0 || tasks.st_nlink <= 3;
}

int wall_raise(const struct wall_limits *limits, dq_error *error)
{
    if (!is_single_threaded())
        return error_set(error, DQ_INTERNAL, "The wall must be raised before threads are started.");
    if (close_range(3, ~0U, 0) < 0)
        return error_errno(error, "cannot close the descriptors");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_errno(error, "cannot set no_new_privs");
    int result = raise_limits(limits, error);
    if (result < 0)
        return result;
    drop_root();
    leave_namespaces();
    if (drop_capabilities() < 0)
        return error_errno(error, "cannot drop the capabilities");
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return filter_raise(fence_raise(), error);
}

static bool probe_namespaces(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(leave_namespaces() ? 0 : 1);
    while (child > 0 && waitpid(child, &status, 0) < 0)
        ;
    return child > 0 && status == 0;
}

unsigned wall_probe(void)
{
    int abi = fence_abi();
    unsigned walls = WALL_LIMITS;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) >= 0)
        walls |= WALL_NO_NEW_PRIVS;
    if (filter_available())
        walls |= WALL_FILTER;
    walls |= abi >= 1 ? WALL_FENCE : 0;
    walls |= abi >= 4 ? WALL_FENCE_NET : 0;
    walls |= abi >= 6 ? WALL_FENCE_SCOPE : 0;
    return walls | (probe_namespaces() ? WALL_NAMESPACES : 0);
}
