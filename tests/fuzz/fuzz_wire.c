/* What the worker reads from a box. However the bytes are cut, the same content and verdict. */
#include "pieces.h"
#include "sandbox/wire.h"

#include <stdlib.h>
#include <string.h>

enum { OUTPUT_BYTES_MAX = 4096 };

static void count(void *context, const char *stage, uint32_t done, uint32_t total)
{
    uint64_t *sum = context;
    *sum = *sum * 31 + strlen(stage) + done + total;
}

static void same_text(const char *one, const char *other)
{
    if (!one != !other || (one && strcmp(one, other) != 0))
        abort();
}

static void same_content(const struct wire *one_wire, const struct wire *other_wire)
{
    struct wire_content one = wire_content(one_wire), other = wire_content(other_wire);
    same_text(wire_fault(one_wire), wire_fault(other_wire));
    same_text(one.content_type, other.content_type);
    same_text(one.metadata, other.metadata);
    same_text(one.error_slug, other.error_slug);
    same_text(one.error_message, other.error_message);
    if (one.page_count != other.page_count || one.problem_count != other.problem_count ||
        one.text_bytes != other.text_bytes || one.text_bytes > OUTPUT_BYTES_MAX)
        abort();
    for (size_t i = 0; i < one.page_count; i++) {
        same_text(one.pages[i].text, other.pages[i].text);
        if (one.pages[i].text_bytes != strlen(one.pages[i].text) ||
            one.pages[i].number != (int)i + 1)
            abort();
    }
    for (size_t i = 0; i < one.problem_count; i++)
        same_text(one.problems[i], other.problems[i]);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length)
{
    uint64_t whole_sum = 0, cut_sum = 0;
    if (length == 0)
        return 0;
    struct pieces pieces = pieces_cut(*bytes++);
    length--;
    struct wire *whole = wire_new(OUTPUT_BYTES_MAX, count, &whole_sum);
    struct wire *cut = wire_new(OUTPUT_BYTES_MAX, count, &cut_sum);
    wire_feed(whole, bytes, length);
    for (size_t at = 0, size; at < length; at += size) {
        size = pieces_next(&pieces, length - at);
        wire_feed(cut, bytes + at, size);
    }
    if (wire_state(whole) != wire_state(cut) || whole_sum != cut_sum)
        abort();
    same_content(whole, cut);
    wire_free(whole);
    wire_free(cut);
    return 0;
}
