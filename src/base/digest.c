/* OpenSSL's EVP behind three verbs. */
#include "base/digest.h"

#include "base/error.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

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
