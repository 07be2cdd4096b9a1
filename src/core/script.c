/* Blocks of Unicode, in order. */
#include "core/script.h"

#include <stddef.h>

static const struct {
    uint32_t first, last;
} spaceless[] = {
    {0x0e01, 0x0e4e},   /* Thai, without its digits and signs */
    {0x0e81, 0x0ece},   /* Lao */
    {0x1000, 0x103f},   /* Myanmar */
    {0x1100, 0x11ff},   /* Hangul Jamo */
    {0x1780, 0x17d3},   /* Khmer */
    {0x2e80, 0x2fdf},   /* CJK radicals */
    {0x3005, 0x3007},   /* iteration mark, closing mark, zero */
    {0x3021, 0x3029},   /* numerals */
    {0x3041, 0x309f},   /* Hiragana */
    {0x30a1, 0x30fa},   /* Katakana, without its middle dot */
    {0x30fc, 0x30ff},   /* and its length mark */
    {0x3105, 0x312f},   /* Bopomofo */
    {0x3131, 0x318e},   /* Hangul compatibility */
    {0x31a0, 0x31ff},   /* Bopomofo, strokes, Katakana extensions */
    {0x3400, 0x4dbf},   /* ideographs, extension A */
    {0x4e00, 0x9fff},   /* ideographs */
    {0xa960, 0xa97f},   /* Hangul Jamo, extension A */
    {0xac00, 0xd7ff},   /* Hangul syllables, Jamo extension B */
    {0xf900, 0xfaff},   /* compatibility ideographs */
    {0xff66, 0xff9f},   /* half-width Katakana */
    {0x1b000, 0x1b16f}, /* Kana supplement */
    {0x20000, 0x3ffff}, /* ideographs, later extensions */
};

bool script_is_spaceless(uint32_t character)
{
    size_t low = 0, high = sizeof spaceless / sizeof spaceless[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (character > spaceless[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof spaceless / sizeof spaceless[0] && character >= spaceless[low].first;
}
