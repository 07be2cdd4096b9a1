/* Documents: upload, look, delete. */
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "core/policy.h"
#include "queue/queue.h"

#include <stdlib.h>
#include <string.h>

/* The store has its own notion of incoming bytes, into which nobody else looks. */
struct local_incoming {
    dq_incoming handle;
    dq_incoming *bytes;
};

static dq_incoming **bytes_of(dq_incoming *incoming)
{
    return &((struct local_incoming *)incoming)->bytes;
}

int local_upload_begin(dq_queue *queue, int64_t size_max, dq_incoming **ret_incoming,
                       dq_error *error)
{
    struct local_incoming *incoming = calloc(1, sizeof *incoming);
    if (!incoming)
        return error_set(error, DQ_NO_MEMORY, "out of memory");
    incoming->handle.engine = queue->engine;
    int r = pack_begin(store_packs(store_of(queue)), size_max, &incoming->bytes, error);
    if (r < 0)
        free(incoming);
    else
        *ret_incoming = &incoming->handle;
    return r;
}

int local_upload_write(dq_incoming *incoming, const void *bytes, size_t length, dq_error *error)
{
    return pack_write(*bytes_of(incoming), bytes, length, error);
}

void local_upload_abort(dq_incoming *incoming)
{
    pack_abort(bytes_of(incoming));
    free(incoming);
}

static int prepare(const dq_upload *upload, int64_t now, struct new_document *document,
                   dq_error *error)
{
    size_t head_length;
    *document = (struct new_document){
        .incoming = *bytes_of(upload->incoming),
        .filename = upload->filename ? upload->filename : "document",
        .metadata = upload->metadata ? upload->metadata : "{}",
        .owner = upload->owner ? upload->owner : "default",
        .operation = upload->operation ? upload->operation : "process",
        .priority = upload->priority,
    };
    int r = check_filename(document->filename, error);
    if (r >= 0)
        r = check_metadata(document->metadata, error);
    if (r >= 0)
        r = check_owner(document->owner, error);
    if (r >= 0)
        r = check_operation_name(document->operation, error);
    if (r >= 0)
        r = check_priority(document->priority, error);
    if (r >= 0)
        r = pack_finish(document->incoming, error);
    if (r < 0)
        return r;
    const char *head = pack_head(document->incoming, &head_length);
    document->content_type = sniff_content_type(head, head_length, document->filename);
    document->id = id_new(now);
    document->item_id = id_new(now);
    return 0;
}

static int load_documents(dq_queue *queue, const struct id *ids, size_t count, struct arena *arena,
                          dq_document_list *list, dq_error *error)
{
    list->documents = arena_alloc(arena, (count + 1) * sizeof *list->documents);
    for (size_t i = 0; i < count; i++) {
        int r = store_get_document(store_of(queue), clock_now(), &ids[i], arena,
                                   &list->documents[list->count], error);
        if (r < 0 && r != DQ_NOT_FOUND)
            return r;
        list->count += r >= 0;
    }
    return 0;
}

/* The answer is known without reading it back. */
static void describe(const struct new_document *from, int64_t now, struct arena *arena,
                     dq_document *document)
{
    dq_item *item = arena_alloc(arena, sizeof *item);
    id_format(&from->item_id, item->id);
    id_format(&from->id, item->document_id);
    item->operation = arena_strdup(arena, from->operation);
    item->priority = from->priority;
    item->max_attempts = from->max_attempts;
    item->created_at = item->due_at = now;
    item->created = true;
    item->waiting = "it is due; the next free worker takes it";
    item->filename = arena_strdup(arena, from->filename);
    item->owner = arena_strdup(arena, from->owner);
    id_format(&from->id, document->id);
    document->filename = item->filename;
    document->content_type = from->content_type;
    document->size = pack_size(from->incoming);
    hex_encode(pack_digest(from->incoming), 32, document->sha256);
    document->metadata = arena_strdup(arena, from->metadata);
    document->owner = item->owner;
    document->created_at = now;
    document->status = DQ_PENDING;
    document->item = item;
}

/* The request came before: its documents as they are now. */
static int load_replayed(dq_queue *queue, const struct new_document *documents, size_t count,
                         struct arena *arena, dq_document_list *list, dq_error *error)
{
    list->documents = arena_alloc(arena, count * sizeof *list->documents);
    for (size_t i = 0; i < count; i++) {
        int r = store_get_document(store_of(queue), clock_now(), &documents[i].id, arena,
                                   &list->documents[i], error);
        if (r < 0)
            return r;
    }
    list->count = count;
    return 0;
}

static int commit(dq_queue *queue, const dq_upload *uploads, size_t count,
                  struct new_document *documents, struct arena *arena, dq_document_list *list,
                  dq_error *error)
{
    int64_t now = clock_now();
    const char *key = count > 0 ? uploads[0].idempotency_key : NULL;
    struct once once = {0};
    int r = key ? check_idempotency_key(key, error) : 0;
    for (size_t i = 0; r >= 0 && i < count; i++)
        r = prepare(&uploads[i], now, &documents[i], error);
    if (r >= 0 && key)
        once_of_upload(key, documents, count, &once);
    if (r >= 0)
        r = store_upload(store_of(queue), now, documents, count, key ? &once : NULL, error);
    if (r >= 0 && once.replayed)
        return load_replayed(queue, documents, count, arena, list, error);
    if (r < 0)
        return r;
    list->documents = arena_alloc(arena, count * sizeof *list->documents);
    list->count = count;
    for (size_t i = 0; i < count; i++) {
        pack_forget(documents[i].incoming);
        describe(&documents[i], now, arena, &list->documents[i]);
    }
    return 0;
}

int local_upload_commit(dq_queue *queue, const dq_upload *uploads, size_t count,
                        dq_document_list **ret_list, dq_error *error)
{
    struct arena *arena;
    dq_document_list *list = reply_new(sizeof *list, &arena);
    struct new_document *documents = arena_alloc(arena, (count + 1) * sizeof *documents);
    int r = commit(queue, uploads, count, documents, arena, list, error);
    for (size_t i = 0; i < count; i++)
        local_upload_abort(uploads[i].incoming);
    if (r < 0)
        dq_free(list);
    else
        *ret_list = list;
    return r;
}

static int read_in(dq_queue *queue, const dq_upload *upload, dq_incoming **ret_incoming,
                   dq_error *error)
{
    enum { CHUNK_BYTES = 64 * 1024 };
    char chunk[CHUNK_BYTES];
    ssize_t n = 1;
    int r = local_upload_begin(queue, upload->size_max, ret_incoming, error);
    while (r >= 0 && n > 0) {
        n = fd_read_some(upload->fd, chunk, sizeof chunk);
        if (n < 0)
            return error_errno(error, "cannot read the document");
        r = local_upload_write(*ret_incoming, chunk, (size_t)n, error);
    }
    return r;
}

int local_upload_document(dq_queue *queue, const dq_upload *upload, dq_document **ret_document,
                          dq_error *error)
{
    dq_upload one = *upload;
    dq_document_list *list;
    struct arena *arena;
    int r = upload->incoming ? 0 : read_in(queue, upload, &one.incoming, error);
    if (r < 0) {
        dq_upload_abort(&one.incoming);
        return r;
    }
    r = local_upload_commit(queue, &one, 1, &list, error);
    if (r < 0)
        return r;
    if (ret_document) {
        struct id id;
        dq_document *document = reply_new(sizeof *document, &arena);
        id_parse(list->documents[0].id, &id);
        r = store_get_document(store_of(queue), clock_now(), &id, arena, document, error);
        if (r >= 0)
            *ret_document = document;
        else
            dq_free(document);
    }
    dq_free(list);
    return r;
}

int local_reprocess_document(dq_queue *queue, const char *document_id, const char *operation,
                             int priority, dq_document **ret_document, dq_error *error)
{
    struct id id;
    int r = parse_id(document_id, "document", &id, error);
    if (r >= 0)
        r = local_enqueue(queue, document_id, operation ? operation : "reprocess", priority, NULL,
                          error);
    return r < 0 || !ret_document ? r : local_get_document(queue, document_id, ret_document, error);
}

int local_get_document(dq_queue *queue, const char *id_text, dq_document **ret_document,
                       dq_error *error)
{
    struct id id;
    struct arena *arena;
    int r = parse_id(id_text, "document", &id, error);
    if (r < 0)
        return r;
    dq_document *document = reply_new(sizeof *document, &arena);
    r = store_get_document(store_of(queue), clock_now(), &id, arena, document, error);
    if (r < 0)
        dq_free(document);
    else
        *ret_document = document;
    return r;
}

int local_list_documents(dq_queue *queue, const char *filter_text, int limit, const char *cursor,
                         dq_document_list **ret_list, dq_error *error)
{
    struct filter filter;
    struct id below, *ids;
    struct arena *arena;
    size_t count;
    bool more;
    int r = filter_parse(filter_text, clock_now(), &filter, error);
    if (r >= 0)
        r = check_limit(limit, DQ_LIST_MAX, error);
    if (r >= 0 && cursor && !id_parse(cursor, &below))
        r = error_field(error, DQ_INVALID, "/cursor", "this is no cursor of a list");
    if (r < 0)
        return r;
    dq_document_list *list = reply_new(sizeof *list, &arena);
    r = store_list(store_of(queue), clock_now(), true, &filter, limit, cursor ? &below : NULL,
                   arena, &ids, &count, &more, error);
    if (r >= 0)
        r = load_documents(queue, ids, count, arena, list, error);
    if (r < 0) {
        dq_free(list);
        return r;
    }
    if (more) {
        char *next = arena_alloc(arena, ID_TEXT_SIZE);
        id_format(&ids[count], next);
        list->next = next;
    }
    *ret_list = list;
    return 0;
}

int local_open_content(dq_queue *queue, const char *document_id, int *ret_fd, dq_error *error)
{
    struct id id;
    struct pack_place place;
    int r = parse_id(document_id, "document", &id, error);
    if (r >= 0)
        r = store_locate(store_of(queue), &id, &place, error);
    return r < 0 ? r : pack_open_content(store_packs(store_of(queue)), &place, ret_fd, error);
}

int local_get_text(dq_queue *queue, const char *document_id, int first, int last,
                   dq_text **ret_text, dq_error *error)
{
    struct id id;
    struct arena *arena;
    int r = parse_id(document_id, "document", &id, error);
    if (r < 0)
        return r;
    dq_text *text = reply_new(sizeof *text, &arena);
    r = store_text(store_of(queue), &id, first, last, arena, text, error);
    if (r < 0)
        dq_free(text);
    else
        *ret_text = text;
    return r;
}

int local_delete_document(dq_queue *queue, const char *document_id, dq_error *error)
{
    struct id id;
    int r = parse_id(document_id, "document", &id, error);
    return r < 0 ? r : store_delete_document(store_of(queue), clock_now(), &id, error);
}

int local_resolve_id(dq_queue *queue, const char *prefix, char ret_id[DQ_ID_SIZE], dq_error *error)
{
    enum { PREFIX_MIN = 4 };
    char low[ID_TEXT_SIZE] = "00000000-0000-0000-0000-000000000000";
    char high[ID_TEXT_SIZE] = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    struct id from, to, found;
    size_t length = strlen(prefix);
    bool good = length >= PREFIX_MIN && length < ID_TEXT_SIZE;
    if (good) {
        memcpy(low, prefix, length);
        memcpy(high, prefix, length);
        good = id_parse(low, &from) && id_parse(high, &to);
    }
    if (!good)
        return error_set(error, DQ_NOT_FOUND,
                         "\"%.40s\" is no id; give at least %d of its characters", prefix,
                         PREFIX_MIN);
    int r = store_find_prefix(store_of(queue), &from, &to, &found, error);
    if (r >= 0)
        id_format(&found, ret_id);
    return r;
}
