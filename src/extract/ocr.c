/* OCR as Tesseract does it best: with its look at the orientation, once more as one block of text
 * where it is not sure, and turned where even that is nothing. The better reading counts. */
#include "extract/ocr.h"

#include "base/clock.h"
#include "base/error.h"
#include "extract/budget.h"
#include "extract/ocr_library.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LANGUAGES_SIZE = 256,
    LANGUAGE_SIZE = 32,
    PATH_SIZE = 512,
    SURE = 75,        /* a page of this confidence is not read again */
    HOPELESS = 50,    /* below, it is tried turned as well */
    WORD_DOUBTS = 40, /* a word of less confidence says nothing about its reading */
    ROTATIONS = 4,
};

static struct {
    char languages[LANGUAGES_SIZE];
    const char *folder; /* of the training data */
    TessBaseAPI *api;
} engine;

/* ---- training data ---- */

static const char *const folders[] = {"/usr/share/tesseract-ocr/5/tessdata",
                                      "/usr/share/tesseract-ocr/4.00/tessdata",
                                      "/usr/share/tessdata", "/usr/local/share/tessdata"};

static bool is_installed(const char *folder, const char *language, size_t length)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%.*s.traineddata", folder, (int)length, language);
    return length > 0 && !memchr(language, '/', length) && access(path, R_OK) == 0;
}

static void add_language(const char *language, size_t length)
{
    size_t used = strlen(engine.languages);
    if (used + length + 2 > sizeof engine.languages)
        return;
    snprintf(engine.languages + used, sizeof engine.languages - used, "%s%.*s", used ? "+" : "",
             (int)length, language);
}

/* Those of the list that are there. */
static void choose(const char *languages)
{
    while (*languages) {
        size_t length = strcspn(languages, "+, ");
        if (is_installed(engine.folder, languages, length))
            add_language(languages, length);
        languages += length;
        languages += strspn(languages, "+, ");
    }
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* English first. "osd" knows directions, not words, and each further language takes its time. */
static void choose_all(void)
{
    static const char suffix[] = ".traineddata";
    struct dirent **list = NULL;
    int count = scandir(engine.folder, &list, NULL, by_name), chosen = 0;
    if (is_installed(engine.folder, "eng", 3)) {
        add_language("eng", 3);
        chosen++;
    }
    for (int i = 0; i < count; i++) {
        const char *name = list[i]->d_name, *end = strstr(name, suffix);
        size_t length = end ? (size_t)(end - name) : 0;
        bool known = length == 3 && (memcmp(name, "eng", 3) == 0 || memcmp(name, "osd", 3) == 0 ||
                                     memcmp(name, "equ", 3) == 0);
        if (length > 0 && length < LANGUAGE_SIZE && !known && chosen++ < LIMIT_OCR_LANGUAGES)
            add_language(name, length);
        free(list[i]);
    }
    free(list);
}

static TessBaseAPI *engine_api(const struct ocr_library *library, dq_error *error);

void ocr_prepare(const char *languages, bool may_open)
{
    dq_error ignored;
    for (size_t i = 0; !engine.folder && i < sizeof folders / sizeof folders[0]; i++)
        if (access(folders[i], R_OK) == 0)
            engine.folder = folders[i];
    if (!engine.folder)
        return;
    if (*languages)
        choose(languages);
    else
        choose_all();
    const struct ocr_library *library = may_open ? NULL : ocr_library(&ignored);
    if (library && engine_api(library, &ignored)) {
        struct ocr_reading reading;
        PIX *tiny = library->pixCreate(32, 32, 8); /* makes it load what it loads late */
        struct emit *silent = emit_new(-1, 0);
        if (ocr_read(tiny, silent, &reading, &ignored) == 0)
            free(reading.text);
        emit_free(silent);
        library->pixDestroy(&tiny);
    }
}

void ocr_finish(void)
{
    if (engine.api)
        ocr_library(NULL)->TessBaseAPIDelete(engine.api);
    engine.api = NULL;
}

const char *ocr_languages(void)
{
    return engine.languages;
}

static TessBaseAPI *engine_api(const struct ocr_library *library, dq_error *error)
{
    if (engine.api)
        return engine.api;
    if (!engine.languages[0]) {
        error_set(error, DQ_UNSUPPORTED,
                  "Pictures are read with training data, and none is installed for the languages "
                  "asked for (tesseract-ocr-eng, ...).");
        return NULL;
    }
    TessBaseAPI *api = library->TessBaseAPICreate();
    if (library->TessBaseAPIInit3(api, engine.folder, engine.languages) == 0) {
        engine.api = api;
        return api;
    }
    library->TessBaseAPIDelete(api);
    error_set(error, DQ_UNSUPPORTED, "The training data for %s cannot be loaded.",
              engine.languages);
    return NULL;
}

/* ---- one reading ---- */

struct attempt {
    struct ocr_reading reading;
    long score; /* confident words count for it */
};

static long score_of(const struct ocr_library *library, TessBaseAPI *api)
{
    long score = 0;
    int *confidences = library->TessBaseAPIAllWordConfidences(api);
    for (const int *at = confidences; at && *at >= 0; at++)
        score += *at > WORD_DOUBTS ? *at - WORD_DOUBTS : 0;
    library->TessDeleteIntArray(confidences);
    return score;
}

static void drop_attempt(struct attempt *attempt)
{
    free(attempt->reading.text);
    *attempt = (struct attempt){0};
}

static struct attempt try_once(const struct ocr_library *library, TessBaseAPI *api,
                               struct Pix *picture, TessPageSegMode mode, struct emit *emit)
{
    struct attempt attempt = {0};
    int64_t left = emit_time_left(emit);
    ETEXT_DESC *monitor = library->TessMonitorCreate();
    if (left < INT32_MAX)
        library->TessMonitorSetDeadlineMSecs(monitor, left > 0 ? (int)left : 1);
    library->TessBaseAPISetPageSegMode(api, mode);
    library->TessBaseAPISetImage2(api, picture);
    library->TessBaseAPIRecognize(api, monitor);
    char *text = library->TessBaseAPIGetUTF8Text(api);
    attempt.reading.text = strdup(text ? text : "");
    attempt.reading.confidence = library->TessBaseAPIMeanTextConf(api);
    attempt.score = score_of(library, api);
    if (!attempt.reading.text)
        bug("out of memory");
    library->TessDeleteText(text);
    library->TessBaseAPIClear(api);
    library->TessMonitorDelete(monitor);
    return attempt;
}

static void keep_better(struct attempt *best, struct attempt *other)
{
    if (other->score > best->score) {
        struct attempt worse = *best;
        *best = *other;
        *other = worse;
    }
    drop_attempt(other);
}

static bool is_over(const struct attempt *best, int enough, struct emit *emit)
{
    return (best->score > 0 && best->reading.confidence >= enough) || emit_status(emit, NULL) < 0;
}

int ocr_read(struct Pix *picture, struct emit *emit, struct ocr_reading *ret, dq_error *error)
{
    const struct ocr_library *library = ocr_library(error);
    TessBaseAPI *api = library ? engine_api(library, error) : NULL;
    if (!api)
        return DQ_UNSUPPORTED;
    struct attempt best = try_once(library, api, picture, PSM_AUTO_OSD, emit), other;
    if (!is_over(&best, SURE, emit)) {
        other = try_once(library, api, picture, PSM_SINGLE_BLOCK, emit);
        keep_better(&best, &other);
    }
    for (int quarter = 1; quarter < ROTATIONS && !is_over(&best, HOPELESS, emit); quarter++) {
        PIX *turned = library->pixRotateOrth(picture, quarter);
        if (!turned)
            break;
        other = try_once(library, api, turned, PSM_AUTO, emit);
        keep_better(&best, &other);
        library->pixDestroy(&turned);
    }
    *ret = best.reading;
    return 0;
}

void ocr_report(struct emit *emit, int page, const struct ocr_reading *reading)
{
    enum { GOOD = 85 };
    if (!reading->text[strspn(reading->text, " \n\f")])
        emit_problem(emit, "page %d: OCR found no text", page);
    else if (reading->confidence < GOOD)
        emit_problem(emit, "page %d: OCR confidence %d", page, reading->confidence);
}
