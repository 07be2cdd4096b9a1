/* What listeners hear: one thread reads the log of changes for all of them and makes the text of
 * their events once; the event loop fans it out (stream.c). */
#ifndef HTTP_FEED_H
#define HTTP_FEED_H

#include "base/buf.h"

#include <docq.h>
#include <stdbool.h>
#include <stdint.h>

struct feed;
struct access;

#define OWNER_SIZE 129

/* One who listens: belongs to its call. */
struct listener {
    struct feed *feed;
    int64_t after;          /* the number of the last change that it knows */
    char owner[OWNER_SIZE]; /* only items of this one's documents; "" = all */
};

/* Texts that become due together. `marks` tell where the text of an owner begins; an event without
 * owner ("") is for all, counts are for those who see all. */
struct news {
    int refs; /* the loop's alone */
    int64_t last;
    struct buf text;
    struct mark {
        size_t from;
        bool counts;
        char owner[OWNER_SIZE];
    } * marks;
    size_t mark_count, mark_room;
    struct news *next;
};

/* `wake` is called in the feed's thread when batches wait to be taken. NULL: no thread. */
struct feed *feed_new(dq_queue *queue, struct access *access, int listeners_max,
                      void (*wake)(void *context), void *context);
void feed_free(struct feed *feed); /* ends the thread; NULL is fine */

/* Somebody listens from number `after` on: read what comes next. Without anybody it sleeps. */
void feed_start(struct feed *feed, int64_t after);
void feed_pause(struct feed *feed);

struct news *feed_take(struct feed *feed); /* oldest first; now the caller's; NULL = none */
void news_free(struct news *news);         /* NULL is fine */

/* In a pool thread. DQ_BUSY: there are listeners-max already. */
int listener_new(struct feed *feed, struct listener **ret_listener, dq_error *error);
void listener_free(struct listener *listener); /* NULL is fine */

/* In a pool thread: appends the events that the listener has missed; after < 0: none. */
int listener_catch_up(struct listener *listener, dq_queue *queue, struct buf *out, dq_error *error);

/* Appends the parts of the news that are for the listener. */
void listener_select(const struct listener *listener, const struct news *news, struct buf *out);

#endif
