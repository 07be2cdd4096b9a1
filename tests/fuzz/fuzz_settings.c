/* docq.conf. What is understood, written down again, is understood the same way. */
#include "cli/settings.h"
#include "pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { VALUE_BYTES_MAX = SETTING_BYTES_MAX - 100 };

static int load(int fd, const void *bytes, size_t length, struct settings *settings)
{
    static char path[64];
    char fix[SETTINGS_FIX_SIZE] = "";
    dq_error error = {0};
    if (ftruncate(fd, 0) < 0 || pwrite(fd, bytes, length, 0) != (ssize_t)length)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    *settings = (struct settings){.config = path};
    int code = settings_load(settings, &error, fix);
    if (code < 0 && (code != DQ_INVALID || error.code != code || !error.detail[0] || !fix[0]))
        abort();
    return code;
}

/* Every value that came from the file, in quotes. NULL: one is too long for a line. */
static char *write_down(const struct settings *settings, size_t *ret_length)
{
    char *text = NULL;
    bool fits = true;
    FILE *file = open_memstream(&text, ret_length);
    if (!file)
        abort();
    for (int i = 0; i < SETTINGS_MAX; i++) {
        const struct setting *value = &settings->values[i];
        fits = fits && strlen(value->text) < VALUE_BYTES_MAX;
        if (strcmp(value->where, "default") != 0)
            fprintf(file, "%s = \"%s\"\n", setting_rows[i].name, value->text);
    }
    fclose(file);
    if (fits)
        return text;
    free(text);
    return NULL;
}

static void compare(const struct settings *one, const struct settings *other)
{
    for (int i = 0; i < SETTINGS_MAX; i++) {
        const struct setting_row *row = &setting_rows[i];
        int64_t number = one->values[i].number;
        bool counted = row->type == INT || row->type == BYTES || row->type == DURATION;
        if (strcmp(one->values[i].text, other->values[i].text) != 0 ||
            number != other->values[i].number ||
            (counted && (number < row->min || number > row->max)))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length)
{
    static int fd = -1;
    struct settings first, second;
    size_t again_length = 0;
    if (fd < 0) {
        fd = memfd_create("docq.conf", MFD_CLOEXEC);
        for (int i = 0; i < SETTINGS_MAX; i++) {
            char name[64];
            unsetenv(settings_environment(&setting_rows[i], name, sizeof name));
        }
    }
    if (load(fd, bytes, length, &first) == 0) {
        char *again = write_down(&first, &again_length);
        if (again) {
            if (load(fd, again, again_length, &second) < 0)
                abort();
            compare(&first, &second);
            settings_free(&second);
        }
        free(again);
    }
    settings_free(&first);
    return 0;
}
