/* /admin/: the files of the UI. Whatever is no file is a page of it, and gets index.html. */
#include "http/assets.h"
#include "http/handlers.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/id.h"

#include <stdio.h>
#include <string.h>

#define ETAG_BYTES 8
#define ETAG_SIZE  (2 * ETAG_BYTES + 3)

static const struct asset *find_asset(const char *name)
{
    for (size_t i = 0; i < asset_count; i++)
        if (strcmp(asset_table[i].name, name) == 0)
            return &asset_table[i];
    return NULL;
}

/* The smallest form that the client takes. */
static enum asset_form choose_form(const struct call *call, const struct asset *asset)
{
    const char *accepted = head_value(&call->head, "accept-encoding");
    if (accepted && strstr(accepted, "br") && asset->forms[ASSET_BROTLI].bytes)
        return ASSET_BROTLI;
    if (accepted && strstr(accepted, "gzip") && asset->forms[ASSET_GZIP].bytes)
        return ASSET_GZIP;
    return ASSET_PLAIN;
}

static void make_etag(const struct asset *asset, char etag[ETAG_SIZE])
{
    unsigned char digest[DIGEST_BYTES];
    char text[2 * ETAG_BYTES + 1];
    digest_of(asset->forms[ASSET_PLAIN].bytes, asset->forms[ASSET_PLAIN].length, digest);
    hex_encode(digest, ETAG_BYTES, text);
    snprintf(etag, ETAG_SIZE, "\"%s\"", text);
}

static int serve_asset(struct call *call, const struct asset *asset)
{
    static const char *const encodings[ASSET_FORMS] = {NULL, "br", "gzip"};
    enum asset_form form = choose_form(call, asset);
    const char *known = head_value(&call->head, "if-none-match");
    char etag[ETAG_SIZE];
    make_etag(asset, etag);
    call->answer.policy = POLICY_PAGE;
    answer_header(&call->answer, "Cache-Control",
                  asset->hashed ? "public, max-age=31536000, immutable" : "no-cache");
    answer_header(&call->answer, "ETag", etag);
    answer_header(&call->answer, "Vary", "Accept-Encoding");
    if (known && strstr(known, etag))
        return call_empty(call, 304);
    if (encodings[form])
        answer_header(&call->answer, "Content-Encoding", encodings[form]);
    return call_text(call, asset->type, (const char *)asset->forms[form].bytes,
                     asset->forms[form].length);
}

int ui_home(struct call *call, dq_error *error)
{
    (void)error;
    answer_header(&call->answer, "Location", "/admin/");
    return call_empty(call, 302);
}

/* The last part of the path is a file's name, or the path is that of a page. */
int ui_get(struct call *call, dq_error *error)
{
    const struct asset *asset = call->param ? find_asset(call->param) : NULL;
    if (!asset && call->param && strchr(call->param, '.'))
        return error_set(error, DQ_NOT_FOUND, "The admin page has no file of this name.");
    return serve_asset(call, asset ? asset : find_asset("index.html"));
}
