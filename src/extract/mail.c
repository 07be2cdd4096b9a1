/* Messages (EML) and mailboxes (MBOX): the headers that people read, the body, and what is
 * attached, each like a document of its own. */
#include "base/error.h"
#include "extract/budget.h"
#include "extract/extract.h"
#include "extract/mime.h"
#include "extract/parsers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TYPE_SIZE = 128 };

struct mail {
    const struct input *input;
    struct emit *emit;
    int depth;      /* of multiparts */
    unsigned parts; /* so far */
    bool cut;       /* it was said that there are too many */
};

/* What the headers of one part say. */
struct part {
    struct entity entity;
    struct buf content_type, encoding, disposition, name, charset;
    char type[TYPE_SIZE]; /* "text/plain", lower case */
};

static int read_part(struct mail *mail, struct span whole, const char *usual_type, dq_error *error);
static int read_message(struct mail *mail, struct span whole, bool outermost, dq_error *error);

static void free_part(struct part *part)
{
    buf_free(&part->content_type);
    buf_free(&part->encoding);
    buf_free(&part->disposition);
    buf_free(&part->name);
    buf_free(&part->charset);
}

#define autopart __attribute__((cleanup(free_part))) struct part

static void parse_part(struct part *part, struct span whole, const char *usual_type)
{
    *part = (struct part){.entity = mime_split(whole),
                          .content_type = BUF(LIMIT_HEADER_BYTES),
                          .encoding = BUF(LIMIT_HEADER_BYTES),
                          .disposition = BUF(LIMIT_HEADER_BYTES),
                          .name = BUF(LIMIT_HEADER_BYTES),
                          .charset = BUF(LIMIT_HEADER_BYTES)};
    struct span headers = part->entity.headers;
    mime_header(headers, "Content-Type", &part->content_type);
    mime_header(headers, "Content-Transfer-Encoding", &part->encoding);
    mime_header(headers, "Content-Disposition", &part->disposition);
    mime_parameter(part->content_type.bytes, "charset", &part->charset);
    if (!mime_parameter(part->disposition.bytes, "filename", &part->name))
        mime_parameter(part->content_type.bytes, "name", &part->name);
    size_t length = strcspn(part->content_type.bytes, "; \t(");
    bool known = memchr(part->content_type.bytes, '/', length) != NULL;
    snprintf(part->type, sizeof part->type, "%.*s", known ? (int)length : TYPE_SIZE,
             known ? part->content_type.bytes : usual_type);
    for (char *letter = part->type; *letter; letter++)
        *letter = *letter >= 'A' && *letter <= 'Z' ? (char)(*letter | 32) : *letter;
}

static bool is_attached(const struct part *part)
{
    return strncasecmp(part->disposition.bytes, "attachment", 10) == 0 || part->name.length > 0;
}

/* ---- the three things that a part may be ---- */

static int read_body(struct mail *mail, const struct part *part, dq_error *error)
{
    autobuf room = BUF(mail->input->length);
    struct span bytes = mime_decode(part->entity.body, part->encoding.bytes, &room);
    struct input body = {bytes.at, bytes.length, "", mail->input->budget};
    if (bytes.length == 0)
        return 0;
    emit_part_begin(mail->emit, NULL);
    int result = strcmp(part->type, "text/html") == 0
                     ? read_html(&body, part->charset.bytes, mail->emit, error)
                     : read_text(&body, part->charset.bytes, mail->emit, error);
    emit_part_end(mail->emit);
    emit_puts(mail->emit, "\n");
    return result < 0 ? result : emit_status(mail->emit, error);
}

static int read_attachment(struct mail *mail, const struct part *part, dq_error *error)
{
    autobuf room = BUF(mail->input->length);
    struct span bytes = mime_decode(part->entity.body, part->encoding.bytes, &room);
    return extract_nested(mail->input, part->name.length ? part->name.bytes : part->type, bytes.at,
                          bytes.length, mail->emit, error);
}

static int read_inner_message(struct mail *mail, const struct part *part, dq_error *error)
{
    autobuf room = BUF(mail->input->length), subject = BUF(LIMIT_HEADER_BYTES);
    autobuf name = BUF(LIMIT_HEADER_BYTES);
    struct span bytes = mime_decode(part->entity.body, part->encoding.bytes, &room);
    struct mail inner = {.input = mail->input, .emit = mail->emit};
    int result = budget_member(mail->input->budget, error);
    if (result < 0)
        return result;
    if (mail->input->budget->depth >= LIMIT_NESTING) {
        emit_problem(mail->emit, "a message in a message is not read: they are %d deep",
                     LIMIT_NESTING);
        return emit_status(mail->emit, error);
    }
    mime_header(mime_split(bytes).headers, "Subject", &subject);
    mime_words(subject.bytes, &name);
    budget_enter(mail->input->budget, NULL);
    emit_part_begin(mail->emit, name.length ? name.bytes : "message");
    result = read_message(&inner, bytes, false, error);
    emit_part_end(mail->emit);
    budget_leave(mail->input->budget);
    return result;
}

/* ---- multiparts ---- */

/* How much we want a part of an alternative; the last of the best is taken. */
static int worth(const char *type)
{
    static const struct {
        const char *type;
        int worth;
    } rows[] = {
        {"text/html", 4}, {"multipart/", 3}, {"text/plain", 2}, {"text/", 1}, {"message/", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strncmp(type, rows[i].type, strlen(rows[i].type)) == 0)
            return rows[i].worth;
    return 0;
}

/* The best one; where that turns out to be empty, each of the others until one is not. */
static int read_alternative(struct mail *mail, struct span body, const char *boundary,
                            dq_error *error)
{
    struct span rest = body, part, best = {"", 0};
    int best_worth = -1, result = 0;
    for (unsigned count = 0; mime_next_part(&rest, boundary, &part) && count < LIMIT_MIME_PARTS;
         count++) {
        autopart parsed;
        parse_part(&parsed, part, "text/plain");
        if (worth(parsed.type) >= best_worth) {
            best_worth = worth(parsed.type);
            best = part;
        }
    }
    size_t before = emit_open_bytes(mail->emit) + 2;
    if (best_worth >= 0)
        result = read_part(mail, best, "text/plain", error);
    rest = body;
    while (result == 0 && emit_open_bytes(mail->emit) <= before &&
           mime_next_part(&rest, boundary, &part) && mail->parts < LIMIT_MIME_PARTS)
        if (part.at != best.at)
            result = read_part(mail, part, "text/plain", error);
    return result;
}

static int read_multipart(struct mail *mail, const struct part *part, dq_error *error)
{
    autobuf boundary = BUF(LIMIT_HEADER_BYTES);
    struct span rest = part->entity.body, inner;
    const char *usual =
        strcmp(part->type, "multipart/digest") == 0 ? "message/rfc822" : "text/plain";
    int result = 0;
    mime_parameter(part->content_type.bytes, "boundary", &boundary);
    if (boundary.length == 0 || mail->depth == LIMIT_MIME_DEPTH) {
        emit_problem(mail->emit, "a part of the message is not read: %s",
                     boundary.length ? "it is nested too deeply" : "it has no boundary");
        return read_body(mail, part, error);
    }
    if (strcmp(part->type, "multipart/encrypted") == 0)
        emit_problem(mail->emit, "a part of the message is encrypted");
    mail->depth++;
    if (strcmp(part->type, "multipart/alternative") == 0)
        result = read_alternative(mail, rest, boundary.bytes, error);
    else
        while (result == 0 && mime_next_part(&rest, boundary.bytes, &inner))
            result = read_part(mail, inner, usual, error);
    mail->depth--;
    return result;
}

static bool is_signature(const char *type)
{
    static const char *const types[] = {"application/pgp-signature", "application/pkcs7-signature",
                                        "application/x-pkcs7-signature",
                                        "application/pgp-encrypted"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return false;
}

static int read_part(struct mail *mail, struct span whole, const char *usual_type, dq_error *error)
{
    autopart part;
    if (++mail->parts > LIMIT_MIME_PARTS) {
        if (!mail->cut)
            emit_problem(mail->emit, "the message has more than %d parts; the rest is not read",
                         LIMIT_MIME_PARTS);
        mail->cut = true;
        return emit_status(mail->emit, error);
    }
    parse_part(&part, whole, usual_type);
    if (strncmp(part.type, "multipart/", 10) == 0)
        return read_multipart(mail, &part, error);
    if (strcmp(part.type, "message/rfc822") == 0 || strcmp(part.type, "message/global") == 0)
        return read_inner_message(mail, &part, error);
    if (is_signature(part.type))
        return 0;
    bool text = strcmp(part.type, "text/plain") == 0 || strcmp(part.type, "text/html") == 0 ||
                strncmp(part.type, "message/", 8) == 0;
    return text && !is_attached(&part) ? read_body(mail, &part, error)
                                       : read_attachment(mail, &part, error);
}

/* ---- messages ---- */

static void put_headers(struct emit *emit, struct span headers, bool outermost)
{
    static const struct {
        const char *name;
        int fact; /* -1: none */
    } rows[] = {
        {"From", FACT_AUTHOR}, {"To", -1}, {"Cc", -1}, {"Date", -1}, {"Subject", FACT_TITLE}};
    autobuf value = BUF(LIMIT_HEADER_BYTES), decoded = BUF(LIMIT_HEADER_BYTES);
    int64_t seconds = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buf_clear(&decoded);
        if (!mime_header(headers, rows[i].name, &value))
            continue;
        mime_words(value.bytes, &decoded);
        if (decoded.length == 0)
            continue;
        emit_puts(emit, rows[i].name);
        emit_puts(emit, ": ");
        emit_text(emit, decoded.bytes, decoded.length);
        emit_puts(emit, "\n");
        if (outermost && rows[i].fact >= 0)
            emit_fact(emit, (enum fact)rows[i].fact, decoded.bytes, decoded.length);
    }
    if (outermost && mime_header(headers, "Date", &value) && mime_date(value.bytes, &seconds))
        emit_time(emit, FACT_CREATED, seconds);
    if (outermost &&
        (mime_header(headers, "X-Mailer", &value) || mime_header(headers, "User-Agent", &value)))
        emit_fact(emit, FACT_PRODUCER, value.bytes, value.length);
    emit_puts(emit, "\n");
}

static int read_message(struct mail *mail, struct span whole, bool outermost, dq_error *error)
{
    put_headers(mail->emit, mime_split(whole).headers, outermost);
    return read_part(mail, whole, "text/plain", error);
}

int extract_mail(const struct input *input, struct emit *emit, dq_error *error)
{
    struct span whole = {input->bytes, input->length};
    struct mail mail = {.input = input, .emit = emit};
    if (whole.length >= 3 && memcmp(whole.at, "\xef\xbb\xbf", 3) == 0)
        whole = (struct span){whole.at + 3, whole.length - 3};
    return read_message(&mail, whole, true, error);
}

/* ---- mailboxes ---- */

static bool is_separator(const char *at, const char *end)
{
    return end - at > 5 && memcmp(at, "From ", 5) == 0;
}

/* The message at `at`, without its "From " line, ends before the next one behind an empty line. */
static const char *message_end(const char *at, const char *end)
{
    while (at < end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        if (!line)
            return end;
        bool empty = line == at || (line == at + 1 && *at == '\r');
        at = line + 1;
        if (empty && is_separator(at, end))
            return at;
    }
    return end;
}

static int read_boxed(const struct input *input, struct span whole, bool alone, struct emit *emit,
                      dq_error *error)
{
    struct mail mail = {.input = input, .emit = emit};
    if (alone) /* then the mailbox is the message */
        return read_message(&mail, whole, true, error);
    emit_part_begin(emit, NULL);
    int result = read_message(&mail, whole, false, error);
    emit_part_end(emit);
    return result == 0 && emit_open_bytes(emit) > 0 ? emit_page(emit) : result;
}

int extract_mailbox(const struct input *input, struct emit *emit, dq_error *error)
{
    const char *at = input->bytes, *end = at + input->length;
    uint32_t count = 0;
    while (at < end) {
        const char *line = is_separator(at, end) ? memchr(at, '\n', (size_t)(end - at)) : at - 1;
        if (!line)
            break;
        const char *until = message_end(line + 1, end);
        struct span whole = {line + 1, (size_t)(until - line - 1)};
        emit_progress(emit, ++count, 0, "message");
        int result = read_boxed(input, whole, count == 1 && until == end, emit, error);
        if (result < 0)
            return result;
        at = until;
    }
    return emit_status(emit, error);
}
