#include "pipeline/distribute.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/signals.h"
#include "format/jsonx.h"
#include "gen/embed.h"
#include "pipeline/lease_holder.h"
#include "pipeline/workers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PUT_AT_ONCE 10000
#define LOOK_MS     200
#define RETRY_MS    1000

/* A file is written whole, and an API is told by one: neither is shared out. */
bool distribute_is_for(const struct run *run, const struct stream_spec *s,
                       const struct slices *slices)
{
    return run->lease != NULL && run->options->kind == RUN_LOAD && s->target == &target_postgres &&
           slices_units(slices) > 1 && !slices_are_ordered(slices) &&
           strcmp(run->control_connection, "warehouse") == 0;
}

int distribute_ask(struct run *run, struct error *err)
{
    const struct lease_holder *h = run->options->holder;
    bool is_ours = !run->options->detach;
    char id[24], lease[24];
    snprintf(id, sizeof id, "%" PRId64, run->run_id);
    snprintf(lease, sizeof lease, "%" PRId64, is_ours ? h->lease_ms : 0);
    run->asked = (struct lease){
        .attempt = 1, .run_id = run->run_id, .stream = "", .child = "", .window_start = ""};
    TRY(db_query_int(run->db, sql_task_ask, DB_PARAMS(id, is_ours ? h->name : NULL, lease),
                     &run->asked.id, err));
    run->lease = &run->asked;
    return 0;
}

int distribute_cancel(const struct run *run, const char *stream, struct error *err)
{
    char id[24];
    snprintf(id, sizeof id, "%" PRId64, run->run_id);
    return db_execute(run->db, sql_task_cancel, DB_PARAMS(id, stream), NULL, err);
}

bool distribute_is_to_leave(const struct run *run)
{
    return run->lease != NULL && run->options->hands_over &&
           (signals_deferred() != 0 || signals_pending() != 0);
}

bool run_is_left(const struct run *run, enum error_code code)
{
    if (run->lease == NULL || !run->options->hands_over)
        return false;
    bool may_try = run->lease->attempt <= run->options->holder->lost_max;
    return code == ERR_CANCELLED || (code == ERR_DATABASE_TRANSIENT && may_try);
}

/* ---- one part ------------------------------------------------------------------------------ */

bool distribute_find(const struct slices *slices, const struct lease *lease, size_t *ret_unit)
{
    char window[DATETIME_ISO_MAX];
    for (size_t i = 0; i < slices_units(slices); i++) {
        if (strcmp(slices_child(slices, i), lease->child) != 0)
            continue;
        slices_window(slices, i, window);
        if (strcmp(window, lease->window_start) != 0)
            continue;
        *ret_unit = i;
        return true;
    }
    return false;
}

static bool goes_on_after_failure(const struct stream_spec *s)
{
    return s->for_each != NULL && s->for_each->isolate;
}

/* What failed for the database, or was stopped, is for the next one; what another has meanwhile is
 * his. Everything else stays as it is, and ends the stream unless its children are isolated. */
static int tell(struct run *run, const struct stream_spec *s, const struct lease *lease,
                const struct unit_result *r, struct error *err)
{
    bool is_held = false;
    if (r->code == ERR_RUNNING) {
        log_warn("%s", r->error.message);
        return 0;
    }
    if (!db_is_alive(run->db))
        TRY(run_connect(run, err));
    bool may_try =
        r->code == ERR_DATABASE_TRANSIENT && lease->attempt <= run->options->holder->lost_max;
    if (r->code == ERR_CANCELLED || may_try)
        return lease_end(run->db, lease, "waiting", NULL, NULL, err);
    if (r->code == 0) /* as its last slice did, unless there was none */
        return lease_end(run->db, lease, "done", NULL, NULL, err);
    TRY(lease_end(run->db, lease, "failed", &r->error, &is_held, err));
    return is_held && !goes_on_after_failure(s) ? distribute_cancel(run, s->name, err) : 0;
}

int distribute_part(struct run *run, struct stream_spec *s, struct slices *slices, size_t unit,
                    const struct lease *lease, struct error *err)
{
    const struct lease *of_run = run->lease;
    struct unit_result r;
    if (!db_is_alive(run->db))
        TRY(run_connect(run, err));
    run->lease = lease;
    unit_run(run, s, slices, unit, &r);
    run->lease = of_run;
    return tell(run, s, lease, &r, err);
}

/* ---- the parts of a stream ----------------------------------------------------------------- */

struct progress_counts {
    int64_t held, open, failed, done, all, rows;
};

/* As in unit_run, which a worker does without knowing what stands. */
static bool stands(const struct distribution *d, size_t unit)
{
    return d->stream->incremental == NULL &&
           history_stands(d->run, d->stream->name, slices_child(d->slices, unit), "", "");
}

static int put(const struct distribution *d, size_t from, size_t to, struct error *err)
{
    AUTO_STRBUF struct strbuf parts = {0};
    struct jwriter w;
    char id[24], window[DATETIME_ISO_MAX];
    strbuf_init(&parts, (size_t)64 << 20);
    jwriter_init(&w, &parts);
    jwriter_array(&w);
    for (size_t i = from; i < to; i++) {
        if (stands(d, i))
            continue;
        slices_window(d->slices, i, window);
        jwriter_array(&w);
        jwriter_string(&w, slices_child(d->slices, i));
        jwriter_string(&w, window);
        jwriter_end(&w);
    }
    jwriter_end(&w);
    snprintf(id, sizeof id, "%" PRId64, d->run->run_id);
    return db_execute(d->run->db, sql_task_put, DB_PARAMS(id, d->stream->name, parts.data), NULL,
                      err);
}

/* Those of a run that changed hands may be there. */
static int put_all(const struct distribution *d, struct error *err)
{
    size_t n = slices_units(d->slices);
    for (size_t i = 0; i < n; i += PUT_AT_ONCE)
        TRY(put(d, i, i + PUT_AT_ONCE < n ? i + PUT_AT_ONCE : n, err));
    return 0;
}

static int look(const struct distribution *d, struct progress_counts *ret, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    char id[24], lost[24];
    snprintf(id, sizeof id, "%" PRId64, d->run->run_id);
    snprintf(lost, sizeof lost, "%" PRId64, d->run->options->holder->lost_max);
    TRY(db_execute(d->run->db, sql_task_give_up, DB_PARAMS(id, d->stream->name, lost), NULL, err));
    TRY(db_query(d->run->db, sql_task_progress, DB_PARAMS(id, d->stream->name), &res, err));
    *ret = (struct progress_counts){db_result_int(res, 0, 0), db_result_int(res, 0, 1),
                                    db_result_int(res, 0, 2), db_result_int(res, 0, 3),
                                    db_result_int(res, 0, 4), db_result_int(res, 0, 5)};
    return 0;
}

/* One part makes the tables, then come the others; after a failure none, unless children are
 * isolated. */
static int let_go(const struct distribution *d, const struct progress_counts *p, struct error *err)
{
    char id[24];
    bool is_first = p->done == 0 && p->failed == 0;
    if (p->failed > 0 && !goes_on_after_failure(d->stream))
        return distribute_cancel(d->run, d->stream->name, err);
    if (p->held == 0 || p->open > 0)
        return 0;
    snprintf(id, sizeof id, "%" PRId64, d->run->run_id);
    return db_execute(d->run->db, sql_task_let_go,
                      DB_PARAMS(id, d->stream->name, is_first ? "1" : "0"), NULL, err);
}

static int do_one(const struct distribution *d, bool *ret_did, struct error *err)
{
    const struct lease_wish wish = {.run_id = d->run->run_id, .stream = d->stream->name};
    struct arena *arena = arena_new();
    struct lease lease;
    size_t unit;
    int code = lease_claim(d->run->db, d->run->options->holder, &wish, arena, &lease, ret_did, err);
    if (code == 0 && *ret_did)
        code = distribute_find(d->slices, &lease, &unit)
                   ? distribute_part(d->run, d->stream, d->slices, unit, &lease, err)
                   : lease_end(d->run->db, &lease, "cancelled", NULL, NULL, err);
    arena_free(arena);
    return code;
}

static int check_leader(const struct run *run, struct error *err)
{
    TRY(signals_check(err));
    if (distribute_is_to_leave(run))
        return error_set(err, ERR_CANCELLED, "the run is left to another worker");
    return lease_fence(run->db, run->lease, err);
}

/* One look at the parts, and one of them done where one waits. */
static int step(const struct distribution *d, bool *ret_end, struct error *err)
{
    struct progress_counts p;
    bool did = false;
    TRY(check_leader(d->run, err));
    TRY(look(d, &p, err));
    d->progress(d->self, p.rows, p.done, p.all);
    *ret_end = p.held == 0 && p.open == 0;
    if (*ret_end)
        return 0;
    TRY(let_go(d, &p, err));
    TRY(do_one(d, &did, err));
    if (!did)
        clock_sleep_ms(LOOK_MS);
    return 0;
}

/* The database may be away for a while: the workers come back to it as well. */
static int come_back(struct run *run, const struct error *cause, int64_t until_ms,
                     struct error *err)
{
    log_warn("run %" PRId64 ": %s; looks again", run->run_id, cause->message);
    for (;;) {
        struct error again = ERROR_INIT;
        clock_sleep_ms(RETRY_MS);
        TRY(signals_check(err));
        if (run_connect(run, &again) == 0)
            return 0;
        if (again.code != ERR_DATABASE_TRANSIENT || clock_monotonic_ms() > until_ms) {
            *err = again;
            return err->code;
        }
    }
}

int distribute_sum(const struct run *run, const char *stream, struct slice_result *sum,
                   int64_t *ret_done, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    struct stream_counts *c = &sum->counts;
    int64_t *const counts[] = {&c->read,      &c->inserted, &c->updated,
                               &c->unchanged, &c->deleted,  &c->superseded,
                               &c->rejected,  &c->skipped,  &c->findings};
    char id[24];
    snprintf(id, sizeof id, "%" PRId64, run->run_id);
    TRY(db_query(run->db, sql_task_sum, DB_PARAMS(id, stream), &res, err));
    *ret_done = db_result_int(res, 0, 0);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = db_result_int(res, 0, i + 1);
    sum->bytes = (uint64_t)db_result_int(res, 0, 10);
    sum->attempts = (int)db_result_int(res, 0, 11);
    return 0;
}

static enum error_code code_named(const char *name)
{
    for (int code = ERR_OK + 1; code <= ERR_BUG; code++)
        if (name != NULL && strcmp(error_code_name((enum error_code)code), name) == 0)
            return (enum error_code)code;
    return ERR_FAILED;
}

static int tell_failures(const struct distribution *d, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    char id[24];
    snprintf(id, sizeof id, "%" PRId64, d->run->run_id);
    TRY(db_query(d->run->db, sql_task_failures, DB_PARAMS(id, d->stream->name), &res, err));
    for (size_t i = 0; i < db_result_rows(res); i++) {
        struct error cause = ERROR_INIT;
        error_set(&cause, code_named(db_result_text(res, i, 2)), "%s", db_result_text(res, i, 3));
        error_hint(&cause, "%s", db_result_text(res, i, 4));
        d->failed(d->self, db_result_text(res, i, 0), db_result_text(res, i, 1), &cause);
    }
    return 0;
}

int distribute_stream(const struct distribution *d, struct slice_result *ret_sum, int64_t *ret_done,
                      struct error *err)
{
    const int64_t patience_ms = config_settings(d->run->options->config)->retry_budget_ms;
    int64_t well_ms = clock_monotonic_ms();
    bool end = false;
    ret_sum->started_us = clock_wall_us();
    TRY(put_all(d, err));
    while (!end) {
        int code = step(d, &end, err);
        if (code == ERR_DATABASE_TRANSIENT) {
            struct error cause = *err;
            TRY(come_back(d->run, &cause, well_ms + patience_ms, err));
            TRY(lease_give_back(d->run->db, d->run->options->holder, true, err));
            error_clear(err);
        } else if (code != 0) {
            return code;
        }
        well_ms = clock_monotonic_ms();
    }
    TRY(distribute_sum(d->run, d->stream->name, ret_sum, ret_done, err));
    return tell_failures(d, err);
}
