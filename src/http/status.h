/* The reason phrases of the statuses that we send. */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

const char *status_phrase(int status);

#endif
