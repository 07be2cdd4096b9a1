/* The well-formed byte sequences of Unicode table 3-7. */
#include "base/utf8.h"

static size_t sequence(const unsigned char *s, size_t left)
{
    static const struct {
        unsigned char low, high, second_low, second_high, length;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (s[0] < rows[i].low || s[0] > rows[i].high)
            continue;
        if (rows[i].length == 1)
            return 1;
        if (left < rows[i].length || s[1] < rows[i].second_low || s[1] > rows[i].second_high)
            return 0;
        for (size_t k = 2; k < rows[i].length; k++)
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        return rows[i].length;
    }
    return 0;
}

size_t utf8_prefix(const char *text, size_t length)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t at = 0;
    while (at < length) {
        size_t n = s[at] < 0x80 ? 1 : sequence(s + at, length - at);
        if (n == 0)
            break;
        at += n;
    }
    return at;
}

bool utf8_valid(const char *text, size_t length)
{
    return utf8_prefix(text, length) == length;
}

size_t utf8_next(const char *text, size_t length, uint32_t *ret_character)
{
    static const unsigned char bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const unsigned char *s = (const unsigned char *)text;
    size_t n = sequence(s, length);
    uint32_t character = n ? s[0] & bits[n] : 0xfffd;
    for (size_t i = 1; i < n; i++)
        character = character << 6 | (s[i] & 0x3f);
    *ret_character = character;
    return n ? n : 1;
}

size_t utf8_count(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += (text[i] & 0xc0) != 0x80;
    return count;
}
