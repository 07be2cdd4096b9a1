/* logfmt lines, written whole with one system call. */
#include "base/log.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level threshold = LOG_INFO;

void log_set_level(enum log_level level)
{
    threshold = level;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    char line[2048], now[CLOCK_TEXT_SIZE];
    if (level > threshold)
        return;
    int length = snprintf(line, sizeof line, "ts=%s level=%s event=%s ",
                          clock_format(clock_now(), now), names[level], event);
    va_list args;
    va_start(args, format);
    vsnprintf(line + length, sizeof line - (size_t)length - 1, format, args);
    va_end(args);
    size_t end = strlen(line);
    line[end] = '\n';
    (void)!write(STDERR_FILENO, line, end + 1);
}

char *log_quote(const char *text, char *out, unsigned size)
{
    unsigned used = 0;
    out[used++] = '"';
    for (; *text && used + 6 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 32 || c == 127)
            used += (unsigned)snprintf(out + used, size - used, "\\x%02x", c);
        else {
            if (c == '"' || c == '\\')
                out[used++] = '\\';
            out[used++] = (char)c;
        }
    }
    out[used++] = '"';
    out[used] = '\0';
    return out;
}
