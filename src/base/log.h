/* One logfmt line per event on stderr: `ts=... level=info event=worker_started pid=12`.
 * Only mains and the outermost loops log; all else returns errors. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level); /* default LOG_INFO */

/* `format` makes further key=value pairs; the caller quotes what may hold spaces with log_quote. */
void log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "text" in quotes with control bytes, quotes and backslashes escaped; cut where it would not fit.
 * Returns `out`. */
char *log_quote(const char *text, char *out, unsigned size);

#endif
