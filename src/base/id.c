/* Ids (RFC 9562, section 5.7), randomness and hexadecimal. */
#include "base/id.h"

#include "base/error.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

void random_bytes(void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = getrandom((char *)bytes + done, length - done, 0);
        if (n < 0)
            bug("getrandom failed");
        done += (size_t)n;
    }
}

struct id id_new(int64_t now)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static struct id last;
    struct id id;
    uint64_t ms = (uint64_t)now / 1000;
    random_bytes(id.bytes, sizeof id.bytes);
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
    id.bytes[6] = (unsigned char)(0x70 | (id.bytes[6] & 0x07)); /* head room to count up */
    id.bytes[8] = (unsigned char)(0x80 | (id.bytes[8] & 0x3f));
    pthread_mutex_lock(&mutex);
    if (memcmp(&id, &last, 8) <= 0) { /* the same millisecond: count up in rand_a, then rand_b */
        unsigned a = (((unsigned)last.bytes[6] & 0x0f) << 8 | last.bytes[7]) + 1;
        memcpy(id.bytes, last.bytes, 8);
        if (a > 0xfff) {
            a = 0;
            for (int i = 5; i >= 0 && ++id.bytes[i] == 0; i--)
                ;
        }
        id.bytes[6] = (unsigned char)(0x70 | a >> 8);
        id.bytes[7] = (unsigned char)a;
    }
    last = id;
    pthread_mutex_unlock(&mutex);
    return id;
}

void hex_encode(const void *bytes, size_t length, char *text)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[from[i] >> 4];
        text[2 * i + 1] = digits[from[i] & 15];
    }
    text[2 * length] = '\0';
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(const char *text, size_t length, void *bytes)
{
    unsigned char *to = bytes;
    for (size_t i = 0; i + 1 < length; i += 2) {
        int high = digit(text[i]);
        int low = high < 0 ? -1 : digit(text[i + 1]);
        if (low < 0)
            return false;
        to[i / 2] = (unsigned char)(high << 4 | low);
    }
    return length % 2 == 0;
}

void id_format(const struct id *id, char text[ID_TEXT_SIZE])
{
    static const int dashes[] = {4, 6, 8, 10};
    char *to = text;
    int from = 0;
    for (int i = 0; i < 5; i++) {
        int end = i < 4 ? dashes[i] : ID_BYTES;
        hex_encode(id->bytes + from, (size_t)(end - from), to);
        to += 2 * (end - from);
        from = end;
        if (i < 4)
            *to++ = '-';
    }
}

bool id_parse(const char *text, struct id *ret_id)
{
    char digits[2 * ID_BYTES];
    size_t count = 0;
    if (!text || strlen(text) != ID_TEXT_SIZE - 1)
        return false;
    for (int i = 0; i < ID_TEXT_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (text[i] == '-'))
            return false;
        if (!dash)
            digits[count++] = text[i];
    }
    struct id id;
    if (!hex_decode(digits, sizeof digits, id.bytes))
        return false;
    *ret_id = id;
    return true;
}

bool equal_in_constant_time(const void *a, const void *b, size_t length)
{
    const volatile unsigned char *x = a, *y = b;
    unsigned char difference = 0;
    for (size_t i = 0; i < length; i++)
        difference = (unsigned char)(difference | (x[i] ^ y[i]));
    return difference == 0;
}
