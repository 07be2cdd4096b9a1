/* OpenSSL's EVP behind three verbs. */
#include "base/digest.h"

#include "base/error.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { BASE64_BYTES_MAX = 768 }; /* of what base64_decode() reads */

static EVP_MD_CTX *context_of(struct digest *digest)
{
    return (EVP_MD_CTX *)(void *)digest;
}

struct digest *digest_new(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        bug("SHA-256 is not available");
    return (struct digest *)(void *)context;
}

void digest_update(struct digest *digest, const void *bytes, size_t length)
{
    if (EVP_DigestUpdate(context_of(digest), bytes, length) != 1)
        bug("SHA-256 failed");
}

void digest_final(struct digest *digest, unsigned char out[DIGEST_BYTES])
{
    if (EVP_DigestFinal_ex(context_of(digest), out, NULL) != 1)
        bug("SHA-256 failed");
}

void digest_free(struct digest *digest)
{
    EVP_MD_CTX_free(context_of(digest));
}

void digest_of(const void *bytes, size_t length, unsigned char out[DIGEST_BYTES])
{
    if (EVP_Digest(bytes, length, out, NULL, EVP_sha256(), NULL) != 1)
        bug("SHA-256 failed");
}

void digest_mac(const void *key, size_t key_length, const void *bytes, size_t length,
                unsigned char out[DIGEST_BYTES])
{
    unsigned out_length = DIGEST_BYTES;
    if (!HMAC(EVP_sha256(), key, (int)key_length, bytes, length, out, &out_length))
        bug("HMAC-SHA-256 failed");
}

/* HMAC by its definition: inner digest of the padded key and the message, outer one of that. */
enum { BLOCK_BYTES = 64, INNER_PAD = 0x36, OUTER_PAD = 0x5c };

struct mac {
    struct digest *inner;
    unsigned char key[BLOCK_BYTES];
};

static void pad_key(const unsigned char key[BLOCK_BYTES], unsigned char pad,
                    unsigned char out[BLOCK_BYTES])
{
    for (int i = 0; i < BLOCK_BYTES; i++)
        out[i] = key[i] ^ pad;
}

struct mac *mac_new(const void *key, size_t key_length)
{
    unsigned char block[BLOCK_BYTES];
    struct mac *mac = calloc(1, sizeof *mac);
    if (!mac)
        bug("out of memory");
    if (key_length > BLOCK_BYTES)
        digest_of(key, key_length, mac->key);
    else
        memcpy(mac->key, key, key_length);
    mac->inner = digest_new();
    pad_key(mac->key, INNER_PAD, block);
    digest_update(mac->inner, block, sizeof block);
    return mac;
}

void mac_update(struct mac *mac, const void *bytes, size_t length)
{
    digest_update(mac->inner, bytes, length);
}

void mac_final(struct mac *mac, unsigned char out[DIGEST_BYTES])
{
    unsigned char block[BLOCK_BYTES + DIGEST_BYTES];
    pad_key(mac->key, OUTER_PAD, block);
    digest_final(mac->inner, block + BLOCK_BYTES);
    digest_free(mac->inner);
    digest_of(block, sizeof block, out);
    free(mac);
}

void digest_base64(const unsigned char bytes[DIGEST_BYTES], char out[DIGEST_BASE64_SIZE])
{
    EVP_EncodeBlock((unsigned char *)out, bytes, DIGEST_BYTES);
}

/* The library pads with zero bytes for each `=`, and takes only whole groups of four. */
int base64_decode(const char *text, unsigned char *out, size_t size)
{
    size_t length = strlen(text), bytes = length / 4 * 3;
    unsigned char whole[BASE64_BYTES_MAX];
    if (length == 0 || length % 4 != 0 || bytes > sizeof whole)
        return -1;
    if (EVP_DecodeBlock(whole, (const unsigned char *)text, (int)length) < 0)
        return -1;
    bytes -= (size_t)(text[length - 1] == '=') + (size_t)(text[length - 2] == '=');
    if (bytes > size)
        return -1;
    memcpy(out, whole, bytes);
    return (int)bytes;
}
