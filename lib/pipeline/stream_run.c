/* One stream: read, validate, stage, and commit rows, cursor, rejects and record together. */
#include "core/clock.h"
#include "core/datetime.h"
#include "core/log.h"
#include "core/signals.h"
#include "pipeline/column.h"
#include "pipeline/reject.h"
#include "pipeline/run_private.h"
#include "pipeline/state.h"

#include <inttypes.h>
#include <string.h>

#define ATTEMPTS_MAX    4
#define ATTEMPT_WAIT_MS 2000
#define LOOK_EVERY_ROWS 1024
#define SUMS_MAX        8

/* One attempt at one stream. */
struct attempt {
    struct run *run;
    struct stream_spec *stream;
    struct stream_context ctx;
    struct source *source;
    struct target *target;
    struct stream_counts counts;
    struct source_summary summary;
    size_t nsums;
    int sum_columns[SUMS_MAX];
    struct decimal sums[SUMS_MAX]; /* over loaded and rejected rows */
    int number;
    int64_t started_us, started_ms;
    const char *target_text;
    bool is_committed; /* its rows; an API may still have to be told */
};

/* ---- what the stream reads from --------------------------------------------------------- */

static int ask_vars(struct attempt *a, struct error *err)
{
    const struct field_string_map *vars = &a->stream->vars;
    a->ctx.var_values = arena_array(a->ctx.arena, vars->count + 1, sizeof(char *));
    for (size_t i = 0; i < vars->count; i++) {
        struct bound_sql sql;
        const char *text;
        AUTOFREE char *value = NULL;
        TRY(pipeline_sql(a->ctx.pipeline, a->stream->node, vars->values[i] ? vars->values[i] : "",
                         &text, err));
        TRY(stream_sql(&a->ctx, text, &sql, err));
        if (db_query_text(a->run->db, sql.sql, sql.params, sql.nparams, &value, err) != 0 &&
            err->code != ERR_NOT_FOUND)
            return error_context(err, "var '%s'", vars->keys[i]);
        a->ctx.var_values[i] = arena_strdup(a->ctx.arena, value);
    }
    return 0;
}

/* The stored cursor less the lag; numbers and other texts as they are. */
static const char *less_lag(struct arena *arena, const char *cursor, int64_t lag_ms)
{
    struct datetime t;
    if (!datetime_parse_iso(cursor, strlen(cursor), &t) || (!t.has_time && !t.has_zone))
        return cursor;
    char *text = arena_alloc(arena, DATETIME_ISO_MAX);
    datetime_print(t.us - lag_ms * 1000, NULL, text);
    return text;
}

/* >= cursor - lag, and an upper bound fixed before anything is read. */
static int set_window(struct attempt *a, struct error *err)
{
    const struct incremental_spec *inc = a->stream->incremental;
    const struct run_options *o = a->run->options;
    const char *cursor = NULL;
    char *now = arena_alloc(a->ctx.arena, DATETIME_ISO_MAX);
    datetime_print(a->run->started_us, NULL, now);
    a->ctx.window_end = o->to != NULL ? o->to : now;
    if (inc == NULL) {
        a->ctx.window_start = o->from;
        return 0;
    }
    if (o->from != NULL || o->to != NULL) {
        a->ctx.backfill = true;
        a->ctx.window_start = o->from != NULL ? o->from : inc->start;
        return 0;
    }
    if (!o->full_refresh)
        TRY(state_get(&a->ctx, "cursor", &cursor, err));
    a->ctx.window_start = cursor != NULL ? less_lag(a->ctx.arena, cursor, inc->lag_ms) : inc->start;
    return 0;
}

static int load_ledger(struct attempt *a, struct error *err)
{
    if (a->stream->mode != MODE_APPEND || a->stream->source != &source_file ||
        a->stream->target != &target_postgres || a->ctx.dry_run)
        return 0;
    return state_ledger_load(&a->ctx, &a->ctx.ledger, err);
}

static void find_sums(struct attempt *a)
{
    const char *names[SUMS_MAX];
    a->nsums = a->stream->source->sums != NULL ? a->stream->source->sums(&a->ctx, names) : 0;
    for (size_t i = 0; i < a->nsums; i++)
        a->sum_columns[i] = stream_column(a->stream, names[i]);
}

/* What lint could not see: the columns are those of a query. */
static int check_key(const struct stream_spec *s, struct error *err)
{
    for (size_t i = 0; i < s->key.count; i++)
        if (stream_column(s, s->key.items[i]) < 0)
            return ynode_error(s->node, err, "stream '%s': key '%s' is not a column of its query",
                               s->name, s->key.items[i]);
    if (s->incremental != NULL && stream_column(s, s->incremental->cursor) < 0)
        return ynode_error(s->node, err, "stream '%s': cursor '%s' is not a column of its query",
                           s->name, s->incremental->cursor);
    return 0;
}

static int open_both(struct attempt *a, struct error *err)
{
    struct column_habits habits = {0};
    TRY(ask_vars(a, err));
    TRY(set_window(a, err));
    TRY(load_ledger(a, err));
    if (a->stream->source->habits != NULL)
        a->stream->source->habits(&a->ctx, &habits);
    bool pushed_down = false;
    if (a->stream->source == &source_postgres && a->stream->target == &target_postgres) {
        TRY(a->stream->target->open(&a->ctx, &a->target, err));
        pushed_down = target_postgres_staged(&a->ctx, a->target) >= 0;
    }
    if (!pushed_down)
        TRY(a->stream->source->open(&a->ctx, &a->source, err));
    a->ctx.reader = column_reader_new(a->stream->columns, a->stream->ncolumns, &habits);
    find_sums(a);
    TRY(check_key(a->stream, err));
    return a->target == NULL ? a->stream->target->open(&a->ctx, &a->target, err) : 0;
}

/* ---- rows ------------------------------------------------------------------------------- */

static void add_to_sums(struct attempt *a, const struct source_row *row)
{
    for (size_t i = 0; i < a->nsums; i++) {
        struct span text = SPAN("");
        bool is_null = true;
        struct decimal value, sum;
        size_t column = (size_t)a->sum_columns[i];
        if (column_clean(a->ctx.reader, column, &row->cells[column], &text, &is_null) == NULL &&
            !is_null && decimal_parse(text.ptr, text.len, &value) &&
            decimal_add(&a->sums[i], &value, &sum))
            a->sums[i] = sum;
    }
}

static int take_row(struct attempt *a, const struct source_row *row, struct error *err)
{
    const char *reason = row->fault;
    int column = -1;
    a->counts.read++;
    if (a->nsums > 0)
        add_to_sums(a, row);
    if (reason == NULL)
        TRY(a->stream->target->row(a->target, row, &reason, &column, err));
    if (reason == NULL)
        return 0;
    a->counts.rejected++;
    rejects_add_row(a->ctx.rejects, &a->ctx, row, row->fault != NULL ? -1 : column, reason);
    return rejects_check_budget(a->ctx.rejects, &a->ctx, a->counts.read, false, err);
}

static void tell_progress(const struct attempt *a)
{
    const struct run_observer *o = a->run->options->observer;
    uint64_t done = 0, total = 0;
    if (o == NULL || o->progress == NULL)
        return;
    a->stream->source->progress(a->source, &done, &total);
    o->progress(o->self, (uint64_t)a->counts.read, done, total);
}

static int read_rows(struct attempt *a, struct error *err)
{
    struct source_row row;
    bool end = false;
    for (uint64_t n = 1;; n++) {
        TRY(a->stream->source->next(a->source, &row, &end, err));
        if (end)
            break;
        TRY(take_row(a, &row, err));
        if (n % LOOK_EVERY_ROWS == 0) {
            TRY(signals_check(err));
            tell_progress(a);
        }
    }
    tell_progress(a);
    TRY(signals_check(err));
    TRY(a->stream->source->finish(a->source, &a->summary, err));
    if (a->ctx.ledger != NULL && state_ledger_seen(a->ctx.ledger) > 0)
        log_notice("stream '%s': files loaded before and left out: %zu", a->stream->name,
                   state_ledger_seen(a->ctx.ledger));
    a->counts.read += (int64_t)a->summary.skipped;
    a->counts.skipped += (int64_t)a->summary.skipped;
    return rejects_check_budget(a->ctx.rejects, &a->ctx, a->counts.read, true, err);
}

/* Against what the source itself says: rows and sums, exact. */
static int reconcile(const struct attempt *a, struct error *err)
{
    const struct source_summary *s = &a->summary;
    /* A record updated while a window is read leaves the listing and comes with the next run. */
    if (a->stream->incremental == NULL && s->expect_rows > a->counts.read)
        return error_set(err, ERR_DATA,
                         "stream '%s': the source says it has %" PRId64 " rows, %" PRId64 " came",
                         a->stream->name, s->expect_rows, a->counts.read);
    for (size_t i = 0; i < s->nsums && i < a->nsums; i++) {
        char stated[DECIMAL_TEXT_MAX], found[DECIMAL_TEXT_MAX];
        if (decimal_compare(&s->sums[i], &a->sums[i]) == 0)
            continue;
        decimal_print(&s->sums[i], stated);
        decimal_print(&a->sums[i], found);
        error_set(err, ERR_DATA,
                  "stream '%s': the file states a total of %s for '%s', its rows add up to %s",
                  a->stream->name, stated, s->sum_columns[i], found);
        return error_hint(err, "rows are missing or damaged; nothing of it was loaded");
    }
    return 0;
}

/* ---- committing ------------------------------------------------------------------------- */

static void fill_report(const struct attempt *a, struct stream_report *r, const char *status)
{
    r->target = arena_strdup(a->run->report->arena, a->target_text);
    r->status = status;
    r->counts = a->counts;
    r->elapsed_ms = clock_monotonic_ms() - a->started_ms;
}

static int record(struct attempt *a, struct error *err)
{
    struct stream_report r = {.stream = a->stream->name};
    fill_report(a, &r, "succeeded");
    return history_stream(a->run, &r, a->started_us, a->summary.sha256, a->number, err);
}

/* The connection of a run is NULL after it was lost and could not be made again. */
static void undo(struct run *run)
{
    if (run->db != NULL)
        db_rollback(run->db);
}

static int reconnect(struct run *run, struct error *err)
{
    clock_sleep_ms(ATTEMPT_WAIT_MS);
    return db_is_alive(run->db) ? 0 : run_connect(run, err);
}

/* An API refused some of what it was sent: they are rejects of this run as well. */
static int record_refused(struct attempt *a, size_t rejects_before, struct error *err)
{
    struct rejects *rejects = a->ctx.rejects;
    if (!db_in_transaction(a->run->db))
        TRY(db_begin(a->run->db, err));
    rejects->items += rejects_before;
    rejects->count -= rejects_before;
    int code = rejects_save(rejects, &a->ctx, false, err);
    rejects->items -= rejects_before;
    rejects->count += rejects_before;
    TRY(code);
    TRY(record(a, err));
    return db_commit(a->run->db, err);
}

static int confirm(struct attempt *a, const struct stream_counts *committed, size_t rejects_before,
                   struct error *err)
{
    TRY(a->stream->target->commit(a->target, &a->counts, err));
    return memcmp(committed, &a->counts, sizeof *committed) == 0
               ? 0
               : record_refused(a, rejects_before, err);
}

/* What is committed must not be made again from what was read before: when the connection is lost
 * from here on, only what follows the commit is repeated, never the stream. */
static int confirm_or_repeat(struct attempt *a, struct error *err)
{
    const struct stream_counts committed = a->counts;
    const size_t rejects_before = a->ctx.rejects->count;
    for (int tries = 1;; tries++) {
        if (confirm(a, &committed, rejects_before, err) == 0)
            return 0;
        if (err->code != ERR_DATABASE_TRANSIENT || tries == ATTEMPTS_MAX || signals_pending() != 0)
            return err->code;
        log_warn("stream '%s' is committed, what follows is not: %s; trying again", a->stream->name,
                 err->message);
        undo(a->run);
        int code = reconnect(a->run, err);
        a->ctx.db = a->run->db;
        TRY(code);
        error_clear(err);
    }
}

static int commit(struct attempt *a, struct error *err)
{
    if (!db_in_transaction(a->run->db))
        TRY(db_begin(a->run->db, err));
    if (a->ctx.ledger != NULL)
        TRY(state_ledger_save(&a->ctx, a->ctx.ledger, err));
    TRY(rejects_save(a->ctx.rejects, &a->ctx, false, err));
    TRY(record(a, err));
    TRY(db_commit(a->run->db, err));
    a->is_committed = true;
    return confirm_or_repeat(a, err);
}

static int attempt_stream(struct attempt *a, struct error *err)
{
    if (!a->ctx.plan && !db_is_alive(a->run->db)) /* an earlier stream lost it */
        TRY(run_connect(a->run, err));
    a->ctx.db = a->run->db;
    if (a->ctx.plan)
        TRY(db_execute(a->run->db, "savepoint diner_plan", DB_NO_PARAMS, NULL, err));
    TRY(open_both(a, err));
    /* Kept: a failure is told after the target was closed. */
    a->target_text = arena_strdup(a->ctx.arena, a->stream->target->description(a->target));
    if (a->source != NULL)
        TRY(read_rows(a, err));
    else
        a->counts.read = target_postgres_staged(&a->ctx, a->target);
    TRY(reconcile(a, err));
    if (a->ctx.dry_run) {
        a->counts.inserted = a->counts.read - a->counts.rejected - a->counts.skipped;
        return 0;
    }
    TRY(a->stream->target->finish(a->target, &a->counts, err));
    TRY(rejects_check_budget(a->ctx.rejects, &a->ctx, a->counts.read, true, err));
    TRY(stream_counts_check(&a->counts, err));
    if (!a->ctx.plan)
        return commit(a, err);
    TRY(rejects_save(a->ctx.rejects, &a->ctx, false, err));
    return record(a, err);
}

static void close_attempt(struct attempt *a, bool is_failed)
{
    struct error ignored = ERROR_INIT;
    if (a->target != NULL)
        a->stream->target->close(a->target);
    if (a->source != NULL)
        a->stream->source->close(a->source);
    if (!a->ctx.plan)
        undo(a->run);
    else if (db_in_transaction(a->run->db)) /* the other streams of the plan go on */
        (void)db_execute(a->run->db,
                         is_failed ? "rollback to savepoint diner_plan"
                                   : "release savepoint diner_plan",
                         DB_NO_PARAMS, NULL, &ignored);
    column_reader_free(a->ctx.reader);
    state_ledger_free(a->ctx.ledger);
    rejects_free(a->ctx.rejects);
    arena_free(a->ctx.arena);
}

static void begin_attempt(struct attempt *a, struct run *run, struct stream_spec *s, int number)
{
    const struct run_options *o = run->options;
    *a = (struct attempt){.run = run,
                          .stream = s,
                          .number = number,
                          .started_us = clock_wall_us(),
                          .started_ms = clock_monotonic_ms(),
                          .summary = {.expect_rows = -1, .sha256 = ""}};
    a->ctx = (struct stream_context){.pipeline = run->pipeline,
                                     .stream = s,
                                     .config = o->config,
                                     .builtins = o->builtins,
                                     .arena = arena_new(),
                                     .db = run->db,
                                     .run_id = run->run_id,
                                     .dry_run = o->kind == RUN_DRY,
                                     .plan = o->kind == RUN_PLAN,
                                     .control_connection = run->control_connection,
                                     .rejects = rejects_new()};
    if (o->observer != NULL) {
        a->ctx.on_row = o->observer->row;
        a->ctx.on_row_self = o->observer->self;
    }
}

/* ---- failing ---------------------------------------------------------------------------- */

/* Rejects and the record of a failed stream, in a transaction of their own. */
static void record_failure(struct attempt *a, const struct error *cause)
{
    struct error ignored = ERROR_INIT;
    struct stream_report r = {.stream = a->stream->name, .error = cause->message};
    if (a->ctx.plan || a->ctx.dry_run || a->run->run_id == 0)
        return;
    if (a->target != NULL)
        a->stream->target->close(a->target);
    a->target = NULL;
    undo(a->run);
    if (!db_is_alive(a->run->db) && run_connect(a->run, &ignored) != 0)
        return;
    a->ctx.db = a->run->db;
    fill_report(a, &r, "failed");
    if (db_begin(a->run->db, &ignored) != 0 ||
        rejects_save(a->ctx.rejects, &a->ctx, true, &ignored) != 0 ||
        history_stream(a->run, &r, a->started_us, a->summary.sha256, a->number, &ignored) != 0 ||
        db_commit(a->run->db, &ignored) != 0) {
        log_debug("the failure could not be recorded: %s", ignored.message);
        db_rollback(a->run->db);
    }
}

/* Whose fault it is, and how to go on. */
static int explain(const struct attempt *a, struct error *err)
{
    bool is_own_sql = strncmp(err->sqlstate, "42", 2) == 0 && strcmp(err->sqlstate, "42501") != 0;
    if (is_own_sql || strcmp(err->sqlstate, "3F000") == 0)
        err->code = ERR_SPEC; /* the SQL and the names are the pipeline's */
    if (signals_pending() != 0 && (err->code == ERR_IO || err->code == ERR_DATABASE_TRANSIENT ||
                                   err->code == ERR_DATABASE || err->code == ERR_UNAVAILABLE))
        (void)signals_check(err); /* a call that the signal cut short */
    if (err->code == ERR_CANCELLED)
        error_hint(err,
                   a->is_committed
                       ? "the rows of stream '%s' are committed; what was not sent yet goes out "
                         "when the same command is run again"
                       : "nothing of stream '%s' was committed; run the same command again",
                   a->stream->name);
    return err->code;
}

static bool may_try_again(const struct attempt *a, const struct error *err)
{
    return err->code == ERR_DATABASE_TRANSIENT && a->number < ATTEMPTS_MAX && !a->is_committed &&
           a->run->options->kind == RUN_LOAD && signals_pending() == 0;
}

void stream_skip(struct run *run, struct stream_spec *s, const char *why)
{
    const struct run_observer *o = run->options->observer;
    struct stream_report *r = run_report_add(run->report, run->pipeline->name, s->name);
    struct error ignored = ERROR_INIT;
    r->status = "skipped";
    r->error = arena_strdup(run->report->arena, why);
    if (run->run_id != 0 && db_is_alive(run->db))
        (void)history_stream(run, r, clock_wall_us(), "", 1, &ignored);
    if (o != NULL && o->stream_end != NULL)
        o->stream_end(o->self, r);
}

int stream_run(struct run *run, struct stream_spec *s, struct error *err)
{
    const struct run_observer *o = run->options->observer;
    struct stream_report *r = run_report_add(run->report, run->pipeline->name, s->name);
    int code = 0;
    log_context("stream", s->name);
    if (o != NULL && o->stream_begin != NULL)
        o->stream_begin(o->self, run->pipeline->name, s->name);
    for (int number = 1;; number++) {
        struct attempt a;
        begin_attempt(&a, run, s, number);
        code = attempt_stream(&a, err);
        if (code != 0)
            code = explain(&a, err);
        fill_report(&a, r, code == 0 ? "succeeded" : "failed");
        bool again = code != 0 && may_try_again(&a, err);
        if (code != 0 && !again)
            record_failure(&a, err);
        close_attempt(&a, code != 0);
        if (!again)
            break;
        log_warn("stream '%s', attempt %d: %s; trying again", s->name, number, err->message);
        code = reconnect(run, err);
        if (code != 0)
            break;
    }
    r->code = (enum error_code)code;
    if (code != 0) {
        r->error = arena_strdup(run->report->arena, err->message);
        r->hint = arena_strdup(run->report->arena, err->hint);
    }
    if (o != NULL && o->stream_end != NULL)
        o->stream_end(o->self, r);
    log_context("stream", NULL);
    return code;
}
