/* Styles of lists: text:list-style, text:outline-style; and page breaks of paragraphs. */
#include "extract/odf_styles.h"

#include "base/arena.h"
#include "extract/labels.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = 10, LISTS_MAX = 2000, BREAKS_MAX = 200, STYLE_NAME_SIZE = 80, AFFIX_SIZE = 16 };

struct level {
    char format[4]; /* "1", "a", "I", ...; "" shows no number */
    char prefix[AFFIX_SIZE], suffix[AFFIX_SIZE];
    int start, shown; /* shown: so many levels, "2.1.3" */
    bool bullet;
};

struct list_style {
    struct list_style *next;
    char name[STYLE_NAME_SIZE];
    struct level levels[LEVELS];
    int counts[LEVELS]; /* where a later list of this style goes on */
};

struct page_break {
    struct page_break *next;
    char name[STYLE_NAME_SIZE];
};

struct styles {
    struct arena *arena;
    struct list_style *lists, *outline, *reading;
    struct page_break *breaks;
    int list_count, break_count;
    char style[STYLE_NAME_SIZE];     /* the paragraph style that is being read */
    struct list_style *open[LEVELS]; /* the styles of the lists that we are in */
    int depth;                       /* of lists; may be more than LEVELS */
};

struct styles *styles_new(void)
{
    struct arena *arena = arena_new();
    struct styles *styles = arena_alloc(arena, sizeof *styles);
    styles->arena = arena;
    return styles;
}

void styles_free(struct styles **styles)
{
    if (*styles)
        arena_free((*styles)->arena);
    *styles = NULL;
}

static int number_of(const struct xml_attributes *attributes, const char *name, int otherwise)
{
    char value[16];
    if (!xml_attribute(attributes, name, value, sizeof value))
        return otherwise;
    long number = strtol(value, NULL, 10);
    return number < 0 || number > 1000000 ? otherwise : (int)number;
}

/* ---- reading ---- */

static void begin_list_style(struct styles *styles, const char *name,
                             const struct xml_attributes *attributes)
{
    styles->reading = NULL;
    if (styles->list_count++ >= LISTS_MAX)
        return;
    struct list_style *list = arena_alloc(styles->arena, sizeof *list);
    xml_attribute(attributes, "name", list->name, sizeof list->name);
    list->next = styles->lists;
    styles->lists = styles->reading = list;
    if (strcmp(name, "outline-style") == 0)
        styles->outline = list;
}

static void read_level(struct styles *styles, const char *name,
                       const struct xml_attributes *attributes)
{
    int number = number_of(attributes, "level", 0);
    if (!styles->reading || number < 1 || number > LEVELS)
        return;
    struct level *level = &styles->reading->levels[number - 1];
    level->bullet = strcmp(name, "list-level-style-bullet") == 0;
    xml_attribute(attributes, "num-format", level->format, sizeof level->format);
    xml_attribute(attributes, "num-prefix", level->prefix, sizeof level->prefix);
    xml_attribute(attributes, "num-suffix", level->suffix, sizeof level->suffix);
    level->start = number_of(attributes, "start-value", 1);
    level->shown = number_of(attributes, "display-levels", 1);
}

static void read_break(struct styles *styles, const struct xml_attributes *attributes)
{
    char value[16];
    xml_attribute(attributes, "break-before", value, sizeof value);
    if (strcmp(value, "page") != 0 || !*styles->style || styles->break_count++ >= BREAKS_MAX)
        return;
    struct page_break *row = arena_alloc(styles->arena, sizeof *row);
    memcpy(row->name, styles->style, sizeof row->name);
    row->next = styles->breaks;
    styles->breaks = row;
}

bool styles_start_element(struct styles *styles, const char *name,
                          const struct xml_attributes *attributes)
{
    if (strcmp(name, "list-style") == 0 || strcmp(name, "outline-style") == 0)
        begin_list_style(styles, name, attributes);
    else if (strncmp(name, "list-level-style-", 17) == 0 ||
             strcmp(name, "outline-level-style") == 0)
        read_level(styles, name, attributes);
    else if (strcmp(name, "style") == 0)
        xml_attribute(attributes, "name", styles->style, sizeof styles->style);
    else if (strcmp(name, "paragraph-properties") == 0)
        read_break(styles, attributes);
    else
        return false;
    return true;
}

bool styles_end_element(struct styles *styles, const char *name)
{
    if (strcmp(name, "list-style") == 0 || strcmp(name, "outline-style") == 0)
        styles->reading = NULL;
    else if (strcmp(name, "style") == 0)
        styles->style[0] = '\0';
    else
        return false;
    return true;
}

bool styles_break_before(const struct styles *styles, const char *paragraph_style)
{
    const struct page_break *row = styles->breaks;
    while (row && strcmp(row->name, paragraph_style) != 0)
        row = row->next;
    return row != NULL;
}

/* ---- numbering ---- */

static void reset(struct list_style *list, int from)
{
    for (int i = from; i < LEVELS; i++)
        list->counts[i] = -1;
}

void styles_list_begin(struct styles *styles, const char *style, bool continues)
{
    struct list_style *list = styles->lists;
    int at = styles->depth++;
    if (at >= LEVELS)
        return;
    while (*style && list && strcmp(list->name, style) != 0)
        list = list->next;
    styles->open[at] = *style ? list : at > 0 ? styles->open[at - 1] : NULL;
    if (styles->open[at] && !continues)
        reset(styles->open[at], at);
}

void styles_list_end(struct styles *styles)
{
    styles->depth -= styles->depth > 0;
}

static void put_number(const struct level *level, int value, struct buf *to)
{
    static const struct {
        char sign;
        const char *format;
    } formats[] = {
        {'a', "lowerLetter"}, {'A', "upperLetter"}, {'i', "lowerRoman"}, {'I', "upperRoman"}};
    const char *format = "decimal";
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (formats[i].sign == *level->format)
            format = formats[i].format;
    label_number(value, format, to);
}

static void put_label(struct list_style *list, int at, int start, struct buf *to)
{
    const struct level *level = &list->levels[at];
    if (start >= 0)
        list->counts[at] = start;
    else
        list->counts[at] = list->counts[at] < 0 ? level->start : list->counts[at] + 1;
    reset(list, at + 1);
    if (level->bullet) {
        buf_puts(to, "- ");
        return;
    }
    if (!*level->format)
        return;
    buf_puts(to, level->prefix);
    for (int i = at + 1 - level->shown > 0 ? at + 1 - level->shown : 0; i <= at; i++) {
        const struct level *shown = &list->levels[i];
        if (!*shown->format)
            continue;
        put_number(shown, list->counts[i] < 0 ? shown->start : list->counts[i], to);
        if (i < at)
            buf_puts(to, ".");
    }
    buf_puts(to, level->suffix);
    buf_puts(to, " ");
}

void styles_label_item(struct styles *styles, int start, struct buf *to)
{
    int at = styles->depth - 1;
    if (at >= 0 && at < LEVELS && styles->open[at])
        put_label(styles->open[at], at, start, to);
    else
        buf_puts(to, "- ");
}

void styles_label_heading(struct styles *styles, int level, struct buf *to)
{
    if (styles->outline && level >= 1 && level <= LEVELS)
        put_label(styles->outline, level - 1, -1, to);
}
