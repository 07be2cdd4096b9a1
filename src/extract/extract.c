/* The table from media types to parsers, and from their failures to the slugs of the protocol. */
#include "extract/extract.h"

#include "base/error.h"
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
    {"application/pdf", extract_pdf},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", extract_docx},
    {"application/x-encrypted-ooxml", encrypted_package},
    {"application/xml", extract_xml},
    {"image/jpeg", extract_image},
    {"image/png", extract_image},
    {"image/tiff", extract_image},
    {"image/webp", extract_image},
    {"text/csv", extract_csv},
    {"text/html", extract_html},
    {"text/markdown", extract_markdown},
    {"text/plain", extract_text},
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

static int parse(const struct input *input, struct emit *emit, dq_error *error)
{
    if (input->length == 0)
        return error_set(error, DQ_CORRUPT, "The document is empty.");
    struct kind kind = sniff(input);
    int result = emit_type(emit, kind.media_type);
    if (result < 0)
        return emit_status(emit, error);
    for (size_t i = 0; i < sizeof parsers / sizeof parsers[0]; i++)
        if (strcmp(parsers[i].media_type, kind.media_type) == 0)
            return parsers[i].extract(input, emit, error);
    return error_set(error, DQ_UNSUPPORTED, "This is %s (%s); no parser reads it yet.", kind.title,
                     kind.media_type);
}

int extract_document(const struct input *input, struct emit *emit, dq_error *error)
{
    dq_error fault = {0};
    int result = parse(input, emit, &fault);
    if (result == DQ_TIMED_OUT)
        emit_problem(emit, "the time was up before the end: the text is not complete");
    if (result == 0 || result == DQ_TIMED_OUT) {
        result = emit_metadata(emit, result == DQ_TIMED_OUT, &fault);
        if (result == 0)
            return emit_end(emit, error);
    }
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (faults[i].code == result) {
            result = emit_error(emit, faults[i].slug, fault.detail, error);
            return result < 0 ? result : emit_end(emit, error);
        }
    if (error)
        *error = fault;
    return result;
}
