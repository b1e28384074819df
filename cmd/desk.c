/* The platform's database and its payment channel, for jobs. */
#include "cmd/desk.h"
#include "cmd/commands.h"
#include "core/secret.h"
#include "domain/channel_local.h"
#include "domain/member_key.h"
#include "domain/points_rules.h"
#include <stdlib.h>

enum { CHANNEL_NONE, CHANNEL_LOCAL }; /* the choices of payments.channel */

struct desk {
    char *dsn, *secret, *hash_key;
    struct db_conn *conn, *second, *channel_conn; /* the channel's transactions are its own */
    struct channel_local *channel;
    struct domain_context ctx;
    struct saga_desk saga;
    struct points_rules points;
};

bool desk_has_database(struct cli *cli)
{
    return config_has_dsn(cli->config, "platform") || config_has_dsn(cli->config, "warehouse");
}

/* One that is configured and cannot be read is an error: the other is another database. */
int desk_dsn(struct cli *cli, char **ret, struct error *err)
{
    return config_dsn(cli->config,
                      config_has_dsn(cli->config, "platform") ? "platform" : "warehouse", ret, err);
}

static int open_connection(const struct desk *d, struct db_conn **ret, struct error *err)
{
    const struct db_options options = {.dsn = d->dsn, .application_name = "diner"};
    TRY(db_open(&options, ret, err));
    /* Compiling a query costs more than any of ours takes. */
    return db_execute(*ret, "SET jit = off", DB_NO_PARAMS, NULL, err);
}

static int take_channel(void *self, struct db_conn **ret, struct error *err)
{
    struct desk *d = self;
    if (d->channel_conn != NULL && !db_is_alive(d->channel_conn)) {
        db_close(d->channel_conn);
        d->channel_conn = NULL;
    }
    if (d->channel_conn == NULL)
        TRY(open_connection(d, &d->channel_conn, err));
    *ret = d->channel_conn;
    return ERR_OK;
}

static void give_channel(void *self, struct db_conn *conn)
{
    (void)self;
    db_rollback(conn);
}

static int open_channel(struct cli *cli, struct desk *d, struct error *err)
{
    const struct settings *s = config_settings(cli->config);
    if (s->payments_channel != CHANNEL_LOCAL)
        return ERR_OK;
    if (s->payments_callback_secret != NULL)
        TRY(secret_resolve(s->payments_callback_secret, &d->secret, err));
    d->channel =
        channel_local_new(&(struct channel_local_options){.take = take_channel,
                                                          .give = give_channel,
                                                          .self = d,
                                                          .secret = d->secret,
                                                          .timeout_ms = s->http_timeout_ms});
    d->saga.channel = channel_local_port(d->channel);
    return ERR_OK;
}

static int open_all(struct cli *cli, struct desk *d, struct error *err)
{
    TRY(desk_dsn(cli, &d->dsn, err));
    TRY(open_connection(d, &d->conn, err));
    TRY(migrate_require(d->conn, builtin_migrations, builtin_migrations_count, err));
    TRY(points_rules_read(config_settings(cli->config), &d->points, err));
    d->ctx = (struct domain_context){.conn = d->conn, .arena = cli->arena, .points = &d->points};
    d->saga.ctx = &d->ctx;
    TRY(member_key_read(config_settings(cli->config)->members_hash_key, &d->hash_key, err));
    d->ctx.hash_key = d->hash_key;
    return open_channel(cli, d, err);
}

int desk_new(struct cli *cli, struct desk **ret, struct error *err)
{
    struct desk *d = mem_alloc(sizeof *d);
    int code = open_all(cli, d, err);
    if (code == 0)
        *ret = d;
    else
        desk_free(d);
    return code;
}

void desk_free(struct desk *d)
{
    if (d == NULL)
        return;
    channel_local_free(d->channel);
    db_close(d->channel_conn);
    db_close(d->second);
    db_close(d->conn);
    secret_free(d->secret);
    secret_free(d->hash_key);
    secret_free(d->dsn);
    free(d);
}

int desk_second(struct desk *d, struct db_conn **ret, struct error *err)
{
    if (d->second == NULL)
        TRY(open_connection(d, &d->second, err));
    *ret = d->second;
    return ERR_OK;
}

struct saga_desk *desk_saga(struct desk *d)
{
    return &d->saga;
}

struct domain_context *desk_context(struct desk *d)
{
    return &d->ctx;
}
