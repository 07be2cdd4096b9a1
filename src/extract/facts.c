/* Dates come as ISO 8601 with more or less of it; languages with underscores and encodings. */
#include "extract/facts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LANGUAGE_PART_MAX = 8, TEXT_SIZE = 80 };

/* `digits` digits, in a range. */
static bool take(const char **at, int digits, int min, int max, int *ret)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)(*at)[i]))
            return false;
        value = value * 10 + (*at)[i] - '0';
    }
    *at += digits;
    *ret = value;
    return value >= min && value <= max;
}

static bool take_char(const char **at, const char *any)
{
    if (**at == '\0' || !strchr(any, **at))
        return false;
    (*at)++;
    return true;
}

/* Z, +02:00 or +0200: minutes east. */
static bool take_zone(const char **at, int *ret_minutes)
{
    int hours = 0, minutes = 0;
    char sign = **at;
    *ret_minutes = 0;
    if (take_char(at, "Zz"))
        return true;
    if (!take_char(at, "+-") || !take(at, 2, 0, 14, &hours))
        return false;
    take_char(at, ":");
    if (**at && !take(at, 2, 0, 59, &minutes))
        return false;
    *ret_minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

/* HH:MM, then seconds and their fraction, which is dropped. */
static bool take_clock(const char **at, struct tm *tm)
{
    if (!take(at, 2, 0, 23, &tm->tm_hour) || !take_char(at, ":") ||
        !take(at, 2, 0, 59, &tm->tm_min))
        return false;
    if (take_char(at, ":") && !take(at, 2, 0, 60, &tm->tm_sec))
        return false;
    if (take_char(at, ".,"))
        *at += strspn(*at, "0123456789");
    *at += strspn(*at, " ");
    return true;
}

static bool write_time(struct tm tm, const char *zone, char text[TEXT_SIZE])
{
    int minutes = 0;
    bool has_zone = *zone != '\0';
    if (has_zone && (!take_zone(&zone, &minutes) || *zone))
        return false;
    if (has_zone) {
        time_t time = timegm(&tm) - (time_t)minutes * 60;
        if (!gmtime_r(&time, &tm))
            return false;
    }
    return strftime(text, TEXT_SIZE, has_zone ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%dT%H:%M:%S", &tm) >
           0;
}

/* A year, a month or a day stays one; more becomes a full time. */
static bool normal_time(const char *value, char text[TEXT_SIZE])
{
    const char *at = value;
    int year = 0, month = 1, day = 1;
    struct tm tm = {0};
    bool good = take(&at, 4, 1, 9999, &year);
    if (good && *at == '-')
        good = take_char(&at, "-") && take(&at, 2, 1, 12, &month);
    if (good && *at == '-')
        good = take_char(&at, "-") && take(&at, 2, 1, 31, &day);
    if (!good)
        return false;
    if (*at == '\0')
        return snprintf(text, TEXT_SIZE, "%s", value) < TEXT_SIZE;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    return at - value == 10 && take_char(&at, "Tt ") && take_clock(&at, &tm) &&
           write_time(tm, at, text);
}

/* de_DE.UTF-8 -> de-DE. */
static bool normal_language(const char *value, char text[TEXT_SIZE])
{
    size_t length = strcspn(value, ".@"), part = 0;
    if (length < 2 || length > DQ_LANGUAGE_BYTES_MAX || !isalpha((unsigned char)value[0]))
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = value[i] == '_' ? '-' : value[i];
        part = c == '-' ? 0 : part + 1;
        if ((c != '-' && !isalnum((unsigned char)c)) || part > LANGUAGE_PART_MAX)
            return false;
        text[i] = c;
    }
    text[length] = '\0';
    return part > 0;
}

bool fact_normalize(enum fact fact, struct buf *value)
{
    char text[TEXT_SIZE];
    bool time = fact == FACT_CREATED || fact == FACT_MODIFIED;
    if (!time && fact != FACT_LANGUAGE)
        return true;
    if (value->length == 0 || value->length >= TEXT_SIZE ||
        !(time ? normal_time(value->bytes, text) : normal_language(value->bytes, text)))
        return false;
    buf_clear(value);
    return buf_puts(value, text);
}
