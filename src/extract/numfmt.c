/* Number formats of spreadsheets (ECMA-376 part 1, 18.8.30 and 18.8.31). */
#include "extract/numfmt.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EXACT 9007199254740992.0 /* 2^53 */

enum { SECTIONS_MAX = 4, SECTION_SIZE = 256, DIGITS_SIZE = 400, DECIMALS_MAX = 30 };

const char *numfmt_builtin(int id)
{
    static const struct {
        int id;
        const char *code;
    } rows[] = {
        {0, "General"},
        {1, "0"},
        {2, "0.00"},
        {3, "#,##0"},
        {4, "#,##0.00"},
        {5, "$#,##0;($#,##0)"},
        {6, "$#,##0;($#,##0)"},
        {7, "$#,##0.00;($#,##0.00)"},
        {8, "$#,##0.00;($#,##0.00)"},
        {9, "0%"},
        {10, "0.00%"},
        {11, "0.00E+00"},
        {12, "# ?/?"},
        {13, "# ?\?/?\?"},
        {14, "yyyy-mm-dd"},
        {15, "d-mmm-yy"},
        {16, "d-mmm"},
        {17, "mmm-yy"},
        {18, "h:mm AM/PM"},
        {19, "h:mm:ss AM/PM"},
        {20, "h:mm"},
        {21, "h:mm:ss"},
        {22, "yyyy-mm-dd hh:mm"},
        {37, "#,##0;(#,##0)"},
        {38, "#,##0;(#,##0)"},
        {39, "#,##0.00;(#,##0.00)"},
        {40, "#,##0.00;(#,##0.00)"},
        {41, "#,##0;(#,##0);-"},
        {42, "$#,##0;($#,##0);-"},
        {43, "#,##0.00;(#,##0.00);-"},
        {44, "$#,##0.00;($#,##0.00);-"},
        {45, "mm:ss"},
        {46, "[h]:mm:ss"},
        {47, "mm:ss.0"},
        {48, "##0.0E+0"},
        {49, "@"},
    };
    if ((id >= 27 && id <= 36) || (id >= 50 && id <= 58)) /* dates of East Asian countries */
        return "yyyy-mm-dd";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].id == id)
            return rows[i].code;
    return NULL;
}

/* ---- reading a code ---- */

/* Length of the piece at `at` that is one thing: a quoted text, an escaped character, a bracket, or
 * a plain character. */
static size_t piece_length(const char *at)
{
    const char *end = NULL;
    if (*at == '"')
        end = strchr(at + 1, '"');
    else if (*at == '[')
        end = strchr(at + 1, ']');
    else if ((*at == '\\' || *at == '_' || *at == '*') && at[1]) {
        size_t length = 2; /* and the rest of a character of several bytes */
        while (((unsigned char)at[length] & 0xc0) == 0x80)
            length++;
        return length;
    } else
        return 1;
    return end ? (size_t)(end - at) + 1 : strlen(at);
}

static bool is_elapsed(const char *at)
{
    return *at == '[' && at[1] && strchr("hHmMsS", at[1]);
}

/* A date or time, rather than a number: letters for it outside of quotes and brackets. */
static bool is_date(const char *section)
{
    for (const char *at = section; *at; at += piece_length(at)) {
        if (is_elapsed(at) || strchr("yYmMdDhHsS", *at))
            return true;
        if (strchr("0#?", *at))
            return false;
    }
    return false;
}

static bool is_general(const char *section)
{
    return *section == '\0' || strcasestr(section, "General") || strcmp(section, "@") == 0;
}

static int split(const char *code, char sections[SECTIONS_MAX][SECTION_SIZE])
{
    int count = 0;
    for (const char *at = code; count < SECTIONS_MAX;) {
        const char *from = at;
        while (*at && *at != ';')
            at += piece_length(at);
        snprintf(sections[count++], SECTION_SIZE, "%.*s", (int)(at - from), from);
        if (*at++ != ';')
            break;
    }
    return count;
}

/* What a piece that is no placeholder shows. [$kr-406] is a currency and a country. */
static void put_literal(const char *at, struct buf *to)
{
    size_t length = piece_length(at);
    if (*at == '"')
        buf_append(to, at + 1, length > 1 && at[length - 1] == '"' ? length - 2 : length - 1);
    else if (*at == '\\')
        buf_append(to, at + 1, length - 1);
    else if (*at == '[' && at[1] == '$')
        buf_append(to, at + 2, strcspn(at + 2, "-]"));
    else if (*at == '_')
        buf_puts(to, " ");
    else if (*at != '[' && *at != '*')
        buf_append(to, at, length);
}

/* ---- dates ---- */

struct moment {
    int64_t year, month, day, weekday, hour, minute, second;
    double fraction, days;
};

/* Civil date from days since 1970-01-01 (the algorithm of eras of 400 years). */
static void civil(int64_t days, struct moment *moment)
{
    int64_t z = days + 719468, era = z / 146097, day = z - era * 146097;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t in_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * in_year + 2) / 153;
    moment->day = in_year - (153 * month + 2) / 5 + 1;
    moment->month = month < 10 ? month + 3 : month - 9;
    moment->year = year + era * 400 + (moment->month <= 2);
    moment->weekday = (days + 4) % 7; /* 0: Sunday */
}

/* 1900 was no leap year, but the first spreadsheet thought so; all have kept to it. */
static bool to_moment(double value, bool since_1904, int decimals, struct moment *moment)
{
    static const int64_t epoch_1900 = -25569, epoch_1904 = -24107;
    const double last = 2958466, unit = pow(10, decimals);
    if (!(value >= 0 && value < last))
        return false;
    double seconds = round(value * 86400 * unit) / unit;
    int64_t whole = (int64_t)floor(seconds), day = whole / 86400;
    *moment = (struct moment){.hour = whole / 3600 % 24,
                              .minute = whole / 60 % 60,
                              .second = whole % 60,
                              .fraction = seconds - floor(seconds),
                              .days = value};
    civil(since_1904 ? day + epoch_1904 : day + epoch_1900 + (day < 60), moment);
    return true;
}

static size_t run_of(const char *at)
{
    size_t length = 1;
    while (at[length] && tolower((unsigned char)at[length]) == tolower((unsigned char)*at))
        length++;
    return length;
}

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};

static void put_number(struct buf *to, int64_t value, size_t digits)
{
    buf_printf(to, "%0*lld", (int)(digits > 2 ? 2 : digits), (long long)value);
}

static void put_name(struct buf *to, const char *name, bool whole)
{
    buf_append(to, name, whole ? strlen(name) : 3);
}

/* One run of letters; `is_minute` decides what m means. */
static void put_date_part(struct buf *to, char letter, size_t run, const struct moment *moment,
                          bool is_minute, bool half_days)
{
    int64_t hour = half_days ? (moment->hour + 11) % 12 + 1 : moment->hour;
    if (letter == 'y')
        buf_printf(to, run > 2 ? "%04lld" : "%02lld",
                   (long long)(run > 2 ? moment->year : moment->year % 100));
    else if (letter == 'm' && is_minute)
        put_number(to, moment->minute, run);
    else if (letter == 'm' && run == 5)
        buf_append(to, months[moment->month - 1], 1);
    else if (letter == 'm' && run > 2)
        put_name(to, months[moment->month - 1], run > 3);
    else if (letter == 'm')
        put_number(to, moment->month, run);
    else if (letter == 'd' && run > 2)
        put_name(to, days[moment->weekday], run > 3);
    else if (letter == 'd')
        put_number(to, moment->day, run);
    else if (letter == 'h')
        put_number(to, hour, run);
    else if (letter == 's')
        put_number(to, moment->second, run);
}

static void put_elapsed(struct buf *to, const char *at, const struct moment *moment)
{
    char letter = (char)tolower((unsigned char)at[1]);
    double per_day = letter == 'h' ? 24 : letter == 'm' ? 1440 : 86400;
    double value = floor(moment->days * per_day + 1e-6);
    buf_printf(to, "%0*.0f", (int)(piece_length(at) - 2 > 2 ? 2 : piece_length(at) - 2), value);
}

/* m means minutes behind hours and before seconds. */
static bool before_seconds(const char *at)
{
    while (*at && !strchr("yYdDhHmM", *at)) {
        if (*at == 's' || *at == 'S' || (is_elapsed(at) && strchr("sS", at[1])))
            return true;
        at += piece_length(at);
    }
    return false;
}

/* Digits behind the second: "ss.000". */
static int second_decimals(const char *section)
{
    const char *dot = strstr(section, "s.0");
    int count = 0;
    while (dot && dot[2 + count] == '0' && count < 6)
        count++;
    return count;
}

static void put_date(double value, const char *section, bool since_1904, struct buf *to)
{
    struct moment moment;
    bool half_days = strcasestr(section, "AM/PM") || strcasestr(section, "A/P");
    bool after_hour = false;
    int decimals = second_decimals(section);
    if (!to_moment(value, since_1904, decimals, &moment)) {
        numfmt_put(value, "General", false, to);
        return;
    }
    for (const char *at = section; *at;) {
        char letter = (char)tolower((unsigned char)*at);
        size_t length = piece_length(at);
        if (is_elapsed(at)) {
            put_elapsed(to, at, &moment);
            after_hour = tolower((unsigned char)at[1]) == 'h';
        } else if (strncasecmp(at, "AM/PM", 5) == 0 || strncasecmp(at, "A/P", 3) == 0) {
            buf_puts(to, moment.hour < 12 ? "AM" : "PM");
            length = at[1] == '/' ? 3 : 5;
        } else if (strchr("ymdhs", letter)) {
            length = run_of(at);
            put_date_part(to, letter, length, &moment, after_hour || before_seconds(at + length),
                          half_days);
            after_hour = letter == 'h';
        } else if (*at == '.' && decimals > 0 && at > section && strchr("sS]", at[-1])) {
            buf_printf(to, ".%0*.0f", decimals, floor(moment.fraction * pow(10, decimals) + 0.5));
            length = (size_t)decimals + 1;
        } else if (!strchr("@;", *at)) {
            put_literal(at, to);
        }
        at += length;
    }
}

/* ---- numbers ---- */

/* Fifteen digits are what a double holds; no exponent for whole numbers that it holds exactly. */
static void put_general(double value, struct buf *to)
{
    char text[64];
    snprintf(text, sizeof text, "%.15g", value);
    if (strchr(text, 'e') && fabs(value) < EXACT && fabs(value) >= 1)
        snprintf(text, sizeof text, "%.0f", value);
    else if (strchr(text, 'e'))
        snprintf(text, sizeof text, "%.15G", value);
    buf_puts(to, strcmp(text, "-0") == 0 ? "0" : text);
}

struct shape {
    int whole, whole_zeros, decimals, decimal_zeros; /* placeholders: all, and those that are 0 */
    int percents, thousands_scale;
    bool groups, exponent, fraction;
};

static struct shape shape_of(const char *section)
{
    struct shape shape = {0};
    bool behind_dot = false, behind_exponent = false;
    const char *last = NULL;
    for (const char *at = section; *at; at += piece_length(at)) {
        if (strchr("0#?", *at) && !behind_exponent) {
            bool fixed = *at == '0';
            *(behind_dot ? &shape.decimals : &shape.whole) += 1;
            *(behind_dot ? &shape.decimal_zeros : &shape.whole_zeros) += fixed;
            last = at;
        } else if (*at == '.') {
            behind_dot = true;
        } else if (*at == ',' && last && last == at - 1 && !behind_exponent) {
            if (at[1] && strchr("0#?", at[1]))
                shape.groups = true;
            else
                shape.thousands_scale++;
            last = at;
        } else if (*at == '%') {
            shape.percents++;
        } else if (*at == 'E' && (at[1] == '+' || at[1] == '-')) {
            shape.exponent = behind_exponent = true;
        } else if (*at == '/' && last) {
            shape.fraction = true;
        }
    }
    if (shape.decimals > DECIMALS_MAX)
        shape.decimals = DECIMALS_MAX;
    return shape;
}

static void put_fraction(double value, const char *section, struct buf *to)
{
    const char *slash = strchr(section, '/');
    size_t digits = strspn(slash + 1, "?#0");
    long fixed = strtol(slash + 1, NULL, 10), most = digits >= 3 ? 999 : digits == 2 ? 99 : 9;
    long from = fixed > 0 && fixed < 10000 ? fixed : 1;
    long until = from > 1 ? from : most, best = from, over = 0;
    double whole = floor(value), rest = value - whole, error = 2;
    for (long under = from; under <= until; under++) {
        double distance = fabs(rest - round(rest * (double)under) / (double)under);
        if (distance < error - 1e-9) {
            error = distance;
            best = under;
            over = lround(rest * (double)under);
        }
    }
    if (over == best) {
        whole += 1;
        over = 0;
    }
    if (whole > 0 || over == 0)
        buf_printf(to, "%.0f", whole);
    if (over > 0)
        buf_printf(to, "%s%ld/%ld", whole > 0 ? " " : "", over, best);
}

static void put_grouped(const char *digits, int count, int left, bool groups, struct buf *to)
{
    for (int i = 0; i < count; i++) {
        buf_append(to, digits + i, 1);
        int behind = left + count - 1 - i;
        if (groups && behind > 0 && behind % 3 == 0)
            buf_puts(to, ",");
    }
}

/* The digits go into the placeholders, those that are too many before the first one. */
static void put_digits(double value, const char *section, const struct shape *shape, struct buf *to)
{
    char text[DIGITS_SIZE], whole[DIGITS_SIZE];
    snprintf(text, sizeof text, "%.*f", shape->decimals, value);
    char *dot = strchr(text, '.');
    const char *decimals = dot ? dot + 1 : "";
    int length = dot ? (int)(dot - text) : (int)strlen(text), kept = shape->decimals;
    while (kept > shape->decimal_zeros && decimals[kept - 1] == '0')
        kept--;
    if (length == 1 && text[0] == '0' && shape->whole_zeros == 0)
        length = 0;
    int zeros = shape->whole_zeros > length ? shape->whole_zeros - length : 0;
    snprintf(whole, sizeof whole, "%0*d%.*s", zeros, 0, length, text);
    const char *digits = zeros > 0 ? whole : whole + 1;
    int count = zeros + length, place = 0, behind = 0;
    bool behind_dot = false;
    for (const char *at = section; *at; at += piece_length(at)) {
        if (strchr("0#?", *at) && !behind_dot) {
            int left = shape->whole - 1 - place; /* placeholders still to come */
            int now = count > left ? count - left : 0;
            put_grouped(digits, now, left < count ? left : count - now, shape->groups, to);
            digits += now;
            count -= now;
            place++;
        } else if (strchr("0#?", *at)) {
            if (behind < kept)
                buf_append(to, decimals + behind, 1);
            behind++;
        } else if (*at == '.') {
            behind_dot = true;
            if (kept > 0 && shape->whole == 0)
                put_grouped(digits, count, 0, false, to);
            if (kept > 0)
                buf_puts(to, ".");
        } else if (*at != ',') {
            put_literal(at, to);
        }
    }
}

static void put_scientific(double value, const char *section, const struct shape *shape,
                           struct buf *to)
{
    const char *sign = strchr(section, 'E');
    int power = value > 0 ? (int)floor(log10(value)) : 0,
        step = shape->whole > 1 ? shape->whole : 1;
    if (step > 1)
        power = (int)floor((double)power / step) * step;
    double mantissa = value / pow(10, power);
    if (step == 1 && mantissa >= 10 - 0.5 * pow(10, -shape->decimals)) {
        mantissa /= 10;
        power++;
    }
    buf_printf(to, "%.*fE%s%0*d", shape->decimals, mantissa,
               power < 0        ? "-"
               : sign[1] == '+' ? "+"
                                : "",
               (int)strspn(sign + 2, "0#?"), abs(power));
}

static void put_by_section(double value, const char *section, struct buf *to)
{
    struct shape shape = shape_of(section);
    for (int i = 0; i < shape.percents; i++)
        value *= 100;
    for (int i = 0; i < shape.thousands_scale; i++)
        value /= 1000;
    if (!isfinite(value))
        put_general(value, to);
    else if (shape.exponent)
        put_scientific(value, section, &shape, to);
    else if (shape.fraction)
        put_fraction(value, section, to);
    else
        put_digits(value, section, &shape, to);
}

static void trim(struct buf *to, size_t from)
{
    while (to->length > from && to->bytes[to->length - 1] == ' ')
        to->length--;
    size_t spaces = 0;
    while (from + spaces < to->length && to->bytes[from + spaces] == ' ')
        spaces++;
    if (spaces == 0)
        return;
    memmove(to->bytes + from, to->bytes + from + spaces, to->length - from - spaces);
    to->length -= spaces;
}

void numfmt_put(double value, const char *code, bool since_1904, struct buf *to)
{
    char sections[SECTIONS_MAX][SECTION_SIZE];
    int count = split(code, sections), at = 0;
    size_t from = to->length;
    if (count >= 2 && value < 0)
        at = 1;
    else if (count >= 3 && value == 0)
        at = 2;
    const char *section = sections[at];
    bool hidden = *section == '\0' && count > 1; /* ";;;" shows nothing, but the cell says it */
    if (!isfinite(value) || hidden || is_general(section)) {
        put_general(value, to);
    } else if (is_date(section)) {
        put_date(value, section, since_1904, to);
    } else {
        if (value < 0 && at == 0)
            buf_puts(to, "-");
        put_by_section(fabs(value), section, to);
    }
    trim(to, from);
}
