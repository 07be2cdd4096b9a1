/* Retry delays, order of service, and what is a valid name or number. */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <docq.h>

#define AGE_STEP_DEFAULT     (60 * (int64_t)1000000)
#define LEASE_TIME_DEFAULT   (30 * (int64_t)1000000)
#define LEASE_TIME_MIN       ((int64_t)100000)
#define LEASE_TIME_MAX       (24 * 3600 * (int64_t)1000000)
#define DISK_RESERVE_DEFAULT (64 * (int64_t)1024 * 1024)

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

/* Of a result: its language, its thumbnail. Metadata is checked by check_metadata(). */
int check_renditions(const dq_result *result, dq_error *error);

#endif
