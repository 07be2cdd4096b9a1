/* Time: wall clock for facts, boot clock for intervals. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define US_PER_MS ((int64_t)1000)
#define US_PER_S  ((int64_t)1000000)

int64_t clock_now(void);  /* microseconds since 1970 UTC */
int64_t clock_tick(void); /* microseconds, CLOCK_BOOTTIME; only differences mean something */

struct timespec clock_until(int64_t micros); /* from now on, of CLOCK_MONOTONIC */
void clock_rest(int64_t micros);             /* sleeps */

/* "2026-11-24T06:43:29.123456Z"; 0 gives "". `text` has room for CLOCK_TEXT_SIZE. */
#define CLOCK_TEXT_SIZE 32
char *clock_format(int64_t time, char text[CLOCK_TEXT_SIZE]);

/* The other way round, also with another fraction and with +01:00; -1 where it is none. */
int64_t clock_parse(const char *text);

/* "90s", "2h", "30d", "1500ms", "1h30m": microseconds, or -1 where it is none. */
int64_t duration_parse(const char *text);

#endif
