/* A parser gone bad: the word in --name says how. Run in a box by test_box.c, without the wall
 * unless the word begins with "walled". */
#include "base/frame.h"
#include "sandbox/wall.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void frame(unsigned type, const void *body, unsigned length)
{
    unsigned header[2] = {type, length}; /* little-endian, as are the machines that this runs on */
    (void)!write(1, header, sizeof header);
    (void)!write(1, body, length);
}

static void page(unsigned number, const char *text)
{
    char body[4096];
    memcpy(body, &number, 4);
    memcpy(body + 4, text, strlen(text));
    frame(FRAME_PAGE, body, 4 + (unsigned)strlen(text));
}

static void good(void)
{
    char text[256];
    ssize_t length = read(0, text, sizeof text - 1);
    text[length > 0 ? length : 0] = '\0';
    frame(FRAME_TYPE, "text/plain", 10);
    frame(FRAME_PROGRESS, "\1\0\0\0\2\0\0\0reading", 15);
    page(1, text);
    page(2, "");
    frame(FRAME_PROBLEM, "one thing", 9);
    frame(FRAME_METADATA, "{\"a\":1}", 7);
    frame(FRAME_END, "", 0);
}

static void complain(void)
{
    frame(FRAME_ERROR, "damaged_document\0It is torn.", 28);
    frame(FRAME_END, "", 0);
}

static void crash(void)
{
    fputs("about to crash\n\x1b[31m\xff", stderr);
    page(1, "so far");
    abort();
}

static void crash_late(void)
{
    good();
    raise(SIGSEGV);
}

static void hang(void)
{
    page(1, "before");
    for (;;)
        pause();
}

static void hang_deaf(void)
{
    for (int number = 1; number < 32; number++)
        signal(number, SIG_IGN);
    hang();
}

static void hang_late(void)
{
    good();
    for (;;)
        pause();
}

static void burn(void)
{
    struct rlimit one = {1, 2};
    setrlimit(RLIMIT_CPU, &one);
    for (volatile unsigned i = 0;; i++)
        ;
}

static void eat(void)
{
    for (;;) {
        char *memory = malloc(1 << 20);
        if (!memory)
            _exit(BOX_EXIT_MEMORY);
        memset(memory, 1, 1 << 20);
    }
}

static void eat_and_fall(void)
{
    for (;;)
        memset(malloc(1 << 20), 1, 1 << 20);
}

static void flood(void)
{
    char text[4000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    for (unsigned i = 1;; i++)
        page(i, text);
}

static void flood_progress(void)
{
    for (;;)
        frame(FRAME_PROGRESS, "\1\0\0\0\2\0\0\0again", 13);
}

static void flood_stderr(void)
{
    char text[5000];
    memset(text, 'e', sizeof text);
    for (int i = 0; i < 1000; i++)
        (void)!write(2, text, sizeof text);
    fputs("the last word", stderr);
    exit(3);
}

static void babble(void)
{
    (void)!write(1, "HTTP/1.1 200 OK\r\n\r\n", 19);
    hang();
}

static void behind_the_end(void)
{
    good();
    page(3, "more");
    hang();
}

static void leave(void)
{
    page(1, "so far");
}

static void no_wall(void)
{
    exit(BOX_EXIT_WALL);
}

/* Leaves a grandchild in another session that keeps the pipes open. */
static void fork_away(void)
{
    if (fork() == 0) {
        setsid();
        sleep(3);
        _exit(0);
    }
    good();
}

static void fork_in_group(void)
{
    if (fork() == 0)
        for (;;)
            pause();
    good();
}

/* What the box gave us: descriptors, environment, signals, place. */
static void report(void)
{
    extern char **environ;
    char text[512];
    int used = 0, death = 0;
    sigset_t blocked;
    for (int fd = 3; fd < 1024; fd++)
        used += fcntl(fd, F_GETFD) >= 0;
    size_t variables = 0;
    while (environ[variables])
        variables++;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    prctl(PR_GET_PDEATHSIG, &death);
    int length =
        snprintf(text, sizeof text,
                 "fds=%d lang=%s home=%s own_group=%d pipe_ignored=%d "
                 "term_blocked=%d death=%d writable=%d offset=%ld",
                 used, getenv("LANG"), getenv("HOME") ? "set" : "unset", getpgrp() == getpid(),
                 signal(SIGPIPE, SIG_DFL) == SIG_IGN, sigismember(&blocked, SIGTERM), death,
                 (fcntl(0, F_GETFL) & O_ACCMODE) != O_RDONLY, (long)lseek(0, 0, SEEK_CUR));
    (void)length;
    page(1, text);
    frame(FRAME_END, "", 0);
}

static void raise_wall(void)
{
    struct wall_limits limits = {0};
    dq_error error = {0};
    if (wall_raise(&limits, &error) < 0) {
        fputs(error.detail, stderr);
        exit(BOX_EXIT_WALL);
    }
}

static void walled(void)
{
    raise_wall();
    good();
}

static void walled_socket(void)
{
    raise_wall();
    socket(AF_INET, SOCK_STREAM, 0);
    good();
}

static void walled_hang(void)
{
    raise_wall();
    page(1, "before");
    for (;;)
        sleep(1000);
}

static const struct {
    const char *word;
    void (*act)(void);
} acts[] = {
    {"good", good},
    {"complain", complain},
    {"crash", crash},
    {"crash_late", crash_late},
    {"hang", hang},
    {"hang_deaf", hang_deaf},
    {"hang_late", hang_late},
    {"burn", burn},
    {"eat", eat},
    {"eat_and_fall", eat_and_fall},
    {"flood", flood},
    {"flood_progress", flood_progress},
    {"flood_stderr", flood_stderr},
    {"babble", babble},
    {"behind_the_end", behind_the_end},
    {"leave", leave},
    {"no_wall", no_wall},
    {"fork_away", fork_away},
    {"fork_in_group", fork_in_group},
    {"report", report},
    {"walled", walled},
    {"walled_socket", walled_socket},
    {"walled_hang", walled_hang},
};

int main(int argc, char **argv)
{
    const char *word = argc > 2 && strcmp(argv[1], "--name") == 0 ? argv[2] : "";
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (strcmp(acts[i].word, word) == 0) {
            acts[i].act();
            return 0;
        }
    fprintf(stderr, "evil: no such act: %s\n", word);
    return 64;
}
