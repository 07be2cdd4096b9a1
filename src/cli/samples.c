/* samples/expected.tsv: file, status, failure code or -, phrase of the text or -. */
#include "cli/demo.h"

#include "base/buf.h"
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 64 * 1024 * 1024, LINE_BYTES_MAX = 1024 };

static void close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

static void take_field(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text && strcmp(text, "-") != 0 ? text : "");
}

static int read_sample(struct demo *demo, char *line, int number)
{
    struct sample *sample = &demo->list[demo->count];
    char *rest = line;
    const char *file = strsep(&rest, "\t"), *status = strsep(&rest, "\t");
    const char *code = strsep(&rest, "\t"), *phrase = strsep(&rest, "\t");
    if (strchr(file, '/') || !status || demo->count == DEMO_SAMPLES_MAX)
        return error_set(&demo->cli->error, DQ_INVALID,
                         "%.300s/expected.tsv:%d: not `file TAB status TAB code TAB phrase`\n"
                         "  fix: correct the line; - where nothing is compared",
                         demo->samples, number);
    int expected = dq_status_parse(status, strlen(status));
    if (expected < DQ_COMPLETED)
        return error_set(&demo->cli->error, DQ_INVALID,
                         "%.300s/expected.tsv:%d: status \"%.40s\"\n"
                         "  fix: write completed, failed or cancelled",
                         demo->samples, number, status);
    sample->expected = (enum dq_status)expected;
    take_field(sample->file, sizeof sample->file, file);
    take_field(sample->code, sizeof sample->code, code);
    take_field(sample->phrase, sizeof sample->phrase, phrase);
    demo->count++;
    return 0;
}

int samples_load(struct demo *demo)
{
    char path[PATH_MAX], line[LINE_BYTES_MAX];
    const char *given = cli_option(demo->cli, "samples");
    demo->samples = given ? given : "samples";
    snprintf(path, sizeof path, "%.3900s/expected.tsv", demo->samples);
    __attribute__((cleanup(close_file))) FILE *file = fopen(path, "re");
    if (!file)
        return error_set(&demo->cli->error, DQ_NOT_FOUND,
                         "cannot read %.300s: %s\n  fix: name the samples' folder with --samples",
                         path, strerror(errno));
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "\r\n")] = '\0';
        bool title = number == 1 && strncmp(line, "file\t", 5) == 0;
        if (!*line || *line == '#' || title)
            continue;
        int code = read_sample(demo, line, number);
        if (code < 0)
            return code;
    }
    if (demo->count == 0)
        return error_set(&demo->cli->error, DQ_INVALID, "%.300s names no samples", path);
    return 0;
}

/* Every run of white space as one blank, so that line breaks do not hide a phrase. */
static void append_flat(struct buf *flat, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool blank = strchr(" \t\r\n\f", text[i]) != NULL;
        if (!blank)
            buf_append(flat, text + i, 1);
        else if (flat->length && flat->bytes[flat->length - 1] != ' ')
            buf_puts(flat, " ");
    }
}

static bool text_has(struct demo *demo, const char *id, const char *phrase)
{
    dq_text *text = NULL;
    autobuf flat = BUF(TEXT_BYTES_MAX);
    if (dq_get_text(demo->cli->queue, id, 1, 0, &text, &demo->cli->error) < 0)
        return false;
    for (size_t i = 0; i < text->page_count; i++)
        append_flat(&flat, text->pages[i].text, text->pages[i].text_bytes);
    dq_free(text);
    return flat.length && strstr(flat.bytes, phrase);
}

void sample_judge(struct demo *demo, struct sample *sample, const dq_document *document)
{
    const char *code = document->item && document->item->error_code && document->status == DQ_FAILED
                           ? document->item->error_code
                           : "";
    sample->complaint[0] = '\0';
    if (document->status != sample->expected || strcmp(code, sample->code) != 0)
        snprintf(sample->complaint, sizeof sample->complaint, "expected %s %s, got %s %s",
                 dq_status_name(sample->expected), sample->code, dq_status_name(document->status),
                 code);
    else if (sample->phrase[0] && !text_has(demo, document->id, sample->phrase))
        snprintf(sample->complaint, sizeof sample->complaint, "its text lacks \"%s\"",
                 sample->phrase);
}
