/*
 * Cutting text at its own joints.
 *
 * A section goes from one heading to the next (headings without text between them count as one).
 * A section that fits is a chunk; of a longer one as much is taken as fits, up to the last best
 * joint in the second half: the end of a paragraph, else of a sentence, a line, a word.
 */
#include "core/chunk.h"

#include "base/error.h"
#include "base/utf8.h"

#include <limits.h>
#include <string.h>

#define HEADING_LEVELS    6
#define HEADING_BYTES_MAX 300
#define INDENT_MAX        3 /* more blanks before it, and it is no heading */

/* Joints, the better the larger. */
enum joint { JOINT_NONE, JOINT_WORD, JOINT_LINE, JOINT_SENTENCE, JOINT_PARAGRAPH };

struct place {
    size_t byte;
    int character;
};

struct chunker {
    const dq_chunk_options *options;
    struct arena *arena;
    dq_chunk_list *list;
    size_t capacity;
    int number; /* chunks met so far */
    const char *headings[HEADING_LEVELS];
    const char **path; /* those that are set, for the section at hand; NULL = not made yet */
    size_t path_count;
    const dq_page *page;
    struct place last; /* where the last chunk of the page began */
};

int chunk_options_check(const dq_chunk_options *options, dq_chunk_options *ret_options,
                        dq_error *error)
{
    dq_chunk_options checked = options ? *options : (dq_chunk_options){0};
    if (checked.size == 0)
        checked.size = DQ_CHUNK_SIZE_DEFAULT;
    if (checked.first == 0)
        checked.first = 1;
    if (checked.limit == 0)
        checked.limit = INT_MAX;
    if (checked.size < DQ_CHUNK_SIZE_MIN || checked.size > DQ_CHUNK_SIZE_MAX)
        return error_field(error, DQ_INVALID, "/size", "size is from %d to %d characters",
                           DQ_CHUNK_SIZE_MIN, DQ_CHUNK_SIZE_MAX);
    if (checked.overlap < 0 || checked.overlap > checked.size / 2)
        return error_field(error, DQ_INVALID, "/overlap",
                           "overlap is from 0 to half of size (%d characters)", checked.size / 2);
    if (checked.first < 1 || checked.limit < 1)
        return error_field(error, DQ_INVALID, checked.first < 1 ? "/cursor" : "/limit",
                           "chunks are counted from 1");
    *ret_options = checked;
    return 0;
}

static bool is_blank(char c)
{
    return (unsigned char)c <= ' ';
}

static bool starts(const struct chunker *chunker, size_t at)
{
    return at >= chunker->page->text_bytes || (chunker->page->text[at] & 0xc0) != 0x80;
}

/* ---- headings -------------------------------------------------------------------------------- */

/* Level 1.. of a Markdown heading that begins at `line`, and its title; 0: it is none. */
static int heading_level(const char *line, size_t length, const char **ret_title,
                         size_t *ret_length)
{
    size_t at = 0, level = 0;
    while (at < length && line[at] == ' ' && at <= INDENT_MAX)
        at++;
    while (at + level < length && line[at + level] == '#')
        level++;
    at += level;
    if (level < 1 || level > HEADING_LEVELS || (at < length && !is_blank(line[at])))
        return 0;
    while (at < length && is_blank(line[at]))
        at++;
    while (length > at && (is_blank(line[length - 1]) || line[length - 1] == '#'))
        length--;
    *ret_title = line + at;
    *ret_length = length - at;
    return *ret_length > 0 ? (int)level : 0;
}

static bool is_fence(const char *line, size_t length)
{
    size_t at = 0;
    while (at < length && line[at] == ' ' && at < INDENT_MAX)
        at++;
    return length - at >= 3 &&
           (memcmp(line + at, "```", 3) == 0 || memcmp(line + at, "~~~", 3) == 0);
}

static void set_heading(struct chunker *chunker, int level, const char *title, size_t length)
{
    if (length > HEADING_BYTES_MAX)
        length = utf8_prefix(title, HEADING_BYTES_MAX);
    chunker->headings[level - 1] = arena_strndup(chunker->arena, title, length);
    for (int deeper = level; deeper < HEADING_LEVELS; deeper++)
        chunker->headings[deeper] = NULL;
    chunker->path = NULL;
}

static void make_path(struct chunker *chunker)
{
    chunker->path = arena_alloc(chunker->arena, HEADING_LEVELS * sizeof *chunker->path);
    chunker->path_count = 0;
    for (int level = 0; level < HEADING_LEVELS; level++)
        if (chunker->headings[level])
            chunker->path[chunker->path_count++] = chunker->headings[level];
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static dq_chunk *new_chunk(struct chunker *chunker)
{
    dq_chunk_list *list = chunker->list;
    if (list->count == chunker->capacity) {
        chunker->capacity = chunker->capacity ? chunker->capacity * 2 : 16;
        dq_chunk *larger = arena_alloc(chunker->arena, chunker->capacity * sizeof *larger);
        if (list->count > 0)
            memcpy(larger, list->chunks, list->count * sizeof *larger);
        list->chunks = larger;
    }
    return &list->chunks[list->count++];
}

/* text[from, to), neither of which is a blank's side. */
static void emit(struct chunker *chunker, size_t from, size_t to)
{
    const char *text = chunker->page->text;
    const dq_chunk_options *options = chunker->options;
    dq_chunk_list *list = chunker->list;
    chunker->last.character +=
        (int)utf8_count(text + chunker->last.byte, from - chunker->last.byte);
    chunker->last.byte = from;
    chunker->number++;
    if (chunker->number < options->first)
        return;
    if (list->count == (size_t)options->limit) {
        list->next = list->next ? list->next : chunker->number;
        return;
    }
    if (!chunker->path)
        make_path(chunker);
    *new_chunk(chunker) = (dq_chunk){
        .number = chunker->number,
        .page = chunker->page->number,
        .from = chunker->last.character,
        .to = chunker->last.character + (int)utf8_count(text + from, to - from),
        .headings = chunker->path,
        .heading_count = chunker->path_count,
        .text = arena_strndup(chunker->arena, text + from, to - from),
        .text_bytes = to - from,
    };
}

/* `characters` further on than `at`, at most `end`. */
static size_t forward(const struct chunker *chunker, size_t at, size_t end, int characters)
{
    while (at < end && characters > 0) {
        at++;
        while (at < end && !starts(chunker, at))
            at++;
        characters--;
    }
    return at;
}

/* Does the text before `at` end a sentence? A few closing quotes and brackets may stand between. */
static bool ends_sentence(const char *text, size_t at)
{
    enum { LOOK_BACK_BYTES_MAX = 8 };
    for (int i = 0; i < LOOK_BACK_BYTES_MAX && at > 0; i++, at--)
        if (!is_blank(text[at - 1]) && !strchr("\"')]", text[at - 1]))
            break;
    return at > 0 && strchr(".!?", text[at - 1]);
}

static bool ends_east_asian_sentence(const char *text, size_t at)
{
    static const char *const marks[] = {"\xe3\x80\x82", "\xef\xbc\x81", "\xef\xbc\x9f"};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (at >= 3 && memcmp(text + at - 3, marks[i], 3) == 0)
            return true;
    return false;
}

/* What kind of joint lies before text[at]? */
static enum joint joint_at(const char *text, size_t at)
{
    size_t line = at - 1;
    if (ends_east_asian_sentence(text, at))
        return JOINT_SENTENCE;
    if (!is_blank(text[at - 1]))
        return JOINT_NONE;
    if (text[at - 1] != '\n')
        return ends_sentence(text, at) ? JOINT_SENTENCE : JOINT_WORD;
    while (line > 0 && is_blank(text[line - 1]) && text[line - 1] != '\n')
        line--;
    if (line > 0 && text[line - 1] == '\n')
        return JOINT_PARAGRAPH;
    return ends_sentence(text, at) ? JOINT_SENTENCE : JOINT_LINE;
}

/* The last best joint in (low, limit]; `limit` itself where there is none. */
static size_t best_joint(const struct chunker *chunker, size_t low, size_t limit)
{
    enum joint best = JOINT_NONE;
    size_t found = limit;
    for (size_t at = limit; at > low && best < JOINT_PARAGRAPH; at--) {
        enum joint joint = starts(chunker, at) ? joint_at(chunker->page->text, at) : JOINT_NONE;
        if (joint > best) {
            best = joint;
            found = at;
        }
    }
    return found;
}

/* Where the next chunk begins so that it repeats about `overlap` characters before `cut`: at the
 * beginning of a word. */
static size_t step_back(const struct chunker *chunker, size_t start, size_t cut)
{
    const char *text = chunker->page->text;
    size_t at = cut;
    for (int left = chunker->options->overlap; left > 0 && at > start + 1; left--) {
        at--;
        while (at > start + 1 && !starts(chunker, at))
            at--;
    }
    while (at < cut && !(is_blank(text[at - 1]) && !is_blank(text[at])))
        at++;
    return at;
}

static size_t skip_blanks(const char *text, size_t at, size_t end)
{
    while (at < end && is_blank(text[at]))
        at++;
    return at;
}

static size_t drop_blanks(const char *text, size_t start, size_t at)
{
    while (at > start && is_blank(text[at - 1]))
        at--;
    return at;
}

static void cut_section(struct chunker *chunker, size_t start, size_t end)
{
    const char *text = chunker->page->text;
    int size = chunker->options->size;
    end = drop_blanks(text, start, end);
    start = skip_blanks(text, start, end);
    while (start < end) {
        size_t limit = forward(chunker, start, end, size);
        size_t low = forward(chunker, start, limit, size / 2 + 1);
        size_t cut = limit == end ? end : best_joint(chunker, low, limit);
        emit(chunker, start, drop_blanks(text, start, cut));
        if (cut == end)
            return;
        start = skip_blanks(text, step_back(chunker, start, cut), end);
    }
}

/* Cuts the page at its headings. The headings stay in the text of their section. */
static void cut_page(struct chunker *chunker)
{
    const char *text = chunker->page->text, *title;
    size_t length = chunker->page->text_bytes, start = 0, title_length;
    bool has_text = false, fenced = false;
    for (size_t at = 0, next; at < length; at = next) {
        const char *newline = memchr(text + at, '\n', length - at);
        next = newline ? (size_t)(newline - text) + 1 : length;
        fenced ^= is_fence(text + at, next - at);
        int level = fenced ? 0 : heading_level(text + at, next - at, &title, &title_length);
        if (level > 0 && has_text) {
            cut_section(chunker, start, at);
            start = at;
            has_text = false;
        }
        if (level > 0)
            set_heading(chunker, level, title, title_length);
        else
            has_text = has_text || skip_blanks(text, at, next) < next;
    }
    cut_section(chunker, start, length);
}

void chunks_make(const dq_page *pages, size_t page_count, const dq_chunk_options *options,
                 struct arena *arena, dq_chunk_list *list)
{
    struct chunker chunker = {.options = options, .arena = arena, .list = list};
    for (size_t i = 0; i < page_count && list->next == 0; i++) {
        chunker.page = &pages[i];
        chunker.last = (struct place){0, 0};
        cut_page(&chunker);
    }
}
