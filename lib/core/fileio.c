/* lib/core/fileio.c - whole reads with a cap, atomic outputs, mkdir -p. */
#include "core/fileio.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/signals.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES  ((size_t)64 << 10)
#define WRITE_BYTES ((size_t)64 << 10)

/* ---- descriptors ---------------------------------------------------------------------------- */

int file_open_input(const char *path, int *ret_fd, const char **ret_name, struct error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                      : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return error_set(err, ERR_NOT_FOUND, "file '%s' does not exist", path);
    if (fd < 0)
        return error_set_errno(err, ERR_IO, errno, "cannot open '%s'", path);
    *ret_fd = fd;
    *ret_name = is_stdin ? "standard input" : path;
    return 0;
}

bool file_write_all(int fd, const void *bytes, size_t n)
{
    for (const char *at = bytes; n > 0;) {
        ssize_t written = write(fd, at, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        at += written;
        n -= (size_t)written;
    }
    return true;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int file_open_read(const char *path, int *ret_fd, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        enum error_code code = errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
        return error_set_errno(err, code, errno, "cannot open '%s'", path);
    }
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return error_set(err, ERR_IO, "cannot read '%s': it is a directory", path);
    }
    *ret_fd = fd;
    return 0;
}

static int file_read_fd(int fd, const char *name, size_t max_bytes, struct strbuf *out,
                        struct error *err)
{
    char chunk[READ_BYTES];
    size_t total = 0;
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) {
            TRY(signals_check(err));
            continue;
        }
        if (got < 0) {
            return error_set_errno(err, ERR_IO, errno, "cannot read '%s'", name);
        }
        if (got == 0) {
            return 0;
        }
        total += (size_t)got;
        if (total > max_bytes || !strbuf_add(out, chunk, (size_t)got)) {
            return error_set(err, ERR_LIMIT, "'%s' is larger than the %zu bytes allowed", name,
                             total > max_bytes ? max_bytes : out->max);
        }
    }
}

int file_read(const char *path, size_t max_bytes, struct strbuf *out, struct error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = STDIN_FILENO;
    if (!is_stdin) {
        TRY(file_open_read(path, &fd, err));
    }
    size_t before = out->len;
    bool overflow_before = out->overflow;
    int code = file_read_fd(fd, is_stdin ? "standard input" : path, max_bytes, out, err);
    if (code != 0) {
        strbuf_truncate(out, before);
        out->overflow = overflow_before;
    }
    if (!is_stdin) {
        close(fd);
    }
    return code;
}

/* ---- atomic output ------------------------------------------------------------------------- */

struct atomic_file {
    char *path;      /* the final name, links resolved */
    char *temporary; /* NULL when written straight to a device or pipe */
    int fd;
    bool failed; /* a write was lost: never to be committed */
    bool prepared;
    size_t used;
    char *buffer; /* WRITE_BYTES, from the first write on */
};

static void atomic_file_free(struct atomic_file *f)
{
    if (f->fd >= 0) {
        close(f->fd);
    }
    free(f->path);
    free(f->temporary);
    free(f->buffer);
    free(f);
}

/* "DIR/" or "" and the name after it. */
static const char *path_split(const char *path, char **ret_directory)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    *ret_directory = mem_strndup(path, (size_t)(name - path));
    return name;
}

#define RANDOM_LETTERS 6

static bool is_leftover(const char *entry, const char *name)
{
    size_t name_len = strlen(name);
    return strlen(entry) == 1 + name_len + 1 + RANDOM_LETTERS + 4 && entry[0] == '.' &&
           memcmp(entry + 1, name, name_len) == 0 && entry[1 + name_len] == '.' &&
           strcmp(entry + 1 + name_len + 1 + RANDOM_LETTERS, ".tmp") == 0;
}

/* A living writer holds the lock; where it can be had the writer was killed. */
static void leftover_remove(int directory_fd, const char *entry)
{
    int fd = openat(directory_fd, entry, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return;
    }
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        unlinkat(directory_fd, entry, 0);
    }
    close(fd);
}

static void leftovers_remove(const char *directory, const char *name)
{
    DIR *dir = opendir(*directory != '\0' ? directory : ".");
    if (dir == NULL) {
        return; /* the output itself will tell what is wrong with the directory */
    }
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        if (is_leftover(d->d_name, name)) {
            leftover_remove(dirfd(dir), d->d_name);
        }
    }
    closedir(dir);
}

static void random_letters(char *out)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    uint64_t r = clock_random_u64();
    for (int i = 0; i < RANDOM_LETTERS; i++, r /= 36) {
        out[i] = letters[r % 36];
    }
    out[RANDOM_LETTERS] = '\0';
}

/* Creates and locks the temporary. Between creation and lock somebody's leftovers_remove may take
 * it for an orphan; then the lock fails or the file has no name any more, and another is made. */
static int temporary_create(struct atomic_file *f, const char *directory, const char *name,
                            struct error *err)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        AUTO_STRBUF struct strbuf path = {0};
        char letters[RANDOM_LETTERS + 1];
        random_letters(letters);
        strbuf_init(&path, 0);
        strbuf_addf(&path, "%s.%s.%s.tmp", directory, name, letters);
        int fd = open(path.data, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno == EEXIST) {
            continue;
        }
        if (fd < 0) {
            return error_set_errno(err, ERR_IO, errno, "cannot create '%s'", path.data);
        }
        struct stat st;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0) {
            f->fd = fd;
            f->temporary = strbuf_detach(&path, NULL);
            return 0;
        }
        close(fd);
        unlink(path.data);
    }
    return error_set(err, ERR_IO, "cannot create a temporary file beside '%s'", f->path);
}

static int atomic_file_begin(struct atomic_file *f, struct error *err)
{
    struct stat st;
    bool exists = stat(f->path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode)) {
        return error_set(err, ERR_IO, "cannot write '%s': it is a directory", f->path);
    }
    if (exists && !S_ISREG(st.st_mode)) {
        /* A device or a pipe cannot be replaced by renaming: write into it. */
        f->fd = open(f->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return f->fd >= 0 ? 0 : error_set_errno(err, ERR_IO, errno, "cannot open '%s'", f->path);
    }
    char *resolved = exists ? realpath(f->path, NULL) : NULL;
    if (resolved != NULL) { /* a link stays a link, the file it names is replaced */
        free(f->path);
        f->path = resolved;
    }
    char *directory AUTOFREE = NULL;
    const char *name = path_split(f->path, &directory);
    if (*name == '\0') {
        return error_set(err, ERR_IO, "cannot write '%s': it names no file", f->path);
    }
    leftovers_remove(directory, name);
    TRY(temporary_create(f, directory, name, err));
    if (exists && fchmod(f->fd, st.st_mode & 07777) != 0) {
        return error_set_errno(err, ERR_IO, errno, "cannot set the mode of '%s'", f->temporary);
    }
    return 0;
}

int atomic_file_open(const char *path, struct atomic_file **ret, struct error *err)
{
    struct atomic_file *f = mem_alloc(sizeof *f);
    f->fd = -1;
    f->path = mem_strdup(path);
    int code = atomic_file_begin(f, err);
    if (code != 0) {
        atomic_file_discard(f);
        return code;
    }
    *ret = f;
    return 0;
}

static int atomic_file_put(struct atomic_file *f, const char *bytes, size_t n, struct error *err)
{
    if (file_write_all(f->fd, bytes, n))
        return 0;
    f->failed = true;
    return error_set_errno(err, ERR_IO, errno, "cannot write '%s'", f->path);
}

static int atomic_file_flush(struct atomic_file *f, struct error *err)
{
    size_t n = f->used;
    f->used = 0;
    return atomic_file_put(f, f->buffer, n, err);
}

int atomic_file_write(struct atomic_file *f, const void *bytes, size_t n, struct error *err)
{
    if (n > WRITE_BYTES - f->used) {
        TRY(atomic_file_flush(f, err));
    }
    if (n >= WRITE_BYTES) {
        return atomic_file_put(f, bytes, n, err);
    }
    if (n > 0) {
        if (f->buffer == NULL) {
            f->buffer = mem_alloc(WRITE_BYTES);
        }
        memcpy(f->buffer + f->used, bytes, n);
        f->used += n;
    }
    return 0;
}

/* The new name must survive a power cut too. File systems that cannot sync a directory say EINVAL
 * and have nothing to lose by it. */
static int directory_sync_of(const char *path, struct error *err)
{
    char *directory AUTOFREE = NULL;
    path_split(path, &directory);
    int fd = open(*directory != '\0' ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return 0; /* a directory one may write to but not read */
    }
    int failed = fsync(fd) != 0 && errno != EINVAL && errno != EBADF ? errno : 0;
    close(fd);
    return failed != 0 ? error_set_errno(err, ERR_IO, failed, "cannot sync '%s'", directory) : 0;
}

int atomic_file_prepare(struct atomic_file *f, struct error *err)
{
    if (f->failed) {
        return error_set(err, ERR_IO, "cannot write '%s': an earlier write failed", f->path);
    }
    if (f->prepared) {
        return 0;
    }
    TRY(atomic_file_flush(f, err));
    if (f->temporary != NULL && fsync(f->fd) != 0 && errno != EINVAL) {
        return error_set_errno(err, ERR_IO, errno, "cannot write '%s'", f->path);
    }
    free(f->buffer); /* of many files that wait for their rename */
    f->buffer = NULL;
    f->prepared = true;
    return 0;
}

static int atomic_file_finish(struct atomic_file *f, struct error *err)
{
    TRY(atomic_file_prepare(f, err));
    if (f->temporary == NULL) {
        int fd = f->fd;
        f->fd = -1;
        return close(fd) == 0 ? 0
                              : error_set_errno(err, ERR_IO, errno, "cannot write '%s'", f->path);
    }
    if (rename(f->temporary, f->path) != 0) {
        return error_set_errno(err, ERR_IO, errno, "cannot rename '%s' to '%s'", f->temporary,
                               f->path);
    }
    free(f->temporary);
    f->temporary = NULL;
    return directory_sync_of(f->path, err);
}

int atomic_file_commit(struct atomic_file *f, struct error *err)
{
    int code = atomic_file_finish(f, err);
    atomic_file_discard(f);
    return code;
}

void atomic_file_discard(struct atomic_file *f)
{
    if (f == NULL) {
        return;
    }
    if (f->temporary != NULL) {
        unlink(f->temporary);
    }
    atomic_file_free(f);
}

const char *atomic_file_temporary(const struct atomic_file *f)
{
    return f->temporary;
}

void atomic_file_sweep(const char *names)
{
    char *directory AUTOFREE = NULL;
    AUTO_STRBUF struct strbuf pattern = {0};
    const char *name = path_split(names, &directory);
    glob_t found = {0};
    strbuf_init(&pattern, 0);
    strbuf_addf(&pattern, "%s.%s.", directory, name);
    for (int i = 0; i < RANDOM_LETTERS; i++) {
        strbuf_addch(&pattern, '?');
    }
    strbuf_adds(&pattern, ".tmp");
    if (glob(pattern.data, GLOB_PERIOD, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            leftover_remove(AT_FDCWD, found.gl_pathv[i]);
        }
    }
    globfree(&found);
}

/* ---- temporary files ----------------------------------------------------------------------- */

int file_open_unnamed(int *ret_fd, struct error *err)
{
    const char *dir = secure_getenv("TMPDIR");
    if (dir == NULL || *dir == '\0')
        dir = "/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (fd < 0) { /* a file system without O_TMPFILE */
        char path[PATH_MAX];
        if ((size_t)snprintf(path, sizeof path, "%s/diner-XXXXXX", dir) >= sizeof path)
            return error_set(err, ERR_CONFIG, "TMPDIR is too long");
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            (void)unlink(path);
    }
    if (fd < 0) {
        error_set_errno(err, ERR_IO, errno, "cannot make a temporary file in '%s'", dir);
        return error_hint(err, "set TMPDIR to a directory with room");
    }
    *ret_fd = fd;
    return 0;
}

/* ---- directories --------------------------------------------------------------------------- */

int directory_make(const char *path, struct error *err)
{
    char *partial AUTOFREE = mem_strdup(path);
    for (char *p = partial + 1; *partial != '\0'; p++) {
        bool last = *p == '\0';
        if (*p != '/' && !last) {
            continue;
        }
        *p = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST) {
            int reason = errno;
            struct stat st;
            /* A read-only or forbidden parent that exists is no hindrance. */
            if (stat(partial, &st) != 0) {
                return error_set_errno(err, ERR_IO, reason, "cannot create directory '%s'",
                                       partial);
            }
        }
        if (last) {
            break;
        }
        *p = '/';
    }
    struct stat st;
    if (stat(path, &st) != 0) {
        return error_set_errno(err, ERR_IO, errno, "cannot create directory '%s'", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        return error_set(err, ERR_IO, "cannot create directory '%s': a file has that name", path);
    }
    return 0;
}
