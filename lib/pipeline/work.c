#include "pipeline/work.h"

#include "core/log.h"
#include "core/secret.h"
#include "core/signals.h"
#include "format/jsonx.h"
#include "gen/embed.h"
#include "pipeline/asked.h"
#include "pipeline/distribute.h"
#include "pipeline/lease_holder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The stream of a run whose parts were done last: the next one is most likely of it, too. */
struct bench {
    struct arena *arena;
    int64_t run_id;
    struct asked asked;
    struct stream_spec *stream;
    struct pipeline *pipeline;
    struct run_options options;
    struct run_report report;
    struct run run;
    struct slices *slices;
};

struct work {
    const struct work_options *options;
    struct db_conn *db;         /* where tasks are taken from */
    struct arena *arena, *kept; /* of a task; of all */
    const char **refused;       /* pipelines that cannot be done here */
    size_t nrefused, refused_capacity;
    struct bench bench;
};

static int open_database(const struct work_options *o, struct db_conn **ret, struct error *err)
{
    char *dsn;
    TRY(config_dsn(o->run.config, "warehouse", &dsn, err));
    int code = db_open(
        &(struct db_options){.dsn = dsn, .application_name = lease_holder_session(o->run.holder)},
        ret, err);
    secret_free(dsn);
    TRY(code);
    return migrate_require(*ret, o->run.migrations, o->run.nmigrations, err);
}

int work_open(const struct work_options *o, struct work **ret, struct error *err)
{
    struct work *w = mem_alloc(sizeof *w);
    *w = (struct work){.options = o, .arena = arena_new(), .kept = arena_new()};
    int code = open_database(o, &w->db, err);
    if (code == 0)
        code = lease_give_back(w->db, o->run.holder, false, err);
    if (code == 0)
        *ret = w;
    else
        work_close(w);
    return code;
}

static void bench_clear(struct bench *b)
{
    slices_close(b->slices);
    db_close(b->run.db);
    connector_pool_free(b->run.connectors);
    run_report_release(&b->report);
    pipeline_free(b->pipeline);
    arena_free(b->arena);
    *b = (struct bench){0};
}

void work_close(struct work *w)
{
    if (w == NULL)
        return;
    bench_clear(&w->bench);
    db_close(w->db);
    free(w->refused);
    arena_free(w->kept);
    arena_free(w->arena);
    free(w);
}

/* ---- what cannot be done here -------------------------------------------------------------- */

static const char *refused_list(const struct work *w)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct jwriter j;
    strbuf_init(&out, 1 << 20);
    jwriter_init(&j, &out);
    jwriter_array(&j);
    for (size_t i = 0; i < w->nrefused; i++)
        jwriter_string(&j, w->refused[i]);
    jwriter_end(&j);
    return arena_strdup(w->arena, out.data);
}

/* The task is given back, for a worker that has the pipeline as the run was begun with. */
static int refuse(struct work *w, const struct lease *lease, const char *pipeline,
                  const struct error *cause, struct error *err)
{
    log_warn("worker: no part of run %" PRId64 " can be done here: %s", lease->run_id,
             cause->message);
    w->refused = mem_grow(w->refused, &w->refused_capacity, w->nrefused + 1, sizeof *w->refused);
    w->refused[w->nrefused++] = arena_strdup(w->kept, pipeline);
    return lease_end(w->db, lease, "waiting", NULL, NULL, err);
}

static int check_definition(const struct pipeline *p, const struct asked *asked, struct error *err)
{
    char digest[ASKED_DIGEST_MAX];
    TRY(asked_digest(p, digest, err));
    if (asked->definition != NULL && strcmp(digest, asked->definition) == 0)
        return 0;
    return error_set(err, ERR_SPEC, "'%s' is not the file that the run was begun with", p->file);
}

/* The pipeline of a run as this machine has it. */
static int load(const struct work *w, const struct asked *asked, const struct run_options *o,
                struct pipeline **ret, struct error *err)
{
    const struct pipeline_options load = {.params = &asked->params, .now_us = o->asked_us};
    TRY(pipeline_load(asked->name, w->options->run.config, &load, ret, NULL, err));
    int code = check_definition(*ret, asked, err);
    if (code != 0)
        pipeline_free(*ret);
    return code;
}

/* ---- a run ---------------------------------------------------------------------------------- */

/* A run that did not get so far as to be ended is told why here. */
static int end_unbegun(struct work *w, const struct lease *lease, const struct error *cause,
                       struct error *err)
{
    AUTO_STRBUF struct strbuf message = {0}, hint = {0};
    char run[24], status[16], task[24], attempt[24];
    strbuf_init(&message, 4096);
    strbuf_init(&hint, 4096);
    strbuf_adds(&message, cause->message);
    strbuf_adds(&hint, cause->hint);
    secret_redact(&message);
    secret_redact(&hint);
    snprintf(run, sizeof run, "%" PRId64, lease->run_id);
    snprintf(status, sizeof status, "%d", error_exit_status(cause->code));
    snprintf(task, sizeof task, "%" PRId64, lease->id);
    snprintf(attempt, sizeof attempt, "%" PRId64, lease->attempt);
    TRY(db_execute(w->db, sql_run_end,
                   DB_PARAMS(run, "failed", status, message.data, hint.data, task, attempt), NULL,
                   err));
    return lease_end(w->db, lease, "failed", cause, NULL, err);
}

static bool is_for_the_next(const struct error *cause)
{
    return cause->code == ERR_CANCELLED || cause->code == ERR_RUNNING ||
           cause->code == ERR_DATABASE_TRANSIENT;
}

/* False: it ended, or is another's. */
static int still_has(struct work *w, const struct lease *lease, bool *ret, struct error *err)
{
    int code = lease_fence(w->db, lease, err);
    *ret = code == 0;
    if (code != ERR_RUNNING)
        return code;
    error_clear(err);
    return 0;
}

static int lead(struct work *w, const struct lease *lease, const struct asked *asked,
                struct run_options *o, struct error *err)
{
    struct error cause = ERROR_INIT;
    bool is_ours;
    o->kind = RUN_LOAD;
    o->params = &asked->params;
    o->distribute = true;
    o->hands_over = true;
    o->lease = lease;
    o->jobs = 1;
    log_info("run %" PRId64 " of '%s' is led from here", lease->run_id, asked->name);
    (void)w->options->lead(w->options->self, asked->name, o, &cause);
    TRY(still_has(w, lease, &is_ours, err));
    if (!is_ours)
        return 0;
    return is_for_the_next(&cause) ? lease_end(w->db, lease, "waiting", NULL, NULL, err)
                                   : end_unbegun(w, lease, &cause, err);
}

/* ---- a part --------------------------------------------------------------------------------- */

static struct stream_spec *stream_of(const struct pipeline *p, const char *name)
{
    for (size_t i = 0; i < p->streams.count; i++)
        if (strcmp(p->streams.names[i], name) == 0)
            return (struct stream_spec *)p->streams.items + i;
    return NULL;
}

static int lay_out(struct bench *b, const struct lease *lease, struct error *err)
{
    b->run_id = lease->run_id;
    b->report = (struct run_report){.arena = arena_new()};
    b->options.kind = RUN_LOAD;
    b->options.params = &b->asked.params;
    b->options.distribute = true;
    b->options.jobs = 1;
    b->stream = stream_of(b->pipeline, lease->stream);
    b->run = (struct run){.options = &b->options,
                          .pipeline = b->pipeline,
                          .name = b->asked.name,
                          .run_id = lease->run_id,
                          .started_us = b->options.started_us,
                          .asked_us = b->options.asked_us,
                          .report = &b->report,
                          .is_worker = true};
    if (b->stream == NULL)
        return error_set(err, ERR_SPEC, "pipeline '%s' has no stream '%s'", b->asked.name,
                         lease->stream);
    b->run.connectors = connector_pool_new(b->options.config, b->options.builtins);
    connector_pool_budget(b->run.connectors, lease_holder_budget(b->options.holder));
    TRY(run_choose_connection(&b->run, err));
    TRY(run_set_window(&b->run, &b->options, err));
    TRY(run_connect(&b->run, err));
    return slices_open(&b->run, b->stream, &b->slices, err);
}

static bool lies_ready(const struct bench *b, const struct lease *lease)
{
    return b->slices != NULL && b->run_id == lease->run_id &&
           strcmp(b->stream->name, lease->stream) == 0;
}

static int part(struct work *w, const struct lease *lease, struct error *err)
{
    struct bench *b = &w->bench;
    struct error cause = ERROR_INIT;
    size_t unit;
    log_context("pipeline", b->pipeline->name);
    log_context("stream", lease->stream);
    if (!distribute_find(b->slices, lease, &unit)) {
        error_set(&cause, ERR_DATA, "child %s is not there any more", lease->child);
        return lease_end(w->db, lease, "failed", &cause, NULL, err);
    }
    log_info("run %" PRId64 ": child %s, window %s", lease->run_id, lease->child,
             lease->window_start);
    return distribute_part(&b->run, b->stream, b->slices, unit, lease, err);
}

/* ---- one task ------------------------------------------------------------------------------- */

static int prepare_part(struct work *w, const struct lease *lease, struct error *err)
{
    struct bench *b = &w->bench;
    struct error cause = ERROR_INIT;
    if (lies_ready(b, lease))
        return 0;
    bench_clear(b);
    b->arena = arena_new();
    b->options = w->options->run;
    TRY(asked_read(w->db, lease->run_id, b->arena, &b->options, &b->asked, err));
    if (load(w, &b->asked, &b->options, &b->pipeline, &cause) == 0 &&
        lay_out(b, lease, &cause) == 0)
        return 0;
    const char *name = arena_strdup(w->arena, b->asked.name);
    bool is_away = cause.code == ERR_DATABASE_TRANSIENT || cause.code == ERR_CANCELLED;
    bench_clear(b);
    if (is_away) {
        *err = cause;
        return (int)cause.code;
    }
    return refuse(w, lease, name, &cause, err);
}

static int do_part(struct work *w, const struct lease *lease, struct error *err)
{
    TRY(prepare_part(w, lease, err));
    int code = w->bench.slices != NULL ? part(w, lease, err) : 0;
    log_context("pipeline", NULL);
    log_context("stream", NULL);
    return code;
}

static int do_run(struct work *w, const struct lease *lease, struct error *err)
{
    struct run_options o = w->options->run;
    struct error cause = ERROR_INIT;
    struct pipeline *p;
    struct asked asked;
    TRY(asked_read(w->db, lease->run_id, w->arena, &o, &asked, err));
    if (load(w, &asked, &o, &p, &cause) != 0)
        return refuse(w, lease, asked.name, &cause, err);
    pipeline_free(p);
    return lead(w, lease, &asked, &o, err);
}

int work_step(struct work *w, bool *ret_did, struct error *err)
{
    struct lease lease;
    arena_clear(w->arena);
    const struct lease_wish wish = {.refused = refused_list(w)};
    TRY(lease_claim(w->db, w->options->run.holder, &wish, w->arena, &lease, ret_did, err));
    if (!*ret_did)
        return 0;
    signals_defer_begin();
    int code = lease.stream[0] == '\0' ? do_run(w, &lease, err) : do_part(w, &lease, err);
    signals_defer_end();
    return code;
}
