/* A plain socket, one request, one answer, closed. */
#include "cli/ask.h"

#include "base/error.h"
#include "base/fd.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { HEAD_BYTES = 2048, PIECE_BYTES = 64 * 1024 };

static void free_addresses(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}

/* "http://[::1]:80/" -> "::1", "80", and what goes into the Host header. */
static bool take_apart(const char *address, char host[256], char port[8], char authority[256])
{
    if (strncmp(address, "http://", 7) == 0)
        address += 7;
    snprintf(authority, 256, "%.*s", (int)strcspn(address, "/\r\n "), address);
    const char *colon = strrchr(authority, ':');
    if (!colon || strlen(colon + 1) > 5 || !colon[1])
        return false;
    snprintf(port, 8, "%.5s", colon + 1);
    if (authority[0] == '[')
        snprintf(host, 256, "%.*s", (int)strcspn(authority + 1, "]"), authority + 1);
    else
        snprintf(host, 256, "%.*s", (int)(colon - authority), authority);
    return true;
}

static int connect_to(const struct ask *ask, char authority[256], int *ret_fd, dq_error *error)
{
    char host[256], port[8];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    const struct timeval timeout = {.tv_sec = ask->timeout_ms / 1000,
                                    .tv_usec = ask->timeout_ms % 1000 * 1000};
    __attribute__((cleanup(free_addresses))) struct addrinfo *list = NULL;
    if (!take_apart(ask->address, host, port, authority))
        return error_set(error, DQ_INVALID, "\"%.100s\" is no address of a server", ask->address);
    if (getaddrinfo(host, port, &hints, &list) != 0)
        return error_set(error, DQ_UNREACHABLE, "cannot find the host %.100s", host);
    autoclose fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(error, "socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, list->ai_addr, list->ai_addrlen) < 0)
        return error_set(error, DQ_UNREACHABLE, "nobody answers at %.100s: %s", ask->address,
                         strerror(errno));
    *ret_fd = fd_take(&fd);
    return 0;
}

static int send_request(const struct ask *ask, int fd, const char *authority, dq_error *error)
{
    char head[HEAD_BYTES], piece[PIECE_BYTES], length[64] = "";
    if (ask->body_fd >= 0)
        snprintf(length, sizeof length, "Content-Length: %lld\r\n", (long long)ask->body_bytes);
    int used = snprintf(head, sizeof head,
                        "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: docq/" DOCQ_VERSION
                        "\r\nConnection: close\r\n%s\r\n",
                        ask->method, ask->target, authority, length);
    if (used >= (int)sizeof head)
        return error_set(error, DQ_INVALID, "the request is too long");
    if (fd_write_all(fd, head, (size_t)used) < 0)
        return error_set(error, DQ_UNREACHABLE, "the server hung up: %s", strerror(errno));
    for (int64_t left = ask->body_fd >= 0 ? ask->body_bytes : 0; left > 0;) {
        size_t want = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        ssize_t got = fd_read_some(ask->body_fd, piece, want);
        if (got <= 0)
            return error_set(error, DQ_INVALID, "the file became shorter while it was read");
        if (fd_write_all(fd, piece, (size_t)got) < 0)
            break; /* an early answer says why; read it */
        left -= got;
    }
    return 0;
}

static int read_answer(int fd, struct buf *body, dq_error *error)
{
    char piece[PIECE_BYTES];
    ssize_t got;
    while ((got = fd_read_some(fd, piece, sizeof piece)) > 0)
        if (!buf_append(body, piece, (size_t)got))
            return error_set(error, DQ_TOO_LARGE, "the server's answer is too long");
    if (got < 0 || body->length == 0)
        return error_set(error, DQ_UNREACHABLE, "the server did not answer%s%s",
                         got < 0 ? ": " : "", got < 0 ? strerror(errno) : "");
    char *end = strstr(body->bytes, "\r\n\r\n");
    if (!end || strncmp(body->bytes, "HTTP/1.", 7) != 0 || body->length < 12)
        return error_set(error, DQ_MALFORMED, "what answers there does not speak HTTP");
    int status = (int)strtol(body->bytes + 9, NULL, 10);
    buf_consume(body, (size_t)(end + 4 - body->bytes));
    return status;
}

int ask(const struct ask *ask, struct buf *body, dq_error *error)
{
    char authority[256];
    autoclose fd = -1;
    int code = connect_to(ask, authority, &fd, error);
    if (code == 0)
        code = send_request(ask, fd, authority, error);
    return code < 0 ? code : read_answer(fd, body, error);
}

char *ask_escape(const char *text, char *out, size_t size)
{
    size_t used = 0;
    for (; *text && used + 4 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~", c))
            out[used++] = (char)c;
        else
            used += (size_t)snprintf(out + used, size - used, "%%%02X", c);
    }
    out[used] = '\0';
    return out;
}
