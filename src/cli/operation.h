/* Operations that this program makes known to the queue. */
#ifndef CLI_OPERATION_H
#define CLI_OPERATION_H

#include "cli/cli.h"

/* Defines an operation that is not known yet, with the default policy; one that is keeps what
 * `docq operation set` gave it. The queue is open. 0, or a negative code and cli->error. */
int operation_make_known(struct cli *cli, const char *name);

#endif
