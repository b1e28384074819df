#include "pipeline/source/child.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/signals.h"
#include "core/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES        ((size_t)256 << 10)
#define WORDS_MAX         ((size_t)2000) /* of a line of standard error that is kept or logged */
#define LOGGED_LINES_MAX  2000
#define LOOK_EVERY_MS     500
#define TERM_PATIENCE_MS  5000
#define LINES_END_WAIT_MS 200

struct child {
    char *name;
    pid_t pid;
    bool is_running;
    bool was_killed; /* once it has ended: by a signal */
    int status;      /* the signal, or what it ended with */
    int out, log;
    size_t line_max;
    int64_t timeout_ms, deadline_ms; /* 0: none */
    struct strbuf text;              /* of standard output; handed out up to `start` */
    size_t start, searched;
    bool is_at_end;
    struct strbuf words; /* the line of standard error at hand */
    char last_words[WORDS_MAX + 1];
    uint64_t bytes, logged_lines;
};

/* ---- starting --------------------------------------------------------------------------- */

struct pipes {
    int out[2], log[2], fault[2];
};

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
}

static int open_pipes(struct pipes *p, struct error *err)
{
    *p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->out, O_CLOEXEC) == 0 && pipe2(p->log, O_CLOEXEC) == 0 &&
        pipe2(p->fault, O_CLOEXEC) == 0)
        return 0;
    return error_set_errno(err, ERR_IO, errno, "pipe");
}

/* In the child, between fork and exec: only what is async-signal-safe. */
static _Noreturn void become(const struct child_options *o, const struct pipes *p)
{
    sigset_t none;
    sigemptyset(&none);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ok = null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(p->out[1], STDOUT_FILENO) >= 0 &&
              dup2(p->log[1], STDERR_FILENO) >= 0;
    ok = ok && (o->directory == NULL || chdir(o->directory) == 0);
    if (ok) {
        (void)signal(SIGPIPE, SIG_DFL);
        (void)signal(SIGINT, SIG_DFL);
        (void)signal(SIGTERM, SIG_DFL);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        execvpe(o->argv[0], o->argv, o->env);
    }
    int why = errno;
    ssize_t ignored = write(p->fault[1], &why, sizeof why);
    (void)ignored;
    _exit(127);
}

/* What kept the child from becoming the program; 0 when nothing did. */
static int read_fault(int fd)
{
    int why = 0;
    ssize_t n;
    do {
        n = read(fd, &why, sizeof why);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof why ? why : 0;
}

static int start(struct child *c, const struct child_options *o, struct pipes *p, struct error *err)
{
    TRY(open_pipes(p, err));
    c->pid = fork();
    if (c->pid == 0)
        become(o, p);
    if (c->pid < 0)
        return error_set_errno(err, ERR_IO, errno, "fork");
    c->is_running = true;
    (void)setpgid(c->pid, c->pid); /* whoever is first */
    close(p->fault[1]);
    p->fault[1] = -1;
    int why = read_fault(p->fault[0]);
    if (why == 0)
        return 0;
    (void)waitpid(c->pid, NULL, 0);
    c->is_running = false;
    c->pid = 0;
    if (why == ENOENT || why == EACCES) {
        error_set_errno(err, why == ENOENT ? ERR_NOT_FOUND : ERR_IO, why, "cannot run '%s'",
                        o->argv[0]);
        return error_hint(err, "it is looked for in PATH and runs without a shell");
    }
    return error_set_errno(err, ERR_IO, why, "cannot run '%s'", o->argv[0]);
}

int child_start(const struct child_options *o, struct child **ret, struct error *err)
{
    struct child *c = mem_alloc(sizeof *c);
    struct pipes p;
    c->name = mem_strdup(o->argv[0]);
    c->line_max = o->line_max_bytes;
    c->timeout_ms = o->timeout_ms;
    c->deadline_ms = o->timeout_ms > 0 ? clock_monotonic_ms() + o->timeout_ms : 0;
    c->out = c->log = -1;
    strbuf_init(&c->text, o->line_max_bytes + 2 * READ_BYTES);
    strbuf_init(&c->words, WORDS_MAX);
    int code = start(c, o, &p, err);
    if (code == 0) {
        c->out = p.out[0];
        c->log = p.log[0];
        p.out[0] = p.log[0] = -1;
        (void)fcntl(c->out, F_SETFL, O_NONBLOCK);
        (void)fcntl(c->log, F_SETFL, O_NONBLOCK);
    }
    close_pair(p.out);
    close_pair(p.log);
    close_pair(p.fault);
    if (code != 0) {
        child_close(c);
        return code;
    }
    *ret = c;
    return 0;
}

/* ---- standard error --------------------------------------------------------------------- */

static void say_words(struct child *c)
{
    if (c->words.len == 0)
        return;
    memcpy(c->last_words, c->words.data, c->words.len + 1);
    if (c->logged_lines++ < LOGGED_LINES_MAX)
        log_info("%s: %s", c->name, c->words.data);
    else if (c->logged_lines == LOGGED_LINES_MAX + 1)
        log_notice("%s: says more than %d lines, the rest is left out", c->name, LOGGED_LINES_MAX);
    strbuf_clear(&c->words);
}

/* A line is cut at its maximum, which strbuf does by itself a byte at a time. */
static void take_words(struct child *c, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n')
            say_words(c);
        else if (c->words.len < WORDS_MAX)
            strbuf_addch(&c->words, (unsigned char)p[i] < ' ' ? ' ' : p[i]);
    }
}

static void read_words(struct child *c)
{
    char bytes[4096];
    ssize_t n;
    while ((n = read(c->log, bytes, sizeof bytes)) > 0)
        take_words(c, bytes, (size_t)n);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        say_words(c);
        close(c->log);
        c->log = -1;
    }
}

/* ---- standard output -------------------------------------------------------------------- */

static int read_output(struct child *c, struct error *err)
{
    if (c->start > 0) {
        size_t left = c->text.len - c->start;
        memmove(c->text.data, c->text.data + c->start, left);
        strbuf_truncate(&c->text, left);
        c->searched -= c->start;
        c->start = 0;
    }
    if (!strbuf_reserve(&c->text, READ_BYTES))
        return error_set(err, ERR_BUG, "no room for the output of '%s'", c->name);
    ssize_t n = read(c->out, c->text.data + c->text.len, READ_BYTES);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return error_set_errno(err, ERR_IO, errno, "cannot read from '%s'", c->name);
    c->is_at_end = n == 0;
    if (n > 0) {
        c->text.len += (size_t)n;
        c->text.data[c->text.len] = '\0';
        c->bytes += (uint64_t)n;
    }
    return 0;
}

static int check_time(const struct child *c, struct error *err)
{
    TRY(signals_check(err));
    if (c->deadline_ms == 0 || clock_monotonic_ms() < c->deadline_ms)
        return 0;
    error_set(err, ERR_UNAVAILABLE, "'%s' did not end within %lld s", c->name,
              (long long)c->timeout_ms / 1000);
    return error_hint(err, "raise 'timeout' of the source");
}

/* Waits for output, logging what is said meanwhile. */
static int wait_output(struct child *c, struct error *err)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = c->out, .events = POLLIN}, {.fd = c->log, .events = POLLIN}};
        int n = poll(fds, c->log >= 0 ? 2 : 1, LOOK_EVERY_MS);
        if (n < 0 && errno != EINTR)
            return error_set_errno(err, ERR_IO, errno, "cannot wait for '%s'", c->name);
        TRY(check_time(c, err));
        if (n > 0 && c->log >= 0 && fds[1].revents != 0)
            read_words(c);
        if (n > 0 && fds[0].revents != 0)
            return 0;
    }
}

int child_next_line(struct child *c, struct span *ret, bool *ret_end, struct error *err)
{
    for (;;) {
        const char *from = c->text.data + c->searched;
        const char *end = memchr(from, '\n', c->text.len - c->searched);
        bool is_last = end == NULL && c->is_at_end && c->start < c->text.len;
        if (end != NULL || is_last) {
            size_t stop = end != NULL ? (size_t)(end - c->text.data) : c->text.len;
            *ret = (struct span){c->text.data + c->start, stop - c->start};
            if (ret->len > 0 && ret->ptr[ret->len - 1] == '\r')
                ret->len--;
            c->start = c->searched = is_last ? stop : stop + 1;
            *ret_end = false;
            return 0;
        }
        c->searched = c->text.len;
        if (c->text.len - c->start > c->line_max)
            return error_set(err, ERR_LIMIT, "'%s' wrote a line longer than %zu bytes", c->name,
                             c->line_max);
        *ret_end = c->is_at_end;
        if (c->is_at_end)
            return 0;
        TRY(wait_output(c, err));
        TRY(read_output(c, err));
    }
}

/* ---- ending ----------------------------------------------------------------------------- */

/* It is not reaped before its group was killed: until then its number is nobody else's. */
static bool has_ended(struct child *c)
{
    siginfo_t info = {0};
    if (c->is_running && waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == c->pid) {
        c->is_running = false;
        c->was_killed = info.si_code != CLD_EXITED;
        c->status = info.si_status;
    }
    return !c->is_running;
}

static int tell_failure(const struct child *c, struct error *err)
{
    if (c->was_killed)
        error_set(err, ERR_FAILED, "'%s' was killed by signal %d (%s)", c->name, c->status,
                  strsignal(c->status));
    else
        error_set(err, ERR_FAILED, "'%s' ended with status %d", c->name, c->status);
    if (c->last_words[0] != '\0')
        error_hint(err, "its last words: %.300s", c->last_words);
    return ERR_FAILED;
}

int child_finish(struct child *c, struct error *err)
{
    while (!has_ended(c)) {
        struct pollfd fd = {.fd = c->log, .events = POLLIN};
        int n = poll(&fd, 1, c->log >= 0 ? LOOK_EVERY_MS / 10 : 10);
        if (n > 0 && c->log >= 0)
            read_words(c);
        TRY(check_time(c, err));
    }
    /* What it said at the very end; a grandchild may hold the pipe open. */
    for (int64_t end = clock_monotonic_ms() + LINES_END_WAIT_MS;
         c->log >= 0 && clock_monotonic_ms() < end;) {
        struct pollfd fd = {.fd = c->log, .events = POLLIN};
        if (poll(&fd, 1, 0) <= 0)
            break;
        read_words(c);
    }
    return c->was_killed || c->status != 0 ? tell_failure(c, err) : 0;
}

uint64_t child_bytes(const struct child *c)
{
    return c->bytes;
}

/* The group, for the program may have started others; it also holds those that outlived it. */
static void stop(struct child *c)
{
    if (c->pid <= 0)
        return;
    if (c->is_running) {
        (void)kill(-c->pid, SIGTERM);
        for (int64_t end = clock_monotonic_ms() + TERM_PATIENCE_MS;
             !has_ended(c) && clock_monotonic_ms() < end;) {
            struct timespec pause = {.tv_nsec = 20000000};
            (void)nanosleep(&pause, NULL); /* not the clock's sleep, which a signal ends */
        }
    }
    (void)kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void child_close(struct child *c)
{
    if (c == NULL)
        return;
    stop(c);
    if (c->out >= 0)
        close(c->out);
    if (c->log >= 0)
        close(c->log);
    strbuf_release(&c->text);
    strbuf_release(&c->words);
    free(c->name);
    free(c);
}
