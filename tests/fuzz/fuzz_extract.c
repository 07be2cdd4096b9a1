/* All parsers, by the way that every document takes: sniff, dispatch, emit. The last byte picks the
 * name, which decides between kinds of text. */
#include "base/clock.h"
#include "extract/extract.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECONDS = 5 };

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length)
{
    static const char *const names[] = {"", "a.md", "a.csv", "a.html", "a.txt", "a.docx", "a.eml"};
    static int nowhere = -1;
    dq_error error = {0};
    if (nowhere < 0)
        nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    size_t name = length ? bytes[length - 1] % (sizeof names / sizeof names[0]) : 0;
    struct input input = {.bytes = (const char *)bytes, .length = length, .name = names[name]};
    struct emit *emit = emit_new(nowhere, clock_tick() + SECONDS * US_PER_S);
    if (extract_document(&input, emit, &error) < 0)
        abort();
    emit_free(emit);
    return 0;
}
