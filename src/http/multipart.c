/* The state machine of multipart/form-data. A delimiter is CRLF, two hyphens and the boundary; as
 * the boundary holds no CR, a broken match can only begin anew at the byte that broke it. */
#include "http/multipart.h"

#include "base/buf.h"
#include "base/error.h"
#include "http/guard.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_BYTES_MAX 70
#define DELIMITER_SIZE     (BOUNDARY_BYTES_MAX + 5)
#define MEDIA_TYPE         "multipart/form-data"

enum state {
    PREAMBLE,     /* the first delimiter, its CRLF thought before the first byte */
    DELIMITED,    /* behind a delimiter: CR or '-' */
    DELIMITED_LF, /* behind its CR */
    CLOSING,      /* behind its first '-' */
    CLOSED,       /* behind "--": nothing, or one CRLF */
    CLOSED_LF,
    ENDED,
    HEADER,
    DATA,
};

struct multipart {
    enum state state;
    char delimiter[DELIMITER_SIZE];
    size_t delimiter_length, matched;
    struct buf header; /* of the part, its line ends included */
    int parts;
    struct multipart_limits limits;
    const struct multipart_events *events;
    void *context;
    struct disposition part;
};

bool multipart_is(const char *content_type)
{
    size_t length = sizeof MEDIA_TYPE - 1;
    return content_type && strncasecmp(content_type, MEDIA_TYPE, length) == 0 &&
           (content_type[length] == '\0' || strchr("; \t", content_type[length]));
}

/* The boundary parameter into `out`; false where there is no sound one. */
static bool find_boundary(const char *content_type, char out[BOUNDARY_BYTES_MAX + 1])
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789'()+_,-./:=? ";
    const char *at = strchr(content_type, ';');
    while (at) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, "boundary=", 9) == 0)
            break;
        at = strchr(at, ';');
    }
    if (!at)
        return false;
    at += 9;
    bool quoted = *at == '"';
    at += quoted;
    size_t length = quoted ? strcspn(at, "\"") : strcspn(at, "; \t");
    if (length == 0 || length > BOUNDARY_BYTES_MAX || strspn(at, allowed) < length ||
        at[length - 1] == ' ' || (quoted && at[length] != '"'))
        return false;
    memcpy(out, at, length);
    out[length] = '\0';
    return true;
}

struct multipart *multipart_new(const char *content_type, const struct multipart_limits *limits,
                                const struct multipart_events *events, void *context,
                                dq_error *error)
{
    char boundary[BOUNDARY_BYTES_MAX + 1];
    if (!find_boundary(content_type, boundary)) {
        error_set(error, DQ_MALFORMED, "The Content-Type has no boundary of 1 to 70 characters.");
        return NULL;
    }
    struct multipart *multipart = calloc(1, sizeof *multipart);
    if (!multipart)
        bug("out of memory");
    size_t length = strlen(boundary);
    memcpy(multipart->delimiter, "\r\n--", 4);
    memcpy(multipart->delimiter + 4, boundary, length + 1);
    multipart->delimiter_length = length + 4;
    multipart->matched = 2;
    multipart->header = BUF(limits->header_bytes_max);
    multipart->limits = *limits;
    multipart->events = events;
    multipart->context = context;
    return multipart;
}

void multipart_free(struct multipart *multipart)
{
    if (!multipart)
        return;
    buf_free(&multipart->header);
    free(multipart);
}

static int malformed(dq_error *error, const char *what)
{
    return error_set(error, DQ_MALFORMED, "The multipart body is broken: %s.", what);
}

/* One header line, NUL-terminated. Encodings other than the identity are refused, the part's own
 * Content-Type is not believed and so not read. */
static int header_line(struct multipart *multipart, char *line, bool *disposed, dq_error *error)
{
    if (!guard_header_line(line, strlen(line)))
        return malformed(error, "a part's header line is not `Name: value`");
    char *colon = strchr(line, ':');
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    *colon = '\0';
    if (strcasecmp(line, "content-transfer-encoding") == 0 && strcasecmp(value, "binary") != 0 &&
        strcasecmp(value, "8bit") != 0 && strcasecmp(value, "7bit") != 0)
        return malformed(error, "a Content-Transfer-Encoding is not binary");
    if (strcasecmp(line, "content-disposition") != 0)
        return 0;
    if (*disposed)
        return malformed(error, "a part has two Content-Dispositions");
    *disposed = true;
    return disposition_parse(value, &multipart->part, error);
}

/* The header is whole: its lines, each ended by CRLF, without the empty one. */
static int header_end(struct multipart *multipart, dq_error *error)
{
    bool disposed = false;
    char *line = multipart->header.bytes, *end = line + multipart->header.length - 2;
    while (line < end) {
        char *cr = memchr(line, '\r', (size_t)(end + 1 - line));
        if (!cr || cr[1] != '\n' || memchr(line, '\0', (size_t)(cr - line)))
            return malformed(error, "a part's header has a bare CR or a NUL in it");
        *cr = '\0';
        int code = header_line(multipart, line, &disposed, error);
        if (code < 0)
            return code;
        line = cr + 2;
    }
    if (!disposed || strcmp(multipart->part.type, "form-data") != 0 || !multipart->part.has_name)
        return malformed(error, "a part is not `form-data; name=...`");
    if (++multipart->parts > multipart->limits.parts_max)
        return error_set(error, DQ_TOO_LARGE, "More than multipart-parts-max (%d) parts.",
                         multipart->limits.parts_max);
    buf_clear(&multipart->header);
    multipart->state = DATA;
    return multipart->events->begin(multipart->context, &multipart->part, error);
}

static int header_byte(struct multipart *multipart, char byte, dq_error *error)
{
    struct buf *header = &multipart->header;
    if (!buf_append(header, &byte, 1))
        return error_set(error, DQ_TOO_LARGE,
                         "A part's header is longer than multipart-header-bytes-max (%zu).",
                         multipart->limits.header_bytes_max);
    size_t length = header->length;
    if (byte != '\n')
        return 0;
    if (length < 2 || header->bytes[length - 2] != '\r')
        return malformed(error, "a line of a part's header ends without CR");
    bool blank = length == 2 || header->bytes[length - 3] == '\n';
    return blank ? header_end(multipart, error) : 0;
}

static int emit(struct multipart *multipart, const char *bytes, size_t length, dq_error *error)
{
    return length ? multipart->events->data(multipart->context, bytes, length, error) : 0;
}

static int delimiter_found(struct multipart *multipart, dq_error *error)
{
    bool first = multipart->state == PREAMBLE;
    multipart->matched = 0;
    multipart->state = DELIMITED;
    return first ? 0 : multipart->events->end(multipart->context, error);
}

/* Goes on with a delimiter that an earlier piece began. Returns bytes used. */
static ssize_t resume_match(struct multipart *multipart, const char *bytes, size_t length,
                            dq_error *error)
{
    size_t used = 0;
    while (used < length && multipart->matched < multipart->delimiter_length &&
           bytes[used] == multipart->delimiter[multipart->matched]) {
        used++;
        multipart->matched++;
    }
    int code = 0;
    if (multipart->matched == multipart->delimiter_length) {
        code = delimiter_found(multipart, error);
    } else if (used < length) {
        size_t matched = multipart->matched;
        if (multipart->state == PREAMBLE)
            return malformed(error, "it does not begin with its boundary");
        multipart->matched = 0;
        code = emit(multipart, multipart->delimiter, matched, error);
    }
    return code < 0 ? code : (ssize_t)used;
}

/* How many of the last bytes may be the begin of a delimiter. */
static size_t open_tail(const struct multipart *multipart, const char *bytes, size_t length)
{
    size_t window = multipart->delimiter_length - 1;
    if (window > length)
        window = length;
    const char *cr = memrchr(bytes + length - window, '\r', window);
    size_t tail = cr ? (size_t)(bytes + length - cr) : 0;
    return tail && memcmp(cr, multipart->delimiter, tail) == 0 ? tail : 0;
}

static ssize_t take_data(struct multipart *multipart, const char *bytes, size_t length,
                         dq_error *error)
{
    if (multipart->matched > 0)
        return resume_match(multipart, bytes, length, error);
    const char *found = memmem(bytes, length, multipart->delimiter, multipart->delimiter_length);
    size_t data = found ? (size_t)(found - bytes) : length - open_tail(multipart, bytes, length);
    int code = emit(multipart, bytes, data, error);
    if (code < 0)
        return code;
    if (!found) {
        multipart->matched = length - data;
        return (ssize_t)length;
    }
    code = delimiter_found(multipart, error);
    return code < 0 ? code : (ssize_t)(data + multipart->delimiter_length);
}

static const struct {
    enum state from;
    char byte;
    enum state to;
} moves[] = {
    {DELIMITED, '\r', DELIMITED_LF}, {DELIMITED, '-', CLOSING}, {DELIMITED_LF, '\n', HEADER},
    {CLOSING, '-', CLOSED},          {CLOSED, '\r', CLOSED_LF}, {CLOSED_LF, '\n', ENDED},
};

static int fixed_byte(struct multipart *multipart, char byte, dq_error *error)
{
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        if (moves[i].from == multipart->state && moves[i].byte == byte) {
            multipart->state = moves[i].to;
            return 0;
        }
    }
    return malformed(error, "something stands behind a boundary");
}

int multipart_write(struct multipart *multipart, const char *bytes, size_t length, dq_error *error)
{
    while (length > 0) {
        ssize_t used = 1;
        int code = 0;
        if (multipart->state == DATA || multipart->state == PREAMBLE)
            code = (int)(used = take_data(multipart, bytes, length, error));
        else if (multipart->state == HEADER)
            code = header_byte(multipart, *bytes, error);
        else
            code = fixed_byte(multipart, *bytes, error);
        if (code < 0)
            return code;
        bytes += used;
        length -= (size_t)used;
    }
    return 0;
}

int multipart_finish(const struct multipart *multipart, dq_error *error)
{
    if (multipart->state == CLOSED || multipart->state == ENDED)
        return 0;
    return malformed(error, "the closing boundary is missing");
}
