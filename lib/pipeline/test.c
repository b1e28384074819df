#include "pipeline/test.h"

#include "core/clock.h"
#include "core/datetime.h"
#include "core/fileio.h"
#include "core/log.h"
#include "core/message.h"
#include "pipeline/column.h"
#include "pipeline/reject.h"
#include "pipeline/slice_run.h"
#include "pipeline/source/file.h"
#include "pipeline/test_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BODY_MAX  ((size_t)16 << 20)
#define TEXTS_MAX ((size_t)64 << 20)
#define STOP      "the test has seen enough" /* how a stream is stopped before its merge */

/* One test under way. */
struct trial {
    const struct test_options *options;
    const struct test_spec *spec;
    struct pipeline *pipeline;
    struct stream_spec *stream;
    struct test_found found;
    struct tape *tape;
    int text_fd;
    bool needs_database;
    struct error failure; /* of the stream */
};

/* ---- the time --------------------------------------------------------------------------- */

static int64_t fixed_wall_us(void *self)
{
    return *(const int64_t *)self;
}

static int64_t real_monotonic_ns(void *self)
{
    struct timespec t;
    (void)self;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void no_sleep(void *self, int64_t ms)
{
    (void)self;
    (void)ms;
}

/* ---- what it finds ---------------------------------------------------------------------- */

static const char **new_row(struct test_found *f)
{
    f->rows = mem_grow((void *)f->rows, &f->capacity, f->nrows + 1, sizeof *f->rows);
    f->rows[f->nrows] = arena_array(f->arena, f->stream->ncolumns + 1, sizeof(char *));
    return f->rows[f->nrows++];
}

static int find_row(void *self, const struct stream_context *ctx, const struct cell *cells,
                    struct error *err)
{
    struct trial *t = self;
    (void)err;
    if (t->needs_database && t->stream->target == &target_postgres)
        return 0; /* its rows are looked at once they are staged */
    const char **row = new_row(&t->found);
    for (size_t i = 0; i < t->stream->ncolumns; i++) {
        struct span text = SPAN("");
        bool is_null = false;
        if (column_canonical(ctx->reader, i, &cells[i], &text, &is_null) == NULL && !is_null)
            row[i] = arena_strndup(t->found.arena, text.ptr, text.len);
    }
    return 0;
}

static void take_rejects(struct test_found *f, const struct rejects *rejects)
{
    f->rejects = arena_array(f->arena, rejects->count + 1, sizeof *f->rejects);
    f->nrejects = rejects->count;
    for (size_t i = 0; i < rejects->count; i++) {
        const struct reject *r = &rejects->items[i];
        f->rejects[i].line = r->position;
        f->rejects[i].column = arena_strdup(f->arena, r->column);
        f->rejects[i].reason = arena_strdup(f->arena, r->reason);
    }
}

static int ask_expectations(struct trial *t, const struct stream_context *ctx, const char *staged,
                            struct error *err)
{
    const struct field_strings *queries = &t->spec->expect.sql;
    struct stream_context over = *ctx;
    over.staged = staged;
    for (size_t i = 0; i < queries->count; i++) {
        struct bound_sql sql;
        const char *text;
        AUTOFREE char *answer = NULL;
        TRY(pipeline_sql(t->pipeline, t->pipeline->root, queries->items[i], &text, err));
        TRY(stream_sql(&over, text, &sql, err));
        if (db_query_text(ctx->db, sql.sql, sql.params, sql.nparams, &answer, err) != 0)
            return error_context(err, "expect.sql");
        if (answer == NULL || answer[0] != 't')
            test_problem(&t->found, "expected true, found %s: %s", answer ? answer : "null",
                         queries->items[i]);
    }
    return 0;
}

static int stop(struct trial *t, struct error *err)
{
    t->found.is_complete = true;
    return error_set(err, ERR_FAILED, STOP);
}

static int find_end(void *self, const struct stream_context *ctx,
                    const struct stream_counts *counts, struct error *err)
{
    struct trial *t = self;
    if (t->needs_database && t->stream->target == &target_postgres)
        return 0;
    take_rejects(&t->found, ctx->rejects);
    t->found.skipped = counts->skipped;
    if (t->needs_database)
        TRY(ask_expectations(t, ctx, NULL, err));
    return stop(t, err);
}

static int find_staged_row(void *self, const struct db_result *row, struct error *err)
{
    struct trial *t = self;
    const char **values = new_row(&t->found);
    (void)err;
    for (size_t i = 0; i < t->stream->ncolumns; i++)
        values[i] = arena_strdup(t->found.arena, db_result_text(row, 0, i));
    return 0;
}

static int find_staged(void *self, const struct stream_context *ctx, const char *staged,
                       const struct stream_counts *counts, struct error *err)
{
    struct trial *t = self;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, 1 << 20);
    strbuf_adds(&sql, "select ");
    for (size_t i = 0; i < t->stream->ncolumns; i++) {
        strbuf_adds(&sql, i > 0 ? ", s." : "s.");
        db_quote_identifier(&sql, t->stream->columns[i].name);
        strbuf_adds(&sql, "::text");
    }
    strbuf_addf(&sql, " from %s s order by s._row, s.ctid", staged);
    TRY(db_query_each(ctx->db, sql.data, DB_NO_PARAMS, find_staged_row, t, err));
    take_rejects(&t->found, ctx->rejects);
    t->found.skipped = counts->skipped;
    TRY(ask_expectations(t, ctx, staged, err));
    return stop(t, err);
}

/* ---- what it is given ------------------------------------------------------------------- */

static const char *beside(const struct pipeline *p, const char *path)
{
    return path[0] == '/' ? path : arena_printf(p->arena, "%s/%s", p->directory, path);
}

static int give_text(struct trial *t, struct error *err)
{
    struct file_source_spec *spec = t->stream->source_spec;
    const char *text = t->spec->given.text;
    size_t n = strlen(text);
    t->text_fd = memfd_create("diner-test", MFD_CLOEXEC);
    if (t->text_fd < 0 || write(t->text_fd, text, n) != (ssize_t)n)
        return error_set_errno(err, ERR_IO, errno, "cannot keep the text of a test");
    spec->file = arena_printf(t->pipeline->arena, "/proc/self/fd/%d", t->text_fd);
    return 0;
}

static int give_body(struct trial *t, struct error *err)
{
    const char *body = t->spec->given.body;
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, BODY_MAX);
    const char *first = body + strspn(body, " \t\r\n");
    if (*first == '{' || *first == '[')
        strbuf_adds(&text, body);
    else
        TRY(file_read(beside(t->pipeline, body), BODY_MAX, &text, err));
    t->tape = tape_of_body(message_text("the body given"), (struct span){text.data, text.len});
    return 0;
}

/* Before the real APIs are asked: their answers would be lost. */
static int check_directory(const struct trial *t, const char *path, struct error *err)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    const char *directory = arena_strndup(t->pipeline->arena, path, (size_t)(slash - path));
    if (slash == path || stat(directory, &st) == 0 || errno != ENOENT)
        return 0;
    error_set(err, ERR_NOT_FOUND, "there is no directory '%s' for the tape", directory);
    return error_hint(err, "make it first: mkdir -p '%s'", directory);
}

static int open_tape(struct trial *t, struct error *err)
{
    const char *path = beside(t->pipeline, t->spec->given.answers);
    if (t->options->record)
        TRY(check_directory(t, path, err));
    int code = tape_open(path, t->options->record ? TAPE_RECORD : TAPE_REPLAY, &t->tape, err);
    if (code == ERR_NOT_FOUND && !t->options->record)
        error_hint(err,
                   "to record it, which asks the real APIs once: diner pipeline test %s "
                   "--record",
                   t->pipeline->name);
    return code;
}

static int give(struct trial *t, struct error *err)
{
    const struct test_given *g = &t->spec->given;
    if (g->text != NULL)
        return give_text(t, err);
    if (g->file != NULL) /* relative to the pipeline, as any file of it */
        ((struct file_source_spec *)t->stream->source_spec)->file = g->file;
    if (g->body != NULL)
        return give_body(t, err);
    if (g->answers != NULL)
        return open_tape(t, err);
    return 0;
}

/* ---- running the stream ----------------------------------------------------------------- */

static bool wants_database(const struct stream_spec *s, const struct test_spec *spec)
{
    bool has_sql = s->transforms.count > 0 || s->checks.count > 0;
    return s->source == &source_postgres || (s->target == &target_postgres && has_sql) ||
           s->vars.count > 0 || s->for_each != NULL || spec->given.sql != NULL ||
           spec->expect.sql.count > 0 || (s->reconcile != NULL && s->reconcile->against != NULL) ||
           /* which row of a key wins is for the database to say */
           (s->target == &target_postgres && s->key.count > 0 && s->incremental != NULL);
}

/* Of rows with one key the last wins: the rule of the merge, where no database is asked. */
static void supersede(struct test_found *f)
{
    const struct stream_spec *s = f->stream;
    size_t kept = 0;
    for (size_t i = 0; s->key.count > 0 && i < f->nrows; i++) {
        bool is_last = true;
        for (size_t k = i + 1; k < f->nrows && is_last; k++) {
            bool same = true;
            for (size_t c = 0; c < s->key.count && same; c++) {
                int at = stream_column(s, s->key.items[c]);
                const char *a = f->rows[i][at], *b = f->rows[k][at];
                same = a != NULL && b != NULL && strcmp(a, b) == 0;
            }
            is_last = !same;
        }
        if (is_last)
            f->rows[kept++] = f->rows[i];
    }
    if (s->key.count > 0)
        f->nrows = kept;
}

static int run_offline(struct trial *t, struct run *run, struct error *err)
{
    struct slice_result result = {0};
    struct slice slice = {.child = ""};
    char now[DATETIME_ISO_MAX];
    datetime_print(run->started_us, NULL, now);
    if (t->stream->incremental != NULL) {
        slice.window_start = t->stream->incremental->start;
        slice.window_end = now;
    }
    int code = slice_run(run, t->stream, &slice, &result, err);
    if (t->stream->target == &target_postgres)
        supersede(&t->found);
    return code;
}

static int prepare_database(struct trial *t, struct run *run, struct error *err)
{
    const char *text;
    TRY(db_begin(run->db, err));
    TRY(history_begin(run, t->pipeline->name, err));
    if (t->spec->given.sql == NULL)
        return 0;
    TRY(pipeline_sql(t->pipeline, t->pipeline->root, t->spec->given.sql, &text, err));
    return db_script(run->db, text, err) == 0 ? 0 : error_context(err, "given.sql");
}

/* An error before the stream is reached is no finding of the test: it could not be run. */
static int run_with_database(struct trial *t, struct run *run, struct error *err)
{
    TRY(run_choose_connection(run, err));
    TRY(run_connect(run, err));
    TRY(prepare_database(t, run, err));
    /* What a test expects of an error is written in English. */
    bool before = message_in_english(true);
    (void)stream_run(run, t->stream, &t->failure);
    (void)message_in_english(before);
    db_rollback(run->db);
    return 0;
}

static int run_stream(struct trial *t, struct error *err)
{
    struct stream_watch watch = {
        .self = t, .row = find_row, .read = find_end, .staged = find_staged};
    struct run_options options = *t->options->run;
    struct run_report report = {.arena = arena_new()};
    options.kind = t->needs_database ? RUN_PLAN : RUN_DRY;
    options.full_refresh = true; /* no cursor of the live state */
    options.watch = &watch;
    struct run run = {.options = &options,
                      .pipeline = t->pipeline,
                      .started_us = clock_wall_us(),
                      .report = &report,
                      .connectors = connector_pool_new(options.config, options.builtins)};
    if (t->tape != NULL)
        connector_pool_tape(run.connectors, t->tape);
    int code = 0;
    if (t->needs_database)
        code = run_with_database(t, &run, err);
    else
        (void)run_offline(t, &run, &t->failure);
    db_close(run.db);
    connector_pool_free(run.connectors);
    if (code == 0 && t->options->record && t->spec->given.answers != NULL)
        code = tape_save(t->tape, err);
    run_report_release(&report);
    return code;
}

static struct stream_spec *stream_named(const struct pipeline *p, const char *name)
{
    for (size_t i = 0; i < p->streams.count; i++)
        if (strcmp(p->streams.names[i], name) == 0)
            return (struct stream_spec *)p->streams.items + i;
    return NULL;
}

/* The pipeline is loaded anew for each test: with its params, at its time. */
static int load_for(struct trial *t, const char *name, int64_t now_us, struct error *err)
{
    const struct field_string_map *given = &t->spec->params;
    struct field_strings params = {0};
    struct arena *arena = t->found.arena;
    params.items = arena_array(arena, given->count + 1, sizeof(char *));
    for (size_t i = 0; i < given->count; i++)
        params.items[params.count++] =
            arena_printf(arena, "%s=%s", given->keys[i], given->values[i] ? given->values[i] : "");
    struct pipeline_options load = {.params = &params, .now_us = now_us};
    TRY(pipeline_load(name, t->options->run->config, &load, &t->pipeline, NULL, err));
    t->stream = stream_named(t->pipeline, t->spec->stream);
    t->stream->change_detection = 1; /* every row is looked at, whatever was loaded before */
    if (t->stream->for_each != NULL)
        t->stream->for_each->isolate = false;
    t->found.stream = t->stream;
    t->needs_database = wants_database(t->stream, t->spec);
    return 0;
}

static int64_t time_of(const struct test_spec *spec, const struct pipeline *p,
                       const struct test_options *o, int64_t otherwise_us)
{
    struct datetime now;
    struct tape *tape;
    struct error ignored = ERROR_INIT;
    if (spec->now != NULL && datetime_parse_iso(spec->now, strlen(spec->now), &now))
        return now.us;
    if (spec->given.answers == NULL || o->record ||
        tape_open(beside(p, spec->given.answers), TAPE_REPLAY, &tape, &ignored) != 0)
        return otherwise_us;
    int64_t recorded_us = tape_time_us(tape);
    tape_free(tape);
    return recorded_us;
}

static void tell(const struct trial *t, const struct pipeline *p, int64_t started_ms, int code)
{
    struct test_result result = {.pipeline = p->name,
                                 .file = p->file,
                                 .name = t->spec->name,
                                 .passed = t->found.nproblems == 0,
                                 .elapsed_ms = clock_monotonic_ms() - started_ms,
                                 .problems = t->found.problems,
                                 .nproblems = t->found.nproblems,
                                 .code = (enum error_code)code};
    t->options->done(t->options->self, &result);
}

/* The text that a test gives is read through a descriptor, whose name nobody knows. */
static void name_text(const struct trial *t, char message[ERROR_MESSAGE_MAX])
{
    char path[32], *at;
    AUTO_STRBUF struct strbuf text = {0};
    int n = snprintf(path, sizeof path, "/proc/self/fd/%d", t->text_fd);
    if (t->text_fd < 0 || (at = strstr(message, path)) == NULL)
        return;
    strbuf_init(&text, (size_t)2 * ERROR_MESSAGE_MAX);
    strbuf_addf(&text, "%.*sgiven.text of %s%s", (int)(at - message), message, t->spec->name,
                at + n);
    snprintf(message, ERROR_MESSAGE_MAX, "%s", text.data);
}

static void run_test(const struct pipeline *p, const struct test_spec *spec,
                     const struct test_options *o, const char *name)
{
    struct trial t = {.options = o, .spec = spec, .found = {.arena = arena_new()}, .text_fd = -1};
    struct error err = ERROR_INIT;
    int64_t started_ms = clock_monotonic_ms();
    int64_t now_us = time_of(spec, p, o, clock_wall_us());
    struct clock_source clock = {fixed_wall_us, real_monotonic_ns, no_sleep, &now_us};
    clock_inject(&clock);
    int code = load_for(&t, name, now_us, &err);
    if (code == 0)
        code = give(&t, &err);
    if (code == 0)
        code = run_stream(&t, &err);
    clock_inject(NULL);
    name_text(&t, err.message);
    name_text(&t, t.failure.message);
    if (code != 0) {
        test_problem(&t.found, "it could not be run: %s", err.message);
        if (err.hint[0] != '\0')
            test_problem(&t.found, "hint: %s", err.hint);
    } else {
        test_compare(&t.found, &spec->expect, t.found.is_complete ? NULL : t.failure.message);
    }
    tell(&t, p, started_ms, code);
    free((void *)t.found.rows);
    arena_free(t.found.arena);
    tape_free(t.tape);
    pipeline_free(t.pipeline);
    if (t.text_fd >= 0)
        close(t.text_fd);
}

int tests_run(const char *name, const struct test_options *o, struct error *err)
{
    struct pipeline *p;
    TRY(pipeline_load(name, o->run->config, NULL, &p, NULL, err));
    for (size_t i = 0; i < p->tests.count; i++) {
        const struct test_spec *spec = (const struct test_spec *)p->tests.items + i;
        if (o->only == NULL || strstr(spec->name, o->only) != NULL)
            run_test(p, spec, o, name);
    }
    pipeline_free(p);
    return 0;
}
