/* The way into the admin page. */
#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

#include "cli/cli.h"

#include <stddef.h>

#define LOGIN_LINK_SIZE 512

/* The address of the admin page below `url`; where the store has tokens, as a link that logs in
 * once, with these scopes, within some minutes. 0 or a negative code. */
int token_login_link(struct cli *cli, const char *url, unsigned scopes,
                     char ret_link[LOGIN_LINK_SIZE]);

#endif
