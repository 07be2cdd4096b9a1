/* The setting `programs`. Words are separated by blanks and nothing is quoted: whoever needs more
 * than that writes a script. */
#include "cli/programs.h"

#include "cli/operation.h"

#include "base/digest.h"
#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLANKS " \t"

static int wrong(struct cli *cli, const char *row, const char *why)
{
    return error_field(&cli->error, DQ_INVALID, "programs",
                       "programs: \"%.80s\" %s; write NAME=/PATH ARGUMENT..., separated by "
                       "semicolons",
                       row, why);
}

static bool is_webhook(const char *word)
{
    return strncmp(word, "https://", 8) == 0 || strncmp(word, "http://", 7) == 0;
}

static bool has_webhook(const struct programs *programs)
{
    for (size_t i = 0; i < programs->count; i++)
        if (is_webhook(programs->words[i][0]))
            return true;
    return false;
}

static int wrong_secret(struct cli *cli, const char *path, const char *why)
{
    return error_field(&cli->error, DQ_INVALID, "webhook-secret-file",
                       "webhook-secret-file: %.200s %s; make one with `echo whsec_$(head -c 32 "
                       "/dev/urandom | base64 -w0) > FILE`",
                       *path ? path : "it", why);
}

/* What is posted is signed, so that its receiver can tell it from anybody's. */
static int read_secret(struct cli *cli, struct programs *programs)
{
    static const char prefix[] = "whsec_";
    const char *path = settings_text(&cli->settings, SET_WEBHOOK_SECRET_FILE);
    char text[256];
    if (!has_webhook(programs))
        return 0;
    if (!*path)
        return wrong_secret(cli, path, "is needed for a webhook");
    autoclose fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : fd_read_some(fd, text, sizeof text - 1);
    if (length < 0)
        return wrong_secret(cli, path, strerror(errno));
    text[length] = '\0';
    text[strcspn(text, BLANKS "\r\n")] = '\0';
    size_t skip = strncmp(text, prefix, sizeof prefix - 1) == 0 ? sizeof prefix - 1 : 0;
    int bytes = base64_decode(text + skip, programs->secret, sizeof programs->secret);
    if (bytes < PROGRAM_SECRET_MIN)
        return wrong_secret(cli, path, "is not 24 to 64 bytes in base64");
    programs->secret_length = (size_t)bytes;
    return 0;
}

static bool split(char *command, char *words[PROGRAM_WORDS_MAX + 1])
{
    size_t count = 0;
    for (char *word; (word = strsep(&command, BLANKS));) {
        if (*word && count == PROGRAM_WORDS_MAX)
            return false;
        if (*word)
            words[count++] = word;
    }
    words[count] = NULL;
    return true;
}

static int read_row(struct cli *cli, struct programs *programs, char *row)
{
    row += strspn(row, BLANKS);
    char *command = strchr(row, '=');
    if (!command)
        return wrong(cli, row, "has no =");
    if (programs->count == WORKER_PROGRAMS_MAX)
        return wrong(cli, row, "is one too many (32 at most)");
    char **words = programs->words[programs->count];
    *command++ = '\0';
    row[strcspn(row, BLANKS)] = '\0';
    if (!split(command, words))
        return wrong(cli, row, "has more than 64 words");
    if (words[0] && is_webhook(words[0])) {
        if (words[1])
            return wrong(cli, row, "is a webhook with arguments");
    } else if (!words[0] || words[0][0] != '/') {
        return wrong(cli, row, "names no program by its whole path");
    } else if (access(words[0], X_OK) < 0) {
        return error_field(&cli->error, DQ_INVALID, "programs",
                           "programs: %s cannot be executed (%s)", words[0], strerror(errno));
    }
    programs->rows[programs->count++] = (struct worker_program){.operation = row, .argv = words};
    return 0;
}

int programs_read(struct cli *cli, struct programs *programs)
{
    int code = 0;
    *programs = (struct programs){.text = strdup(settings_text(&cli->settings, SET_PROGRAMS))};
    if (!programs->text)
        bug("out of memory");
    char *rest = programs->text;
    for (char *row; code == 0 && (row = strsep(&rest, ";"));)
        if (row[strspn(row, BLANKS)])
            code = read_row(cli, programs, row);
    return code == 0 ? read_secret(cli, programs) : code;
}

void programs_free(struct programs *programs)
{
    free(programs->text);
    programs->text = NULL;
}

int programs_make_known(struct cli *cli, const struct programs *programs)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < programs->count; i++)
        code = operation_make_known(cli, programs->rows[i].operation);
    return code;
}
