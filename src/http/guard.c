/* The shape of request lines and headers: what two readers could understand differently is
 * refused here, before any parser sees it. */
#include "http/guard.h"

#include "base/error.h"
#include "http/parser.h"

#include <string.h>

#define HOST_BYTES_MAX 255
#define VERSION_BYTES  8 /* "HTTP/1.1" */

bool guard_text_byte(unsigned char byte)
{
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

bool guard_token_byte(unsigned char byte)
{
    if ((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
        (byte >= 'a' && byte <= 'z'))
        return true;
    return byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL;
}

static size_t token_length(const char *bytes, size_t length)
{
    size_t n = 0;
    while (n < length && guard_token_byte((unsigned char)bytes[n]))
        n++;
    return n;
}

bool guard_request_line(const char *line, size_t length)
{
    size_t method = token_length(line, length);
    if (method == 0 || method == length || line[method] != ' ')
        return false;
    const char *target = line + method + 1, *end = line + length;
    const char *space = memchr(target, ' ', (size_t)(end - target));
    if (!space || space == target || end - space != 1 + VERSION_BYTES)
        return false;
    for (const char *p = target; p < space; p++)
        if (*p <= 0x20 || *p >= 0x7f) /* bytes from 0x80 on are negative here */
            return false;
    return memcmp(space + 1, "HTTP/1.", VERSION_BYTES - 1) == 0 &&
           (end[-1] == '0' || end[-1] == '1');
}

int guard_minor(const char *head, size_t length)
{
    const char *end = memchr(head, '\r', length);
    return end && end > head ? end[-1] - '0' : 0;
}

bool guard_header_line(const char *line, size_t length)
{
    size_t name = token_length(line, length);
    if (name == 0 || name == length || line[name] != ':')
        return false;
    for (size_t i = name; i < length; i++)
        if (!guard_text_byte((unsigned char)line[i]))
            return false;
    return true;
}

bool guard_host(const char *host)
{
    static const char names[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    size_t name = 0;
    if (host[0] == '[') {
        name = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
        if (name == 1 || host[name++] != ']')
            return false;
    } else {
        name = strspn(host, names);
    }
    if (name == 0 || name > HOST_BYTES_MAX)
        return false;
    if (host[name] == '\0')
        return true;
    size_t port = strspn(host + name + 1, "0123456789");
    return host[name] == ':' && port > 0 && port <= 5 && host[name + 1 + port] == '\0';
}

static int malformed(dq_error *error, const char *what)
{
    return error_set(error, DQ_MALFORMED, "%s", what);
}

/* One line of the head, [start, end) without its CRLF. */
static int check_line(const char *bytes, size_t start, size_t end, const struct http_limits *limits,
                      dq_error *error)
{
    if (start == 0)
        return guard_request_line(bytes, end)
                   ? 0
                   : malformed(error, "The request line is not `METHOD /path HTTP/1.1`.");
    if (bytes[start] == ' ' || bytes[start] == '\t')
        return malformed(error, "A header must not be folded over several lines.");
    if (!guard_header_line(bytes + start, end - start))
        return malformed(error, "A header line is not `Name: value`.");
    int lines = 0;
    for (const char *p = bytes; (p = memchr(p, '\n', (size_t)(bytes + end - p))); p++)
        lines++;
    if (lines > limits->headers_max)
        return error_set(error, DQ_HEADERS, "More than headers-max (%d) headers.",
                         limits->headers_max);
    return 0;
}

/* More bytes are needed; too many already? */
static int check_size(const char *bytes, size_t start, size_t length,
                      const struct http_limits *limits, dq_error *error)
{
    if (start == 0 && length > limits->request_line_bytes_max)
        return error_set(error, DQ_HEADERS,
                         "The request line is longer than request-line-bytes-max (%zu).",
                         limits->request_line_bytes_max);
    if (length > limits->header_bytes_max)
        return error_set(error, DQ_HEADERS,
                         "The header section is longer than header-bytes-max (%zu).",
                         limits->header_bytes_max);
    for (size_t i = start; i < length; i++)
        if (!guard_text_byte((unsigned char)bytes[i]) && !(bytes[i] == '\r' && i + 1 == length))
            return malformed(error, "A control byte stands in the header section.");
    return 0;
}

/* *scanned is the start of the first line that has not been checked. */
ssize_t head_scan(const char *bytes, size_t length, size_t *scanned,
                  const struct http_limits *limits, dq_error *error)
{
    for (;;) {
        size_t start = *scanned;
        const char *newline = memchr(bytes + start, '\n', length - start);
        size_t end = newline ? (size_t)(newline - bytes) : length;
        int code = check_size(bytes, start, end, limits, error);
        if (code < 0)
            return code;
        if (!newline)
            return 0;
        if (end == start || bytes[end - 1] != '\r')
            return malformed(error, "A line must end with CR and LF.");
        *scanned = end + 1;
        if (end - 1 == start && start > 0)
            return (ssize_t)(end + 1);
        code = check_line(bytes, start, end - 1, limits, error);
        if (code < 0)
            return code;
    }
}
