/* Colours, widths, tables. */
#include "cli/out.h"

#include "base/error.h"
#include "cli/text.h"

#include <assert.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool colours[3]; /* by descriptor */

static bool shows_colour(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) && (!term || strcmp(term, "dumb") != 0);
}

void out_init(bool no_color)
{
    const char *refused = getenv("NO_COLOR");
    setlocale(LC_CTYPE, "C.UTF-8");
    if (no_color || (refused && *refused))
        return;
    colours[STDOUT_FILENO] = shows_colour(STDOUT_FILENO);
    colours[STDERR_FILENO] = shows_colour(STDERR_FILENO);
}

bool out_terminal(void)
{
    return isatty(STDOUT_FILENO);
}

size_t out_width_of(FILE *stream)
{
    struct winsize size = {0};
    if (!isatty(fileno(stream)))
        return 0;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) < 0 || size.ws_col < 20)
        return 80;
    return size.ws_col;
}

size_t out_width(void)
{
    return out_width_of(stdout);
}

const char *out_colour(FILE *stream, enum colour colour)
{
    static const char *const codes[] = {
        [PLAIN] = "\033[0m",  [BOLD] = "\033[1m",    [DIM] = "\033[2m",  [RED] = "\033[31m",
        [GREEN] = "\033[32m", [YELLOW] = "\033[33m", [CYAN] = "\033[36m"};
    return colours[fileno(stream)] ? codes[colour] : "";
}

static const struct {
    enum colour colour;
    const char *sign;
} statuses[DQ_STATUS_MAX] = {
    [DQ_PENDING] = {DIM, "·"}, [DQ_IN_PROGRESS] = {CYAN, "▸"}, [DQ_COMPLETED] = {GREEN, "✓"},
    [DQ_FAILED] = {RED, "✗"},  [DQ_CANCELLED] = {YELLOW, "–"},
};

enum colour out_status_colour(enum dq_status status)
{
    return statuses[status].colour;
}

const char *out_status_sign(enum dq_status status)
{
    return statuses[status].sign;
}

void out_json(json_t *object)
{
    if (json_dumpf(object, stdout, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
        bug("a JSON line cannot be written");
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

void out_field(const char *label, const char *text)
{
    if (!text || !*text)
        return;
    size_t size = strlen(text) * 4 + 16;
    char *clean = malloc(size);
    if (!clean)
        bug("out of memory");
    text_clean(text, 0, clean, size);
    printf("  %s%-10s%s %s\n", out_colour(stdout, DIM), label, out_colour(stdout, PLAIN), clean);
    free(clean);
}

const char *out_id(const char *id, char text[DQ_ID_SIZE])
{
    if (!out_terminal())
        return id;
    snprintf(text, OUT_ID_COLUMNS + 1, "%s", id);
    return text;
}

void table_add(struct table *table, enum colour colour, const char *text)
{
    if (table->count == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : 64;
        table->cells = realloc(table->cells, table->capacity * sizeof *table->cells);
        if (!table->cells)
            bug("out of memory");
    }
    size_t size = strlen(text) * 4 + 16;
    char *clean = malloc(size);
    if (!clean)
        bug("out of memory");
    text_clean(text, 0, clean, size);
    table->cells[table->count++] = (struct cell){clean, colour};
}

static size_t columns_of(const char *text)
{
    char scratch[4096];
    return text_clean(text, 0, scratch, sizeof scratch);
}

/* Prints one cell, filled up with blanks on the side the column asks for. */
static void print_cell(const char *text, enum colour colour, size_t width, size_t cut, bool right)
{
    char shown[4096];
    size_t used = text_clean(text, cut, shown, sizeof shown);
    int blanks = width > used ? (int)(width - used) : 0;
    const char *begin = colour == PLAIN ? "" : out_colour(stdout, colour);
    printf("%*s%s%s%s%*s", right ? blanks : 0, "", begin, shown,
           *begin ? out_colour(stdout, PLAIN) : "", right ? 0 : blanks, "");
}

static void print_row(const struct table *table, const size_t *widths, size_t columns,
                      const struct cell *cells)
{
    size_t limit = out_width(), used = 0;
    for (size_t i = 0; i < columns; i++) {
        bool last = i + 1 == columns, right = table->titles[i][0] == '>';
        size_t cut = limit && last ? (limit > used + 8 ? limit - used : 8) : 0;
        const char *text = cells ? cells[i].text : table->titles[i] + right;
        print_cell(text, cells ? cells[i].colour : DIM, last && !right ? 0 : widths[i], cut, right);
        if (!last)
            fputs("  ", stdout);
        used += widths[i] + 2;
    }
    putchar('\n');
}

void table_print(struct table *table)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0}, columns = 0;
    while (table->titles[columns]) {
        widths[columns] = columns_of(table->titles[columns]);
        columns++;
    }
    assert(columns > 0);
    for (size_t i = 0; i < table->count; i++) {
        size_t width = columns_of(table->cells[i].text);
        if (width > widths[i % columns])
            widths[i % columns] = width;
    }
    print_row(table, widths, columns, NULL);
    for (size_t i = 0; i + columns <= table->count; i += columns)
        print_row(table, widths, columns, table->cells + i);
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i].text);
    free(table->cells);
    *table = (struct table){.titles = table->titles};
}
