/* The ground floor: memory, bytes, ids, time, text. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/id.h"
#include "base/log.h"
#include "base/utf8.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* After the headers it needs. */
#include <cmocka.h>

/* ---- memory -------------------------------------------------------------------------------- */

static void arena_keeps_everything_until_it_goes(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    char *texts[2000];
    for (int i = 0; i < 2000; i++)
        texts[i] = arena_printf(arena, "text %d", i);
    char *large = arena_alloc(arena, 100000);
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(large[i], 0);
    memset(large, 'x', 100000);
    for (int i = 0; i < 2000; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "text %d", i);
        assert_string_equal(texts[i], expected);
    }
    assert_null(arena_strdup(arena, NULL));
    assert_string_equal(arena_strdup(arena, "twice"), "twice");
    assert_string_equal(arena_strndup(arena, "shorter", 5), "short");
    assert_string_equal(arena_strndup(arena, NULL, 0), "");
    arena_free(arena);
    arena_free(NULL);
}

static void arena_memory_is_aligned_and_zeroed(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    for (size_t size = 0; size < 9000; size += 37) {
        unsigned char *memory = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, size);
    }
    arena_free(arena);
}

static void a_reply_goes_whole(void **state)
{
    (void)state;
    struct arena *arena = NULL;
    dq_document *document = reply_new(sizeof *document, &arena);
    assert_int_equal((uintptr_t)document % alignof(max_align_t), 0);
    assert_int_equal(document->size, 0);
    document->filename = arena_strdup(arena, "letter.pdf");
    document->item = arena_alloc(arena, sizeof *document->item);
    dq_free(document);
    dq_free(NULL);
}

static void buf_grows_up_to_its_maximum(void **state)
{
    (void)state;
    autobuf buf = BUF(10);
    assert_true(buf_puts(&buf, "12345"));
    assert_true(buf_printf(&buf, "%d", 6789));
    assert_string_equal(buf.bytes, "123456789");
    assert_false(buf_puts(&buf, "xx"));
    assert_true(buf.overflow);
    assert_string_equal(buf.bytes, "123456789");
    assert_false(buf_puts(&buf, "")); /* an overflow stays until the buffer is cleared */
    buf_clear(&buf);
    assert_true(buf_append(&buf, "0123456789", 10));
    assert_false(buf.overflow);
    assert_false(buf_printf(&buf, "%s", "y"));
    assert_int_equal(buf.length, 10);
}

static void buf_consumes_from_the_front(void **state)
{
    (void)state;
    autobuf buf = BUF(1 << 20);
    for (int i = 0; i < 10000; i++)
        assert_true(buf_printf(&buf, "%04d", i));
    buf_consume(&buf, 4 * 9999);
    assert_string_equal(buf.bytes, "9999");
    buf_consume(&buf, 4);
    assert_int_equal(buf.length, 0);
    assert_string_equal(buf.bytes, "");
    assert_true(buf_append(&buf, NULL, 0));
}

/* ---- ids ----------------------------------------------------------------------------------- */

static void ids_are_version_7_and_go_up(void **state)
{
    (void)state;
    char before[ID_TEXT_SIZE] = "", text[ID_TEXT_SIZE];
    int64_t now = INT64_C(1700000000000000);
    for (int i = 0; i < 20000; i++) {
        struct id id = id_new(now + i / 5000 * US_PER_MS);
        id_format(&id, text);
        assert_int_equal(strlen(text), ID_TEXT_SIZE - 1);
        assert_int_equal(text[14], '7');
        assert_non_null(strchr("89ab", text[19]));
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof before);
    }
}

static void ids_never_go_down_when_the_clock_does(void **state)
{
    (void)state;
    struct id late = id_new(INT64_C(1800000000000000));
    struct id early = id_new(INT64_C(1700000000000000));
    assert_true(memcmp(&late, &early, sizeof late) < 0);
}

static void an_id_carries_its_milliseconds(void **state)
{
    (void)state;
    struct id id = id_new(INT64_C(1900000000123456));
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id.bytes[i];
    assert_int_equal(ms, INT64_C(1900000000123));
}

enum { THREADS = 4, IDS_EACH = 5000 };

static void *make_ids(void *argument)
{
    struct id *ids = argument;
    for (int i = 0; i < IDS_EACH; i++)
        ids[i] = id_new(clock_now());
    return NULL;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct id));
}

static void ids_of_many_threads_differ(void **state)
{
    (void)state;
    static struct id ids[THREADS * IDS_EACH];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_ids, ids + i * IDS_EACH), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(ids, THREADS * IDS_EACH, sizeof ids[0], compare_ids);
    for (int i = 1; i < THREADS * IDS_EACH; i++)
        assert_true(memcmp(&ids[i - 1], &ids[i], sizeof ids[0]) < 0);
}

static void ids_parse_back(void **state)
{
    (void)state;
    struct id id = id_new(clock_now()), again;
    char text[ID_TEXT_SIZE];
    id_format(&id, text);
    assert_true(id_parse(text, &again));
    assert_memory_equal(&id, &again, sizeof id);
    assert_true(id_parse("0190B5A6-12CD-7ABC-9DEF-001122334455", &again));
    static const char *const wrong[] = {
        "",
        "0190b5a6",
        "0190b5a6-12cd-7abc-9def-00112233445",
        "0190b5a6-12cd-7abc-9def-0011223344556",
        "0190b5a6112cd-7abc-9def-001122334455",
        "0190b5a6-12cd-7abc-9def-00112233445g",
        "0190b5a-612cd-7abc-9def-001122334455",
        "------------------------------------",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(id_parse(wrong[i], &again));
    assert_false(id_parse(NULL, &again));
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    unsigned char bytes[256], again[256];
    char text[2 * sizeof bytes + 1];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    hex_encode(bytes, sizeof bytes, text);
    assert_int_equal(strlen(text), 2 * sizeof bytes);
    assert_true(hex_decode(text, strlen(text), again));
    assert_memory_equal(bytes, again, sizeof bytes);
    assert_true(hex_decode("00fFAb", 6, again));
    assert_memory_equal(again, "\x00\xff\xab", 3);
    assert_false(hex_decode("0", 1, again));
    assert_false(hex_decode("0g", 2, again));
    assert_false(hex_decode("abc", 3, again));
    assert_true(hex_decode("", 0, again));
}

static void constant_time_equality_is_equality(void **state)
{
    (void)state;
    assert_true(equal_in_constant_time("secret", "secret", 6));
    assert_false(equal_in_constant_time("secret", "secreT", 6));
    assert_false(equal_in_constant_time("Secret", "secret", 6));
    assert_true(equal_in_constant_time("a", "b", 0));
}

/* ---- time ---------------------------------------------------------------------------------- */

static void durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"90s", 90 * US_PER_S},
        {"2h", 7200 * US_PER_S},
        {"30d", 30 * 86400 * US_PER_S},
        {"1500ms", 1500000},
        {"1h30m", 5400 * US_PER_S},
        {"7us", 7},
        {"1w", 604800 * US_PER_S},
        {"0s", 0},
        {"", -1},
        {"5", -1},
        {"s", -1},
        {"-1s", -1},
        {"1.5h", -1},
        {"1 h", -1},
        {" 1h", -1},
        {"1hour", -1},
        {"99999999999999999d", -1},
        {"9999999999999999999999s", -1},
        {"1h-1m", -1},
        {"4000000000h4000000000h", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (duration_parse(rows[i].text) != rows[i].us)
            fail_msg("\"%s\" gave %lld", rows[i].text, (long long)duration_parse(rows[i].text));
}

static void times_are_rfc_3339(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    assert_string_equal(clock_format(INT64_C(1795502609123456), text),
                        "2026-11-24T06:43:29.123456Z");
    assert_string_equal(clock_format(1, text), "1970-01-01T00:00:00.000001Z");
    assert_string_equal(clock_format(0, text), "");
}

static void the_tick_never_goes_back(void **state)
{
    (void)state;
    int64_t before = clock_tick();
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_tick();
        assert_true(now >= before);
        before = now;
    }
    assert_true(clock_now() > INT64_C(1700000000) * US_PER_S);
}

/* ---- text ---------------------------------------------------------------------------------- */

#define TEXT(bytes) bytes, sizeof(bytes) - 1

static void utf8_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length, prefix;
    } rows[] = {
        {TEXT(""), 0},
        {TEXT("plain"), 5},
        {TEXT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 9},
        {TEXT("\0"), 1},
        {TEXT("ab\xc0\x80"), 2},         /* overlong NUL */
        {TEXT("ab\xe0\x80\xaf"), 2},     /* overlong slash */
        {TEXT("ab\xf0\x80\x80\xaf"), 2}, /* overlong slash */
        {TEXT("ab\xed\xa0\x80"), 2},     /* surrogate */
        {TEXT("ab\xf4\x90\x80\x80"), 2}, /* above U+10FFFF */
        {TEXT("ab\xf4\x8f\xbf\xbf"), 6}, /* U+10FFFF */
        {TEXT("ab\xe2\x82"), 2},         /* cut */
        {TEXT("ab\xe2\x28\xa1"), 2},     /* not a continuation */
        {TEXT("ab\xff"), 2},
        {TEXT("ab\x80"), 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(utf8_prefix(rows[i].bytes, rows[i].length), rows[i].prefix);
        assert_int_equal(utf8_valid(rows[i].bytes, rows[i].length),
                         rows[i].prefix == rows[i].length);
    }
}

static void a_quoted_log_value_stays_on_its_line(void **state)
{
    (void)state;
    char out[64];
    assert_string_equal(log_quote("plain", out, sizeof out), "\"plain\"");
    assert_string_equal(log_quote("a \"b\" \\ c", out, sizeof out), "\"a \\\"b\\\" \\\\ c\"");
    assert_string_equal(log_quote("x\nlevel=error\r\t\x7f", out, sizeof out),
                        "\"x\\x0alevel=error\\x0d\\x09\\x7f\"");
    char longer[1000];
    memset(longer, '\n', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    log_quote(longer, out, sizeof out);
    assert_true(strlen(out) < sizeof out);
    assert_int_equal(out[strlen(out) - 1], '"');
}

static void sha256_and_its_mac_are_the_known_ones(void **state)
{
    (void)state;
    unsigned char digest[DIGEST_BYTES], pieces[DIGEST_BYTES];
    char text[2 * DIGEST_BYTES + 1];
    digest_of("abc", 3, digest);
    hex_encode(digest, sizeof digest, text);
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct digest *running = digest_new();
    digest_update(running, "a", 1);
    digest_update(running, "bc", 2);
    digest_final(running, pieces);
    digest_free(running);
    assert_memory_equal(digest, pieces, sizeof digest);
    digest_mac("Jefe", 4, "what do ya want for nothing?", 28, digest); /* RFC 4231, case 2 */
    hex_encode(digest, sizeof digest, text);
    assert_string_equal(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* ---- errors and descriptors ---------------------------------------------------------------- */

static void every_code_has_its_row(void **state)
{
    (void)state;
    for (int code = DQ_INVALID; code >= DQ_INTERNAL; code--) {
        const struct error_row *row = error_row(code);
        assert_int_equal(row->code, code);
        assert_true(row->http_status >= 400 && row->http_status < 600);
        assert_true(row->exit_code > 0);
        assert_string_equal(dq_code_name(code), row->slug);
        for (int other = DQ_INVALID; other > code; other--)
            assert_string_not_equal(error_row(other)->slug, row->slug);
    }
    assert_int_equal(error_row(-1000)->code, DQ_INTERNAL);
    assert_string_equal(dq_code_name(DQ_OK), "ok");
}

static void an_error_says_what_and_where(void **state)
{
    (void)state;
    dq_error error = {0};
    assert_int_equal(error_field(&error, DQ_INVALID, "/priority", "%d is too high", 1001),
                     DQ_INVALID);
    assert_int_equal(error.code, DQ_INVALID);
    assert_string_equal(error.field, "/priority");
    assert_string_equal(error.detail, "1001 is too high");
    assert_int_equal(error_set(NULL, DQ_BUSY, "nobody listens"), DQ_BUSY);
    errno = ENOSPC;
    assert_int_equal(error_errno(&error, "write"), DQ_NO_SPACE);
    errno = EIO;
    assert_int_equal(error_errno(&error, "write"), DQ_IO);
    assert_non_null(strstr(error.detail, "write: "));
}

static void a_copied_range_cannot_be_changed(void **state)
{
    (void)state;
    char path[] = "/tmp/docq-test-XXXXXX", read_back[8] = "";
    autoclose file = mkstemp(path);
    assert_true(file >= 0);
    unlink(path);
    assert_int_equal(fd_write_all(file, "0123456789", 10), 0);
    assert_int_equal(fd_pwrite_all(file, "AB", 2, 4), 0);
    autoclose copy = fd_copy_range(file, 3, 4, "copy");
    assert_true(copy >= 0);
    assert_int_equal(pread(copy, read_back, sizeof read_back - 1, 0), 4);
    assert_string_equal(read_back, "3AB6");
    assert_int_equal(write(copy, "x", 1), -1);
    assert_int_equal(ftruncate(copy, 0), -1);
    autoclose beyond = fd_copy_range(file, 8, 4, "beyond");
    assert_int_equal(beyond, -1);
}

static void a_mac_in_pieces_is_the_mac(void **state)
{
    (void)state;
    unsigned char key[100], whole[DIGEST_BYTES], pieces[DIGEST_BYTES];
    const char *text = "a message of some length, in pieces of every size";
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (unsigned char)(i * 7);
    for (size_t length = 0; length <= sizeof key; length++) {
        digest_mac(key, length, text, strlen(text), whole);
        struct mac *mac = mac_new(key, length);
        size_t at = 0;
        for (size_t piece = 1; at < strlen(text); at += piece, piece++) {
            size_t left = strlen(text) - at;
            mac_update(mac, text + at, piece < left ? piece : left);
        }
        mac_final(mac, pieces);
        assert_memory_equal(whole, pieces, sizeof whole);
    }
}

static void base64_goes_there_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int length;
        const char *bytes;
    } rows[] = {{"Zm9vYmFy", 6, "foobar"},
                {"Zm9vYmE=", 5, "fooba"},
                {"Zm9vYg==", 4, "foob"},
                {"", -1, NULL},
                {"Zm9", -1, NULL},
                {"Zm9vYm!y", -1, NULL},
                {"Zm9vYmFyZm9vYmFy", -1, NULL}};
    unsigned char out[8], digest[DIGEST_BYTES] = {0, 1, 254, 255}, back[DIGEST_BYTES];
    char text[DIGEST_BASE64_SIZE];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(base64_decode(rows[i].text, out, sizeof out), rows[i].length);
        if (rows[i].length > 0)
            assert_memory_equal(out, rows[i].bytes, (size_t)rows[i].length);
    }
    digest_base64(digest, text);
    assert_int_equal(base64_decode(text, back, sizeof back), DIGEST_BYTES);
    assert_memory_equal(back, digest, sizeof back);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mac_in_pieces_is_the_mac),
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(arena_keeps_everything_until_it_goes),
        cmocka_unit_test(arena_memory_is_aligned_and_zeroed),
        cmocka_unit_test(a_reply_goes_whole),
        cmocka_unit_test(buf_grows_up_to_its_maximum),
        cmocka_unit_test(buf_consumes_from_the_front),
        cmocka_unit_test(ids_are_version_7_and_go_up),
        cmocka_unit_test(ids_never_go_down_when_the_clock_does),
        cmocka_unit_test(an_id_carries_its_milliseconds),
        cmocka_unit_test(ids_of_many_threads_differ),
        cmocka_unit_test(ids_parse_back),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(constant_time_equality_is_equality),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(times_are_rfc_3339),
        cmocka_unit_test(the_tick_never_goes_back),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(a_quoted_log_value_stays_on_its_line),
        cmocka_unit_test(sha256_and_its_mac_are_the_known_ones),
        cmocka_unit_test(every_code_has_its_row),
        cmocka_unit_test(an_error_says_what_and_where),
        cmocka_unit_test(a_copied_range_cannot_be_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
