/* lib/core/signals.c - INT and TERM set a flag, a second INT kills. */
#include "core/signals.h"
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#define CANCELLERS_MAX 8

struct canceller {
    void (*cancel)(void *arg);
    void *arg;
};

static volatile sig_atomic_t signals_received, is_deferring, deferred;
static struct canceller cancellers[CANCELLERS_MAX]; /* changed only with INT and TERM blocked */

static void signals_handle(int signal_number)
{
    int saved_errno = errno;
    if (is_deferring && deferred == 0) {
        deferred = signal_number;
        return;
    }
    if (signals_received != 0 && signal_number == SIGINT) {
        /* Blocked while the handler runs: takes effect when it returns. */
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
    if (signals_received == 0) {
        signals_received = signal_number;
    }
    for (size_t i = 0; i < CANCELLERS_MAX; i++) {
        if (cancellers[i].cancel != NULL) {
            cancellers[i].cancel(cancellers[i].arg);
        }
    }
    errno = saved_errno;
}

void signals_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = signals_handle;
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    /* No SA_RESTART: a read that waits for ever must return to its loop. */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int signals_pending(void)
{
    return signals_received;
}

int signals_check(struct error *err)
{
    if (signals_received == 0) {
        return 0;
    }
    return error_set(err, ERR_CANCELLED, "stopped by %s",
                     signals_received == SIGTERM ? "SIGTERM" : "SIGINT");
}

static void signals_block(sigset_t *ret_before)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, ret_before);
}

/* With all places taken the flag alone must do: the loops see it after their current wait. */
void signals_on_cancel(void (*cancel)(void *arg), void *arg)
{
    sigset_t before;
    signals_block(&before);
    for (size_t i = 0; i < CANCELLERS_MAX; i++) {
        if (cancellers[i].cancel == NULL) {
            cancellers[i] = (struct canceller){cancel, arg};
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void signals_remove_cancel(void (*cancel)(void *arg), void *arg)
{
    sigset_t before;
    signals_block(&before);
    for (size_t i = 0; i < CANCELLERS_MAX; i++) {
        if (cancellers[i].cancel == cancel && cancellers[i].arg == arg) {
            cancellers[i] = (struct canceller){0};
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void signals_defer_begin(void)
{
    deferred = 0;
    is_deferring = 1;
}

void signals_defer_end(void)
{
    is_deferring = 0;
    if (deferred != 0 && signals_received == 0)
        signals_received = deferred;
}

int signals_deferred(void)
{
    return is_deferring ? deferred : 0;
}

void signals_reset(void)
{
    signals_received = deferred = 0;
}

int signals_exit_status(void)
{
    return signals_received != 0 ? 128 + (int)signals_received : 0;
}
