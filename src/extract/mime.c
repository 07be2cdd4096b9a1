/* Reading what mail programs of fifty years have written, strictly bounded and never strict. */
#include "extract/mime.h"

#include "extract/budget.h"
#include "extract/charset.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { CHARSET_NAME_SIZE = 64, WORD_BYTES_MAX = 2000, CONTINUATIONS_MAX = 100 };

static struct span line_of(struct span rest, size_t *ret_used)
{
    const char *end = memchr(rest.at, '\n', rest.length);
    struct span line = {rest.at, end ? (size_t)(end - rest.at) : rest.length};
    *ret_used = line.length + (end ? 1 : 0);
    if (line.length > 0 && line.at[line.length - 1] == '\r')
        line.length--;
    return line;
}

struct entity mime_split(struct span whole)
{
    struct span rest = whole;
    while (rest.length > 0) {
        size_t used = 0;
        struct span line = line_of(rest, &used);
        if (line.length == 0)
            return (struct entity){{whole.at, whole.length - rest.length},
                                   {rest.at + used, rest.length - used}};
        rest.at += used;
        rest.length -= used;
    }
    return (struct entity){whole, {whole.at + whole.length, 0}};
}

bool mime_header(struct span headers, const char *name, struct buf *to)
{
    size_t name_length = strlen(name), used = 0;
    bool found = false;
    buf_clear(to);
    buf_puts(to, "");
    for (struct span rest = headers; rest.length > 0; rest.at += used, rest.length -= used) {
        struct span line = line_of(rest, &used);
        bool folded = line.length > 0 && (line.at[0] == ' ' || line.at[0] == '\t');
        if (found && !folded)
            break;
        if (!folded && line.length > name_length && line.at[name_length] == ':' &&
            strncasecmp(line.at, name, name_length) == 0) {
            found = true;
            line.at += name_length + 1;
            line.length -= name_length + 1;
        }
        if (!found)
            continue;
        while (line.length > 0 && strchr(" \t", line.at[0])) {
            line.at++;
            line.length--;
        }
        if (to->length > 0)
            buf_puts(to, " ");
        buf_append(to, line.at, line.length);
    }
    return found;
}

/* ---- encodings ---- */

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int sextet(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* What is no digit is passed over; padding ends a run, and another may follow. */
static void decode_base64(struct span text, struct buf *to)
{
    unsigned bits = 0;
    int count = 0;
    for (size_t i = 0; i < text.length; i++) {
        int value = sextet(text.at[i]);
        if (text.at[i] == '=')
            count = 0;
        if (value < 0)
            continue;
        bits = (bits << 6 | (unsigned)value) & 0xffffff;
        if (count++ == 0)
            continue;
        unsigned char byte = (unsigned char)(bits >> (2 * (4 - count)));
        buf_append(to, &byte, 1);
        count %= 4;
    }
}

/* In words an underscore is a space; in bodies "=" at the end of a line joins it to the next. */
static void decode_quoted(struct span text, bool word, struct buf *to)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        if (c == '_' && word) {
            c = ' ';
        } else if (c == '=' && i + 2 < text.length + (word ? 1 : 0) && i + 2 <= text.length - 1 &&
                   hex_of(text.at[i + 1]) >= 0 && hex_of(text.at[i + 2]) >= 0) {
            c = (char)(hex_of(text.at[i + 1]) << 4 | hex_of(text.at[i + 2]));
            i += 2;
        } else if (c == '=' && !word) {
            size_t end = i + 1;
            while (end < text.length && strchr(" \t\r", text.at[end]))
                end++;
            if (end == text.length || text.at[end] == '\n') {
                i = end;
                continue;
            }
        }
        buf_append(to, &c, 1);
    }
}

struct span mime_decode(struct span body, const char *encoding, struct buf *room)
{
    buf_clear(room);
    if (strncasecmp(encoding, "base64", 6) == 0)
        decode_base64(body, room);
    else if (strncasecmp(encoding, "quoted-printable", 16) == 0)
        decode_quoted(body, false, room);
    else
        return body;
    return (struct span){room->bytes ? room->bytes : "", room->length};
}

/* ---- words ---- */

static int collect(void *context, const char *text, size_t length)
{
    return buf_append(context, text, length) ? 0 : DQ_TOO_LARGE;
}

static void put_decoded(const char *charset_name, struct span bytes, struct buf *to)
{
    size_t skip = 0;
    if (bytes.length == 0)
        return;
    struct charset charset = charset_detect(bytes.at, bytes.length, charset_name, &skip);
    charset_decode(charset, bytes.at + skip, bytes.length - skip, collect, to, NULL);
}

struct word {
    char charset[CHARSET_NAME_SIZE];
    struct span text;
    bool base64;
    size_t length; /* of all of it in the value */
};

/* =?charset*language?B?text?= */
static bool parse_word(const char *at, struct word *word)
{
    if (strncmp(at, "=?", 2) != 0)
        return false;
    const char *charset = at + 2;
    const char *mark = memchr(charset, '?', strnlen(charset, CHARSET_NAME_SIZE));
    if (!mark || !mark[1] || mark[2] != '?')
        return false;
    const char *text = mark + 3, *end = memmem(text, strnlen(text, WORD_BYTES_MAX), "?=", 2);
    char letter = (char)tolower((unsigned char)mark[1]);
    if (!end || (letter != 'b' && letter != 'q'))
        return false;
    snprintf(word->charset, sizeof word->charset, "%.*s", (int)strcspn(charset, "*?"), charset);
    word->text = (struct span){text, (size_t)(end - text)};
    word->base64 = letter == 'b';
    word->length = (size_t)(end - at) + 2;
    return true;
}

/* Characters may be cut between two words of the same charset, so those are decoded together. */
static const char *put_words(const char *at, struct word *word, struct buf *to)
{
    autobuf bytes = BUF(LIMIT_HEADER_BYTES);
    struct word next = *word;
    for (;;) {
        if (next.base64)
            decode_base64(next.text, &bytes);
        else
            decode_quoted(next.text, true, &bytes);
        at += next.length;
        const char *behind = at + strspn(at, " \t");
        bool joined = parse_word(behind, &next);
        if (joined && strcasecmp(next.charset, word->charset) == 0) {
            at = behind;
            continue;
        }
        put_decoded(word->charset, (struct span){bytes.bytes ? bytes.bytes : "", bytes.length}, to);
        return joined ? behind : at;
    }
}

void mime_words(const char *value, struct buf *to)
{
    struct word word;
    while (*value) {
        size_t plain = strcspn(value, "=");
        if (plain == 0 && parse_word(value, &word)) {
            value = put_words(value, &word, to);
            continue;
        }
        if (plain == 0)
            plain = 1;
        put_decoded(NULL, (struct span){value, plain}, to);
        value += plain;
    }
}

/* ---- parameters ---- */

/* The value at `at`, without its quotes; returns what follows. */
static const char *parameter_value(const char *at, struct buf *to)
{
    if (*at != '"') {
        size_t length = strcspn(at, "; \t");
        buf_append(to, at, length);
        return at + length;
    }
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1])
            at++;
        buf_append(to, at, 1);
    }
    return *at ? at + 1 : at;
}

/* utf-8'en'%e2%82%ac%20rates */
static void decode_extended(const char *value, bool first, char charset[CHARSET_NAME_SIZE],
                            struct buf *bytes)
{
    const char *mark = first ? strchr(value, '\'') : NULL;
    const char *text = mark ? strchr(mark + 1, '\'') : NULL;
    if (text) {
        snprintf(charset, CHARSET_NAME_SIZE, "%.*s", (int)(mark - value), value);
        value = text + 1;
    }
    for (; *value; value++) {
        char c = *value;
        if (c == '%' && hex_of(value[1]) >= 0 && hex_of(value[2]) >= 0) {
            c = (char)(hex_of(value[1]) << 4 | hex_of(value[2]));
            value += 2;
        }
        buf_append(bytes, &c, 1);
    }
}

/* name="x", name*=utf-8''x, name*0="x"; name*1*=%20y: the pieces in the order they stand in. */
bool mime_parameter(const char *value, const char *name, struct buf *to)
{
    char charset[CHARSET_NAME_SIZE] = "";
    autobuf pieces = BUF(LIMIT_HEADER_BYTES), piece = BUF(LIMIT_HEADER_BYTES);
    size_t name_length = strlen(name);
    int count = 0;
    bool extended = false;
    buf_clear(to);
    buf_puts(to, "");
    for (const char *at = strchr(value, ';'); at && count < CONTINUATIONS_MAX;) {
        at += 1 + strspn(at + 1, " \t;");
        const char *equals = at + strcspn(at, "=;");
        bool ours = *equals == '=' && strncasecmp(at, name, name_length) == 0 &&
                    strchr("*= \t", at[name_length]);
        bool coded = ours && equals > at && equals[-1] == '*';
        if (*equals == '=') {
            buf_clear(&piece);
            buf_puts(&piece, "");
            at = parameter_value(equals + 1 + strspn(equals + 1, " \t"), &piece);
        } else {
            at = equals;
        }
        if (ours && coded)
            decode_extended(piece.bytes, count == 0, charset, &pieces);
        else if (ours)
            buf_append(&pieces, piece.bytes, piece.length);
        extended |= coded;
        count += ours;
        at = strchr(at, ';');
    }
    if (extended)
        put_decoded(charset, (struct span){pieces.bytes ? pieces.bytes : "", pieces.length}, to);
    else if (count > 0)
        mime_words(pieces.bytes ? pieces.bytes : "", to);
    return count > 0;
}

/* ---- dates ---- */

static const char *skip_to_digit(const char *at)
{
    while (*at && !isdigit((unsigned char)*at))
        at++;
    return at;
}

bool mime_date(const char *value, int64_t *ret_seconds)
{
    static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    struct tm tm = {0};
    char month[4] = "", sign = 0;
    int zone = 0, fields = 0;
    const char *at = skip_to_digit(value);
    fields = sscanf(at, "%2d %3s%*[^0-9] %4d %2d:%2d:%2d", &tm.tm_mday, month, &tm.tm_year,
                    &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
    if (fields < 5)
        fields = sscanf(at, "%2d %3s %4d %2d:%2d:%2d", &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour,
                        &tm.tm_min, &tm.tm_sec);
    for (char *letter = month; *letter; letter++)
        *letter = (char)tolower((unsigned char)*letter);
    const char *found = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (fields < 5 || !found || (found - months) % 3 != 0)
        return false;
    const char *colon = strchr(at, ':'), *offset = colon ? strpbrk(colon, "+-") : NULL;
    if (offset && sscanf(offset, "%c%4d", &sign, &zone) == 2)
        zone = (zone / 100 * 60 + zone % 100) * (sign == '-' ? -60 : 60);
    tm.tm_mon = (int)(found - months) / 3;
    tm.tm_year += tm.tm_year < 50 ? 100 : tm.tm_year < 1000 ? 0 : -1900;
    *ret_seconds = (int64_t)timegm(&tm) - zone;
    return tm.tm_mday >= 1 && tm.tm_mday <= 31;
}

/* ---- multiparts ---- */

/* 0: no delimiter; 1: one; 2: the last one. */
static int delimiter(struct span line, const char *boundary)
{
    size_t length = strlen(boundary);
    if (line.length < length + 2 || memcmp(line.at, "--", 2) != 0 ||
        memcmp(line.at + 2, boundary, length) != 0)
        return 0;
    line.at += length + 2;
    line.length -= length + 2;
    if (line.length >= 2 && memcmp(line.at, "--", 2) == 0)
        return 2;
    while (line.length > 0 && strchr(" \t", *line.at)) {
        line.at++;
        line.length--;
    }
    return line.length == 0;
}

bool mime_next_part(struct span *rest, const char *boundary, struct span *ret_part)
{
    const char *from = NULL;
    while (rest->length > 0) {
        size_t used = 0;
        struct span line = line_of(*rest, &used);
        int found = delimiter(line, boundary);
        if (found && from) { /* what follows begins here, and it stays for the next call */
            *ret_part = (struct span){from, (size_t)(rest->at - from)};
            if (found == 2)
                rest->length = 0;
            return true;
        }
        rest->at += used;
        rest->length -= used;
        if (found == 2) {
            rest->length = 0;
            return false;
        }
        if (found)
            from = rest->at;
    }
    if (from && rest->at > from) { /* the end is missing */
        *ret_part = (struct span){from, (size_t)(rest->at - from)};
        return true;
    }
    return false;
}
