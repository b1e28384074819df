/* cmd/doctor.c - diner doctor: is everything there that a nightly run needs, and how to mend it. */
#include "doctor.h"
#include "commands.h"
#include "core/clock.h"
#include "core/datetime.h"
#include "core/message.h"
#include "core/secret.h"
#include "format/encoding.h"
#include "gen/embed.h"
#include "net/http.h"
#include "pipeline/spec.h"
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISK_FAIL_BYTES ((int64_t)100 << 20)
#define DISK_WARN_BYTES ((int64_t)1 << 30)
#define CLOCK_WARN_MS   2000
#define CLOCK_FAIL_MS   60000
#define POSTGRES_OLDEST 120000 /* 12: what migrations and COPY are tried with */

void doctor_report(struct doctor *d, const char *check, const char *result, const char *found,
                   const char *mend)
{
    const char *const row[] = {message_text(check), result, message_text(found),
                               mend && *mend ? message_text(mend) : NULL};
    table_row(d->table, row);
    d->failed += strcmp(result, "fail") == 0;
    d->warned += strcmp(result, "warn") == 0;
}

/* The error printer is not between this and the user: secrets are taken out here. */
void doctor_fail(struct doctor *d, const char *check, const struct error *err, const char *mend)
{
    struct strbuf text AUTO_STRBUF;
    strbuf_init(&text, 0);
    strbuf_adds(&text, err->message);
    secret_redact(&text);
    doctor_report(d, check, "fail", text.data, err->hint[0] ? err->hint : mend);
}

/* ---- this machine -----------------------------------------------------------------------------
 */

static void check_config(struct doctor *d)
{
    const char *file = config_file(d->cli->config);
    if (file)
        doctor_report(d, "configuration", "ok", file, NULL);
    else
        doctor_report(d, "configuration", "warn", "no diner.yaml was found",
                      "write one, or set DINER_CONFIG ('diner help config')");
}

static void check_zone(struct doctor *d)
{
    const char *name = config_settings(d->cli->config)->timezone;
    const struct zone *zone;
    struct error err = ERROR_INIT;
    char now[DATETIME_ISO_MAX];
    if (zone_load(name, &zone, &err) != 0) {
        doctor_fail(d, "time zone", &err, "install the package tzdata");
        return;
    }
    datetime_print(clock_wall_us() / 1000000 * 1000000, zone, now);
    doctor_report(d, "time zone", "ok",
                  arena_printf(d->cli->arena, message_text("%s, now %s"), name, now), NULL);
}

/* 喆 is in GBK but not in GB2312: a gutted set of conversion modules is found out. */
static void check_gb18030(struct doctor *d)
{
    static const char bytes[] = "\x86\xb4\xd6\xd0";
    struct encoding encoding;
    struct decoder *decoder = NULL;
    struct error err = ERROR_INIT;
    struct strbuf text AUTO_STRBUF;
    strbuf_init(&text, 0);
    int code = encoding_named("GB18030", &encoding, &err);
    if (code == 0)
        code = decoder_new(&encoding, &decoder, &err);
    if (code == 0)
        code = decoder_feed(decoder, bytes, sizeof bytes - 1, true, &text, &err);
    decoder_free(decoder);
    if (code != 0)
        doctor_fail(d, "GB18030", &err, "reinstall the package libc6");
    else if (strcmp(text.data, "喆中") != 0)
        doctor_report(d, "GB18030", "fail", "iconv decodes it wrongly",
                      "reinstall the package libc6");
    else
        doctor_report(d, "GB18030", "ok", "iconv decodes it", NULL);
}

static void check_disk(struct doctor *d)
{
    const char *dir = config_settings(d->cli->config)->output_dir;
    struct statvfs fs;
    if (statvfs(dir, &fs) != 0) {
        doctor_report(d, "output_dir", "fail",
                      arena_printf(d->cli->arena, "'%s': %s", dir, message_text(strerror(errno))),
                      "make the directory, or set output_dir");
        return;
    }
    if (access(dir, W_OK) != 0) {
        doctor_report(d, "output_dir", "fail",
                      arena_printf(d->cli->arena, message_text("'%s' is not writable"), dir),
                      "change its owner, or set output_dir");
        return;
    }
    int64_t left = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    const char *found =
        arena_printf(d->cli->arena, message_text("'%s' has %" PRId64 " MiB left"), dir, left >> 20);
    if (left < DISK_WARN_BYTES)
        doctor_report(d, "output_dir", left < DISK_FAIL_BYTES ? "fail" : "warn", found,
                      "make room");
    else
        doctor_report(d, "output_dir", "ok", found, NULL);
}

/* Runs put a new file in the place of the old one: alerts stand on it, and a run that cannot write
 * it has loaded its rows all the same. */
static void check_textfile(struct doctor *d)
{
    const char *file = config_settings(d->cli->config)->metrics_textfile;
    if (file == NULL || *file == '\0')
        return;
    const char *slash = strrchr(file, '/');
    size_t length = slash != NULL ? (size_t)(slash - file) : 0;
    const char *dir = slash == NULL ? "."
                      : length == 0 ? "/"
                                    : arena_strndup(d->cli->arena, file, length);
    if (access(dir, W_OK | X_OK) == 0)
        doctor_report(d, "metrics.textfile", "ok", file, NULL);
    else
        doctor_report(d, "metrics.textfile", "fail",
                      arena_printf(d->cli->arena, "'%s': %s", dir, strerror(errno)),
                      "make the directory, and let this user write in it");
}

/* ---- the database -----------------------------------------------------------------------------
 */

static void check_migrations(struct doctor *d, struct db_conn *conn)
{
    struct migration_status *list = NULL;
    size_t count = 0, missing = 0;
    struct error err = ERROR_INIT;
    if (migrate_status(conn, builtin_migrations, builtin_migrations_count, d->cli->arena, &list,
                       &count, &err) != 0) {
        doctor_fail(d, "migrations", &err, "run 'diner db status'");
        return;
    }
    for (size_t i = 0; i < count; i++)
        missing += !list[i].applied;
    if (missing > 0)
        doctor_report(
            d, "migrations", "fail",
            arena_printf(d->cli->arena, message_text("%zu of %zu are missing"), missing, count),
            "run 'diner db migrate'");
    else
        doctor_report(d, "migrations", "ok",
                      arena_printf(d->cli->arena, message_text("all %zu are applied"), count),
                      NULL);
}

/* Cursors and business days stand on clocks that agree. */
static void check_clock(struct doctor *d, struct db_conn *conn)
{
    int64_t theirs_ms = 0;
    struct error err = ERROR_INIT;
    if (db_query_int(conn, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
                     DB_NO_PARAMS, &theirs_ms, &err) != 0) {
        doctor_fail(d, "clock", &err, NULL);
        return;
    }
    int64_t apart_ms = llabs(theirs_ms - clock_wall_us() / 1000);
    const char *found = arena_printf(
        d->cli->arena, message_text("%" PRId64 " ms apart from PostgreSQL's"), apart_ms);
    const char *result = apart_ms > CLOCK_FAIL_MS   ? "fail"
                         : apart_ms > CLOCK_WARN_MS ? "warn"
                                                    : "ok";
    doctor_report(d, "clock", result, found, *result == 'o' ? NULL : "let NTP set both clocks");
}

/* Only where runs are distributed, or workers are there. */
static void check_workers(struct doctor *d, struct db_conn *conn)
{
    AUTO_RESULT struct db_result *res = NULL;
    struct error err = ERROR_INIT;
    char lease[24];
    snprintf(lease, sizeof lease, "%" PRId64, config_settings(d->cli->config)->distribute_lease_ms);
    if (db_query(conn, sql_workers_check, DB_PARAMS(lease), &res, &err) != 0)
        return; /* tables that are missing were told of */
    int64_t workers = db_result_int(res, 0, 0), waiting = db_result_int(res, 0, 1);
    int64_t stuck = db_result_int(res, 0, 2);
    if (workers == 0 && db_result_int(res, 0, 4) == 0)
        return;
    const char *found =
        arena_printf(d->cli->arena,
                     message_text("%" PRId64 " workers are there, %" PRId64 " tasks wait, %" PRId64
                                  " were lost and are not taken over"),
                     workers, waiting, stuck);
    if (stuck > 0)
        doctor_report(
            d, "workers", "fail", found,
            arena_printf(d->cli->arena,
                         message_text("start 'diner worker', or end the run: diner runs cancel "
                                      "%" PRId64),
                         db_result_int(res, 0, 3)));
    else if (workers == 0 && waiting > 0)
        doctor_report(d, "workers", "fail", found, "start 'diner worker'");
    else
        doctor_report(d, "workers", "ok", found, NULL);
}

int doctor_connect(struct doctor *d, const char *name, struct db_conn **ret, struct error *err)
{
    char *dsn = NULL;
    TRY(config_dsn(d->cli->config, name, &dsn, err));
    int code = db_open(&(struct db_options){.dsn = dsn,
                                            .application_name = "diner doctor",
                                            .connect_timeout_ms = 5000,
                                            .statement_timeout_ms = 10000},
                       ret, err);
    secret_free(dsn);
    return code;
}

static void check_database(struct doctor *d)
{
    struct db_conn *conn = NULL;
    struct error err = ERROR_INIT;
    if (doctor_connect(d, "warehouse", &conn, &err) != 0) {
        doctor_fail(d, "PostgreSQL", &err, "check connections.warehouse.dsn");
        return;
    }
    int version = db_server_version(conn);
    const char *found = arena_printf(d->cli->arena, message_text("warehouse, version %d.%d"),
                                     version / 10000, version % 10000);
    if (version < POSTGRES_OLDEST)
        doctor_report(d, "PostgreSQL", "fail", found,
                      "use PostgreSQL 12 or newer; 15 is what is tested");
    else if (db_refuse_pooler(conn, &err) != 0)
        doctor_fail(d, "PostgreSQL", &err, "connect to PostgreSQL itself");
    else
        doctor_report(d, "PostgreSQL", "ok", found, NULL);
    check_migrations(d, conn);
    check_clock(d, conn);
    check_workers(d, conn);
    db_close(conn);
}

/* ---- the platform -----------------------------------------------------------------------------
 */

/* Logs in and asks for the first page of stores. */
static void check_platform(struct doctor *d)
{
    const struct settings *s = config_settings(d->cli->config);
    struct connector *connector = NULL;
    struct connector_pages *pages = NULL;
    struct connector_page page;
    struct error err = ERROR_INIT;
    bool end = false;
    int code =
        connector_open(s->platform_connector, d->cli->config, builtin_connectors, &connector, &err);
    if (code == 0)
        code = connector_pages_open(connector, "stores", NULL, 0, &pages, &err);
    if (code == 0)
        code = connector_pages_next(pages, &page, &end, &err);
    if (code == 0)
        doctor_report(d, "platform", "ok",
                      arena_printf(d->cli->arena, message_text("%s answers, login accepted"),
                                   s->platform_url),
                      NULL);
    else
        doctor_fail(d, "platform", &err,
                    err.code == ERR_AUTH ? "check platform.user and platform.password"
                                         : "check platform.url, and that the platform runs");
    connector_pages_close(pages);
    connector_close(connector);
}

/* ---- pipelines --------------------------------------------------------------------------------
 */

static void check_pipeline(struct doctor *d, const char *path, size_t *bad)
{
    struct pipeline *pipeline = NULL;
    struct error err = ERROR_INIT;
    struct pipeline_options options = {.now_us = clock_wall_us()};
    if (pipeline_load(path, d->cli->config, &options, &pipeline, NULL, &err) != 0) {
        (*bad)++;
        doctor_fail(d, "pipeline", &err, "run 'diner pipeline lint'");
        return;
    }
    pipeline_free(pipeline);
}

static void check_pipelines(struct doctor *d)
{
    const struct field_strings *path = &config_settings(d->cli->config)->pipeline_path;
    size_t count = 0, bad = 0;
    for (size_t i = 0; i < path->count; i++) {
        glob_t found = {0};
        if (glob(arena_printf(d->cli->arena, message_text("%s/*.yaml"), path->items[i]), 0, NULL,
                 &found) == 0)
            for (size_t k = 0; k < found.gl_pathc; k++, count++)
                check_pipeline(d, found.gl_pathv[k], &bad);
        globfree(&found);
    }
    if (count == 0)
        doctor_report(d, "pipelines", "warn", "none were found", "set pipeline_path");
    else if (bad == 0)
        doctor_report(d, "pipelines", "ok",
                      arena_printf(d->cli->arena, message_text("%zu files are well-formed"), count),
                      NULL);
}

struct doctor_args {
    bool all;
};
static const struct field fields[] = {
    {"all", FIELD_BOOL, offsetof(struct doctor_args, all),
     .help = "also what is around it: other databases, connectors, certificates, services, the "
             "schedule, the last night, what waits"},
    {0},
};
static const struct field_set args_set = {
    .name = "doctor", .struct_size = sizeof(struct doctor_args), .fields = fields};

static int run(struct cli *cli, const void *bound, struct error *err)
{
    const struct doctor_args *args = bound;
    static const struct table_column columns[] = {{"check", TABLE_TEXT},
                                                  {"result", TABLE_TEXT},
                                                  {"found", TABLE_TEXT},
                                                  {"mend", TABLE_TEXT},
                                                  {0}};
    struct doctor d = {.cli = cli, .table = table_new(cli, columns)};
    check_config(&d);
    check_zone(&d);
    check_gb18030(&d);
    check_disk(&d);
    check_textfile(&d);
    check_database(&d);
    check_platform(&d);
    check_pipelines(&d);
    if (args->all) {
        doctor_reach(&d);
        doctor_work(&d);
    }
    size_t rows = table_rows(d.table);
    TRY(table_end(d.table, NULL, err));
    if (d.failed > 0)
        return error_set(err, ERR_CHECK, "%zu of %zu checks failed", d.failed, rows);
    cli_summary(cli, "doctor: %zu checks, %zu warnings", rows, d.warned);
    return 0;
}

static const struct command_example examples[] = {
    {"diner doctor", "is everything there that the nightly run needs?"},
    {"diner doctor --all", "and everything around it, before a go-live and in a bad night"},
    {"diner doctor --all -o json", "the same for a monitor"},
    {0},
};
const struct command command_doctor = {
    .name = "doctor",
    .summary = "check what a run needs, and say how to mend it",
    .description =
        "Looks at the configuration, PostgreSQL and its migrations, the platform and the "
        "login there, the workers of distributed runs, the pipelines, time zone data, GB18030, "
        "disk space, the file for Prometheus and the clock. With --all also at each other "
        "connection, each connector that is set up (its login), certificates and when they end, "
        "the channels of notify.* and the other services that are configured, whether the nightly "
        "run is scheduled and how it last ended, who is told when one fails, and what waits to be "
        "told or done. Changes nothing and sends no message. Exit status 9 when a check fails; a "
        "warning is no failure.",
    .args = &args_set,
    .examples = examples,
    .flags = CLI_OUTPUT,
    .run = run,
};
