// PDF through poppler, whose only good interface is C++; nothing but this file knows it.
#include "extract/budget.h"
#include "extract/markdown.h"
#include "extract/parsers.h"

#include <climits>
#include <cstdio>
#include <memory>
#include <new>
#include <poppler-document.h>
#include <poppler-embedded-file.h>
#include <poppler-global.h>
#include <poppler-page.h>

namespace
{

constexpr int pages_max = 100000;
constexpr size_t markdown_bytes_max = 16 * 1024 * 1024; // of one page
constexpr int missing_listed_max = 20; // pages without text that are named one by one

const struct {
    const char *key;
    enum fact fact;
} infos[] = {
    {"Title", FACT_TITLE},       {"Author", FACT_AUTHOR},     {"Subject", FACT_SUBJECT},
    {"Keywords", FACT_KEYWORDS}, {"Producer", FACT_PRODUCER},
};

// base/error.h is for C only.
int fail(dq_error *error, int code, const char *sentence)
{
    error->code = code;
    std::snprintf(error->detail, sizeof error->detail, "%s", sentence);
    return code;
}

void silent(const std::string &, void *)
{
}

void metadata(const poppler::document &document, struct emit *emit)
{
    for (const auto &info : infos) {
        const poppler::byte_array text = document.info_key(info.key).to_utf8();
        emit_fact(emit, info.fact, text.data(), text.size());
    }
    const time_t created = document.info_date_t("CreationDate");
    const time_t modified = document.info_date_t("ModDate");
    if (created > 0)
        emit_time(emit, FACT_CREATED, created);
    if (modified > 0)
        emit_time(emit, FACT_MODIFIED, modified);
}

bool is_blank(const poppler::byte_array &text)
{
    for (const char c : text)
        if (static_cast<unsigned char>(c) > ' ')
            return false;
    return true;
}

// Hebrew, Arabic and their neighbours (U+0590 to U+07FF) make up a tenth of the letters or more.
bool is_right_to_left(const poppler::byte_array &text)
{
    size_t count = 0;
    for (const char c : text)
        count += static_cast<unsigned char>(c) >= 0xd6 && static_cast<unsigned char>(c) <= 0xdf;
    return count * 20 > text.size();
}

bool continues_word(char c)
{
    return (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

// Joins words that were divided at the end of a line, as a search for them expects.
poppler::byte_array join_words(const poppler::byte_array &text)
{
    poppler::byte_array joined;
    joined.reserve(text.size());
    for (size_t i = 0; i < text.size(); i++) {
        const bool divided = text[i] == '-' && i > 0 && continues_word(text[i - 1]) &&
                             i + 2 < text.size() && text[i + 1] == '\n' &&
                             continues_word(text[i + 2]);
        if (divided)
            i++;
        else
            joined.push_back(text[i]);
    }
    return joined;
}

// The order of the file is the order of reading more often than the order of places on the page
// is (tests/extract_quality.py), except for what is written from right to left.
poppler::byte_array text_of(const poppler::page &page)
{
    const poppler::byte_array text =
        page.text(poppler::rectf(), poppler::page::raw_order_layout).to_utf8();
    if (is_right_to_left(text))
        return page.text(poppler::rectf(), poppler::page::non_raw_non_physical_layout).to_utf8();
    return join_words(text);
}

void emit_paragraphs(struct emit *emit, const poppler::byte_array &text)
{
    struct buf markdown = {};
    markdown.max = markdown_bytes_max;
    markdown_paragraphs(&markdown, text.data(), text.size());
    if (!markdown.overflow && markdown.length > 0)
        emit_markdown(emit, markdown.bytes, markdown.length);
    buf_free(&markdown);
}

// One page; false where it has no text.
bool one_page(const poppler::document &document, int index, struct emit *emit)
{
    const std::unique_ptr<poppler::page> page(document.create_page(index));
    if (!page) {
        emit_problem(emit, "page %d: cannot be read", index + 1);
        emit_page(emit);
        return true;
    }
    poppler::byte_array text = text_of(*page);
    while (!text.empty() && (text.back() == '\f' || text.back() == '\0'))
        text.pop_back();
    emit_text(emit, text.data(), text.size());
    emit_paragraphs(emit, text);
    emit_page(emit);
    return !is_blank(text);
}

void attachments(const poppler::document &document, struct emit *emit)
{
    if (!document.has_embedded_files())
        return;
    for (const poppler::embedded_file *file : document.embedded_files())
        emit_problem(emit, "the attachment \"%s\" is not read", file->name().c_str());
}

int pages(const poppler::document &document, struct emit *emit)
{
    const int count = document.pages();
    int missing = 0;
    for (int i = 0; i < count; i++) {
        if (emit_status(emit, nullptr) < 0)
            return 0;
        if (!one_page(document, i, emit) && ++missing <= missing_listed_max)
            emit_problem(emit, "page %d: no text (OCR is not available yet)", i + 1);
        if (i % 10 == 9)
            emit_progress(emit, static_cast<uint32_t>(i + 1), static_cast<uint32_t>(count),
                          "pages");
    }
    if (missing > missing_listed_max)
        emit_problem(emit, "%d pages have no text (OCR is not available yet)", missing);
    return 0;
}

int read_document(const struct input *input, struct emit *emit, dq_error *error)
{
    if (input->length > LIMIT_PDF_BYTES || input->length > INT_MAX)
        return fail(error, DQ_TOO_LARGE, "The PDF file is larger than 1 GiB.");
    const std::unique_ptr<poppler::document> document(poppler::document::load_from_raw_data(
        input->bytes, static_cast<int>(input->length), std::string(), std::string()));
    if (!document)
        return fail(error, DQ_CORRUPT, "The PDF file is damaged and cannot be repaired.");
    if (document->is_locked())
        return fail(error, DQ_FORBIDDEN, "The PDF file is encrypted; a password is needed.");
    if (document->pages() <= 0)
        return fail(error, DQ_CORRUPT, "The PDF file is damaged: it has no pages.");
    if (document->pages() > pages_max)
        return fail(error, DQ_TOO_LARGE, "The PDF file claims to have more than 100000 pages.");
    metadata(*document, emit);
    pages(*document, emit);
    attachments(*document, emit);
    return emit_status(emit, error);
}

} // namespace

int extract_pdf(const struct input *input, struct emit *emit, dq_error *error)
{
    poppler::set_debug_error_function(silent, nullptr);
    try {
        return read_document(input, emit, error);
    } catch (const std::bad_alloc &) {
        return fail(error, DQ_NO_MEMORY, "The PDF file needs more memory than there is.");
    }
}

void pdf_warm_up(void)
{
    static const char tiny[] = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
                               "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
                               "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n"
                               "trailer<</Root 1 0 R/Size 4>>\n";
    poppler::set_debug_error_function(silent, nullptr);
    const std::unique_ptr<poppler::document> document(poppler::document::load_from_raw_data(
        tiny, static_cast<int>(sizeof tiny - 1), std::string(), std::string()));
}
