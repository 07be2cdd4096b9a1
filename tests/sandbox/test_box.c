/* A box keeps its promises whatever runs in it: evil.c plays every part. argv[1] is its path. */
#include "base/clock.h"
#include "sandbox/box.h"
#include "sandbox/wall_parts.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* After the headers it needs. */
#include <cmocka.h>

static const char *evil;

static int make_document(const char *text)
{
    int fd = memfd_create("document", MFD_CLOEXEC);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd; /* at its end, and writable: the box must mind neither */
}

static struct box_result play(const char *act, struct box_request request)
{
    struct box_result result = {0};
    dq_error error = {0};
    request.program = request.program ? request.program : evil;
    request.name = act;
    request.document_fd = make_document("the document");
    request.stop_fd = request.stop_fd ? request.stop_fd : -1;
    if (request.time_max == 0)
        request.time_max = 30 * US_PER_S;
    if (box_run(&request, &result, &error) < 0)
        fail_msg("%s", error.detail);
    assert_int_equal(fcntl(request.document_fd, F_GETFD), FD_CLOEXEC); /* still ours */
    close(request.document_fd);
    assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1); /* nobody is left to reap */
    return result;
}

/* ---- verdicts ------------------------------------------------------------------------------ */

static const struct part {
    const char *act;
    enum box_verdict verdict;
    int signal;
    const char *limit;
    size_t pages;
    const char *says, *diagnoses; /* somewhere in the message, in the diagnostics */
    struct box_request request;
    int64_t duration_max;
} parts[] = {
    {"good", BOX_OK, 0, NULL, 2, "", "", {0}, 0},
    {"walled", BOX_OK, 0, NULL, 2, "", "", {0}, 0},
    {"complain", BOX_DOCUMENT_ERROR, 0, NULL, 0, "It is torn.", "", {0}, 0},
    {"crash", BOX_SIGNAL, SIGABRT, NULL, 1, "signal 6", "about to crash\n?[31m?", {0}, 0},
    {"crash_late", BOX_OK, 0, NULL, 2, "", "", {0}, 0},
    {"walled_socket", BOX_SIGNAL, SIGSYS, NULL, 0, "forbidden system call", "", {0}, 0},
    {"hang", BOX_TIME, SIGKILL, "time", 1, "300 ms", "", {.time_max = 300000}, 2000000},
    {"hang_deaf", BOX_TIME, SIGKILL, "time", 1, "300 ms", "", {.time_max = 300000}, 2000000},
    {"walled_hang", BOX_TIME, SIGKILL, "time", 1, "800 ms", "", {.time_max = 800000}, 3000000},
    {"hang_late", BOX_OK, 0, NULL, 2, "", "", {0}, 3000000},
    {"burn", BOX_TIME, SIGXCPU, "cpu", 0, "processor time", "", {0}, 0},
    {"flood",
     BOX_OUTPUT,
     SIGKILL,
     "output",
     25,
     "100000 bytes",
     "",
     {.output_bytes_max = 100000},
     0},
    {"flood_progress", BOX_TIME, SIGKILL, "time", 0, "", "", {.time_max = 300000}, 2000000},
    {"flood_stderr", BOX_PROTOCOL, 0, NULL, 0, "exit code 3", "eeethe last word", {0}, 0},
    {"babble", BOX_PROTOCOL, SIGKILL, NULL, 0, "unknown type", "", {0}, 2000000},
    {"behind_the_end", BOX_PROTOCOL, SIGKILL, NULL, 2, "follow the end", "", {0}, 2000000},
    {"leave", BOX_PROTOCOL, 0, NULL, 1, "left before the end", "", {0}, 0},
    {"no_wall", BOX_SPAWN, 0, NULL, 0, "wall", "", {0}, 0},
    {"fork_away", BOX_OK, 0, NULL, 2, "", "", {0}, 2000000},
    {"fork_in_group", BOX_OK, 0, NULL, 2, "", "", {0}, 2000000},
    {"no such act", BOX_PROTOCOL, 0, NULL, 0, "exit code 64", "no such act", {0}, 0},
    {"good", BOX_SPAWN, 0, NULL, 0, "cannot be executed", "", {.program = "/no/such/program"}, 0},
    {"good", BOX_SPAWN, 0, NULL, 0, "cannot be executed", "", {.program = "/etc/passwd"}, 0},
};

static void each_end_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const struct part *part = &parts[i];
        struct box_result result = play(part->act, part->request);
        if (result.verdict != part->verdict || !strstr(result.message, part->says) ||
            !strstr(result.diagnostics, part->diagnoses))
            fail_msg("%s: %s, message: %s, diagnostics: %s", part->act,
                     box_verdict_name(result.verdict), result.message, result.diagnostics);
        if (result.signal != part->signal || result.content.page_count < part->pages)
            fail_msg("%s: signal %d, %zu pages", part->act, result.signal,
                     result.content.page_count);
        assert_string_equal(result.limit ? result.limit : "", part->limit ? part->limit : "");
        if (part->duration_max && result.duration > part->duration_max)
            fail_msg("%s took %lld us", part->act, (long long)result.duration);
        box_result_free(&result);
    }
}

/* Programs called by `argv`, which know nothing of frames. */
static void programs_print_text(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        enum box_verdict verdict;
        int exit_code;
        size_t pages;
        const char *says, *first;
    } rows[] = {
        {"cat", BOX_OK, 0, 1, "", "the document"},
        {"printf 'one\\ftwo'", BOX_OK, 0, 2, "", "one"},
        {"true", BOX_OK, 0, 0, "", NULL},
        {"printf %s \"$COLOUR\"", BOX_OK, 0, 1, "", "green"},
        {"echo begun; exit 7", BOX_EXIT, 7, 0, "exit code 7", NULL},
        {"printf '\\377'", BOX_PROTOCOL, 0, 0, "UTF-8", NULL},
        {"head -c 2000 /dev/zero | tr '\\0' a", BOX_OUTPUT, 0, 0, "1000 bytes", NULL},
        {"kill -6 $$", BOX_SIGNAL, 0, 0, "The program was killed by signal 6", NULL},
        {"sleep 60", BOX_TIME, 0, 0, "The program did not finish", NULL},
        {"echo text; exec sleep 60 >&-", BOX_TIME, 0, 0, "did not finish", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *argv[] = {(char *)"sh", (char *)"-c", (char *)rows[i].script, NULL};
        char *environment[] = {(char *)"COLOUR=green", NULL};
        struct box_result result = play("", (struct box_request){.program = "/bin/sh",
                                                                 .argv = argv,
                                                                 .environment = environment,
                                                                 .output_bytes_max = 1000,
                                                                 .time_max = US_PER_S});
        if (result.verdict != rows[i].verdict || !strstr(result.message, rows[i].says))
            fail_msg("%s: %s, message: %s, diagnostics: %s", rows[i].script,
                     box_verdict_name(result.verdict), result.message, result.diagnostics);
        assert_int_equal(result.exit_code, rows[i].exit_code);
        assert_int_equal(result.content.page_count, rows[i].pages);
        if (rows[i].first)
            assert_string_equal(result.content.pages[0].text, rows[i].first);
        box_result_free(&result);
    }
}

static void memory_has_an_end(void **state)
{
    (void)state;
    static const char *const acts[] = {"eat", "eat_and_fall"};
    if (WALL_SANITIZED)
        skip(); /* address space cannot be limited there */
    for (size_t i = 0; i < 2; i++) {
        struct box_result result =
            play(acts[i], (struct box_request){.memory_bytes = 256 * 1024 * 1024});
        assert_int_equal(result.verdict, BOX_MEMORY);
        assert_string_equal(result.limit, "memory");
        assert_true(result.peak_memory > 200 * 1024 * 1024);
        assert_true(result.peak_memory <= 256 * 1024 * 1024);
        box_result_free(&result);
    }
}

static void the_content_is_what_was_sent(void **state)
{
    (void)state;
    /* The act that stays for a while: the peak of one that left at once may be unknown. */
    struct box_result result = play("hang_late", (struct box_request){0});
    assert_string_equal(result.content.content_type, "text/plain");
    assert_string_equal(result.content.pages[0].text, "the document");
    assert_string_equal(result.content.metadata, "{\"a\":1}");
    assert_string_equal(result.content.problems[0], "one thing");
    assert_true(result.peak_memory > 0);
    box_result_free(&result);
    assert_null(result.wire);
    box_result_free(&result); /* empty is fine */
}

/* ---- what a box is given --------------------------------------------------------------------- */

static void a_box_inherits_nothing(void **state)
{
    (void)state;
    int leak = open("/dev/null", O_RDONLY); /* not close-on-exec, as a careless caller's */
    int far = fcntl(leak, F_DUPFD, 700);
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    signal(SIGPIPE, SIG_IGN);
    setenv("HOME", "/", 1);
    struct box_result result = play("report", (struct box_request){0});
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(leak);
    close(far);
    assert_int_equal(result.verdict, BOX_OK);
    assert_string_equal(result.content.pages[0].text,
                        "fds=0 lang=C.UTF-8 home=unset own_group=1 pipe_ignored=0 term_blocked=0 "
                        "death=9 writable=0 offset=0");
    box_result_free(&result);
}

static void the_standard_descriptors_may_be_closed(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t child = fork(); /* so that the test's own stay open */
    if (child == 0) {
        int document = make_document("hello");
        struct box_result result = {0};
        close(0);
        close(1);
        document = dup(document); /* becomes 0 */
        close(2);
        struct box_request request = {
            .program = evil, .name = "good", .document_fd = document, .stop_fd = -1};
        int code = box_run(&request, &result, NULL);
        _exit(code == 0 && result.verdict == BOX_OK && document == 0 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void *stop_soon(void *fd)
{
    usleep(200000);
    eventfd_write(*(int *)fd, 1);
    return NULL;
}

static void a_box_stops_at_once_when_told(void **state)
{
    (void)state;
    int fd = eventfd(0, EFD_CLOEXEC);
    pthread_t thread;
    pthread_create(&thread, NULL, stop_soon, &fd);
    struct box_result result = play("hang_deaf", (struct box_request){.stop_fd = fd});
    pthread_join(thread, NULL);
    assert_int_equal(result.verdict, BOX_STOPPED);
    assert_int_equal(result.signal, 0);
    assert_true(result.duration < US_PER_S);
    box_result_free(&result);
    result = play("hang", (struct box_request){.stop_fd = fd}); /* it was told before it began */
    assert_int_equal(result.verdict, BOX_STOPPED);
    assert_true(result.duration < US_PER_S);
    box_result_free(&result);
    close(fd);
}

/* A worker that is killed leaves no box behind. `act` walls itself in or does not: a change of user
 * would forget whom to die with. */
static void check_death_with_parent(const char *act)
{
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* an orphan comes to us */
    fflush(NULL);
    pid_t worker = fork();
    if (worker == 0) {
        struct box_result result = {0};
        struct box_request request = {.program = evil,
                                      .name = act,
                                      .document_fd = make_document(""),
                                      .time_max = 60 * US_PER_S,
                                      .stop_fd = -1};
        (void)!write(ends[1], "x", 1);
        box_run(&request, &result, NULL);
        _exit(0);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    usleep(700000); /* long enough for the box to be walled in, under sanitizers too */
    kill(worker, SIGKILL);
    int status = 0, orphans = 0;
    int64_t began = clock_tick();
    for (pid_t pid; (pid = wait(&status)) > 0;)
        if (pid != worker && ++orphans)
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(orphans, 1);
    assert_true(clock_tick() - began < US_PER_S);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    close(ends[0]);
    close(ends[1]);
}

static void a_box_dies_with_its_worker(void **state)
{
    (void)state;
    check_death_with_parent("hang_deaf");
    check_death_with_parent("walled_hang");
}

/* ---- many at once ---------------------------------------------------------------------------- */

static void *play_many(void *context)
{
    static const struct {
        const char *act;
        enum box_verdict verdict;
    } rows[] = {{"good", BOX_OK},
                {"crash", BOX_SIGNAL},
                {"leave", BOX_PROTOCOL},
                {"complain", BOX_DOCUMENT_ERROR}};
    int *wrong = context;
    for (int i = 0; i < 20; i++) {
        struct box_result result = {0};
        int document = make_document("hello");
        struct box_request request = {
            .program = evil, .name = rows[i % 4].act, .document_fd = document, .stop_fd = -1};
        if (box_run(&request, &result, NULL) < 0 || result.verdict != rows[i % 4].verdict)
            ++*wrong;
        box_result_free(&result);
        close(document);
    }
    return NULL;
}

static void many_threads_have_boxes_at_once(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    int wrong[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, play_many, &wrong[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(wrong[i], 0);
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
}

static void a_lack_of_descriptors_is_an_error(void **state)
{
    (void)state;
    struct box_result result = {0};
    dq_error error = {0};
    struct box_request request = {.program = evil, .document_fd = 12345, .stop_fd = -1};
    assert_int_equal(box_run(&request, &result, &error), DQ_IO);
    assert_null(result.wire);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_has_its_verdict),
        cmocka_unit_test(programs_print_text),
        cmocka_unit_test(memory_has_an_end),
        cmocka_unit_test(the_content_is_what_was_sent),
        cmocka_unit_test(a_box_inherits_nothing),
        cmocka_unit_test(the_standard_descriptors_may_be_closed),
        cmocka_unit_test(a_box_stops_at_once_when_told),
        cmocka_unit_test(a_box_dies_with_its_worker),
        cmocka_unit_test(many_threads_have_boxes_at_once),
        cmocka_unit_test(a_lack_of_descriptors_is_an_error),
    };
    evil = argc > 1 ? argv[1] : "./evil";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
