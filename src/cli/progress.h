/* Lines on stderr that change while something goes on; only on a terminal, else nothing. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool live;
    unsigned lines; /* shown now */
    unsigned turn;  /* of the spinner */
};

void progress_begin(struct progress *progress, bool quiet);
void progress_clear(struct progress *progress);      /* takes the changing lines away */
bool progress_room(const struct progress *progress); /* one more line fits */
void progress_line(struct progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "━━━━━━──── 62 %", or a spinner where the total is unknown. Returns `text`. */
#define PROGRESS_BAR_SIZE 128
char *progress_bar(struct progress *progress, int64_t done, int64_t total,
                   char text[PROGRESS_BAR_SIZE]);

#endif
