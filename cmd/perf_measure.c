/* cmd/perf_measure.c - the phases of perf-report that measure: snapshot, load, attribute. */
#include "perf.h"

#include "cli/progress.h"
#include "cli/table.h"
#include "core/message.h"
#include "core/secret.h"
#include "perf/server.h"
#include "perf/study_run.h"
#include "perf_measure.h"

/* ---- snapshot ------------------------------------------------------------------------------- */

struct snapshot_args {
    const char *db, *config, *since, *out_file;
    int64_t for_ms;
};
#define SNAPSHOT(m) .offset = offsetof(struct snapshot_args, m)
static const struct field snapshot_fields[] = {
    {"db", FIELD_STRING, SNAPSHOT(db),
     "what is looked at: a connection's name, env:NAME, file:PATH or a DSN without password",
     .arg = "DSN"},
    {"config", FIELD_STRING, SNAPSHOT(config), "take the database from this perf.yaml",
     .arg = "FILE", .complete = "file"},
    {"since", FIELD_STRING, SNAPSHOT(since),
     "what happened since this earlier snapshot, however long ago", .arg = "FILE",
     .complete = "file"},
    {"for", FIELD_DURATION, SNAPSHOT(for_ms),
     "watch for so long: two looks, and the sessions between", .def = "0s", .min = 0,
     .max = (int64_t)24 * 3600 * 1000},
    {"out-file", FIELD_STRING, SNAPSHOT(out_file), "write it there instead of to stdout",
     .arg = "FILE", .complete = "file"},
    {0},
};
static const struct field_set snapshot_set = {
    .name = "perf-report-snapshot",
    .help = "Which database, and since when",
    .struct_size = sizeof(struct snapshot_args),
    .fields = snapshot_fields,
};

static int check_snapshot(const struct snapshot_args *a, struct error *err)
{
    if ((a->db == NULL) == (a->config == NULL))
        return error_set(err, ERR_USAGE, "give --db or --config, one of them");
    if (a->since != NULL && a->for_ms > 0)
        return error_set(err, ERR_USAGE, "--since and --for exclude each other");
    return 0;
}

static int subtract(struct cli *cli, const char *since, struct perf_study *s, struct error *err)
{
    struct perf_study before;
    TRY(perf_read_study(cli, since, &before, err));
    struct perf_server after = s->server;
    int code = perf_server_difference(&before.server, &after, cli->arena, &s->server, err);
    perf_study_release(&before);
    return code == 0 ? 0 : error_context(err, "%s", since);
}

int perf_take_snapshot(struct cli *cli, const struct perf_config *c, const char *db, int64_t for_ms,
                       struct perf_study *s, struct error *err)
{
    char *dsn = NULL;
    TRY(perf_resolve_dsn(cli, db != NULL ? db : c->database, &dsn, err));
    int code = perf_study_snapshot(dsn, for_ms, cli->arena, s, err);
    if (code == 0)
        perf_study_environment(c, NULL, cli->arena, s);
    secret_free(dsn);
    return code;
}

static int take(struct cli *cli, const struct snapshot_args *a, struct perf_study *s,
                struct error *err)
{
    struct perf_config c = {0};
    if (a->config != NULL)
        TRY(perf_read_config(cli, a->config, &c, err));
    if (a->config != NULL && c.database == NULL)
        return error_set(err, ERR_SPEC, "%s names no database", a->config);
    return perf_take_snapshot(cli, &c, a->db, a->for_ms, s, err);
}

static int run_snapshot(struct cli *cli, const void *bound, struct error *err)
{
    const struct snapshot_args *a = bound;
    struct perf_study s;
    TRY(check_snapshot(a, err));
    perf_study_init(&s);
    TRY(take(cli, a, &s, err));
    if (a->since != NULL)
        TRY(subtract(cli, a->since, &s, err));
    if (s.server.reset)
        fprintf(
            cli->err, "%s\n",
            message_text("warning: the counters were reset meanwhile: differences are not valid"));
    if (s.server.evicted > 0)
        fprintf(cli->err,
                message_text("warning: pg_stat_statements evicted entries %.0f times meanwhile: "
                             "figures may be too low\n"),
                s.server.evicted);
    TRY(perf_write_study(cli, &s, a->out_file, err));
    cli_summary(cli, "snapshot: %zu statements, %zu tables, %zu indexes", s.server.nstatements,
                s.server.ntables, s.server.nindexes);
    return 0;
}

const struct command command_perf_snapshot = {
    .name = "snapshot",
    .summary = "look at a database: statements, tables, indexes, settings, sessions",
    .description =
        "Reads PostgreSQL's own counters in a session that can only read, gives up after 5 s and "
        "waits for no lock longer than 100 ms; nothing is reset. The result is JSON that the other "
        "phases take. Two of them, any time apart, show what happened in between (--since).",
    .args = &snapshot_set,
    .examples =
        (const struct command_example[]){
            {"diner perf-report snapshot --db warehouse --out-file monday.json",
             "one look: totals"},
            {"diner perf-report snapshot --db warehouse --since monday.json --out-file week.json",
             "what happened since then"},
            {0}},
    .run = run_snapshot,
};

/* ---- load, attribute ------------------------------------------------------------------------ */

struct measure_args {
    const char *url, *config, *db, *study, *out_file, *out_before;
};
#define MEASURE(m) .offset = offsetof(struct measure_args, m)
static const struct field measure_fields[] = {
    {"url", FIELD_STRING, MEASURE(url), "what is asked, with defaults; or --config", .arg = "URL",
     .flags = FIELD_POSITIONAL},
    {"config", FIELD_STRING, MEASURE(config), "what is asked and how: a perf.yaml", .arg = "FILE",
     .complete = "file"},
    {"db", FIELD_STRING, MEASURE(db), "the API's database, instead of that of the configuration",
     .arg = "DSN"},
    {"study", FIELD_STRING, MEASURE(study), "continue this study: what it has stays", .arg = "FILE",
     .complete = "file"},
    {"out-file", FIELD_STRING, MEASURE(out_file), "write the study there instead of to stdout",
     .arg = "FILE", .complete = "file"},
    {"out-before", FIELD_STRING, MEASURE(out_before), "where the study of `before` is written",
     .arg = "FILE", .complete = "file"},
    {0},
};
static const struct field_set load_set = {
    .name = "perf-report-load",
    .help = "What is loaded",
    .struct_size = sizeof(struct measure_args),
    .fields = measure_fields,
};
static const struct field_set attribute_set = {
    .name = "perf-report-attribute",
    .help = "What is driven",
    .struct_size = sizeof(struct measure_args),
    .fields = measure_fields,
};

static void tell_phase(void *self, const char *what)
{
    progress_label(self, what);
}

static void tell_sent(void *self, uint64_t sent)
{
    progress_update(self, sent, 0, 0);
}

/* One of a URL and a perf.yaml. */
static int perf_measure_config(struct cli *cli, const char *url, const char *path,
                               struct perf_config *ret, struct error *err)
{
    if ((url == NULL) == (path == NULL)) {
        error_set(err, ERR_USAGE, "%s",
                  url ? message_text("a URL and --config exclude each other")
                      : message_text("a URL or --config is missing"));
        return error_hint(err, "docs/perf-report.md has a perf.yaml to begin with");
    }
    if (path != NULL)
        return perf_read_config(cli, path, ret, err);
    return perf_config_of_url(url, cli->arena, ret, err);
}

static int resolve_databases(struct cli *cli, const struct perf_config *c, const char *db,
                             char *dsn[2], struct error *err)
{
    const char *names[2] = {db != NULL ? db : c->database, c->database_before};
    for (size_t i = 0; i < 2; i++)
        if (names[i] != NULL)
            TRY(perf_resolve_dsn(cli, names[i], &dsn[i], err));
    return 0;
}

int perf_measure(struct cli *cli, const struct perf_config *c, const char *db, unsigned phases,
                 struct perf_study *study, struct perf_study *before, struct error *err)
{
    char *dsn[2] = {NULL, NULL};
    int code = resolve_databases(cli, c, db, dsn, err);
    if (code == 0 && c->endpoints.count == 0)
        code = error_set(err, ERR_SPEC, "the configuration has no endpoint");
    if (code == 0) {
        struct progress *progress = progress_begin(cli, "loading");
        struct perf_load_plan plan = {
            .config = c,
            .sides = {{.base = c->target, .dsn = dsn[0], .study = study},
                      {.base = c->before, .dsn = dsn[1], .study = before}},
            .nsides = c->before != NULL && before != NULL ? 2 : 1,
            .capacity_p95_ms = (double)config_settings(cli->config)->perf_target_p95_ms,
            .say = tell_phase,
            .tick = tell_sent,
            .self = progress};
        code = perf_study_measure(&plan, phases, cli->arena, err);
        progress_end(progress);
    }
    secret_free(dsn[0]);
    secret_free(dsn[1]);
    return code;
}

/* What a signal interrupted is written all the same. */
static int run_phase(struct cli *cli, const struct measure_args *a, unsigned phases,
                     struct error *err)
{
    struct perf_config c = {0};
    struct perf_study study, before;
    struct error late = ERROR_INIT;
    TRY(perf_measure_config(cli, a->url, a->config, &c, err));
    if (c.before != NULL && a->out_before == NULL)
        return error_set(err, ERR_USAGE, "the configuration has `before`: say --out-before FILE");
    perf_study_init(&study);
    perf_study_init(&before);
    if (a->study != NULL)
        TRY(perf_read_study(cli, a->study, &study, err));
    int code = perf_measure(cli, &c, a->db, phases, &study, &before, err);
    if (code == 0 || code == ERR_CANCELLED) {
        int written = perf_write_study(cli, &study, a->out_file, code == 0 ? err : &late);
        if (written == 0 && c.before != NULL)
            written = perf_write_study(cli, &before, a->out_before, code == 0 ? err : &late);
        if (code == 0)
            code = written;
    }
    if (code == 0)
        cli_summary(cli, "%zu endpoint%s measured%s%s", study.nendpoints,
                    study.nendpoints > 1 ? "s" : "",
                    study.voided ? message_text("; times are void: ") : "",
                    study.voided ? study.voided_why : "");
    perf_study_release(&study);
    perf_study_release(&before);
    return code;
}

static int run_load(struct cli *cli, const void *bound, struct error *err)
{
    return run_phase(cli, bound, PERF_PHASE_LOAD, err);
}

static int run_attribute(struct cli *cli, const void *bound, struct error *err)
{
    return run_phase(cli, bound, PERF_PHASE_ATTRIBUTE, err);
}

const struct command command_perf_load = {
    .name = "load",
    .summary = "drive an API's endpoints: response times, rate, errors, capacity",
    .description =
        "Warms up until the times are steady, then loads each endpoint alone, round by round, then "
        "all of them by weight, and with `capacity` searches how much the API bears. GET and this "
        "machine only, unless the configuration names more. The study is written as JSON, also "
        "when a signal ends it early.",
    .args = &load_set,
    .examples =
        (const struct command_example[]){
            {"diner perf-report load --config configs/perf.yaml --out-file study.json",
             "load what the file names"},
            {0}},
    .run = run_load,
};

const struct command command_perf_attribute = {
    .name = "attribute",
    .summary = "find which statements each endpoint runs, how often, at what cost",
    .description =
        "Drives each endpoint alone, one request after the other, and subtracts the database's "
        "counters: statements, rows, blocks and WAL of one request, and what grows with the page "
        "size. Needs pg_stat_statements. What others do in the database is measured before and "
        "subtracted.",
    .args = &attribute_set,
    .examples =
        (const struct command_example[]){
            {"diner perf-report attribute --config configs/perf.yaml --study study.json --out-file "
             "study.json",
             "add the statements to a study"},
            {0}},
    .run = run_attribute,
};
