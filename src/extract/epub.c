/* EPUB 2 and 3: chapters in the order of the spine, each a page (or more) read as HTML. */
#include "base/arena.h"
#include "base/error.h"
#include "extract/archive.h"
#include "extract/budget.h"
#include "extract/parsers.h"
#include "extract/properties.h"
#include "extract/xml.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 512, ID_SIZE = 128 };

struct item {
    struct item *next;
    char id[ID_SIZE], path[PATH_SIZE];
};

struct book {
    struct arena *arena;
    char package[PATH_SIZE];     /* the OPF, which lists all */
    struct item *items, *spine;  /* all files, latest first; the chapters, in order */
    struct item **last;          /* of the spine */
    unsigned count, spine_count; /* of items, of chapters */
    bool encrypted;
};

/* "chapter%201.xhtml#top" means "chapter 1.xhtml". */
static void decode_path(char *path)
{
    char *to = path, digits[3] = {0};
    for (const char *from = path; *from && *from != '#'; from++) {
        if (from[0] == '%' && from[1] && strspn(from + 1, "0123456789abcdefABCDEF") >= 2) {
            memcpy(digits, from + 1, 2);
            *to++ = (char)strtol(digits, NULL, 16);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static void container_start(void *context, const char *name,
                            const struct xml_attributes *attributes)
{
    struct book *book = context;
    if (strcmp(name, "rootfile") == 0 && !*book->package)
        xml_attribute(attributes, "full-path", book->package, sizeof book->package);
}

/* Fonts are often scrambled, which is no secret; any other method hides the text. */
static void encryption_start(void *context, const char *name,
                             const struct xml_attributes *attributes)
{
    struct book *book = context;
    char method[PATH_SIZE];
    if (strcmp(name, "EncryptionMethod") != 0)
        return;
    xml_attribute(attributes, "Algorithm", method, sizeof method);
    if (!strstr(method, "idpf.org/2008/embedding") && !strstr(method, "ns.adobe.com/pdf/enc#RC"))
        book->encrypted = true;
}

static void add_item(struct book *book, const struct xml_attributes *attributes)
{
    char href[PATH_SIZE];
    if (book->count++ >= LIMIT_ARCHIVE_ENTRIES)
        return;
    struct item *item = arena_alloc(book->arena, sizeof *item);
    xml_attribute(attributes, "id", item->id, sizeof item->id);
    xml_attribute(attributes, "href", href, sizeof href);
    decode_path(href);
    archive_resolve(book->package, href, item->path, sizeof item->path);
    item->next = book->items;
    book->items = item;
}

static void add_chapter(struct book *book, const struct xml_attributes *attributes)
{
    char id[ID_SIZE];
    xml_attribute(attributes, "idref", id, sizeof id);
    const struct item *found = book->items;
    while (found && strcmp(found->id, id) != 0)
        found = found->next;
    if (!found || book->spine_count++ >= LIMIT_PART_NAMES)
        return;
    struct item *chapter = arena_alloc(book->arena, sizeof *chapter);
    *chapter = *found;
    chapter->next = NULL;
    *book->last = chapter;
    book->last = &chapter->next;
}

static void package_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    if (strcmp(name, "item") == 0)
        add_item(context, attributes);
    else if (strcmp(name, "itemref") == 0)
        add_chapter(context, attributes);
}

/* ---- chapters ---- */

static bool is_void(const char *name, size_t length)
{
    static const char *const names[] = {"area",  "base", "br",   "col",   "embed",  "hr",    "img",
                                        "input", "link", "meta", "param", "source", "track", "wbr"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
            return true;
    return false;
}

/* In XHTML <title/> is whole; an HTML reader would wait for its end and lose the chapter. */
static void expand_empty_tags(const struct buf *source, struct buf *to)
{
    const char *at = source->bytes, *end = at + source->length;
    while (at < end) {
        const char *open = memchr(at, '<', (size_t)(end - at));
        const char *close = open ? memchr(open, '>', (size_t)(end - open)) : NULL;
        if (!close)
            break;
        size_t name = 1;
        while (open + name < close && !strchr(" \t\r\n/", open[name]))
            name++;
        bool empty = close[-1] == '/' && name > 1 && open[1] != '!' && open[1] != '?' &&
                     !is_void(open + 1, name - 1);
        buf_append(to, at, (size_t)(close - at) - (empty ? 1 : 0));
        if (empty) {
            buf_puts(to, "></");
            buf_append(to, open + 1, name - 1);
        }
        buf_puts(to, ">");
        at = close + 1;
    }
    buf_append(to, at, (size_t)(end - at));
}

static int read_chapter(const struct input *book, struct archive *archive, const char *path,
                        struct emit *emit, dq_error *error)
{
    autobuf source = BUF(LIMIT_HTML_BYTES), html = BUF(2 * LIMIT_HTML_BYTES);
    int entry = archive_find(archive, path);
    if (entry < 0)
        return error_set(error, DQ_CORRUPT, "A chapter is missing: %s.", path);
    int result = archive_read(archive, entry, &source, error);
    if (result < 0 || source.length == 0)
        return result;
    expand_empty_tags(&source, &html);
    struct input chapter = {html.bytes, html.length, path, book->budget};
    return extract_html(&chapter, emit, error);
}

/* A damaged chapter is a problem; all of them are a damaged book. */
static int read_chapters(const struct input *input, const struct book *book,
                         struct archive *archive, struct emit *emit, dq_error *error)
{
    unsigned number = 0, read = 0;
    dq_error fault = {0};
    for (const struct item *chapter = book->spine; chapter; chapter = chapter->next) {
        emit_progress(emit, ++number, book->spine_count, "chapter");
        emit_part_begin(emit, NULL);
        int result = read_chapter(input, archive, chapter->path, emit, &fault);
        emit_part_end(emit);
        if (emit_open_bytes(emit) > 0)
            emit_page(emit);
        if (result < 0 && result != DQ_CORRUPT) {
            if (error)
                *error = fault;
            return result;
        }
        read += result == 0;
        if (result < 0)
            emit_problem(emit, "chapter %u: %s", number, fault.detail);
    }
    return read > 0 ? emit_status(emit, error)
                    : error_set(error, DQ_CORRUPT, "The book has no chapter that can be read.");
}

/* A part that need not be there. */
static int read_extra(struct archive *archive, const char *part, const struct xml_handler *handler,
                      struct book *book, struct emit *emit, dq_error *error)
{
    int entry = archive_find(archive, part);
    return entry < 0 ? 0 : xml_parse(archive, entry, handler, book, emit, error);
}

int extract_epub(const struct input *input, struct emit *emit, dq_error *error)
{
    static const struct xml_handler container = {.start = container_start};
    static const struct xml_handler encryption = {.start = encryption_start};
    static const struct xml_handler package = {.start = package_start};
    autoarchive archive = NULL;
    autoarena arena = arena_new();
    struct book book = {.arena = arena};
    book.last = &book.spine;
    int result = archive_open(input, &archive, error);
    if (result == 0)
        result = read_extra(archive, "META-INF/container.xml", &container, &book, emit, error);
    if (result == 0)
        result = read_extra(archive, "META-INF/encryption.xml", &encryption, &book, emit, error);
    if (result < 0)
        return result;
    if (book.encrypted)
        return error_set(error, DQ_FORBIDDEN, "The book is encrypted.");
    int entry = *book.package ? archive_find(archive, book.package) : -1;
    if (entry < 0)
        return error_set(error, DQ_CORRUPT, "The book has no list of its chapters.");
    result = xml_parse(archive, entry, &package, &book, emit, error);
    if (result < 0)
        return result;
    if (book.spine_count > LIMIT_PART_NAMES)
        emit_problem(emit, "only the first %d chapters are read", LIMIT_PART_NAMES);
    properties_read_book(archive, entry, emit);
    return read_chapters(input, &book, archive, emit, error);
}
