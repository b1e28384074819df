/* diner.run and diner.run_stream. */
#include "core/clock.h"
#include "core/datetime.h"
#include "core/log.h"
#include "core/message.h"
#include "core/secret.h"
#include "core/trace.h"
#include "gen/embed.h"
#include "pipeline/asked.h"
#include "pipeline/distribute.h"
#include "pipeline/slice_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "1/4", or NULL for a run of the whole. */
const char *run_shard_text(const struct run_options *o, char *text, size_t size)
{
    if (o->shard_count <= 1)
        return NULL;
    snprintf(text, size, "%" PRId64 "/%" PRId64, o->shard_index, o->shard_count);
    return text;
}

/* A distributed run is there as long as somebody leads it, or is waited for: also while nobody
 * holds the pipeline's lock. */
static int check_open(const struct run *run, const char *name, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    char id[24];
    snprintf(id, sizeof id, "%" PRId64, run->adopts);
    TRY(db_query(run->db, sql_run_open, DB_PARAMS(name, id), &res, err));
    if (db_result_rows(res) == 0)
        return 0;
    const char *other = db_result_text(res, 0, 0);
    error_set(err, ERR_RUNNING,
              db_result_bool(res, 0, 1) ? MESSAGE("run %s of pipeline '%s' waits for a worker")
                                        : MESSAGE("run %s of pipeline '%s' is led by a worker"),
              other, name);
    return error_hint(err, "see 'diner runs show %s --tasks'; 'diner runs cancel %s' ends it",
                      other, other);
}

static int insert_run(struct run *run, const char *name, const char *part, struct error *err)
{
    AUTO_STRBUF struct strbuf params = {0};
    AUTO_STRBUF struct strbuf options = {0};
    const struct run_options *o = run->options;
    char pid[16], parent[24], resumes[24], host[256] = "";
    strbuf_init(&params, 1 << 20);
    strbuf_init(&options, 1 << 20);
    asked_params_print(run->pipeline, &params);
    TRY(asked_options_print(run, &options, err));
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    snprintf(parent, sizeof parent, "%" PRId64, run->parent_id);
    snprintf(resumes, sizeof resumes, "%" PRId64, run->resumes);
    (void)gethostname(host, sizeof host - 1);
    return db_query_int(run->db, sql_run_begin,
                        DB_PARAMS(name, params.data, host, pid, run->parent_id ? parent : NULL,
                                  run->resumes ? resumes : NULL, options.data, trace_id(), part,
                                  o->message_id, o->distribute ? "true" : "false",
                                  o->detach ? "waiting" : "running"),
                        &run->run_id, err);
}

/* A load holds the lock, so a run still marked as running is dead: killed, or its machine was. */
static int begin_anew(struct run *run, const char *name, struct error *err)
{
    char shard[48], own[24];
    const char *part = run_shard_text(run->options, shard, sizeof shard);
    snprintf(own, sizeof own, "%" PRId64, run->lease != NULL ? run->lease->run_id : 0);
    if (run->options->kind == RUN_LOAD)
        TRY(db_execute(run->db, sql_run_interrupted, DB_PARAMS(name, part, own), NULL, err));
    TRY(insert_run(run, name, part, err));
    return run->options->distribute && run->lease == NULL ? distribute_ask(run, err) : 0;
}

static int adopt(struct run *run, struct error *err)
{
    char id[24], task[24], attempt[24], pid[16], host[256] = "";
    int64_t changed = 0;
    snprintf(id, sizeof id, "%" PRId64, run->adopts);
    snprintf(task, sizeof task, "%" PRId64, run->lease->id);
    snprintf(attempt, sizeof attempt, "%" PRId64, run->lease->attempt);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    (void)gethostname(host, sizeof host - 1);
    TRY(db_execute(run->db, sql_run_adopt, DB_PARAMS(id, task, attempt, host, pid), &changed, err));
    if (changed == 0)
        return error_set(err, ERR_RUNNING, "run %s is over, or another worker leads it", id);
    run->run_id = run->adopts;
    run->resumes = run->adopts;
    return 0;
}

/* Run and task, or the check of the lease and the run of a step, are there together. */
static int begin_shared(struct run *run, const char *name, struct error *err)
{
    TRY(db_begin(run->db, err));
    int code = run->lease != NULL ? lease_fence(run->db, run->lease, err) : 0;
    if (code == 0)
        code =
            run->lease != NULL && run->adopts != 0 ? adopt(run, err) : begin_anew(run, name, err);
    if (code == 0)
        code = db_commit(run->db, err);
    if (code != 0)
        db_rollback(run->db);
    return code;
}

/* After the run is there to be seen: `runs prune` leaves what it goes on with, or had said so
 * before. */
static int check_kept(const struct run *run, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    char id[24];
    snprintf(id, sizeof id, "%" PRId64, run->resumes);
    TRY(db_query(run->db, sql_run_pruned, DB_PARAMS(id), &res, err));
    if (!db_result_bool(res, 0, 0))
        return 0;
    error_set(err, ERR_CONFLICT,
              "run %s is not resumed: which children it had loaded was pruned from the history",
              id);
    return error_hint(err, "run the pipeline anew: it goes on with a load that did not end");
}

int history_begin(struct run *run, const char *name, struct error *err)
{
    if (run->options->kind == RUN_LOAD)
        TRY(check_open(run, name, err));
    TRY(run->options->distribute ? begin_shared(run, name, err) : begin_anew(run, name, err));
    if (run->resumes == 0)
        return 0;
    if (run->adopts == 0 && check_kept(run, err) != 0) {
        struct error ignored = ERROR_INIT;
        (void)history_end(run, err->code, err, &ignored);
        return err->code;
    }
    return history_standing(run, err);
}

static const char *status_of(enum error_code code)
{
    switch (code) {
    case ERR_OK: return "succeeded";
    case ERR_PARTIAL: return "partial";
    case ERR_CANCELLED: return "interrupted";
    default: return "failed";
    }
}

static int end_run(struct run *run, enum error_code code, const struct error *cause,
                   int64_t *ret_changed, struct error *err)
{
    char id[24], status[16], task[24], attempt[24];
    AUTO_STRBUF struct strbuf message = {0}, hint = {0};
    strbuf_init(&message, 4096);
    strbuf_init(&hint, 4096);
    if (code != ERR_OK && cause->code != ERR_OK) {
        strbuf_adds(&message, cause->message);
        strbuf_adds(&hint, cause->hint);
        secret_redact(&message);
        secret_redact(&hint);
    }
    snprintf(id, sizeof id, "%" PRId64, run->run_id);
    snprintf(status, sizeof status, "%d", run_exit_status(code));
    if (run->lease != NULL) {
        snprintf(task, sizeof task, "%" PRId64, run->lease->id);
        snprintf(attempt, sizeof attempt, "%" PRId64, run->lease->attempt);
    }
    return db_execute(run->db, sql_run_end,
                      DB_PARAMS(id, status_of(code), status, message.len ? message.data : NULL,
                                hint.len ? hint.data : NULL, run->lease != NULL ? task : NULL,
                                run->lease != NULL ? attempt : NULL),
                      ret_changed, err);
}

/* One worker ends a distributed run: who has its lease, which ends with it. */
static int end_shared(struct run *run, enum error_code code, const struct error *cause,
                      struct error *err)
{
    int64_t changed = 0;
    TRY(end_run(run, code, cause, &changed, err));
    if (changed == 0)
        return error_set(err, ERR_RUNNING, "another worker leads it");
    if (!run_has_lease(run))
        return 0;
    TRY(lease_end(run->db, run->lease, "done", NULL, NULL, err));
    return distribute_cancel(run, NULL, err);
}

int history_end(struct run *run, enum error_code code, const struct error *cause, struct error *err)
{
    int64_t changed;
    if (run->lease == NULL)
        return end_run(run, code, cause, &changed, err);
    if (run_is_left(run, code))
        return 0;
    TRY(db_begin(run->db, err));
    int failed = end_shared(run, code, cause, err);
    if (failed == 0)
        failed = db_commit(run->db, err);
    if (failed != 0)
        db_rollback(run->db);
    return failed;
}

#define COUNTS_MAX 10
struct count_texts {
    char text[COUNTS_MAX][24];
};
static struct count_texts count_texts_of(const struct slice_result *r)
{
    const struct stream_counts *c = &r->counts;
    const int64_t values[COUNTS_MAX] = {c->read,     c->inserted,      c->updated,  c->unchanged,
                                        c->deleted,  c->superseded,    c->rejected, c->skipped,
                                        c->findings, (int64_t)r->bytes};
    struct count_texts t;
    for (size_t i = 0; i < COUNTS_MAX; i++)
        snprintf(t.text[i], sizeof t.text[i], "%" PRId64, values[i]);
    return t;
}

/* What every record ends with. */
struct record_texts {
    char id[24], attempts[16], started[DATETIME_ISO_MAX];
    struct strbuf message;
};
static void record_texts_init(struct record_texts *t, const struct run *run,
                              const struct slice_result *r, const char *message)
{
    snprintf(t->id, sizeof t->id, "%" PRId64, run->run_id);
    snprintf(t->attempts, sizeof t->attempts, "%d", r->attempts > 0 ? r->attempts : 1);
    datetime_print(r->started_us != 0 ? r->started_us : clock_wall_us(), NULL, t->started);
    strbuf_init(&t->message, 8192);
    strbuf_adds(&t->message, message);
    secret_redact(&t->message);
}

int history_slice(const struct run *run, const struct stream_spec *s, const struct slice *slice,
                  const struct slice_result *r, const struct error *cause, struct error *err)
{
    struct count_texts n = count_texts_of(r);
    struct record_texts t;
    bool has_window = s->incremental != NULL; /* else it says only when the run was */
    record_texts_init(&t, run, r, cause != NULL ? cause->message : "");
    int code = db_execute(
        run->db, sql_run_slice,
        DB_PARAMS(t.id, s->name, slice->child, has_window ? slice->window_start : "",
                  has_window ? slice->window_end : "", cause != NULL ? "failed" : "succeeded",
                  n.text[0], n.text[1], n.text[2], n.text[3], n.text[4], n.text[5], n.text[6],
                  n.text[7], n.text[8], n.text[9], t.started, t.attempts,
                  t.message.len > 0 ? t.message.data : NULL),
        NULL, err);
    strbuf_release(&t.message);
    return code;
}

int history_stream(const struct run *run, const char *stream, const char *status,
                   const struct slice_result *r, const char *message, struct error *err)
{
    struct count_texts n = count_texts_of(r);
    struct record_texts t;
    record_texts_init(&t, run, r, message);
    int code =
        db_execute(run->db, sql_run_stream,
                   DB_PARAMS(t.id, stream, status, n.text[0], n.text[1], n.text[2], n.text[3],
                             n.text[4], n.text[5], n.text[6], n.text[7], n.text[8],
                             r->target[0] != '\0' ? r->target : NULL, r->source_hash, t.started,
                             t.attempts, t.message.len > 0 ? t.message.data : NULL, n.text[9]),
                   NULL, err);
    strbuf_release(&t.message);
    return code;
}

int history_stream_partial(const struct run *run, const char *stream, const struct error *cause,
                           struct error *err)
{
    AUTO_STRBUF struct strbuf message = {0};
    char id[24];
    strbuf_init(&message, 8192);
    strbuf_adds(&message, cause->message);
    secret_redact(&message);
    snprintf(id, sizeof id, "%" PRId64, run->run_id);
    return db_execute(run->db,
                      "update diner.run_stream set status = 'partial', error = $3 "
                      "where run_id = $1::bigint and stream = $2",
                      DB_PARAMS(id, stream, message.data), NULL, err);
}

int history_recall(const struct run *run, const char *stream, struct stream_report *r,
                   bool *ret_found, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    char id[24];
    *ret_found = false;
    snprintf(id, sizeof id, "%" PRId64, run->run_id);
    TRY(db_query(run->db, sql_run_recall, DB_PARAMS(id, stream), &res, err));
    if (db_result_rows(res) == 0)
        return 0;
    bool is_whole = strcmp(db_result_text(res, 0, 0), "succeeded") == 0;
    int64_t *const counts[] = {&r->counts.read,      &r->counts.inserted, &r->counts.updated,
                               &r->counts.unchanged, &r->counts.deleted,  &r->counts.superseded,
                               &r->counts.rejected,  &r->counts.skipped,  &r->counts.findings};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = db_result_int(res, 0, i + 1);
    struct arena *arena = run->report->arena;
    r->status = is_whole ? "succeeded" : "partial";
    r->code = is_whole ? ERR_OK : ERR_PARTIAL;
    r->bytes = (uint64_t)db_result_int(res, 0, 10);
    r->target = arena_strdup(arena, db_result_text(res, 0, 11));
    r->error = arena_strdup(arena, db_result_text(res, 0, 12));
    *ret_found = true;
    return 0;
}

/* ---- messages --------------------------------------------------------------------------- */

int history_message(struct run *run, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    const char *id = run->options->message_id;
    if (id == NULL)
        return 0;
    TRY(db_query(run->db, sql_run_message, DB_PARAMS(id), &res, err));
    if (db_result_rows(res) == 0)
        return 0;
    run->report->is_repeat = db_result_bool(res, 0, 1);
    if (run->report->is_repeat)
        log_notice("message '%s' was done by run %s: nothing is to be done", id,
                   db_result_text(res, 0, 0));
    else
        run->resumes = db_result_int(res, 0, 0);
    return 0;
}
