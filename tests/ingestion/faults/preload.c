/* Counts what a process changes below a folder, call by call, and lets the nth call go wrong.

   Loaded by LD_PRELOAD, it stands between the process and libc, so it sees Python and DuckDB alike. It does nothing
   until `faults_arm` is called (or SMALTI_FAULTS is set to root:nth:fault). Each counted call is a line
   "nth operation path" in the trace; one that went wrong begins with "!". */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum fault { NONE, KILL_BEFORE, KILL_AFTER, EIO_ONCE, ENOSPC_ONCE, ENOSPC_ON, SHORT };
enum act { PASS, REFUSE, HALF, HALF_AND_KILL, PASS_AND_KILL };

static char root[PATH_MAX];
static atomic_long calls;
static long nth;
static enum fault fault;
static int trace = -1;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

void faults_arm(const char *folder, long at, int what, int trace_to) {
    nth = at, fault = what, trace = trace_to;
    atomic_store(&calls, 0);
    strncpy(root, folder, sizeof root - 1);
}

__attribute__((constructor)) static void arm_from_environment(void) {
    char *told = getenv("SMALTI_FAULTS"), folder[PATH_MAX];
    long at;
    int what;
    if (told && sscanf(told, "%4095[^:]:%ld:%d", folder, &at, &what) == 3) faults_arm(folder, at, what, -1);
}

static int is_below(const char *path) {
    size_t length = strlen(root);
    return length && !strncmp(path, root, length) && (path[length] == '/' || !path[length]);
}

static void path_of(int fd, char *path) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlink, link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
}

static void path_at(int folder, const char *name, char *path) {
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return;
    }
    char base[PATH_MAX] = "";
    if (folder == AT_FDCWD) syscall(SYS_getcwd, base, sizeof base);
    else path_of(folder, base);
    if (snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX) path[0] = 0;
}

static void tell(long call, const char *operation, const char *path, int is_wrong) {
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s%ld %s %s\n", is_wrong ? "!" : "", call, operation, path);
    if (trace >= 0) syscall(SYS_write, trace, line, length);
}

__attribute__((noreturn)) static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* What this call comes to. A call that frees room never fails for want of it; only one with bytes can do half. */
static enum act judge(const char *operation, const char *path, size_t bytes, int frees) {
    if (!is_below(path)) return PASS;
    long call = atomic_fetch_add(&calls, 1) + 1;
    int is_wrong = fault != NONE && (call == nth || (fault == ENOSPC_ON && call > nth));
    if (frees && (fault == ENOSPC_ONCE || fault == ENOSPC_ON)) is_wrong = 0;
    if (fault == SHORT && bytes < 2) is_wrong = 0;
    tell(call, operation, path, is_wrong);
    if (!is_wrong) return PASS;
    switch (fault) {
        case KILL_BEFORE: die();
        case KILL_AFTER: return bytes > 1 ? HALF_AND_KILL : PASS_AND_KILL;
        case SHORT: return HALF;
        case ENOSPC_ON: if (call == nth && bytes > 1) return HALF; /* fall through */
        default: errno = fault == EIO_ONCE ? EIO : ENOSPC; return REFUSE;
    }
}

static enum act judge_fd(const char *operation, int fd, size_t bytes) {
    char path[PATH_MAX];
    int before = errno;
    path_of(fd, path);
    errno = before;
    return judge(operation, path, bytes, 0);
}

static enum act judge_truncation(int fd, off_t size) {
    char path[PATH_MAX];
    struct stat status;
    int before = errno, frees = !fstat(fd, &status) && size <= status.st_size;
    path_of(fd, path);
    errno = before;
    return judge("ftruncate", path, 0, frees);
}

static enum act judge_at(const char *operation, int folder, const char *name, int frees) {
    char path[PATH_MAX];
    int before = errno;
    path_at(folder, name, path);
    errno = before;
    return judge(operation, path, 0, frees);
}

/* `whole` is the call itself; `half` writes the first half of its bytes. */
#define WITH_BYTES(verdict, whole, half) do { \
    enum act act = (verdict); \
    if (act == REFUSE) return -1; \
    if (act == HALF) return half; \
    if (act == HALF_AND_KILL) { (void)!half; die(); } \
    ssize_t done = whole; \
    if (act == PASS_AND_KILL) die(); \
    return done; \
} while (0)

#define WITHOUT_BYTES(verdict, whole) WITH_BYTES(verdict, whole, whole)

static size_t size_of(const struct iovec *parts, int count) {
    size_t size = 0;
    for (int at = 0; at < count; at++) size += parts[at].iov_len;
    return size;
}

static ssize_t half_of(int fd, const struct iovec *parts, int count, off_t offset) {
    int at = 0;
    while (at < count - 1 && !parts[at].iov_len) at++;
    size_t some = (parts[at].iov_len + 1) / 2;
    if (offset < 0) return syscall(SYS_write, fd, parts[at].iov_base, some);
    return syscall(SYS_pwrite64, fd, parts[at].iov_base, some, offset);
}

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    WITH_BYTES(judge_fd("write", fd, size), real(fd, data, size), real(fd, data, size / 2));
}

#define PWRITE(name) ssize_t name(int fd, const void *data, size_t size, off_t offset) { \
    REAL(name); \
    WITH_BYTES(judge_fd("pwrite", fd, size), real(fd, data, size, offset), real(fd, data, size / 2, offset)); \
}
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    WITH_BYTES(judge_fd("writev", fd, size_of(parts, count)), real(fd, parts, count), half_of(fd, parts, count, -1));
}

#define PWRITEV(name) ssize_t name(int fd, const struct iovec *parts, int count, off_t offset) { \
    REAL(name); \
    WITH_BYTES(judge_fd("pwritev", fd, size_of(parts, count)), real(fd, parts, count, offset), \
               half_of(fd, parts, count, offset)); \
}
PWRITEV(pwritev)
PWRITEV(pwritev64)

int fsync(int fd) { REAL(fsync); WITHOUT_BYTES(judge_fd("fsync", fd, 0), real(fd)); }
int fdatasync(int fd) { REAL(fdatasync); WITHOUT_BYTES(judge_fd("fdatasync", fd, 0), real(fd)); }
int ftruncate(int fd, off_t size) { REAL(ftruncate); WITHOUT_BYTES(judge_truncation(fd, size), real(fd, size)); }
int ftruncate64(int fd, off_t size) { REAL(ftruncate64); WITHOUT_BYTES(judge_truncation(fd, size), real(fd, size)); }

int rename(const char *from, const char *to) {
    REAL(rename);
    WITHOUT_BYTES(judge_at("rename", AT_FDCWD, to, 0), real(from, to));
}

int renameat(int from_in, const char *from, int to_in, const char *to) {
    REAL(renameat);
    WITHOUT_BYTES(judge_at("rename", to_in, to, 0), real(from_in, from, to_in, to));
}

int link(const char *from, const char *to) {
    REAL(link);
    WITHOUT_BYTES(judge_at("link", AT_FDCWD, to, 0), real(from, to));
}

int symlink(const char *from, const char *to) {
    REAL(symlink);
    WITHOUT_BYTES(judge_at("symlink", AT_FDCWD, to, 0), real(from, to));
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    WITHOUT_BYTES(judge_at("mkdir", AT_FDCWD, path, 0), real(path, mode));
}

int unlink(const char *path) { REAL(unlink); WITHOUT_BYTES(judge_at("unlink", AT_FDCWD, path, 1), real(path)); }
int remove(const char *path) { REAL(remove); WITHOUT_BYTES(judge_at("unlink", AT_FDCWD, path, 1), real(path)); }
int rmdir(const char *path) { REAL(rmdir); WITHOUT_BYTES(judge_at("rmdir", AT_FDCWD, path, 1), real(path)); }

int unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat);
    const char *operation = flags & AT_REMOVEDIR ? "rmdir" : "unlink";
    WITHOUT_BYTES(judge_at(operation, folder, path, 1), real(folder, path, flags));
}

#define OPEN(name) int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    if (!(flags & O_CREAT)) return real(path, flags); \
    WITHOUT_BYTES(judge_at("create", AT_FDCWD, path, 0), real(path, flags, mode)); \
}
OPEN(open)
OPEN(open64)

#define OPENAT(name) int name(int folder, const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    if (!(flags & O_CREAT)) return real(folder, path, flags); \
    WITHOUT_BYTES(judge_at("create", folder, path, 0), real(folder, path, flags, mode)); \
}
OPENAT(openat)
OPENAT(openat64)
