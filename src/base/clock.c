/* Clocks and their text. */
#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t clock_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_tick(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

struct timespec clock_until(int64_t micros)
{
    int64_t until = read_clock(CLOCK_MONOTONIC) + micros;
    return (struct timespec){until / US_PER_S, until % US_PER_S * 1000};
}

void clock_rest(int64_t micros)
{
    struct timespec pause = {micros / US_PER_S, micros % US_PER_S * 1000};
    nanosleep(&pause, NULL);
}

char *clock_format(int64_t time, char text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(time / US_PER_S);
    struct tm tm;
    text[0] = '\0';
    if (time == 0 || !gmtime_r(&seconds, &tm))
        return text;
    size_t length = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + length, CLOCK_TEXT_SIZE - length, ".%06dZ", (int)(time % US_PER_S));
    return text;
}

int64_t clock_parse(const char *text)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    struct tm parts = {0};
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
            return -1;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!rest)
        return -1;
    int64_t micros = 0, unit = US_PER_S;
    if (*rest == '.')
        for (rest++; isdigit((unsigned char)*rest); rest++)
            micros += (unit /= 10) * (*rest - '0');
    int hours = 0, minutes = 0, used = 0;
    char sign = *rest;
    if (sign == '+' || sign == '-') {
        if (sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || rest[1 + used])
            return -1;
    } else if (sign != 'Z' || rest[1]) {
        return -1;
    }
    int64_t offset = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
    return ((int64_t)timegm(&parts) - offset) * US_PER_S + micros;
}

int64_t duration_parse(const char *text)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"ms", US_PER_MS},
                 {"us", 1},
                 {"s", US_PER_S},
                 {"m", 60 * US_PER_S},
                 {"h", 3600 * US_PER_S},
                 {"d", 86400 * US_PER_S},
                 {"w", 7 * 86400 * US_PER_S}};
    enum { UNITS = sizeof units / sizeof units[0] };
    int64_t sum = 0;
    if (!*text)
        return -1;
    while (*text) {
        char *end = NULL;
        if (!isdigit((unsigned char)*text))
            return -1;
        long value = strtol(text, &end, 10);
        size_t unit = 0;
        while (unit < UNITS && strncmp(end, units[unit].name, strlen(units[unit].name)) != 0)
            unit++;
        if (unit == UNITS || value > INT64_MAX / 4 / units[unit].us)
            return -1;
        sum += value * units[unit].us;
        if (sum > INT64_MAX / 4)
            return -1;
        text = end + strlen(units[unit].name);
    }
    return sum;
}
