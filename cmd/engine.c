#include "engine.h"
#include "core/message.h"
#include "lineage.h"
#include "notify_channels.h"
#include "run_record.h"

#include "cli/progress.h"
#include "cli/table.h"
#include "commands.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/trace_span.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct screen {
    struct cli *cli;
    struct progress *progress;
    struct lineage *lineage;
    struct trace_span span; /* of the stream at work */
};

struct run_options engine_options(struct cli *cli)
{
    return (struct run_options){.config = cli->config,
                                .builtins = builtin_connectors,
                                .migrations = builtin_migrations,
                                .nmigrations = builtin_migrations_count};
}

static void stream_begin(void *self, const char *pipeline, const char *stream)
{
    struct screen *s = self;
    char label[128];
    snprintf(label, sizeof label, "%s.%s", pipeline, stream);
    s->progress = progress_begin(s->cli, label);
    trace_span_begin(&s->span, TRACE_SPAN_INTERNAL, label);
    trace_span_enter(&s->span);
    lineage_stream_begin(s->lineage, pipeline, stream);
}

static void progress(void *self, uint64_t rows, uint64_t done, uint64_t total)
{
    struct screen *s = self;
    progress_update(s->progress, rows, done, total);
}

static void stream_end(void *self, const struct stream_report *report)
{
    struct screen *s = self;
    progress_end(s->progress);
    s->progress = NULL;
    lineage_stream_end(s->lineage, report);
    trace_span_number(&s->span, "diner.rows_read", report->counts.read);
    if (report->code != ERR_OK)
        trace_span_fail(&s->span, error_code_name(report->code));
    trace_span_end(&s->span);
}

/* A column of counts; those that are most often zero are quiet in tables for people. */
struct report_column {
    struct table_column column;
    size_t count; /* offset in struct stream_counts */
};
#define COUNT(name, is_quiet)                                                                      \
    {                                                                                              \
        {#name, TABLE_INT, is_quiet}, offsetof(struct stream_counts, name)                         \
    }
static const struct report_column report_counts[] = {
    COUNT(read, false),    COUNT(inserted, false),  COUNT(updated, false),  COUNT(unchanged, false),
    COUNT(deleted, true),  COUNT(superseded, true), COUNT(rejected, false), COUNT(skipped, true),
    COUNT(accepted, true), COUNT(findings, true)};
#define REPORT_COUNTS (sizeof report_counts / sizeof *report_counts)

enum { EXTRA_MAX = 4 };

static void print_stream(struct cli *cli, struct table *t, const struct stream_report *r,
                         const struct engine_extra *extra)
{
    const char *values[REPORT_COUNTS + 5 + EXTRA_MAX] = {r->pipeline, r->stream, r->status};
    const char *counts = (const char *)&r->counts;
    size_t n = 3;
    for (size_t k = 0; k < REPORT_COUNTS; k++) {
        int64_t count = *(const int64_t *)(const void *)(counts + report_counts[k].count);
        values[n++] = arena_printf(cli->arena, "%" PRId64, count);
    }
    values[n++] = arena_printf(cli->arena, "%" PRId64, r->elapsed_ms);
    values[n++] = r->target;
    if (extra != NULL)
        extra->values(extra->self, r, values + n);
    table_row(t, values);
}

static int print_report(struct cli *cli, const struct run_report *report,
                        const struct engine_extra *extra, struct error *err)
{
    struct table_column columns[REPORT_COUNTS + 6 + EXTRA_MAX] = {
        {"pipeline", TABLE_TEXT}, {"stream", TABLE_TEXT}, {"status", TABLE_TEXT}};
    size_t n = 3;
    for (size_t k = 0; k < REPORT_COUNTS; k++)
        columns[n++] = report_counts[k].column;
    columns[n++] = (struct table_column){"elapsed_ms", TABLE_INT};
    columns[n++] = (struct table_column){"target", TABLE_TEXT};
    for (size_t k = 0; extra != NULL && extra->columns[k].key != NULL && k < EXTRA_MAX; k++)
        columns[n++] = extra->columns[k];
    struct table *t = table_new(cli, columns);
    for (size_t i = 0; i < report->nstreams; i++)
        print_stream(cli, t, &report->streams[i], extra);
    return table_end(t, "no streams", err);
}

/* Streams that failed beside the first, which the command itself reports. */
static void print_failures(struct cli *cli, const struct run_report *report,
                           const struct error *first)
{
    bool told = false;
    for (size_t i = 0; i < report->nstreams; i++) {
        const struct stream_report *r = &report->streams[i];
        if (r->error == NULL)
            continue;
        if (!told && strcmp(r->status, "failed") == 0 && strstr(first->message, r->error) != NULL) {
            told = true;
            continue;
        }
        AUTO_STRBUF struct strbuf line = {0};
        strbuf_init(&line, 8192);
        strbuf_addf(&line, "%s.%s %s: %s\n", r->pipeline, r->stream, r->status, r->error);
        secret_redact(&line);
        fputs(line.data, cli->err);
    }
}

static const char *kind_word(enum run_kind kind)
{
    return kind == RUN_LOAD  ? ""
           : kind == RUN_DRY ? message_text(" (dry run: nothing was written)")
                             : message_text(" (plan: rolled back)");
}

static const char *result_word(enum error_code code)
{
    return code == ERR_OK          ? message_text("done")
           : code == ERR_PARTIAL   ? message_text("done in part")
           : code == ERR_CANCELLED ? message_text("stopped")
                                   : message_text("failed");
}

static void print_summary(struct cli *cli, const char *pipeline, const struct run_report *report,
                          enum run_kind kind, int64_t elapsed_ms)
{
    struct stream_counts sum = {0};
    char run[48] = "";
    for (size_t i = 0; i < report->nstreams; i++) {
        const struct stream_counts *c = &report->streams[i].counts;
        sum.read += c->read;
        sum.inserted += c->inserted;
        sum.updated += c->updated;
        sum.deleted += c->deleted;
        sum.unchanged += c->unchanged;
        sum.rejected += c->rejected;
        sum.accepted += c->accepted;
        sum.findings += c->findings;
    }
    if (report->run_id != 0)
        snprintf(run, sizeof run, message_text(", run %" PRId64), report->run_id);
    if (kind == RUN_DRY) {
        cli_summary(
            cli, "%s %s: %" PRId64 " read, %" PRId64 " accepted, %" PRId64 " rejected in %.1f s%s",
            pipeline, result_word(report->code), sum.read, sum.accepted, sum.rejected,
            (double)elapsed_ms / 1000, kind_word(kind));
        return;
    }
    cli_summary(
        cli,
        "%s %s: %" PRId64 " read, %" PRId64 " inserted, %" PRId64 " updated, %" PRId64
        " deleted, %" PRId64 " unchanged, %" PRId64 " rejected, %" PRId64 " findings in %.1f s%s%s",
        pipeline, result_word(report->code), sum.read, sum.inserted, sum.updated, sum.deleted,
        sum.unchanged, sum.rejected, sum.findings, (double)elapsed_ms / 1000, run, kind_word(kind));
}

static void print_detached(struct cli *cli, const char *pipeline, const struct run_report *report)
{
    fprintf(cli->out, "%" PRId64 "\n", report->run_id);
    cli_summary(cli, "%s: run %" PRId64 " waits for a worker", pipeline, report->run_id);
}

/* Not what the caller did himself, nor that another is at it. */
static bool is_news(int code)
{
    return code != ERR_OK && code != ERR_USAGE && code != ERR_CANCELLED && code != ERR_RUNNING;
}

int engine_run(struct cli *cli, const char *pipeline, const struct run_options *options,
               struct run_record *record, struct error *err)
{
    return engine_run_with(cli, pipeline, options, NULL, record, err);
}

int engine_run_with(struct cli *cli, const char *pipeline, const struct run_options *options,
                    const struct engine_extra *extra, struct run_record *record, struct error *err)
{
    struct screen screen = {.cli = cli,
                            .lineage = options->kind == RUN_LOAD ? lineage_begin(cli) : NULL};
    const struct run_observer observer = {.self = &screen,
                                          .stream_begin = stream_begin,
                                          .progress = progress,
                                          .stream_end = stream_end};
    struct run_options watched = *options;
    struct run_report report;
    struct error ignored = ERROR_INIT;
    int64_t started_ms = clock_monotonic_ms();
    watched.observer = &observer;
    int code = run_pipeline(pipeline, &watched, &report, err);
    progress_end(screen.progress);
    lineage_end(screen.lineage);
    if (report.is_left)
        log_notice("run %" PRId64 " is left to another worker: %s", report.run_id, err->message);
    else if (report.is_detached)
        print_detached(cli, pipeline, &report);
    else if (report.nstreams > 0) {
        int printed = print_report(cli, &report, cli->output == CLI_OUTPUT_TABLE ? NULL : extra,
                                   code == 0 ? err : &ignored);
        if (code != 0)
            print_failures(cli, &report, err);
        else
            code = printed;
        print_summary(cli, pipeline, &report, options->kind, clock_monotonic_ms() - started_ms);
    }
    if (!report.is_detached && !report.is_left)
        run_record_add(record, pipeline, &report, options->kind, clock_monotonic_ms() - started_ms,
                       err);
    if (is_news(code) && options->kind == RUN_LOAD && !report.is_left)
        notify_run_failed(cli, pipeline, report.run_id, err);
    run_report_release(&report);
    return code;
}

void engine_diagnostic(FILE *out, const struct diagnostic *d)
{
    AUTO_STRBUF struct strbuf line = {0};
    strbuf_init(&line, 64 << 10);
    if (d->file != NULL)
        strbuf_addf(&line, "%s:%d:%d: ", d->file, d->line, d->column);
    strbuf_addf(&line, "%s%s\n", d->is_warning ? message_text("warning: ") : "", d->message);
    if (d->hint != NULL)
        strbuf_addf(&line, "  %s%s\n", message_text("hint: "), d->hint);
    secret_redact(&line);
    fputs(line.data, out);
}

int engine_open(struct cli *cli, struct db_conn **ret, struct error *err)
{
    char *dsn;
    TRY(config_dsn(cli->config, "warehouse", &dsn, err));
    struct db_options options = {.dsn = dsn, .application_name = "diner"};
    int code = db_open(&options, ret, err);
    secret_free(dsn);
    TRY(code);
    code = migrate_require(*ret, builtin_migrations, builtin_migrations_count, err);
    if (code != 0)
        db_close(*ret);
    return code;
}

struct table_query {
    struct table *table;
    const char **values;
};

static int table_query_row(void *self, const struct db_result *row, struct error *err)
{
    struct table_query *q = self;
    (void)err;
    for (size_t i = 0; i < db_result_columns(row); i++)
        q->values[i] = db_result_text(row, 0, i);
    table_row(q->table, q->values);
    return 0;
}

int engine_table(struct cli *cli, struct db_conn *db, const char *sql, const char *const *params,
                 size_t nparams, const struct table_column *columns, const char *empty,
                 struct error *err)
{
    size_t n = 0;
    while (columns[n].key != NULL)
        n++;
    struct table_query q = {.table = table_new(cli, columns),
                            .values = arena_array(cli->arena, n + 1, sizeof(char *))};
    struct error ignored = ERROR_INIT;
    int code = db_query_each(db, sql, params, nparams, table_query_row, &q, err);
    int printed = table_end(q.table, empty, code == 0 ? err : &ignored);
    return code != 0 ? code : printed;
}
