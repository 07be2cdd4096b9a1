/* What goes to stdout: colours only on a terminal, aligned tables cut to its width, JSON lines. */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <docq.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum colour { PLAIN, BOLD, DIM, RED, GREEN, YELLOW, CYAN };

void out_init(bool no_color);
bool out_terminal(void); /* stdout is one */
size_t out_width(void);  /* columns; 0 = not a terminal, do not cut */
size_t out_width_of(FILE *stream);

/* Escape sequence that begins a colour on `stream`, or "" where it shows none. */
const char *out_colour(FILE *stream, enum colour colour);
enum colour out_status_colour(enum dq_status status);
const char *out_status_sign(enum dq_status status); /* one column */

/* Prints one JSON object on a line of its own and gives the reference back. */
void out_json(json_t *object);

/* "  label     text", cleaned for the terminal; nothing where text is NULL or "". */
void out_field(const char *label, const char *text);

/* Id as it is shown: whole in a pipe, cut to what is unique enough on a terminal. */
#define OUT_ID_COLUMNS 18
const char *out_id(const char *id, char text[DQ_ID_SIZE]);

#define TABLE_COLUMNS_MAX 10
struct table {
    const char *const *titles; /* NULL-terminated; a title beginning with '>' aligns right */
    struct cell {
        char *text;
        enum colour colour;
    } * cells;
    size_t count, capacity;
};

void table_add(struct table *table, enum colour colour, const char *text); /* copies */
void table_print(struct table *table); /* the last column is cut where the line is too long */
void table_free(struct table *table);
#define autotable __attribute__((cleanup(table_free))) struct table

#endif
