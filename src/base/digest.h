/* SHA-256 and HMAC-SHA-256; the only door to the crypto library. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>

#define DIGEST_BYTES 32

struct digest;

struct digest *digest_new(void);
void digest_update(struct digest *digest, const void *bytes, size_t length);
void digest_final(struct digest *digest, unsigned char out[DIGEST_BYTES]); /* then free it */
void digest_free(struct digest *digest);                                   /* NULL is fine */

void digest_of(const void *bytes, size_t length, unsigned char out[DIGEST_BYTES]);
void digest_mac(const void *key, size_t key_length, const void *bytes, size_t length,
                unsigned char out[DIGEST_BYTES]);

/* The same in pieces. */
struct mac;
struct mac *mac_new(const void *key, size_t key_length);
void mac_update(struct mac *mac, const void *bytes, size_t length);
void mac_final(struct mac *mac, unsigned char out[DIGEST_BYTES]); /* frees it as well */

/* Base64 of a digest, with its NUL; and back, of any text: the number of bytes, -1 where it is no
 * base64 or longer than `size` bytes. */
#define DIGEST_BASE64_SIZE 45
void digest_base64(const unsigned char bytes[DIGEST_BYTES], char out[DIGEST_BASE64_SIZE]);
int base64_decode(const char *text, unsigned char *out, size_t size);

#endif
