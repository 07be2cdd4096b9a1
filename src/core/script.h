/* What search needs to know about scripts. */
#ifndef CORE_SCRIPT_H
#define CORE_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

/* A letter of a script that is written without blanks between its words (Chinese, Japanese, Thai,
 * ...), or Korean, which glues its particles to them: each such character is indexed as a word of
 * its own, so that a row of them finds itself anywhere as a phrase. */
bool script_is_spaceless(uint32_t character);

#define SPACELESS_FIRST_BYTE 0xe0 /* of UTF-8: bytes below it begin none of them */

#endif
