/* Watching a box: its process, its two pipes, the clock and whoever may stop it, in one poll. */
#include "sandbox/box.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/frame.h"
#include "base/utf8.h"
#include "sandbox/spawn.h"
#include "sandbox/wall.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY_BYTES_DEFAULT ((int64_t)1024 * 1024 * 1024)
#define TIME_DEFAULT         (120 * US_PER_S)
#define LINGER_MAX           US_PER_S       /* between the end record and the exit */
#define HARD_TIME_SLACK      (US_PER_S / 2) /* the box gives up by itself that much earlier */
#define PEAK_SAMPLE_EVERY    (100 * US_PER_MS)

enum { READ_BYTES = 64 * 1024, PIPE_BYTES = 256 * 1024, DRAIN_READS_MAX = 64 };

struct box {
    const struct box_request *request;
    struct box_result *result;
    int64_t memory_bytes, time_max;
    int64_t deadline, peak_sampled_at;
    pid_t pid;
    int pidfd, out, err;
    bool decided; /* result->verdict stands, whatever the process does from now on */
    int status;
    int64_t own_peak; /* of the worker, which the kernel mixes into the child's */
    char tail[BOX_STDERR_BYTES];
    size_t tail_length;
};

const char *box_verdict_name(enum box_verdict verdict)
{
    static const char *const names[BOX_VERDICT_MAX] = {
        [BOX_OK] = "ok",
        [BOX_DOCUMENT_ERROR] = "document_error",
        [BOX_SIGNAL] = "signal",
        [BOX_TIME] = "time",
        [BOX_MEMORY] = "memory",
        [BOX_OUTPUT] = "output",
        [BOX_PROTOCOL] = "protocol",
        [BOX_SPAWN] = "spawn",
        [BOX_STOPPED] = "stopped",
        [BOX_EXIT] = "exit",
    };
    return verdict < BOX_VERDICT_MAX ? names[verdict] : "unknown";
}

/* What runs in the box, for sentences about it. */
static const char *noun(const struct box *box)
{
    return box->request->argv ? "program" : "parser";
}

/* The first cause counts. */
static void decide(struct box *box, enum box_verdict verdict, const char *limit, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

static void decide(struct box *box, enum box_verdict verdict, const char *limit, const char *format,
                   ...)
{
    va_list args;
    if (box->decided)
        return;
    va_start(args, format);
    vsnprintf(box->result->message, sizeof box->result->message, format, args);
    va_end(args);
    box->result->verdict = verdict;
    box->result->limit = limit;
    box->decided = true;
}

/* ---- memory -------------------------------------------------------------------------------- */

static int64_t resident_peak(pid_t pid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    autoclose fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : fd_read_some(fd, text, sizeof text - 1);
    text[length > 0 ? length : 0] = '\0';
    const char *line = strstr(text, "VmHWM:");
    return line ? strtoll(line + strlen("VmHWM:"), NULL, 10) * 1024 : 0;
}

static void sample_peak(struct box *box)
{
    int64_t peak = resident_peak(box->pid);
    if (peak > box->result->peak_memory)
        box->result->peak_memory = peak;
    box->peak_sampled_at = clock_tick();
}

/* ---- pipes --------------------------------------------------------------------------------- */

static void keep_tail(struct box *box, const char *bytes, size_t length)
{
    if (length >= sizeof box->tail) {
        bytes += length - sizeof box->tail;
        length = sizeof box->tail;
    }
    size_t keep = sizeof box->tail - length;
    if (keep > box->tail_length)
        keep = box->tail_length;
    memmove(box->tail, box->tail + box->tail_length - keep, keep);
    memcpy(box->tail + keep, bytes, length);
    box->tail_length = keep + length;
}

static void take_output(struct box *box, const char *bytes, size_t length)
{
    struct wire *wire = box->result->wire;
    enum wire_state before = wire_state(wire), state = wire_feed(wire, bytes, length);
    if (state == WIRE_BROKEN)
        decide(box, BOX_PROTOCOL, NULL, "The %s broke the protocol: %s", noun(box),
               wire_fault(wire));
    else if (state == WIRE_FULL)
        decide(box, BOX_OUTPUT, "output", "The %s sent too much: %s", noun(box), wire_fault(wire));
    else if (state == WIRE_WHOLE && before == WIRE_OPEN) {
        int64_t linger = clock_tick() + LINGER_MAX;
        box->deadline = linger < box->deadline ? linger : box->deadline;
        sample_peak(box);
    }
}

/* One read; false: nothing more at the moment, and *fd is closed where nothing more will come. */
static bool drain(struct box *box, int *fd)
{
    char bytes[READ_BYTES];
    if (*fd < 0)
        return false;
    ssize_t length = fd_read_some(*fd, bytes, sizeof bytes);
    if (length == 0 || (length < 0 && errno != EAGAIN))
        fd_close(fd);
    if (length <= 0)
        return false;
    if (fd == &box->err)
        keep_tail(box, bytes, (size_t)length);
    else
        take_output(box, bytes, (size_t)length);
    return true;
}

/* ---- the process --------------------------------------------------------------------------- */

/* Our ends are >= 3, so that giving the child its 0, 1 and 2 overwrites none of them. */
static int raise_fd(int *fd)
{
    if (*fd > 2)
        return 0;
    int raised = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
    fd_close(fd);
    *fd = raised;
    return raised < 0 ? -1 : 0;
}

static int make_pipe(int *ret_read, int *ret_write)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    *ret_read = ends[0];
    *ret_write = ends[1];
    if (raise_fd(ret_read) < 0 || raise_fd(ret_write) < 0)
        return -1;
    fcntl(*ret_write, F_SETPIPE_SZ, PIPE_BYTES); /* fewer switches; the default does as well */
    return fcntl(*ret_read, F_SETFL, O_NONBLOCK);
}

/* From its beginning, and never for writing, however the caller holds it. */
static int borrow_document(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -1;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    autoclose own = (flags & O_ACCMODE) == O_RDONLY ? fcntl(fd, F_DUPFD_CLOEXEC, 3)
                                                    : open(path, O_RDONLY | O_CLOEXEC);
    if (own < 0 || raise_fd(&own) < 0)
        return -1;
    if (lseek(own, 0, SEEK_SET) < 0 && errno != ESPIPE)
        return -1;
    return fd_take(&own);
}

/* The box gives up by itself in time to send what it has; 0 = it does not. */
static int64_t soft_seconds(int64_t time_max)
{
    return time_max > HARD_TIME_SLACK ? (time_max - HARD_TIME_SLACK) / US_PER_S : 0;
}

static int start(struct box *box, dq_error *error)
{
    const struct box_request *request = box->request;
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)soft_seconds(box->time_max));
    autoclose document = borrow_document(request->document_fd), out = -1, err = -1;
    if (document < 0 || make_pipe(&box->out, &out) < 0 || make_pipe(&box->err, &err) < 0)
        return error_errno(error, "cannot open what a box needs");
    char *parser[] = {
        (char *)"docq-extract", (char *)"--name", (char *)(request->name ? request->name : ""),
        (char *)"--seconds",    seconds,          NULL};
    struct spawn spawn = {.program = request->program,
                          .argv = request->argv ? request->argv : parser,
                          .environment = request->environment,
                          .fds = {document, out, err},
                          .memory_bytes = box->memory_bytes,
                          .cpu_seconds = (box->time_max + US_PER_S - 1) / US_PER_S + 1};
    int result = spawn_start(&spawn, &box->pid, &box->pidfd, error);
    box->deadline = clock_tick() + box->time_max;
    return result;
}

/* The group is still ours to kill: its leader has not been reaped yet. */
static void kill_all(const struct box *box)
{
    kill(-box->pid, SIGKILL);
    kill(box->pid, SIGKILL);
}

static int timeout_ms(const struct box *box, bool killed)
{
    int64_t left = box->deadline - clock_tick();
    if (killed)
        return -1;
    if (left <= 0)
        return 0;
    return left > 3600 * US_PER_S ? 3600 * 1000 : (int)((left + US_PER_MS - 1) / US_PER_MS);
}

static void look_at_the_clock(struct box *box)
{
    int64_t now = clock_tick();
    if (now >= box->deadline) {
        sample_peak(box);
        if (wire_state(box->result->wire) == WIRE_WHOLE)
            decide(box, BOX_OK, NULL, "%s", "");
        else
            decide(box, BOX_TIME, "time", "The %s did not finish within %lld ms.", noun(box),
                   (long long)(box->time_max / US_PER_MS));
    } else if (now - box->peak_sampled_at >= PEAK_SAMPLE_EVERY) {
        sample_peak(box);
    }
}

static void watch(struct box *box)
{
    for (bool killed = false;;) {
        struct pollfd polled[] = {{.fd = box->pidfd, .events = POLLIN},
                                  {.fd = box->out, .events = POLLIN},
                                  {.fd = box->err, .events = POLLIN},
                                  {.fd = killed ? -1 : box->request->stop_fd, .events = POLLIN}};
        if (poll(polled, 4, timeout_ms(box, killed)) < 0 && errno != EINTR)
            bug("poll: %s", strerror(errno));
        if (polled[3].revents)
            decide(box, BOX_STOPPED, NULL, "The box was stopped.");
        if (polled[1].revents)
            drain(box, &box->out);
        if (polled[2].revents)
            drain(box, &box->err);
        if (polled[0].revents)
            return;
        if (!killed)
            look_at_the_clock(box);
        if (box->decided && !killed) {
            kill_all(box);
            killed = true;
        }
    }
}

static void reap(struct box *box)
{
    struct rusage usage = {0};
    pid_t pid;
    kill_all(box); /* what the box may have left behind holds the pipes open */
    do
        pid = wait4(box->pid, &box->status, 0, &usage);
    while (pid < 0 && errno == EINTR);
    int64_t peak = (int64_t)usage.ru_maxrss * 1024;
    if (peak > box->own_peak && peak > box->result->peak_memory)
        box->result->peak_memory = peak;
    for (int i = 0; i < DRAIN_READS_MAX && drain(box, &box->out); i++)
        ;
    for (int i = 0; i < DRAIN_READS_MAX && drain(box, &box->err); i++)
        ;
}

/* ---- the verdict --------------------------------------------------------------------------- */

static void finish_diagnostics(struct box *box)
{
    char *text = box->result->diagnostics;
    size_t at = 0;
    memcpy(text, box->tail, box->tail_length);
    text[box->tail_length] = '\0';
    while (at < box->tail_length) {
        at += utf8_prefix(text + at, box->tail_length - at);
        if (at < box->tail_length)
            text[at] = '?';
    }
    for (char *c = text; c < text + box->tail_length; c++)
        if ((unsigned char)*c < 32 && *c != '\n' && *c != '\t')
            *c = '?';
}

/* A parser whose allocation fails may say so, throw, abort or follow a null pointer. */
static bool ran_out_of_memory(const struct box *box)
{
    static const char *const words[] = {"bad_alloc", "ut of memory", "Cannot allocate memory",
                                        "memory exhausted", "allocation failed"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(box->result->diagnostics, words[i]))
            return true;
    return box->result->peak_memory >= box->memory_bytes - box->memory_bytes / 10;
}

static void decide_memory(struct box *box)
{
    decide(box, BOX_MEMORY, "memory", "The %s needed more than %lld MiB of memory.", noun(box),
           (long long)(box->memory_bytes / 1024 / 1024));
}

static void judge_signal(struct box *box)
{
    int number = WTERMSIG(box->status);
    if (number == SIGXCPU)
        decide(box, BOX_TIME, "cpu", "The %s used more processor time than it may.", noun(box));
    else if (number != SIGSYS && ran_out_of_memory(box))
        decide_memory(box);
    else if (number == SIGSYS)
        decide(box, BOX_SIGNAL, NULL, "The %s tried a forbidden system call and was killed.",
               noun(box));
    else
        decide(box, BOX_SIGNAL, NULL, "The %s was killed by signal %d (%s).", noun(box), number,
               strsignal(number));
}

static void judge_exit(struct box *box)
{
    int code = WEXITSTATUS(box->status);
    if (code == BOX_EXIT_WALL)
        decide(box, BOX_SPAWN, NULL, "The wall around the parser could not be raised.");
    else if (code == BOX_EXIT_MEMORY || (code != 0 && ran_out_of_memory(box)))
        decide_memory(box);
    else
        decide(box, BOX_PROTOCOL, NULL, "The parser left before the end, with exit code %d.", code);
}

/* A program of somebody's own: what it printed counts if it says that it succeeded. */
static void judge_program(struct box *box)
{
    struct wire *wire = box->result->wire;
    int code = WEXITSTATUS(box->status);
    if (box->decided || !WIFEXITED(box->status))
        return;
    if (code != 0)
        decide(box, BOX_EXIT, NULL, "The program ended with exit code %d.", code);
    else if (wire_finish(wire) == WIRE_BROKEN)
        decide(box, BOX_PROTOCOL, NULL, "%s", wire_fault(wire));
    else if (wire_state(wire) == WIRE_FULL)
        decide(box, BOX_OUTPUT, "output", "%s", wire_fault(wire));
}

static void judge(struct box *box)
{
    if (box->request->argv)
        judge_program(box);
    const struct wire_content content = wire_content(box->result->wire);
    bool whole = wire_state(box->result->wire) == WIRE_WHOLE;
    bool signalled = WIFSIGNALED(box->status);
    if (box->result->verdict != BOX_STOPPED && !whole && signalled)
        box->result->signal = WTERMSIG(box->status);
    if (WIFEXITED(box->status))
        box->result->exit_code = WEXITSTATUS(box->status);
    if (content.error_slug)
        decide(box, BOX_DOCUMENT_ERROR, NULL, "%s", content.error_message);
    if (whole)
        decide(box, BOX_OK, NULL, "%s", "");
    if (signalled)
        judge_signal(box);
    else
        judge_exit(box);
    box->result->content = content;
}

static void box_close(struct box *box)
{
    fd_close(&box->pidfd);
    fd_close(&box->out);
    fd_close(&box->err);
}

int box_run(const struct box_request *request, struct box_result *ret_result, dq_error *error)
{
    struct rusage own = {0};
    struct box_result result = {0};
    __attribute__((cleanup(box_close))) struct box box = {
        .request = request, .result = &result, .pidfd = -1, .out = -1, .err = -1};
    int64_t started = clock_tick();
    dq_error cause = {0};
    box.memory_bytes = request->memory_bytes > 0 ? request->memory_bytes : MEMORY_BYTES_DEFAULT;
    box.time_max = request->time_max > 0 ? request->time_max : TIME_DEFAULT;
    int code = start(&box, &cause);
    if (code < 0 && code != DQ_UNSUPPORTED)
        return error_set(error, code, "%s", cause.detail);
    result.wire = wire_new(request->output_bytes_max, request->progress, request->context);
    if (request->argv)
        wire_expect_text(result.wire);
    if (code < 0) {
        decide(&box, BOX_SPAWN, NULL, "%s", cause.detail);
    } else {
        getrusage(RUSAGE_SELF, &own);
        box.own_peak = (int64_t)own.ru_maxrss * 1024;
        watch(&box);
        reap(&box);
        finish_diagnostics(&box);
        judge(&box);
    }
    result.duration = clock_tick() - started;
    *ret_result = result;
    return 0;
}

void box_result_free(struct box_result *result)
{
    wire_free(result->wire);
    *result = (struct box_result){0};
}
