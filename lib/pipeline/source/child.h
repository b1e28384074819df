/* lib/pipeline/source/child.h - a program whose output is read line by line.
 *
 * It is started without a shell, in a process group of its own, with an environment of its own and
 * nothing on its standard input. What it writes to standard error goes to the log, bounded. It dies
 * with us: on close the group gets TERM, and KILL where that does not help; should we be killed,
 * the program gets TERM from the kernel. */
#ifndef DINER_PIPELINE_SOURCE_CHILD_H
#define DINER_PIPELINE_SOURCE_CHILD_H

#include "core/error.h"
#include "core/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct child_options {
    char *const *argv; /* NULL-terminated; argv[0] is looked for in PATH */
    char *const *env;  /* NULL-terminated, "NAME=value" */
    const char *directory;
    int64_t timeout_ms; /* of the whole, 0: none */
    size_t line_max_bytes;
};
struct child;
/* ERR_NOT_FOUND when there is no such program, else ERR_IO. Options are borrowed for the call. */
int child_start(const struct child_options *options, struct child **ret, struct error *err);
/* The next line of its output without the line end, borrowed until the next call; the last one may
 * lack its end. ERR_LIMIT for a longer line, ERR_UNAVAILABLE when time is up, ERR_CANCELLED. */
int child_next_line(struct child *c, struct span *ret, bool *ret_end, struct error *err);
/* After the end: waits until it has ended. ERR_FAILED with its last words unless it did so with
 * status 0. */
int child_finish(struct child *c, struct error *err);
uint64_t child_bytes(const struct child *c);
void child_close(struct child *c); /* kills what still runs; NULL-safe */

#endif
