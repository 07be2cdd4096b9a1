/* The table of encodings, and how to tell them apart. */
#include "extract/charset.h"

#include "base/utf8.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <uchardet/uchardet.h>

#define SAMPLE_BYTES ((size_t)256 * 1024) /* what statistics look at */
#define OUTPUT_BYTES ((size_t)32 * 1024)
#define REPLACEMENT  "\xef\xbf\xbd"

/* The first row is what remains when nothing is known. Names as in the WHATWG encoding standard;
 * `aliases` are separated by spaces. */
static const struct row {
    const char *name, *iconv, *aliases;
} rows[] = {
    {"windows-1252", "CP1252", "iso-8859-1 latin1 l1 cp1252 ascii us-ascii iso8859-1"},
    {"UTF-8", NULL, "utf8 unicode-1-1-utf-8"},
    {"UTF-16LE", "UTF-16LE", "utf-16 ucs-2 unicode"},
    {"UTF-16BE", "UTF-16BE", ""},
    {"UTF-32LE", "UTF-32LE", "utf-32"},
    {"UTF-32BE", "UTF-32BE", ""},
    {"windows-1250", "CP1250", "cp1250"},
    {"windows-1251", "CP1251", "cp1251"},
    {"windows-1253", "CP1253", "cp1253"},
    {"windows-1254", "CP1254", "cp1254 iso-8859-9 latin5"},
    {"windows-1255", "CP1255", "cp1255"},
    {"windows-1256", "CP1256", "cp1256"},
    {"windows-1257", "CP1257", "cp1257"},
    {"windows-1258", "CP1258", "cp1258"},
    {"windows-874", "CP874", "tis-620 iso-8859-11 cp874"},
    {"ISO-8859-2", "ISO-8859-2", "latin2"},
    {"ISO-8859-3", "ISO-8859-3", "latin3"},
    {"ISO-8859-4", "ISO-8859-4", "latin4"},
    {"ISO-8859-5", "ISO-8859-5", "cyrillic"},
    {"ISO-8859-6", "ISO-8859-6", "arabic"},
    {"ISO-8859-7", "ISO-8859-7", "greek"},
    {"ISO-8859-8", "ISO-8859-8", "hebrew iso-8859-8-i"},
    {"ISO-8859-10", "ISO-8859-10", "latin6"},
    {"ISO-8859-13", "ISO-8859-13", ""},
    {"ISO-8859-15", "ISO-8859-15", "latin9 latin-9"},
    {"ISO-8859-16", "ISO-8859-16", ""},
    {"KOI8-R", "KOI8-R", "koi8"},
    {"KOI8-U", "KOI8-U", ""},
    {"IBM850", "IBM850", "cp850"},
    {"IBM852", "IBM852", "cp852"},
    {"IBM855", "IBM855", "cp855"},
    {"IBM865", "IBM865", "cp865"},
    {"IBM866", "IBM866", "cp866"},
    {"macintosh", "MACINTOSH", "mac x-mac-roman cp10000"},
    {"x-mac-cyrillic", "MAC-CYRILLIC", "mac-cyrillic"},
    {"Shift_JIS", "CP932", "shift-jis sjis ms_kanji windows-31j x-sjis cp932"},
    {"EUC-JP", "EUC-JP", "x-euc-jp"},
    {"ISO-2022-JP", "ISO-2022-JP-2", ""},
    {"EUC-KR", "CP949", "ks_c_5601-1987 uhc cp949 windows-949"},
    {"ISO-2022-KR", "ISO-2022-KR", ""},
    {"GB18030", "GB18030", "gb2312 gbk gb_2312-80 x-gbk cp936"},
    {"Big5", "BIG5-HKSCS", "big5-hkscs big-5 cp950"},
    {"EUC-TW", "EUC-TW", ""},
    {"IBM437", "IBM437", "cp437"},
    {"johab", "JOHAB", "cp1361"},
    {"UTF-7", "UTF-7", ""},
};
enum { ROWS = sizeof rows / sizeof rows[0], FALLBACK = 0, UTF_8 = 1 };

/* Converters stay open: behind the walls their files are out of reach. 0 is not opened yet. */
static iconv_t converters[ROWS];

static struct charset charset_at(int row)
{
    return (struct charset){rows[row].name, rows[row].iconv, row};
}

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; *at;) {
        size_t size = strcspn(at, " ");
        if (size == length && strncasecmp(at, word, size) == 0)
            return true;
        at += size + (at[size] == ' ');
    }
    return false;
}

static int find(const char *name)
{
    for (int i = 0; i < ROWS; i++)
        if (strcasecmp(rows[i].name, name) == 0 || has_word(rows[i].aliases, name))
            return i;
    return -1;
}

bool charset_named(const char *name, struct charset *ret_charset)
{
    int row = find(name);
    if (row >= 0)
        *ret_charset = charset_at(row);
    return row >= 0;
}

static int by_mark(const char *bytes, size_t length, size_t *ret_skip)
{
    static const struct {
        const char *mark, *name;
        size_t length;
    } marks[] = {{"\xef\xbb\xbf", "UTF-8", 3},
                 {"\xff\xfe\0\0", "UTF-32LE", 4},
                 {"\0\0\xfe\xff", "UTF-32BE", 4},
                 {"\xff\xfe", "UTF-16LE", 2},
                 {"\xfe\xff", "UTF-16BE", 2}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (length >= marks[i].length && memcmp(bytes, marks[i].mark, marks[i].length) == 0) {
            *ret_skip = marks[i].length;
            return find(marks[i].name);
        }
    return -1;
}

/* Pairs of bytes that are a common character of some script, the high byte being at `high`. */
static size_t common_characters(const char *bytes, size_t length, size_t high)
{
    static const struct {
        unsigned from, to;
    } ranges[] = {{0x09, 0x0a},     {0x0d, 0x0d},     {0x20, 0x7e},     {0xa0, 0x24f},
                  {0x370, 0x6ff},   {0x2000, 0x22ff}, {0x3000, 0x30ff}, {0x4e00, 0x9fff},
                  {0xac00, 0xd7a3}, {0xff00, 0xffef}};
    size_t count = 0;
    for (size_t i = 0; i + 1 < length; i += 2) {
        unsigned unit =
            (unsigned)(unsigned char)bytes[i + high] << 8 | (unsigned char)bytes[i + 1 - high];
        for (size_t k = 0; k < sizeof ranges / sizeof ranges[0]; k++)
            count += unit >= ranges[k].from && unit <= ranges[k].to;
    }
    return count;
}

static bool looks_ascii(const char *bytes, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += (bytes[i] >= 'a' && bytes[i] <= 'z') || bytes[i] == ' ' || bytes[i] == '\n';
    return count * 2 > length;
}

/* UTF-16 without a byte order mark: alphabets have nearly all NULs on one side; CJK has a few, from
 * its spaces and line ends, and other characters would not make sense. */
static int by_nuls(const char *bytes, size_t length)
{
    size_t nuls[2] = {0, 0}, pairs = length / 2;
    for (size_t i = 0; i < length; i++)
        nuls[i % 2] += bytes[i] == 0;
    if (pairs < 2 || nuls[0] + nuls[1] == 0)
        return -1;
    if (nuls[1] >= pairs * 2 / 5 && nuls[0] * 20 <= nuls[1])
        return find("UTF-16LE");
    if (nuls[0] >= pairs * 2 / 5 && nuls[1] * 20 <= nuls[0])
        return find("UTF-16BE");
    size_t little = common_characters(bytes, length, 1), big = common_characters(bytes, length, 0);
    if ((little > big ? little : big) * 100 < pairs * 98 || looks_ascii(bytes, length))
        return -1;
    return find(little > big ? "UTF-16LE" : "UTF-16BE");
}

static bool is_utf8(const char *bytes, size_t length)
{
    size_t good = utf8_prefix(bytes, length);
    return good == length || (length > SAMPLE_BYTES && good > length - 4);
}

static int by_statistics(const char *bytes, size_t length)
{
    uchardet_t detector = uchardet_new();
    int row = -1;
    if (uchardet_handle_data(detector, bytes, length) == 0) {
        uchardet_data_end(detector);
        row = find(uchardet_get_charset(detector));
    }
    uchardet_delete(detector);
    return row == UTF_8 ? -1 : row; /* it is not: somebody looked already */
}

/* Every non-ASCII character stands inside or beside Latin letters: Western text, whose few accents
 * are too little for statistics. */
static bool looks_western(const char *bytes, size_t length)
{
    size_t high = 0, letters = 0, lonely = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        unsigned char before = i ? (unsigned char)bytes[i - 1] : ' ';
        letters += (c | 32) >= 'a' && (c | 32) <= 'z';
        if (c < 0x80)
            continue;
        high++;
        lonely += before >= 0x80 && c >= 0xc0;
        lonely += c == 0x81 || c == 0x8d || c == 0x8f || c == 0x90 || c == 0x9d;
    }
    return letters >= (high <= 3 ? 3 : 6) * high && lonely * 20 <= high;
}

static bool is_latin_guess(int row)
{
    static const char *const names[] = {
        "ISO-8859-3",   "ISO-8859-4",   "ISO-8859-10", "ISO-8859-13",  "ISO-8859-16",
        "windows-1257", "windows-1258", "IBM850",      "IBM852",       "IBM865",
        "macintosh",    "windows-1254", "ISO-8859-15", "windows-1250", "ISO-8859-2",
        "IBM855",       "windows-1253", "ISO-8859-7"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (row >= 0 && strcmp(rows[row].name, names[i]) == 0)
            return true;
    return false;
}

enum { FEW_HIGH_BYTES = 40 };

static size_t count_high(const char *bytes, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += (unsigned char)bytes[i] >= 0x80;
    return count;
}

struct charset charset_detect(const char *bytes, size_t length, const char *declared,
                              size_t *ret_skip)
{
    size_t sample = length < SAMPLE_BYTES ? length : SAMPLE_BYTES;
    *ret_skip = 0;
    int row = by_mark(bytes, length, ret_skip);
    if (row < 0)
        row = by_nuls(bytes, sample);
    if (row < 0 && memchr(bytes, 0x1b, sample)) /* ISO-2022: pure ASCII to the eye */
        row = by_statistics(bytes, sample);
    if (row < 0 && is_utf8(bytes, length))
        row = UTF_8;
    if (row < 0 && declared && *declared) {
        row = find(declared);
        if (row >= 0 && strncmp(rows[row].name, "UTF-", 4) == 0)
            row = -1; /* we have just seen that it is not */
    }
    if (row >= 0)
        return charset_at(row);
    row = by_statistics(bytes, sample);
    if (row < 0 || (is_latin_guess(row) && count_high(bytes, sample) < FEW_HIGH_BYTES &&
                    looks_western(bytes, sample)))
        row = FALLBACK;
    return charset_at(row);
}

static iconv_t converter(int row)
{
    if (!converters[row])
        converters[row] = iconv_open("UTF-8", rows[row].iconv);
    return converters[row];
}

void charset_warm_up(void)
{
    for (int i = 0; i < ROWS; i++)
        if (rows[i].iconv)
            converter(i);
}

int charset_decode(struct charset charset, const char *bytes, size_t length, charset_sink *sink,
                   void *context, dq_error *error)
{
    if (!charset.iconv)
        return length ? sink(context, bytes, length) : 0;
    iconv_t convert = converter(charset.at);
    if ((intptr_t)convert == -1)
        return error_set(error, DQ_INTERNAL, "the converter from %s is missing", charset.name);
    iconv(convert, NULL, NULL, NULL, NULL);
    char output[OUTPUT_BYTES];
    char *from = (char *)(uintptr_t)bytes; /* iconv does not write there */
    while (length > 0) {
        char *to = output;
        size_t room = sizeof output - sizeof REPLACEMENT;
        if (iconv(convert, &from, &length, &to, &room) == (size_t)-1 && errno != E2BIG) {
            memcpy(to, REPLACEMENT, sizeof REPLACEMENT - 1);
            to += sizeof REPLACEMENT - 1;
            from++;
            length--;
        }
        int result = to > output ? sink(context, output, (size_t)(to - output)) : 0;
        if (result < 0)
            return result;
    }
    return 0;
}
