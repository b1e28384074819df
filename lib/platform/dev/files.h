/* lib/platform/dev/files.h - the files of a development environment. */
#ifndef DINER_PLATFORM_DEV_FILES_H
#define DINER_PLATFORM_DEV_FILES_H

#include "core/error.h"
#include "core/strbuf.h"

/* Removes a directory with all in it, following no link. Not existing is success. */
int files_remove_tree(const char *path, struct error *err);
/* Writes the whole file, mode 0600, in place of an older one. */
int files_write_private(const char *path, const char *text, struct error *err);
/* The last line that is not blank; cuts what follows it. Borrowed from text. */
const char *files_last_line(struct strbuf *text);

#endif
