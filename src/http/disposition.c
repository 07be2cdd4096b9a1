/* Content-Disposition. */
#include "http/disposition.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/utf8.h"
#include "http/guard.h"
#include "http/path.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define PARAMETER_SIZE 32
#define FALLBACK_BYTES 100
#define CHARSET        "UTF-8''"

struct cursor {
    const char *at;
};

static void skip_blanks(struct cursor *cursor)
{
    cursor->at += strspn(cursor->at, " \t");
}

/* Copies a token in lower case; false: none, or it does not fit. */
static bool take_token(struct cursor *cursor, char *out, size_t size)
{
    size_t n = 0;
    for (; guard_token_byte((unsigned char)*cursor->at); cursor->at++) {
        if (n + 1 == size)
            return false;
        out[n++] = (char)tolower((unsigned char)*cursor->at);
    }
    out[n] = '\0';
    return n > 0;
}

/* Browsers write quotes and line ends of a name as %22, %0D and %0A, and nothing else so. */
static char unescape(struct cursor *cursor)
{
    static const struct {
        char text[4];
        char byte;
    } escapes[] = {{"%22", '"'}, {"%0D", '\r'}, {"%0A", '\n'}};
    const char *at = cursor->at;
    if (at[0] == '\\' && (at[1] == '"' || at[1] == '\\')) {
        cursor->at += 2;
        return at[1];
    }
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        if (strncasecmp(at, escapes[i].text, 3) == 0) {
            cursor->at += 3;
            return escapes[i].byte;
        }
    }
    cursor->at++;
    return at[0];
}

static bool take_quoted(struct cursor *cursor, char *out, size_t size)
{
    size_t n = 0;
    cursor->at++;
    while (*cursor->at && *cursor->at != '"') {
        if (n + 1 == size)
            return false;
        out[n++] = unescape(cursor);
    }
    out[n] = '\0';
    return *cursor->at++ == '"';
}

static bool take_value(struct cursor *cursor, char *out, size_t size)
{
    if (*cursor->at == '"')
        return take_quoted(cursor, out, size);
    size_t n = 0;
    for (; *cursor->at && !strchr("; \t\"", *cursor->at); cursor->at++) {
        if (n + 1 == size)
            return false;
        out[n++] = *cursor->at;
    }
    out[n] = '\0';
    return n > 0;
}

/* UTF-8''na%20me, in place. An escaped NUL is an error. */
static bool decode_extended(char *value)
{
    size_t prefix = sizeof CHARSET - 1;
    if (strncasecmp(value, CHARSET, prefix) != 0)
        return false;
    int length = percent_decode(value + prefix, strlen(value + prefix), value, false);
    if (length < 0 || memchr(value, '\0', (size_t)length))
        return false;
    value[length] = '\0';
    return true;
}

static bool take_parameter(struct cursor *cursor, struct disposition *out, bool *extended)
{
    char parameter[PARAMETER_SIZE], value[DISPOSITION_FILE_SIZE];
    if (!take_token(cursor, parameter, sizeof parameter) || *cursor->at++ != '=' ||
        !take_value(cursor, value, sizeof value))
        return false;
    if (strcmp(parameter, "name") == 0) {
        if (out->has_name || strlen(value) >= sizeof out->name)
            return false;
        memcpy(out->name, value, strlen(value) + 1);
        out->has_name = true;
    }
    bool star = strcmp(parameter, "filename*") == 0;
    if (!star && strcmp(parameter, "filename") != 0)
        return true;
    if ((star ? *extended : out->has_filename && !*extended) || (star && !decode_extended(value)))
        return false;
    if (star || !*extended)
        memcpy(out->filename, value, strlen(value) + 1);
    out->has_filename = true;
    *extended = *extended || star;
    return true;
}

int disposition_parse(const char *value, struct disposition *ret, dq_error *error)
{
    struct cursor cursor = {value};
    bool extended = false;
    ret->has_name = ret->has_filename = false;
    ret->name[0] = ret->filename[0] = '\0';
    bool sound = take_token(&cursor, ret->type, sizeof ret->type);
    while (sound) {
        skip_blanks(&cursor);
        if (*cursor.at == '\0')
            return 0;
        sound = *cursor.at++ == ';';
        skip_blanks(&cursor);
        if (sound && *cursor.at == '\0')
            return 0;
        sound = sound && take_parameter(&cursor, ret, &extended);
    }
    return error_set(error, DQ_MALFORMED, "A Content-Disposition header cannot be read.");
}

const char *filename_check(const char *filename, dq_error *error)
{
    size_t length = strlen(filename);
    if (length > DQ_FILENAME_BYTES_MAX) {
        error_field(error, DQ_INVALID, "/filename", "The filename is longer than %d bytes.",
                    DQ_FILENAME_BYTES_MAX);
        return NULL;
    }
    bool clean = utf8_valid(filename, length);
    for (size_t i = 0; i < length; i++)
        clean = clean && (unsigned char)filename[i] >= 0x20 && filename[i] != 0x7f;
    if (!clean) {
        error_field(error, DQ_INVALID, "/filename",
                    "The filename has control characters in it or is not UTF-8.");
        return NULL;
    }
    const char *last = filename;
    for (const char *p = filename; *p; p++)
        if (*p == '/' || *p == '\\')
            last = p + 1;
    bool nothing = last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
    return nothing ? "document" : last;
}

void disposition_write(struct buf *out, const char *filename)
{
    buf_puts(out, "attachment; filename=\"");
    size_t n = 0;
    for (const char *p = filename; *p && n < FALLBACK_BYTES; p++, n++) {
        char plain = *p >= 0x20 && *p < 0x7f && !strchr("\"\\%/;", *p) ? *p : '_';
        buf_append(out, &plain, 1);
    }
    buf_puts(out, "\"; filename*=" CHARSET);
    percent_encode(out, filename);
}
