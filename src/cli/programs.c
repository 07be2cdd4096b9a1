/* The setting `programs`. Words are separated by blanks and nothing is quoted: whoever needs more
 * than that writes a script. */
#include "cli/programs.h"

#include "cli/operation.h"

#include "base/error.h"

#include <errno.h>
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
    if (!words[0] || words[0][0] != '/')
        return wrong(cli, row, "names no program by its whole path");
    if (access(words[0], X_OK) < 0)
        return error_field(&cli->error, DQ_INVALID, "programs",
                           "programs: %s cannot be executed (%s)", words[0], strerror(errno));
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
    return code;
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
