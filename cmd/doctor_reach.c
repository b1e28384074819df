/* cmd/doctor_reach.c - what lies outside this machine: is it there, are we let in, and for how long
 * are its certificates good? */
#include "commands.h"
#include "core/clock.h"
#include "core/datetime.h"
#include "core/message.h"
#include "doctor.h"
#include "gen/embed.h"
#include "net/broker.h"
#include "net/certificate.h"
#include "net/connector_look.h"
#include "net/redis.h"
#include "notify_channels.h"
#include <inttypes.h>
#include <string.h>

#define DAY_S            86400
#define CERTIFICATE_WARN (30 * DAY_S)
#define WHOLE            1000000 /* a share of 100 % in millionths */

/* ---- certificates --------------------------------------------------------------------------- */

static const char *when_ends(struct doctor *d, int64_t ends_s)
{
    char day[11];
    date_print((int32_t)(ends_s / DAY_S), day);
    return arena_printf(d->cli->arena, message_text("%s, in %" PRId64 " days"), day,
                        (ends_s - clock_wall_us() / 1000000) / DAY_S);
}

static void report_end(struct doctor *d, const char *check, const char *found, int64_t ends_s)
{
    int64_t left_s = ends_s - clock_wall_us() / 1000000;
    if (left_s < 0)
        doctor_report(d, check, "fail", found, "have it renewed");
    else if (left_s < CERTIFICATE_WARN)
        doctor_report(d, check, "warn", found, "have it renewed");
    else
        doctor_report(d, check, "ok", found, NULL);
}

struct place {
    const char *check, *url, *ca_file, *mend;
    bool is_plain; /* mail without TLS */
};

/* Connects, and says nothing there. */
static void check_place(struct doctor *d, const struct place *p)
{
    struct certificate_host host = {0};
    struct error err = ERROR_INIT;
    char name[256];
    if (p->url == NULL || *p->url == '\0')
        return;
    certificate_host_name(p->url, name, sizeof name);
    if (certificate_of_host(p->url, p->is_plain, p->ca_file,
                            config_settings(d->cli->config)->http_timeout_ms, &host, &err) != 0)
        doctor_fail(d, p->check, &err, p->mend);
    else if (!host.has_tls)
        doctor_report(d, p->check, "ok",
                      arena_printf(d->cli->arena, message_text("%s answers"), name), NULL);
    else
        report_end(d, p->check,
                   arena_printf(d->cli->arena, message_text("%s answers, its certificate ends %s"),
                                name, when_ends(d, host.ends_s)),
                   host.ends_s);
}

static void check_certificate_file(struct doctor *d, const char *setting, const char *path)
{
    struct certificate_file file;
    struct error err = ERROR_INIT;
    if (path == NULL || *path == '\0')
        return;
    if (certificate_of_file(path, &file, &err) != 0)
        doctor_fail(d, setting, &err, "name a file of certificates in PEM form");
    else
        report_end(d, setting,
                   arena_printf(d->cli->arena, message_text("%s: %zu, the last ends %s"), path,
                                file.count, when_ends(d, file.ends_s)),
                   file.ends_s);
}

/* ---- databases ------------------------------------------------------------------------------ */

static void check_connection(struct doctor *d, const char *name)
{
    struct db_conn *conn = NULL;
    struct error err = ERROR_INIT;
    const char *check = arena_printf(d->cli->arena, message_text("connection %s"), name);
    if (doctor_connect(d, name, &conn, &err) != 0) {
        doctor_fail(d, check, &err,
                    arena_printf(d->cli->arena, message_text("check connections.%s.dsn"), name));
        return;
    }
    int version = db_server_version(conn);
    doctor_report(d, check, "ok",
                  arena_printf(d->cli->arena, message_text("version %d.%d"), version / 10000,
                               version % 10000),
                  NULL);
    db_close(conn);
}

static void check_connections(struct doctor *d)
{
    const struct field_objects *all = &config_settings(d->cli->config)->connections;
    bool has_platform = false;
    for (size_t i = 0; i < all->count; i++) {
        has_platform = has_platform || strcmp(all->names[i], "platform") == 0;
        if (strcmp(all->names[i], "warehouse") != 0)
            check_connection(d, all->names[i]);
    }
    if (!has_platform && config_has_dsn(d->cli->config, "platform")) /* of the environment */
        check_connection(d, "platform");
}

/* When a server's last session is taken, the next run does not begin. */
static void check_sessions(struct doctor *d)
{
    AUTO_RESULT struct db_result *r = NULL;
    struct db_conn *conn = NULL;
    struct error err = ERROR_INIT;
    if (doctor_connect(d, "warehouse", &conn, &err) != 0)
        return; /* said already */
    if (db_query(conn, sql_session_count, DB_NO_PARAMS, &r, &err) != 0) {
        doctor_fail(d, "sessions", &err, NULL);
    } else {
        int64_t used = db_result_int(r, 0, 0), most = db_result_int(r, 0, 1);
        const char *found = arena_printf(
            d->cli->arena,
            message_text("%" PRId64 " of %" PRId64 " of PostgreSQL's sessions are taken"), used,
            most);
        if (used * WHOLE >= most * config_settings(d->cli->config)->database_connections_warn)
            doctor_report(d, "sessions", "warn", found,
                          "see who holds them (pg_stat_activity), or raise max_connections");
        else
            doctor_report(d, "sessions", "ok", found, NULL);
    }
    db_close(conn);
}

/* ---- connectors ----------------------------------------------------------------------------- */

static int log_in(struct doctor *d, const char *name, struct error *err)
{
    struct connector *connector = NULL;
    size_t secrets = 0;
    bool sent = false;
    TRY(connector_open(name, d->cli->config, builtin_connectors, &connector, err));
    int code = connector_secrets_resolve(connector, &secrets, err);
    if (code == 0)
        code = connector_login(connector, &sent, err);
    connector_close(connector);
    return code;
}

static void check_connector(struct doctor *d, const struct connector_summary *s)
{
    struct error err = ERROR_INIT;
    const char *check = arena_printf(d->cli->arena, message_text("connector %s"), s->name);
    const char *mend =
        arena_printf(d->cli->arena, message_text("run 'diner connector check %s'"), s->name);
    if (log_in(d, s->name, &err) != 0)
        doctor_fail(d, check, &err, mend);
    else
        check_place(d, &(struct place){check, s->base_url, NULL, mend, false});
}

/* Those that the environment has nothing of are not used here; the platform's was looked at. */
static void check_connectors(struct doctor *d)
{
    const struct settings *s = config_settings(d->cli->config);
    const char **names = NULL;
    struct strbuf others AUTO_STRBUF;
    size_t count = connector_names(d->cli->config, builtin_connectors, d->cli->arena, &names);
    strbuf_init(&others, 0);
    for (size_t i = 0; i < count; i++) {
        struct connector_summary summary = {.name = names[i]};
        struct diagnostics found;
        struct error err = ERROR_INIT;
        diagnostics_init(&found, d->cli->arena);
        int code = connector_describe(names[i], d->cli->config, builtin_connectors, d->cli->arena,
                                      &summary, &found, &err);
        if (code == 0)
            code = diagnostics_result(&found, ERR_SPEC, &err);
        if (code != 0)
            doctor_fail(d, arena_printf(d->cli->arena, message_text("connector %s"), names[i]),
                        &err, "run 'diner connector lint'");
        else if (!summary.is_set_up)
            strbuf_addf(&others, "%s%s", others.len > 0 ? ", " : "", names[i]);
        else if (strcmp(names[i], s->platform_connector) != 0)
            check_connector(d, &summary);
    }
    if (others.len > 0)
        doctor_report(d, "connectors", "ok",
                      arena_printf(d->cli->arena, message_text("not set up here: %s"), others.data),
                      NULL);
}

/* ---- services ------------------------------------------------------------------------------- */

static void check_cache(struct doctor *d, const struct settings *s)
{
    const struct redis_options options = {.url = s->cache_url,
                                          .timeout_ms = s->cache_timeout_ms,
                                          .breaker_failures = 1,
                                          .breaker_open_ms = 1};
    const struct span ping = {"PING", 4};
    struct redis *redis = NULL;
    struct error err = ERROR_INIT;
    if (s->cache_url == NULL || *s->cache_url == '\0')
        return;
    int code = redis_open(&options, &redis, &err);
    if (code == 0)
        code = redis_command(redis, &ping, 1, d->cli->arena, NULL, &err);
    if (code != 0) /* reads are answered by the database meanwhile */
        doctor_fail(d, "cache.url", &err, "start Redis, or take cache.url out");
    else
        doctor_report(d, "cache.url", "ok", "Redis answers", NULL);
    redis_close(redis);
}

/* Whether the platform answers was looked at: here only its certificates. */
static void check_platform_certificates(struct doctor *d, const char *urls)
{
    while (*urls != '\0') {
        size_t n = strcspn(urls, ",");
        if (n > 8 && strncmp(urls, "https://", 8) == 0)
            check_place(d, &(struct place){"platform.url", arena_strndup(d->cli->arena, urls, n),
                                           NULL, "check platform.url", false});
        urls += n + (urls[n] == ',');
    }
}

static void check_services(struct doctor *d)
{
    const struct settings *s = config_settings(d->cli->config);
    const struct place places[] = {
        {"consul.url", s->consul_url, s->consul_ca_file, "start the agent, or check consul.url",
         false},
        {"telemetry.otlp_endpoint", s->telemetry_otlp_endpoint, s->telemetry_ca_file,
         "start the collector, or take the setting out: runs do not need it", false},
        {"lineage.url", s->lineage_url, s->lineage_ca_file,
         "start the receiver, or take the setting out: runs do not need it", false},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        check_place(d, &places[i]);
    check_platform_certificates(d, s->platform_url);
    check_cache(d, s);
    check_certificate_file(d, "notify.ca_file", s->notify_ca_file);
    check_certificate_file(d, "notify.smtp_ca_file", s->notify_smtp_ca_file);
    check_certificate_file(d, "consul.ca_file", s->consul_ca_file);
    check_certificate_file(d, "telemetry.ca_file", s->telemetry_ca_file);
    check_certificate_file(d, "lineage.ca_file", s->lineage_ca_file);
}

/* ---- channels ------------------------------------------------------------------------------- */

static bool is_any_declared(const struct notification_options *o)
{
    bool is_any = o->smtp.url != NULL || o->sms_key != NULL;
    for (size_t i = 0; i < NOTIFICATION_CHANNELS; i++)
        is_any = is_any || (i != NOTIFICATION_SMS && o->places[i].url != NULL);
    return is_any;
}

static void check_broker(struct doctor *d, const struct notify_channels *c)
{
    const char *url = c->options.places[NOTIFICATION_RABBITMQ].url;
    struct broker *broker = NULL;
    struct error err = ERROR_INIT;
    if (url == NULL)
        return;
    int code = notify_channels_broker(c, NULL, &broker, &err);
    if (code == 0)
        code = broker_connect(broker, &err);
    broker_free(broker);
    if (code != 0)
        doctor_fail(d, "notify rabbitmq", &err, "check notify.rabbitmq_url and its password");
    else
        check_place(d, &(struct place){"notify rabbitmq", url, c->options.ca_file, NULL, false});
}

static void check_channels(struct doctor *d)
{
    struct notify_channels c = {0};
    struct error err = ERROR_INIT;
    const struct notification_options *o = &c.options;
    int code = notify_channels_open(d->cli, &c, &err);
    if (code != 0 && (err.code != ERR_CONFIG || is_any_declared(o)))
        doctor_fail(d, "notify", &err, "run 'diner notify test'");
    if (code == 0) {
        check_place(d, &(struct place){"notify email", o->smtp.url, o->smtp.ca_file,
                                       "check notify.smtp_url", o->smtp.plain});
        for (size_t i = 0; i < NOTIFICATION_CHANNELS; i++) {
            bool is_http = i != NOTIFICATION_EMAIL && i != NOTIFICATION_RABBITMQ &&
                           (i != NOTIFICATION_SMS || o->sms_key != NULL);
            const char *check =
                arena_printf(d->cli->arena, "notify %s", notification_channel_names[i]);
            if (is_http)
                check_place(d, &(struct place){check, o->places[i].url, o->ca_file,
                                               "check its address in notify.*", false});
        }
        check_broker(d, &c);
    }
    notify_channels_release(&c);
}

void doctor_reach(struct doctor *d)
{
    check_connections(d);
    check_sessions(d);
    check_services(d);
    check_connectors(d);
    check_channels(d);
}
