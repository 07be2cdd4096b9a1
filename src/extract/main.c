/* docq-extract: the document on fd 0, frames on fd 1, diagnostics on fd 2, and nothing else. */
#include "base/clock.h"
#include "base/error.h"
#include "extract/charset.h"
#include "extract/extract.h"
#include "extract/ocr.h"
#include "extract/parsers.h"
#include "sandbox/wall.h"

#include <errno.h>
#include <getopt.h>
#include <libxml/parser.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum { EXIT_USAGE = 64, EXIT_OTHER = 1 }; /* and what sandbox/wall.h names */

struct settings {
    const char *name, *ocr_languages;
    int64_t seconds, memory; /* 0: none */
};

static const char usage[] =
    "usage: docq-extract [--name NAME] [--seconds N] [--memory BYTES] <document >frames\n"
    "\n"
    "Reads one document on standard input and writes its text as frames (src/base/frame.h).\n"
    "  --name NAME     what the sender calls it; decides only between kinds of text\n"
    "  --seconds N     keep the text so far after N seconds\n"
    "  --memory BYTES  address space that the parser may use\n"
    "  --ocr-languages LIST  such as eng+deu; empty: those that are installed\n"
    "  --version, --help\n";

static int64_t number(const char *text)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || *end || end == text || value < 0 || value > INT64_MAX / US_PER_S) {
        fprintf(stderr, "docq-extract: '%s' is not a number\n", text);
        exit(EXIT_USAGE);
    }
    return value;
}

static struct settings read_arguments(int argc, char **argv)
{
    static const struct option options[] = {{"name", required_argument, NULL, 'n'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"memory", required_argument, NULL, 'm'},
                                            {"ocr-languages", required_argument, NULL, 'o'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct settings settings = {.name = "", .ocr_languages = ""};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (option) {
        case 'n':
            settings.name = optarg;
            break;
        case 's':
            settings.seconds = number(optarg);
            break;
        case 'm':
            settings.memory = number(optarg);
            break;
        case 'o':
            settings.ocr_languages = optarg;
            break;
        case 'v':
            puts("docq-extract " DOCQ_VERSION);
            exit(0);
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            exit(EXIT_USAGE);
        }
    return settings;
}

/* Behind the walls the libraries still find their character sets and code maps where the kernel has
 * Landlock, and need not load 40 of them for a document that uses one. Without it no file can be
 * opened any more, so they are loaded before. */
static void warm_up(const struct settings *settings)
{
    enum { ONLY_VERSION = 1 };
    xmlInitParser();
    bool may_open = syscall(SYS_landlock_create_ruleset, NULL, 0, ONLY_VERSION) > 0;
    ocr_prepare(settings->ocr_languages, may_open);
    if (may_open)
        return;
    charset_warm_up();
    pdf_warm_up();
}

/* A regular file or memory file is mapped, nothing else is accepted. A shrinking file would
 * kill us with SIGBUS, which is the sender's fault and costs only this process. */
static int map_input(struct input *input, dq_error *error)
{
    struct stat stat;
    if (fstat(STDIN_FILENO, &stat) < 0)
        return error_errno(error, "standard input");
    if (!S_ISREG(stat.st_mode))
        return error_set(error, DQ_INVALID, "standard input is not a file");
    if (stat.st_size == 0)
        return 0;
    void *bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
    if (bytes == MAP_FAILED)
        return error_errno(error, "standard input");
    input->bytes = bytes;
    input->length = (size_t)stat.st_size;
    return 0;
}

/* A parser that hangs inside of a library never looks at the clock: GRACE_SECONDS after the time is
 * up, and each second from then on, the timer ends the document with what has been written. */
static struct emit *emitting;

static void on_timer(int number)
{
    (void)number;
    emit_cut_off(emitting);
}

static void start_timer(int64_t seconds)
{
    enum { GRACE_SECONDS = 1 };
    struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
    struct itimerval timer = {.it_value.tv_sec = (time_t)seconds + GRACE_SECONDS,
                              .it_interval.tv_sec = 1};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static int fail(const dq_error *error)
{
    fprintf(stderr, "docq-extract: %s\n", error->detail);
    return error->code == DQ_NO_MEMORY ? BOX_EXIT_MEMORY : EXIT_OTHER;
}

int main(int argc, char **argv)
{
    dq_error error = {0};
    struct settings settings = read_arguments(argc, argv);
    int64_t started = clock_tick();
    warm_up(&settings);
    if (settings.seconds > 0)
        start_timer(settings.seconds);
    struct wall_limits limits = {.memory_bytes = settings.memory};
    if (wall_raise(&limits, &error) < 0) {
        fail(&error);
        return BOX_EXIT_WALL;
    }
    struct input input = {.bytes = "", .name = settings.name};
    if (map_input(&input, &error) < 0)
        return fail(&error);
    int64_t deadline = settings.seconds ? started + settings.seconds * US_PER_S : 0;
    emitting = emit_new(STDOUT_FILENO, deadline);
    int result = extract_document(&input, emitting, &error);
    ocr_finish();
    return result < 0 ? fail(&error) : 0;
}
