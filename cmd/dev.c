/* cmd/dev.c - diner dev up|down|status|env|psql|seed. */
#include "cli/table.h"
#include "commands.h"
#include "core/clock.h"
#include "core/message.h"
#include "domain/seed.h"
#include "platform/dev/cluster.h"
#include "platform/dev/environment.h"
#include "shell.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_FIELD(type_)                                                                           \
    {                                                                                              \
        .name = "dir", .type = FIELD_STRING, .offset = offsetof(type_, dir), .complete = "dir",    \
        .arg = "DIR",                                                                              \
        .help = "directory of the environment (default: DINER_DEV_DIR, else /tmp/diner-dev-UID)"   \
    }

struct dev_args {
    const char *dir;
};
static const struct field dev_fields[] = {DIR_FIELD(struct dev_args), {0}};
static const struct field_set dev_set = {
    .name = "dev",
    .help = "Which environment",
    .struct_size = sizeof(struct dev_args),
    .fields = dev_fields,
};

struct psql_args {
    const char *dir;
    struct field_strings arguments;
};
static const struct field psql_fields[] = {
    DIR_FIELD(struct psql_args),
    {.name = "argument",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct psql_args, arguments),
     .arg = "ARG",
     .flags = FIELD_POSITIONAL | FIELD_REPEAT,
     .help = "handed to psql; put them after --"},
    {0},
};
static const struct field_set psql_set = {
    .name = "dev psql",
    .help = "Which environment, and what psql is told",
    .struct_size = sizeof(struct psql_args),
    .fields = psql_fields,
};

struct seed_args {
    const char *dir, *as_of;
    int64_t orders, stores, seed, days;
};
static const struct field seed_fields[] = {
    DIR_FIELD(struct seed_args),
    {.name = "orders",
     .type = FIELD_INT,
     .offset = offsetof(struct seed_args, orders),
     .def = "3000",
     .min = 0,
     .max = SEED_ORDERS_MAX,
     .help = "orders in all; 17 or more show every state"},
    {.name = "stores",
     .type = FIELD_INT,
     .offset = offsetof(struct seed_args, stores),
     .def = "3",
     .min = 1,
     .max = SEED_STORES_MAX,
     .help = "stores: S001, S002 and so on"},
    {.name = "seed",
     .type = FIELD_INT,
     .offset = offsetof(struct seed_args, seed),
     .def = "1",
     .min = 0,
     .max = SEED_MAX,
     .help = "what all of it follows from: the same seed, the same data"},
    {.name = "days",
     .type = FIELD_INT,
     .offset = offsetof(struct seed_args, days),
     .def = "7",
     .min = 1,
     .max = SEED_DAYS_MAX,
     .help = "over how many days the orders are spread"},
    {.name = "as-of",
     .type = FIELD_STRING,
     .offset = offsetof(struct seed_args, as_of),
     .arg = "INSTANT",
     .help = "when they end, such as '2026-11-21 23:30:00+08' (default: now)"},
    {0},
};
static const struct field_set seed_set = {
    .name = "dev seed",
    .help = "How much data, and which",
    .struct_size = sizeof(struct seed_args),
    .fields = seed_fields,
};

static double seconds_since(int64_t started_ms)
{
    return (double)(clock_monotonic_ms() - started_ms) / 1000;
}

static int open_existing(struct cli *cli, const char *dir, struct dev *ret, struct error *err)
{
    TRY(dev_open(dir, cli->arena, ret, err));
    if (dev_exists(ret))
        return 0;
    error_set(err, ERR_NOT_FOUND, "there is no development environment in '%s'", ret->directory);
    return error_hint(err, "'diner dev up' makes one");
}

/* ---- up, down ---------------------------------------------------------------------------------
 */

/* The absolute path of a directory under the current one, NULL when it is not there. */
static const char *directory_here(struct cli *cli, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    if (stat(name, &st) != 0 || !S_ISDIR(st.st_mode) || !realpath(name, path))
        return NULL;
    return arena_strdup(cli->arena, path);
}

static int own_program(struct cli *cli, const char **ret, struct error *err)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return error_set_errno(err, ERR_IO, errno, "cannot tell where diner is");
    *ret = arena_strndup(cli->arena, path, (size_t)n);
    return 0;
}

static int run_up(struct cli *cli, const void *args, struct error *err)
{
    const struct dev_args *a = args;
    struct dev dev;
    struct dev_status status;
    bool was_up = false;
    int64_t started_ms = clock_monotonic_ms();
    struct dev_up_options options = {
        .sets = builtin_migrations,
        .nsets = builtin_migrations_count,
        .pipeline_directory = directory_here(cli, "pipelines"),
        .connector_directory = directory_here(cli, "configs/connectors"),
    };
    TRY(own_program(cli, &options.program, err));
    TRY(dev_open(a->dir, cli->arena, &dev, err));
    TRY(dev_up(&dev, &options, &was_up, err));
    TRY(dev_status(&dev, &status, err));
    (void)fprintf(cli->out,
                  message_text("PostgreSQL  %s\n"
                               "platform    %s\n"
                               "config      %s\n"
                               "\n"
                               "To use it in this shell:\n"
                               "  eval \"$(diner dev env%s%s)\"\n"),
                  status.dsn, status.url ? status.url : "", dev.config, a->dir ? " --dir " : "",
                  a->dir ? dev.directory : "");
    if (was_up)
        cli_summary(cli, "dev up: already up in %s", dev.directory);
    else
        cli_summary(cli, "dev up: up in %s after %.1f s", dev.directory, seconds_since(started_ms));
    return 0;
}

static int run_down(struct cli *cli, const void *args, struct error *err)
{
    const struct dev_args *a = args;
    struct dev dev;
    bool was_there = false;
    TRY(dev_open(a->dir, cli->arena, &dev, err));
    TRY(dev_down(&dev, &was_there, err));
    if (was_there)
        cli_summary(cli, "dev down: stopped, %s removed", dev.directory);
    else
        cli_summary(cli, "dev down: nothing was up in %s", dev.directory);
    return 0;
}

/* ---- status, env, psql ------------------------------------------------------------------------
 */

static const char *pid_text(struct cli *cli, pid_t pid)
{
    return pid > 0 ? arena_printf(cli->arena, "%ld", (long)pid) : NULL;
}

static int run_status(struct cli *cli, const void *args, struct error *err)
{
    static const struct table_column columns[] = {{"part", TABLE_TEXT},
                                                  {"state", TABLE_TEXT},
                                                  {"pid", TABLE_INT},
                                                  {"where", TABLE_TEXT},
                                                  {0}};
    const struct dev_args *a = args;
    struct dev dev;
    struct dev_status s;
    TRY(open_existing(cli, a->dir, &dev, err));
    TRY(dev_status(&dev, &s, err));
    const char *const database[] = {"postgresql", s.database_pid > 0 ? "running" : "stopped",
                                    pid_text(cli, s.database_pid), s.dsn};
    const char *const platform[] = {"platform",
                                    s.is_ready         ? "ready"
                                    : s.server_pid > 0 ? message_text("not ready")
                                                       : "stopped",
                                    pid_text(cli, s.server_pid), s.url};
    struct table *table = table_new(cli, columns);
    table_row(table, database);
    table_row(table, platform);
    TRY(table_end(table, NULL, err));
    if (s.database_pid > 0 && s.is_ready)
        return 0;
    error_set(err, ERR_CHECK, "the development environment is not running");
    return error_hint(err, "'diner dev up' starts what is missing");
}

/* Of pipelines/stock_sync.yaml: where the ERP's exports of an environment are. */
#define ERP_EXPORTS "/erp/stock_*.csv"

/* Set by hand, not by an environment of before. */
static bool has_own_export(void)
{
    const char *file = getenv("ERP_STOCK_FILE");
    size_t n = file != NULL ? strlen(file) : 0, ours = strlen(ERP_EXPORTS);
    return n > 0 && (n < ours || strcmp(file + n - ours, ERP_EXPORTS) != 0);
}

static int run_env(struct cli *cli, const void *args, struct error *err)
{
    const struct dev_args *a = args;
    struct dev dev;
    TRY(open_existing(cli, a->dir, &dev, err));
    (void)fprintf(cli->out, "export DINER_CONFIG=%s\nexport DINER_DEV_DIR=%s\n",
                  shell_quoted(cli->arena, dev.config), shell_quoted(cli->arena, dev.directory));
    if (!has_own_export())
        (void)fprintf(
            cli->out, "export ERP_STOCK_FILE=%s\n",
            shell_quoted(cli->arena, arena_printf(cli->arena, "%s" ERP_EXPORTS, dev.directory)));
    return 0;
}

static int run_psql(struct cli *cli, const void *args, struct error *err)
{
    const struct psql_args *a = args;
    struct dev dev;
    char *programs AUTOFREE = NULL;
    TRY(open_existing(cli, a->dir, &dev, err));
    TRY(cluster_find_programs(&programs, err));
    char **argv = arena_array(cli->arena, a->arguments.count + 4, sizeof *argv);
    size_t n = 0;
    argv[n++] = arena_strdup(cli->arena, "psql");
    argv[n++] = arena_strdup(cli->arena, "-d");
    argv[n++] = arena_strdup(cli->arena, dev_dsn(&dev));
    for (size_t i = 0; i < a->arguments.count; i++)
        argv[n++] = arena_strdup(cli->arena, a->arguments.items[i]);
    (void)fflush(cli->out);
    signal(SIGPIPE, SIG_DFL);
    execv(arena_printf(cli->arena, "%s/psql", programs), argv);
    execvp("psql", argv);
    error_set_errno(err, ERR_CONFIG, errno, "psql could not be started");
    return error_hint(err, "install the package postgresql-client-15");
}

/* ---- seed -------------------------------------------------------------------------------------
 */

#define STORE_ACCOUNTS_MAX 12

/* store-S001 and so on: accounts that see one store. */
static int store_accounts(struct cli *cli, const struct dev *dev, struct db_conn *conn,
                          int64_t stores, struct error *err)
{
    for (int64_t i = 1; i <= stores && i <= STORE_ACCOUNTS_MAX; i++) {
        const char *code = arena_printf(cli->arena, "S%03lld", (long long)i);
        TRY(dev_account(dev, conn, arena_printf(cli->arena, "store-%s", code), "store", code, err));
    }
    return 0;
}

static int run_seed(struct cli *cli, const void *args, struct error *err)
{
    const struct seed_args *a = args;
    struct dev dev;
    struct db_conn *conn = NULL;
    struct seed_result r = {0};
    int64_t started_ms = clock_monotonic_ms();
    TRY(open_existing(cli, a->dir, &dev, err));
    TRY(dev_connect(&dev, &conn, err));
    struct seed_options options = {.seed = a->seed,
                                   .orders = a->orders,
                                   .stores = a->stores,
                                   .days = a->days,
                                   .as_of = a->as_of};
    int code = seed_run(conn, &options, &r, err);
    if (code == 0)
        code = store_accounts(cli, &dev, conn, a->stores, err);
    db_close(conn);
    if (code != 0)
        return code;
    cli_summary(cli,
                "dev seed: %lld orders added (%lld lines, %lld stock movements); now %lld orders, "
                "%lld stores, %lld products, %lld stock rows; %.1f s",
                (long long)r.orders_added, (long long)r.lines_added, (long long)r.moves_added,
                (long long)r.orders, (long long)r.stores, (long long)r.products,
                (long long)r.stock_rows, seconds_since(started_ms));
    return 0;
}

/* ---- the tree ---------------------------------------------------------------------------------
 */

static const struct command_example up_examples[] = {
    {"diner dev up", "start, or mend what was killed"},
    {0},
};
static const struct command command_up = {
    .name = "up",
    .summary = "start a private PostgreSQL and a reference platform",
    .description =
        "Makes a PostgreSQL cluster on a unix socket and starts the reference platform on a free "
        "port of loopback, both in one directory, both outliving the terminal. Nothing else on the "
        "machine is touched. A second `up` is quick and starts only what is missing.",
    .args = &dev_set,
    .examples = up_examples,
    .flags = CLI_NO_CONFIG,
    .run = run_up,
};
static const struct command_example down_examples[] = {
    {"diner dev down", "stop both and remove every file"},
    {0},
};
static const struct command command_down = {
    .name = "down",
    .summary = "stop both and remove the directory",
    .args = &dev_set,
    .examples = down_examples,
    .flags = CLI_NO_CONFIG,
    .run = run_down,
};
static const struct command_example status_examples[] = {
    {"diner dev status", "what runs, and where; exit status 9 when something does not"},
    {0},
};
static const struct command command_status = {
    .name = "status",
    .summary = "show what runs and where",
    .args = &dev_set,
    .examples = status_examples,
    .flags = CLI_NO_CONFIG | CLI_OUTPUT,
    .run = run_status,
};
static const struct command_example env_examples[] = {
    {"eval \"$(diner dev env)\"", "use the environment in this shell"},
    {0},
};
static const struct command command_env = {
    .name = "env",
    .summary = "print the shell commands that make this shell use it",
    .args = &dev_set,
    .examples = env_examples,
    .flags = CLI_NO_CONFIG,
    .run = run_env,
};
static const struct command_example psql_examples[] = {
    {"diner dev psql -- -c 'SELECT count(*) FROM app.orders'", "ask the database"},
    {0},
};
static const struct command command_psql = {
    .name = "psql",
    .summary = "open psql on the private database",
    .args = &psql_set,
    .examples = psql_examples,
    .flags = CLI_NO_CONFIG,
    .run = run_psql,
};
static const struct command_example seed_examples[] = {
    {"diner dev seed --orders 3000", "three stores, a week of orders"},
    {"diner dev seed --orders 100000 --stores 12 --days 30 --seed 7", "a larger chain"},
    {0},
};
static const struct command command_seed = {
    .name = "seed",
    .summary = "fill it with believable stores, products, stock and orders",
    .description =
        "The same seed gives the same data; seeding again adds only what is missing. Products "
        "carry the material codes of an ERP stock list, so that `diner stock sync` has something "
        "to correct.",
    .args = &seed_set,
    .examples = seed_examples,
    .flags = CLI_NO_CONFIG,
    .run = run_seed,
};
static const struct command *const children[] = {
    &command_up, &command_down, &command_status, &command_env, &command_psql, &command_seed, NULL,
};
const struct command command_dev = {
    .name = "dev",
    .summary = "a private PostgreSQL and a reference platform, for trying and testing",
    .children = children,
};
