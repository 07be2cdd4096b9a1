/* Tables of text (RFC 4180 and its looser relatives) as rows of tab-separated cells. */
#include "base/buf.h"
#include "base/error.h"
#include "extract/charset.h"
#include "extract/markdown.h"
#include "extract/parsers.h"

#include <stdbool.h>
#include <string.h>

#define LOOK_BYTES  ((size_t)64 * 1024) /* text that the delimiter is guessed from */
#define FLUSH_BYTES ((size_t)32 * 1024)
#define ROW_BYTES   ((size_t)1024 * 1024) /* longer rows are no rows of a Markdown table */

enum place { FIELD_START, PLAIN, QUOTED, QUOTE_IN_QUOTED };

struct table {
    struct emit *emit;
    struct buf head; /* text before the delimiter is known */
    struct buf out;  /* cells not emitted yet */
    struct buf row;  /* the row so far */
    struct buf markdown;
    size_t markdown_columns;
    char delimiter; /* 0: not known */
    enum place place;
    bool after_return;
    uint64_t rows, columns, row_columns;
};

static void buf_char(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}

/* The one that splits most lines into the same number of cells; ties go to the earlier. */
static char guess_delimiter(const char *text, size_t length)
{
    static const char candidates[] = ";\t|,";
    char best = ',';
    double best_score = 0;
    for (const char *candidate = candidates; *candidate; candidate++) {
        size_t count = 0, last = 0, lines = 0, same = 0, all = 0;
        bool quoted = false;
        for (size_t i = 0; i < length; i++) {
            quoted ^= text[i] == '"';
            count += !quoted && text[i] == *candidate;
            if (quoted || text[i] != '\n')
                continue;
            same += count > 0 && (count == last || lines == 0);
            all += count;
            lines++;
            last = count;
            count = 0;
        }
        double score =
            lines ? (double)same / (double)lines + (all + count > 0 ? 0.01 : 0) : (double)count;
        if (score > best_score) {
            best_score = score;
            best = *candidate;
        }
    }
    return best;
}

static int flush(struct table *table)
{
    int result = table->out.length ? emit_text(table->emit, table->out.bytes, table->out.length)
                                   : emit_status(table->emit, NULL);
    buf_clear(&table->out);
    return result;
}

static void put_markdown(struct table *table)
{
    if (!table->row.overflow)
        markdown_row(&table->markdown, table->row.length ? table->row.bytes : "", table->row.length,
                     &table->markdown_columns);
    if (!table->markdown.overflow && table->markdown.length)
        emit_markdown(table->emit, table->markdown.bytes, table->markdown.length);
    buf_clear(&table->row);
    buf_clear(&table->markdown);
}

static void end_row(struct table *table)
{
    buf_char(&table->out, '\n');
    put_markdown(table);
    table->rows++;
    if (++table->row_columns > table->columns)
        table->columns = table->row_columns;
    table->row_columns = 0;
    table->place = FIELD_START;
}

/* Inside of a cell a line end or tab is only a space. */
static void cell_char(struct table *table, char c)
{
    c = c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
    buf_char(&table->out, c);
    buf_char(&table->row, c);
}

static void outside_quotes(struct table *table, char c)
{
    if (c == table->delimiter) {
        buf_char(&table->out, '\t');
        buf_char(&table->row, '\t');
        table->row_columns++;
        table->place = FIELD_START;
    } else if (c == '\n' || c == '\r') {
        if (!(c == '\n' && table->after_return))
            end_row(table);
    } else {
        cell_char(table, c);
        table->place = PLAIN;
    }
}

static void one_char(struct table *table, char c)
{
    if (table->place == QUOTED) {
        if (c == '"')
            table->place = QUOTE_IN_QUOTED;
        else
            cell_char(table, c);
    } else if (table->place == QUOTE_IN_QUOTED && c == '"') {
        cell_char(table, c);
        table->place = QUOTED;
    } else if (table->place == FIELD_START && c == '"') {
        table->place = QUOTED;
    } else {
        outside_quotes(table, c);
    }
    table->after_return = c == '\r';
}

/* Pieces end between bytes of ASCII only, so that emit_text() gets whole characters. */
static int cells(struct table *table, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (table->out.length > FLUSH_BYTES && ((unsigned char)text[i] & 0xc0) != 0x80 &&
            flush(table) < 0)
            return emit_status(table->emit, NULL);
        one_char(table, text[i]);
    }
    return 0;
}

/* "sep=;" on the first line, as spreadsheets write it, decides and is no row. */
static size_t said_delimiter(struct table *table)
{
    const struct buf *head = &table->head;
    if (head->length < 6 || memcmp(head->bytes, "sep=", 4) != 0 || !strchr("\r\n", head->bytes[5]))
        return 0;
    table->delimiter = head->bytes[4];
    return head->bytes[5] == '\r' && head->bytes[6] == '\n' ? 7 : 6;
}

static int start(struct table *table)
{
    size_t skip = said_delimiter(table);
    if (!table->delimiter)
        table->delimiter =
            guess_delimiter(table->head.length ? table->head.bytes : "", table->head.length);
    return table->head.length ? cells(table, table->head.bytes + skip, table->head.length - skip)
                              : 0;
}

static int on_text(void *context, const char *text, size_t length)
{
    struct table *table = context;
    if (table->delimiter)
        return cells(table, text, length);
    size_t part = LOOK_BYTES - table->head.length;
    if (part > length)
        part = length;
    buf_append(&table->head, text, part);
    if (table->head.length < LOOK_BYTES)
        return 0;
    int result = start(table);
    return result < 0 ? result : cells(table, text + part, length - part);
}

int extract_csv(const struct input *input, struct emit *emit, dq_error *error)
{
    size_t skip = 0;
    struct table table = {.emit = emit,
                          .head = BUF(LOOK_BYTES),
                          .out = BUF(FLUSH_BYTES + LOOK_BYTES),
                          .row = BUF(ROW_BYTES),
                          .markdown = BUF(4 * ROW_BYTES)};
    struct charset charset = charset_detect(input->bytes, input->length, NULL, &skip);
    int result =
        charset_decode(charset, input->bytes + skip, input->length - skip, on_text, &table, error);
    if (result == 0 && !table.delimiter)
        result = start(&table);
    if (table.place != FIELD_START || table.row_columns > 0)
        end_row(&table);
    if (result == 0)
        flush(&table);
    emit_fact(emit, FACT_ENCODING, charset.name, strlen(charset.name));
    emit_count(emit, FACT_ROWS, table.rows);
    emit_count(emit, FACT_COLUMNS, table.columns);
    buf_free(&table.head);
    buf_free(&table.out);
    buf_free(&table.row);
    buf_free(&table.markdown);
    return emit_status(emit, error) < 0 ? emit_status(emit, error) : result;
}
