/* Reading settings from flags, environment and docq.conf, in that order of strength. */
#include "cli/settings.h"

#include "base/clock.h"
#include "base/error.h"
#include "cli/text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct setting_row setting_rows[SETTINGS_MAX] = {
#define SETTING(id, name, type, value, min, max, choices, scope, help)                             \
    {name, type, value, min, max, choices, scope, help},
#include "cli/settings.def"
#undef SETTING
};

static const struct {
    const char *name, *example;
} types[] = {
    [BOOL] = {"bool", "true or false"},
    [INT] = {"int", ""},
    [BYTES] = {"bytes", " (such as 512KiB, 64MiB, 2GiB)"},
    [DURATION] = {"duration", " (such as 500ms, 30s, 5m, 1h30m)"},
    [STRING] = {"string", ""},
    [PATH] = {"path", ""},
    [CHOICE] = {"choice", ""},
    [SECRET] = {"string", ""},
};

const char *setting_type_name(enum setting_type type)
{
    return types[type].name;
}

int settings_find(const char *name, size_t length)
{
    for (int i = 0; i < SETTINGS_MAX; i++)
        if (strlen(setting_rows[i].name) == length &&
            memcmp(setting_rows[i].name, name, length) == 0)
            return i;
    return -1;
}

const char *settings_nearest(const char *name)
{
    return text_nearest(name, setting_rows, SETTINGS_MAX, sizeof setting_rows[0]);
}

char *settings_environment(const struct setting_row *row, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "DOCQ_");
    for (const char *c = row->name; *c && used + 1 < size; c++)
        text[used++] = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    text[used] = '\0';
    return text;
}

char *settings_allowed(const struct setting_row *row, char *text, size_t size)
{
    char min[TEXT_SIZE], max[TEXT_SIZE];
    if (row->type == BYTES) {
        text_of_setting_bytes(row->min, min);
        text_of_setting_bytes(row->max, max);
    } else if (row->type == DURATION) {
        text_of_setting_duration(row->min, min);
        text_of_setting_duration(row->max, max);
    } else {
        snprintf(min, sizeof min, "%lld", (long long)row->min);
        snprintf(max, sizeof max, "%lld", (long long)row->max);
    }
    if (row->type == CHOICE)
        snprintf(text, size, "one of %s", row->choices);
    else if (row->type == INT || row->type == BYTES || row->type == DURATION)
        snprintf(text, size, "%s..%s", min, max);
    else
        snprintf(text, size, "%s", row->type == BOOL ? types[BOOL].example : types[row->type].name);
    return text;
}

static bool parse_bool(const char *text, int64_t *ret_number)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *ret_number = i % 2;
            return true;
        }
    return false;
}

static bool is_choice(const char *text, const char *choices)
{
    size_t length = strlen(text);
    for (const char *at = choices; length && (at = strstr(at, text)); at++)
        if ((at == choices || at[-1] == ' ') && (at[length] == '\0' || at[length] == ','))
            return true;
    return false;
}

static bool parse_value(const struct setting_row *row, const char *text, int64_t *ret_number)
{
    bool ok = true;
    int64_t number = 0;
    switch (row->type) {
    case BOOL:
        return parse_bool(text, ret_number);
    case INT:
        ok = text_number(text, &number);
        break;
    case BYTES:
        ok = text_bytes(text, &number);
        break;
    case DURATION:
        number = strcmp(text, "0") == 0 ? 0 : duration_parse(text);
        ok = number >= 0;
        break;
    case CHOICE:
        return is_choice(text, row->choices);
    case STRING:
    case PATH:
    case SECRET:
        return true;
    }
    *ret_number = number;
    return ok && number >= row->min && number <= row->max;
}

/* Where the fault is found and what mends it; the code is always DQ_INVALID. */
struct complaint {
    dq_error *error;
    char *fix;
};

__attribute__((format(printf, 2, 3))) static void mend(const struct complaint *complaint,
                                                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(complaint->fix, SETTINGS_FIX_SIZE, format, args);
    va_end(args);
}

static int set(struct settings *settings, int id, const char *text, const char *where,
               const struct complaint *complaint)
{
    const struct setting_row *row = &setting_rows[id];
    struct setting *value = &settings->values[id];
    int64_t number = 0;
    if (!parse_value(row, text, &number)) {
        char allowed[128];
        mend(complaint, "give %s a value of %s%s", row->name,
             settings_allowed(row, allowed, sizeof allowed),
             row->type == BOOL ? "" : types[row->type].example);
        return error_field(complaint->error, DQ_INVALID, row->name, "%s: %s cannot be \"%.100s\"",
                           where, row->name, text);
    }
    free(value->text);
    free(value->where);
    *value = (struct setting){strdup(text), number, strdup(where)};
    if (!value->text || !value->where)
        bug("out of memory");
    return 0;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
        text[length - 1] = '\0';
        text++;
    }
    return text;
}

/* A comment behind a value begins with " #"; in quotes it is none. */
static char *value_of(char *text)
{
    char *value = text + strspn(text, " \t");
    char *comment = *value == '"' ? NULL : strstr(text, " #");
    if (comment)
        *comment = '\0';
    return trim(text);
}

static int unknown_key(const char *key, const char *where, const struct complaint *complaint)
{
    const char *nearest = settings_nearest(key);
    if (nearest)
        mend(complaint, "did you mean \"%s\"?", nearest);
    else
        mend(complaint, "`docq config --sample` lists every setting");
    return error_field(complaint->error, DQ_INVALID, "", "%s: unknown setting \"%.60s\"", where,
                       key);
}

static int read_line(struct settings *settings, char *line, const char *where, bool beside_data,
                     const struct complaint *complaint)
{
    char *text = trim(line), *equals = strchr(text, '=');
    if (*text == '#' || *text == '\0')
        return 0;
    if (!equals) {
        mend(complaint, "write `name = value`, and # before a comment");
        return error_set(complaint->error, DQ_INVALID, "%s: no \"=\" in \"%.60s\"", where, text);
    }
    *equals = '\0';
    char *key = trim(text);
    int id = settings_find(key, strlen(key));
    if (id < 0)
        return unknown_key(key, where, complaint);
    if (id == SET_DATA && beside_data) {
        mend(complaint, "remove the line, or pass the file with --config");
        return error_field(complaint->error, DQ_INVALID, "data",
                           "%s: a file inside the data directory cannot name another one", where);
    }
    return set(settings, id, value_of(equals + 1), where, complaint);
}

static void close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

static void free_line(char **line)
{
    free(*line);
}

static int read_file(struct settings *settings, const char *path, bool beside_data,
                     const struct complaint *complaint)
{
    __attribute__((cleanup(close_file))) FILE *file = fopen(path, "re");
    __attribute__((cleanup(free_line))) char *line = NULL;
    char where[PATH_MAX + 32];
    size_t capacity = 0;
    ssize_t length;
    if (!file && beside_data && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return 0;
    if (!file) {
        int code =
            error_set(complaint->error, DQ_INVALID, "cannot read %s: %s", path, strerror(errno));
        mend(complaint, "check --config; `docq config --sample` writes a file to begin with");
        return code;
    }
    for (int number = 1; (length = getline(&line, &capacity, file)) >= 0; number++) {
        snprintf(where, sizeof where, "%s:%d", path, number);
        if (length >= SETTING_BYTES_MAX) {
            mend(complaint, "keep lines below %d bytes", SETTING_BYTES_MAX);
            return error_set(complaint->error, DQ_INVALID, "%s: the line is too long", where);
        }
        if (memchr(line, '\0', (size_t)length)) {
            mend(complaint, "write it as plain text");
            return error_set(complaint->error, DQ_INVALID, "%s: a NUL byte is in the line", where);
        }
        int code = read_line(settings, line, where, beside_data, complaint);
        if (code < 0)
            return code;
    }
    return 0;
}

/* Whoever lists processes sees their arguments; this one has been copied. */
static void hide(const char *argument)
{
    memset((char *)(uintptr_t)argument, '*', strlen(argument));
}

static int set_from_outside(struct settings *settings, int id, const struct complaint *complaint)
{
    char variable[64], where[72];
    const char *value = getenv(settings_environment(&setting_rows[id], variable, sizeof variable));
    if (settings->flags[id]) {
        snprintf(where, sizeof where, "--%s", setting_rows[id].name);
        int code = set(settings, id, settings->flags[id], where, complaint);
        if (setting_rows[id].type == SECRET)
            hide(settings->flags[id]);
        return code;
    }
    return value ? set(settings, id, value, variable, complaint) : 0;
}

int settings_load(struct settings *settings, dq_error *error, char fix[SETTINGS_FIX_SIZE])
{
    const struct complaint complaint = {error, fix};
    const char *config = settings->config ? settings->config : getenv("DOCQ_CONFIG");
    char path[PATH_MAX];
    int code = 0;
    for (int i = 0; i < SETTINGS_MAX && code == 0; i++)
        code = set(settings, i, setting_rows[i].value, "default", &complaint);
    if (code == 0) /* first, for docq.conf is looked for inside */
        code = set_from_outside(settings, SET_DATA, &complaint);
    if (code < 0)
        return code;
    if (config)
        code = read_file(settings, config, false, &complaint);
    else if (snprintf(path, sizeof path, "%s/docq.conf", settings_text(settings, SET_DATA)) <
             (int)sizeof path)
        code = read_file(settings, path, true, &complaint);
    for (int i = 0; i < SETTINGS_MAX && code == 0; i++)
        code = set_from_outside(settings, i, &complaint);
    return code;
}

void settings_free(struct settings *settings)
{
    for (int i = 0; i < SETTINGS_MAX; i++) {
        free(settings->values[i].text);
        free(settings->values[i].where);
    }
    *settings = (struct settings){0};
}

const char *settings_text(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].text;
}

int64_t settings_number(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].number;
}

const char *settings_shown(const struct settings *settings, enum setting_id id)
{
    const char *text = settings->values[id].text;
    return setting_rows[id].type == SECRET && *text ? "(set)" : text;
}

void settings_print_sample(void)
{
    char allowed[128], variable[64];
    puts("# docq.conf: put it into the data directory, or pass it with --config FILE.\n"
         "# Every line is optional; what stands here are the defaults. A flag --NAME is stronger\n"
         "# than the variable DOCQ_NAME, which is stronger than this file.");
    for (int i = 0; i < SETTINGS_MAX; i++) {
        const struct setting_row *row = &setting_rows[i];
        printf("\n# %s.\n# %s; %s\n#%s = %s\n", row->help,
               settings_allowed(row, allowed, sizeof allowed),
               settings_environment(row, variable, sizeof variable), row->name, row->value);
    }
}
