/* Retry delays, order of service, and what is a valid name or number. */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include "base/id.h"

#include <docq.h>

#define AGE_STEP_DEFAULT          (60 * (int64_t)1000000)
#define LEASE_TIME_DEFAULT        (30 * (int64_t)1000000)
#define LEASE_TIME_MIN            ((int64_t)100000)
#define LEASE_TIME_MAX            (24 * 3600 * (int64_t)1000000)
#define FAILURE_MESSAGE_BYTES_MAX 4096 /* as it crosses HTTP */
#define DISK_RESERVE_DEFAULT      (64 * (int64_t)1024 * 1024)

/* Full-jitter exponential backoff: uniform in [0, min(cap, base x factor^(failures-1))], at least
 * `retry_after` (itself capped). `random` is 64 uniform bits. Microseconds.
 * Source: M. Brooker, "Exponential Backoff And Jitter". */
int64_t retry_delay(const dq_operation *policy, int failures, int64_t retry_after, uint64_t random);

/* Smaller is sooner. A waiting item gains on later ones by its age alone, so nothing starves. */
int64_t rank_of(int64_t enqueued_at, int priority, int64_t age_step);

int check_priority(int priority, dq_error *error);
int check_operation_name(const char *name, dq_error *error);
int check_filename(const char *name, dq_error *error);
int check_metadata(const char *json, dq_error *error);
/* Letters, digits and hyphens as BCP 47 has them; NULL is not valid. */
bool language_valid(const char *language);

int check_owner(const char *owner, dq_error *error);
int check_idempotency_key(const char *key, dq_error *error);
int check_purge(int64_t older, int status, dq_error *error);
int check_limit(int limit, int max, dq_error *error);

/* `text` as an id; DQ_NOT_FOUND otherwise: what is no id names nothing. */
int parse_id(const char *text, const char *what, struct id *ret_id, dq_error *error);

/* One ask of a batch; *ret_document is the id that it names. */
int check_ask(const dq_ask *ask, struct id *ret_document, dq_error *error);

/* Of a result: its language, its thumbnail. Metadata is checked by check_metadata(). */
int check_renditions(const dq_result *result, dq_error *error);

#endif
