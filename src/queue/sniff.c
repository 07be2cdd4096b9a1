/* A first guess at the media type from the bytes; the parser corrects it. */
#include "queue/queue.h"

#include "base/utf8.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *magic;
    size_t length, offset;
    const char *type;
} magics[] = {
    {"%PDF-", 5, 0, "application/pdf"},
    {"\x89PNG\r\n\x1a\n", 8, 0, "image/png"},
    {"\xff\xd8\xff", 3, 0, "image/jpeg"},
    {"II*\0", 4, 0, "image/tiff"},
    {"MM\0*", 4, 0, "image/tiff"},
    {"WEBP", 4, 8, "image/webp"},
    {"{\\rtf", 5, 0, "application/rtf"},
    {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, 0, "application/x-ole-storage"},
    {"\x1f\x8b", 2, 0, "application/gzip"},
    {"BZh", 3, 0, "application/x-bzip2"},
    {"\xfd"
     "7zXZ",
     5, 0, "application/x-xz"},
    {"\x28\xb5\x2f\xfd", 4, 0, "application/zstd"},
    {"7z\xbc\xaf\x27\x1c", 6, 0, "application/x-7z-compressed"},
    {"ustar", 5, 257, "application/x-tar"},
    /* OpenDocument and EPUB begin with a member `mimetype` that says what they are */
    {"mimetypeapplication/vnd.oasis.opendocument.text", 47, 30,
     "application/vnd.oasis.opendocument.text"},
    {"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", 54, 30,
     "application/vnd.oasis.opendocument.spreadsheet"},
    {"mimetypeapplication/vnd.oasis.opendocument.presentation", 55, 30,
     "application/vnd.oasis.opendocument.presentation"},
    {"mimetypeapplication/epub+zip", 28, 30, "application/epub+zip"},
    {"PK\x03\x04", 4, 0, "application/zip"},
};

/* Within a ZIP, the name breaks the tie; in text, it tells the dialect. */
static const struct {
    const char *suffix, *within, *type;
} names[] = {
    {".docx", "application/zip",
     "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {".xlsx", "application/zip",
     "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {".pptx", "application/zip",
     "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {".odt", "application/zip", "application/vnd.oasis.opendocument.text"},
    {".ods", "application/zip", "application/vnd.oasis.opendocument.spreadsheet"},
    {".odp", "application/zip", "application/vnd.oasis.opendocument.presentation"},
    {".epub", "application/zip", "application/epub+zip"},
    {".html", "text/plain", "text/html"},
    {".htm", "text/plain", "text/html"},
    {".md", "text/plain", "text/markdown"},
    {".csv", "text/plain", "text/csv"},
    {".tsv", "text/plain", "text/tab-separated-values"},
    {".xml", "text/plain", "application/xml"},
    {".eml", "text/plain", "message/rfc822"},
    {".mbox", "text/plain", "application/mbox"},
};

static const char *by_bytes(const char *head, size_t length)
{
    enum { TEXT_LOOK_BYTES = 4096, SEQUENCE_BYTES_MAX = 4 };
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (length >= magics[i].offset + magics[i].length &&
            memcmp(head + magics[i].offset, magics[i].magic, magics[i].length) == 0)
            return magics[i].type;
    size_t look = length < TEXT_LOOK_BYTES ? length : TEXT_LOOK_BYTES;
    if (look == 0 || memchr(head, '\0', look))
        return "application/octet-stream";
    size_t valid = utf8_prefix(head, look);
    return valid == look || (look < length && look - valid < SEQUENCE_BYTES_MAX)
               ? "text/plain"
               : "application/octet-stream";
}

const char *sniff_content_type(const char *head, size_t length, const char *filename)
{
    const char *type = by_bytes(head, length), *dot = strrchr(filename, '.');
    for (size_t i = 0; dot && i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(dot, names[i].suffix) == 0 && strcmp(type, names[i].within) == 0)
            return names[i].type;
    return type;
}
