/* lib/platform/dev/process.h - programs run by us: to their end, or left behind as daemons that
 * outlive the terminal; and telling whether a pid is still the process it was.
 *
 * A pid alone proves nothing: it may have been given to another process since. Ours are told by an
 * argument that only they have (a path inside their own directory), read from /proc/PID/cmdline. */
#ifndef DINER_PLATFORM_DEV_PROCESS_H
#define DINER_PLATFORM_DEV_PROCESS_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <sys/types.h>

struct process_options {
    const char *const *argv;  /* ends with NULL; argv[0] is a path or found in PATH */
    const char *user;         /* become this user (we are root), NULL: stay who we are */
    const char *log_file;     /* standard output and error are appended to it (process_detach) */
    const char *diner_config; /* the child's DINER_CONFIG; its other DINER_* are taken away */
    struct span input;        /* its standard input (process_run); ptr NULL: empty */
    struct strbuf *errors;    /* its standard error (process_run); NULL: among the output */
};

/* Runs to the end; output gets what it printed, at most the buffer's max. ERR_FAILED when it fails
 * or is killed, with the last line it printed; ERR_IO when it cannot be started. *ret_status (may
 * be NULL): its exit status, -1 when it had none. */
int process_run(const struct process_options *options, struct strbuf *output, int *ret_status,
                struct error *err);

/* Starts in a session of its own, with no terminal. *ret_pid is our child until we end. */
int process_detach(const struct process_options *options, pid_t *ret_pid, struct error *err);

/* Alive (not a zombie), and started with exactly this argument. */
bool process_is(pid_t pid, const char *argument);

/* The pid of a process with this argument, 0 when there is none: for one whose pid was lost. */
pid_t process_find(const char *argument);

/* Asks with `signal`, waits, then kills. Nothing happens to a pid that is not ours. ERR_FAILED when
 * it will not die. */
int process_stop(pid_t pid, const char *argument, int signal, int64_t patience_ms,
                 struct error *err);

/* The number in the first line of a pid or port file; 0 when there is none. */
int64_t process_read_number(const char *path);

#endif
