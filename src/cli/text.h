/* Words and numbers as people write and read them. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include "base/nearest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_SIZE 48 /* room for any of the short texts below */

bool text_number(const char *text, int64_t *ret_number);
bool text_bytes(const char *text, int64_t *ret_bytes); /* "64MiB", "1GB", "4096" */

char *text_of_bytes(int64_t bytes, char text[TEXT_SIZE]); /* "1.2 MiB" */
char *text_of_duration(int64_t us, char text[TEXT_SIZE]); /* "0.31 s", "2 m 5 s", "3 d 4 h" */
char *text_of_age(int64_t time, int64_t now, char *text); /* "3 s ago", "in 5 m", "never" */
char *text_of_setting_bytes(int64_t bytes, char *text);   /* "64MiB", exact */
char *text_of_setting_duration(int64_t us, char *text);   /* "90s", exact */

/* Copies `text` with control bytes and broken UTF-8 made harmless for a terminal ('?'), cut to
 * `columns` with an ellipsis (0 = not cut). Returns the columns used. */
size_t text_clean(const char *text, size_t columns, char *out, size_t size);

#endif
