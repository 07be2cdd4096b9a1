/* What makes a request the same as an earlier one: its key and everything that it asks for. */
#include "queue/queue.h"

#include "base/digest.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER_SIZE = 24 };

static void add(struct digest *digest, const char *text)
{
    digest_update(digest, text, strlen(text) + 1);
}

static void add_number(struct digest *digest, int64_t number)
{
    char text[NUMBER_SIZE];
    snprintf(text, sizeof text, "%lld", (long long)number);
    add(digest, text);
}

static void finish(struct digest *digest, unsigned char out[DIGEST_BYTES])
{
    digest_final(digest, out);
    digest_free(digest);
}

/* Keys of uploads and of enqueues do not meet. */
static struct digest *begin(const char *kind, const char *key, size_t count, struct once *once)
{
    struct digest *digest = digest_new();
    add(digest, kind);
    add(digest, key);
    finish(digest, once->key);
    digest = digest_new();
    add_number(digest, (int64_t)count);
    return digest;
}

void once_of_upload(const char *key, const struct new_document *documents, size_t count,
                    struct once *ret_once)
{
    *ret_once = (struct once){0};
    struct digest *digest = begin("upload", key, count, ret_once);
    for (size_t i = 0; i < count; i++) {
        const struct new_document *document = &documents[i];
        add(digest, document->filename);
        add(digest, document->metadata);
        add(digest, document->owner);
        add(digest, document->operation);
        add_number(digest, document->priority);
        digest_update(digest, pack_digest(document->incoming), DIGEST_BYTES);
    }
    finish(digest, ret_once->digest);
}

void once_of_items(const char *key, const dq_ask *asks, size_t count, struct once *ret_once)
{
    *ret_once = (struct once){0};
    struct digest *digest = begin("enqueue", key, count, ret_once);
    for (size_t i = 0; i < count; i++) {
        add(digest, asks[i].document_id ? asks[i].document_id : "");
        add(digest, asks[i].operation ? asks[i].operation : "");
        add_number(digest, asks[i].priority);
        add_number(digest, asks[i].due_at);
    }
    finish(digest, ret_once->digest);
}
