/* lib/core/fileio.h - files: whole reads with a cap, and outputs that appear whole or not at all.
 */
#ifndef DINER_CORE_FILEIO_H
#define DINER_CORE_FILEIO_H

#include "core/error.h"
#include "core/strbuf.h"
#include <stdio.h>

/* Appends the file's bytes to out. ERR_LIMIT over max_bytes, ERR_NOT_FOUND, ERR_IO (a directory
 * among them). path "-" is standard input. */
int file_read(const char *path, size_t max_bytes, struct strbuf *out, struct error *err);

/* Opens a file, or for "-" standard input under a number of its own, and says what messages call it
 * (ret_name, borrowed). ERR_NOT_FOUND, ERR_IO. */
int file_open_input(const char *path, int *ret_fd, const char **ret_name, struct error *err);
/* All n bytes; false with errno. */
bool file_write_all(int fd, const void *bytes, size_t n);

/* An output written beside its final name (".NAME.XXXXXX.tmp" in the same directory), synced and
 * renamed on commit; discarded otherwise. Left-overs of killed writers of the same name are
 * removed on open when their writer is gone (flock). */
struct atomic_file;
int atomic_file_open(const char *path, struct atomic_file **ret, struct error *err);
int atomic_file_write(struct atomic_file *f, const void *bytes, size_t n, struct error *err);
/* All but the rename, so that of several files the renames follow each other closely, and what can
 * fail has failed before the first. Nothing is written afterwards. */
int atomic_file_prepare(struct atomic_file *f, struct error *err);
int atomic_file_commit(struct atomic_file *f, struct error *err); /* frees f, also on failure */
void atomic_file_discard(struct atomic_file *f);                  /* frees; NULL-safe */

/* The temporary's name, for a writer that opens its file by itself (none: NULL, a device). */
const char *atomic_file_temporary(const struct atomic_file *f);
/* Removes the left-overs of killed writers of all names that a glob stands for. */
void atomic_file_sweep(const char *names);

/* A file without a name in TMPDIR (or /tmp), 0600, to write and to read: nothing of it outlives the
 * process. Its owner closes it. */
int file_open_unnamed(int *ret_fd, struct error *err);

/* mkdir -p with mode 0777 & ~umask. */
int directory_make(const char *path, struct error *err);

#endif
