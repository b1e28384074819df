/* lib/perf/snapshot.c - see snapshot.h. */
#include "perf/snapshot.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/signals.h"
#include "gen/embed.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATEMENTS_SINCE     140000
#define STATEMENT_TIMEOUT_MS 5000

struct database_watch {
    char *dsn;
    struct db_conn *conn;
    char *server, *schema;
    enum perf_database_method method;
    struct snapshot before;
    const char *why_not_statements; /* NULL when they are used; a literal */
    pid_t sampler;                  /* 0: none */
    int samples;                    /* its pipe */
    size_t slices;
};

/* ---- one snapshot -------------------------------------------------------------------------- */

static double number(const struct db_result *r, size_t column)
{
    const char *text = db_result_text(r, 0, column);
    return text == NULL ? 0 : strtod(text, NULL);
}

static int take_statements(struct db_conn *conn, struct snapshot *ret, struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    TRY(db_query(conn, sql_perf_statements, DB_NO_PARAMS, &r, err));
    *ret = (struct snapshot){.calls = number(r, 0),
                             .exec_ms = number(r, 1),
                             .rows = number(r, 2),
                             .blocks_hit = number(r, 3),
                             .blocks_read = number(r, 4),
                             .evicted = number(r, 5),
                             .reset_s = number(r, 6)};
    return 0;
}

static int take_activity(struct db_conn *conn, struct snapshot *ret, struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    TRY(db_query(conn, sql_perf_activity, DB_NO_PARAMS, &r, err));
    if (db_result_rows(r) != 1)
        return error_set(err, ERR_DATABASE, "pg_stat_database has no row of this database");
    *ret = (struct snapshot){.has_active_time = db_result_text(r, 0, 0) != NULL,
                             .exec_ms = number(r, 0),
                             .commits = number(r, 1),
                             .rows = number(r, 2),
                             .blocks_hit = number(r, 3),
                             .blocks_read = number(r, 4),
                             .block_read_ms = number(r, 5),
                             .reset_s = number(r, 6)};
    return 0;
}

static int take(struct db_conn *conn, enum perf_database_method method, struct snapshot *ret,
                struct error *err)
{
    return method == PERF_DATABASE_STATEMENTS ? take_statements(conn, ret, err)
                                              : take_activity(conn, ret, err);
}

/* A session that can only read, and knows where the extension lives. */
static int session_open(const char *dsn, const char *schema, struct db_conn **ret,
                        struct error *err)
{
    struct db_options options = {.dsn = dsn,
                                 .application_name = "diner perf-report",
                                 .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
    struct db_conn *conn = NULL;
    TRY(db_open(&options, &conn, err));
    int code = db_execute(conn, "set default_transaction_read_only = on", DB_NO_PARAMS, NULL, err);
    if (code == 0 && schema != NULL && *schema != '\0')
        code = db_execute(conn,
                          "select set_config('search_path', "
                          "'pg_catalog, ' || quote_ident($1), false)",
                          DB_PARAMS(schema), NULL, err);
    if (code != 0) {
        db_close(conn);
        return code;
    }
    *ret = conn;
    return 0;
}

/* ---- before -------------------------------------------------------------------------------- */

/* What the server offers, and the session to ask it with. */
static int watch_connect(struct database_watch *w, struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    TRY(session_open(w->dsn, NULL, &w->conn, err));
    TRY(db_query(w->conn, sql_perf_server, DB_NO_PARAMS, &r, err));
    w->server = mem_strdup(db_result_text(r, 0, 0));
    w->schema = mem_strdup(db_result_text(r, 0, 2));
    if (*w->schema == '\0')
        w->why_not_statements = "the extension pg_stat_statements is not created in this database";
    else if (db_result_int(r, 0, 1) < STATEMENTS_SINCE)
        w->why_not_statements = "pg_stat_statements is read from PostgreSQL 14 on";
    if (*w->schema == '\0')
        return 0;
    db_close(w->conn);
    w->conn = NULL;
    return session_open(w->dsn, w->schema, &w->conn, err);
}

static int watch_start(struct database_watch *w, struct error *err)
{
    struct error refused = ERROR_INIT;
    TRY(watch_connect(w, err));
    if (w->why_not_statements == NULL) {
        w->method = PERF_DATABASE_STATEMENTS;
        if (take(w->conn, w->method, &w->before, &refused) == 0)
            return 0;
        /* Created but not loaded by the server. */
        w->why_not_statements = "pg_stat_statements is not in shared_preload_libraries";
    }
    w->method = PERF_DATABASE_ACTIVITY;
    return take(w->conn, w->method, &w->before, err);
}

int database_watch_begin(const char *dsn, struct database_watch **ret, struct error *err)
{
    struct database_watch *w = mem_alloc(sizeof *w);
    w->dsn = mem_strdup(dsn);
    w->samples = -1;
    if (watch_start(w, err) != 0) {
        database_watch_free(w);
        return err->code;
    }
    *ret = w;
    return 0;
}

enum perf_database_method database_watch_method(const struct database_watch *w)
{
    return w->method;
}

void database_watch_free(struct database_watch *w)
{
    if (w == NULL)
        return;
    if (w->sampler > 0) {
        kill(w->sampler, SIGKILL);
        while (waitpid(w->sampler, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    if (w->samples >= 0)
        close(w->samples);
    db_close(w->conn);
    secret_free(w->dsn);
    free(w->server);
    free(w->schema);
    free(w);
}

/* ---- slices -------------------------------------------------------------------------------- */

/* The child: connects, says so, is told when to begin, and writes one snapshot at each boundary.
 * It never returns. */
static void sample(const struct database_watch *w, int in, int out, double slice_s)
{
    struct db_conn *conn = NULL;
    struct error err = ERROR_INIT;
    int64_t start_ns = 0;
    const char ready = 1;
    if (session_open(w->dsn, w->schema, &conn, &err) != 0 || write(out, &ready, 1) != 1 ||
        read(in, &start_ns, sizeof start_ns) != (ssize_t)sizeof start_ns)
        _exit(1);
    for (size_t i = 0; i <= w->slices; i++) {
        int64_t at_ns = start_ns + (int64_t)((double)i * slice_s * 1e9);
        for (int64_t left; (left = at_ns - clock_monotonic_ns()) > 0 && signals_pending() == 0;)
            clock_sleep_ms((left + 999999) / 1000000);
        struct snapshot s;
        if (signals_pending() != 0 || take(conn, w->method, &s, &err) != 0 ||
            write(out, &s, sizeof s) != (ssize_t)sizeof s)
            _exit(1);
    }
    _exit(0);
}

/* Starts the child; it holds to_child[0] and from_child[1], we the other ends. */
static int sampler_start(struct database_watch *w, double slice_s, const int to_child[2],
                         const int from_child[2], struct error *err)
{
    w->samples = from_child[0];
    w->sampler = fork();
    if (w->sampler == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(from_child[0]);
        close(to_child[1]);
        sample(w, to_child[0], from_child[1], slice_s);
    }
    close(from_child[1]);
    close(to_child[0]);
    if (w->sampler > 0)
        return 0;
    w->sampler = 0;
    return error_set_errno(err, ERR_FAILED, errno, "cannot start the database sampler");
}

int database_watch_slices(struct database_watch *w, double delay_s, double slice_s, size_t slices,
                          struct error *err)
{
    int to_child[2],
        from_child[2]; /* a pipe holds all the snapshots there can be: 61 of 80 bytes */
    char ready = 0;
    if (w->method != PERF_DATABASE_STATEMENTS || slices > PERF_SLICES_MAX)
        return 0;
    if (pipe(to_child) != 0)
        return error_set_errno(err, ERR_FAILED, errno, "cannot make a pipe");
    if (pipe(from_child) != 0) {
        close(to_child[0]);
        close(to_child[1]);
        return error_set_errno(err, ERR_FAILED, errno, "cannot make a pipe");
    }
    w->slices = slices;
    int code = sampler_start(w, slice_s, to_child, from_child, err);
    /* What it costs to connect is not the load's: the snapshot before is taken again after it. */
    if (code == 0 && read(w->samples, &ready, 1) == 1)
        code = take(w->conn, w->method, &w->before, err);
    int64_t start_ns = clock_monotonic_ns() + (int64_t)(delay_s * 1e9);
    if (code == 0 && write(to_child[1], &start_ns, sizeof start_ns) != (ssize_t)sizeof start_ns)
        log_debug("the database sampler is gone: there will be no slices");
    close(to_child[1]);
    return code;
}

/* The time of each slice over its requests. The child may still be busy with the last one. */
static void slices_end(struct database_watch *w, struct perf_result *ret)
{
    struct snapshot s[PERF_SLICES_MAX + 1] = {0};
    size_t n = 0;
    if (w->sampler == 0)
        return;
    if (ret->interrupted)
        kill(w->sampler, SIGTERM);
    while (n <= w->slices && read(w->samples, &s[n], sizeof s[n]) == (ssize_t)sizeof s[n])
        n++;
    for (size_t i = 0; i + 1 < n && i < ret->nsamples; i++) {
        bool whole = s[i + 1].exec_ms >= s[i].exec_ms && fabs(s[i + 1].reset_s - s[i].reset_s) <= 0;
        if (whole && ret->samples[i].requests > 0)
            ret->samples[i].database_ms =
                (s[i + 1].exec_ms - s[i].exec_ms) / (double)ret->samples[i].requests;
    }
}

/* ---- after --------------------------------------------------------------------------------- */

static void set_unknown(struct perf_database *d, const char *why)
{
    struct perf_value v = perf_unknown(why);
    d->ms_per_request = d->ms_per_call = d->calls_per_request = d->rows_per_request = v;
    d->cache_hit = d->commits_per_request = d->block_read_ms_per_request = v;
}

static struct perf_value per(double amount, double by, const char *why_not)
{
    return by > 0 ? perf_measured(fmax(0, amount) / by) : perf_unknown(why_not);
}

void snapshot_difference(const struct snapshot *before, const struct snapshot *after,
                         enum perf_database_method method, uint64_t requests, struct arena *arena,
                         struct perf_result *ret)
{
    struct perf_database *d = &ret->database;
    double n = (double)requests, exec_ms = after->exec_ms - before->exec_ms;
    double calls = after->calls - before->calls;
    double hit = after->blocks_hit - before->blocks_hit;
    double read_blocks = after->blocks_read - before->blocks_read;
    d->method = method;
    if (fabs(after->reset_s - before->reset_s) > 0) {
        set_unknown(d, "the server's statistics were reset during the run");
        return;
    }
    bool statements = method == PERF_DATABASE_STATEMENTS;
    d->ms_per_request = per(exec_ms, n, "no request was sent");
    d->cache_hit = per(hit, hit + read_blocks, "no block was read");
    if (statements) {
        d->ms_per_call = per(exec_ms, calls, "no statement was finished");
        d->calls_per_request = per(calls, n, "no request was sent");
        d->rows_per_request = per(after->rows - before->rows, n, "no request was sent");
        d->commits_per_request = d->block_read_ms_per_request =
            perf_unknown("pg_stat_statements was used");
    } else {
        const char *only = "only pg_stat_statements counts statements";
        d->ms_per_call = d->calls_per_request = d->rows_per_request = perf_unknown(only);
        d->commits_per_request = per(after->commits - before->commits, n, "no request was sent");
        d->block_read_ms_per_request =
            per(after->block_read_ms - before->block_read_ms, n, "no request was sent");
    }
    if (!statements && !(before->has_active_time && after->has_active_time))
        d->ms_per_request = perf_unknown("pg_stat_database has active_time from PostgreSQL 14 on");
    if (after->evicted > before->evicted)
        perf_note(ret, arena,
                  "pg_stat_statements evicted entries %.0f times during the run: the database "
                  "figures may be too low (raise pg_stat_statements.max)",
                  after->evicted - before->evicted);
}

void database_watch_end(struct database_watch *w, int64_t settle_ms, struct arena *arena,
                        struct perf_result *ret)
{
    struct snapshot after = {0};
    struct error err = ERROR_INIT;
    ret->database.server = arena_strdup(arena, w->server);
    if (w->method == PERF_DATABASE_ACTIVITY && signals_pending() == 0)
        clock_sleep_ms(settle_ms);
    if (take(w->conn, w->method, &after, &err) != 0) {
        set_unknown(&ret->database, arena_printf(arena, "the database failed: %s", err.message));
        ret->database.method = w->method;
        return;
    }
    snapshot_difference(&w->before, &after, w->method, ret->sent, arena, ret);
    slices_end(w, ret);
    if (w->why_not_statements != NULL)
        perf_note(ret, arena, "the database time is pg_stat_database's active_time: %s",
                  w->why_not_statements);
    perf_note(ret, arena,
              "the database figures are of all sessions of that database while the "
              "load ran, warm-up included");
}
