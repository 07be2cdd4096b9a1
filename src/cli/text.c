/* Units, and text made safe for a terminal. */
#include "cli/text.h"

#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

bool text_number(const char *text, int64_t *ret_number)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || end == text || *end || isspace((unsigned char)*text))
        return false;
    *ret_number = number;
    return true;
}

static const struct {
    const char *name;
    int64_t bytes;
} byte_units[] = {
    {"TiB", (int64_t)1 << 40},
    {"GiB", 1 << 30},
    {"MiB", 1 << 20},
    {"KiB", 1 << 10},
    {"TB", 1000000000000},
    {"GB", 1000000000},
    {"MB", 1000000},
    {"kB", 1000},
    {"T", (int64_t)1 << 40},
    {"G", 1 << 30},
    {"M", 1 << 20},
    {"K", 1 << 10},
    {"B", 1},
    {"", 1},
};
enum { BYTE_UNITS = sizeof byte_units / sizeof byte_units[0] };

bool text_bytes(const char *text, int64_t *ret_bytes)
{
    char *end = NULL;
    errno = 0;
    if (!isdigit((unsigned char)*text))
        return false;
    long long number = strtoll(text, &end, 10);
    if (errno)
        return false;
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < BYTE_UNITS; i++)
        if (strcasecmp(end, byte_units[i].name) == 0)
            return !__builtin_mul_overflow((int64_t)number, byte_units[i].bytes, ret_bytes);
    return false;
}

char *text_of_bytes(int64_t bytes, char text[TEXT_SIZE])
{
    for (size_t i = 0; i < 4; i++)
        if (bytes >= byte_units[i].bytes) {
            snprintf(text, TEXT_SIZE, "%.1f %s", (double)bytes / (double)byte_units[i].bytes,
                     byte_units[i].name);
            return text;
        }
    snprintf(text, TEXT_SIZE, "%lld B", (long long)bytes);
    return text;
}

char *text_of_setting_bytes(int64_t bytes, char *text)
{
    size_t i = 0;
    while (i < 4 && (bytes == 0 || bytes % byte_units[i].bytes != 0))
        i++;
    if (i < 4)
        snprintf(text, TEXT_SIZE, "%lld%s", (long long)(bytes / byte_units[i].bytes),
                 byte_units[i].name);
    else
        snprintf(text, TEXT_SIZE, "%lld", (long long)bytes);
    return text;
}

static const struct {
    const char *name;
    int64_t us;
} time_units[] = {{"d", 86400 * US_PER_S}, {"h", 3600 * US_PER_S}, {"m", 60 * US_PER_S},
                  {"s", US_PER_S},         {"ms", US_PER_MS},      {"us", 1}};

char *text_of_setting_duration(int64_t us, char *text)
{
    size_t i = 0;
    while (us % time_units[i].us != 0)
        i++;
    if (us == 0)
        i = 3;
    snprintf(text, TEXT_SIZE, "%lld%s", (long long)(us / time_units[i].us), time_units[i].name);
    return text;
}

char *text_of_duration(int64_t us, char text[TEXT_SIZE])
{
    if (us < 0)
        us = 0;
    if (us < 60 * US_PER_S) {
        snprintf(text, TEXT_SIZE, "%.*f s", us < 10 * US_PER_S ? 2 : 1,
                 (double)us / (double)US_PER_S);
        return text;
    }
    size_t i = 0;
    while (us < time_units[i].us)
        i++;
    snprintf(text, TEXT_SIZE, "%lld %s %lld %s", (long long)(us / time_units[i].us),
             time_units[i].name, (long long)(us % time_units[i].us / time_units[i + 1].us),
             time_units[i + 1].name);
    return text;
}

char *text_of_age(int64_t time, int64_t now, char *text)
{
    int64_t age = now - time, size = age < 0 ? -age : age;
    size_t i = 0;
    while (i < 3 && size < time_units[i].us)
        i++;
    long long count = (long long)(size / time_units[i].us);
    if (time == 0)
        snprintf(text, TEXT_SIZE, "never");
    else if (count == 0)
        snprintf(text, TEXT_SIZE, "now");
    else if (age < 0)
        snprintf(text, TEXT_SIZE, "in %lld %s", count, time_units[i].name);
    else
        snprintf(text, TEXT_SIZE, "%lld %s ago", count, time_units[i].name);
    return text;
}

/* Characters that turn the direction of writing: a name could pose as another one. */
static bool turns_direction(wchar_t wide)
{
    return wide == 0x61c || wide == 0x200e || wide == 0x200f ||
           (wide >= 0x202a && wide <= 0x202e) || (wide >= 0x2066 && wide <= 0x2069);
}

/* One character of `text`: its bytes, and its columns, or -1 where a terminal should not see it. */
static size_t decode(const char *text, int *ret_columns)
{
    mbstate_t state = {0};
    wchar_t wide = 0;
    size_t length = mbrtowc(&wide, text, 4, &state);
    if (length == 0 || length > 4) {
        *ret_columns = -1;
        return 1;
    }
    *ret_columns = turns_direction(wide) ? -1 : wcwidth(wide);
    return length;
}

size_t text_clean(const char *text, size_t columns, char *out, size_t size)
{
    size_t used = 0, filled = 0, fit_used = 0, fit_filled = 0;
    while (*text && filled + 8 < size) {
        int width = 0;
        size_t length = decode(text, &width);
        size_t wide = width < 0 ? 1 : (size_t)width;
        if (columns && used + wide > columns) { /* back to where the ellipsis still fits */
            memcpy(out + fit_filled, "…", sizeof "…");
            return fit_used + 1;
        }
        if (width < 0)
            out[filled++] = '?';
        else {
            memcpy(out + filled, text, length);
            filled += length;
        }
        used += wide;
        text += length;
        if (!columns || used + 1 <= columns) {
            fit_used = used;
            fit_filled = filled;
        }
    }
    out[filled] = '\0';
    return used;
}
