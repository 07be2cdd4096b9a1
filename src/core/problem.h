/* Failures of one kind: the same code, and the same message but for its numbers and names. */
#ifndef CORE_PROBLEM_H
#define CORE_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>

#define PROBLEM_KEY_SIZE  13  /* 12 hexadecimal characters */
#define PROBLEM_TEXT_SIZE 256 /* what of a message counts */

/* Numbers, ids, quoted words and runs of space are made alike. NULL is an empty message. */
void problem_text(const char *message, char ret_text[PROBLEM_TEXT_SIZE]);

/* The key of the kind: what `problem:` in a filter means. */
void problem_key(const char *code, const char *message, char ret_key[PROBLEM_KEY_SIZE]);

#endif
