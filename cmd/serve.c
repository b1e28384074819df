/* cmd/serve.c - diner serve: the reference platform. */
#include "cmd/commands.h"
#include "cmd/desk.h"
#include "cmd/telemetry.h"
#include "core/secret.h"
#include "platform/server/server.h"
#include <stddef.h>
#include <string.h>

struct serve_args {
    const char *listen, *db, *port_file, *jwt_secret;
    bool migrate;
    struct field_strings only;
};
#define MEMBER(m) offsetof(struct serve_args, m)

static const struct field fields[] = {
    {"listen", FIELD_STRING, MEMBER(listen), .arg = "ADDRESS", .def = "127.0.0.1:8080",
     .help = "address and port; port 0 takes a free one"},
    {"db", FIELD_STRING, MEMBER(db), .arg = "DSN",
     .help = "database, without a password; default: connection 'platform', then 'warehouse'"},
    {"port-file", FIELD_STRING, MEMBER(port_file), .arg = "FILE", .complete = "file",
     .help = "write the port here once requests are answered"},
    {"migrate", FIELD_BOOL, MEMBER(migrate),
     .help = "bring the database's tables up to date first"},
    {"only", FIELD_STRINGS, MEMBER(only), .arg = "MODULE", .flags = FIELD_REPEAT,
     .help = "serve this module and no other, behind a gateway that knows which is where: orders, "
             "stock, products... (repeatable)"},
    {"jwt-secret", FIELD_STRING, MEMBER(jwt_secret), .env = "DINER_JWT_SECRET",
     .flags = FIELD_SECRET,
     .help = "key of the access tokens; without it tokens end with the process"},
    {0},
};
static const struct field_set args_set = {
    .name = "serve", .struct_size = sizeof(struct serve_args), .fields = fields};

/* Owned by the caller (secret_free). */
static int find_dsn(struct cli *cli, const struct serve_args *args, char **ret, struct error *err)
{
    if (args->db == NULL)
        return desk_dsn(cli, ret, err);
    if (secret_register_dsn(args->db)) {
        error_set(err, ERR_USAGE, "a password in --db would be seen in the list of processes");
        return error_hint(err, "put the DSN into DINER_DSN_PLATFORM or the configuration");
    }
    *ret = mem_strdup(args->db);
    return ERR_OK;
}

static int check_tables(const char *dsn, bool is_migrating, struct error *err)
{
    struct db_conn *conn;
    const struct db_options options = {.dsn = dsn, .application_name = "diner serve"};
    TRY(db_open(&options, &conn, err));
    int status = db_refuse_pooler(conn, err);
    if (status == ERR_OK)
        status = is_migrating
                     ? migrate_apply(conn, builtin_migrations, builtin_migrations_count, NULL, err)
                     : migrate_require(conn, builtin_migrations, builtin_migrations_count, err);
    db_close(conn);
    return status;
}

/* The configuration read last, kept while its settings are looked at. */
struct reloading {
    const char *file;
    struct config *config;
};

static int reload_settings(void *self, const struct settings **ret, struct error *err)
{
    struct reloading *r = self;
    struct config *config = NULL;
    TRY(config_load(r->file, &config, err));
    config_free(r->config);
    r->config = config;
    *ret = config_settings(config);
    return ERR_OK;
}

static int run_serve(struct cli *cli, const void *parsed, struct error *err)
{
    const struct serve_args *args = parsed;
    struct reloading reloading = {.file = config_file(cli->config)};
    char *dsn = NULL;
    TRY(find_dsn(cli, args, &dsn, err));
    int status = check_tables(dsn, args->migrate, err);
    const struct platform_server_options options = {
        .dsn = dsn,
        .listen = args->listen,
        .port_file = args->port_file,
        .jwt_secret = args->jwt_secret,
        .only = &args->only,
        .settings = config_settings(cli->config),
        .reload = reload_settings,
        .reload_self = &reloading,
    };
    telemetry_stay();
    if (status == ERR_OK)
        status = platform_server_run(&options, err);
    telemetry_leave();
    config_free(reloading.config);
    secret_free(dsn);
    return status;
}

static const struct command_example examples[] = {
    {"diner serve --help", "what it takes"},
    {"diner serve --only orders --only stock --help", "two modules of it"},
    {0},
};

const struct command command_serve = {
    .name = "serve",
    .summary = "run the reference platform: orders, stock, products, stores over HTTP",
    .description =
        "The API under /api/v1 is described at /openapi.yaml. SIGTERM or SIGINT stops it: requests "
        "in progress end, at most 10 seconds later, and it exits 0. SIGHUP reads the configuration "
        "again: "
        "rates, page sizes and the lives of tokens change, the rest keeps until a restart.\n\n"
        "The log has one line a request at level info (--log-level info).",
    .args = &args_set,
    .examples = examples,
    .run = run_serve,
};
