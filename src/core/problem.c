/* Kinds of failures. */
#include "core/problem.h"

#include "base/digest.h"
#include "base/id.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* A run of letters and digits with a digit in it, such as a number, an id or a size. */
static size_t name_length(const char *at)
{
    size_t length = 0, digits = 0;
    while (isalnum((unsigned char)at[length]) || at[length] == '-' || at[length] == '_') {
        digits += isdigit((unsigned char)at[length]) != 0;
        length++;
    }
    return digits > 0 ? length : 0;
}

static size_t quoted_length(const char *at)
{
    const char *end = *at == '"' || *at == '`' ? strchr(at + 1, *at) : NULL;
    return end ? (size_t)(end - at) + 1 : 0;
}

void problem_text(const char *message, char ret_text[PROBLEM_TEXT_SIZE])
{
    const char *at = message ? message : "";
    size_t used = 0;
    while (*at && used + 1 < PROBLEM_TEXT_SIZE) {
        bool starts = used == 0 || !isalnum((unsigned char)ret_text[used - 1]);
        size_t length = quoted_length(at);
        if (length == 0 && starts)
            length = name_length(at);
        if (length > 0) {
            ret_text[used++] = '#';
            at += length;
        } else if (isspace((unsigned char)*at)) {
            ret_text[used++] = ' ';
            at += strspn(at, " \t\r\n");
        } else {
            ret_text[used++] = *at++;
        }
    }
    ret_text[used] = '\0';
}

void problem_key(const char *code, const char *message, char ret_key[PROBLEM_KEY_SIZE])
{
    char text[PROBLEM_TEXT_SIZE], whole[PROBLEM_TEXT_SIZE + 80];
    unsigned char digest[DIGEST_BYTES];
    problem_text(message, text);
    int length = snprintf(whole, sizeof whole, "%.70s\n%s", code ? code : "", text);
    digest_of(whole, (size_t)length, digest);
    hex_encode(digest, (PROBLEM_KEY_SIZE - 1) / 2, ret_key);
}
