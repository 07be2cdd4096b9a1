/* RTF 1.9.1: groups of control words and bytes in changing code pages. Each group's state stands
 * on a stack of our own. */
#include "base/buf.h"
#include "base/error.h"
#include "extract/budget.h"
#include "extract/charset.h"
#include "extract/parsers.h"
#include "extract/rtf_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_SIZE = 32, FONTS_MAX = 65536, FALLBACK_MAX = 64, TIME_PARTS = 6, RAW_BYTES = 4096 };
enum destination { TEXT, SKIPPED, FONT_TABLE, FACT };

struct group {
    enum destination destination;
    int fact, fallback;
    struct charset charset;
    bool in_table, hidden, aside, time;
    bool symbols; /* a font whose letters are signs */
    bool old;     /* a text for old readers, whose Unicode twin follows */
};

struct rtf {
    struct emit *emit;
    const char *at, *end;
    struct group groups[LIMIT_RTF_DEPTH];
    int depth;              /* of the open group, from 0 */
    struct charset charset; /* the document's */
    struct buf raw;         /* bytes of the current charset, not decoded yet */
    struct buf line, aside; /* the paragraph or row; what is anchored in it and follows it */
    struct buf fact;
    bool starred;  /* starred: behind \*, an unknown word skips its group */
    unsigned high; /* the first half of a surrogate pair */
    int pass;      /* fallback characters still to be passed over */
    int font;      /* that the table is about */
    int time[TIME_PARTS];
    struct font {
        bool known, symbols;
        struct charset charset;
    } fonts[FONTS_MAX];
};

static struct group *group_of(struct rtf *rtf)
{
    return &rtf->groups[rtf->depth];
}

static struct buf *current(struct rtf *rtf)
{
    const struct group *group = group_of(rtf);
    return group->destination == FACT ? &rtf->fact : group->aside ? &rtf->aside : &rtf->line;
}

static bool is_read(struct rtf *rtf)
{
    const struct group *group = group_of(rtf);
    return group->destination == FACT || (group->destination == TEXT && !group->hidden);
}

/* ---- text ---- */

static int collect(void *context, const char *text, size_t length)
{
    buf_append(context, text, length);
    return 0;
}

static void decode(struct rtf *rtf)
{
    if (rtf->raw.length > 0)
        charset_decode(group_of(rtf)->charset, rtf->raw.bytes, rtf->raw.length, collect,
                       current(rtf), NULL);
    buf_clear(&rtf->raw);
}

static void put(struct rtf *rtf, const char *text)
{
    decode(rtf);
    if (is_read(rtf))
        buf_puts(current(rtf), text);
}

static void put_byte(struct rtf *rtf, char byte)
{
    const struct group *group = group_of(rtf);
    if (rtf->pass > 0) {
        rtf->pass--;
        return;
    }
    if (!is_read(rtf))
        return;
    if (group->symbols && (unsigned char)byte >= 0x80) {
        put(rtf, "\xe2\x80\xa2");
        return;
    }
    buf_append(&rtf->raw, &byte, 1);
    if (rtf->raw.length >= RAW_BYTES - 1 && !((unsigned char)byte & 0x80))
        decode(rtf);
}

static void put_character(struct rtf *rtf, unsigned value)
{
    char text[5] = {0};
    if (value >= 0xf000 && value <= 0xf0ff) /* a place in a symbol font */
        value = value == 0xf020 ? ' ' : 0x2022;
    if (value < 0x80) {
        text[0] = (char)value;
    } else if (value < 0x800) {
        text[0] = (char)(0xc0 | value >> 6);
        text[1] = (char)(0x80 | (value & 0x3f));
    } else if (value < 0x10000) {
        text[0] = (char)(0xe0 | value >> 12);
        text[1] = (char)(0x80 | (value >> 6 & 0x3f));
        text[2] = (char)(0x80 | (value & 0x3f));
    } else {
        text[0] = (char)(0xf0 | value >> 18);
        text[1] = (char)(0x80 | (value >> 12 & 0x3f));
        text[2] = (char)(0x80 | (value >> 6 & 0x3f));
        text[3] = (char)(0x80 | (value & 0x3f));
    }
    put(rtf, text);
}

static void on_unicode(struct rtf *rtf, long number)
{
    unsigned value = (unsigned)(number & 0xffff);
    rtf->pass = group_of(rtf)->fallback;
    if (value >= 0xd800 && value < 0xdc00) {
        rtf->high = value;
        return;
    }
    if (value >= 0xdc00 && value < 0xe000) {
        if (rtf->high)
            put_character(rtf, 0x10000 + ((rtf->high - 0xd800) << 10) + (value - 0xdc00));
        rtf->high = 0;
        return;
    }
    rtf->high = 0;
    put_character(rtf, value);
}

/* ---- lines ---- */

static void flush(struct rtf *rtf)
{
    if (rtf->line.length)
        emit_text(rtf->emit, rtf->line.bytes, rtf->line.length);
    if (rtf->aside.length)
        emit_text(rtf->emit, rtf->aside.bytes, rtf->aside.length);
    buf_clear(&rtf->line);
    buf_clear(&rtf->aside);
}

static void on_paragraph(struct rtf *rtf)
{
    struct buf *to = current(rtf);
    decode(rtf);
    if (!is_read(rtf))
        return;
    bool stays = to == &rtf->line && group_of(rtf)->in_table; /* cells stay on one line */
    buf_puts(to, stays || to == &rtf->fact ? " " : "\n");
    if (to == &rtf->line && !group_of(rtf)->in_table)
        flush(rtf);
}

static void trim(struct buf *line, const char *what)
{
    while (line->length > 0 && strchr(what, line->bytes[line->length - 1]))
        line->length--;
}

static void on_cell(struct rtf *rtf)
{
    decode(rtf);
    if (!is_read(rtf))
        return;
    trim(current(rtf), " ");
    buf_puts(current(rtf), "\t");
}

static void on_row(struct rtf *rtf)
{
    struct buf *to = current(rtf);
    decode(rtf);
    if (!is_read(rtf))
        return;
    trim(to, " \t");
    if (to->length > 0)
        buf_puts(to, "\n");
    if (to == &rtf->line)
        flush(rtf);
}

static void on_page(struct rtf *rtf)
{
    decode(rtf);
    if (!is_read(rtf) || group_of(rtf)->in_table || group_of(rtf)->aside)
        return;
    flush(rtf);
    if (emit_open_bytes(rtf->emit) > 0)
        emit_page(rtf->emit);
}

/* ---- fonts ---- */

static void set_page(struct rtf *rtf, const char *page, struct charset *charset)
{
    *charset = rtf->charset;
    if (*page)
        charset_named(page, charset);
}

static void on_code_page(struct rtf *rtf, long number)
{
    char name[32];
    snprintf(name, sizeof name, "cp%ld", number);
    decode(rtf);
    if (number == 65001)
        charset_named("utf-8", &rtf->charset);
    else
        charset_named(name, &rtf->charset);
    group_of(rtf)->charset = rtf->charset;
}

static void on_font(struct rtf *rtf, long number)
{
    struct group *group = group_of(rtf);
    int font = number >= 0 && number < FONTS_MAX ? (int)number : 0;
    if (group->destination == FONT_TABLE) {
        rtf->font = font;
        return;
    }
    decode(rtf);
    group->charset = rtf->fonts[font].known ? rtf->fonts[font].charset : rtf->charset;
    group->symbols = rtf->fonts[font].symbols;
}

static void on_font_set(struct rtf *rtf, long set, long page)
{
    char name[32];
    struct font *font = &rtf->fonts[rtf->font];
    if (group_of(rtf)->destination != FONT_TABLE)
        return;
    snprintf(name, sizeof name, "cp%ld", page);
    set_page(rtf, page ? name : rtf_font_page((int)set), &font->charset);
    font->known = true;
    if (!page)
        font->symbols = set == 2;
}

/* ---- groups ---- */

static void set_destination(struct rtf *rtf, const struct rtf_word *word)
{
    struct group *group = group_of(rtf);
    decode(rtf);
    switch (word->action) {
    case RTF_READ: /* in what is skipped only the Unicode twin of a text counts */
        if (group->old && strcmp(word->word, "ud") == 0) {
            group->destination = TEXT;
            group->old = false;
        }
        break;
    case RTF_ASIDE:
        group->aside = true;
        break;
    case RTF_FONTS:
        group->destination = FONT_TABLE;
        break;
    case RTF_FACT:
    case RTF_TIME:
        group->destination = group->old ? SKIPPED : FACT;
        group->fact = word->value;
        group->time = word->action == RTF_TIME;
        buf_clear(&rtf->fact);
        memset(rtf->time, 0, sizeof rtf->time);
        break;
    default:
        group->destination = SKIPPED;
        group->old |= strcmp(word->word, "upr") == 0;
        break;
    }
}

static int on_open(struct rtf *rtf, dq_error *error)
{
    decode(rtf);
    rtf->pass = 0;
    if (rtf->depth + 1 == LIMIT_RTF_DEPTH)
        return error_set(error, DQ_TOO_LARGE, "The document's groups are nested deeper than %d.",
                         LIMIT_RTF_DEPTH);
    rtf->groups[rtf->depth + 1] = rtf->groups[rtf->depth];
    rtf->depth++;
    return emit_status(rtf->emit, error);
}

static void end_fact(struct rtf *rtf, const struct group *group)
{
    char text[80];
    const int *time = rtf->time;
    if (!group->time) {
        trim(&rtf->fact, " ;\n");
        if (rtf->fact.length)
            emit_fact(rtf->emit, (enum fact)group->fact, rtf->fact.bytes, rtf->fact.length);
    } else if (time[0] > 0 && time[1] > 0 && time[2] > 0) {
        snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", time[0], time[1], time[2],
                 time[3], time[4], time[5]);
        emit_fact(rtf->emit, (enum fact)group->fact, text, strlen(text));
    }
    buf_clear(&rtf->fact);
}

static void on_close(struct rtf *rtf)
{
    const struct group *group = group_of(rtf);
    decode(rtf);
    rtf->pass = 0;
    if (rtf->depth == 0)
        return;
    const struct group *outer = group - 1;
    if (group->destination == FACT && outer->destination != FACT)
        end_fact(rtf, group);
    if (group->aside && !outer->aside) {
        trim(&rtf->aside, " \n");
        if (rtf->aside.length)
            buf_puts(&rtf->aside, "\n");
        if (rtf->line.length == 0)
            flush(rtf);
    }
    rtf->depth--;
}

/* ---- words ---- */

static void on_time_part(struct rtf *rtf, int place, long number)
{
    if (group_of(rtf)->time && number >= 0 && number <= 9999)
        rtf->time[place] = (int)number;
}

static void on_word(struct rtf *rtf, const struct rtf_word *word, long number, bool numbered)
{
    struct group *group = group_of(rtf);
    switch (word->action) {
    case RTF_TEXT:
        put(rtf, word->text);
        break;
    case RTF_PARAGRAPH:
        on_paragraph(rtf);
        break;
    case RTF_PAGE:
        on_page(rtf);
        break;
    case RTF_CELL:
        on_cell(rtf);
        break;
    case RTF_ROW:
        on_row(rtf);
        break;
    case RTF_TAB:
        put(rtf, group_of(rtf)->in_table ? " " : "\t");
        break;
    case RTF_IN_TABLE:
    case RTF_PLAIN:
        group->in_table = word->action == RTF_IN_TABLE;
        break;
    case RTF_HIDDEN:
    case RTF_SHOWN:
        decode(rtf);
        group->hidden = word->action == RTF_HIDDEN && (!numbered || number != 0);
        break;
    case RTF_CODE_PAGE:
        on_code_page(rtf, word->value ? word->value : number);
        break;
    case RTF_FONT:
        on_font(rtf, number);
        break;
    case RTF_FONT_SET:
        on_font_set(rtf, number, 0);
        break;
    case RTF_FONT_PAGE:
        on_font_set(rtf, 0, number);
        break;
    case RTF_UNICODE:
        on_unicode(rtf, number);
        break;
    case RTF_FALLBACK:
        group->fallback = number >= 0 && number < FALLBACK_MAX ? (int)number : 1;
        break;
    case RTF_BINARY:
        rtf->at += number > 0 && number < rtf->end - rtf->at ? number : 0;
        break;
    case RTF_TIME_PART:
        on_time_part(rtf, word->value, number);
        break;
    default:
        set_destination(rtf, word);
        break;
    }
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind the backslash, what is no letter. */
static void on_symbol(struct rtf *rtf)
{
    char symbol = *rtf->at++;
    if (symbol == '\'' && rtf->end - rtf->at >= 2) {
        int high = hex_of(rtf->at[0]), low = hex_of(rtf->at[1]);
        rtf->at += 2;
        if (high >= 0 && low >= 0)
            put_byte(rtf, (char)(high << 4 | low));
    } else if (symbol == '*') {
        rtf->starred = true;
    } else if (symbol == '~') {
        put(rtf, "\xc2\xa0");
    } else if (symbol == '_') {
        put(rtf, "-");
    } else if (symbol == '\n' || symbol == '\r') {
        on_paragraph(rtf);
    } else if (symbol == '\\' || symbol == '{' || symbol == '}') {
        put_byte(rtf, symbol);
    }
}

static void on_control(struct rtf *rtf)
{
    char name[WORD_SIZE];
    size_t length = 0;
    long number = 0;
    bool negative = false, numbered = false;
    if (rtf->at == rtf->end)
        return;
    if (!is_letter(*rtf->at)) {
        on_symbol(rtf);
        return;
    }
    for (; rtf->at < rtf->end && is_letter(*rtf->at); rtf->at++)
        if (length < WORD_SIZE - 1)
            name[length++] = *rtf->at;
    name[length] = '\0';
    if (rtf->at < rtf->end && *rtf->at == '-') {
        negative = true;
        rtf->at++;
    }
    for (; rtf->at < rtf->end && *rtf->at >= '0' && *rtf->at <= '9'; rtf->at++) {
        numbered = true;
        number = number < 100000000 ? number * 10 + (*rtf->at - '0') : number;
    }
    if (rtf->at < rtf->end && *rtf->at == ' ')
        rtf->at++;
    const struct rtf_word *word = rtf_word_find(name);
    if (word)
        on_word(rtf, word, negative ? -number : number, numbered);
    else if (rtf->starred) {
        decode(rtf);
        group_of(rtf)->destination = SKIPPED;
    }
    rtf->starred = false;
}

static int read_all(struct rtf *rtf, dq_error *error)
{
    int result = 0;
    while (rtf->at < rtf->end && result == 0) {
        char c = *rtf->at++;
        if (c == '{')
            result = on_open(rtf, error);
        else if (c == '}')
            on_close(rtf);
        else if (c == '\\')
            on_control(rtf);
        else if (c == '\t')
            put(rtf, " ");
        else if (c != '\r' && c != '\n' && c != '\0')
            put_byte(rtf, c);
    }
    decode(rtf);
    if (result == 0 && (rtf->line.overflow || rtf->aside.overflow))
        result = error_set(error, DQ_TOO_LARGE, "A paragraph is longer than %llu MiB.",
                           LIMIT_PARAGRAPH_BYTES / 1024 / 1024);
    if (rtf->line.length > 0)
        buf_puts(&rtf->line, "\n");
    flush(rtf);
    return result < 0 ? result : emit_status(rtf->emit, error);
}

int extract_rtf(const struct input *input, struct emit *emit, dq_error *error)
{
    struct rtf *rtf = calloc(1, sizeof *rtf);
    if (!rtf)
        bug("out of memory");
    rtf->emit = emit;
    rtf->at = input->bytes;
    rtf->end = input->bytes + input->length;
    rtf->raw = BUF(LIMIT_PARAGRAPH_BYTES);
    rtf->line = rtf->aside = BUF(LIMIT_PARAGRAPH_BYTES);
    rtf->fact = BUF((size_t)64 * 1024);
    charset_named("windows-1252", &rtf->charset);
    rtf->groups[0].fallback = 1;
    rtf->groups[0].charset = rtf->charset;
    int result = read_all(rtf, error);
    if (result == 0 && rtf->depth > 0)
        emit_problem(emit, "the document ends early: its last part may be missing");
    buf_free(&rtf->raw);
    buf_free(&rtf->line);
    buf_free(&rtf->aside);
    buf_free(&rtf->fact);
    free(rtf);
    return result;
}
