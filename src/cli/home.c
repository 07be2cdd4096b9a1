/* server.lock and server.address in the data directory. */
#include "cli/home.h"

#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const char *home_path(const struct cli *cli)
{
    const char *url = settings_text(&cli->settings, SET_URL);
    if (strncmp(url, "sqlite:", 7) == 0 && url[7] && url[7] != ':')
        return url + 7;
    return settings_text(&cli->settings, SET_DATA);
}

static int refuse(struct cli *cli, const char *path)
{
    return error_set(&cli->error, DQ_INVALID,
                     "cannot open the store in %.300s: %s\n"
                     "  fix: choose another directory with --data, or make it writable",
                     path, strerror(errno));
}

int home_make(struct cli *cli)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s", home_path(cli)) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return refuse(cli, home_path(cli));
    }
    for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        mkdir(path, 0755); /* what is wrong shows at the last one */
        *slash = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return refuse(cli, path);
    return access(path, W_OK | X_OK) < 0 ? refuse(cli, path) : 0;
}

static int locked(struct cli *cli, int fd)
{
    char pid[32] = "";
    ssize_t length = pread(fd, pid, sizeof pid - 1, 0);
    pid[length > 0 ? strcspn(pid, "\n") : 0] = '\0';
    return error_set(&cli->error, DQ_LOCKED,
                     "another server (process %s) already serves %.300s\n"
                     "  fix: stop it with `kill %s`, or choose another directory with --data",
                     *pid ? pid : "unknown", home_path(cli), *pid ? pid : "PID");
}

int home_lock(struct cli *cli, int *ret_fd)
{
    char path[PATH_MAX], pid[32];
    if (snprintf(path, sizeof path, "%s/server.lock", home_path(cli)) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return refuse(cli, home_path(cli));
    }
    autoclose fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return refuse(cli, home_path(cli));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return locked(cli, fd);
    int length = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || fd_pwrite_all(fd, pid, (size_t)length, 0) < 0)
        return error_errno(&cli->error, "cannot write server.lock");
    *ret_fd = fd_take(&fd);
    return 0;
}

static const char *address_path(const struct cli *cli, char path[PATH_MAX], const char *suffix)
{
    snprintf(path, PATH_MAX, "%.3900s/server.address%s", home_path(cli), suffix);
    return path;
}

/* Appears whole: who waits for the file may read it the moment it is there. */
int home_write_address(struct cli *cli, const char *address)
{
    char path[PATH_MAX], fresh[PATH_MAX], line[HOME_ADDRESS_SIZE];
    autoclose fd =
        open(address_path(cli, fresh, ".new"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int length = snprintf(line, sizeof line, "%s\n", address);
    if (fd < 0 || fd_write_all(fd, line, (size_t)length) < 0 ||
        rename(fresh, address_path(cli, path, "")) < 0)
        return error_errno(&cli->error, "cannot write server.address");
    return 0;
}

void home_forget_address(const struct cli *cli)
{
    char path[PATH_MAX];
    unlink(address_path(cli, path, ""));
}

int home_read_address(struct cli *cli, char address[HOME_ADDRESS_SIZE])
{
    char path[PATH_MAX];
    autoclose fd = open(address_path(cli, path, ""), O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : fd_read_some(fd, address, HOME_ADDRESS_SIZE - 1);
    if (length <= 0)
        return error_set(&cli->error, DQ_UNREACHABLE,
                         "no server runs on %.300s\n  fix: start it with `docq serve`",
                         home_path(cli));
    address[length] = '\0';
    address[strcspn(address, "\n")] = '\0';
    return 0;
}

const char *home_extractor(const struct cli *cli, char *path, size_t size)
{
    const char *given = settings_text(&cli->settings, SET_EXTRACTOR);
    char self[PATH_MAX];
    if (*given)
        return given;
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return NULL;
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    return snprintf(path, size, "%s/docq-extract", self) < (int)size ? path : NULL;
}
