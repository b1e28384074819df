/* lib/platform/server/pool.c - database connections shared by the request threads. */
#include "platform/server/pool.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t returned;
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
    pthread_mutex_destroy(&p->lock);
    free(p->idle);
    free(p);
}

/* The place of a connection that is gone can be taken by the next. */
static void forget(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->open_count--;
    pthread_cond_signal(&p->returned);
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

/* An idle connection, or the right to open one (*ret NULL); false when the time is over. */
static bool wait_turn(struct pool *p, int64_t wait_ms, struct db_conn **ret)
{
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
    if (p->idle_count == 0 && p->open_count >= p->max)
        p->waits++;
    while (p->idle_count == 0 && p->open_count >= p->max && timed_out != ETIMEDOUT)
        timed_out = pthread_cond_timedwait(&p->returned, &p->lock, &until);
    bool is_served = p->idle_count > 0 || p->open_count < p->max;
    *ret = NULL;
    if (p->idle_count > 0)
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

int pool_take(struct pool *p, int64_t wait_ms, struct db_conn **ret, struct error *err)
{
    struct db_conn *conn;
    for (;;) {
        if (!wait_turn(p, wait_ms, &conn))
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
    pthread_cond_signal(&p->returned);
    pthread_mutex_unlock(&p->lock);
}
