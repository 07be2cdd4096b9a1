/* The parsers. Each reads one kind of document and writes pages and facts to `emit`.
 * 0, or a negative code: DQ_CORRUPT, DQ_FORBIDDEN (password), DQ_UNSUPPORTED and DQ_TOO_LARGE are
 * the document's fault, DQ_TIMED_OUT ends it early, and anything else is ours. */
#ifndef EXTRACT_PARSERS_H
#define EXTRACT_PARSERS_H

#include "extract/emit.h"
#include "extract/input.h"

#ifdef __cplusplus
extern "C" {
#endif

int extract_archive(const struct input *input, struct emit *emit, dq_error *error);
int extract_compressed(const struct input *input, struct emit *emit, dq_error *error);
int extract_csv(const struct input *input, struct emit *emit, dq_error *error);
int extract_docx(const struct input *input, struct emit *emit, dq_error *error);
int extract_epub(const struct input *input, struct emit *emit, dq_error *error);
int extract_image(const struct input *input, struct emit *emit, dq_error *error);
int extract_html(const struct input *input, struct emit *emit, dq_error *error);
int extract_mail(const struct input *input, struct emit *emit, dq_error *error);
int extract_mailbox(const struct input *input, struct emit *emit, dq_error *error);
int extract_markdown(const struct input *input, struct emit *emit, dq_error *error);
int extract_open_pages(const struct input *input, struct emit *emit, dq_error *error);
int extract_open_text(const struct input *input, struct emit *emit, dq_error *error);
int extract_pdf(const struct input *input, struct emit *emit, dq_error *error);
int extract_rtf(const struct input *input, struct emit *emit, dq_error *error);
int extract_text(const struct input *input, struct emit *emit, dq_error *error);
int extract_pptx(const struct input *input, struct emit *emit, dq_error *error);
int extract_xlsx(const struct input *input, struct emit *emit, dq_error *error);
int extract_xml(const struct input *input, struct emit *emit, dq_error *error);

/* The same where what is around the document says how it is encoded; NULL or "" where it does not.
 */
int read_html(const struct input *input, const char *encoding, struct emit *emit, dq_error *error);
int read_text(const struct input *input, const char *encoding, struct emit *emit, dq_error *error);

/* Loads what the PDF library reads from the disk; call it before the walls go up. */
void pdf_warm_up(void);

#ifdef __cplusplus
}
#endif

#endif
