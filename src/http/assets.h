/* The files of the admin UI, put into the program at build by tools/build-web.py. */
#ifndef HTTP_ASSETS_H
#define HTTP_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

enum asset_form { ASSET_PLAIN, ASSET_BROTLI, ASSET_GZIP, ASSET_FORMS };

struct asset {
    const char *name, *type;
    bool hashed; /* the name carries a digest: it never changes */
    struct {
        const unsigned char *bytes; /* NULL = not in this form */
        size_t length;
    } forms[ASSET_FORMS];
};

extern const struct asset asset_table[];
extern const size_t asset_count;

#endif
