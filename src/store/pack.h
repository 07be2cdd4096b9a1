/*
 * Packs: append-only files under DIR/packs that hold the documents' bytes.
 *
 * Small documents of a process follow each other in its current pack and share one fdatasync per
 * group commit; a document that outgrows its buffer gets a pack to itself while it streams in.
 * Bytes are synced before the row that points at them is committed. Whoever writes a pack holds
 * flock(2) on it, so a reaper knows a pack that nobody will add to: ranges that no document points
 * at are orphans there, and given back (a hole is punched, or the file removed).
 * Why not a file each, and why not rows: docs/decisions/0001-packs.md.
 *
 * All this is the engine for files. With PostgreSQL the bytes are rows, in chunks
 * (postgres_bytes.c), so that another machine needs nothing but the URL; `pack` names them then.
 */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include <docq.h>

#define PACK_NAME_SIZE        33
#define PACK_BYTES_MAX        (64 * 1024 * 1024) /* then the next one is begun */
#define INCOMING_BUFFER_BYTES (256 * 1024)

struct pack_store;

/* What a document's row says about its bytes. */
struct pack_place {
    char pack[PACK_NAME_SIZE];
    int64_t offset, size;
};

struct db;

int pack_files_open(const char *directory, int64_t disk_reserve, struct pack_store **ret_store,
                    dq_error *error); /* directory NULL: in memory */
void pack_store_close(struct pack_store **store);

/* Streams in; see dq_upload_begin. */
int pack_begin(struct pack_store *store, int64_t size_max, dq_incoming **ret_incoming,
               dq_error *error);
int pack_write(dq_incoming *incoming, const void *bytes, size_t length, dq_error *error);
void pack_abort(dq_incoming **incoming); /* removes what is on disk and not in `keep` */

/* Ends the stream outside the commit: digest, sniffed head, and the sync of a large document. */
int pack_finish(dq_incoming *incoming, dq_error *error);
const unsigned char *pack_digest(const dq_incoming *incoming); /* 32 bytes */
int64_t pack_size(const dq_incoming *incoming);
const char *pack_head(const dq_incoming *incoming, size_t *ret_length);

/* Inside the commit: gives the bytes their place. pack_sync then makes all places durable; after
 * its failure nothing placed since the last success may be committed. */
int pack_place(struct pack_store *store, struct db *db, dq_incoming *incoming,
               struct pack_place *ret_place, dq_error *error);
int pack_sync(struct pack_store *store, dq_error *error);
void pack_forget(dq_incoming *incoming); /* committed: pack_abort keeps the bytes */

/* A read-only descriptor that holds exactly the document's bytes. */
int pack_open_content(struct pack_store *store, const struct pack_place *place, int *ret_fd,
                      dq_error *error);

/* After the row is gone: gives the bytes back to the file system. Failure is left to the reaper. */
void pack_discard(struct pack_store *store, const struct pack_place *place);

/* Calls `keep` for each pack nobody writes; it answers with the ranges in use, sorted by offset.
 * Returns the number of bytes given back. */
struct pack_range {
    int64_t offset, size;
};
typedef int pack_ranges_fn(void *context, const char *pack, struct pack_range **ret_ranges,
                           size_t *ret_count);
int64_t pack_reap(struct pack_store *store, pack_ranges_fn *ranges, void *context);

#endif
