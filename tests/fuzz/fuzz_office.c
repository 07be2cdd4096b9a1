/* The parts of office documents and books, which are hidden from a fuzzer while they are packed:
 * the first byte chooses a kind of package, the rest are its parts, each up to a NUL. They are
 * packed here without compression, so that each byte of the input is a byte that a parser sees. */
#include "base/buf.h"
#include "base/clock.h"
#include "extract/extract.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PACKED_MAX ((size_t)4 * 1024 * 1024)
enum { SECONDS = 5, PARTS_MAX = 10 };

struct part {
    const char *name, *text; /* text NULL: from the input */
};

#define WORDS                                                                                      \
    "<Types><Override PartName=\"/word/document.xml\" ContentType=\"x/wordprocessingml"            \
    ".document.main+xml\"/><Override PartName=\"/word/numbering.xml\" ContentType=\"x"             \
    ".numbering+xml\"/><Override PartName=\"/word/styles.xml\" ContentType=\"x.styles+xml"         \
    "\"/></Types>"
#define ROOT(part)                                                                                 \
    "<Relationships><Relationship Id=\"a\" Type=\"x/officeDocument\" Target=\"" part               \
    "\"/></Relationships>"
#define OPEN(kind) "application/vnd.oasis.opendocument." kind

static const struct part packages[][PARTS_MAX] = {
    {{"[Content_Types].xml", WORDS},
     {"word/document.xml", NULL},
     {"word/numbering.xml", NULL},
     {"word/styles.xml", NULL}},
    {{"_rels/.rels", ROOT("xl/workbook.xml")},
     {"xl/workbook.xml", NULL},
     {"xl/_rels/workbook.xml.rels", NULL},
     {"xl/sharedStrings.xml", NULL},
     {"xl/styles.xml", NULL},
     {"xl/worksheets/sheet1.xml", NULL},
     {"xl/worksheets/_rels/sheet1.xml.rels", NULL},
     {"xl/comments1.xml", NULL}},
    {{"_rels/.rels", ROOT("ppt/presentation.xml")},
     {"ppt/presentation.xml", NULL},
     {"ppt/_rels/presentation.xml.rels", NULL},
     {"ppt/slides/slide1.xml", NULL},
     {"ppt/slides/_rels/slide1.xml.rels", NULL},
     {"ppt/charts/chart1.xml", NULL},
     {"docProps/core.xml", NULL}},
    {{"mimetype", OPEN("text")},
     {"content.xml", NULL},
     {"styles.xml", NULL},
     {"meta.xml", NULL},
     {"META-INF/manifest.xml", NULL}},
    {{"mimetype", OPEN("spreadsheet")}, {"content.xml", NULL}, {"meta.xml", NULL}},
    {{"mimetype", OPEN("presentation")}, {"content.xml", NULL}, {"meta.xml", NULL}},
    {{"mimetype", "application/epub+zip"},
     {"META-INF/container.xml", NULL},
     {"a.opf", NULL},
     {"a.xhtml", NULL},
     {"META-INF/encryption.xml", NULL}},
};

static uint32_t checksum(const char *bytes, size_t length)
{
    uint32_t sum = ~0U;
    for (size_t i = 0; i < length; i++) {
        sum ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xedb88320U : 0);
    }
    return ~sum;
}

static void put(struct buf *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)(value >> (8 * i));
        buf_append(to, &byte, 1);
    }
}

/* What the local and the central header have in common. */
static void put_header(struct buf *to, const char *name, const char *text, size_t length)
{
    put(to, 20, 2);         /* version */
    put(to, 0, 4);          /* flags, stored */
    put(to, 0x58600000, 4); /* time */
    put(to, checksum(text, length), 4);
    put(to, length, 4);
    put(to, length, 4);
    put(to, strlen(name), 2);
    put(to, 0, 2);
}

static void add(struct buf *zip, struct buf *list, const char *name, const char *text,
                size_t length)
{
    size_t at = zip->length;
    put(zip, 0x04034b50, 4);
    put_header(zip, name, text, length);
    buf_puts(zip, name);
    buf_append(zip, text, length);
    put(list, 0x02014b50, 4);
    put(list, 20, 2);
    put_header(list, name, text, length);
    put(list, 0, 10);
    put(list, at, 4);
    buf_puts(list, name);
}

static void pack(const struct part *parts, const char *bytes, size_t length, struct buf *zip)
{
    autobuf list = BUF(PACKED_MAX);
    unsigned count = 0;
    for (; count < PARTS_MAX && parts[count].name; count++) {
        const char *text = parts[count].text;
        size_t size = text ? strlen(text) : strnlen(bytes, length);
        add(zip, &list, parts[count].name, text ? text : bytes, size);
        if (text)
            continue;
        size += size < length; /* the NUL */
        bytes += size;
        length -= size;
    }
    size_t at = zip->length;
    buf_append(zip, list.bytes, list.length);
    put(zip, 0x06054b50, 4);
    put(zip, 0, 4);
    put(zip, count | (uint64_t)count << 16, 4);
    put(zip, list.length, 4);
    put(zip, at, 4);
    put(zip, 0, 2);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length)
{
    static int nowhere = -1;
    dq_error error = {0};
    autobuf zip = BUF(PACKED_MAX);
    if (length < 2 || length > PACKED_MAX / 2)
        return 0;
    if (nowhere < 0)
        nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pack(packages[bytes[0] % (sizeof packages / sizeof packages[0])], (const char *)bytes + 1,
         length - 1, &zip);
    struct input input = {.bytes = zip.bytes, .length = zip.length, .name = ""};
    struct emit *emit = emit_new(nowhere, clock_tick() + SECONDS * US_PER_S);
    if (extract_document(&input, emit, &error) < 0)
        abort();
    emit_free(emit);
    return 0;
}
