/* lib/core/clock.c - the only source of time and of randomness. */
#include "core/clock.h"
#include "core/signals.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static const struct clock_source *clock_injected;

void clock_inject(const struct clock_source *source)
{
    clock_injected = source;
}

int64_t clock_wall_us(void)
{
    if (clock_injected != NULL && clock_injected->wall_us != NULL) {
        return clock_injected->wall_us(clock_injected->self);
    }
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t system_monotonic_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_monotonic_ns(void)
{
    if (clock_injected != NULL && clock_injected->monotonic_ns != NULL) {
        return clock_injected->monotonic_ns(clock_injected->self);
    }
    return system_monotonic_ns();
}

int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

/* INT and TERM are blocked from the look at the flag until ppoll waits, so that one arriving in
 * between still ends the sleep. */
static void system_sleep_ms(int64_t ms)
{
    sigset_t stop;
    sigset_t before;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, &before);
    int64_t end_ns = system_monotonic_ns() + ms * 1000000;
    for (;;) {
        int64_t left_ns = end_ns - system_monotonic_ns();
        if (signals_pending() != 0 || left_ns <= 0) {
            break;
        }
        struct timespec ts = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
        if (ppoll(NULL, 0, &ts, &before) == 0) {
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void clock_sleep_ms(int64_t ms)
{
    const int64_t year_ms = (int64_t)366 * 86400 * 1000; /* keeps the sum in range */
    if (ms <= 0) {
        return;
    }
    if (ms > year_ms) {
        ms = year_ms;
    }
    if (clock_injected != NULL && clock_injected->sleep_ms != NULL) {
        clock_injected->sleep_ms(clock_injected->self, ms);
        return;
    }
    system_sleep_ms(ms);
}

static void clock_random_bytes(void *bytes, size_t n)
{
    unsigned char *p = bytes;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno != EINTR) {
            abort(); /* no kernel that can run this lacks it; guessable ids would be worse */
        }
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
}

uint64_t clock_random_u64(void)
{
    uint64_t value;
    clock_random_bytes(&value, sizeof value);
    return value;
}

void clock_random_uuid(char ret_uuid[37])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char b[16];
    clock_random_bytes(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    char *out = ret_uuid;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *out++ = '-';
        }
        *out++ = digits[b[i] >> 4];
        *out++ = digits[b[i] & 0x0f];
    }
    *out = '\0';
}
