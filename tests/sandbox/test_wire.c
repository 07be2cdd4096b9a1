/* Every rule of base/frame.h, kept and broken, in one piece and byte by byte. */
#include "base/buf.h"
#include "base/frame.h"
#include "sandbox/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* After the headers it needs. */
#include <cmocka.h>

enum { STREAM_BYTES_MAX = 64 * 1024 * 1024, SMALL_PNG_BYTES = 71 };

/* 2 x 2 pixels. */
static const char small_png[] =
    "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122\000\000"
    "\000\002\000\000\000\002\010\000\000\000\000\127\335\122\370\000\000\000"
    "\016\111\104\101\124\170\332\143\150\150\140\150\150\000\000\006\006\002"
    "\001\061\251\036\241\000\000\000\000\111\105\116\104\256\102\140\202";

static void put32(struct buf *stream, uint32_t value)
{
    unsigned char bytes[4] = {(unsigned char)value, (unsigned char)(value >> 8),
                              (unsigned char)(value >> 16), (unsigned char)(value >> 24)};
    buf_append(stream, bytes, sizeof bytes);
}

static void put(struct buf *stream, uint32_t type, const void *body, size_t length)
{
    put32(stream, type);
    put32(stream, (uint32_t)length);
    buf_append(stream, body, length);
}

static void put_page(struct buf *stream, uint32_t number, const char *text, size_t length)
{
    put32(stream, FRAME_PAGE);
    put32(stream, (uint32_t)(length + 4));
    put32(stream, number);
    buf_append(stream, text, length);
}

static void put_text(struct buf *stream, uint32_t type, const char *text)
{
    put(stream, type, text, strlen(text));
}

struct steps {
    int count;
    char stage[64];
    uint32_t done, total;
};

static void note_step(void *context, const char *stage, uint32_t done, uint32_t total)
{
    struct steps *steps = context;
    steps->count++;
    steps->done = done;
    steps->total = total;
    strncpy(steps->stage, stage, sizeof steps->stage - 1);
}

static void put_good_document(struct buf *stream)
{
    put(stream, FRAME_PROGRESS, "\3\0\0\0\7\1\0\0pages", 13);
    put_text(stream, FRAME_TYPE, "application/pdf");
    put_page(stream, 1, "Gr\xc3\xbc\xc3\x9f", 6);
    put(stream, FRAME_MARKDOWN, "\1\0\0\0# Gr\xc3\xbc\xc3\x9f", 12);
    put_page(stream, 2, "", 0);
    put(stream, FRAME_THUMBNAIL, small_png, SMALL_PNG_BYTES);
    put_text(stream, FRAME_PROBLEM, "one");
    put_text(stream, FRAME_PROBLEM, "two");
    put_text(stream, FRAME_METADATA, "{\"pages\":2}");
    put(stream, FRAME_END, "", 0);
}

static void check_good_document(const struct wire *wire)
{
    struct wire_content content = wire_content(wire);
    assert_int_equal(wire_state(wire), WIRE_WHOLE);
    assert_string_equal(wire_fault(wire), "");
    assert_string_equal(content.content_type, "application/pdf");
    assert_int_equal(content.page_count, 2);
    assert_int_equal(content.pages[0].number, 1);
    assert_string_equal(content.pages[0].text, "Gr\xc3\xbc\xc3\x9f");
    assert_int_equal(content.pages[0].text_bytes, 6);
    assert_string_equal(content.pages[0].markdown, "# Gr\xc3\xbc\xc3\x9f");
    assert_int_equal(content.pages[0].markdown_bytes, 8);
    assert_null(content.pages[1].markdown);
    assert_int_equal(content.thumbnail_bytes, SMALL_PNG_BYTES);
    assert_memory_equal(content.thumbnail, small_png, SMALL_PNG_BYTES);
    assert_int_equal(content.pages[1].number, 2);
    assert_string_equal(content.pages[1].text, "");
    assert_int_equal(content.text_bytes, 6);
    assert_string_equal(content.metadata, "{\"pages\":2}");
    assert_int_equal(content.problem_count, 2);
    assert_string_equal(content.problems[1], "two");
    assert_null(content.error_slug);
}

static void a_good_document_arrives_in_pieces_of_any_size(void **state)
{
    (void)state;
    autobuf stream = BUF(STREAM_BYTES_MAX);
    put_good_document(&stream);
    for (size_t piece = 1; piece <= stream.length; piece++) {
        struct steps steps = {0};
        struct wire *wire = wire_new(0, note_step, &steps);
        for (size_t at = 0; at < stream.length; at += piece) {
            size_t length = stream.length - at < piece ? stream.length - at : piece;
            wire_feed(wire, stream.bytes + at, length);
        }
        check_good_document(wire);
        assert_int_equal(steps.count, 1);
        assert_int_equal(steps.done, 3);
        assert_int_equal(steps.total, 263);
        assert_string_equal(steps.stage, "pages");
        wire_free(wire);
    }
}

static void every_prefix_of_a_good_document_is_open(void **state)
{
    (void)state;
    autobuf stream = BUF(STREAM_BYTES_MAX);
    put_good_document(&stream);
    for (size_t length = 0; length < stream.length; length++) {
        struct wire *wire = wire_new(0, NULL, NULL);
        assert_int_equal(wire_feed(wire, stream.bytes, length), WIRE_OPEN);
        wire_free(wire);
    }
}

static void an_error_is_the_documents(void **state)
{
    (void)state;
    autobuf stream = BUF(STREAM_BYTES_MAX);
    put(&stream, FRAME_ERROR, "needs_password\0Locked.", 22);
    put(&stream, FRAME_END, "", 0);
    struct wire *wire = wire_new(0, NULL, NULL);
    assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_WHOLE);
    assert_string_equal(wire_content(wire).error_slug, "needs_password");
    assert_string_equal(wire_content(wire).error_message, "Locked.");
    wire_free(wire);
}

/* One frame each (after a good page 1), and what becomes of it. */
static const struct breach {
    const char *what;
    uint32_t type;
    const char *body;
    size_t length;
} breaches[] = {
    {"type 0", 0, "", 0},
    {"the next unused type", FRAME_THUMBNAIL + 1, "", 0},
    {"a huge type", 0x80000001, "", 0},
    {"an end with a body", FRAME_END, "x", 1},
    {"a page without a number", FRAME_PAGE, "\2\0\0", 3},
    {"a page again", FRAME_PAGE, "\1\0\0\0x", 5},
    {"a gap in the pages", FRAME_PAGE, "\3\0\0\0x", 5},
    {"page 0", FRAME_PAGE, "\0\0\0\0x", 5},
    {"a page that is not UTF-8", FRAME_PAGE, "\2\0\0\0\xc3", 5},
    {"an overlong character", FRAME_PAGE, "\2\0\0\0\xc0\x80", 6},
    {"a surrogate", FRAME_PAGE, "\2\0\0\0\xed\xa0\x80", 7},
    {"a page with NUL", FRAME_PAGE, "\2\0\0\0a\0b", 7},
    {"progress too short", FRAME_PROGRESS, "\1\0\0\0\1\0\0", 7},
    {"a stage that is not UTF-8", FRAME_PROGRESS, "\1\0\0\0\1\0\0\0\xff", 9},
    {"a stage with NUL", FRAME_PROGRESS, "\1\0\0\0\1\0\0\0a\0", 10},
    {"an empty type", FRAME_TYPE, "", 0},
    {"a media type with NUL", FRAME_TYPE, "a/b\0c", 5},
    {"metadata of no bytes", FRAME_METADATA, "", 0},
    {"metadata that is an array", FRAME_METADATA, "[1]", 3},
    {"metadata that is cut", FRAME_METADATA, "{\"a\":1", 6},
    {"metadata with NUL", FRAME_METADATA, "{\0}", 3},
    {"Markdown without a number", FRAME_MARKDOWN, "\1\0\0", 3},
    {"Markdown of a page to come", FRAME_MARKDOWN, "\2\0\0\0x", 5},
    {"Markdown of page 0", FRAME_MARKDOWN, "\0\0\0\0x", 5},
    {"Markdown that is not UTF-8", FRAME_MARKDOWN, "\1\0\0\0\xff", 5},
    {"Markdown with NUL", FRAME_MARKDOWN, "\1\0\0\0a\0b", 7},
    {"an empty thumbnail", FRAME_THUMBNAIL, "", 0},
    {"a thumbnail that is no picture", FRAME_THUMBNAIL, "GIF89a", 6},
    {"a thumbnail that is cut", FRAME_THUMBNAIL, small_png, SMALL_PNG_BYTES - 1},
    {"a thumbnail with something behind it", FRAME_THUMBNAIL, small_png, SMALL_PNG_BYTES + 1},
    {"an empty problem", FRAME_PROBLEM, "", 0},
    {"a problem that is not UTF-8", FRAME_PROBLEM, "\xfe", 1},
    {"an error without NUL", FRAME_ERROR, "damaged", 7},
    {"an error without a code", FRAME_ERROR, "\0message", 8},
    {"an error with a bad code", FRAME_ERROR, "Bad-Code\0message", 16},
    {"a message with NUL", FRAME_ERROR, "bad\0mess\0age", 12},
    {"a message that is not UTF-8", FRAME_ERROR, "bad\0\xff", 5},
};

static void every_breach_ends_the_talker(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof breaches / sizeof breaches[0]; i++) {
        autobuf stream = BUF(STREAM_BYTES_MAX);
        struct wire *wire = wire_new(0, NULL, NULL);
        put_page(&stream, 1, "one", 3);
        put(&stream, breaches[i].type, breaches[i].body, breaches[i].length);
        enum wire_state end = wire_feed(wire, stream.bytes, stream.length);
        if (end != WIRE_BROKEN)
            fail_msg("%s was accepted", breaches[i].what);
        assert_true(strlen(wire_fault(wire)) > 0);
        assert_int_equal(wire_content(wire).page_count, 1);
        /* and it stays so */
        buf_clear(&stream);
        put(&stream, FRAME_END, "", 0);
        assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_BROKEN);
        wire_free(wire);
    }
}

static void lengths_are_refused_before_the_body_comes(void **state)
{
    (void)state;
    static const struct {
        uint32_t type, max;
    } limits[] = {
        {FRAME_PROGRESS, FRAME_SMALL_BYTES_MAX},    {FRAME_TYPE, FRAME_SMALL_BYTES_MAX},
        {FRAME_PROBLEM, FRAME_SMALL_BYTES_MAX},     {FRAME_ERROR, FRAME_SMALL_BYTES_MAX},
        {FRAME_METADATA, FRAME_METADATA_BYTES_MAX}, {FRAME_PAGE, FRAME_PAGE_BYTES_MAX},
        {FRAME_MARKDOWN, FRAME_PAGE_BYTES_MAX},     {FRAME_THUMBNAIL, FRAME_THUMBNAIL_BYTES_MAX}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        for (uint32_t more = 0; more < 2; more++) {
            autobuf stream = BUF(STREAM_BYTES_MAX);
            struct wire *wire = wire_new(0, NULL, NULL);
            put32(&stream, limits[i].type);
            put32(&stream, limits[i].max + more);
            assert_int_equal(wire_feed(wire, stream.bytes, stream.length),
                             more ? WIRE_BROKEN : WIRE_OPEN);
            wire_free(wire);
        }
}

static void once_is_enough(void **state)
{
    (void)state;
    static const struct {
        uint32_t type;
        const char *body;
        size_t length;
    } frames[] = {{FRAME_TYPE, "a/b", 3},
                  {FRAME_METADATA, "{}", 2},
                  {FRAME_THUMBNAIL, small_png, SMALL_PNG_BYTES},
                  {FRAME_MARKDOWN, "\1\0\0\0x", 5},
                  {FRAME_ERROR, "bad\0x", 5}};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        autobuf stream = BUF(STREAM_BYTES_MAX);
        struct wire *wire = wire_new(0, NULL, NULL);
        put_page(&stream, 1, "one", 3);
        put(&stream, frames[i].type, frames[i].body, frames[i].length);
        assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_OPEN);
        buf_consume(&stream, FRAME_HEADER_BYTES + 4 + 3); /* all but the page once more */
        assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_BROKEN);
        wire_free(wire);
    }
}

static void nothing_follows_the_end(void **state)
{
    (void)state;
    autobuf stream = BUF(STREAM_BYTES_MAX);
    put_good_document(&stream);
    struct wire *wire = wire_new(0, NULL, NULL);
    assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_WHOLE);
    assert_int_equal(wire_feed(wire, "", 0), WIRE_WHOLE);
    assert_int_equal(wire_feed(wire, "x", 1), WIRE_BROKEN);
    wire_free(wire);
    buf_append(&stream, "x", 1);
    wire = wire_new(0, NULL, NULL);
    assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_BROKEN);
    wire_free(wire);
}

static void only_the_end_follows_an_error(void **state)
{
    (void)state;
    autobuf stream = BUF(STREAM_BYTES_MAX);
    struct wire *wire = wire_new(0, NULL, NULL);
    put(&stream, FRAME_ERROR, "bad\0x", 5);
    put_page(&stream, 1, "text", 4);
    assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_BROKEN);
    wire_free(wire);
}

static void problems_are_counted(void **state)
{
    (void)state;
    autobuf stream = BUF(STREAM_BYTES_MAX);
    struct wire *wire = wire_new(0, NULL, NULL);
    for (int i = 0; i < FRAME_PROBLEMS_MAX; i++)
        put_text(&stream, FRAME_PROBLEM, "again");
    assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_OPEN);
    buf_clear(&stream);
    put_text(&stream, FRAME_PROBLEM, "again");
    assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_BROKEN);
    wire_free(wire);
}

static void pages_are_counted(void **state)
{
    (void)state;
    autobuf stream = BUF(STREAM_BYTES_MAX);
    struct wire *wire = wire_new(0, NULL, NULL);
    for (uint32_t i = 1; i <= FRAME_PAGES_MAX; i++)
        put_page(&stream, i, "", 0);
    assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_OPEN);
    assert_int_equal(wire_content(wire).page_count, FRAME_PAGES_MAX);
    buf_clear(&stream);
    put_page(&stream, FRAME_PAGES_MAX + 1, "", 0);
    assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_FULL);
    wire_free(wire);
}

static void text_is_counted(void **state)
{
    (void)state;
    autobuf stream = BUF(STREAM_BYTES_MAX);
    struct wire *wire = wire_new(10, NULL, NULL);
    put_page(&stream, 1, "01234", 5);
    put_page(&stream, 2, "56789", 5);
    assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_OPEN);
    buf_clear(&stream);
    put_page(&stream, 3, "x", 1);
    assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_FULL);
    assert_int_equal(wire_content(wire).page_count, 2);
    wire_free(wire);
}

static void markdown_is_counted(void **state)
{
    (void)state;
    autobuf stream = BUF(STREAM_BYTES_MAX);
    struct wire *wire = wire_new(0, NULL, NULL);
    uint32_t size = FRAME_PAGE_BYTES_MAX, number = 0;
    char *body = calloc(1, size);
    memset(body + 4, 'x', size - 4);
    for (int64_t sum = 0; sum + size - 4 <= FRAME_MARKDOWN_BYTES_MAX; sum += size - 4) {
        body[0] = (char)++number;
        buf_clear(&stream);
        put_page(&stream, number, "", 0);
        put(&stream, FRAME_MARKDOWN, body, size);
        assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_OPEN);
    }
    body[0] = (char)++number;
    buf_clear(&stream);
    put_page(&stream, number, "", 0);
    put(&stream, FRAME_MARKDOWN, body, size);
    assert_int_equal(wire_feed(wire, stream.bytes, stream.length), WIRE_FULL);
    free(body);
    wire_free(wire);
}

/* ---- without frames ------------------------------------------------------------------------ */

static void plain_text_is_pages_between_form_feeds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t pages;
        const char *last;
    } rows[] = {{"", 0, NULL},          {"one", 1, "one"},
                {"one\ftwo", 2, "two"}, {"one\f", 1, "one"},
                {"\fone", 2, "one"},    {"one\f\fGr\xc3\xbc\n", 3, "Gr\xc3\xbc\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire *wire = wire_new(0, NULL, NULL);
        wire_expect_text(wire);
        for (const char *at = rows[i].text; *at; at++)
            assert_int_equal(wire_feed(wire, at, 1), WIRE_OPEN);
        assert_int_equal(wire_finish(wire), WIRE_WHOLE);
        assert_int_equal(wire_finish(wire), WIRE_WHOLE);
        struct wire_content content = wire_content(wire);
        assert_int_equal(content.page_count, rows[i].pages);
        if (rows[i].last)
            assert_string_equal(content.pages[content.page_count - 1].text, rows[i].last);
        wire_free(wire);
    }
}

static void plain_text_is_checked_and_counted(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        enum wire_state end;
    } rows[] = {{"\xff", 1, WIRE_BROKEN},
                {"a\0b", 3, WIRE_BROKEN},
                {"Gr\xc3", 3, WIRE_BROKEN},
                {"0123456789", 10, WIRE_WHOLE},
                {"0123456789a", 11, WIRE_FULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire *wire = wire_new(10, NULL, NULL);
        wire_expect_text(wire);
        wire_feed(wire, rows[i].bytes, rows[i].length);
        assert_int_equal(wire_finish(wire), rows[i].end);
        if (rows[i].end != WIRE_WHOLE) {
            assert_int_equal(wire_content(wire).page_count, 0);
            assert_true(strlen(wire_fault(wire)) > 0);
        }
        wire_free(wire);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_document_arrives_in_pieces_of_any_size),
        cmocka_unit_test(every_prefix_of_a_good_document_is_open),
        cmocka_unit_test(an_error_is_the_documents),
        cmocka_unit_test(every_breach_ends_the_talker),
        cmocka_unit_test(lengths_are_refused_before_the_body_comes),
        cmocka_unit_test(once_is_enough),
        cmocka_unit_test(nothing_follows_the_end),
        cmocka_unit_test(only_the_end_follows_an_error),
        cmocka_unit_test(problems_are_counted),
        cmocka_unit_test(pages_are_counted),
        cmocka_unit_test(text_is_counted),
        cmocka_unit_test(markdown_is_counted),
        cmocka_unit_test(plain_text_is_pages_between_form_feeds),
        cmocka_unit_test(plain_text_is_checked_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
