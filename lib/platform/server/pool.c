/* lib/platform/server/pool.c - database connections shared by the request threads. */
#include "platform/server/pool.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* One in so many is not given to who may have to wait for locks. */
#define KEPT_FOR_READING 8

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t returned, spare; /* a connection is free; and is not one of those kept */
    struct db_options options;
    struct db_conn **idle;
    size_t idle_count, open_count, max;
    uint64_t waits;
};

struct pool *pool_new(const struct db_options *options, size_t max)
{
    struct pool *p = mem_alloc(sizeof *p);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->returned, &monotonic);
    pthread_cond_init(&p->spare, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&p->lock, NULL);
    p->options = *options;
    p->max = max;
    p->idle = mem_array(max, sizeof *p->idle);
    return p;
}

void pool_free(struct pool *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->idle_count; i++)
        db_close(p->idle[i]);
    pthread_cond_destroy(&p->returned);
    pthread_cond_destroy(&p->spare);
    pthread_mutex_destroy(&p->lock);
    free(p->idle);
    free(p);
}

/* One of each sort is woken: the place is for whichever comes first, and the other waits on. */
static void tell_waiting(struct pool *p)
{
    pthread_cond_signal(&p->returned);
    pthread_cond_signal(&p->spare);
}

/* The place of a connection that is gone can be taken by the next. */
static void forget(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->open_count--;
    tell_waiting(p);
    pthread_mutex_unlock(&p->lock);
}

static int open_new(struct pool *p, struct db_conn **ret, struct error *err)
{
    struct db_conn *conn = NULL;
    int status = db_open(&p->options, &conn, err);
    /* Compiling a query costs more than any of ours takes. */
    if (status == ERR_OK)
        status = db_execute(conn, "SET jit = off", DB_NO_PARAMS, NULL, err);
    if (status != ERR_OK) {
        db_close(conn);
        forget(p);
        return status;
    }
    *ret = conn;
    return ERR_OK;
}

/* With the lock. */
static bool has_more_than(const struct pool *p, size_t kept)
{
    return p->idle_count + p->max - p->open_count > kept;
}

/* An idle connection, or the right to open one (*ret NULL); false when the time is over. */
static bool wait_turn(struct pool *p, int64_t wait_ms, size_t kept, struct db_conn **ret)
{
    pthread_cond_t *woken = kept > 0 ? &p->spare : &p->returned;
    struct timespec until;
    int timed_out = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&p->lock);
    if (!has_more_than(p, kept))
        p->waits++;
    while (!has_more_than(p, kept) && timed_out != ETIMEDOUT)
        timed_out = pthread_cond_timedwait(woken, &p->lock, &until);
    bool is_served = has_more_than(p, kept);
    *ret = NULL;
    if (is_served && p->idle_count > 0)
        *ret = p->idle[--p->idle_count];
    else if (is_served)
        p->open_count++;
    pthread_mutex_unlock(&p->lock);
    return is_served;
}

void pool_look(struct pool *p, struct pool_figures *ret)
{
    pthread_mutex_lock(&p->lock);
    *ret = (struct pool_figures){p->open_count, p->idle_count, p->max, p->waits};
    pthread_mutex_unlock(&p->lock);
}

static int take(struct pool *p, int64_t wait_ms, size_t kept, struct db_conn **ret,
                struct error *err)
{
    struct db_conn *conn;
    for (;;) {
        if (!wait_turn(p, wait_ms, kept, &conn))
            return error_set(err, ERR_UNAVAILABLE, "all %zu database connections are busy", p->max);
        if (conn == NULL)
            return open_new(p, ret, err);
        if (db_is_alive(conn)) {
            *ret = conn;
            return ERR_OK;
        }
        db_close(conn);
        forget(p);
    }
}

int pool_take(struct pool *p, int64_t wait_ms, struct db_conn **ret, struct error *err)
{
    return take(p, wait_ms, 0, ret, err);
}

int pool_take_to_write(struct pool *p, int64_t wait_ms, struct db_conn **ret, struct error *err)
{
    return take(p, wait_ms, p->max / KEPT_FOR_READING, ret, err);
}

void pool_give(struct pool *p, struct db_conn *conn)
{
    if (conn == NULL)
        return;
    db_rollback(conn);
    if (!db_is_alive(conn) || db_in_transaction(conn)) {
        db_close(conn);
        forget(p);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->idle[p->idle_count++] = conn;
    tell_waiting(p);
    pthread_mutex_unlock(&p->lock);
}
