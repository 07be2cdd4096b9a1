/* The engine over HTTP: docq.h on a docq server that runs somewhere else. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <docq.h>

/* Is this the URL of a server? */
bool client_speaks(const char *url);

/* DQ_UNREACHABLE: no docq server answers there; DQ_INVALID: the URL or the token is none. */
int client_open(const char *url, const dq_options *options, dq_queue **ret_queue, dq_error *error);

#endif
