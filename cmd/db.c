/* cmd/db.c - diner db migrate|status. */
#include "cli/table.h"
#include "commands.h"
#include "core/clock.h"
#include "core/message.h"
#include "core/secret.h"
#include "domain/user.h"

#include <string.h>

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
/* ---- users of the platform ------------------------------------------------------------------ */

struct user_args {
    const char *name, *role, *store, *password, *connection;
};
#define USER(member) .offset = offsetof(struct user_args, member)
static const char *const roles[] = {"admin", "integration", "store", "readonly", NULL};
static const struct field user_fields[] = {
    {"name", FIELD_STRING, USER(name), "who logs in", .arg = "NAME",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {"role", FIELD_STRING, USER(role), "admin, integration, store (one store) or readonly",
     .arg = "ROLE", .flags = FIELD_REQUIRED, .complete = "role"},
    {"store", FIELD_STRING, USER(store), "the store of the role store, or of a reader of one",
     .arg = "CODE"},
    {"password", FIELD_STRING, USER(password),
     "where the password is: env:NAME, file:PATH, cmd:COMMAND", .arg = "REFERENCE",
     .flags = FIELD_REQUIRED},
    {"connection", FIELD_STRING, USER(connection), "connection of diner.yaml", .arg = "NAME",
     .def = "warehouse"},
    {0},
};
static const struct field_set user_set = {
    .name = "db user",
    .help = "Whom, and what may be done",
    .struct_size = sizeof(struct user_args),
    .fields = user_fields,
};

static int check_user(const struct user_args *a, struct error *err)
{
    bool is_known = false;
    for (const char *const *role = roles; *role != NULL; role++)
        is_known = is_known || strcmp(*role, a->role) == 0;
    if (!is_known) {
        error_set(err, ERR_USAGE, "unknown role '%s'", a->role);
        return error_hint(err, "one of admin, integration, store, readonly");
    }
    if (strncmp(a->password, "env:", 4) != 0 && strncmp(a->password, "file:", 5) != 0 &&
        strncmp(a->password, "cmd:", 4) != 0) {
        error_set(err, ERR_USAGE, "a password may not stand on the command line");
        return error_hint(err, "put it into a file that only you can read: --password file:PATH");
    }
    return 0;
}

static int run_user(struct cli *cli, const void *args, struct error *err)
{
    const struct user_args *a = args;
    struct db_conn *conn = NULL;
    char *password = NULL;
    TRY(check_user(a, err));
    TRY(secret_resolve(a->password, &password, err));
    int code = open_connection(cli, a->connection, &conn, err);
    if (code == 0 && !cli->dry_run)
        code = user_upsert(conn, a->name, password, a->role, a->store, err);
    db_close(conn);
    secret_free(password);
    if (code == 0)
        cli_summary(cli, "db user: '%s' %s %s%s%s", a->name,
                    cli->dry_run ? message_text("would be") : message_text("is"), a->role,
                    a->store != NULL ? message_text(" of store ") : "",
                    a->store != NULL ? a->store : "");
    return code;
}

static const struct command_example user_examples[] = {
    {"diner db user ann --role admin --password file:/etc/diner/ann.secret", "an admin"},
    {"diner db user till-7 --role store --store S001 --password env:TILL_PASSWORD",
     "a till that sees its own store only"},
    {0},
};
static const struct command command_user = {
    .name = "user",
    .summary = "create a user of the platform, or set password, role and store",
    .description = "Users log in at `diner serve`. Setting a user again changes password, role and "
                   "store, and switches it on if it was off; access tokens that are out stay good "
                   "until they end. Passwords are kept as bcrypt hashes.",
    .args = &user_set,
    .examples = user_examples,
    .flags = CLI_DRY_RUN,
    .run = run_user,
};

static const struct command *const children[] = {&command_migrate, &command_status, &command_user,
                                                 NULL};
const struct command command_db = {
    .name = "db",
    .summary = "the tables that diner keeps in PostgreSQL",
    .children = children,
};
