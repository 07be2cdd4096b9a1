/* The framing of chunked bodies, byte by byte: sizes without signs or spaces, CRLF everywhere,
 * bounded extensions and trailers. */
#include "http/guard.h"

#include "base/error.h"

#define SIZE_DIGITS_MAX     15 /* hexadecimal: no overflow, whatever they are */
#define EXTENSION_BYTES_MAX 256
#define TRAILER_BYTES_MAX   4096

enum state {
    SIZE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    LINE,
    TRAILER,
    TRAILER_LF,
    END_LF,
    DONE
};

static int hex(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool size_byte(struct chunk_guard *guard, unsigned char byte)
{
    int digit = hex(byte);
    if (digit >= 0) {
        guard->left = guard->left * 16 + (unsigned)digit;
        return ++guard->digits <= SIZE_DIGITS_MAX;
    }
    guard->state = byte == ';' ? EXTENSION : SIZE_LF;
    return guard->digits > 0 && (byte == ';' || byte == '\r');
}

static bool extension_byte(struct chunk_guard *guard, unsigned char byte)
{
    if (byte == '\r')
        guard->state = SIZE_LF;
    else if (!guard_text_byte(byte))
        return false;
    return ++guard->extension_bytes <= EXTENSION_BYTES_MAX;
}

static bool trailer_byte(struct chunk_guard *guard, unsigned char byte)
{
    bool first = guard->state == LINE;
    if (byte == '\r')
        guard->state = first ? END_LF : TRAILER_LF;
    else if (first ? !guard_token_byte(byte) : !guard_text_byte(byte))
        return false;
    else
        guard->state = TRAILER;
    return ++guard->trailer_bytes <= TRAILER_BYTES_MAX;
}

static bool fixed_byte(struct chunk_guard *guard, unsigned char byte)
{
    unsigned char expected = guard->state == DATA_CR ? '\r' : '\n';
    switch ((enum state)guard->state) {
    case SIZE_LF:
        guard->state = guard->left > 0 ? DATA : LINE;
        break;
    case DATA_CR:
        guard->state = DATA_LF;
        break;
    case DATA_LF:
        *guard = (struct chunk_guard){.state = SIZE, .extension_bytes = guard->extension_bytes};
        break;
    case TRAILER_LF:
        guard->state = LINE;
        break;
    default:
        guard->state = DONE;
        break;
    }
    return byte == expected;
}

static bool framing_byte(struct chunk_guard *guard, unsigned char byte)
{
    switch ((enum state)guard->state) {
    case SIZE:
        return size_byte(guard, byte);
    case EXTENSION:
        return extension_byte(guard, byte);
    case LINE:
    case TRAILER:
        return trailer_byte(guard, byte);
    default:
        return fixed_byte(guard, byte);
    }
}

ssize_t chunk_scan(struct chunk_guard *guard, const char *bytes, size_t length, dq_error *error)
{
    size_t i = 0;
    while (i < length && guard->state != DONE) {
        if (guard->state == DATA) {
            size_t part = length - i < guard->left ? length - i : (size_t)guard->left;
            guard->left -= part;
            i += part;
            guard->state = guard->left == 0 ? DATA_CR : DATA;
        } else if (!framing_byte(guard, (unsigned char)bytes[i++])) {
            return error_set(error, DQ_MALFORMED, "The chunks of the body are malformed.");
        }
    }
    return (ssize_t)i;
}

bool chunk_done(const struct chunk_guard *guard)
{
    return guard->state == DONE;
}
