/* The filter: seccomp. The allowed system calls, by what they are for; any other kills the
 * process. Found with strace on the parsers, then cut down to what a reader of one document needs.
 */
#include "sandbox/wall_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALLOW SCMP_ACT_ALLOW
#define DENY  SCMP_ACT_ERRNO(EACCES)

static const int allowed[] = {
    /* memory (mmap and mprotect below) */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    /* the three descriptors, and files opened for reading */
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(preadv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(fstatfs),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(getdents64),
    SCMP_SYS(fadvise64),
    SCMP_SYS(poll),
    /* time */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(times),
    SCMP_SYS(getrusage),
    /* threads that there are none of, signals to oneself, ending */
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getcpu),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    /* asking who one is */
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getrandom),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(getcwd),
    SCMP_SYS(getrlimit),
};

/* Libraries try these in good faith and live with a refusal: looking for files by name (the fence
 * does not cover looking), caches of fonts, terminals, threads. */
static const struct {
    int call, error;
} refused[] = {
    {SCMP_SYS(access), EACCES},   {SCMP_SYS(faccessat), EACCES},  {SCMP_SYS(faccessat2), EACCES},
    {SCMP_SYS(stat), EACCES},     {SCMP_SYS(lstat), EACCES},      {SCMP_SYS(statfs), EACCES},
    {SCMP_SYS(readlink), EACCES}, {SCMP_SYS(readlinkat), EACCES}, {SCMP_SYS(mkdir), EACCES},
    {SCMP_SYS(mkdirat), EACCES},  {SCMP_SYS(unlink), EACCES},     {SCMP_SYS(chmod), EACCES},
    {SCMP_SYS(ioctl), ENOTTY},
};

/* One condition on an argument: (argument & mask) compared with the value. */
struct rule {
    uint32_t action;
    int call;
    unsigned count;
    struct scmp_arg_cmp when[3];
};

#define BITS(arg, mask, value)                                                                     \
    {                                                                                              \
        (arg), SCMP_CMP_MASKED_EQ, (mask), (value)                                                 \
    }

static int add_lists(scmp_filter_ctx filter)
{
    int result = 0;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0] && result == 0; i++)
        result = seccomp_rule_add(filter, ALLOW, allowed[i], 0);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0] && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)refused[i].error),
                                  refused[i].call, 0);
    return result;
}

/* Memory is never both writable and executable; code comes only from files that the fence lets one
 * open, never from the document, which is descriptor 0. */
static int add_rules(scmp_filter_ctx filter, bool may_open)
{
    const uint64_t change = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
    const uint64_t wx = PROT_WRITE | PROT_EXEC;
    const uint32_t open_action = may_open ? ALLOW : DENY;
    const struct rule rules[] = {
        {open_action, SCMP_SYS(openat), 1, {BITS(2, change, O_RDONLY)}},
        {open_action, SCMP_SYS(open), 1, {BITS(1, change, O_RDONLY)}},
        {ALLOW, SCMP_SYS(mmap), 1, {BITS(2, PROT_EXEC, 0)}},
        {ALLOW,
         SCMP_SYS(mmap),
         3,
         {BITS(2, wx, PROT_EXEC), BITS(3, MAP_ANONYMOUS, 0), {4, SCMP_CMP_GT, 2, 0}}},
        {ALLOW, SCMP_SYS(mprotect), 1, {BITS(2, PROT_EXEC, 0)}},
        {ALLOW, SCMP_SYS(prlimit64), 1, {{2, SCMP_CMP_EQ, 0, 0}}}, /* only asking */
        {ALLOW, SCMP_SYS(fcntl), 1, {{1, SCMP_CMP_EQ, F_GETFL, 0}}},
        {ALLOW, SCMP_SYS(fcntl), 1, {{1, SCMP_CMP_EQ, F_GETFD, 0}}},
        {ALLOW, SCMP_SYS(fcntl), 1, {{1, SCMP_CMP_EQ, F_SETFD, 0}}},
        {ALLOW,
         SCMP_SYS(tgkill),
         2,
         {{0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0}, {2, SCMP_CMP_EQ, SIGABRT, 0}}},
    };
    int result = 0;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0] && result == 0; i++)
        result = seccomp_rule_add_array(filter, rules[i].action, rules[i].call, rules[i].count,
                                        rules[i].when);
    return result;
}

/* A sanitizer's runtime writes reports, looks at /proc and changes protections. */
static int add_sanitizer(scmp_filter_ctx filter)
{
    static const int calls[] = {SCMP_SYS(mmap),     SCMP_SYS(mprotect),         SCMP_SYS(prctl),
                                SCMP_SYS(readlink), SCMP_SYS(prlimit64),        SCMP_SYS(getppid),
                                SCMP_SYS(dup),      SCMP_SYS(process_vm_readv), SCMP_SYS(pipe2)};
    int result = 0;
    for (size_t i = 0; WALL_SANITIZED && i < sizeof calls / sizeof calls[0] && result == 0; i++)
        result = seccomp_rule_add(filter, ALLOW, calls[i], 0);
    return result;
}

static void release(scmp_filter_ctx *filter)
{
    if (*filter)
        seccomp_release(*filter);
}

int filter_raise(bool may_open, dq_error *error)
{
    __attribute__((cleanup(release))) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return error_set(error, DQ_NO_MEMORY, "The system call filter cannot be made.");
    int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (result == 0)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (result == 0)
        result = add_lists(filter);
    if (result == 0)
        result = add_rules(filter, may_open);
    if (result == 0)
        result = add_sanitizer(filter);
    if (result == 0)
        result = seccomp_load(filter);
    if (result < 0)
        return error_set(error, DQ_UNSUPPORTED, "The system call filter cannot be raised: %s.",
                         strerror(-result));
    return 0;
}

bool filter_available(void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}
