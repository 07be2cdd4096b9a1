/* The reader of base/frame.h: takes the box's bytes in pieces of any size and believes none. */
#ifndef SANDBOX_WIRE_H
#define SANDBOX_WIRE_H

#include <docq.h>

#include <stddef.h>
#include <stdint.h>

struct wire;

enum wire_state {
    WIRE_OPEN,   /* more may come */
    WIRE_WHOLE,  /* FRAME_END was read; nothing may follow */
    WIRE_BROKEN, /* a rule of frame.h was broken; wire_fault() says which */
    WIRE_FULL,   /* more pages or text than allowed; wire_fault() says which */
};

/* What was read so far; lives as long as the wire. Absent parts are NULL. */
struct wire_content {
    const char *content_type;
    const dq_page *pages;
    size_t page_count;
    int64_t text_bytes, markdown_bytes;
    const char *metadata; /* UTF-8 in braces; the reader checks that it is a JSON object */
    const char *const *problems;
    size_t problem_count;
    const char *error_slug, *error_message;
    const void *thumbnail; /* framed as a PNG; what is inside was not looked at */
    size_t thumbnail_bytes;
};

typedef void wire_progress_fn(void *context, const char *stage, uint32_t done, uint32_t total);

/* `output_bytes_max`: all pages together, 0 = FRAME_OUTPUT_BYTES_MAX. `progress` may be NULL. */
struct wire *wire_new(int64_t output_bytes_max, wire_progress_fn *progress, void *context);
void wire_free(struct wire *wire); /* NULL is fine */

/* Instead of frames plain text is to come, its pages separated by form feeds. Where it ends is for
 * the caller to know, who then calls wire_finish(). */
void wire_expect_text(struct wire *wire);
enum wire_state wire_finish(struct wire *wire);

/* Once the state is neither open nor whole it stays, and further bytes are ignored. */
enum wire_state wire_feed(struct wire *wire, const void *bytes, size_t length);
enum wire_state wire_state(const struct wire *wire);
const char *wire_fault(const struct wire *wire); /* one sentence, "" = none */
struct wire_content wire_content(const struct wire *wire);

#endif
