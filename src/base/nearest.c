/* The distance that counts inserted, deleted, replaced and swapped characters. */
#include "base/nearest.h"

#include <string.h>

enum { WORD_MAX = 64 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned text_distance(const char *a, const char *b)
{
    size_t rows = strlen(a), columns = strlen(b);
    unsigned grid[3][WORD_MAX + 1];
    if (rows > WORD_MAX || columns > WORD_MAX)
        return WORD_MAX;
    for (unsigned j = 0; j <= columns; j++)
        grid[0][j] = j;
    for (unsigned i = 1; i <= rows; i++) {
        unsigned *now = grid[i % 3], *before = grid[(i - 1) % 3], *earlier = grid[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= columns; j++) {
            unsigned replace = before[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(replace, least(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], earlier[j - 2] + 1);
        }
    }
    return grid[rows % 3][columns];
}

const char *text_nearest(const char *word, const void *names, size_t count, size_t stride)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)(strlen(word) / 3 + 2);
    for (size_t i = 0; i < count; i++) {
        const char *name;
        memcpy(&name, (const char *)names + i * stride, sizeof name);
        unsigned distance = text_distance(word, name);
        /* what begins like it is near, however long the rest: "work" means "worker" */
        if (strlen(word) >= 3 && strncmp(name, word, strlen(word)) == 0)
            distance = 1;
        if (distance < best_distance) {
            best = name;
            best_distance = distance;
        }
    }
    return best;
}
