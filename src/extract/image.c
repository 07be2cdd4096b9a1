/* Pictures: what is written on them, page by page, and a small one of the first. */
#include "base/error.h"
#include "base/frame.h"
#include "extract/budget.h"
#include "extract/markdown.h"
#include "extract/ocr.h"
#include "extract/ocr_library.h"
#include "extract/parsers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MARKDOWN_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct image {
    const struct ocr_library *library;
    const l_uint8 *bytes;
    size_t length;
    bool tiff;
    int pages;
    size_t offset; /* of the next page of a TIFF */
};

static int check_size(int page, int width, int height, dq_error *error)
{
    if (width <= 0 || height <= 0)
        return error_set(error, DQ_CORRUPT, "The picture on page %d has no pixels.", page);
    if ((int64_t)width * height > LIMIT_IMAGE_PIXELS)
        return error_set(error, DQ_TOO_LARGE,
                         "The picture on page %d has %d x %d pixels; %d million at most.", page,
                         width, height, LIMIT_IMAGE_PIXELS / 1000000);
    return 0;
}

/* Counts the pages and looks at each one's size; nothing is decoded. */
static int look(struct image *image, dq_error *error)
{
    l_int32 format = 0, width = 0, height = 0, bits = 0, samples = 0, map = 0, dpi = 0;
    const struct ocr_library *library = image->library;
    if (!image->tiff) {
        image->pages = 1;
        if (library->pixReadHeaderMem(image->bytes, image->length, &format, &width, &height, &bits,
                                      &samples, &map) != 0)
            return error_set(error, DQ_CORRUPT, "The picture is damaged.");
        return check_size(1, width, height, error);
    }
    while (image->pages <= LIMIT_IMAGE_PAGES &&
           library->readHeaderMemTiff(image->bytes, image->length, image->pages, &width, &height,
                                      &bits, &samples, &dpi, &map, &format) == 0) {
        int result = check_size(++image->pages, width, height, error);
        if (result < 0)
            return result;
    }
    if (image->pages > LIMIT_IMAGE_PAGES)
        return error_set(error, DQ_TOO_LARGE, "The picture has more than %d pages.",
                         LIMIT_IMAGE_PAGES);
    return image->pages > 0 ? 0 : error_set(error, DQ_CORRUPT, "The picture is damaged.");
}

static PIX *next_picture(struct image *image)
{
    const struct ocr_library *library = image->library;
    return image->tiff
               ? library->pixReadMemFromMultipageTiff(image->bytes, image->length, &image->offset)
               : library->pixReadMem(image->bytes, image->length);
}

/* One of at most `pixels`; takes the picture and returns it, or a smaller one. */
static PIX *shrink(const struct ocr_library *library, PIX *picture, double pixels)
{
    l_int32 width = 0, height = 0, depth = 0;
    library->pixGetDimensions(picture, &width, &height, &depth);
    double factor = sqrt(pixels / ((double)width * height));
    if (factor >= 1)
        return picture;
    PIX *grey = library->pixConvertTo8(picture, 0);
    library->pixDestroy(&picture);
    PIX *small = grey ? library->pixScale(grey, (float)factor, (float)factor) : NULL;
    library->pixDestroy(&grey);
    return small;
}

static void thumbnail(const struct ocr_library *library, PIX *picture, struct emit *emit)
{
    l_int32 width = 0, height = 0, depth = 0;
    l_uint8 *png = NULL;
    size_t length = 0;
    library->pixGetDimensions(picture, &width, &height, &depth);
    float larger = (float)(width > height ? width : height);
    float factor = FRAME_THUMBNAIL_SIDE_MAX / larger;
    PIX *flat = library->pixRemoveAlpha(picture);
    PIX *deep = !flat         ? NULL
                : depth == 32 ? library->pixConvertTo32(flat)
                              : library->pixConvertTo8(flat, 0);
    PIX *small = deep && factor < 1 ? library->pixScale(deep, factor, factor) : NULL;
    if (deep && library->pixWriteMemPng(&png, &length, small ? small : deep, 0) == 0)
        emit_thumbnail(emit, png, length);
    library->lept_free(png);
    library->pixDestroy(&small);
    library->pixDestroy(&deep);
    library->pixDestroy(&flat);
}

static void put_reading(struct emit *emit, const char *text)
{
    autobuf markdown = BUF(MARKDOWN_BYTES_MAX);
    emit_puts(emit, text);
    markdown_paragraphs(&markdown, text, strlen(text));
    if (markdown.length && !markdown.overflow)
        emit_markdown(emit, markdown.bytes, markdown.length);
}

static int read_page(struct image *image, int page, struct emit *emit, dq_error *error)
{
    const struct ocr_library *library = image->library;
    struct ocr_reading reading = {0};
    PIX *picture = next_picture(image);
    if (picture && page == 1)
        thumbnail(library, picture, emit);
    if (picture)
        picture = shrink(library, picture, LIMIT_OCR_PIXELS);
    if (!picture && page == 1)
        return error_set(error, DQ_CORRUPT, "The picture is damaged.");
    int result = picture ? ocr_read(picture, emit, &reading, error) : 0;
    if (!picture) {
        emit_problem(emit, "page %d: the picture is damaged", page);
    } else if (result == 0) {
        put_reading(emit, reading.text);
        ocr_report(emit, page, &reading);
    }
    free(reading.text);
    library->pixDestroy(&picture);
    if (result == 0 && emit_status(emit, error) == 0)
        emit_page(emit);
    return result < 0 ? result : emit_status(emit, error);
}

int extract_image(const struct input *input, struct emit *emit, dq_error *error)
{
    struct image image = {.library = ocr_library(error),
                          .bytes = (const l_uint8 *)input->bytes,
                          .length = input->length};
    if (!image.library)
        return DQ_UNSUPPORTED;
    image.tiff = input->length > 2 && (input->bytes[0] == 'I' || input->bytes[0] == 'M');
    int result = look(&image, error);
    for (int page = 1; page <= image.pages && result == 0; page++) {
        emit_progress(emit, (uint32_t)page, (uint32_t)image.pages, "ocr page");
        result = read_page(&image, page, emit, error);
    }
    return result;
}
