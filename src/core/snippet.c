/* Choosing a window, and writing it down. */
#include "core/snippet.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6"

static int by_place(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

/* Bytes of a blank or a control character at text[at], 0 where there is none. */
static size_t blank(const char *text, size_t length, size_t at)
{
    unsigned char c = (unsigned char)text[at];
    if (c <= ' ' || c == 0x7f)
        return 1;
    /* U+0080 to U+00A0: controls and the blank that does not break */
    unsigned char next = c == 0xc2 && at + 1 < length ? (unsigned char)text[at + 1] : 0;
    return next >= 0x80 && next <= 0xa0 ? 2 : 0;
}

static bool starts(const char *text, size_t at)
{
    return (text[at] & 0xc0) != 0x80;
}

/* The first of the places from which a window holds most: different terms first, then matches. */
static size_t best_place(const struct found *found, size_t count)
{
    enum { TERMS_TOLD_APART = 64 };
    size_t best = 0;
    int most = -1;
    for (size_t i = 0; i < count; i++) {
        uint64_t seen = 0;
        int value = 0;
        for (size_t k = i; k < count; k++) {
            if (found[k].to - found[i].from > SNIPPET_CHARACTERS_MAX - SNIPPET_LEAD_MAX)
                break;
            uint64_t bit = UINT64_C(1) << (found[k].term % TERMS_TOLD_APART);
            value += seen & bit ? 1 : 1000;
            seen |= bit;
        }
        if (value > most) {
            most = value;
            best = i;
        }
    }
    return best;
}

/* Back from `at` over at most `characters`, to the beginning of a word where there is one. */
static size_t window_start(const char *text, size_t length, size_t at, size_t characters)
{
    size_t start = at, word = at;
    bool has_word = false;
    while (start > 0 && characters > 0) {
        start--;
        if (!starts(text, start))
            continue;
        characters--;
        if (blank(text, length, start)) {
            word = start + blank(text, length, start);
            has_word = true;
        }
    }
    return start == 0 || !has_word ? start : word;
}

/* Forward from `at` over at most `characters`, but not beyond the end of the last whole word. */
static size_t window_end(const char *text, size_t length, size_t at, size_t characters)
{
    size_t end = at, word = at;
    while (end < length && characters > 0) {
        if (blank(text, length, end))
            word = end;
        end++;
        while (end < length && !starts(text, end))
            end++;
        characters--;
    }
    bool whole = end == length || blank(text, length, end);
    return whole || word <= at + (end - at) / 2 ? end : word;
}

struct writer {
    char *out;
    size_t length;
    int characters;
    bool blank; /* one is due before the next character */
};

static void put(struct writer *writer, const char *bytes, size_t length)
{
    if (writer->blank && writer->length > 0) {
        writer->out[writer->length++] = ' ';
        writer->characters++;
    }
    writer->blank = false;
    memcpy(writer->out + writer->length, bytes, length);
    writer->length += length;
    writer->characters++;
}

/* Copies text[start, end) and notes where the matches come to lie; overlapping ones become one.
 * Returns their number. */
static size_t copy_window(const char *text, size_t start, size_t end, const struct found *found,
                          size_t count, struct writer *writer, dq_span *spans)
{
    size_t next = 0, stop = 0, matches = 0;
    bool open = false;
    while (next < count && found[next].from < start)
        next++;
    for (size_t at = start, step; at < end; at += step) {
        if (open && at >= stop) {
            spans[matches++].to = writer->characters;
            open = false;
        }
        step = blank(text, end, at);
        if (step > 0) {
            writer->blank = true;
            continue;
        }
        uint32_t character;
        step = utf8_next(text + at, end - at, &character);
        put(writer, text + at, step);
        for (; next < count && found[next].from <= at; next++) {
            if (!open)
                spans[matches].from = writer->characters - 1;
            open = true;
            stop = found[next].to > stop ? found[next].to : stop;
        }
    }
    if (open)
        spans[matches++].to = writer->characters;
    return matches;
}

void snippet_make(const char *text, size_t length, struct found *found, size_t count,
                  struct arena *arena, dq_hit *hit)
{
    size_t start = 0;
    if (count > 0) {
        qsort(found, count, sizeof *found, by_place);
        start = window_start(text, length, found[best_place(found, count)].from, SNIPPET_LEAD_MAX);
    }
    size_t end = window_end(text, length, start, SNIPPET_CHARACTERS_MAX);
    struct writer writer = {.out = arena_alloc(arena, end - start + 2 * sizeof ELLIPSIS + 1)};
    dq_span *spans = arena_alloc(arena, (count + 1) * sizeof *spans);
    if (start > 0)
        put(&writer, ELLIPSIS, sizeof ELLIPSIS - 1);
    hit->match_count = copy_window(text, start, end, found, count, &writer, spans);
    hit->matches = spans;
    if (end < length) {
        writer.blank = false;
        put(&writer, ELLIPSIS, sizeof ELLIPSIS - 1);
    }
    writer.out[writer.length] = '\0';
    hit->snippet = writer.out;
}
