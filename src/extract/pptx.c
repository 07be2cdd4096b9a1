/* PPTX (ECMA-376, PresentationML): slides as pages in the order of the show, each with its notes
 * and comments. */
#include "base/error.h"
#include "extract/budget.h"
#include "extract/ooxml.h"
#include "extract/parsers.h"
#include "extract/properties.h"

#include <string.h>

struct slide {
    struct slide *next;
    char id[RELATION_ID_SIZE];
};

/* A layout or master whose text is out already. */
struct seen {
    struct seen *next;
    int entry;
};

struct show {
    struct archive *archive;
    struct arena *arena;
    struct slide *first, **last;
    int count;
    const struct relation *relations;
    struct seen *seen;
    unsigned seen_count;
};

static void show_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct show *show = context;
    if (strcmp(name, "sldId") != 0 || show->count++ >= LIMIT_ARCHIVE_ENTRIES)
        return;
    struct slide *slide = arena_alloc(show->arena, sizeof *slide);
    relation_id(attributes, slide->id);
    *show->last = slide;
    show->last = &slide->next;
}

/* ---- comments ---- */

struct comments {
    struct emit *emit;
    struct buf text;
    int texts; /* depth */
};

static void comment_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct comments *comments = context;
    (void)attributes;
    comments->texts += strcmp(name, "text") == 0 || strcmp(name, "t") == 0;
}

static void comment_end(void *context, const char *name)
{
    struct comments *comments = context;
    comments->texts -= strcmp(name, "text") == 0 || strcmp(name, "t") == 0;
    if (comments->texts > 0 || comments->text.length == 0 ||
        (strcmp(name, "text") != 0 && strcmp(name, "p") != 0))
        return;
    buf_puts(&comments->text, "\n");
    emit_text(comments->emit, comments->text.bytes, comments->text.length);
    buf_clear(&comments->text);
}

static void comment_text(void *context, const char *text, size_t length)
{
    struct comments *comments = context;
    if (comments->texts > 0)
        buf_append(&comments->text, text, length);
}

static int comments_read(struct archive *archive, int entry, struct emit *emit, dq_error *error)
{
    static const struct xml_handler handler = {comment_start, comment_end, comment_text};
    struct comments comments = {.emit = emit, .text = BUF(LIMIT_PARAGRAPH_BYTES)};
    int result = xml_parse(archive, entry, &handler, &comments, emit, error);
    buf_free(&comments.text);
    return result;
}

/* ---- slides ---- */

typedef int part_reader(struct archive *archive, int entry, struct emit *emit, dq_error *error);

/* All parts of that type beside a slide; a damaged one is a problem. */
static int read_beside(const struct show *show, const struct relation *relations, const char *type,
                       part_reader *read, struct emit *emit, dq_error *error)
{
    for (const struct relation *at = relations; at; at = at->next) {
        int entry = strcmp(at->type, type) == 0 ? archive_find(show->archive, at->target) : -1;
        int result = entry >= 0 ? read(show->archive, entry, emit, error) : 0;
        if (result == DQ_CORRUPT)
            emit_problem(emit, "a part of the document is damaged: %s", at->target);
        else if (result < 0)
            return result;
    }
    return 0;
}

static bool is_new(struct show *show, int entry)
{
    const struct seen *at = show->seen;
    while (at && at->entry != entry)
        at = at->next;
    if (at || entry < 0 || show->seen_count++ >= LIMIT_PART_NAMES)
        return false;
    struct seen *row = arena_alloc(show->arena, sizeof *row);
    *row = (struct seen){show->seen, entry};
    show->seen = row;
    return true;
}

/* What a layout and its master write on each slide, once: with the first slide that shows it. */
static int read_background(struct show *show, const struct relation *relations, struct emit *emit,
                           dq_error *error)
{
    static const char *const types[] = {"slideLayout", "slideMaster"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const struct relation *relation = relation_by_type(relations, types[i]);
        struct relation *inner = NULL;
        int entry = relation ? archive_find(show->archive, relation->target) : -1;
        if (!is_new(show, entry))
            return 0;
        int result = drawing_read_fixed(show->archive, entry, emit, error);
        if (result == 0)
            result =
                relations_read(show->archive, relation->target, show->arena, &inner, emit, error);
        if (result == DQ_CORRUPT)
            emit_problem(emit, "a part of the document is damaged: %s", relation->target);
        else if (result < 0)
            return result;
        relations = inner;
    }
    return 0;
}

static int read_slide(struct show *show, const struct slide *slide, struct emit *emit,
                      dq_error *error)
{
    const struct relation *relation = relation_by_id(show->relations, slide->id);
    struct relation *inner = NULL;
    int entry = relation ? archive_find(show->archive, relation->target) : -1;
    if (entry < 0)
        return error_set(error, DQ_CORRUPT, "A slide is missing.");
    int result = drawing_read(show->archive, entry, emit, error);
    if (result == 0)
        result = relations_read(show->archive, relation->target, show->arena, &inner, emit, error);
    if (result == 0)
        result = drawings_read(show->archive, inner, emit, error);
    if (result == 0)
        result = read_background(show, inner, emit, error);
    if (result == 0)
        result = read_beside(show, inner, "notesSlide", drawing_read, emit, error);
    return result < 0 ? result : read_beside(show, inner, "comments", comments_read, emit, error);
}

/* One damaged slide is a problem; all of them are a damaged document. */
static int read_slides(struct show *show, struct emit *emit, dq_error *error)
{
    int read = 0, number = 0, result = 0;
    for (const struct slide *slide = show->first; slide && result == 0; slide = slide->next) {
        dq_error fault = {0};
        number++;
        emit_progress(emit, (uint32_t)number, (uint32_t)show->count, "slide");
        result = read_slide(show, slide, emit, &fault);
        if (result == 0)
            read++;
        else if (error)
            *error = fault;
        if (result == DQ_CORRUPT && (read > 0 || slide->next)) {
            emit_problem(emit, "slide %d: %s", number, fault.detail);
            result = 0;
        }
        if (result == 0)
            result = emit_page(emit);
    }
    return result == 0 && read == 0 && show->first ? DQ_CORRUPT : result;
}

int extract_pptx(const struct input *input, struct emit *emit, dq_error *error)
{
    static const struct xml_handler handler = {.start = show_start};
    autoarchive archive = NULL;
    autoarena arena = arena_new();
    struct main_part part;
    int result = archive_open(input, &archive, error);
    if (result == 0)
        result = main_part_find(archive, "ppt/presentation.xml", arena, &part, emit, error);
    if (result < 0)
        return result;
    struct show show = {.archive = archive, .arena = arena, .relations = part.relations};
    show.last = &show.first;
    result = xml_parse(archive, part.entry, &handler, &show, emit, error);
    properties_read_office(archive, emit);
    return result < 0 ? result : read_slides(&show, emit, error);
}
