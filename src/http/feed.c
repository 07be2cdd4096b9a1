/* The feed's thread, and the text of events. */
#include "http/feed.h"

#include "base/clock.h"
#include "base/error.h"
#include "core/view.h"
#include "http/access.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLICE          (200 * US_PER_MS) /* of a wait, so that the thread can be stopped */
#define PAUSE          (100 * US_PER_MS) /* what changes meanwhile is told once */
#define COUNTS_EVERY   US_PER_S
#define ACCESS_EVERY   (5 * US_PER_S) /* tokens are read anew */
#define DRAWN_MAX      500            /* changes told in one look */
#define BEHIND_MAX     5000           /* more than this at once is told as `reset` */
#define TEXT_BYTES_MAX ((size_t)8 << 20)
#define CATCH_UP_MAX   20 /* looks of DQ_LIST_MAX changes for one listener */

struct feed {
    dq_queue *queue;
    struct access *access;
    void (*wake)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool anybody, stopping;
    int64_t cursor;
    uint64_t round; /* grows with every start: what an earlier one read is dropped */
    int listeners, listeners_max;
    struct news *first, **end;
};

/* ---- text ---------------------------------------------------------------------------------- */

static int append_json(const char *bytes, size_t length, void *out)
{
    return buf_append(out, bytes, length) ? 0 : -1;
}

/* Takes the reference. `number` 0: an event that is no place to come back to. */
static void write_event(struct buf *out, const char *event, int64_t number, json_t *data)
{
    if (number)
        buf_printf(out, "id: %lld\n", (long long)number);
    buf_printf(out, "event: %s\ndata: ", event);
    json_dump_callback(data, append_json, out, JSON_COMPACT);
    json_decref(data);
    buf_puts(out, "\n\n");
}

static void write_change(struct buf *out, const dq_change *change)
{
    if (change->item)
        write_event(out, "item", change->number, view_item(change->item));
    else
        write_event(out, "deleted", change->number, json_pack("{s:s}", "id", change->item_id));
}

static void write_reset(struct buf *out, int64_t last)
{
    write_event(out, "reset", last, json_object());
}

static int write_counts(struct buf *out, dq_queue *queue, dq_error *error)
{
    dq_queue_stats *stats = NULL;
    int code = dq_get_queue_stats(queue, &stats, error);
    if (code < 0)
        return code;
    write_event(out, "counts", 0, view_stats(stats));
    dq_free(stats);
    return 0;
}

/* ---- batches ------------------------------------------------------------------------------- */

static struct news *news_new(int64_t last)
{
    struct news *news = calloc(1, sizeof *news);
    if (!news)
        bug("out of memory");
    news->last = last;
    news->text = BUF(TEXT_BYTES_MAX);
    return news;
}

void news_free(struct news *news)
{
    if (!news)
        return;
    buf_free(&news->text);
    free(news->marks);
    free(news);
}

/* What is written next is for this owner; neighbours of one owner share a mark. */
static void mark(struct news *news, const char *owner, bool counts)
{
    enum { ROOM_MIN = 16 };
    struct mark *last = news->mark_count ? &news->marks[news->mark_count - 1] : NULL;
    if (last && last->counts == counts && strcmp(last->owner, owner) == 0)
        return;
    if (news->mark_count == news->mark_room) {
        news->mark_room = news->mark_room ? news->mark_room * 2 : ROOM_MIN;
        news->marks = realloc(news->marks, news->mark_room * sizeof *news->marks);
        if (!news->marks)
            bug("out of memory");
    }
    last = &news->marks[news->mark_count++];
    *last = (struct mark){.from = news->text.length, .counts = counts};
    strncpy(last->owner, owner, sizeof last->owner - 1);
}

/* ---- the thread ---------------------------------------------------------------------------- */

/* Returns the number up to which everything has been told, or what went wrong. */
static int64_t read_batch(struct feed *feed, int64_t cursor, bool counts, struct news **ret)
{
    dq_change_list *list = NULL;
    int code = dq_list_changes(feed->queue, cursor, DRAWN_MAX, &list, NULL);
    if (code < 0)
        return code;
    struct news *news = news_new(list->last);
    for (size_t i = 0; i < list->count; i++) {
        const dq_item *item = list->changes[i].item;
        mark(news, item && item->owner ? item->owner : "", false);
        write_change(&news->text, &list->changes[i]);
    }
    bool reset = list->reset;
    dq_free(list);
    if (!reset && news->last - cursor >= DRAWN_MAX &&
        dq_list_changes(feed->queue, -1, 1, &list, NULL) == 0) {
        reset = list->last - news->last > BEHIND_MAX;
        news->last = reset ? list->last : news->last;
        dq_free(list);
    }
    if (reset) {
        mark(news, "", false);
        write_reset(&news->text, news->last);
    }
    if (counts) {
        mark(news, "", true);
        write_counts(&news->text, feed->queue, NULL);
    }
    *ret = news;
    return news->last;
}

static void publish(struct feed *feed, uint64_t round, struct news *news)
{
    pthread_mutex_lock(&feed->lock);
    bool wanted = feed->round == round && feed->anybody && news->text.length > 0;
    if (wanted) {
        *feed->end = news;
        feed->end = &news->next;
    }
    if (feed->round == round)
        feed->cursor = news->last;
    pthread_mutex_unlock(&feed->lock);
    if (wanted)
        feed->wake(feed->context);
    else
        news_free(news);
}

struct look {
    uint32_t seen;
    bool stale; /* counts have changed since they were told */
    int64_t counts_at, access_at;
};

/* One wait and one look at the log. */
static void listen_once(struct feed *feed, struct look *look, int64_t cursor, uint64_t round)
{
    struct news *news = NULL;
    bool changed = dq_watch(feed->queue, &look->seen, SLICE) == 0;
    int64_t now = clock_tick();
    look->stale |= changed;
    if (now - look->access_at > ACCESS_EVERY) {
        look->access_at = now;
        access_refresh(feed->access, NULL);
    }
    bool counts = look->stale && now - look->counts_at > COUNTS_EVERY;
    int64_t told = cursor;
    if (changed || counts)
        told = read_batch(feed, cursor, counts, &news);
    if (told < 0)
        look->seen--; /* look again, whatever the matter was */
    if (counts && news) {
        look->stale = false;
        look->counts_at = now;
    }
    if (told - cursor >= DRAWN_MAX)
        look->seen--; /* there is more */
    if (news)
        publish(feed, round, news);
    nanosleep(&(struct timespec){.tv_nsec = PAUSE * 1000}, NULL);
}

static void *run(void *context)
{
    struct feed *feed = context;
    struct look look = {0};
    pthread_mutex_lock(&feed->lock);
    while (!feed->stopping) {
        if (!feed->anybody) {
            pthread_cond_wait(&feed->changed, &feed->lock);
            look.seen--;
            continue;
        }
        int64_t cursor = feed->cursor;
        uint64_t round = feed->round;
        pthread_mutex_unlock(&feed->lock);
        listen_once(feed, &look, cursor, round);
        pthread_mutex_lock(&feed->lock);
    }
    pthread_mutex_unlock(&feed->lock);
    return NULL;
}

struct feed *feed_new(dq_queue *queue, struct access *access, int listeners_max,
                      void (*wake)(void *context), void *context)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        bug("out of memory");
    feed->queue = queue;
    feed->access = access;
    feed->listeners_max = listeners_max;
    feed->wake = wake;
    feed->context = context;
    feed->end = &feed->first;
    pthread_mutex_init(&feed->lock, NULL);
    pthread_cond_init(&feed->changed, NULL);
    if (pthread_create(&feed->thread, NULL, run, feed) == 0)
        return feed;
    pthread_cond_destroy(&feed->changed);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
    return NULL;
}

/* The lock is held. */
static void drop_batches(struct feed *feed)
{
    while (feed->first) {
        struct news *news = feed->first;
        feed->first = news->next;
        news_free(news);
    }
    feed->end = &feed->first;
}

static void set_anybody(struct feed *feed, bool anybody, int64_t after)
{
    pthread_mutex_lock(&feed->lock);
    feed->anybody = anybody;
    feed->cursor = after;
    feed->round++;
    drop_batches(feed);
    pthread_cond_signal(&feed->changed);
    pthread_mutex_unlock(&feed->lock);
}

void feed_start(struct feed *feed, int64_t after)
{
    set_anybody(feed, true, after);
}

void feed_pause(struct feed *feed)
{
    set_anybody(feed, false, 0);
}

struct news *feed_take(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    struct news *news = feed->first;
    if (news)
        feed->first = news->next;
    if (!feed->first)
        feed->end = &feed->first;
    pthread_mutex_unlock(&feed->lock);
    return news;
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    pthread_mutex_lock(&feed->lock);
    feed->stopping = true;
    pthread_cond_signal(&feed->changed);
    pthread_mutex_unlock(&feed->lock);
    pthread_join(feed->thread, NULL);
    drop_batches(feed);
    pthread_cond_destroy(&feed->changed);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
}

/* ---- listeners ----------------------------------------------------------------------------- */

int listener_new(struct feed *feed, struct listener **ret_listener, dq_error *error)
{
    pthread_mutex_lock(&feed->lock);
    bool full = feed->listeners >= feed->listeners_max;
    feed->listeners += !full;
    pthread_mutex_unlock(&feed->lock);
    if (full)
        return error_set(error, DQ_BUSY, "%d listeners are connected already; come back later.",
                         feed->listeners_max);
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        bug("out of memory");
    listener->feed = feed;
    *ret_listener = listener;
    return 0;
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    pthread_mutex_lock(&listener->feed->lock);
    listener->feed->listeners--;
    pthread_mutex_unlock(&listener->feed->lock);
    free(listener);
}

/* Deletions go to everybody: what is gone has no owner any more, and its id tells nothing. */
static bool concerns(const struct listener *listener, const char *owner)
{
    return !listener->owner[0] || !owner || !owner[0] || strcmp(listener->owner, owner) == 0;
}

int listener_catch_up(struct listener *listener, dq_queue *queue, struct buf *out, dq_error *error)
{
    bool more = true;
    for (int i = 0; more && i < CATCH_UP_MAX; i++) {
        dq_change_list *list = NULL;
        int code = dq_list_changes(queue, listener->after, DQ_LIST_MAX, &list, error);
        if (code < 0)
            return code;
        more = listener->after >= 0 && !list->reset && list->last - listener->after >= DQ_LIST_MAX;
        for (size_t k = 0; k < list->count; k++)
            if (concerns(listener, list->changes[k].item ? list->changes[k].item->owner : NULL))
                write_change(out, &list->changes[k]);
        if (list->reset)
            write_reset(out, list->last);
        listener->after = list->last;
        dq_free(list);
    }
    if (more) { /* it is quicker to look at everything anew */
        dq_change_list *list = NULL;
        int code = dq_list_changes(queue, -1, 1, &list, error);
        if (code < 0)
            return code;
        listener->after = list->last;
        dq_free(list);
        write_reset(out, listener->after);
    }
    return listener->owner[0] ? 0 : write_counts(out, queue, error);
}

void listener_select(const struct listener *listener, const struct news *news, struct buf *out)
{
    for (size_t i = 0; i < news->mark_count; i++) {
        const struct mark *here = &news->marks[i];
        size_t end = i + 1 < news->mark_count ? news->marks[i + 1].from : news->text.length;
        if (concerns(listener, here->owner) && !(here->counts && listener->owner[0]))
            buf_append(out, news->text.bytes + here->from, end - here->from);
    }
}
