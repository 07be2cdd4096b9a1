/* The settings: one table (settings.def), four places they come from, one way to read them. */
#ifndef CLI_SETTINGS_H
#define CLI_SETTINGS_H

#include <docq.h>
#include <stdint.h>

/* Which verbs take a setting as an option. */
enum setting_scope {
    SCOPE_NONE = 0,
    SCOPE_ALL = 1,
    SCOPE_SERVE = 2,
    SCOPE_WORK = 4,
    SCOPE_UPLOAD = 8,
    SCOPE_HTTP = 16, /* taken by serve, but too many for its help */
    SCOPE_EVERY = 31,
};

enum setting_type { BOOL, INT, BYTES, DURATION, STRING, PATH, CHOICE, SECRET };

enum setting_id {
#define SETTING(id, name, type, value, min, max, choices, scope, help) SET_##id,
#include "cli/settings.def"
#undef SETTING
    SETTINGS_MAX
};

struct setting_row {
    const char *name;
    enum setting_type type;
    const char *value; /* the default, as one would write it */
    int64_t min, max;
    const char *choices;
    unsigned scopes;
    const char *help;
};

extern const struct setting_row setting_rows[SETTINGS_MAX];

#define SETTING_BYTES_MAX 4096 /* of one value */

struct setting {
    char *text;     /* as written */
    int64_t number; /* bool, int, bytes, microseconds */
    char *where;    /* "default", "--workers", "DOCQ_WORKERS", "docq.conf:3" */
};

struct settings {
    struct setting values[SETTINGS_MAX];
    const char *flags[SETTINGS_MAX]; /* from the command line; NULL = not given */
    const char *config;              /* --config */
};

/* Flags > environment > file > default. Negative code: *error says which value, where it stands
 * and what is allowed; `fix` gets the remedy. */
#define SETTINGS_FIX_SIZE 256
int settings_load(struct settings *settings, dq_error *error, char fix[SETTINGS_FIX_SIZE]);
void settings_free(struct settings *settings);

const char *settings_text(const struct settings *settings, enum setting_id id);
int64_t settings_number(const struct settings *settings, enum setting_id id);

int settings_find(const char *name, size_t length); /* enum setting_id or -1 */
const char *settings_nearest(const char *name);     /* name of the nearest known one */

/* "1..64", "64MiB..1TiB", "error, warn, info or debug". */
char *settings_allowed(const struct setting_row *row, char *text, size_t size);
char *settings_environment(const struct setting_row *row, char *text, size_t size);
const char *setting_type_name(enum setting_type type);

/* What may be shown of a value: secrets are only said to be there. */
const char *settings_shown(const struct settings *settings, enum setting_id id);

void settings_print_sample(void); /* a commented docq.conf on stdout */

#endif
