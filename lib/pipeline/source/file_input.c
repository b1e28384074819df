#include "pipeline/source/file_input.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/message.h"
#include "format/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_SHOWN_MAX 10

struct file_inputs {
    struct file_input_options options;
    struct arena *arena;
    const char **paths;
    size_t npaths, next_path;
    const char *path; /* the open file, NULL: none */
    const char *name, *identity;
    int watch_fd; /* a descriptor of it that stays, to see whether it was written to */
    struct stat before;
    struct archive_zip *zip;
    const struct archive_member **members; /* those to be read */
    size_t nmembers, next_member;
    uint64_t done_bytes, total_bytes;
    int given_fd; /* until it is opened, or -1 */
};

/* ---- names ------------------------------------------------------------------------------ */

/* A link beside what it names (latest.csv) must not double its rows. */
static bool is_listed(const struct file_inputs *in, const struct stat *st, size_t n)
{
    struct stat other;
    for (size_t i = 0; i < n; i++) {
        if (stat(in->paths[i], &other) == 0 && other.st_dev == st->st_dev &&
            other.st_ino == st->st_ino)
            return true;
    }
    return false;
}

/* Comparing each with each would be slow for thousands: only what is linked can be twice. */
static bool may_be_twice(const char *path, const struct stat *st)
{
    struct stat link;
    return st->st_nlink > 1 || (lstat(path, &link) == 0 && S_ISLNK(link.st_mode));
}

static void add_path(struct file_inputs *in, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        if (may_be_twice(path, &st) && is_listed(in, &st, in->npaths)) {
            log_notice("'%s' is a file that was listed already: it is read once", path);
            return;
        }
        in->total_bytes += (uint64_t)st.st_size;
    }
    in->paths[in->npaths++] = arena_strdup(in->arena, path);
}

/* Links last: their targets, if listed too, stand under their own names. */
static void add_all(struct file_inputs *in, char *const *found, size_t n)
{
    for (int links = 0; links <= 1; links++) {
        for (size_t i = 0; i < n; i++) {
            struct stat st;
            bool is_link = lstat(found[i], &st) == 0 && S_ISLNK(st.st_mode);
            if (is_link == (links == 1))
                add_path(in, found[i]);
        }
    }
}

static int compare_paths(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static int list_glob(struct file_inputs *in, const char *text, struct error *err)
{
    glob_t found = {0};
    int code = glob(text, 0, NULL, &found);
    if (code == GLOB_NOMATCH && !in->options.optional)
        code = error_set(err, ERR_NOT_FOUND, "no file matches '%s'", text);
    else if (code != 0 && code != GLOB_NOMATCH)
        code = error_set(err, ERR_IO, "cannot list '%s'", text);
    else if (code == 0) {
        in->paths = arena_array(in->arena, found.gl_pathc, sizeof *in->paths);
        if (in->options.only_last)
            add_path(in, found.gl_pathv[found.gl_pathc - 1]);
        else
            add_all(in, found.gl_pathv, found.gl_pathc);
        qsort(in->paths, in->npaths, sizeof *in->paths, compare_paths);
    } else {
        code = 0;
    }
    globfree(&found);
    return code;
}

static int list_given(struct file_inputs *in)
{
    struct stat st;
    in->paths = arena_array(in->arena, 1, sizeof *in->paths);
    if (in->given_fd < 0)
        return 0;
    in->paths[in->npaths++] = in->options.given->name;
    if (fstat(in->given_fd, &st) == 0)
        in->total_bytes = (uint64_t)st.st_size;
    return 0;
}

static int list_paths(struct file_inputs *in, struct error *err)
{
    const char *text = in->options.file;
    struct stat st;
    if (in->options.given != NULL)
        return list_given(in);
    if (strcmp(text, "-") != 0 && text[0] != '/')
        text = arena_printf(in->arena, "%s/%s", in->options.directory, text);
    if (strpbrk(text, "*?[") != NULL)
        return list_glob(in, text, err);
    if (in->options.optional && strcmp(text, "-") != 0 && stat(text, &st) != 0 && errno == ENOENT)
        return 0;
    in->paths = arena_array(in->arena, 1, sizeof *in->paths);
    add_path(in, text);
    return 0;
}

int file_inputs_new(const struct file_input_options *options, struct arena *arena,
                    struct file_inputs **ret, struct error *err)
{
    struct file_inputs *in = mem_alloc(sizeof *in);
    in->options = *options;
    in->arena = arena;
    in->watch_fd = -1;
    in->given_fd = options->given != NULL ? options->given->fd : -1;
    int code = list_paths(in, err);
    if (code != 0) {
        file_inputs_free(in);
        return code;
    }
    *ret = in;
    return 0;
}

static void close_file(struct file_inputs *in)
{
    archive_zip_close(in->zip);
    in->zip = NULL;
    if (in->watch_fd >= 0)
        close(in->watch_fd);
    in->watch_fd = -1;
    in->path = NULL;
    in->nmembers = in->next_member = 0;
}

void file_inputs_free(struct file_inputs *in)
{
    if (in == NULL)
        return;
    close_file(in);
    if (in->given_fd >= 0)
        close(in->given_fd);
    free(in);
}

/* ---- a file that is still being written --------------------------------------------------- */

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static int check_unchanged(const struct file_inputs *in, struct error *err)
{
    struct stat now;
    if (in->watch_fd < 0 || !S_ISREG(in->before.st_mode) || fstat(in->watch_fd, &now) != 0 ||
        (now.st_size == in->before.st_size && is_same_time(now.st_mtim, in->before.st_mtim)))
        return 0;
    error_set(err, ERR_DATA, "'%s' changed while it was being read: %lld bytes, then %lld",
              in->path, (long long)in->before.st_size, (long long)now.st_size);
    return error_hint(err,
                      "who writes it must rename it into place when it is whole; `settle: 30s` "
                      "refuses files that were written to just now");
}

static int check_settled(const struct file_inputs *in, struct error *err)
{
    if (in->options.settle_ms <= 0 || !S_ISREG(in->before.st_mode))
        return 0;
    int64_t written_ms =
        (int64_t)in->before.st_mtim.tv_sec * 1000 + in->before.st_mtim.tv_nsec / 1000000;
    int64_t age_ms = clock_wall_us() / 1000 - written_ms;
    if (age_ms >= in->options.settle_ms)
        return 0;
    error_set(err, ERR_UNAVAILABLE,
              "'%s' was written to %" PRId64 " s ago: it may not be whole yet", in->path,
              age_ms > 0 ? age_ms / 1000 : 0);
    return error_hint(err, "run again when it is older than `settle`, %" PRId64 " s",
                      in->options.settle_ms / 1000);
}

/* ---- zip -------------------------------------------------------------------------------- */

static const char *names_of(const struct file_inputs *in, const struct archive_member *members,
                            size_t n)
{
    AUTO_STRBUF struct strbuf list = {0};
    strbuf_init(&list, 4096);
    for (size_t i = 0; i < n && i < NAMES_SHOWN_MAX; i++)
        strbuf_addf(&list, "%s%s", i > 0 ? ", " : "", members[i].name);
    if (n > NAMES_SHOWN_MAX)
        strbuf_adds(&list, ", ...");
    return arena_strdup(in->arena, list.data);
}

static const char *member_name(const struct file_inputs *in, const struct archive_member *m)
{
    return arena_printf(in->arena, "%s:%s", in->path, m->name);
}

static int is_meant(const struct file_inputs *in, const struct archive_member *m, bool *ret,
                    struct error *err)
{
    struct file_feed feed = {.fd = -1};
    const char *name = member_name(in, m);
    TRY(archive_zip_read(in->zip, m, name, &feed.source, err));
    return in->options.is_meant(in->options.self, &feed, name, ret, err);
}

/* The one there is, those that `member` names, or those with the header that is looked for. */
static int choose_members(struct file_inputs *in, struct error *err)
{
    size_t n, ndata = 0;
    const struct archive_member *all = archive_zip_members(in->zip, &n);
    const char *glob_text = in->options.member;
    in->members = arena_array(in->arena, n + 1, sizeof(struct archive_member *));
    for (size_t i = 0; i < n; i++)
        ndata += all[i].is_data ? 1 : 0;
    if (ndata > 1 && glob_text == NULL && in->options.is_meant == NULL) {
        error_set(err, ERR_DATA, "'%s' has %zu members: %s", in->path, ndata, names_of(in, all, n));
        return error_hint(err, "say which by `member: \"*.csv\"` or by `header: { find: [...] }`");
    }
    for (size_t i = 0; i < n; i++) {
        bool meant = all[i].is_data;
        if (meant && glob_text != NULL)
            meant = fnmatch(glob_text, all[i].name, 0) == 0;
        else if (meant && ndata > 1)
            TRY(is_meant(in, &all[i], &meant, err));
        if (meant)
            in->members[in->nmembers++] = &all[i];
    }
    if (in->nmembers > 0)
        return 0;
    error_set(err, ERR_DATA, "'%s' has no member %s%s%s", in->path,
              glob_text != NULL ? message_text("that matches '")
              : ndata > 1       ? message_text("with the header")
                                : message_text("that is a file"),
              glob_text != NULL ? glob_text : "", glob_text != NULL ? "'" : "");
    return error_hint(err, "it has: %s", names_of(in, all, n));
}

static int open_zip(struct file_inputs *in, int fd, bool is_file, struct span head,
                    struct error *err)
{
    if (!is_file)
        TRY(archive_spool(fd, in->path, head, &fd, err));
    TRY(archive_zip_open(fd, in->path, &in->zip, err));
    return choose_members(in, err);
}

/* ---- opening ---------------------------------------------------------------------------- */

static int open_name(struct file_inputs *in)
{
    int fd = in->given_fd;
    in->given_fd = -1;
    if (fd >= 0)
        return fd;
    return strcmp(in->path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                      : open(in->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

static int open_path(struct file_inputs *in, int *ret_fd, struct error *err)
{
    int fd = open_name(in);
    struct stat link;
    if (fd < 0 && errno == ENOENT && lstat(in->path, &link) == 0)
        return error_set(err, ERR_NOT_FOUND, "'%s' is a link to a file that does not exist",
                         in->path);
    if (fd < 0 && errno == ENOENT)
        return error_set(err, ERR_NOT_FOUND, "file '%s' does not exist", in->path);
    if (fd < 0)
        return error_set_errno(err, ERR_IO, errno, "cannot open '%s'", in->path);
    int code = 0;
    if (fstat(fd, &in->before) != 0)
        code = error_set_errno(err, ERR_IO, errno, "cannot read '%s'", in->path);
    else if (S_ISDIR(in->before.st_mode))
        code = error_set(err, ERR_IO, "'%s' is a directory", in->path);
    else
        code = check_settled(in, err);
    if (code != 0)
        close(fd);
    else
        *ret_fd = fd;
    return code;
}

/* The first bytes: left where they are in a file, taken from a pipe. */
static int read_head(const struct file_inputs *in, int fd, bool is_file, char *out, size_t *ret_n,
                     struct error *err)
{
    size_t n = 0;
    while (n < ARCHIVE_MAGIC_BYTES) {
        ssize_t k = is_file ? pread(fd, out + n, ARCHIVE_MAGIC_BYTES - n, (off_t)n)
                            : read(fd, out + n, ARCHIVE_MAGIC_BYTES - n);
        if (k < 0 && errno != EINTR)
            return error_set_errno(err, ERR_IO, errno, "cannot read '%s'", in->path);
        if (k == 0)
            break;
        n += k > 0 ? (size_t)k : 0;
    }
    *ret_n = n;
    return 0;
}

static int open_content(struct file_inputs *in, int fd, struct file_feed *ret, struct error *err)
{
    char bytes[ARCHIVE_MAGIC_BYTES];
    size_t n = 0;
    bool is_file = S_ISREG(in->before.st_mode);
    int code = read_head(in, fd, is_file, bytes, &n, err);
    if (code != 0) {
        close(fd);
        return code;
    }
    enum archive_kind kind = archive_kind_of(bytes, n);
    struct span head = {bytes, is_file ? 0 : n};
    *ret = (struct file_feed){.fd = fd};
    if (kind == ARCHIVE_ZIP)
        return open_zip(in, fd, is_file, head, err);
    return kind == ARCHIVE_NONE && is_file
               ? 0
               : archive_open(fd, in->path, kind, head, &ret->source, err);
}

static void set_name(struct file_inputs *in, const struct archive_member *m)
{
    char resolved[PATH_MAX];
    bool is_path = strcmp(in->path, "-") != 0 && in->options.given == NULL;
    const char *path = is_path && realpath(in->path, resolved) != NULL ? resolved : in->path;
    in->name = m == NULL ? in->path : member_name(in, m);
    in->identity =
        m == NULL ? arena_strdup(in->arena, path) : arena_printf(in->arena, "%s:%s", path, m->name);
}

static int open_member(struct file_inputs *in, struct file_feed *ret, struct error *err)
{
    const struct archive_member *m = in->members[in->next_member++];
    set_name(in, m);
    *ret = (struct file_feed){.fd = -1};
    return archive_zip_read(in->zip, m, in->name, &ret->source, err);
}

static int open_next(struct file_inputs *in, struct file_feed *ret, struct error *err)
{
    int fd = -1;
    in->path = in->paths[in->next_path++];
    TRY(open_path(in, &fd, err));
    in->watch_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    TRY(open_content(in, fd, ret, err));
    if (in->zip != NULL)
        return open_member(in, ret, err);
    set_name(in, NULL);
    return 0;
}

int file_inputs_next(struct file_inputs *in, struct file_feed *ret, const char **ret_name,
                     bool *ret_end, struct error *err)
{
    *ret_end = false;
    if (in->next_member < in->nmembers) {
        TRY(open_member(in, ret, err));
        *ret_name = in->name;
        return 0;
    }
    if (in->path != NULL) {
        TRY(check_unchanged(in, err));
        in->done_bytes += (uint64_t)in->before.st_size;
        close_file(in);
    }
    *ret_end = in->next_path == in->npaths;
    if (*ret_end)
        return 0;
    TRY(open_next(in, ret, err));
    *ret_name = in->name;
    return 0;
}

const char *file_inputs_identity(const struct file_inputs *in)
{
    return in->identity;
}

uint64_t file_inputs_size(const struct file_inputs *in)
{
    return (uint64_t)in->before.st_size;
}

void file_inputs_progress(const struct file_inputs *in, uint64_t *ret_done, uint64_t *ret_total)
{
    *ret_done = in->done_bytes;
    *ret_total = in->total_bytes;
}
