/* The data directory as the server sees it: its lock, and the address it is reached at. */
#ifndef CLI_HOME_H
#define CLI_HOME_H

#include "cli/cli.h"

#include <stddef.h>

/* The directory behind --url sqlite:DIR, else --data. */
const char *home_path(const struct cli *cli);

int home_make(struct cli *cli); /* makes it where it is missing; 0 or a negative code */

/* Takes DATA/server.lock and writes this process's id into it. *ret_fd keeps it until closed.
 * DQ_LOCKED names the process that has it. */
int home_lock(struct cli *cli, int *ret_fd);

int home_write_address(struct cli *cli, const char *address);
void home_forget_address(const struct cli *cli);

/* "http://127.0.0.1:8080". DQ_UNREACHABLE: no server runs here. */
#define HOME_ADDRESS_SIZE 256
int home_read_address(struct cli *cli, char address[HOME_ADDRESS_SIZE]);

/* Path of docq-extract: the setting, else beside the running program. NULL: too long. */
const char *home_extractor(const struct cli *cli, char *path, size_t size);

#endif
