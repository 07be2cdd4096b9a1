/* The fence: Landlock. Nothing on the file system but what fonts, encodings and the dynamic loader
 * need, for reading. The structures are our own because distributions' headers lag behind the
 * kernel; a kernel that is older still gets the prefix it knows. */
#include "sandbox/wall_parts.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

struct fence_ruleset {
    uint64_t files;    /* ABI 1 */
    uint64_t networks; /* ABI 4 */
    uint64_t scopes;   /* ABI 6 */
};

struct fence_path {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

enum {
    FENCE_VERSION = 1, /* flag of create_ruleset */
    FENCE_PATH_BENEATH = 1,
    FENCE_READ_FILE = 1 << 2,
    FENCE_READ_DIR = 1 << 3,
};

/* What each ABI added: the handled rights, and how much of struct fence_ruleset it knows. */
static const struct {
    uint64_t files, networks, scopes;
    size_t size;
} abis[] = {
    {0x1fff, 0, 0, 8},    {0x3fff, 0, 0, 8},    {0x7fff, 0, 0, 8},
    {0x7fff, 0x3, 0, 16}, {0xffff, 0x3, 0, 16}, {0xffff, 0x3, 0x3, 24},
};

static const char *const readable[] = {
    "/usr/share",       /* poppler-data, fonts, tessdata, magic */
    "/usr/local/share", /* fonts */
    "/usr/lib",         /* character set modules of libc */
    "/usr/lib64",       "/lib", "/lib64", "/etc/fonts", "/etc/ld.so.cache", "/var/cache/fontconfig",
};

int fence_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, FENCE_VERSION);
    return abi > 0 ? (int)abi : 0;
}

static void let_read(int ruleset, const char *path)
{
    struct fence_path rule = {.allowed = FENCE_READ_FILE};
    autoclose fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
    if (fd >= 0)
        rule.allowed |= FENCE_READ_DIR;
    else
        fd = open(path, O_PATH | O_CLOEXEC);
    rule.parent = fd;
    if (fd >= 0) /* what is not there need not be read */
        syscall(SYS_landlock_add_rule, ruleset, FENCE_PATH_BENEATH, &rule, 0);
}

bool fence_raise(void)
{
    size_t row = sizeof abis / sizeof abis[0];
    int abi = fence_abi();
    if (abi == 0)
        return false;
    if ((size_t)abi < row)
        row = (size_t)abi;
    struct fence_ruleset handled = {abis[row - 1].files, abis[row - 1].networks,
                                    abis[row - 1].scopes};
    autoclose ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, abis[row - 1].size, 0);
    if (ruleset < 0)
        return false;
    for (size_t i = 0; i < sizeof readable / sizeof readable[0]; i++)
        let_read(ruleset, readable[i]);
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}
