/* The loader of the OCR libraries. Where the kernel has Landlock this happens behind the walls: the
 * fence lets libraries of the system be read, and the filter maps code of files only. */
#include "extract/ocr_library.h"

#include "base/error.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTION(result, name, parameters)                                                         \
    _Static_assert(_Generic(&name, result(*) parameters : 1, default : 0), #name);
#include "extract/ocr_library.def"
#undef FUNCTION

/* What the functions are looked up in; the first depends on the second. */
static const char *const names[] = {"libtesseract.so.5", "libtesseract.so.4"};

static bool find(void *handle, const char *name, void *function, size_t size)
{
    void *address = dlsym(handle, name);
    memcpy(function, &address, size);
    return address != NULL;
}

static bool fill(void *handle, struct ocr_library *library)
{
    bool whole = true;
#define FUNCTION(result, name, parameters)                                                         \
    whole = find(handle, #name, &library->name, sizeof library->name) && whole;
#include "extract/ocr_library.def"
#undef FUNCTION
    return whole;
}

const struct ocr_library *ocr_library(dq_error *error)
{
    static struct ocr_library library;
    static enum { UNTRIED, LOADED, MISSING } state;
    if (state == UNTRIED) {
        void *handle = NULL;
        setenv("OMP_THREAD_LIMIT", "1", 1); /* the walls allow no threads */
        for (size_t i = 0; !handle && i < sizeof names / sizeof names[0]; i++)
            handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        state = handle && fill(handle, &library) ? LOADED : MISSING;
        if (state == LOADED)
            library.setMsgSeverity(L_SEVERITY_NONE);
    }
    if (state == LOADED)
        return &library;
    error_set(error, DQ_UNSUPPORTED,
              "Pictures are read by Tesseract, which is not installed here (tesseract-ocr).");
    return NULL;
}
