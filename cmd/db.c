/* cmd/db.c - diner db migrate|status. */
#include "cli/table.h"
#include "commands.h"
#include "core/clock.h"
#include "core/secret.h"

struct db_args {
    const char *connection;
};
static const struct field fields[] = {
    {.name = "connection",
     .type = FIELD_STRING,
     .offset = offsetof(struct db_args, connection),
     .arg = "NAME",
     .def = "warehouse",
     .help = "connection of diner.yaml"},
    {0},
};
static const struct field_set args_set = {
    .name = "db",
    .help = "Which database",
    .struct_size = sizeof(struct db_args),
    .fields = fields,
};

static int open_connection(struct cli *cli, const char *connection, struct db_conn **ret,
                           struct error *err)
{
    char *dsn = NULL;
    TRY(config_dsn(cli->config, connection, &dsn, err));
    struct db_options options = {
        .dsn = dsn,
        .application_name = "diner db",
        .lock_timeout_ms = config_settings(cli->config)->database_lock_timeout_ms,
    };
    int code = db_open(&options, ret, err);
    secret_free(dsn);
    return code;
}

static int status_rows(struct cli *cli, struct db_conn *conn, size_t *ret_count,
                       size_t *ret_missing, struct error *err)
{
    static const struct table_column columns[] = {{"set", TABLE_TEXT},
                                                  {"migration", TABLE_TEXT},
                                                  {"applied", TABLE_BOOL},
                                                  {"applied_at", TABLE_TIME},
                                                  {0}};
    struct migration_status *list = NULL;
    size_t count = 0, missing = 0;
    TRY(migrate_status(conn, builtin_migrations, builtin_migrations_count, cli->arena, &list,
                       &count, err));
    struct table *table = table_new(cli, columns);
    for (size_t i = 0; i < count; i++) {
        const char *const row[] = {list[i].set, list[i].name, list[i].applied ? "true" : "false",
                                   list[i].applied ? list[i].applied_at : NULL};
        table_row(table, row);
        missing += !list[i].applied;
    }
    TRY(table_end(table, "there are no migrations", err));
    *ret_count = count;
    *ret_missing = missing;
    return 0;
}

static int run_status(struct cli *cli, const void *args, struct error *err)
{
    const struct db_args *a = args;
    struct db_conn *conn = NULL;
    size_t count = 0, missing = 0;
    TRY(open_connection(cli, a->connection, &conn, err));
    int code = status_rows(cli, conn, &count, &missing, err);
    db_close(conn);
    if (code == 0)
        cli_summary(cli, "db status: %zu applied, %zu missing", count - missing, missing);
    return code;
}

static int run_migrate(struct cli *cli, const void *args, struct error *err)
{
    const struct db_args *a = args;
    struct db_conn *conn = NULL;
    int applied = 0;
    int64_t started_ms = clock_monotonic_ms();
    TRY(open_connection(cli, a->connection, &conn, err));
    if (cli->dry_run) {
        size_t count = 0, missing = 0;
        int code = status_rows(cli, conn, &count, &missing, err);
        db_close(conn);
        if (code == 0)
            cli_summary(cli, "db migrate: %zu would be applied", missing);
        return code;
    }
    int code = migrate_apply(conn, builtin_migrations, builtin_migrations_count, &applied, err);
    db_close(conn);
    if (code == 0)
        cli_summary(cli, "db migrate: %d applied in %.1f s", applied,
                    (double)(clock_monotonic_ms() - started_ms) / 1000);
    return code;
}

static const struct command_example migrate_examples[] = {
    {"diner db migrate", "make or bring up to date the tables that diner needs"},
    {"diner db migrate --dry-run", "list what is missing"},
    {0},
};
static const struct command command_migrate = {
    .name = "migrate",
    .summary = "make the tables that diner needs, or bring them up to date",
    .description = "Applies the numbered migrations that the database does not have yet, each in a "
                   "transaction of its own, under a lock. Running it again changes nothing.",
    .args = &args_set,
    .examples = migrate_examples,
    .flags = CLI_DRY_RUN | CLI_OUTPUT,
    .run = run_migrate,
};
static const struct command_example status_examples[] = {
    {"diner db status", "which migrations the database has"},
    {0},
};
static const struct command command_status = {
    .name = "status",
    .summary = "show which migrations the database has",
    .args = &args_set,
    .examples = status_examples,
    .flags = CLI_OUTPUT,
    .run = run_status,
};
static const struct command *const children[] = {&command_migrate, &command_status, NULL};
const struct command command_db = {
    .name = "db",
    .summary = "the tables that diner keeps in PostgreSQL",
    .children = children,
};
