/* Facts about documents in one form, whatever form they came in. */
#ifndef EXTRACT_FACTS_H
#define EXTRACT_FACTS_H

#include "base/buf.h"
#include "extract/emit.h"

/* Rewrites a time as ISO 8601 (in UTC where its zone is known) and a language as BCP 47. False:
 * the value is neither, and is better left out. Other facts stay as they are. */
bool fact_normalize(enum fact fact, struct buf *value);

#endif
