/* Queries: from what people type to terms and filters, and on to the syntax of FTS5. */
#include "core/query.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define TIME_TEXT_SIZE 40

/* One piece of a query: a word, or what stands in quotes, with what was written before it. */
struct piece {
    const char *key; /* NULL = none */
    size_t key_length;
    const char *text;
    size_t length;
    bool quoted, exclude, prefix;
};

/* ---- dates ----------------------------------------------------------------------------------- */

/* Digits, exactly `count` of them; -1 where there are none. */
static int digits(const char **at, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (!isdigit((unsigned char)**at))
            return -1;
        value = value * 10 + (**at - '0');
    }
    return value;
}

/* "2026", "2026-01" or "2026-01-15": its beginning in UTC; -1 where it is none. */
static int64_t date_parse(const char *text)
{
    int month = 1, day = 1, year = digits(&text, 4);
    if (year >= 0 && *text == '-') {
        text++;
        month = digits(&text, 2);
    }
    if (month > 0 && *text == '-') {
        text++;
        day = digits(&text, 2);
    }
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    if (*text || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31)
        return -1;
    time_t seconds = timegm(&tm);
    return tm.tm_mday == day ? (int64_t)seconds * US_PER_S : -1; /* not the 31st of June */
}

static int take_time(struct query *query, const struct piece *piece, bool since, int64_t now,
                     dq_error *error)
{
    char text[TIME_TEXT_SIZE];
    snprintf(text, sizeof text, "%.*s", (int)piece->length, piece->text);
    int64_t time = date_parse(text), ago = time < 0 ? duration_parse(text) : 0;
    if (time < 0 && ago < 0)
        return error_field(error, DQ_INVALID, "/q",
                           "\"%.30s\" is no date; write 2026-01-15, 2026-01, 2026, 2h or 30d",
                           text);
    time = time < 0 ? now - ago : time;
    since = since != piece->exclude; /* what is not before is since */
    int64_t *bound = since ? &query->since : &query->before;
    if (*bound == 0 || (since ? time > *bound : time < *bound))
        *bound = time;
    return 0;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* Bytes of the blank at `at`, 0 where there is none: also the wide one of East Asian keyboards. */
static size_t blank(const char *at)
{
    unsigned char c = (unsigned char)*at;
    if (c == '\0')
        return 0;
    return c <= ' ' ? 1 : strncmp(at, "\xe3\x80\x80", 3) == 0 ? 3 : 0;
}

/* Letters and a colon with something behind it that is neither `/` (a URL) nor another colon. */
static size_t key_length(const char *at)
{
    size_t length = 0;
    while (isalpha((unsigned char)at[length]) || at[length] == '_')
        length++;
    const char *value = at + length + 1;
    bool key = length >= 2 && at[length] == ':' && *value && *value != '/' && *value != ':' &&
               blank(value) == 0;
    return key ? length : 0;
}

static const char *take_quoted(const char *at, struct piece *piece)
{
    const char *end = strchr(at, '"');
    piece->text = at;
    piece->length = end ? (size_t)(end - at) : strlen(at);
    piece->quoted = true;
    at += piece->length + (end != NULL);
    piece->prefix = *at == '*';
    return at + strspn(at, "*");
}

static const char *take_word(const char *at, struct piece *piece)
{
    piece->text = at;
    while (*at && *at != '"' && blank(at) == 0)
        at++;
    piece->length = (size_t)(at - piece->text);
    while (piece->length > 0 && piece->text[piece->length - 1] == '*') {
        piece->length--;
        piece->prefix = true;
    }
    return at;
}

/* The next piece; NULL: there is none. */
static const char *take_piece(const char *at, struct piece *piece)
{
    *piece = (struct piece){0};
    for (size_t n = blank(at); n > 0; n = blank(at))
        at += n;
    if (*at == '\0')
        return NULL;
    if (*at == '-' && at[1] && blank(at + 1) == 0) {
        piece->exclude = true;
        at++;
    }
    piece->key_length = key_length(at);
    if (piece->key_length > 0) {
        piece->key = at;
        at += piece->key_length + 1;
    }
    return *at == '"' ? take_quoted(at + 1, piece) : take_word(at, piece);
}

/* ---- parsing --------------------------------------------------------------------------------- */

/* A beginning of one or two letters is on nearly every page, and looking for all of its words would
 * take long: it is taken as a word. (East Asian characters are words of their own anyway.) */
static bool may_go_on(const struct piece *piece)
{
    enum { BEGINNING_CHARACTERS_MIN = 3 };
    size_t at = piece->length;
    while (at > 0 && ((piece->text[at - 1] & 0x80) || isalnum((unsigned char)piece->text[at - 1])))
        at--;
    return piece->prefix &&
           utf8_count(piece->text + at, piece->length - at) >= BEGINNING_CHARACTERS_MIN;
}

static int check_room(const struct query *query, bool prefix, dq_error *error)
{
    int prefixes = prefix;
    if (query->term_count == QUERY_TERMS_MAX)
        return error_field(error, DQ_INVALID, "/q",
                           "a query has at most %d words and phrases; leave some out",
                           QUERY_TERMS_MAX);
    for (int i = 0; i < query->term_count; i++)
        prefixes += query->terms[i].prefix;
    if (prefixes > QUERY_PREFIXES_MAX)
        return error_field(error, DQ_INVALID, "/q",
                           "a query has at most %d beginnings such as deliv*; leave some out",
                           QUERY_PREFIXES_MAX);
    return 0;
}

static int add_term(struct query *query, const struct piece *piece, bool name, bool alternative,
                    dq_error *error)
{
    bool prefix = may_go_on(piece);
    int r = check_room(query, prefix, error);
    if (r < 0)
        return r;
    if (!piece->exclude && (!alternative || query->group_count == 0))
        query->group_count++;
    query->terms[query->term_count++] = (struct query_term){
        .text = piece->text,
        .length = piece->length,
        .prefix = prefix,
        .exclude = piece->exclude,
        .name = name,
        .group = piece->exclude ? -1 : query->group_count - 1,
    };
    return 0;
}

static int add_filter(struct query *query, const struct piece *piece, enum query_key key,
                      dq_error *error)
{
    if (query->filter_count == QUERY_FILTERS_MAX)
        return error_field(error, DQ_INVALID, "/q",
                           "a query has at most %d type: and owner: filters; leave some out",
                           QUERY_FILTERS_MAX);
    query->filters[query->filter_count++] =
        (struct query_filter){key, piece->exclude, piece->text, piece->length};
    return 0;
}

static const char *const keys[] = {"filename", "type", "owner", "since", "before"};
enum { KEY_FILENAME, KEY_TYPE, KEY_OWNER, KEY_SINCE, KEY_BEFORE, KEYS_MAX };

static int unknown_key(const char *word, dq_error *error)
{
    const char *nearest = text_nearest(word, keys, KEYS_MAX, sizeof keys[0]);
    return error_field(error, DQ_INVALID, "/q",
                       "unknown key \"%.40s:\"%s%s%s; the keys are filename, type, owner, since "
                       "and before; put quotes around what is no key",
                       word, nearest ? ", did you mean \"" : "", nearest ? nearest : "",
                       nearest ? ":\"" : "");
}

static int add_pair(struct query *query, const struct piece *piece, bool alternative, int64_t now,
                    dq_error *error)
{
    char word[TIME_TEXT_SIZE];
    int key = 0;
    snprintf(word, sizeof word, "%.*s", (int)piece->key_length, piece->key);
    while (key < KEYS_MAX && strcasecmp(word, keys[key]) != 0)
        key++;
    switch (key) {
    case KEY_FILENAME:
        return add_term(query, piece, true, alternative, error);
    case KEY_TYPE:
        return add_filter(query, piece, QUERY_TYPE, error);
    case KEY_OWNER:
        return add_filter(query, piece, QUERY_OWNER, error);
    case KEY_SINCE:
    case KEY_BEFORE:
        return take_time(query, piece, key == KEY_SINCE, now, error);
    default:
        return unknown_key(word, error);
    }
}

/* AND says what is so anyway; OR makes the terms on both sides alternatives. */
static bool is_operator(const struct piece *piece, const char *name)
{
    return !piece->key && !piece->quoted && !piece->exclude && !piece->prefix &&
           piece->length == strlen(name) && memcmp(piece->text, name, piece->length) == 0;
}

int query_parse(const char *text, int64_t now, struct query *ret_query, dq_error *error)
{
    struct piece piece;
    bool alternative = false;
    size_t length = text ? strlen(text) : 0;
    if (length > QUERY_BYTES_MAX)
        return error_field(error, DQ_INVALID, "/q", "the query has more than %d bytes; shorten it",
                           QUERY_BYTES_MAX);
    if (text && !utf8_valid(text, length))
        return error_field(error, DQ_INVALID, "/q", "the query is not UTF-8");
    memset(ret_query, 0, sizeof *ret_query);
    memcpy(ret_query->bytes, text ? text : "", length);
    const char *at = take_piece(ret_query->bytes, &piece);
    for (; at; at = take_piece(at, &piece)) {
        if (is_operator(&piece, "OR") || is_operator(&piece, "AND")) {
            alternative = piece.length == 2;
            continue;
        }
        int r = piece.key ? add_pair(ret_query, &piece, alternative, now, error)
                          : add_term(ret_query, &piece, false, alternative, error);
        if (r < 0)
            return r;
        alternative = false;
    }
    return 0;
}

/* ---- compiling ------------------------------------------------------------------------------- */

static void compile_term(const struct query_term *term, struct buf *out)
{
    buf_puts(out, term->name ? "name : \"" : "\"");
    for (size_t i = 0; i < term->length; i++)
        buf_append(out, term->text[i] == '"' ? "\"\"" : &term->text[i],
                   term->text[i] == '"' ? 2 : 1);
    buf_puts(out, term->prefix ? "\" *" : "\"");
}

/* The terms of one group (-1 = the excluded ones) as alternatives, behind `before`. */
static bool compile_group(const struct query *query, int group, const char *before, struct buf *out)
{
    bool some = false;
    for (int i = 0; i < query->term_count; i++) {
        const struct query_term *term = &query->terms[i];
        if (term->group != group || term->silent)
            continue;
        buf_puts(out, some ? " OR " : before);
        buf_puts(out, some ? "" : "(");
        compile_term(term, out);
        some = true;
    }
    buf_puts(out, some ? ")" : "");
    return some;
}

bool query_compile(const struct query *query, struct buf *out)
{
    bool some = false;
    for (int group = 0; group < query->group_count; group++)
        some = compile_group(query, group, some ? " AND " : "(", out) || some;
    if (!some)
        return false;
    buf_puts(out, ")");
    compile_group(query, -1, " NOT ", out);
    return true;
}

/* ---- filters --------------------------------------------------------------------------------- */

/* What people call a type whose name says something else. */
static const struct {
    const char *name, *type;
} short_types[] = {
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"doc", "application/msword"},
    {"xls", "application/vnd.ms-excel"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"epub", "application/epub+zip"},
    {"email", "message/rfc822"},
    {"eml", "message/rfc822"},
    {"md", "text/markdown"},
    {"txt", "text/plain"},
    {"jpg", "image/jpeg"},
    {"tif", "image/tiff"},
};

static bool same(const char *wanted, size_t length, const char *value, size_t value_length)
{
    return length == value_length && strncasecmp(wanted, value, length) == 0;
}

/* "application/pdf", its part "pdf", "image" for all pictures, or a short name. */
static bool is_type(const char *wanted, size_t length, const char *type)
{
    size_t major = strcspn(type, "/"), whole = strlen(type);
    if (same(wanted, length, type, whole) || same(wanted, length, type, major) ||
        (major < whole && same(wanted, length, type + major + 1, whole - major - 1)))
        return true;
    for (size_t i = 0; i < sizeof short_types / sizeof short_types[0]; i++)
        if (same(wanted, length, short_types[i].name, strlen(short_types[i].name)) &&
            strcmp(type, short_types[i].type) == 0)
            return true;
    return false;
}

static bool filter_holds(const struct query_filter *filter, const char *content_type,
                         const char *owner)
{
    if (filter->key == QUERY_TYPE)
        return is_type(filter->value, filter->length, content_type);
    return strlen(owner) == filter->length && memcmp(owner, filter->value, filter->length) == 0;
}

bool query_admits(const struct query *query, const char *content_type, const char *owner,
                  int64_t created_at)
{
    bool asked[QUERY_KEYS_MAX] = {0}, holds[QUERY_KEYS_MAX] = {0};
    for (int i = 0; i < query->filter_count; i++) {
        const struct query_filter *filter = &query->filters[i];
        bool held = filter_holds(filter, content_type, owner);
        if (filter->exclude && held)
            return false;
        asked[filter->key] |= !filter->exclude;
        holds[filter->key] |= !filter->exclude && held;
    }
    for (int key = 0; key < QUERY_KEYS_MAX; key++)
        if (asked[key] && !holds[key])
            return false;
    return (query->since == 0 || created_at >= query->since) &&
           (query->before == 0 || created_at < query->before);
}
