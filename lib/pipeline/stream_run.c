/* A stream: its slices one after the other, or some side by side in processes of their own. */
#include "core/clock.h"
#include "core/datetime.h"
#include "core/log.h"
#include "core/signals.h"
#include "gen/embed.h"
#include "pipeline/distribute.h"
#include "pipeline/graph.h"
#include "pipeline/replay.h"
#include "pipeline/standing.h"
#include "pipeline/workers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What the slices of a stream come to. */
struct tally {
    struct run *run;
    struct stream_spec *stream;
    struct slices *slices;
    struct stream_report *report; /* counts and parts so far */
    struct slice_result total;
    struct part_report *parts;
    struct error first; /* of the slices that failed */
    size_t stood;       /* children of this load that earlier runs did */
    int64_t started_ms;
};

bool stream_is_sliced(const struct stream_spec *s)
{
    return s->for_each != NULL || (s->incremental != NULL && s->incremental->window_ms > 0);
}

static void add_counts(struct stream_counts *sum, const struct stream_counts *c)
{
    sum->read += c->read;
    sum->inserted += c->inserted;
    sum->updated += c->updated;
    sum->unchanged += c->unchanged;
    sum->deleted += c->deleted;
    sum->superseded += c->superseded;
    sum->rejected += c->rejected;
    sum->skipped += c->skipped;
    sum->accepted += c->accepted;
    sum->findings += c->findings;
}

/* A slice that failed loaded nothing: its counts would not add up to what is in the table. */
static void add_result(struct slice_result *total, const struct slice_result *r, int code)
{
    if (code == 0) {
        add_counts(&total->counts, &r->counts);
        total->bytes += r->bytes;
    }
    if (total->started_us == 0)
        total->started_us = r->started_us;
    total->attempts = r->attempts > total->attempts ? r->attempts : total->attempts;
    if (r->target[0] != '\0')
        memcpy(total->target, r->target, sizeof total->target);
}

static void add_part(struct tally *t, const char *child, const char *window_start,
                     const struct error *cause)
{
    struct arena *arena = t->run->report->arena;
    t->report->left_behind++;
    if (t->first.code == ERR_OK)
        t->first = *cause;
    if (t->report->nparts == PARTS_MAX)
        return;
    if (t->parts == NULL)
        t->parts = arena_array(arena, PARTS_MAX, sizeof *t->parts);
    t->parts[t->report->nparts++] =
        (struct part_report){.child = arena_strdup(arena, child),
                             .window_start = arena_strdup(arena, window_start),
                             .error = arena_strdup(arena, cause->message)};
    t->report->parts = t->parts;
}

/* ---- one unit --------------------------------------------------------------------------- */

static bool slice_stands(const struct run *run, const struct stream_spec *s,
                         const struct slice *slice)
{
    if (s->incremental != NULL && !slice->is_backfill)
        return false; /* its cursor says what is still to be read */
    return history_stands(run, s->name, slice->child,
                          s->incremental != NULL ? slice->window_start : "",
                          s->incremental != NULL ? slice->window_end : "");
}

void unit_run(struct run *run, struct stream_spec *s, struct slices *slices, size_t unit,
              struct unit_result *ret)
{
    struct slice slice;
    bool end = false;
    *ret = (struct unit_result){.unit = unit};
    ret->code = slices_begin(slices, unit, &ret->error);
    while (ret->code == 0) {
        struct slice_result result = {0};
        ret->code = slices_next(slices, &slice, &end, &ret->error);
        if (ret->code != 0 || end)
            break;
        if (slice_stands(run, s, &slice))
            continue;
        ret->code = signals_check(&ret->error);
        if (ret->code == 0)
            ret->code = slice_run(run, s, &slice, &result, &ret->error);
        add_result(&ret->total, &result, ret->code);
        if (ret->code == 0)
            ret->slices++;
        else
            snprintf(ret->window_start, sizeof ret->window_start, "%s",
                     slice.window_start != NULL ? slice.window_start : "");
    }
}

static void take_unit(void *self, const struct unit_result *r)
{
    struct tally *t = self;
    const struct run_observer *o = t->run->options->observer;
    add_result(&t->total, &r->total, 0);
    t->report->slices += r->slices;
    if (r->code != 0)
        add_part(t, slices_child(t->slices, r->unit), r->window_start, &r->error);
    if (o != NULL && o->progress != NULL)
        o->progress(o->self, (uint64_t)t->total.counts.read, 0, 0);
}

/* ---- all units -------------------------------------------------------------------------- */

static bool goes_on(const struct tally *t)
{
    return signals_pending() == 0 && (t->first.code == ERR_OK || (t->stream->for_each != NULL &&
                                                                  t->stream->for_each->isolate &&
                                                                  t->first.code != ERR_CANCELLED));
}

/* An API target replays intents of the whole stream, a file is written whole: neither is shared. */
static int64_t worker_count(const struct tally *t, size_t units)
{
    int64_t jobs = t->run->options->jobs;
    if (t->stream->target != &target_postgres || t->run->options->kind != RUN_LOAD || units < 2 ||
        slices_are_ordered(t->slices))
        return 1;
    return jobs < (int64_t)units ? jobs : (int64_t)units;
}

static void tell_progress(void *self, int64_t rows, int64_t done, int64_t parts)
{
    const struct tally *t = self;
    const struct run_observer *o = t->run->options->observer;
    (void)done;
    (void)parts;
    if (o != NULL && o->progress != NULL)
        o->progress(o->self, (uint64_t)rows, 0, 0);
}

static void take_failure(void *self, const char *child, const char *window_start,
                         const struct error *cause)
{
    add_part(self, child, window_start, cause);
}

static int run_distributed(struct tally *t, struct error *err)
{
    const struct distribution d = {.run = t->run,
                                   .stream = t->stream,
                                   .slices = t->slices,
                                   .progress = tell_progress,
                                   .failed = take_failure,
                                   .self = t};
    const struct ynode *node = t->stream->target_node;
    snprintf(t->total.target, sizeof t->total.target, "%s.%s", ynode_text(node, "schema", "public"),
             ynode_text(node, "table", t->stream->name));
    return distribute_stream(&d, &t->total, &t->report->slices, err);
}

/* The first unit is done here, so that tables are made before several look for them. */
static int run_units(struct tally *t, struct error *err)
{
    size_t n = slices_units(t->slices), count = 0;
    size_t *mine = arena_array(t->run->report->arena, n + 1, sizeof *mine);
    for (size_t i = 0; i < n; i++)
        if (slices_is_mine(t->slices, i))
            mine[count++] = i;
    int64_t workers = worker_count(t, count);
    size_t alone = workers > 1 ? 1 : count;
    for (size_t i = 0; i < alone && goes_on(t); i++) {
        struct unit_result r;
        unit_run(t->run, t->stream, t->slices, mine[i], &r);
        take_unit(t, &r);
    }
    if (workers > 1 && goes_on(t))
        TRY(workers_run(&(struct workers){.run = t->run,
                                          .stream = t->stream,
                                          .slices = t->slices,
                                          .units = mine + 1,
                                          .nunits = count - 1,
                                          .count = (size_t)workers,
                                          .stop_at_failure = !(t->stream->for_each != NULL &&
                                                               t->stream->for_each->isolate),
                                          .take = take_unit,
                                          .self = t},
                        err));
    return 0;
}

/* Isolated children that failed leave the stream partial; when none succeeded it failed. */
static int outcome(const struct tally *t, struct error *err)
{
    const struct stream_report *r = t->report;
    const int64_t loaded = r->slices + (int64_t)t->stood;
    if (t->first.code == ERR_OK)
        return 0;
    *err = t->first;
    if (loaded == 0 || r->left_behind == 0 || t->stream->for_each == NULL ||
        !t->stream->for_each->isolate || err->code == ERR_CANCELLED) {
        if (r->slices > 0)
            error_hint(err, "%" PRId64 " slices before it are committed and stand", r->slices);
        return (int)err->code;
    }
    char message[ERROR_MESSAGE_MAX];
    snprintf(message, sizeof message, "%s", err->message);
    error_set(err, ERR_PARTIAL,
              "stream '%s': %" PRId64 " of %" PRId64 " were left behind; first %s: %s",
              t->stream->name, r->left_behind, r->left_behind + loaded, r->parts[0].child, message);
    return error_hint(err, "'diner runs show --left-behind' names them; the others are loaded");
}

static int run_sliced(struct tally *t, struct error *err)
{
    if (!db_is_alive(t->run->db))
        TRY(run_connect(t->run, err));
    TRY(slices_open(t->run, t->stream, &t->slices, err));
    int code = standing_of_load(t->run, t->stream, t->slices, &t->stood, err);
    if (code == 0)
        code = distribute_is_for(t->run, t->stream, t->slices) ? run_distributed(t, err)
                                                               : run_units(t, err);
    if (code == 0 && t->run->adopts != 0 && !db_is_alive(t->run->db))
        code = run_connect(t->run, err);
    if (code == 0 && t->run->adopts != 0) /* those that stood as well */
        code = distribute_sum(t->run, t->stream->name, &t->total, &t->report->slices, err);
    if (code == 0)
        code = outcome(t, err);
    slices_close(t->slices);
    t->slices = NULL;
    return code;
}

static int run_whole(struct tally *t, struct error *err)
{
    struct slices *slices;
    struct slice slice;
    bool end;
    TRY(slices_open(t->run, t->stream, &slices, err));
    int code = slices_begin(slices, 0, err);
    if (code == 0)
        code = slices_next(slices, &slice, &end, err);
    if (code == 0)
        code = slice_run(t->run, t->stream, &slice, &t->total, err);
    slices_close(slices);
    return code;
}

static void tell_left(const struct tally *t, const struct replay_left *left)
{
    if (left->without_cells > 0)
        log_warn("stream '%s': %" PRId64
                 " rejects have no cells to read: see 'diner rejects export' "
                 "and 'replay --mended', or load their source again",
                 t->stream->name, left->without_cells);
    if (left->untold > 0)
        log_warn("stream '%s': %" PRId64
                 " rejects were not replayed: without a key it cannot be told whether the table "
                 "has their rows by now; load their source again",
                 t->stream->name, left->untold);
}

static int run_replay(struct tally *t, struct error *err)
{
    struct replay *replay;
    struct replay_left left = {0};
    int code = 0;
    if (!db_is_alive(t->run->db))
        TRY(run_connect(t->run, err));
    TRY(replay_open(t->run, t->stream, &replay, &left, err));
    while (code == 0 && replay_next(replay)) {
        struct slice_result result = {0};
        code = replay_run(t->run, replay, &result, err);
        add_result(&t->total, &result, code);
    }
    replay_close(replay);
    if (code == 0)
        tell_left(t, &left);
    return code;
}

/* ---- the stream ------------------------------------------------------------------------- */

static const char *status_word(int code)
{
    return code == 0 ? "succeeded" : code == ERR_PARTIAL ? "partial" : "failed";
}

/* 0 when there is no cursor, or none that is an instant. */
static int64_t cursor_of(const struct tally *t)
{
    AUTO_RESULT struct db_result *res = NULL;
    struct error ignored = ERROR_INIT;
    struct datetime at;
    if (t->stream->incremental == NULL || t->run->run_id == 0 || !db_is_alive(t->run->db) ||
        db_query(t->run->db, sql_state_newest, DB_PARAMS(t->run->pipeline->name, t->stream->name),
                 &res, &ignored) != 0)
        return 0;
    const char *text = db_result_text(res, 0, 0);
    return text != NULL && datetime_parse_iso(text, strlen(text), &at) && at.has_zone ? at.us : 0;
}

static void fill_report(struct tally *t, int code, const struct error *err)
{
    struct stream_report *r = t->report;
    struct arena *arena = t->run->report->arena;
    r->status = status_word(code);
    r->counts = t->total.counts;
    r->bytes = t->total.bytes;
    r->elapsed_ms = clock_monotonic_ms() - t->started_ms;
    r->source = graph_place(arena, t->stream->source_node, t->stream->name, false);
    r->target = arena_strdup(arena, t->total.target);
    r->code = (enum error_code)code;
    r->cursor_us = cursor_of(t);
    if (code == 0)
        return;
    r->error = arena_strdup(arena, err->message);
    r->hint = arena_strdup(arena, err->hint);
}

/* The slices are recorded one by one; this is their sum. */
static void record_sum(struct tally *t, int code, const struct error *err)
{
    struct error ignored = ERROR_INIT;
    if (t->run->run_id == 0 || t->run->options->kind != RUN_LOAD || !db_is_alive(t->run->db))
        return;
    if (run_is_left(t->run, (enum error_code)code) || code == ERR_RUNNING)
        return;
    if (history_stream(t->run, t->stream->name, status_word(code), &t->total,
                       code != 0 ? err->message : "", &ignored) != 0)
        log_debug("the stream could not be recorded: %s", ignored.message);
}

int stream_recall(struct run *run, struct stream_spec *s, bool *ret_found, struct error *err)
{
    const struct run_observer *o = run->options->observer;
    struct stream_report r = {.pipeline = run->pipeline->name, .stream = s->name};
    TRY(history_recall(run, s->name, &r, ret_found, err));
    if (!*ret_found)
        return 0;
    struct stream_report *kept = run_report_add(run->report, run->pipeline->name, s->name);
    r.pipeline = kept->pipeline;
    r.stream = kept->stream;
    *kept = r;
    if (o != NULL && o->stream_end != NULL)
        o->stream_end(o->self, kept);
    return 0;
}

void stream_skip(struct run *run, struct stream_spec *s, const char *why, bool is_met)
{
    const struct run_observer *o = run->options->observer;
    struct stream_report *r = run_report_add(run->report, run->pipeline->name, s->name);
    struct error ignored = ERROR_INIT;
    struct slice_result nothing = {0};
    r->status = "skipped";
    r->is_met = is_met;
    r->error = arena_strdup(run->report->arena, why);
    if (run->run_id != 0 && db_is_alive(run->db) && !distribute_is_to_leave(run))
        (void)history_stream(run, s->name, "skipped", &nothing, why, &ignored);
    if (o != NULL && o->stream_end != NULL)
        o->stream_end(o->self, r);
}

static void record_partial(const struct run *run, const struct stream_spec *s,
                           const struct error *cause)
{
    struct error err = ERROR_INIT;
    if (run->run_id != 0 && db_is_alive(run->db) &&
        history_stream_partial(run, s->name, cause, &err) != 0)
        log_warn("what became of stream '%s' could not be recorded: %s", s->name, err.message);
}

static int load(struct tally *t, struct error *err)
{
    int code = run_lock_parent(t->run, t->stream, err);
    if (code == 0)
        code = t->run->options->replay       ? run_replay(t, err)
               : stream_is_sliced(t->stream) ? run_sliced(t, err)
                                             : run_whole(t, err);
    run_unlock_parent(t->run);
    return code;
}

int stream_run(struct run *run, struct stream_spec *s, struct error *err)
{
    const struct run_observer *o = run->options->observer;
    struct tally t = {.run = run,
                      .stream = s,
                      .report = run_report_add(run->report, run->pipeline->name, s->name),
                      .started_ms = clock_monotonic_ms()};
    log_context("stream", s->name);
    if (o != NULL && o->stream_begin != NULL)
        o->stream_begin(o->self, run->pipeline->name, s->name);
    int code = hooks_run(run, &s->hooks.before, "stream.before", NULL, err);
    if (code == 0)
        code = load(&t, err);
    if (stream_is_sliced(s) || (run->options->replay && t.total.started_us != 0))
        record_sum(&t, code, err);
    if (code == 0 && hooks_run(run, &s->hooks.after, "stream.succeeded", NULL, err) != 0) {
        code = (int)(err->code = ERR_PARTIAL);
        record_partial(run, s, err);
    }
    fill_report(&t, code, err);
    struct error ignored = ERROR_INIT;
    if (code == ERR_PARTIAL)
        (void)hooks_run(run, &s->hooks.on_partial, "stream.partial", err, &ignored);
    else if (code != 0 && !run_is_left(run, (enum error_code)code))
        (void)hooks_run(run, &s->hooks.on_failure, "stream.failed", err, &ignored);
    if (o != NULL && o->stream_end != NULL)
        o->stream_end(o->self, t.report);
    log_context("stream", NULL);
    return code;
}
