#include "pipeline/workers.h"

#include "core/log.h"
#include "core/signals.h"
#include "core/trace_span.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 64

struct worker {
    pid_t pid;
    int orders, results; /* unit numbers go out, results come in; -1: closed */
    bool is_busy;
    size_t unit;
};

static bool read_whole(int fd, void *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = read(fd, (char *)to + at, n - at);
        if (got > 0)
            at += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return false;
    }
    return true;
}

static bool write_whole(int fd, const void *from, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t put = write(fd, (const char *)from + at, n - at);
        if (put > 0)
            at += (size_t)put;
        else if (errno != EINTR)
            return false;
    }
    return true;
}

/* ---- in the worker ---------------------------------------------------------------------- */

static void serve(const struct workers *w, int orders, int results)
{
    struct run_options options = *w->run->options;
    struct unit_result r;
    size_t unit;
    options.observer = NULL;
    w->run->options = &options;
    w->run->is_worker = true;
    w->run->db = NULL; /* the parent's: not ours to use or to close */
    w->run->connectors = connector_pool_new(options.config, options.builtins);
    connector_pool_share(w->run->connectors, (int64_t)w->count);
    while (read_whole(orders, &unit, sizeof unit)) {
        r = (struct unit_result){.unit = unit};
        if (!db_is_alive(w->run->db))
            r.code = run_connect(w->run, &r.error);
        if (r.code == 0)
            unit_run(w->run, w->stream, w->slices, unit, &r);
        if (!write_whole(results, &r, sizeof r))
            break;
    }
    connector_pool_free(w->run->connectors);
    db_close(w->run->db);
}

/* ---- in the parent ---------------------------------------------------------------------- */

static int start(const struct workers *w, struct worker *all, size_t i, struct error *err)
{
    int orders[2], results[2];
    pid_t parent = getpid();
    if (pipe2(orders, O_CLOEXEC) != 0)
        return error_set_errno(err, ERR_FAILED, errno, "pipe");
    if (pipe2(results, O_CLOEXEC) != 0) {
        close(orders[0]);
        close(orders[1]);
        return error_set_errno(err, ERR_FAILED, errno, "pipe");
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        trace_spans_forked();
        for (size_t k = 0; k < i; k++) {
            close(all[k].orders);
            close(all[k].results);
        }
        close(orders[1]);
        close(results[0]);
        if (getppid() == parent)
            serve(w, orders[0], results[1]);
        trace_spans_flush();
        _exit(0);
    }
    close(orders[0]);
    close(results[1]);
    if (pid < 0) {
        close(orders[1]);
        close(results[0]);
        return error_set_errno(err, ERR_FAILED, errno, "fork");
    }
    all[i] = (struct worker){.pid = pid, .orders = orders[1], .results = results[0]};
    return 0;
}

static void dismiss(struct worker *x)
{
    if (x->orders >= 0)
        close(x->orders);
    x->orders = -1;
}

static void give(struct worker *x, size_t unit)
{
    x->unit = unit;
    x->is_busy = write_whole(x->orders, &unit, sizeof unit);
    if (!x->is_busy)
        dismiss(x);
}

/* A worker that ended without its result was killed: nothing of its slice was committed, or all. */
static void take(const struct workers *w, struct worker *x, bool *ret_failed)
{
    struct unit_result r;
    if (!read_whole(x->results, &r, sizeof r)) {
        r = (struct unit_result){.unit = x->unit};
        r.code = error_set(&r.error, ERR_FAILED, "its worker process ended");
        close(x->results);
        x->results = -1;
        dismiss(x);
    }
    x->is_busy = false;
    *ret_failed |= r.code != 0;
    w->take(w->self, &r);
}

struct crew {
    struct worker all[WORKERS_MAX];
    size_t count, next; /* next unit to give */
    bool failed, told_to_stop;
};

static void hand_out(const struct workers *w, struct crew *c)
{
    bool stop = signals_pending() != 0 || (c->failed && w->stop_at_failure);
    for (size_t i = 0; i < c->count; i++) {
        struct worker *x = &c->all[i];
        if (x->is_busy || x->orders < 0)
            continue;
        if (stop || c->next == w->nunits)
            dismiss(x);
        else
            give(x, w->units[c->next++]);
    }
    if (signals_pending() != 0 && !c->told_to_stop) {
        c->told_to_stop = true;
        for (size_t i = 0; i < c->count; i++)
            if (c->all[i].is_busy)
                (void)kill(c->all[i].pid, SIGTERM);
    }
}

static bool wait_for_some(const struct workers *w, struct crew *c)
{
    struct pollfd fds[WORKERS_MAX];
    struct worker *who[WORKERS_MAX];
    nfds_t n = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (!c->all[i].is_busy)
            continue;
        who[n] = &c->all[i];
        fds[n++] = (struct pollfd){.fd = c->all[i].results, .events = POLLIN};
    }
    if (n == 0)
        return false;
    (void)poll(fds, n, 500);
    for (nfds_t i = 0; i < n; i++)
        if (fds[i].revents != 0)
            take(w, who[i], &c->failed);
    return true;
}

int workers_run(const struct workers *w, struct error *err)
{
    struct crew c = {0};
    size_t wanted = w->count < WORKERS_MAX ? w->count : WORKERS_MAX;
    while (c.count < wanted && start(w, c.all, c.count, err) == 0)
        c.count++;
    if (c.count == 0)
        return err->code;
    if (c.count < wanted)
        log_warn("only %zu of %zu workers could be started: %s", c.count, wanted, err->message);
    do
        hand_out(w, &c);
    while (wait_for_some(w, &c));
    for (size_t i = 0; i < c.count; i++) {
        dismiss(&c.all[i]);
        if (c.all[i].results >= 0)
            close(c.all[i].results);
        while (waitpid(c.all[i].pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    error_clear(err);
    return 0;
}
