/* The heart of a worker: a thread, as what the worker waits for (a statement, an answer) may take
 * longer than a lease. It dies and is stopped with its process, so that a lease never outlives who
 * works under it. */
#include "pipeline/lease_holder.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/secret.h"
#include "gen/embed.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BEATS_A_LEASE 3

void lease_session_print(const char *mark, char ret[LEASE_SESSION_MAX])
{
    snprintf(ret, LEASE_SESSION_MAX, "diner %.16s", mark);
}

static int open_session(const struct lease_holder *h, struct db_conn **ret, struct error *err)
{
    return db_open(&(struct db_options){.dsn = h->dsn,
                                        .application_name = h->session,
                                        .connect_timeout_ms = h->lease_ms / BEATS_A_LEASE},
                   ret, err);
}

/* ---- the heart ---------------------------------------------------------------------------- */

static int beat(const struct lease_holder *h, struct db_conn **db, struct error *err)
{
    char lease[24];
    snprintf(lease, sizeof lease, "%" PRId64, h->lease_ms);
    if (*db != NULL && !db_is_alive(*db)) {
        db_close(*db);
        *db = NULL;
    }
    if (*db == NULL)
        TRY(open_session(h, db, err));
    return db_execute(*db, sql_task_renew,
                      DB_PARAMS(h->name, lease, h->is_worker ? "true" : "false"), NULL, err);
}

static void forget_worker(const struct lease_holder *h, struct db_conn *db)
{
    struct error ignored = ERROR_INIT;
    if (db != NULL && h->is_worker)
        (void)db_execute(db, "delete from diner.worker where name = $1", DB_PARAMS(h->name), NULL,
                         &ignored);
}

static void wait_for_beat(struct lease_holder *h)
{
    struct timespec until;
    int64_t ms = h->lease_ms / BEATS_A_LEASE;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&h->woken, &h->lock, &until);
}

static void *keep(void *self)
{
    struct lease_holder *h = self;
    struct db_conn *db = NULL;
    pthread_mutex_lock(&h->lock);
    while (!h->is_over) {
        struct error err = ERROR_INIT;
        pthread_mutex_unlock(&h->lock);
        if (beat(h, &db, &err) != 0)
            log_debug("the lease could not be renewed: %s", err.message);
        pthread_mutex_lock(&h->lock);
        if (!h->is_over)
            wait_for_beat(h);
    }
    pthread_mutex_unlock(&h->lock);
    forget_worker(h, db);
    db_close(db);
    return NULL;
}

static int start_heart(struct lease_holder *h, struct error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the worker */
    int failed = pthread_create(&h->thread, NULL, keep, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    h->has_thread = failed == 0;
    return failed == 0 ? 0 : error_set_errno(err, ERR_FAILED, failed, "a thread for the leases");
}

/* ---- the holder --------------------------------------------------------------------------- */

static void name_it(struct lease_holder *h)
{
    char host[256] = "", mark[17];
    (void)gethostname(host, sizeof host - 1);
    snprintf(mark, sizeof mark, "%016" PRIx64, clock_random_u64());
    snprintf(h->name, sizeof h->name, "%s:%ld:%s", host, (long)getpid(), mark);
    lease_session_print(mark, h->session);
}

int lease_holder_open(const struct config *config, bool is_worker, struct lease_holder **ret,
                      struct error *err)
{
    const struct settings *s = config_settings(config);
    struct lease_holder *h = mem_alloc(sizeof *h);
    *h = (struct lease_holder){.lease_ms = s->distribute_lease_ms,
                               .lost_max = s->distribute_lost_max,
                               .is_worker = is_worker};
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->woken, NULL);
    name_it(h);
    int code = config_dsn(config, "warehouse", &h->dsn, err);
    if (code == 0)
        code = start_heart(h, err);
    if (code != 0) {
        lease_holder_close(h);
        return code;
    }
    *ret = h;
    return 0;
}

void lease_holder_close(struct lease_holder *h)
{
    if (h == NULL)
        return;
    pthread_mutex_lock(&h->lock);
    h->is_over = true;
    pthread_cond_signal(&h->woken);
    pthread_mutex_unlock(&h->lock);
    if (h->has_thread)
        pthread_join(h->thread, NULL);
    pthread_cond_destroy(&h->woken);
    pthread_mutex_destroy(&h->lock);
    db_close(h->rates);
    secret_free(h->dsn);
    free(h);
}

const char *lease_holder_name(const struct lease_holder *h)
{
    return h->name;
}

const char *lease_holder_session(const struct lease_holder *h)
{
    return h->session;
}

/* ---- rates -------------------------------------------------------------------------------- */

/* By the clock of the database, which is one for all. */
static int take_places(void *self, const char *connector, int64_t interval_ns, int64_t n,
                       int64_t *ret_wait_ns, struct error *err)
{
    struct lease_holder *h = self;
    char interval[24], count[24];
    snprintf(interval, sizeof interval, "%" PRId64, interval_ns);
    snprintf(count, sizeof count, "%" PRId64, n);
    if (h->rates != NULL && !db_is_alive(h->rates)) {
        db_close(h->rates);
        h->rates = NULL;
    }
    if (h->rates == NULL)
        TRY(open_session(h, &h->rates, err));
    return db_query_int(h->rates, sql_rate_take, DB_PARAMS(connector, interval, count), ret_wait_ns,
                        err);
}

struct http_budget lease_holder_budget(struct lease_holder *h)
{
    return (struct http_budget){.take = h != NULL ? take_places : NULL, .self = h};
}
