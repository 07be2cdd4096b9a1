/* HTML through gumbo, which reads like a browser. The tree is walked without recursion, and lives
 * in memory of our own, so that neither depth nor size can hurt. */
#include "base/buf.h"
#include "base/error.h"
#include "extract/budget.h"
#include "extract/charset.h"
#include "extract/html_tree.h"
#include "extract/parsers.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PRESCAN_BYTES = 4096, CHARSET_NAME_SIZE = 40 };

/* ---- memory: every block is in one ring, so freeing needs no tree ---- */

struct chunk {
    struct chunk *next, *previous;
    size_t size, unused; /* keeps the payload aligned for any type */
};

/* What malloc adds is counted as well, for most blocks are tiny. */
enum { CHUNK_COST = sizeof(struct chunk) + 16, LOOK_AT_CLOCK = 256 };

struct heap {
    struct chunk ring;
    size_t used;
    unsigned looks;
    struct emit *emit; /* for its clock */
    jmp_buf full;      /* gumbo cannot hear "no" */
};

static void *heap_alloc(void *context, size_t size)
{
    struct heap *heap = context;
    struct chunk *chunk = NULL;
    bool in_time = ++heap->looks % LOOK_AT_CLOCK != 0 || emit_status(heap->emit, NULL) == 0;
    if (in_time && size + CHUNK_COST < LIMIT_HTML_TREE_BYTES - heap->used)
        chunk = malloc(sizeof *chunk + size);
    if (!chunk)
        longjmp(heap->full, 1);
    *chunk = (struct chunk){.next = heap->ring.next, .previous = &heap->ring, .size = size};
    chunk->next->previous = chunk;
    heap->ring.next = chunk;
    heap->used += size + CHUNK_COST;
    return chunk + 1;
}

static void heap_free(void *context, void *memory)
{
    struct heap *heap = context;
    if (!memory)
        return;
    struct chunk *chunk = (struct chunk *)memory - 1;
    chunk->previous->next = chunk->next;
    chunk->next->previous = chunk->previous;
    heap->used -= chunk->size + CHUNK_COST;
    free(chunk);
}

static void heap_clear(struct heap *heap)
{
    while (heap->ring.next != &heap->ring)
        heap_free(heap, heap->ring.next + 1);
}

/* ---- the text ---- */

struct page_text {
    struct emit *emit;
    int newlines;     /* wanted before the next word */
    bool space, tab;  /* the same */
    bool written;     /* anything at all */
    int preformatted; /* depth */
    bool in_cell;     /* of the innermost table: lines become spaces */
};

static void want_newlines(struct page_text *text, int count)
{
    if (text->in_cell)
        text->space = true;
    else if (count > text->newlines)
        text->newlines = count;
}

static void put_gap(struct page_text *text)
{
    static const char newlines[] = "\n\n";
    if (text->written && text->newlines > 0)
        emit_text(text->emit, newlines, (size_t)text->newlines);
    else if (text->written && text->tab)
        emit_text(text->emit, "\t", 1);
    else if (text->written && text->space)
        emit_text(text->emit, " ", 1);
    text->newlines = 0;
    text->space = text->tab = false;
    text->written = true;
}

static void put_words(struct page_text *text, const char *words)
{
    while (*words) {
        size_t length = 0;
        while (words[length] && !html_is_space(words[length]))
            length++;
        if (length > 0) {
            put_gap(text);
            emit_text(text->emit, words, length);
        }
        words += length;
        while (html_is_space(*words)) {
            text->space = true;
            words++;
        }
    }
}

static void put_text(struct page_text *text, const GumboNode *node)
{
    const char *words = node->v.text.text;
    if (text->preformatted == 0 || text->in_cell) {
        put_words(text, words);
    } else if (*words) {
        put_gap(text);
        emit_puts(text->emit, words);
    }
}

static void enter(struct page_text *text, enum effect effect)
{
    switch (effect) {
    case BLOCK:
    case ROW:
        want_newlines(text, 1);
        break;
    case ITEM:
        want_newlines(text, 1);
        put_gap(text);
        emit_text(text->emit, "-", 1);
        text->space = true;
        break;
    case PREFORMATTED:
        text->preformatted++;
        want_newlines(text, 2);
        break;
    case PARAGRAPH:
        want_newlines(text, 2);
        break;
    case TABLE: /* also one in a cell of another, which then is only a frame */
        text->in_cell = false;
        want_newlines(text, 2);
        break;
    case CELL:
        text->in_cell = true;
        break;
    case LINE_BREAK:
        want_newlines(text, text->newlines < 2 ? text->newlines + 1 : 2);
        break;
    case INLINE:
    case SKIP:
        break;
    }
}

/* Whether the table stands in a cell of another one. */
static bool is_nested(const GumboNode *table)
{
    for (const GumboNode *node = table->parent; node && html_is_element(node);
         node = node->parent) {
        enum effect effect = html_effect(node);
        if (effect == CELL || effect == TABLE)
            return effect == CELL;
    }
    return false;
}

static void leave(struct page_text *text, const GumboNode *node)
{
    enum effect effect = html_effect(node);
    if (effect == CELL) {
        text->in_cell = false;
        text->tab = true;
    } else if (effect == PREFORMATTED) {
        text->preformatted--;
    }
    if (effect == BLOCK || effect == ROW || effect == ITEM)
        want_newlines(text, 1);
    if (effect == PARAGRAPH || effect == PREFORMATTED || effect == TABLE)
        want_newlines(text, 2);
    if (effect == TABLE)
        text->in_cell = is_nested(node);
}

/* The node behind `node` in reading order, leaving elements on the way up. */
static const GumboNode *next_node(struct page_text *text, const GumboNode *root,
                                  const GumboNode *node, bool inside)
{
    if (inside && html_is_element(node) && node->v.element.children.length > 0)
        return node->v.element.children.data[0];
    while (node != root) {
        if (html_is_element(node))
            leave(text, node);
        const GumboNode *parent = node->parent;
        unsigned at = (unsigned)node->index_within_parent + 1;
        if (at < parent->v.element.children.length)
            return parent->v.element.children.data[at];
        node = parent;
    }
    return NULL;
}

static void put_tree(struct page_text *text, const GumboNode *root)
{
    const GumboNode *node = root;
    while (node && emit_status(text->emit, NULL) == 0) {
        bool inside = true;
        if (html_is_element(node)) {
            enum effect effect = html_effect(node);
            inside = effect != SKIP;
            enter(text, effect);
        } else if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_CDATA) {
            put_text(text, node);
        } else if (node->type == GUMBO_NODE_WHITESPACE) {
            put_text(text, node);
        }
        node = next_node(text, root, node, inside);
    }
}

/* ---- metadata: the head, one level deep ---- */

static void meta_fact(struct emit *emit, const GumboNode *node)
{
    static const struct {
        const char *name;
        enum fact fact;
    } names[] = {
        {"author", FACT_AUTHOR},
        {"description", FACT_DESCRIPTION},
        {"keywords", FACT_KEYWORDS},
        {"generator", FACT_PRODUCER},
        {"dc.title", FACT_TITLE},
        {"dc.creator", FACT_AUTHOR},
        {"dcterms.created", FACT_CREATED},
        {"article:published_time", FACT_CREATED},
        {"date", FACT_CREATED},
        {"article:modified_time", FACT_MODIFIED},
        {"og:title", FACT_TITLE},
        {"og:description", FACT_DESCRIPTION},
    };
    const char *name = html_attribute(node, "name"), *content = html_attribute(node, "content");
    if (!*name)
        name = html_attribute(node, "property");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(names[i].name, name) == 0)
            emit_fact(emit, names[i].fact, content, strlen(content));
}

static void head_facts(struct emit *emit, const GumboNode *root, bool titles)
{
    const GumboVector *heads = &root->v.element.children;
    const char *language = html_attribute(root, "lang");
    emit_fact(emit, FACT_LANGUAGE, language, strlen(language));
    for (unsigned h = 0; h < heads->length; h++) {
        const GumboNode *head = heads->data[h];
        if (!html_is_element(head) || head->v.element.tag != GUMBO_TAG_HEAD)
            continue;
        for (unsigned i = 0; i < head->v.element.children.length; i++) {
            const GumboNode *node = head->v.element.children.data[i];
            if (!html_is_element(node))
                continue;
            if (titles && node->v.element.tag == GUMBO_TAG_TITLE &&
                node->v.element.children.length > 0) {
                const GumboNode *text = node->v.element.children.data[0];
                if (text->type == GUMBO_NODE_TEXT)
                    emit_fact(emit, FACT_TITLE, text->v.text.text, strlen(text->v.text.text));
            } else if (!titles && node->v.element.tag == GUMBO_TAG_META) {
                meta_fact(emit, node);
            }
        }
    }
}

/* ---- the bytes ---- */

/* charset=... within the first bytes, as <meta> or an XML declaration says it. */
static void declared_charset(const struct input *input, char name[CHARSET_NAME_SIZE])
{
    static const char *const keys[] = {"charset", "encoding"};
    char head[PRESCAN_BYTES + 1];
    size_t length = input->length < PRESCAN_BYTES ? input->length : PRESCAN_BYTES, used = 0;
    for (size_t i = 0; i < length; i++)
        head[i] = input->bytes[i] ? input->bytes[i] : ' ';
    head[length] = '\0';
    name[0] = '\0';
    for (size_t k = 0; k < 2; k++) {
        const char *at = strcasestr(head, keys[k]);
        if (!at)
            continue;
        at += strlen(keys[k]);
        at += strspn(at, " \t\r\n=\"'");
        while (used < CHARSET_NAME_SIZE - 1 && *at && !strchr(" \t\r\n\"';>/?", *at))
            name[used++] = *at++;
        name[used] = '\0';
        return;
    }
}

static int collect(void *context, const char *text, size_t length)
{
    return buf_append(context, text, length) ? 0 : DQ_TOO_LARGE;
}

static int put_document(const struct buf *source, struct heap *heap, struct emit *emit,
                        dq_error *error)
{
    heap->ring.next = heap->ring.previous = &heap->ring;
    if (setjmp(heap->full)) {
        heap_clear(heap);
        return error_set(error, DQ_TOO_LARGE,
                         emit_status(emit, NULL) < 0
                             ? "The web page is too tangled to be read in the time there is."
                             : "The web page needs more than 512 MiB as a tree.");
    }
    GumboOptions options = kGumboDefaultOptions;
    options.allocator = heap_alloc;
    options.deallocator = heap_free;
    options.userdata = heap;
    options.max_errors = 0;
    GumboOutput *output =
        gumbo_parse_with_options(&options, source->length ? source->bytes : "", source->length);
    struct page_text text = {.emit = emit};
    head_facts(emit, output->root, true);
    head_facts(emit, output->root, false);
    put_tree(&text, output->root);
    if (text.written)
        emit_text(emit, "\n", 1);
    html_markdown(emit, output->root);
    heap_clear(heap);
    return emit_status(emit, error);
}

int read_html(const struct input *input, const char *encoding, struct emit *emit, dq_error *error)
{
    char declared[CHARSET_NAME_SIZE];
    size_t skip = 0;
    struct heap heap = {.emit = emit};
    autobuf source = BUF(LIMIT_HTML_BYTES);
    declared_charset(input, declared);
    struct charset charset = charset_detect(input->bytes, input->length,
                                            encoding && *encoding ? encoding : declared, &skip);
    emit_fact(emit, FACT_ENCODING, charset.name, strlen(charset.name));
    int result =
        charset_decode(charset, input->bytes + skip, input->length - skip, collect, &source, error);
    if (source.overflow)
        return error_set(error, DQ_TOO_LARGE, "The web page is longer than %llu MiB.",
                         LIMIT_HTML_BYTES / 1024 / 1024);
    return result < 0 ? result : put_document(&source, &heap, emit, error);
}

int extract_html(const struct input *input, struct emit *emit, dq_error *error)
{
    return read_html(input, NULL, emit, error);
}
