/* One slice of a stream: read, validate, stage, and commit rows, cursor, rejects and record
 * together. */
#include "core/clock.h"
#include "core/datetime.h"
#include "core/log.h"
#include "core/message.h"
#include "core/signals.h"
#include "format/jpull.h"
#include "gen/embed.h"
#include "pipeline/column.h"
#include "pipeline/reject.h"
#include "pipeline/replay.h"
#include "pipeline/state.h"
#include "pipeline/undeclared.h"

#include <inttypes.h>
#include <sched.h>
#include <string.h>

#define ATTEMPTS_MAX    4
#define ATTEMPT_WAIT_MS 2000
#define LOOK_EVERY_ROWS 1024
#define SUMS_MAX        8

/* One attempt at one slice. */
struct attempt {
    struct run *run;
    struct stream_spec *stream;
    const struct slice *slice;
    struct slice_result *result;
    struct stream_context ctx;
    struct source *source;
    struct target *target;
    struct stream_counts counts;
    struct source_summary summary;
    size_t nsums;
    int sum_columns[SUMS_MAX];
    struct decimal sums[SUMS_MAX]; /* over loaded and rejected rows */
    /* `from: $name`: cells of the child's own values, laid over those of the source. */
    struct cell *cells;
    struct cell *bound;            /* by column; CELL_NULL where the source has it */
    struct undeclared *undeclared; /* or NULL: nobody asks */
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

static int load_ledger(struct attempt *a, struct error *err)
{
    /* A window is read once by its cursor, whatever is in it. */
    bool is_kept = (a->stream->mode == MODE_APPEND && a->stream->incremental == NULL &&
                    a->stream->target == &target_postgres) ||
                   ynode_get(a->stream->source_node, "changed") != NULL;
    if (!is_kept || !source_reads_text(a->stream->source) || a->ctx.dry_run)
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

static void find_bound(struct attempt *a)
{
    const struct stream_spec *s = a->stream;
    if (a->ctx.items == NULL || a->ctx.items->count == 0)
        return;
    struct cell *bound = arena_array(a->ctx.arena, s->ncolumns + 1, sizeof *bound);
    for (size_t i = 0; i < s->ncolumns; i++) {
        const char *value = stream_bound(&a->ctx, i);
        if (value == NULL)
            continue;
        bound[i] = (struct cell){CELL_CLEAN, span_of(value)};
        a->bound = bound;
    }
    a->cells = arena_array(a->ctx.arena, s->ncolumns + 1, sizeof *a->cells);
}

static int open_both(struct attempt *a, struct error *err)
{
    struct column_habits habits = {0};
    TRY(ask_vars(a, err));
    TRY(load_ledger(a, err));
    if (a->stream->source->habits != NULL)
        a->stream->source->habits(&a->ctx, &habits);
    TRY(target_postgres_pulls(&a->ctx, &a->ctx.is_pulled, err));
    if (a->ctx.is_pulled)
        TRY(a->stream->target->open(&a->ctx, &a->target, err));
    else
        TRY(a->stream->source->open(&a->ctx, &a->source, err));
    TRY(column_keys_resolve(a->stream->columns, a->stream->ncolumns, err));
    a->ctx.reader = column_reader_new(a->stream->columns, a->stream->ncolumns, &habits);
    if (undeclared_is_asked(a->stream))
        a->undeclared = undeclared_new(a->stream);
    find_sums(a);
    find_bound(a);
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

static void lay_over(struct attempt *a, struct source_row *row)
{
    const size_t n = a->stream->ncolumns;
    for (size_t i = 0; i < n; i++)
        a->cells[i] = a->bound[i].form != CELL_NULL ? a->bound[i] : row->cells[i];
    row->cells = a->cells;
    row->raw_delimiter = 0;
    row->binary = (struct span){NULL, 0};
}

/* `schema: { undeclared }`, but for evolve, which is the target's. */
static int look_for_more(struct attempt *a, struct source_row *row, const char **ret_reason,
                         struct error *err)
{
    const struct stream_spec *s = a->stream;
    if (row->object.len > 0)
        TRY(undeclared_members(a->undeclared, row->object, &row->more, err));
    if (row->more.len == 0)
        return 0;
    if (s->schema.undeclared == CONTRACT_EVOLVE) {
        struct error problem = ERROR_INIT;
        if (jpull_check_storable(row->more, &problem) != 0)
            *ret_reason =
                arena_printf(a->ctx.arena, "in what is not declared: %s", problem.message);
        return 0;
    }
    if (s->schema.undeclared == CONTRACT_DISCARD_ROW) {
        *ret_reason = undeclared_reason(a->ctx.arena, row->more);
        return 0;
    }
    return undeclared_freeze(
        s, arena_printf(a->ctx.arena, "%s:%" PRIu64, row->origin, row->position), row->more, err);
}

static int take_row(struct attempt *a, struct source_row *row, struct error *err)
{
    const char *reason = row->fault;
    int column = -1;
    if (a->bound != NULL)
        lay_over(a, row);
    a->counts.read++;
    if (a->nsums > 0)
        add_to_sums(a, row);
    if (reason == NULL && a->undeclared != NULL)
        TRY(look_for_more(a, row, &reason, err));
    if (reason == NULL)
        TRY(a->stream->target->row(a->target, row, &reason, &column, err));
    if (reason == NULL)
        return a->ctx.watch != NULL && a->ctx.watch->row != NULL
                   ? a->ctx.watch->row(a->ctx.watch->self, &a->ctx, row->cells, err)
                   : 0;
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

static int note(struct attempt *a, const char *check, const char *found, struct error *err)
{
    a->counts.findings++;
    return db_execute(a->run->db,
                      "insert into diner.finding (run_id, stream, check_name, row_data) "
                      "values ($1::bigint, $2, $3, jsonb_build_object('found', $4::text))",
                      DB_PARAMS(arena_printf(a->ctx.arena, "%" PRId64, a->ctx.run_id),
                                a->stream->name, check, found),
                      NULL, err);
}

/* What the source tells of itself is kept with the run: old answers in place of new ones, subtotals
 * that differ. After the target's COPY. */
static int note_findings(struct attempt *a, struct error *err)
{
    for (size_t i = 0; i < a->summary.nfindings; i++)
        TRY(note(a, "subtotals", a->summary.findings[i], err));
    return a->summary.degraded != NULL ? note(a, "degraded", a->summary.degraded, err) : 0;
}

static int read_to_end(struct attempt *a, struct error *err)
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
    if (a->summary.degraded != NULL)
        log_warn("stream '%s' is degraded: %s", a->stream->name, a->summary.degraded);
    a->counts.read += (int64_t)a->summary.skipped;
    a->counts.skipped += (int64_t)a->summary.skipped;
    return rejects_check_budget(a->ctx.rejects, &a->ctx, a->counts.read, true, err);
}

static bool change_policy(int from, int to)
{
    return sched_getscheduler(0) == from &&
           sched_setscheduler(0, to, &(struct sched_param){0}) == 0;
}

/* From server to server we only relay. Who wakes at each message takes the processor from the one
 * that sends; SCHED_BATCH waits until there is more, see sched(7). */
static int read_rows(struct attempt *a, struct error *err)
{
    const bool is_relay =
        a->stream->source == &source_postgres && a->stream->target == &target_postgres;
    const bool is_batch = is_relay && change_policy(SCHED_OTHER, SCHED_BATCH);
    int code = read_to_end(a, err);
    if (is_batch)
        (void)change_policy(SCHED_BATCH, SCHED_OTHER);
    return code;
}

/* Against what the source itself says: rows and sums, exact. */
static int reconcile(const struct attempt *a, struct error *err)
{
    const struct source_summary *s = &a->summary;
    const bool is_file = source_reads_text(a->stream->source);
    if (s->rows_are_exact && s->expect_rows != a->counts.read)
        return error_set(err, ERR_CHECK,
                         "stream '%s': the API states %" PRId64 " rows, %" PRId64 " came",
                         a->stream->name, s->expect_rows, a->counts.read);
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
        error_set(err, is_file ? ERR_DATA : ERR_CHECK,
                  "stream '%s': the %s states a total of %s for '%s', its rows add up to %s",
                  a->stream->name, is_file ? message_text("file") : "API", stated,
                  s->sum_columns[i], found);
        return error_hint(err, "rows are missing or damaged; nothing of it was loaded");
    }
    return 0;
}

/* ---- committing ------------------------------------------------------------------------- */

static void fill_result(const struct attempt *a)
{
    struct slice_result *r = a->result;
    r->counts = a->counts;
    r->elapsed_ms = clock_monotonic_ms() - a->started_ms;
    r->bytes = a->summary.bytes;
    r->attempts = a->number;
    r->started_us = a->started_us;
    snprintf(r->target, sizeof r->target, "%s", a->target_text != NULL ? a->target_text : "");
    snprintf(r->source_hash, sizeof r->source_hash, "%s", a->summary.sha256);
}

/* In the open transaction: the slice, or the stream when it is its only slice. */
static int record(struct attempt *a, const struct error *cause, struct error *err)
{
    fill_result(a);
    if (a->slice->is_part)
        return history_slice(a->run, a->stream, a->slice, a->result, cause, err);
    return history_stream(a->run, a->stream->name, cause == NULL ? "succeeded" : "failed",
                          a->result, cause != NULL ? cause->message : "", err);
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
    TRY(record(a, NULL, err));
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

/* Of a window the cursor goes to its end, even when no row was in it; never back. */
static int move_cursor(struct attempt *a, struct error *err)
{
    const char *stored;
    struct datetime before, after;
    const char *next = a->slice->cursor_after;
    if (next == NULL)
        return 0;
    TRY(state_get(&a->ctx, "cursor", &stored, err));
    if (stored != NULL && datetime_parse_iso(stored, strlen(stored), &before) &&
        datetime_parse_iso(next, strlen(next), &after) && after.us <= before.us)
        return 0;
    return state_set(&a->ctx, "cursor", next, err);
}

/* A worker holds no lock: it writes only while the run that has it is still the one, and while its
 * lease is. */
static int check_fence(const struct run *run, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    char id[24];
    if (!run->is_worker && run->lease == NULL)
        return 0;
    snprintf(id, sizeof id, "%" PRId64, run->run_id);
    TRY(db_query(run->db, sql_run_fence, DB_PARAMS(id), &res, err));
    if (db_result_rows(res) != 1 || !db_result_bool(res, 0, 0))
        return error_set(err, ERR_RUNNING, "run %s of '%s' is over, or another one took over", id,
                         run->pipeline->name);
    return run->lease != NULL ? lease_fence(run->db, run->lease, err) : 0;
}

/* With its last slice a task is done: killed at any instant, it is both or neither. */
static int end_task(const struct attempt *a, struct error *err)
{
    const struct lease *l = a->run->lease;
    if (l == NULL || l->stream[0] == '\0' || !a->slice->is_last)
        return 0;
    return lease_end(a->run->db, l, "done", NULL, NULL, err);
}

/* Older ones whose rows this slice has read again. What a source had once, and gives in place of
 * what it has, says nothing of them. */
static int close_rejects(struct attempt *a, struct error *err)
{
    const struct target_ops *ops = a->stream->target;
    if (a->ctx.replay != NULL || a->summary.degraded != NULL || ops->close_rejects == NULL)
        return 0;
    return ops->close_rejects(a->target, err);
}

static int commit(struct attempt *a, struct error *err)
{
    if (!db_in_transaction(a->run->db))
        TRY(db_begin(a->run->db, err));
    if (a->ctx.ledger != NULL)
        TRY(state_ledger_save(&a->ctx, a->ctx.ledger, err));
    TRY(move_cursor(a, err));
    if (a->summary.state != NULL && !a->ctx.backfill)
        TRY(state_set(&a->ctx, "state", a->summary.state, err));
    if (a->ctx.replay != NULL)
        TRY(replay_settle(&a->ctx, a->ctx.replay, err));
    TRY(close_rejects(a, err));
    TRY(rejects_save(a->ctx.rejects, &a->ctx, false, err));
    TRY(record(a, NULL, err));
    TRY(check_fence(a->run, err));
    TRY(end_task(a, err));
    TRY(db_commit(a->run->db, err));
    a->is_committed = true;
    return confirm_or_repeat(a, err);
}

static int attempt_stream(struct attempt *a, struct error *err)
{
    bool is_offline = a->ctx.dry_run && a->run->db == NULL;
    if (!a->ctx.plan && !is_offline && !db_is_alive(a->run->db)) /* an earlier stream lost it */
        TRY(run_connect(a->run, err));
    a->ctx.db = a->run->db;
    if (a->ctx.plan)
        TRY(db_execute(a->run->db, "savepoint diner_plan", DB_NO_PARAMS, NULL, err));
    if (a->ctx.watch != NULL && a->ctx.watch->begin != NULL)
        TRY(a->ctx.watch->begin(a->ctx.watch->self, &a->ctx, err));
    TRY(open_both(a, err));
    /* Kept: a failure is told after the target was closed. */
    a->target_text = arena_strdup(a->ctx.arena, a->stream->target->description(a->target));
    if (a->source != NULL)
        TRY(read_rows(a, err));
    else
        a->counts.read = target_postgres_staged(&a->ctx, a->target);
    TRY(reconcile(a, err));
    if (a->ctx.watch != NULL && a->ctx.watch->read != NULL)
        TRY(a->ctx.watch->read(a->ctx.watch->self, &a->ctx, &a->counts, err));
    if (a->ctx.dry_run) {
        a->counts.accepted = a->counts.read - a->counts.rejected - a->counts.skipped;
        return 0;
    }
    TRY(a->stream->target->finish(a->target, &a->counts, err));
    TRY(note_findings(a, err));
    TRY(rejects_check_budget(a->ctx.rejects, &a->ctx, a->counts.read, true, err));
    TRY(stream_counts_check(&a->counts, err));
    if (!a->ctx.plan)
        return commit(a, err);
    if (a->ctx.watch != NULL && a->ctx.watch->merged != NULL)
        TRY(a->ctx.watch->merged(a->ctx.watch->self, &a->ctx, &a->counts, err));
    TRY(rejects_save(a->ctx.rejects, &a->ctx, false, err));
    return record(a, NULL, err);
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
    undeclared_free(a->undeclared);
    column_reader_free(a->ctx.reader);
    state_ledger_free(a->ctx.ledger);
    rejects_free(a->ctx.rejects);
    arena_free(a->ctx.arena);
}

static void begin_attempt(struct attempt *a, struct run *run, struct stream_spec *s,
                          const struct slice *slice, struct slice_result *result, int number)
{
    const struct run_options *o = run->options;
    *a = (struct attempt){.run = run,
                          .stream = s,
                          .slice = slice,
                          .result = result,
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
                                     .connectors = run->connectors,
                                     .replay = run->replay,
                                     .run_id = run->run_id,
                                     .window_start = slice->window_start,
                                     .window_end = slice->window_end,
                                     .window_day = slice->window_day,
                                     .window_days = slice->days,
                                     .child = slice->child,
                                     .items = &slice->items,
                                     .backfill = slice->is_backfill,
                                     .jobs = slice->is_part || o->jobs < 1 ? 1 : (int)o->jobs,
                                     .full_refresh = o->full_refresh,
                                     .verify = o->verify,
                                     .dry_run = o->kind == RUN_DRY,
                                     .plan = o->kind == RUN_PLAN,
                                     .control_connection = run->control_connection,
                                     .watch = o->watch,
                                     .rejects = rejects_new()};
    if (o->observer != NULL) {
        a->ctx.on_row = o->observer->row;
        a->ctx.on_row_self = o->observer->self;
    }
}

/* ---- failing ---------------------------------------------------------------------------- */

/* Rejects and the record of a failed slice, in a transaction of their own. */
static void record_failure(struct attempt *a, const struct error *cause)
{
    struct error ignored = ERROR_INIT;
    if (a->ctx.plan || a->ctx.dry_run || a->run->run_id == 0)
        return;
    if (a->target != NULL)
        a->stream->target->close(a->target);
    a->target = NULL;
    undo(a->run);
    if (!db_is_alive(a->run->db) && run_connect(a->run, &ignored) != 0)
        return;
    a->ctx.db = a->run->db;
    if (db_begin(a->run->db, &ignored) != 0 ||
        rejects_save(a->ctx.rejects, &a->ctx, true, &ignored) != 0 ||
        record(a, cause, &ignored) != 0 || check_fence(a->run, &ignored) != 0 ||
        db_commit(a->run->db, &ignored) != 0) {
        log_debug("the failure could not be recorded: %s", ignored.message);
        db_rollback(a->run->db);
    }
}

/* Whose fault it is, and how to go on. */
static int explain(const struct attempt *a, struct error *err)
{
    stream_blame_sql(err);
    if (signals_pending() != 0 && (err->code == ERR_IO || err->code == ERR_DATABASE_TRANSIENT ||
                                   err->code == ERR_DATABASE || err->code == ERR_UNAVAILABLE))
        (void)signals_check(err); /* a call that the signal cut short */
    if (err->code == ERR_CANCELLED)
        error_hint(
            err,
            a->is_committed
                ? MESSAGE("the rows of stream '%s' are committed; what was not sent yet goes out "
                          "when the same command is run again")
                : MESSAGE("nothing of stream '%s' was committed; run the same command again"),
            a->stream->name);
    return err->code;
}

static bool may_try_again(const struct attempt *a, const struct error *err)
{
    return err->code == ERR_DATABASE_TRANSIENT && a->number < ATTEMPTS_MAX && !a->is_committed &&
           a->run->options->kind == RUN_LOAD && signals_pending() == 0;
}

int slice_run(struct run *run, struct stream_spec *s, const struct slice *slice,
              struct slice_result *ret, struct error *err)
{
    struct stream_fallback fallback = {0};
    int code = 0;
    for (int number = 1;; number++) {
        struct attempt a;
        begin_attempt(&a, run, s, slice, ret, number);
        a.ctx.fallback = &fallback;
        code = attempt_stream(&a, err);
        if (code != 0)
            code = explain(&a, err);
        fill_result(&a);
        bool falls_back = code != 0 && fallback.is_wanted && !fallback.is_on;
        bool again = falls_back || (code != 0 && may_try_again(&a, err));
        if (code != 0 && !again)
            record_failure(&a, err);
        close_attempt(&a, code != 0);
        if (!again)
            return code;
        if (falls_back) {
            fallback.is_on = true;
            log_info("stream '%s' is read again, every row of it: %s", s->name, err->message);
            error_clear(err);
            continue;
        }
        log_warn("stream '%s', attempt %d: %s; trying again", s->name, number, err->message);
        TRY(reconnect(run, err));
    }
}
