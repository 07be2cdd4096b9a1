/* PNG (ISO/IEC 15948): a signature, then chunks of length, type, body and checksum. */
#include "base/png.h"

#include <string.h>

enum { HEAD_BYTES = 8, CRC_BYTES = 4, IHDR_BYTES = 13 };

static const unsigned char signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static uint32_t be32(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
}

static bool is_type(const unsigned char *type, const char *name)
{
    return memcmp(type, name, 4) == 0;
}

/* Four letters; one with a capital first must be understood to show the picture. */
static bool is_known(const unsigned char *type)
{
    for (int i = 0; i < 4; i++)
        if (!((type[i] >= 'A' && type[i] <= 'Z') || (type[i] >= 'a' && type[i] <= 'z')))
            return false;
    return type[0] >= 'a' || is_type(type, "IHDR") || is_type(type, "PLTE") ||
           is_type(type, "IDAT") || is_type(type, "IEND");
}

static bool is_side(uint32_t side, uint32_t max)
{
    return side >= 1 && side <= max;
}

bool png_valid(const void *bytes, size_t length, uint32_t side_max)
{
    const unsigned char *at = bytes;
    bool has_data = false;
    if (length < sizeof signature || memcmp(at, signature, sizeof signature) != 0)
        return false;
    at += sizeof signature;
    length -= sizeof signature;
    for (bool first = true; length >= HEAD_BYTES + CRC_BYTES; first = false) {
        uint32_t body = be32(at);
        const unsigned char *type = at + 4;
        if (body > length - HEAD_BYTES - CRC_BYTES || !is_known(type) ||
            first != is_type(type, "IHDR"))
            return false;
        if (first && (body != IHDR_BYTES || !is_side(be32(at + HEAD_BYTES), side_max) ||
                      !is_side(be32(at + HEAD_BYTES + 4), side_max)))
            return false;
        has_data = has_data || is_type(type, "IDAT");
        at += HEAD_BYTES + body + CRC_BYTES;
        length -= HEAD_BYTES + body + CRC_BYTES;
        if (is_type(type, "IEND"))
            return body == 0 && has_data && length == 0;
    }
    return false;
}
