#include "platform/dev/files.h"
#include "core/clock.h"
#include "core/fileio.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
    (void)st, (void)kind, (void)place;
    return remove(path) != 0 && errno != ENOENT ? -1 : 0;
}

int files_remove_tree(const char *path, struct error *err)
{
    struct stat st;
    /* A process that is just ending may still put a file in: look again a few times. */
    for (int i = 0; i < 20; i++) {
        if (lstat(path, &st) != 0 && errno == ENOENT)
            return 0;
        errno = 0;
        if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0)
            return 0;
        if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
            break;
        clock_sleep_ms(50);
    }
    return error_set_errno(err, ERR_IO, errno, "cannot remove '%s'", path);
}

/* The temporary file of atomic_file has the mode that the umask leaves: ours is 077 meanwhile. */
int files_write_private(const char *path, const char *text, struct error *err)
{
    struct atomic_file *f = NULL;
    mode_t before = umask(077);
    int code = atomic_file_open(path, &f, err);
    if (code == 0)
        code = atomic_file_write(f, text, strlen(text), err);
    if (code == 0)
        code = atomic_file_commit(f, err);
    else
        atomic_file_discard(f);
    (void)umask(before);
    return code;
}

const char *files_last_line(struct strbuf *text)
{
    while (text->len > 0 && strchr("\r\n ", text->data[text->len - 1]))
        strbuf_truncate(text, text->len - 1);
    const char *newline = strrchr(text->data, '\n');
    return newline ? newline + 1 : text->data;
}
