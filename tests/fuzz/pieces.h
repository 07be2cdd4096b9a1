/* How the fuzz targets cut their input: the same bytes in one piece and in many must mean the same.
 * The first byte of an input picks the cut, so that the fuzzer can look for a bad one. */
#ifndef FUZZ_PIECES_H
#define FUZZ_PIECES_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length);

struct pieces {
    uint32_t random;
    unsigned bits; /* pieces have up to 2^bits bytes */
};

static inline struct pieces pieces_cut(unsigned char choice)
{
    return (struct pieces){.random = choice * 2654435761u + 1, .bits = choice % 8};
}

/* The length of the next piece of what is left, 1 at least. */
static inline size_t pieces_next(struct pieces *pieces, size_t left)
{
    pieces->random ^= pieces->random << 13;
    pieces->random ^= pieces->random >> 17;
    pieces->random ^= pieces->random << 5;
    size_t size = 1 + pieces->random % (1u << pieces->bits);
    return size < left ? size : left;
}

#endif
