/* text and get: what the queue keeps of a document, given back. */
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/text.h"

#include "base/error.h"
#include "base/fd.h"
#include "core/view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A hostile document's text must not steer the terminal; in a pipe it goes as it is. */
static void print_page(const dq_page *page, bool last)
{
    if (!out_terminal()) {
        fwrite(page->text, 1, page->text_bytes, stdout);
        fputs(last ? "" : "\f", stdout);
        return;
    }
    for (size_t i = 0; i < page->text_bytes; i++) {
        unsigned char c = (unsigned char)page->text[i];
        bool c1 = c == 0xc2 && i + 1 < page->text_bytes && (unsigned char)page->text[i + 1] < 0xa0;
        putchar((c < 32 && c != '\n' && c != '\t') || c == 127 || c1 ? '?' : c);
        i += c1;
    }
    if (page->text_bytes && page->text[page->text_bytes - 1] != '\n')
        putchar('\n');
}

static bool parse_pages(const struct cli *cli, int *ret_first, int *ret_last)
{
    const char *text = cli_option(cli, "page");
    long first = 1, last = 0;
    char *end = NULL;
    if (text) {
        first = last = strtol(text, &end, 10);
        if (end != text && *end == '-')
            last = strtol(end + 1, &end, 10);
        if (end == text || *end || first < 1 || last < first || last > INT_MAX) {
            cli_usage(cli, "give a page such as 3, or a range such as 2-5",
                      "--page cannot be \"%.40s\"", text);
            return false;
        }
    }
    *ret_first = (int)first;
    *ret_last = (int)last;
    return true;
}

static json_t *page_view(const dq_page *page)
{
    return json_pack("{s:i,s:o}", "number", page->number, "text", view_text(page->text));
}

int run_text(struct cli *cli, int count, char **operands)
{
    char id[DQ_ID_SIZE];
    int first = 1, last = 0;
    dq_text *text = NULL;
    (void)count;
    if (!parse_pages(cli, &first, &last))
        return EXIT_USAGE;
    int code = cli_resolve(cli, operands[0], id);
    if (code)
        return code;
    if (cli_option(cli, "chunks"))
        return show_chunks(cli, id);
    if (dq_get_text(cli->queue, id, first, last, &text, &cli->error) < 0)
        return cli_report(cli);
    for (size_t i = 0; i < text->page_count; i++)
        if (cli->json)
            out_json(page_view(&text->pages[i]));
        else
            print_page(&text->pages[i], i + 1 == text->page_count);
    dq_free(text);
    return EXIT_OK;
}

/* The uploader chose the name: only its last part is used, and nothing that hides or climbs. */
static void safe_name(const char *filename, char name[256])
{
    const char *slash = strrchr(filename, '/');
    const char *base = slash ? slash + 1 : filename;
    text_clean(base[0] == '.' || base[0] == '\0' ? "document" : base, 0, name, 200);
}

static int open_target(struct cli *cli, const char *id, int *ret_fd, char name[256])
{
    const char *output = cli_option(cli, "output");
    dq_document *document = NULL;
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (output ? O_TRUNC : O_EXCL);
    if (output && strcmp(output, "-") == 0) {
        *ret_fd = dup(STDOUT_FILENO);
        name[0] = '\0';
        return 0;
    }
    if (!output) {
        int code = dq_get_document(cli->queue, id, &document, &cli->error);
        if (code < 0)
            return code;
        safe_name(document->filename, name);
        dq_free(document);
    } else
        snprintf(name, 256, "%s", output);
    *ret_fd = open(output ? output : name, flags, 0666);
    if (*ret_fd >= 0)
        return 0;
    return error_set(&cli->error, DQ_INVALID,
                     "cannot write %.200s: %s\n  fix: name another file "
                     "with -o FILE",
                     name, strerror(errno));
}

static int copy(struct cli *cli, int from, int to)
{
    char piece[65536];
    ssize_t length;
    while ((length = fd_read_some(from, piece, sizeof piece)) > 0)
        if (fd_write_all(to, piece, (size_t)length) < 0)
            return error_errno(&cli->error, "cannot write the document");
    return length < 0 ? error_errno(&cli->error, "cannot read the document") : 0;
}

int run_get(struct cli *cli, int count, char **operands)
{
    char id[DQ_ID_SIZE], name[256];
    autoclose from = -1;
    autoclose to = -1;
    (void)count;
    int code = cli_resolve(cli, operands[0], id);
    if (code)
        return code;
    if (dq_open_content(cli->queue, id, &from, &cli->error) < 0 ||
        open_target(cli, id, &to, name) < 0 || copy(cli, from, to) < 0)
        return cli_report(cli);
    if (name[0])
        cli_say(cli, "docq: wrote %s", name);
    return EXIT_OK;
}
