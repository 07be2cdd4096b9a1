/* The log of changes: which items changed, in order, in the commit that changed them. */
#ifndef STORE_CHANGES_H
#define STORE_CHANGES_H

#include "store/db.h"

/* Writes what the group's steps noted as one row. Part of every commit. */
int changes_flush(struct db *db, dq_error *error);

#endif
