/* Three bytes are four characters. */
#include "base/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_encode(struct buf *to, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i < 3 ? length - i : 3;
        unsigned group = (unsigned)at[i] << 16;
        group |= left > 1 ? (unsigned)at[i + 1] << 8 : 0;
        group |= left > 2 ? (unsigned)at[i + 2] : 0;
        char four[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63], '=', '='};
        if (left > 1)
            four[2] = alphabet[group >> 6 & 63];
        if (left > 2)
            four[3] = alphabet[group & 63];
        if (!buf_append(to, four, sizeof four))
            return false;
    }
    return true;
}

/* 0 to 63, or -1. */
static int value_of(char c)
{
    const char *found = c ? strchr(alphabet, c) : NULL;
    return found ? (int)(found - alphabet) : -1;
}

/* One group; `count` of its four characters are no padding. */
static bool decode_group(struct buf *to, const char *four, int count)
{
    unsigned group = 0;
    for (int i = 0; i < 4; i++) {
        int value = i < count ? value_of(four[i]) : 0;
        if (value < 0)
            return false;
        group = group << 6 | (unsigned)value;
    }
    const unsigned char three[3] = {(unsigned char)(group >> 16), (unsigned char)(group >> 8),
                                    (unsigned char)group};
    bool no_rest = count == 4 || (count == 3 && three[2] == 0) || (count == 2 && three[1] == 0);
    return no_rest && buf_append(to, three, (size_t)count - 1);
}

bool base64_decode(struct buf *to, const char *text, size_t length)
{
    if (length % 4 != 0)
        return false;
    for (size_t i = 0; i < length; i += 4) {
        int count = 4;
        if (i + 4 == length)
            count -= (text[i + 3] == '=') + (text[i + 3] == '=' && text[i + 2] == '=');
        if (!decode_group(to, text + i, count))
            return false;
    }
    return true;
}
