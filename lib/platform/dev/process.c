#include "platform/dev/process.h"
#include "core/clock.h"
#include "core/fileio.h"
#include "core/mem.h"
#include "core/message.h"
#include "platform/dev/files.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Which step of the child failed, told to the parent through a pipe that exec closes. */
struct launch_failure {
    int errno_value;
    char step[32];
};

static void launch_fail(int report, const char *step)
{
    struct launch_failure f = {.errno_value = errno};
    (void)snprintf(f.step, sizeof f.step, "%s", step);
    ssize_t n = write(report, &f, sizeof f);
    _exit(n == (ssize_t)sizeof f ? 126 : 127);
}

static void child_environment(const struct process_options *o)
{
    bool again = true;
    while (again) { /* unsetenv moves what follows */
        again = false;
        for (char **e = environ; *e && !again; e++) {
            const char *equals = strchr(*e, '=');
            if (equals && strncmp(*e, "DINER_", 6) == 0) {
                char *name = mem_strndup(*e, (size_t)(equals - *e));
                again = unsetenv(name) == 0;
                free(name);
            }
        }
    }
    if (o->diner_config)
        setenv("DINER_CONFIG", o->diner_config, 1);
    if (o->user) { /* PostgreSQL's tools want neither our locale nor our home */
        setenv("LC_ALL", "C", 1);
        setenv("HOME", "/", 1);
    }
}

static void child_become(const struct passwd *who, int report)
{
    if (initgroups(who->pw_name, who->pw_gid) != 0 || setgid(who->pw_gid) != 0 ||
        setuid(who->pw_uid) != 0)
        launch_fail(report, MESSAGE("become the user"));
}

/* Descriptors of a child; -1: /dev/null, the log file, the same as out. */
struct child_streams {
    int in, out, errors;
};

/* Descriptors that our caller left open (a make's job server, a test runner's output) would be held
 * by a daemon for as long as it lives. All go when the program starts. */
static void close_inherited(void)
{
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        return;
    for (int fd = 3; fd < 1024; fd++) /* a kernel before 5.11 */
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* exec's prototype is older than const; it changes nothing. */
static char *const *exec_words(const char *const *words)
{
    union {
        const char *const *given;
        char *const *taken;
    } same = {.given = words};
    return same.taken;
}

/* Never returns. */
static void child_exec(const struct process_options *o, const struct passwd *who,
                       struct child_streams s, int report)
{
    /* Signals go back to their defaults. */
    static const int signals[] = {SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGCHLD};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (setsid() < 0)
        launch_fail(report, MESSAGE("leave the terminal"));
    if (who)
        child_become(who, report);
    child_environment(o);
    if (s.out < 0)
        s.out = open(o->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (s.in < 0)
        s.in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (s.errors < 0)
        s.errors = s.out;
    if (s.out < 0 || s.in < 0 || dup2(s.in, 0) < 0 || dup2(s.out, 1) < 0 || dup2(s.errors, 2) < 0)
        launch_fail(report, MESSAGE("open its log"));
    close_inherited();
    /* The directory we were started in must stay removable. */
    if (chdir("/") != 0)
        launch_fail(report, MESSAGE("change directory"));
    execvp(o->argv[0], exec_words(o->argv));
    launch_fail(report, MESSAGE("be executed"));
    _exit(127);
}

static int launch(const struct process_options *o, struct child_streams streams, pid_t *ret_pid,
                  struct error *err)
{
    const struct passwd *who = NULL;
    if (o->user && !(who = getpwnam(o->user)))
        return error_set(err, ERR_CONFIG, "there is no user '%s'", o->user);
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0)
        return error_set_errno(err, ERR_IO, errno, "cannot start '%s'", o->argv[0]);
    pid_t pid = fork();
    if (pid == 0)
        child_exec(o, who, streams, report[1]);
    int fork_errno = errno;
    close(report[1]);
    if (pid < 0) {
        close(report[0]);
        return error_set_errno(err, ERR_IO, fork_errno, "cannot start '%s'", o->argv[0]);
    }
    struct launch_failure f;
    ssize_t n;
    do
        n = read(report[0], &f, sizeof f);
    while (n < 0 && errno == EINTR);
    close(report[0]);
    if (n == (ssize_t)sizeof f) {
        (void)waitpid(pid, NULL, 0);
        return error_set_errno(err, ERR_IO, f.errno_value, "'%s' could not %s", o->argv[0],
                               message_text(f.step));
    }
    *ret_pid = pid;
    return 0;
}

static void read_all(int fd, struct strbuf *out)
{
    char piece[4096];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            strbuf_add(out, piece, (size_t)n);
}

/* Files in memory: a child that writes to both streams can then block on neither. */
static bool open_streams(const struct process_options *o, struct child_streams *ret)
{
    *ret = (struct child_streams){.in = -1, .out = -1, .errors = -1};
    ret->out = memfd_create("output", MFD_CLOEXEC);
    bool ok = ret->out >= 0;
    if (o->errors) {
        ret->errors = memfd_create("errors", MFD_CLOEXEC);
        ok = ok && ret->errors >= 0;
    }
    if (o->input.ptr) {
        ret->in = memfd_create("input", MFD_CLOEXEC);
        ok = ok && ret->in >= 0 &&
             write(ret->in, o->input.ptr, o->input.len) == (ssize_t)o->input.len &&
             lseek(ret->in, 0, SEEK_SET) == 0;
    }
    return ok;
}

static void close_streams(const struct child_streams *s)
{
    const int all[] = {s->in, s->out, s->errors};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] >= 0)
            close(all[i]);
}

static int run_to_end(const struct process_options *o, struct child_streams streams,
                      struct strbuf *output, int *ret_status, struct error *err)
{
    pid_t pid = 0;
    int status = 0;
    TRY(launch(o, streams, &pid, err));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    (void)lseek(streams.out, 0, SEEK_SET);
    read_all(streams.out, output);
    if (o->errors) {
        (void)lseek(streams.errors, 0, SEEK_SET);
        read_all(streams.errors, o->errors);
    }
    if (ret_status)
        *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    struct strbuf *said = o->errors && o->errors->len > 0 ? o->errors : output;
    return error_set(err, ERR_FAILED, "'%s' failed: %s", o->argv[0], files_last_line(said));
}

int process_run(const struct process_options *options, struct strbuf *output, int *ret_status,
                struct error *err)
{
    struct child_streams streams;
    int code;
    if (ret_status)
        *ret_status = -1;
    if (open_streams(options, &streams))
        code = run_to_end(options, streams, output, ret_status, err);
    else
        code = error_set_errno(err, ERR_IO, errno, "cannot start '%s'", options->argv[0]);
    close_streams(&streams);
    return code;
}

int process_detach(const struct process_options *options, pid_t *ret_pid, struct error *err)
{
    return launch(options, (struct child_streams){-1, -1, -1}, ret_pid, err);
}

bool process_is(pid_t pid, const char *argument)
{
    if (pid <= 0)
        return false;
    (void)waitpid(pid, NULL, WNOHANG); /* a child of ours that ended is no longer a process */
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
    struct strbuf text AUTO_STRBUF;
    struct error ignored = ERROR_INIT;
    strbuf_init(&text, 256 << 10);
    if (file_read(path, 128 << 10, &text, &ignored) != 0)
        return false;
    for (size_t i = 0; i < text.len; i += strlen(text.data + i) + 1)
        if (strcmp(text.data + i, argument) == 0)
            return true;
    return false;
}

pid_t process_find(const char *argument)
{
    pid_t found = 0;
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    while (proc && found == 0 && (entry = readdir(proc))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && pid != getpid() && process_is(pid, argument))
            found = pid;
    }
    if (proc)
        closedir(proc);
    return found;
}

static bool wait_gone(pid_t pid, const char *argument, int64_t patience_ms)
{
    int64_t until = clock_monotonic_ms() + patience_ms;
    while (process_is(pid, argument)) {
        if (clock_monotonic_ms() >= until)
            return false;
        clock_sleep_ms(20);
    }
    return true;
}

int process_stop(pid_t pid, const char *argument, int signal, int64_t patience_ms,
                 struct error *err)
{
    if (!process_is(pid, argument))
        return 0;
    if (kill(pid, signal) != 0 && errno != ESRCH)
        return error_set_errno(err, ERR_FAILED, errno, "cannot stop process %ld", (long)pid);
    if (wait_gone(pid, argument, patience_ms))
        return 0;
    (void)kill(pid, SIGKILL);
    if (wait_gone(pid, argument, 5000))
        return 0;
    return error_set(err, ERR_FAILED, "process %ld does not end", (long)pid);
}

int64_t process_read_number(const char *path)
{
    struct strbuf text AUTO_STRBUF;
    struct error ignored = ERROR_INIT;
    strbuf_init(&text, 4096);
    if (file_read(path, 4000, &text, &ignored) != 0)
        return 0;
    char *end;
    errno = 0;
    long long value = strtoll(text.data, &end, 10);
    return errno == 0 && end != text.data && value > 0 ? value : 0;
}
