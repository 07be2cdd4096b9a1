/* From the surest sign to the weakest: magic numbers, what is inside an archive, markup, text. */
#include "extract/sniff.h"

#include "base/utf8.h"
#include "extract/archive.h"
#include "extract/charset.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define LOOK_BYTES ((size_t)64 * 1024) /* from the front; enough for every sign below */

enum { MARKUP_BYTES = 1024 };

#define ZIP_MAGIC  "PK\3\4"
#define OLE2_MAGIC "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

static const struct kind kind_binary = {"application/octet-stream", "a binary file"};
static const struct kind kind_zip = {"application/zip", "a ZIP archive"};
static const struct kind kind_ole2 = {"application/x-ole-storage", "an OLE2 file"};
static const struct kind kind_html = {"text/html", "a web page"};
static const struct kind kind_csv = {"text/csv", "a table (CSV)"};
static const struct kind kind_text = {"text/plain", "plain text"};

#define MAGIC(at, bytes, type, title)                                                              \
    {                                                                                              \
        at, sizeof(bytes) - 1, bytes,                                                              \
        {                                                                                          \
            type, title                                                                            \
        }                                                                                          \
    }

static const struct magic {
    size_t at, length;
    const char *bytes;
    struct kind kind;
} magics[] = {
    MAGIC(0, "\x89PNG\r\n\x1a\n", "image/png", "an image (PNG)"),
    MAGIC(0, "\xff\xd8\xff", "image/jpeg", "an image (JPEG)"),
    MAGIC(0, "GIF8", "image/gif", "an image (GIF)"),
    MAGIC(0, "II*\0", "image/tiff", "an image (TIFF)"),
    MAGIC(0, "MM\0*", "image/tiff", "an image (TIFF)"),
    MAGIC(8, "WEBP", "image/webp", "an image (WebP)"),
    MAGIC(4, "ftypheic", "image/heic", "an image (HEIC)"),
    MAGIC(0, "8BPS", "image/vnd.adobe.photoshop", "an image (Photoshop)"),
    MAGIC(0, "%!PS-Adobe", "application/postscript", "PostScript"),
    MAGIC(0, "{\\rtf", "application/rtf", "a document (RTF)"),
    MAGIC(0, "\x1f\x8b", "application/gzip", "a gzip file"),
    MAGIC(0, "BZh", "application/x-bzip2", "a bzip2 file"),
    MAGIC(0,
          "\xfd"
          "7zXZ\0",
          "application/x-xz", "an xz file"),
    MAGIC(0, "\x28\xb5\x2f\xfd", "application/zstd", "a Zstandard file"),
    MAGIC(0, "\x04\x22\x4d\x18", "application/x-lz4", "an lz4 file"),
    MAGIC(0, "7z\xbc\xaf\x27\x1c", "application/x-7z-compressed", "a 7z archive"),
    MAGIC(0, "Rar!\x1a\7", "application/vnd.rar", "a RAR archive"),
    MAGIC(257, "ustar", "application/x-tar", "a TAR archive"),
    MAGIC(0,
          "\x7f"
          "ELF",
          "application/x-elf", "a program (ELF)"),
    MAGIC(0, "MZ\x90\0", "application/vnd.microsoft.portable-executable", "a program (Windows)"),
    MAGIC(0, "SQLite format 3\0", "application/vnd.sqlite3", "a SQLite database"),
    MAGIC(0, "ID3", "audio/mpeg", "sound (MP3)"),
    MAGIC(0, "OggS", "application/ogg", "sound or video (Ogg)"),
    MAGIC(8, "WAVE", "audio/wav", "sound (WAV)"),
    MAGIC(4, "ftyp", "video/mp4", "video (MP4)"),
    MAGIC(0, "BEGIN:VCARD", "text/vcard", "a business card"),
    MAGIC(0, "BEGIN:VCALENDAR", "text/calendar", "a calendar"),
};

/* By the type of the main part in [Content_Types].xml, or by the whole of `mimetype`. A package may
 * list others that are only embedded in it, so the signs are those of main parts. */
#define OOXML "application/vnd.openxmlformats-officedocument."
#define ODF   "application/vnd.oasis.opendocument."
#define DOCX                                                                                       \
    {                                                                                              \
        OOXML "wordprocessingml.document", "a document (DOCX)"                                     \
    }
#define XLSX                                                                                       \
    {                                                                                              \
        OOXML "spreadsheetml.sheet", "a spreadsheet (XLSX)"                                        \
    }
#define PPTX                                                                                       \
    {                                                                                              \
        OOXML "presentationml.presentation", "a presentation (PPTX)"                               \
    }
static const struct {
    const char *sign;
    struct kind kind;
} packages[] = {
    {"wordprocessingml.document.main+xml", DOCX},
    {"wordprocessingml.template.main+xml", DOCX},
    {"ms-word.document.macroEnabled.main+xml", DOCX},
    {"ms-word.template.macroEnabledTemplate.main+xml", DOCX},
    {"spreadsheetml.sheet.main+xml", XLSX},
    {"spreadsheetml.template.main+xml", XLSX},
    {"ms-excel.sheet.macroEnabled.main+xml", XLSX},
    {"ms-excel.template.macroEnabled.main+xml", XLSX},
    {"ms-excel.addin.macroEnabled.main+xml", XLSX},
    {"presentationml.presentation.main+xml", PPTX},
    {"presentationml.slideshow.main+xml", PPTX},
    {"presentationml.template.main+xml", PPTX},
    {"ms-powerpoint.presentation.macroEnabled.main+xml", PPTX},
    {"ms-powerpoint.slideshow.macroEnabled.main+xml", PPTX},
    {"ms-powerpoint.template.macroEnabled.main+xml", PPTX},
    {"ms-excel.sheet.binary",
     {"application/vnd.ms-excel.sheet.binary.macroenabled.12", "a binary spreadsheet (XLSB)"}},
    {"opendocument.text", {ODF "text", "a document (ODT)"}},
    {"opendocument.spreadsheet", {ODF "spreadsheet", "a spreadsheet (ODS)"}},
    {"opendocument.presentation", {ODF "presentation", "a presentation (ODP)"}},
    {"opendocument.graphics", {ODF "graphics", "a drawing (ODG)"}},
    {"application/epub+zip", {"application/epub+zip", "a book (EPUB)"}},
};

/* A package that does not say, or that is broken, by the name of its main part. */
static const struct {
    const char *part;
    struct kind kind;
} main_parts[] = {
    {"word/document.xml", DOCX},
    {"xl/workbook.xml", XLSX},
    {"ppt/presentation.xml", PPTX},
};

/* Streams of an OLE2 file, whose names stand in its directory as UTF-16. */
static const struct {
    const char *stream;
    struct kind kind;
} streams[] = {
    {"EncryptedPackage", {"application/x-encrypted-ooxml", "an encrypted office document"}},
    {"WordDocument", {"application/msword", "a document (DOC)"}},
    {"Workbook", {"application/vnd.ms-excel", "a spreadsheet (XLS)"}},
    {"Book", {"application/vnd.ms-excel", "a spreadsheet (XLS)"}},
    {"PowerPoint Document", {"application/vnd.ms-powerpoint", "a presentation (PPT)"}},
    {"__properties_version1.0", {"application/vnd.ms-outlook", "a message (Outlook)"}},
};

static const struct {
    const char *suffix;
    struct kind kind;
} suffixes[] = {
    {".md", {"text/markdown", "Markdown"}},
    {".markdown", {"text/markdown", "Markdown"}},
    {".csv", {"text/csv", "a table (CSV)"}},
    {".tsv", {"text/csv", "a table (CSV)"}},
    {".tab", {"text/csv", "a table (CSV)"}},
    {".html", {"text/html", "a web page"}},
    {".htm", {"text/html", "a web page"}},
    {".xhtml", {"text/html", "a web page"}},
    {".eml", {"message/rfc822", "a message (e-mail)"}},
    {".txt", {"text/plain", "plain text"}},
    {".log", {"text/plain", "plain text"}},
    {".json", {"text/plain", "plain text"}},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool begins(const struct input *input, size_t at, const char *bytes, size_t length)
{
    return input->length >= at + length && memcmp(input->bytes + at, bytes, length) == 0;
}

static const void *look_for(const struct input *input, size_t within, const char *bytes,
                            size_t length)
{
    return memmem(input->bytes, input->length < within ? input->length : within, bytes, length);
}

static const struct kind *kind_by_sign(const char *text)
{
    for (size_t i = 0; i < COUNT(packages); i++)
        if (strstr(text, packages[i].sign))
            return &packages[i].kind;
    return NULL;
}

/* The archive cannot be opened; what was it meant to be? `mimetype` stands first, as it is. */
static struct kind kind_of_broken_package(const struct input *input)
{
    enum { FIRST_BYTES = 200 };
    char head[FIRST_BYTES + 1] = {0};
    size_t length = input->length < FIRST_BYTES ? input->length : FIRST_BYTES;
    for (size_t i = 0; i < length; i++)
        head[i] = input->bytes[i] ? input->bytes[i] : ' ';
    const struct kind *kind = strstr(head, "mimetype") ? kind_by_sign(head) : NULL;
    for (size_t i = 0; i < COUNT(main_parts) && !kind; i++)
        if (memmem(input->bytes, input->length, main_parts[i].part, strlen(main_parts[i].part)))
            kind = &main_parts[i].kind;
    return kind ? *kind : kind_zip;
}

static struct kind kind_of_package(const struct input *input)
{
    static const char *const parts[] = {"[Content_Types].xml", "mimetype", "META-INF/manifest.xml"};
    static const struct kind other = {"application/x-opc-package",
                                      "an Office package of another kind"};
    dq_error ignored;
    autoarchive archive = NULL;
    if (archive_open(input, &archive, &ignored) < 0)
        return kind_of_broken_package(input);
    for (size_t part = 0; part < COUNT(parts); part++) {
        autobuf text = BUF((size_t)1024 * 1024);
        int at = archive_find(archive, parts[part]);
        if (at < 0 || archive_read(archive, at, &text, &ignored) < 0 || text.length == 0)
            continue;
        const struct kind *kind = kind_by_sign(text.bytes);
        if (kind)
            return *kind;
    }
    for (size_t i = 0; i < COUNT(main_parts); i++)
        if (archive_find(archive, main_parts[i].part) >= 0)
            return main_parts[i].kind;
    return archive_find(archive, parts[0]) >= 0 ? other : kind_zip;
}

static struct kind kind_of_ole2(const struct input *input)
{
    for (size_t i = 0; i < COUNT(streams); i++) {
        char wide[64] = {0};
        size_t length = strlen(streams[i].stream);
        for (size_t k = 0; k < length; k++)
            wide[2 * k] = streams[i].stream[k];
        if (memmem(input->bytes, input->length, wide, 2 * length + 2))
            return streams[i].kind;
    }
    return kind_ole2;
}

/* ---- text ---- */

static bool name_ends(const char *name, const char *suffix)
{
    size_t length = strlen(name), size = strlen(suffix);
    return length >= size && strcasecmp(name + length - size, suffix) == 0;
}

static const struct kind *kind_by_name(const char *name)
{
    for (size_t i = 0; i < COUNT(suffixes); i++)
        if (name_ends(name, suffixes[i].suffix))
            return &suffixes[i].kind;
    return NULL;
}

static bool is_text(const struct input *input)
{
    size_t skip = 0, strange = 0;
    size_t length = input->length < LOOK_BYTES ? input->length : LOOK_BYTES;
    struct charset charset = charset_detect(input->bytes, length, NULL, &skip);
    if (strncmp(charset.name, "UTF-16", 6) == 0 || strncmp(charset.name, "UTF-32", 6) == 0)
        return true;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)input->bytes[i];
        if (c == 0)
            strange += 10;
        strange += (c < 32 && !memchr("\t\n\r\f\x1b\b", c, 6)) || c == 127;
    }
    return strange * 50 <= length + 500; /* one NUL makes no program of a note */
}

/* How sure the bytes are of being HTML: 2 it says so, 1 it begins with a tag, 0 not. */
static int html_degree(const struct input *input)
{
    static const char *const sure[] = {"<!doctype html", "<html", "<head", "<body", "<title"};
    static const char *const maybe[] = {"<p",  "<div", "<h1",  "<table", "<script", "<meta",
                                        "<a ", "<br",  "<img", "<span",  "<center", "<style"};
    char head[MARKUP_BYTES + 1] = {0};
    size_t from = begins(input, 0, "\xef\xbb\xbf", 3) ? 3 : 0, length = 0;
    while (from < input->length && strchr(" \t\r\n", input->bytes[from]) && input->bytes[from])
        from++;
    for (; from < input->length && length < MARKUP_BYTES; from++)
        if (input->bytes[from] != 0) /* UTF-16 reads the same */
            head[length++] = input->bytes[from];
    bool is_xml = strncmp(head, "<?xml", 5) == 0; /* whose <title> says nothing */
    for (size_t i = 0; i < (is_xml ? 2 : COUNT(sure)); i++)
        if (strcasestr(head, sure[i]) && strchr(head, '<') < head + 4)
            return 2;
    for (size_t i = 0; i < COUNT(maybe); i++)
        if (strncasecmp(head, maybe[i], strlen(maybe[i])) == 0)
            return 1;
    return 0;
}

/* A header that only messages begin with, or three of those that they have. */
static bool is_message(const struct input *input)
{
    static const char *const first[] = {
        "Return-Path:",      "Received:",     "Message-ID:",    "MIME-Version:",
        "X-Mozilla-Status:", "Delivered-To:", "DKIM-Signature:"};
    static const char *const headers[] = {
        "from: ",       "subject: ",      "date: ",         "to: ",
        "message-id: ", "mime-version: ", "content-type: ", "reply-to: "};
    char head[4096 + 2] = "\n";
    int count = 0;
    size_t skip = begins(input, 0, "\xef\xbb\xbf", 3) ? 3 : 0, length = 1;
    for (size_t at = skip; at < input->length && length < sizeof head - 1; at++)
        head[length++] = input->bytes[at] ? input->bytes[at] : ' ';
    for (size_t i = 0; i < COUNT(first); i++)
        if (strncasecmp(head + 1, first[i], strlen(first[i])) == 0)
            return true;
    for (size_t i = 0; i < COUNT(headers); i++) {
        const char *found = strcasestr(head, headers[i]);
        count += found && found[-1] == '\n';
    }
    size_t name = strcspn(head + 1, ":");
    return count >= 3 && name > 0 && name < 40 && strcspn(head + 1, " \n") > name;
}

/* "From ana@example.org Mon Jul 20 01:01:07 2015", and a header on the next line. */
static bool is_mailbox(const struct input *input)
{
    const char *line = input->length > 5 ? memchr(input->bytes, '\n', input->length) : NULL;
    if (!begins(input, 0, "From ", 5) || !line || line - input->bytes > 300)
        return false;
    size_t left = (size_t)(input->bytes + input->length - line - 1), name = 0;
    bool time = memchr(input->bytes, ':', (size_t)(line - input->bytes)) != NULL;
    line++;
    if (left > 0 && *line == '>') /* "From " of an older mailbox, quoted */
        return time;
    while (name < left && line[name] > ' ' && line[name] != ':')
        name++;
    return name > 0 && name < left && line[name] == ':';
}

/* TAR before 1988 has no magic; but the sum of its first header is in it. */
static bool is_old_tar(const struct input *input)
{
    enum { BLOCK = 512, SUM_AT = 148, SUM_SIZE = 8 };
    unsigned sum = 0, said = 0;
    if (input->length < BLOCK || input->bytes[0] == '\0')
        return false;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= SUM_AT && i < SUM_AT + SUM_SIZE ? ' ' : (unsigned char)input->bytes[i];
    for (size_t i = SUM_AT; i < SUM_AT + SUM_SIZE; i++)
        if (input->bytes[i] >= '0' && input->bytes[i] <= '7')
            said = said * 8 + (unsigned)(input->bytes[i] - '0');
    return said == sum;
}

/* Three lines or more, and all with the same number (two or more) of the same delimiter. */
static bool is_table(const struct input *input)
{
    static const char delimiters[] = ";\t|,";
    size_t length = input->length < LOOK_BYTES ? input->length : LOOK_BYTES;
    for (const char *delimiter = delimiters; *delimiter; delimiter++) {
        size_t lines = 0, count = 0, first = 0;
        bool same = true, quoted = false;
        for (size_t i = 0; i < length && same; i++) {
            if (input->bytes[i] == '"')
                quoted = !quoted;
            count += !quoted && input->bytes[i] == *delimiter;
            if (quoted || input->bytes[i] != '\n')
                continue;
            first = lines++ == 0 ? count : first;
            same = count == first && count >= 2;
            count = 0;
        }
        if (same && lines >= 3)
            return true;
    }
    return false;
}

static struct kind kind_of_text(const struct input *input)
{
    static const struct kind xml = {"application/xml", "an XML file"};
    static const struct kind message = {"message/rfc822", "a message (e-mail)"};
    static const struct kind mailbox = {"application/mbox", "a mailbox (MBOX)"};
    if (is_mailbox(input))
        return mailbox;
    const struct kind *named = kind_by_name(input->name);
    int html = html_degree(input);
    if (html == 2 || (html == 1 && !named))
        return kind_html;
    if (named)
        return *named;
    if (begins(input, 0, "<?xml", 5) || begins(input, 0, "\xef\xbb\xbf<?xml", 8))
        return xml;
    if (is_message(input))
        return message;
    return is_table(input) ? kind_csv : kind_text;
}

/* Readers look for the header in the first 1024 bytes; a text that only talks of it ends soon. */
static bool pdf_behind_rubbish(const struct input *input)
{
    const char *header = look_for(input, 1024, "%PDF-", 5);
    return header && (header == input->bytes || header[-1] != '"') &&
           memmem(input->bytes, input->length, " obj", 4);
}

struct kind sniff(const struct input *input)
{
    static const struct kind pdf = {"application/pdf", "a PDF file"};
    static const struct kind tar = {"application/x-tar", "a TAR archive"};
    if (begins(input, 0, "%PDF-", 5))
        return pdf;
    if (begins(input, 0, ZIP_MAGIC, 4) || begins(input, 0, "PK\5\6", 4))
        return kind_of_package(input);
    if (begins(input, 0, OLE2_MAGIC, 8))
        return kind_of_ole2(input);
    for (size_t i = 0; i < COUNT(magics); i++)
        if (begins(input, magics[i].at, magics[i].bytes, magics[i].length))
            return magics[i].kind;
    if (is_old_tar(input))
        return tar;
    if (pdf_behind_rubbish(input))
        return pdf;
    return is_text(input) ? kind_of_text(input) : kind_binary;
}
