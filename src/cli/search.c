/* search, and text in pieces: what was found, with its matches shown. */
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/text.h"

#include "base/error.h"
#include "base/utf8.h"
#include "core/view.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEARCH_LIMIT = 20 };

/* A piece of a document's text, which must not steer the terminal. */
static void print_clean(const char *text, size_t length, enum colour colour)
{
    size_t size = length * 4 + 16;
    char *piece = malloc(length + 1), *clean = malloc(size);
    if (!piece || !clean)
        bug("out of memory");
    memcpy(piece, text, length);
    piece[length] = '\0';
    text_clean(piece, 0, clean, size);
    const char *begin = colour == PLAIN ? "" : out_colour(stdout, colour);
    printf("%s%s%s", begin, clean, *begin ? out_colour(stdout, PLAIN) : "");
    free(piece);
    free(clean);
}

/* The byte where the character number `character` begins, counted from the one at `from`. */
static size_t byte_of(const char *text, size_t from, int character)
{
    while (text[from] && character > 0) {
        from++;
        while ((text[from] & 0xc0) == 0x80)
            from++;
        character--;
    }
    return from;
}

static void print_snippet(const dq_hit *hit)
{
    size_t at = 0, from, to;
    int character = 0;
    for (size_t i = 0; i < hit->match_count; i++) {
        const dq_span *match = &hit->matches[i];
        from = byte_of(hit->snippet, at, match->from - character);
        to = byte_of(hit->snippet, from, match->to - match->from);
        print_clean(hit->snippet + at, from - at, PLAIN);
        print_clean(hit->snippet + from, to - from, YELLOW);
        at = to;
        character = match->to;
    }
    print_clean(hit->snippet + at, strlen(hit->snippet + at), PLAIN);
    putchar('\n');
}

static void print_hit(const dq_hit *hit, const char *previous)
{
    char id[DQ_ID_SIZE], name[256];
    if (strcmp(hit->document_id, previous) != 0) {
        text_clean(hit->filename, 0, name, sizeof name);
        printf("%s%s%s%s  %s%s%s\n", *previous ? "\n" : "", out_colour(stdout, BOLD), name,
               out_colour(stdout, PLAIN), out_colour(stdout, DIM), out_id(hit->document_id, id),
               out_colour(stdout, PLAIN));
    }
    printf("  p. %-4d ", hit->page);
    print_snippet(hit);
}

/* One page of the list; *cursor is set to the next one. Returns its hits, or cli->error's code. */
static int search_page(struct cli *cli, const char *query, int limit, char *cursor, size_t size)
{
    dq_hit_list *list = NULL;
    const char *previous = "";
    int code = dq_search(cli->queue, query, limit, *cursor ? cursor : NULL, &list, &cli->error);
    if (code < 0)
        return code;
    for (size_t i = 0; i < list->count; i++) {
        if (cli->json)
            out_json(view_hit(&list->hits[i]));
        else
            print_hit(&list->hits[i], previous);
        previous = list->hits[i].document_id;
    }
    snprintf(cursor, size, "%s", list->next ? list->next : "");
    int count = (int)list->count;
    dq_free(list);
    return count;
}

int run_search(struct cli *cli, int count, char **operands)
{
    char query[CLI_FILTER_BYTES_MAX], cursor[512] = "";
    int64_t limit = 0, left;
    int found, shown = 0;
    if (!cli_number(cli, "limit", 1, INT_MAX, SEARCH_LIMIT, &limit) ||
        !cli_filter(cli, count, operands, query))
        return EXIT_USAGE;
    if (!cli_open(cli))
        return error_row(cli->error.code)->exit_code;
    left = limit;
    do {
        if (shown > 0 && !cli->json)
            putchar('\n');
        found = search_page(cli, query, left < DQ_LIST_MAX ? (int)left : DQ_LIST_MAX, cursor,
                            sizeof cursor);
        if (found < 0)
            return cli_report(cli);
        shown += found;
        left -= found;
    } while (*cursor && left > 0);
    if (shown == 0)
        cli_say(cli, "docq: nothing found");
    else if (*cursor)
        cli_say(cli, "docq: there are more; --limit N shows so many");
    return EXIT_OK;
}

static void print_chunk(const dq_chunk *chunk)
{
    printf("%s[%d] p. %d, %d-%d", out_colour(stdout, DIM), chunk->number, chunk->page, chunk->from,
           chunk->to);
    for (size_t i = 0; i < chunk->heading_count; i++) {
        fputs(i ? " > " : "  ", stdout);
        print_clean(chunk->headings[i], strlen(chunk->headings[i]), PLAIN);
    }
    printf("%s\n", out_colour(stdout, PLAIN));
    for (const char *line = chunk->text; line;) {
        size_t length = strcspn(line, "\n");
        print_clean(line, length, PLAIN);
        putchar('\n');
        line = line[length] ? line + length + 1 : NULL;
    }
    putchar('\n');
}

int show_chunks(struct cli *cli, const char *id)
{
    int64_t size = 0, overlap = 0;
    dq_chunk_list *list = NULL;
    if (!cli_number(cli, "size", DQ_CHUNK_SIZE_MIN, DQ_CHUNK_SIZE_MAX, DQ_CHUNK_SIZE_DEFAULT,
                    &size) ||
        !cli_number(cli, "overlap", 0, size / 2, 0, &overlap))
        return EXIT_USAGE;
    const dq_chunk_options options = {.size = (int)size, .overlap = (int)overlap};
    if (dq_get_chunks(cli->queue, id, &options, &list, &cli->error) < 0)
        return cli_report(cli);
    for (size_t i = 0; i < list->count; i++)
        if (cli->json)
            out_json(view_chunk(&list->chunks[i]));
        else
            print_chunk(&list->chunks[i]);
    dq_free(list);
    return EXIT_OK;
}
