/* A run: connection and lock, replay of unconfirmed writes, the streams in order, the record. */
#include "core/clock.h"
#include "core/hashmap.h"
#include "core/log.h"
#include "core/message.h"
#include "core/secret.h"
#include "core/signals.h"
#include "gen/embed.h"
#include "pipeline/distribute.h"
#include "pipeline/intent.h"
#include "pipeline/run_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARENT_LOOK_MS 100

struct stream_report *run_report_add(struct run_report *r, const char *pipeline, const char *stream)
{
    r->streams = mem_grow(r->streams, &r->capacity, r->nstreams + 1, sizeof *r->streams);
    struct stream_report *report = &r->streams[r->nstreams++];
    *report = (struct stream_report){.pipeline = arena_strdup(r->arena, pipeline),
                                     .stream = arena_strdup(r->arena, stream),
                                     .status = "failed"};
    return report;
}

void run_report_release(struct run_report *r)
{
    free(r->streams);
    arena_free(r->arena);
    *r = (struct run_report){0};
}

int run_exit_status(enum error_code code)
{
    int of_signal = signals_exit_status();
    return code == ERR_CANCELLED && of_signal != 0 ? of_signal : error_exit_status(code);
}

/* ---- the connection --------------------------------------------------------------------- */

/* All PostgreSQL targets of a pipeline share one connection: rows, state and record commit
 * together there. */
int run_choose_connection(struct run *run, struct error *err)
{
    const struct pipeline *p = run->pipeline;
    const char *of_source = NULL;
    run->control_connection = NULL;
    for (size_t i = 0; i < p->streams.count; i++) {
        const struct stream_spec *s = (const struct stream_spec *)p->streams.items + i;
        const char *source = ynode_get(s->source_node, "connection") != NULL
                                 ? ynode_get(s->source_node, "connection")->text
                                 : NULL;
        if (of_source == NULL)
            of_source = source;
        if (s->target != &target_postgres)
            continue;
        const char *target = ynode_get(s->target_node, "connection")->text;
        if (run->control_connection != NULL && strcmp(run->control_connection, target) != 0)
            return ynode_error(s->target_node, err,
                               "all streams of a pipeline load into one connection: '%s' and '%s'",
                               run->control_connection, target);
        run->control_connection = target;
    }
    if (run->control_connection == NULL)
        run->control_connection = of_source != NULL ? of_source : "warehouse";
    return 0;
}

/* Of a whole run the pipeline is its own; shards share it, and each has its own part. */
static int take_locks(struct run *run, struct error *err)
{
    char lock[200], shard[48];
    snprintf(lock, sizeof lock, "diner:%s", run->pipeline->name);
    if (run_shard_text(run->options, shard, sizeof shard) == NULL)
        return db_try_lock(run->db, lock, err);
    TRY(db_try_lock_shared(run->db, lock, err));
    snprintf(lock, sizeof lock, "diner:%s:%s", run->pipeline->name, shard);
    return db_try_lock(run->db, lock, err);
}

/* Polled, not waited for: a signal must end it, and lock_timeout must not. */
static int wait_for_parent(struct run *run, struct error *err)
{
    bool is_told = false;
    while (run->parent_lock != NULL && db_try_lock(run->db, run->parent_lock, err) != 0) {
        if (err->code != ERR_RUNNING)
            return err->code;
        if (!is_told)
            log_info("another shard loads the stream: waiting for it");
        is_told = true;
        error_clear(err);
        TRY(signals_check(err));
        clock_sleep_ms(PARENT_LOOK_MS);
    }
    return 0;
}

int run_open_connection(struct run *run, struct error *err)
{
    const struct run_options *o = run->options;
    char *dsn;
    TRY(config_dsn(o->config, run->control_connection, &dsn, err));
    struct db_options options = {
        .dsn = dsn,
        .application_name = o->holder != NULL ? lease_holder_session(o->holder) : "diner",
        .lock_timeout_ms = config_settings(o->config)->database_lock_timeout_ms};
    int code = db_open(&options, &run->db, err);
    secret_free(dsn);
    return code;
}

/* Opens, and takes the lock unless nothing will be written. */
static int open_and_lock(struct run *run, struct error *err)
{
    const struct run_options *o = run->options;
    TRY(run_open_connection(run, err));
    TRY(migrate_require(run->db, o->migrations, o->nmigrations, err));
    db_set_step(run->db, run->pipeline->name);
    if (o->kind != RUN_LOAD)
        return 0;
    if (run->is_worker)
        return 0;
    if (take_locks(run, err) == 0)
        return wait_for_parent(run, err);
    if (err->code == ERR_RUNNING) {
        error_set(err, ERR_RUNNING, "pipeline '%s' is already running", run->pipeline->name);
        return error_hint(err, "see 'diner runs list --pipeline %s'", run->pipeline->name);
    }
    return err->code;
}

/* Without its lock a connection is none: whoever holds the lock may be writing. */
int run_connect(struct run *run, struct error *err)
{
    db_close(run->db);
    run->db = NULL;
    int code = open_and_lock(run, err);
    if (code != 0) {
        db_close(run->db);
        run->db = NULL;
    }
    return code;
}

/* ---- what shards share ------------------------------------------------------------------ */

/* A shard that is there first must not read last week's children, nor none. */
static const struct stream_spec *child_of(const struct run *run, const struct stream_spec *s)
{
    const struct pipeline *p = run->pipeline;
    if (run->options->shard_count <= 1 || run->options->only != NULL)
        return NULL;
    for (size_t i = 0; i < p->streams.count; i++) {
        const struct stream_spec *c = (const struct stream_spec *)p->streams.items + i;
        if (c->for_each != NULL && c->for_each->stream != NULL &&
            strcmp(c->for_each->stream, s->name) == 0)
            return c;
    }
    return NULL;
}

bool run_shares(const struct run *run, const struct stream_spec *s)
{
    return child_of(run, s) != NULL;
}

/* To load the same rows again changes nothing, but where they are added. */
static int check_shards(const struct run *run, struct error *err)
{
    const struct pipeline *p = run->pipeline;
    for (size_t i = 0; i < p->streams.count; i++) {
        const struct stream_spec *s = (const struct stream_spec *)p->streams.items + i;
        const struct stream_spec *child = child_of(run, s);
        if (child == NULL || s->mode != MODE_APPEND)
            continue;
        error_set(err, ERR_USAGE,
                  "--shard: each shard would load stream '%s', where '%s' has its children from, "
                  "and its mode 'append' would add the rows each time",
                  s->name, child->name);
        return error_hint(err,
                          "load it before, with --only %s, then each shard with --only %s; or "
                          "give it a 'key' and mode 'merge'",
                          s->name, child->name);
    }
    return 0;
}

int run_lock_parent(struct run *run, const struct stream_spec *s, struct error *err)
{
    if (run->options->kind != RUN_LOAD || !run_shares(run, s))
        return 0;
    run->parent_lock =
        arena_printf(run->report->arena, "diner:%s:parent:%s", run->pipeline->name, s->name);
    return db_is_alive(run->db) ? wait_for_parent(run, err) : run_connect(run, err);
}

void run_unlock_parent(struct run *run)
{
    struct error ignored = ERROR_INIT;
    const char *name = run->parent_lock;
    run->parent_lock = NULL;
    if (name != NULL && db_is_alive(run->db))
        (void)db_unlock(run->db, name, &ignored);
}

/* ---- streams ---------------------------------------------------------------------------- */

static const struct stream_report *report_of(const struct run *run, const char *stream)
{
    for (size_t i = run->report->nstreams; i > 0; i--) {
        const struct stream_report *r = &run->report->streams[i - 1];
        if (strcmp(r->stream, stream) == 0 && strcmp(r->pipeline, run->pipeline->name) == 0)
            return r;
    }
    return NULL;
}

static const char *unmet_need(const struct run *run, const struct stream_spec *s)
{
    for (size_t i = 0; i < s->needs.count; i++) {
        const struct stream_report *r = report_of(run, s->needs.items[i]);
        if (r != NULL && !r->is_met && strcmp(r->status, "succeeded") != 0 &&
            strcmp(r->status, "partial") != 0)
            return s->needs.items[i];
    }
    return NULL;
}

/* Loaded by the run that this one resumes, or by another shard; else NULL. */
static const char *done_elsewhere(const struct run *run, const struct stream_spec *s)
{
    const struct run_options *o = run->options;
    if (history_stands(run, s->name, "*", "", ""))
        return arena_printf(run->report->arena, message_text("stands from run %" PRId64),
                            run->resumes);
    return o->shard_count > 1 && o->shard_index != 0 && !stream_is_sliced(s) && !run_shares(run, s)
               ? message_text("has no slices: done by shard 0")
               : NULL;
}

/* Of a run that changed hands the streams that were loaded stand, with what they came to. */
static int recall_or_leave(struct run *run, struct stream_spec *s, bool *ret_recalled,
                           struct error *err)
{
    if (distribute_is_to_leave(run))
        return error_set(err, ERR_CANCELLED, "the run is left to another worker");
    if (run->adopts == 0)
        return 0;
    if (!db_is_alive(run->db)) /* an earlier stream lost it */
        TRY(run_connect(run, err));
    TRY(stream_recall(run, s, ret_recalled, err));
    const struct stream_report *r = *ret_recalled ? report_of(run, s->name) : NULL;
    return r != NULL && r->code != ERR_OK
               ? error_set(err, r->code, "%s", r->error != NULL ? r->error : "")
               : 0;
}

static enum error_code run_streams(struct run *run, struct error *first)
{
    const struct run_options *o = run->options;
    enum error_code worst = ERR_OK;
    bool any_reject = false;
    for (size_t i = 0; i < run->pipeline->streams.count; i++) {
        struct stream_spec *s = run->pipeline->ordered[i];
        struct error err = ERROR_INIT;
        if (o->only != NULL && strcmp(o->only, s->name) != 0)
            continue;
        bool is_recalled = false;
        int before = recall_or_leave(run, s, &is_recalled, &err);
        worst = error_worse(worst, (enum error_code)before);
        if (before != 0)
            run_keep_first(first, &err);
        if (run_is_left(run, (enum error_code)before))
            return worst;
        if (is_recalled) {
            any_reject |= report_of(run, s->name)->counts.rejected > 0;
            continue;
        }
        const char *need = unmet_need(run, s);
        error_clear(&err);
        if (need != NULL || error_worse(worst, ERR_CANCELLED) == worst) {
            char why[200];
            snprintf(why, sizeof why,
                     need != NULL ? message_text("'%s' did not succeed")
                                  : message_text("the run was stopped%s"),
                     need != NULL ? need : "");
            stream_skip(run, s, why, false);
            continue;
        }
        const char *elsewhere = done_elsewhere(run, s);
        if (elsewhere != NULL) {
            stream_skip(run, s, elsewhere, true);
            continue;
        }
        if (stream_run(run, s, &err) != 0) {
            run_keep_first(first, &err);
            worst = error_worse(worst, err.code);
            if (run_is_left(run, err.code))
                return worst;
        } else {
            any_reject |= report_of(run, s->name)->counts.rejected > 0;
        }
    }
    if (worst == ERR_OK && any_reject && o->strict) {
        error_set(first, ERR_PARTIAL, "rows were rejected (--strict)");
        error_hint(first, "see 'diner rejects list'");
        worst = ERR_PARTIAL;
    }
    return worst;
}

/* Writes that an earlier run committed but did not see confirmed go out before anything is read. */
static int replay_intents(struct run *run, struct error *err)
{
    struct arena *arena = arena_new();
    struct intent_result result = {0};
    struct stream_context ctx = {.pipeline = run->pipeline,
                                 .config = run->options->config,
                                 .builtins = run->options->builtins,
                                 .arena = arena,
                                 .db = run->db,
                                 .connectors = run->connectors,
                                 .run_id = run->run_id};
    int code = intent_send_pending(&ctx, &result, err);
    if (code == 0 && result.sent > 0)
        log_notice("%" PRId64 " records sent again, %" PRId64 " accepted", result.sent,
                   result.accepted);
    arena_free(arena);
    return code;
}

static int check_only(const struct run *run, struct error *err)
{
    const char *only = run->options->only;
    struct stream_spec *named;
    if (only == NULL)
        return 0;
    return pipeline_stream(run->pipeline, only, &named, err);
}

static enum error_code run_body(struct run *run, struct error *first)
{
    if (hooks_run(run, &run->pipeline->hooks.before, "run.before", NULL, first) != 0)
        return first->code;
    if (run->options->kind == RUN_LOAD && replay_intents(run, first) != 0)
        return first->code;
    return run_streams(run, first);
}

/* A plan is a run that is rolled back: rejects and findings are there for the SQL that asks. */
static enum error_code run_plan(struct run *run, struct error *first)
{
    if (db_begin(run->db, first) != 0)
        return first->code;
    enum error_code code = ERR_OK;
    if (history_begin(run, run->pipeline->name, first) != 0)
        code = first->code;
    else
        code = run_streams(run, first);
    db_rollback(run->db);
    return code;
}

void run_finish(struct run *run, enum error_code code, const struct error *cause)
{
    struct error err = ERROR_INIT;
    if (run->options->kind != RUN_LOAD || run->run_id == 0)
        return;
    if (!db_is_alive(run->db))
        (void)run_connect(run, &err);
    if (run->db == NULL || history_end(run, code, cause, &err) != 0)
        log_warn("the end of run %" PRId64 " could not be recorded: %s", run->run_id, err.message);
}

/* Workers look for tasks in one database. */
static int check_shared(const struct run *run, struct error *err)
{
    if (!run->options->distribute || run->parent_id != 0 ||
        strcmp(run->control_connection, "warehouse") == 0)
        return 0;
    return error_set(err, ERR_SPEC,
                     "pipeline '%s' loads into connection '%s': only what loads into 'warehouse' "
                     "can be distributed",
                     run->pipeline->name, run->control_connection);
}

enum error_code run_one(struct run *run, struct error *first)
{
    struct error err = ERROR_INIT;
    log_context("pipeline", run->pipeline->name);
    if (run_choose_connection(run, first) != 0 || check_shared(run, first) != 0 ||
        check_shards(run, first) != 0 || run_connect(run, first) != 0)
        return first->code;
    if (run->options->kind == RUN_PLAN)
        return run_plan(run, first);
    if (history_message(run, first) != 0)
        return first->code;
    if (run->report->is_repeat)
        return ERR_OK;
    if (run->options->kind == RUN_LOAD && history_begin(run, run->pipeline->name, first) != 0)
        return first->code;
    run->report->run_id = run->run_id;
    if (run->options->detach) {
        run->report->is_detached = true;
        return ERR_OK;
    }
    enum error_code code = run_body(run, first);
    if (run->options->kind == RUN_LOAD && db_is_alive(run->db) &&
        history_end(run, code, first, &err) != 0)
        log_warn("the end of run %" PRId64 " could not be recorded: %s", run->run_id, err.message);
    return code;
}

/* The next run may begin at once: of a connection that is only closed the server holds the locks
 * until it comes to notice. */
void run_close(struct run *run)
{
    struct error ignored = ERROR_INIT;
    if (run->options->kind == RUN_LOAD && run->db != NULL && db_is_alive(run->db)) {
        db_rollback(run->db);
        (void)db_execute(run->db, "select pg_advisory_unlock_all()", DB_NO_PARAMS, NULL, &ignored);
    }
    db_close(run->db);
    run->db = NULL;
    hashmap_free(run->standing);
    run->standing = NULL;
    log_context("pipeline", NULL);
}

/* ---- the window ------------------------------------------------------------------------- */

/* --from and --to as instants in RFC 3339: a time with its zone or in the business zone, or a
 * business day, which stands for its first instant. */
static int window_edge(const struct run *run, const char *flag, const char **text,
                       const int32_t **ret_day, int64_t *ret_us, struct error *err)
{
    const struct bizday *b = &run->pipeline->bizday;
    struct datetime t;
    int32_t day;
    int64_t us, end_us;
    if (datetime_parse_iso(*text, strlen(*text), &t) && (t.has_time || t.has_zone)) {
        us = t.has_zone ? t.us : zone_local_to_utc(b->zone, t.us);
    } else if (bizday_parse(b, *text, run->started_us, &day, err) == 0) {
        int32_t *kept = arena_alloc(run->report->arena, sizeof *kept);
        *kept = day;
        *ret_day = kept;
        bizday_range(b, day, &us, &end_us);
    } else {
        error_set(err, ERR_USAGE, "%s: expected a time or a business day, found '%s'", flag, *text);
        return error_hint(err,
                          "such as 2026-11-21T00:00:00+08:00, 2026-11-21 or yesterday; a number "
                          "where the cursor is one");
    }
    char *edge = arena_alloc(run->report->arena, DATETIME_ISO_MAX);
    datetime_print(us, NULL, edge);
    *text = edge;
    *ret_us = us;
    return 0;
}

/* --from and --to as numbers, where a stream has such a cursor. */
static bool window_of_numbers(const struct run *run, struct run_options *o, bool *ret_before)
{
    const struct pipeline *p = run->pipeline;
    const char **edges[] = {&o->from, &o->to};
    struct decimal n[2] = {{.coefficient = 0}};
    bool has_one = false;
    for (size_t i = 0; i < p->streams.count; i++) {
        const struct stream_spec *s = (const struct stream_spec *)p->streams.items + i;
        has_one |= s->incremental != NULL && s->incremental->is_number &&
                   (o->only == NULL || strcmp(o->only, s->name) == 0);
    }
    for (size_t i = 0; i < 2; i++) {
        if (*edges[i] == NULL)
            continue;
        if (!has_one || !decimal_parse(*edges[i], strlen(*edges[i]), &n[i]))
            return false;
        char *text = arena_alloc(run->report->arena, DECIMAL_TEXT_MAX);
        decimal_print(&n[i], text);
        *edges[i] = text;
    }
    *ret_before = o->from == NULL || o->to == NULL || decimal_compare(&n[0], &n[1]) < 0;
    return true;
}

static int not_before(const struct run_options *o, struct error *err)
{
    return error_set(err, ERR_USAGE, "--from %s is not before --to %s", o->from, o->to);
}

int run_set_window(const struct run *run, struct run_options *o, struct error *err)
{
    int64_t from_us = INT64_MIN, to_us = INT64_MAX;
    bool is_before;
    if (window_of_numbers(run, o, &is_before))
        return is_before ? 0 : not_before(o, err);
    if (o->from != NULL)
        TRY(window_edge(run, "--from", &o->from, &o->from_day, &from_us, err));
    if (o->to != NULL)
        TRY(window_edge(run, "--to", &o->to, &o->to_day, &to_us, err));
    return from_us < to_us ? 0 : not_before(o, err);
}

/* ---- hooks ------------------------------------------------------------------------------ */

/* The hooks of the file given: what they are told is the whole run. One of `after` that fails makes
 * it partial, in the record too. */
static enum error_code run_after(struct run *run, enum error_code code, struct error *first)
{
    const struct hooks_spec *hooks = &run->pipeline->hooks;
    struct error ignored = ERROR_INIT;
    if (run_is_left(run, code))
        return code;
    if (code == ERR_OK) {
        struct error err = ERROR_INIT;
        if (hooks_run(run, &hooks->after, "run.succeeded", NULL, &err) == 0)
            return ERR_OK;
        *first = err;
        first->code = ERR_PARTIAL;
        run_finish(run, ERR_PARTIAL, first);
        return ERR_PARTIAL;
    }
    if (code == ERR_PARTIAL)
        (void)hooks_run(run, &hooks->on_partial, "run.partial", first, &ignored);
    else if (code != ERR_RUNNING)
        (void)hooks_run(run, &hooks->on_failure, "run.failed", first, &ignored);
    return code;
}

/* ---- entry ------------------------------------------------------------------------------ */

/* Workers find a pipeline by its name, each on its machine. */
static int check_name(const char *name, const struct run_options *o, struct error *err)
{
    if (!o->distribute || (strchr(name, '/') == NULL && strchr(name, '.') == NULL))
        return 0;
    error_set(err, ERR_USAGE,
              "'%s' is a file: a distributed run goes by a name that each worker has", name);
    return error_hint(err, "put it into a directory of pipeline_path on each machine");
}

int run_pipeline(const char *name, const struct run_options *options, struct run_report *ret,
                 struct error *err)
{
    struct error first = ERROR_INIT;
    struct pipeline *p;
    *ret = (struct run_report){.arena = arena_new()};
    TRY(ret->code = (enum error_code)check_name(name, options, err));
    int64_t now_us = options->started_us != 0 ? options->started_us : clock_wall_us();
    struct pipeline_options load = {.params = options->params,
                                    .now_us = options->asked_us != 0 ? options->asked_us : now_us};
    TRY(ret->code = (enum error_code)pipeline_load(name, options->config, &load, &p, NULL, err));
    struct run_options own = *options;
    struct run run = {.options = &own,
                      .pipeline = p,
                      .name = name,
                      .lease = options->lease,
                      .adopts = options->lease != NULL ? options->lease->run_id : 0,
                      .started_us = now_us,
                      .asked_us = load.now_us,
                      .resumes = options->resumes,
                      .report = ret};
    if (check_only(&run, err) != 0 || run_set_window(&run, &own, err) != 0) {
        pipeline_free(p);
        return ret->code = err->code;
    }
    run.connectors = connector_pool_new(options->config, options->builtins);
    connector_pool_budget(run.connectors, lease_holder_budget(options->holder));
    enum error_code code = p->steps.count > 0 ? run_job(&run, &first) : run_one(&run, &first);
    ret->code = code;
    if (!ret->is_repeat && !ret->is_detached)
        code = run_after(&run, code, &first);
    ret->is_left = run_is_left(&run, code);
    run_close(&run);
    connector_pool_free(run.connectors);
    pipeline_free(p);
    ret->code = code;
    if (code != ERR_OK) {
        *err = first;
        err->code = code;
    }
    return code;
}
