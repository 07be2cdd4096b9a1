/* From a head to an answer, in steps: those that may block run in a pool thread. */
#ifndef HTTP_DISPATCH_H
#define HTTP_DISPATCH_H

#include "http/call.h"

/* On the loop. Parses the head, finds the route. Where it returns with an answer in place
 * (call->answer.status), that is it. */
void dispatch_head(struct call *call, struct parser *parser);

/* On the loop: access and the announced body. ACCESS_STALE: run STEP_ACCESS, then again; 0: the
 * answer is in place, or the body may come. */
int dispatch_admit(struct call *call);

enum step {
    STEP_ACCESS, /* read the tokens anew */
    STEP_CHUNK,  /* a part of an upload is in call->body */
    STEP_FINISH, /* the rest of the body is in call->body: handle the request */
    STEP_AGAIN,  /* after a wait */
    STEP_FILE,   /* read the next part of answer.fd into answer.body */
};

/* In a pool thread. Fills the answer where it fails or finishes. */
void dispatch_run(struct call *call, enum step step);

/* Its body is whole: may STEP_FINISH be run for it together with others? */
bool dispatch_is_small(const struct call *call);

/* In a pool thread: STEP_FINISH for all of them. */
void dispatch_run_small(struct call *const *calls, size_t count);

/* On the loop: the request is broken or late; the connection ends behind the answer. */
void dispatch_refuse(struct call *call, const dq_error *error);

/* Is more here than the route allows? Then *error says so. */
bool dispatch_body_too_large(const struct call *call, int64_t received, dq_error *error);

bool call_is_upload(const struct call *call);
bool call_wants_body(const struct call *call);      /* else it is read and dropped */
const char *route_pattern(const struct call *call); /* "-" where no route was found */
void dispatch_log(const struct call *call);         /* once it is answered */

/* On the loop: the status line and headers of the answer. */
void dispatch_answer_head(const struct call *call, bool keep_alive, struct buf *out);

#endif
