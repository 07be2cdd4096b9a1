/* 4, iv, d. */
#include "extract/labels.h"

#include <string.h>

static void put_roman(int value, bool upper, struct buf *to)
{
    static const struct {
        int value;
        const char *lower, *upper;
    } digits[] = {{1000, "m", "M"}, {900, "cm", "CM"}, {500, "d", "D"}, {400, "cd", "CD"},
                  {100, "c", "C"},  {90, "xc", "XC"},  {50, "l", "L"},  {40, "xl", "XL"},
                  {10, "x", "X"},   {9, "ix", "IX"},   {5, "v", "V"},   {4, "iv", "IV"},
                  {1, "i", "I"}};
    if (value > 4999) {
        buf_printf(to, "%d", value);
        return;
    }
    for (size_t i = 0; i < sizeof digits / sizeof digits[0]; i++)
        for (; value >= digits[i].value; value -= digits[i].value)
            buf_puts(to, upper ? digits[i].upper : digits[i].lower);
}

/* a ... z, aa, bb, ... */
static void put_letter(int value, char first, struct buf *to)
{
    enum { REPEATS_MAX = 10 };
    if (value < 1)
        return;
    char letter = (char)(first + (value - 1) % 26);
    for (int i = 0; i <= (value - 1) / 26 && i < REPEATS_MAX; i++)
        buf_append(to, &letter, 1);
}

void label_number(int value, const char *format, struct buf *to)
{
    if (strcmp(format, "lowerLetter") == 0)
        put_letter(value, 'a', to);
    else if (strcmp(format, "upperLetter") == 0)
        put_letter(value, 'A', to);
    else if (strcmp(format, "lowerRoman") == 0)
        put_roman(value, false, to);
    else if (strcmp(format, "upperRoman") == 0)
        put_roman(value, true, to);
    else if (strcmp(format, "decimalZero") == 0)
        buf_printf(to, "%02d", value);
    else if (strcmp(format, "none") != 0)
        buf_printf(to, "%d", value);
}
