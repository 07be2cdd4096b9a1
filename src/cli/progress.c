/* Bars and spinners; a block of lines that is taken away and drawn anew. */
#include "cli/progress.h"
#include "cli/out.h"
#include "cli/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINES_MAX = 12, BAR_COLUMNS = 20 };

void progress_begin(struct progress *progress, bool quiet)
{
    *progress = (struct progress){.live = !quiet && isatty(STDERR_FILENO)};
}

void progress_clear(struct progress *progress)
{
    if (progress->live && progress->lines)
        fprintf(stderr, "\033[%uA\033[J", progress->lines);
    progress->lines = 0;
    progress->turn++;
}

bool progress_room(const struct progress *progress)
{
    return progress->live && progress->lines < LINES_MAX;
}

void progress_line(struct progress *progress, const char *format, ...)
{
    char line[1024], clean[1024];
    size_t width = out_width_of(stderr);
    va_list args;
    if (!progress_room(progress))
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    text_clean(line, width ? width - 1 : 0, clean, sizeof clean);
    fprintf(stderr, "%s\n", clean);
    progress->lines++;
}

char *progress_bar(struct progress *progress, int64_t done, int64_t total,
                   char text[PROGRESS_BAR_SIZE])
{
    static const char *const spinner[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    size_t used = 0;
    if (total <= 0) {
        snprintf(text, PROGRESS_BAR_SIZE, "%s",
                 spinner[progress->turn % (sizeof spinner / sizeof spinner[0])]);
        return text;
    }
    double part = done < 0 ? 0 : done > total ? 1 : (double)done / (double)total;
    for (int i = 0; i < BAR_COLUMNS; i++)
        used += (size_t)snprintf(text + used, PROGRESS_BAR_SIZE - used, "%s",
                                 i < (int)(part * BAR_COLUMNS) ? "━" : "─");
    snprintf(text + used, PROGRESS_BAR_SIZE - used, " %d %%", (int)(part * 100));
    return text;
}
