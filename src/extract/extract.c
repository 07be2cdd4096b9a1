/* The table from media types to parsers, and from their failures to the slugs of the protocol. */
#include "extract/extract.h"

#include "base/error.h"
#include "extract/budget.h"
#include "extract/parsers.h"
#include "extract/sniff.h"

#include <string.h>

typedef int extract_function(const struct input *input, struct emit *emit, dq_error *error);

static int encrypted_package(const struct input *input, struct emit *emit, dq_error *error)
{
    (void)input, (void)emit;
    return error_set(error, DQ_FORBIDDEN, "The document is encrypted; a password is needed.");
}

static const struct parser {
    const char *media_type;
    extract_function *extract;
} parsers[] = {
    {"application/epub+zip", extract_epub},
    {"application/gzip", extract_compressed},
    {"application/mbox", extract_mailbox},
    {"application/pdf", extract_pdf},
    {"application/rtf", extract_rtf},
    {"application/vnd.oasis.opendocument.graphics", extract_open_pages},
    {"application/vnd.oasis.opendocument.presentation", extract_open_pages},
    {"application/vnd.oasis.opendocument.spreadsheet", extract_open_pages},
    {"application/vnd.oasis.opendocument.text", extract_open_text},
    {"application/vnd.openxmlformats-officedocument.presentationml.presentation", extract_pptx},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", extract_xlsx},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", extract_docx},
    {"application/x-7z-compressed", extract_archive},
    {"application/x-bzip2", extract_compressed},
    {"application/x-encrypted-ooxml", encrypted_package},
    {"application/x-tar", extract_archive},
    {"application/x-xz", extract_compressed},
    {"application/xml", extract_xml},
    {"application/zip", extract_archive},
    {"application/zstd", extract_compressed},
    {"message/rfc822", extract_mail},
    {"text/calendar", extract_text},
    {"text/csv", extract_csv},
    {"text/html", extract_html},
    {"text/markdown", extract_markdown},
    {"text/plain", extract_text},
    {"text/vcard", extract_text},
};

/* Slugs of core/failures.def. */
static const struct {
    int code;
    const char *slug;
} faults[] = {
    {DQ_CORRUPT, "damaged_document"},
    {DQ_FORBIDDEN, "needs_password"},
    {DQ_UNSUPPORTED, "unsupported_format"},
    {DQ_TOO_LARGE, "limit_exceeded"},
};

static extract_function *parser_of(const char *media_type)
{
    for (size_t i = 0; i < sizeof parsers / sizeof parsers[0]; i++)
        if (strcmp(parsers[i].media_type, media_type) == 0)
            return parsers[i].extract;
    return NULL;
}

static int unsupported(struct kind kind, dq_error *error)
{
    return error_set(error, DQ_UNSUPPORTED, "This is %s (%s); no parser reads it yet.", kind.title,
                     kind.media_type);
}

static int parse(const struct input *input, struct emit *emit, dq_error *error)
{
    if (input->length == 0)
        return error_set(error, DQ_CORRUPT, "The document is empty.");
    struct kind kind = sniff(input);
    extract_function *extract = parser_of(kind.media_type);
    int result = emit_type(emit, kind.media_type);
    if (result < 0)
        return emit_status(emit, error);
    return extract ? extract(input, emit, error) : unsupported(kind, error);
}

static const char *slug_of(int code)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (faults[i].code == code)
            return faults[i].slug;
    return NULL;
}

int extract_document(const struct input *document, struct emit *emit, dq_error *error)
{
    dq_error fault = {0};
    struct budget budget = {.stored = document->length};
    struct input input = *document;
    input.budget = &budget;
    int result = parse(&input, emit, &fault);
    if (result == DQ_TIMED_OUT)
        emit_problem(emit, "the time was up before the end: the text is not complete");
    if (result == 0 || result == DQ_TIMED_OUT) {
        result = emit_metadata(emit, result == DQ_TIMED_OUT, &fault);
        if (result == 0)
            return emit_end(emit, error);
    }
    const char *slug = slug_of(result);
    if (slug) {
        result = emit_error(emit, slug, fault.detail, error);
        return result < 0 ? result : emit_end(emit, error);
    }
    if (error)
        *error = fault;
    return result;
}

/* ---- documents inside ---- */

/* A failure of the one inside, or of everything? */
static int contain(const struct input *outer, int result, dq_error *fault, struct emit *emit,
                   dq_error *error)
{
    if (result == 0 || emit_status(emit, error) < 0)
        return emit_status(emit, NULL);
    if (!slug_of(result) || outer->budget->exhausted) {
        if (error)
            *error = *fault;
        return result;
    }
    emit_problem(emit, "%s", fault->detail);
    return emit_status(emit, error);
}

static int extract_inside(const struct input *input, extract_function *extract, struct emit *emit,
                          dq_error *error)
{
    int result = budget_enter(input->budget, error);
    if (result == 0)
        result = extract(input, emit, error);
    budget_leave(input->budget);
    return result;
}

int extract_instead(const struct input *outer, const char *name, const char *bytes, size_t length,
                    struct emit *emit, dq_error *error)
{
    struct input input = {bytes, length, name, outer->budget};
    if (length == 0)
        return error_set(error, DQ_CORRUPT, "What is inside is empty.");
    struct kind kind = sniff(&input);
    extract_function *extract = parser_of(kind.media_type);
    return extract ? extract_inside(&input, extract, emit, error) : unsupported(kind, error);
}

int extract_nested(const struct input *outer, const char *name, const char *bytes, size_t length,
                   struct emit *emit, dq_error *error)
{
    dq_error fault = {0};
    struct input input = {bytes, length, name, outer->budget};
    int result = budget_member(outer->budget, error);
    if (result < 0)
        return result;
    struct kind kind = length > 0 ? sniff(&input) : (struct kind){"", "empty"};
    extract_function *extract = parser_of(kind.media_type);
    if (!extract) { /* its name at least */
        emit_puts(emit, name);
        emit_puts(emit, "\n");
        emit_problem(emit, "%s is not read: it is %s", name, kind.title);
        return emit_status(emit, error);
    }
    emit_part_begin(emit, name);
    result = extract_inside(&input, extract, emit, &fault);
    result = contain(outer, result, &fault, emit, error);
    emit_part_end(emit);
    return result < 0 ? result : emit_status(emit, error);
}
