/* A web page as Markdown: the same walk as for its text, with other marks. Nothing recurses; what
 * is nested deeper than the tables here hold loses its marks and keeps its text. */
#include "extract/html_tree.h"
#include "extract/markdown.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    LISTS_MAX = 16,
    MARKS_MAX = 32,
    TABLES_MAX = 32,
    LAYOUT_LOOK_NODES = 10000,
    FLUSH_BYTES = 32 * 1024,
    HREF_BYTES_MAX = 2048,
    OUT_BYTES_MAX = 64 * 1024 * 1024,
};

struct list {
    bool ordered;
    int count;
};

/* Emphasis, code or a link that is open; written lazily, so that it stands close to its words. */
struct mark {
    const char *sign; /* "" = none */
    const GumboNode *link;
    bool written;
};

struct table {
    bool layout; /* holds another table: it only arranges things on the page */
    size_t row_cells, columns;
};

struct page {
    struct emit *emit;
    struct buf out; /* not emitted yet */
    char last;      /* byte written */
    int newlines;   /* wanted before the next word */
    bool space, hard_break, written;
    int heading; /* level, 0 = none */
    int quotes;
    bool item; /* its marker is to come */
    bool preformatted, fenced;
    struct list lists[LISTS_MAX];
    struct mark marks[MARKS_MAX];
    struct table tables[TABLES_MAX];
    int list_depth, mark_depth, table_depth; /* may be more than there is room for */
    bool in_cell;
};

static void note_written(struct page *page)
{
    page->last = page->out.length ? page->out.bytes[page->out.length - 1] : '\0';
    page->written = true;
    if (page->out.length > FLUSH_BYTES) {
        emit_markdown(page->emit, page->out.bytes, page->out.length);
        buf_clear(&page->out);
    }
}

static void put(struct page *page, const char *text, size_t length)
{
    if (length == 0)
        return;
    buf_append(&page->out, text, length);
    note_written(page);
}

static void puts_out(struct page *page, const char *text)
{
    put(page, text, strlen(text));
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* ---- gaps, and what begins a line ---- */

static void put_indent(struct page *page, int lists)
{
    for (int i = 0; i < page->quotes; i++)
        puts_out(page, "> ");
    for (int i = 0; i < smaller(lists, LISTS_MAX); i++)
        puts_out(page, page->lists[i].ordered ? "   " : "  ");
}

static void put_item(struct page *page)
{
    char number[16];
    int depth = smaller(page->list_depth, LISTS_MAX);
    const struct list *list = depth > 0 ? &page->lists[depth - 1] : NULL;
    put_indent(page, depth - 1);
    snprintf(number, sizeof number, "%d. ", list ? list->count : 0);
    puts_out(page, list && list->ordered ? number : "- ");
    page->item = false;
}

static void put_line_start(struct page *page)
{
    if (page->in_cell)
        return;
    if (page->item)
        put_item(page);
    else
        put_indent(page, page->list_depth);
    if (page->heading > 0) {
        puts_out(page, &"######"[6 - page->heading]);
        puts_out(page, " ");
    }
}

static void put_gap(struct page *page)
{
    bool start = !page->written || page->newlines > 0;
    if (page->written && page->newlines > 0) {
        puts_out(page, page->hard_break && page->newlines == 1 ? "\\\n" : "\n");
        if (page->newlines > 1)
            puts_out(page, "\n");
    } else if (page->written && page->space) {
        puts_out(page, " ");
    }
    page->newlines = 0;
    page->space = page->hard_break = false;
    if (start)
        put_line_start(page);
}

static void put_href(struct page *page, const char *href)
{
    puts_out(page, "](");
    for (; *href; href++) {
        char escaped[4];
        if ((unsigned char)*href > ' ' && !strchr("()<>\\", *href)) {
            put(page, href, 1);
            continue;
        }
        snprintf(escaped, sizeof escaped, "%%%02X", (unsigned char)*href);
        puts_out(page, escaped);
    }
    puts_out(page, ")");
}

static void close_mark(struct page *page, struct mark *mark)
{
    if (!mark->written)
        return;
    if (mark->link)
        put_href(page, html_attribute(mark->link, "href"));
    else
        puts_out(page, mark->sign);
    mark->written = false;
}

static void want_newlines(struct page *page, int count)
{
    if (page->in_cell || page->heading > 0) {
        page->space = true;
        return;
    }
    for (int i = smaller(page->mark_depth, MARKS_MAX); i-- > 0;)
        close_mark(page, &page->marks[i]); /* it opens again with the next word */
    if (count > page->newlines)
        page->newlines = count;
}

/* ---- words ---- */

static bool is_code(const struct page *page)
{
    for (int i = 0; i < smaller(page->mark_depth, MARKS_MAX); i++)
        if (page->marks[i].sign[0] == '`')
            return true;
    return false;
}

static void open_marks(struct page *page)
{
    for (int i = 0; i < smaller(page->mark_depth, MARKS_MAX); i++) {
        struct mark *mark = &page->marks[i];
        if (!mark->written && mark->sign[0])
            puts_out(page, mark->link ? "[" : mark->sign);
        mark->written = mark->sign[0] != '\0';
    }
}

static void put_word(struct page *page, const char *word, size_t length)
{
    bool line_start = !page->in_cell && (!page->written || page->newlines > 0);
    put_gap(page);
    open_marks(page);
    if (is_code(page)) {
        put(page, word, length);
        return;
    }
    markdown_text(&page->out, word, length, line_start);
    note_written(page);
}

static void put_words(struct page *page, const char *words)
{
    while (*words) {
        size_t length = 0;
        while (words[length] && !html_is_space(words[length]))
            length++;
        if (length > 0)
            put_word(page, words, length);
        words += length;
        while (html_is_space(*words)) {
            page->space = true;
            words++;
        }
    }
}

static void put_preformatted(struct page *page, const char *text)
{
    put_gap(page);
    if (!page->fenced) {
        puts_out(page, "```\n");
        put_indent(page, page->list_depth);
    }
    page->fenced = true;
    while (*text) {
        size_t length = strcspn(text, "\n");
        put(page, text, length);
        text += length;
        if (*text == '\n') {
            puts_out(page, "\n");
            put_indent(page, page->list_depth);
            text++;
        }
    }
}

/* ---- elements ---- */

static bool is_link(const char *href)
{
    static const char *const schemes[] = {"http:", "https:", "mailto:", "tel:", "ftp:"};
    if (!*href || *href == '#' || strlen(href) > HREF_BYTES_MAX)
        return false;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncasecmp(href, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return href[strcspn(href, ":/?#")] != ':'; /* relative */
}

static const char *sign_of(const GumboNode *node)
{
    static const struct {
        GumboTag tag;
        const char *sign;
    } signs[] = {{GUMBO_TAG_B, "**"},     {GUMBO_TAG_STRONG, "**"}, {GUMBO_TAG_I, "*"},
                 {GUMBO_TAG_EM, "*"},     {GUMBO_TAG_CODE, "`"},    {GUMBO_TAG_KBD, "`"},
                 {GUMBO_TAG_SAMP, "`"},   {GUMBO_TAG_TT, "`"},      {GUMBO_TAG_DEL, "~~"},
                 {GUMBO_TAG_STRIKE, "~~"}};
    if (node->v.element.tag == GUMBO_TAG_A)
        return "[";
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (signs[i].tag == node->v.element.tag)
            return signs[i].sign;
    return NULL;
}

static bool is_open(const struct page *page, const char *sign)
{
    for (int i = 0; i < smaller(page->mark_depth, MARKS_MAX); i++)
        if (strcmp(page->marks[i].sign, sign) == 0)
            return true;
    return false;
}

static void push_mark(struct page *page, const GumboNode *node, const char *sign)
{
    bool link = sign[0] == '[';
    bool useless = page->preformatted || is_open(page, sign) || is_code(page) ||
                   (link && !is_link(html_attribute(node, "href"))) ||
                   (sign[0] == '*' && page->heading > 0);
    if (page->mark_depth < MARKS_MAX)
        page->marks[page->mark_depth] = (struct mark){useless ? "" : sign, link ? node : NULL, 0};
    page->mark_depth++;
}

static void pop_mark(struct page *page)
{
    if (--page->mark_depth < MARKS_MAX)
        close_mark(page, &page->marks[page->mark_depth]);
}

/* Looks at a bounded part of the table; what is beyond counts as arranged. */
static bool holds_table(const GumboNode *table)
{
    const GumboNode *node = table;
    for (int seen = 0; seen < LAYOUT_LOOK_NODES; seen++) {
        if (node != table && html_is_element(node) && node->v.element.tag == GUMBO_TAG_TABLE)
            return true;
        if (html_is_element(node) && node->v.element.children.length > 0) {
            node = node->v.element.children.data[0];
            continue;
        }
        for (;;) {
            if (node == table)
                return false;
            const GumboNode *parent = node->parent;
            size_t next = node->index_within_parent + 1;
            if (next < parent->v.element.children.length) {
                node = parent->v.element.children.data[next];
                break;
            }
            node = parent;
        }
    }
    return true;
}

static struct table *table_of(struct page *page)
{
    if (page->table_depth < 1 || page->table_depth > TABLES_MAX)
        return NULL;
    struct table *table = &page->tables[page->table_depth - 1];
    return table->layout ? NULL : table;
}

static void enter_table(struct page *page, const GumboNode *node)
{
    want_newlines(page, 2);
    if (page->table_depth < TABLES_MAX)
        page->tables[page->table_depth] = (struct table){.layout = holds_table(node)};
    page->table_depth++;
}

static void enter_cell(struct page *page)
{
    struct table *table = table_of(page);
    if (!table) {
        want_newlines(page, 2);
        return;
    }
    put_gap(page);
    puts_out(page, "|");
    page->space = page->in_cell = true;
    table->row_cells++;
}

static void leave_cell(struct page *page)
{
    if (!table_of(page)) {
        want_newlines(page, 2);
        return;
    }
    page->in_cell = page->space = false;
    for (int i = smaller(page->mark_depth, MARKS_MAX); i-- > 0;)
        close_mark(page, &page->marks[i]);
    puts_out(page, " ");
}

static void leave_row(struct page *page)
{
    struct table *table = table_of(page);
    if (table && table->row_cells > 0) {
        for (; table->row_cells < table->columns; table->row_cells++)
            puts_out(page, "| ");
        puts_out(page, "|");
        if (table->columns == 0) {
            table->columns = table->row_cells;
            page->newlines = 1;
            put_gap(page);
            puts_out(page, "|");
            for (size_t i = 0; i < table->columns; i++)
                puts_out(page, " --- |");
        }
        table->row_cells = 0;
    }
    want_newlines(page, table ? 1 : 2);
}

static void enter_list(struct page *page, const GumboNode *node)
{
    bool ordered = node->v.element.tag == GUMBO_TAG_OL;
    long start = strtol(html_attribute(node, "start"), NULL, 10);
    want_newlines(page, page->list_depth > 0 ? 1 : 2);
    if (page->list_depth < LISTS_MAX)
        page->lists[page->list_depth] =
            (struct list){ordered, start > 1 && start < 1000000 ? (int)start - 1 : 0};
    page->list_depth++;
}

static void enter_item(struct page *page)
{
    want_newlines(page, 1);
    page->item = !page->in_cell;
    if (page->list_depth > 0 && page->list_depth <= LISTS_MAX)
        page->lists[page->list_depth - 1].count++;
}

static bool is_list(const GumboNode *node)
{
    return node->v.element.tag == GUMBO_TAG_UL || node->v.element.tag == GUMBO_TAG_OL;
}

static int heading_level(const GumboNode *node)
{
    GumboTag tag = node->v.element.tag;
    return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? (int)(tag - GUMBO_TAG_H1) + 1 : 0;
}

static void enter_paragraph(struct page *page, const GumboNode *node)
{
    int level = heading_level(node);
    if (is_list(node)) {
        enter_list(page, node);
        return;
    }
    want_newlines(page, page->item ? 1 : 2);
    page->quotes += node->v.element.tag == GUMBO_TAG_BLOCKQUOTE;
    if (level > 0 && page->heading == 0)
        page->heading = page->in_cell ? 0 : level;
}

static void line_break(struct page *page)
{
    bool second = page->newlines > 0;
    want_newlines(page, second ? 2 : 1);
    page->hard_break = !second && page->newlines == 1;
}

static void enter(struct page *page, const GumboNode *node)
{
    const char *sign = sign_of(node);
    switch (html_effect(node)) {
    case BLOCK:
        want_newlines(page, page->item ? 1 : 2);
        break;
    case ROW:
        want_newlines(page, 1);
        break;
    case ITEM:
        enter_item(page);
        break;
    case PREFORMATTED:
        want_newlines(page, 2);
        page->preformatted = true;
        break;
    case PARAGRAPH:
        enter_paragraph(page, node);
        break;
    case TABLE:
        enter_table(page, node);
        break;
    case CELL:
        enter_cell(page);
        break;
    case LINE_BREAK:
        line_break(page);
        break;
    case INLINE:
        if (sign)
            push_mark(page, node, sign);
        break;
    case SKIP:
        break;
    }
}

static void leave_preformatted(struct page *page)
{
    if (page->fenced)
        puts_out(page, page->last == '\n' ? "```" : "\n```");
    page->preformatted = page->fenced = false;
    want_newlines(page, 2);
}

static void leave_paragraph(struct page *page, const GumboNode *node)
{
    bool inner_list = is_list(node) && page->list_depth > 1;
    if (is_list(node))
        page->list_depth--;
    page->quotes -= node->v.element.tag == GUMBO_TAG_BLOCKQUOTE;
    if (heading_level(node) > 0)
        page->heading = 0;
    want_newlines(page, inner_list ? 1 : 2);
}

static void leave(struct page *page, const GumboNode *node)
{
    switch (html_effect(node)) {
    case BLOCK:
        want_newlines(page, 2);
        break;
    case ITEM:
        page->item = false;
        want_newlines(page, 1);
        break;
    case ROW:
        leave_row(page);
        break;
    case CELL:
        leave_cell(page);
        break;
    case TABLE:
        page->table_depth--;
        want_newlines(page, 2);
        break;
    case PREFORMATTED:
        leave_preformatted(page);
        break;
    case PARAGRAPH:
        leave_paragraph(page, node);
        break;
    case INLINE:
        if (sign_of(node))
            pop_mark(page);
        break;
    case LINE_BREAK:
    case SKIP:
        break;
    }
}

/* ---- the walk ---- */

static const GumboNode *next_node(struct page *page, const GumboNode *root, const GumboNode *node,
                                  bool inside)
{
    if (inside && html_is_element(node) && node->v.element.children.length > 0)
        return node->v.element.children.data[0];
    while (node != root) {
        if (html_is_element(node))
            leave(page, node);
        const GumboNode *parent = node->parent;
        unsigned at = (unsigned)node->index_within_parent + 1;
        if (at < parent->v.element.children.length)
            return parent->v.element.children.data[at];
        node = parent;
    }
    return NULL;
}

static bool is_text(const GumboNode *node)
{
    return node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_CDATA ||
           node->type == GUMBO_NODE_WHITESPACE;
}

void html_markdown(struct emit *emit, const GumboNode *root)
{
    struct page page = {.emit = emit, .out = BUF(OUT_BYTES_MAX)};
    const GumboNode *node = root;
    while (node && emit_status(emit, NULL) == 0) {
        bool inside = true;
        if (html_is_element(node)) {
            inside = html_effect(node) != SKIP;
            enter(&page, node);
        } else if (is_text(node) && page.preformatted && !page.in_cell) {
            put_preformatted(&page, node->v.text.text);
        } else if (is_text(node)) {
            put_words(&page, node->v.text.text);
        }
        node = next_node(&page, root, node, inside);
    }
    if (page.written)
        puts_out(&page, "\n");
    if (page.out.length > 0)
        emit_markdown(emit, page.out.bytes, page.out.length);
    buf_free(&page.out);
}
