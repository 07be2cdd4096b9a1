/* The nouns of docq.h as JSON: one shape for the HTTP interface and the command line.
 *
 * Every function returns a new reference, never NULL for a noun that is not NULL; a NULL noun gives
 * JSON null. Times are RFC 3339 strings, null where the noun holds 0. */
#ifndef CORE_VIEW_H
#define CORE_VIEW_H

#include <docq.h>
#include <jansson.h>
#include <stdint.h>

json_t *view_item(const dq_item *item); /* "history" only where it was read */
json_t *view_document(const dq_document *document);
json_t *view_lease(const dq_lease *lease); /* {token, item, document} */
json_t *view_attempt(const dq_attempt *attempt);
json_t *view_operation(const dq_operation *operation);
json_t *view_stats(const dq_queue_stats *stats);
json_t *view_worker(const dq_worker *worker);
json_t *view_hit(const dq_hit *hit); /* matches: [[from, to], ...], in code points */
json_t *view_chunk(const dq_chunk *chunk);
json_t *view_token(const dq_token *token);           /* without its digest */
json_t *view_time(int64_t time);                     /* RFC 3339, or null */
json_t *view_bytes(const char *text, size_t length); /* the same, not ended by NUL */
json_t *view_text(const char *text); /* bytes that are not UTF-8 become U+FFFD; NULL gives null */

#endif
