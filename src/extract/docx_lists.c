/* numbering.xml and styles.xml: list -> abstract list -> level -> format. */
#include "extract/docx_lists.h"

#include "base/arena.h"
#include "extract/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LEVELS = 9, LISTS_MAX = 4096, STYLES_MAX = 4096, NAME_SIZE = 80, FORMAT_SIZE = 24 };
enum { ANCESTORS_MAX = 10 }; /* of a style */

struct level {
    char format[FORMAT_SIZE]; /* decimal, bullet, lowerLetter, ... */
    char text[NAME_SIZE];     /* "%1.%2." */
    int start;
};

struct abstract {
    int id;
    struct level levels[LEVELS];
    int counts[LEVELS]; /* lists of one abstract list go on counting together */
};

struct list {
    int id;
    struct abstract *abstract;
    int starts[LEVELS]; /* overrides; < 0: none */
    bool used;
};

struct style {
    char name[NAME_SIZE], based_on[NAME_SIZE];
    int list, level, heading;
};

struct lists {
    struct arena *arena;
    struct abstract *abstracts[LISTS_MAX];
    struct list *lists[LISTS_MAX];
    struct style *styles[STYLES_MAX];
    int abstract_count, list_count, style_count;
    int level; /* while reading */
    bool in_list, in_style;
};

struct lists *lists_new(void)
{
    struct arena *arena = arena_new();
    struct lists *lists = arena_alloc(arena, sizeof *lists);
    lists->arena = arena;
    return lists;
}

void lists_free(struct lists **lists)
{
    if (*lists)
        arena_free((*lists)->arena);
    *lists = NULL;
}

static int number_of(const struct xml_attributes *attributes, const char *name)
{
    char value[24];
    char *end = NULL;
    if (!xml_attribute(attributes, name, value, sizeof value))
        return -1;
    long number = strtol(value, &end, 10);
    return end == value || number < 0 || number > 1000000 ? -1 : (int)number;
}

/* ---- numbering.xml ---- */

static struct abstract *find_abstract(struct lists *lists, int id)
{
    for (int i = 0; i < lists->abstract_count; i++)
        if (lists->abstracts[i]->id == id)
            return lists->abstracts[i];
    return NULL;
}

static void new_abstract(struct lists *lists, const struct xml_attributes *attributes)
{
    if (lists->abstract_count == LISTS_MAX)
        return;
    struct abstract *abstract = arena_alloc(lists->arena, sizeof *abstract);
    abstract->id = number_of(attributes, "abstractNumId");
    for (int i = 0; i < LEVELS; i++) {
        abstract->levels[i].start = 1;
        abstract->counts[i] = -1;
    }
    lists->abstracts[lists->abstract_count++] = abstract;
}

static void new_list(struct lists *lists, const struct xml_attributes *attributes)
{
    if (lists->list_count == LISTS_MAX)
        return;
    struct list *list = arena_alloc(lists->arena, sizeof *list);
    list->id = number_of(attributes, "numId");
    for (int i = 0; i < LEVELS; i++)
        list->starts[i] = -1;
    lists->lists[lists->list_count++] = list;
}

static void level_start(struct lists *lists, const char *name,
                        const struct xml_attributes *attributes)
{
    if (lists->level < 0 || lists->level >= LEVELS || lists->abstract_count == 0)
        return;
    struct level *level = &lists->abstracts[lists->abstract_count - 1]->levels[lists->level];
    if (strcmp(name, "start") == 0)
        level->start = number_of(attributes, "val");
    else if (strcmp(name, "numFmt") == 0)
        xml_attribute(attributes, "val", level->format, sizeof level->format);
    else if (strcmp(name, "lvlText") == 0)
        xml_attribute(attributes, "val", level->text, sizeof level->text);
}

static void numbering_start(void *context, const char *name,
                            const struct xml_attributes *attributes)
{
    struct lists *lists = context;
    if (strcmp(name, "abstractNum") == 0) {
        lists->in_list = false;
        new_abstract(lists, attributes);
    } else if (strcmp(name, "num") == 0) {
        lists->in_list = true;
        new_list(lists, attributes);
    } else if (strcmp(name, "lvl") == 0 || strcmp(name, "lvlOverride") == 0) {
        lists->level = number_of(attributes, "ilvl");
    } else if (!lists->in_list) {
        level_start(lists, name, attributes);
    } else if (lists->list_count > 0) {
        struct list *list = lists->lists[lists->list_count - 1];
        if (strcmp(name, "abstractNumId") == 0)
            list->abstract = find_abstract(lists, number_of(attributes, "val"));
        else if (strcmp(name, "startOverride") == 0 && lists->level >= 0 && lists->level < LEVELS)
            list->starts[lists->level] = number_of(attributes, "val");
    }
}

int lists_read_numbering(struct lists *lists, struct archive *archive, int entry, struct emit *emit,
                         dq_error *error)
{
    static const struct xml_handler handler = {.start = numbering_start};
    return xml_parse(archive, entry, &handler, lists, emit, error);
}

/* ---- styles.xml ---- */

/* The names of the built-in styles are English in every language: "heading 1". */
static int heading_in(const struct xml_attributes *attributes)
{
    char name[NAME_SIZE];
    xml_attribute(attributes, "val", name, sizeof name);
    if (strcasecmp(name, "Title") == 0)
        return 1;
    bool named = strncasecmp(name, "heading ", 8) == 0 && name[8] >= '1' && name[8] <= '9';
    return named && !name[9] ? name[8] - '0' : 0;
}

static void styles_start(void *context, const char *name, const struct xml_attributes *attributes)
{
    struct lists *lists = context;
    if (strcmp(name, "style") == 0) {
        lists->in_style = lists->style_count < STYLES_MAX;
        if (!lists->in_style)
            return;
        struct style *style = arena_alloc(lists->arena, sizeof *style);
        style->list = style->level = -1;
        xml_attribute(attributes, "styleId", style->name, sizeof style->name);
        lists->styles[lists->style_count++] = style;
    } else if (lists->in_style) {
        struct style *style = lists->styles[lists->style_count - 1];
        if (strcmp(name, "basedOn") == 0)
            xml_attribute(attributes, "val", style->based_on, sizeof style->based_on);
        else if (strcmp(name, "numId") == 0)
            style->list = number_of(attributes, "val");
        else if (strcmp(name, "ilvl") == 0)
            style->level = number_of(attributes, "val");
        else if (strcmp(name, "name") == 0)
            style->heading = heading_in(attributes);
        else if (strcmp(name, "outlineLvl") == 0 && style->heading == 0)
            style->heading = (number_of(attributes, "val") + 1) % 10; /* 9 is no heading */
    }
}

int lists_read_styles(struct lists *lists, struct archive *archive, int entry, struct emit *emit,
                      dq_error *error)
{
    static const struct xml_handler handler = {.start = styles_start};
    return xml_parse(archive, entry, &handler, lists, emit, error);
}

static const struct style *find_style(const struct lists *lists, const char *name)
{
    for (int i = 0; i < lists->style_count; i++)
        if (strcmp(lists->styles[i]->name, name) == 0)
            return lists->styles[i];
    return NULL;
}

int lists_heading(const struct lists *lists, const char *style)
{
    const struct style *found = find_style(lists, style);
    for (int hops = 0; hops < ANCESTORS_MAX && found; hops++) {
        if (found->heading > 0)
            return found->heading;
        found = find_style(lists, found->based_on);
    }
    return 0;
}

static void ask_style(const struct lists *lists, const char *name, int *list, int *level)
{
    for (int hops = 0; hops < ANCESTORS_MAX && *name && *list < 0; hops++) {
        const struct style *found = find_style(lists, name);
        if (!found)
            return;
        *list = found->list;
        if (*level < 0)
            *level = found->level;
        name = found->based_on;
    }
}

/* ---- labels ---- */

static void put_label(const struct abstract *abstract, const struct level *level, struct buf *to)
{
    for (const char *at = level->text; *at; at++) {
        if (at[0] == '%' && at[1] >= '1' && at[1] <= '9') {
            int other = at[1] - '1';
            int count = abstract->counts[other];
            label_number(count < 0 ? abstract->levels[other].start : count,
                         abstract->levels[other].format, to);
            at++;
        } else {
            buf_append(to, at, 1);
        }
    }
}

static struct list *find_list(struct lists *lists, int id)
{
    for (int i = 0; i < lists->list_count; i++)
        if (lists->lists[i]->id == id)
            return lists->lists[i];
    return NULL;
}

static void count_up(struct list *list, int level)
{
    struct abstract *abstract = list->abstract;
    if (!list->used)
        for (int i = 0; i < LEVELS; i++)
            if (list->starts[i] >= 0)
                abstract->counts[i] = list->starts[i] - 1;
    list->used = true;
    if (abstract->counts[level] < 0)
        abstract->counts[level] = abstract->levels[level].start - 1;
    abstract->counts[level]++;
    for (int i = level + 1; i < LEVELS; i++)
        abstract->counts[i] = -1;
}

void lists_label(struct lists *lists, int list_id, int level, const char *style, struct buf *to)
{
    ask_style(lists, style, &list_id, &level);
    struct list *list = list_id > 0 ? find_list(lists, list_id) : NULL;
    if (!list || !list->abstract)
        return;
    if (level < 0 || level >= LEVELS)
        level = 0;
    const struct level *row = &list->abstract->levels[level];
    size_t before = to->length;
    count_up(list, level);
    if (strcmp(row->format, "bullet") == 0)
        buf_puts(to, "-");
    else
        put_label(list->abstract, row, to);
    if (to->length > before)
        buf_puts(to, " ");
}
