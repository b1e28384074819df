/* The settings: every key of diner.yaml, with its environment variable and default. The numbers
 * the operations stand on are here and nowhere else. */
#include "core/log.h"
#include "schema/config.h"

#ifndef DINER_PREFIX
#define DINER_PREFIX "/usr/local"
#endif

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)
#define WHOLE     1000000 /* a share of 100 % in millionths */

#define MEMBER(m) .offset = offsetof(struct settings, m)

static const char *const log_levels[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn",   [LOG_NOTICE] = "notice", [LOG_INFO] = "info",
    [LOG_SQL] = "sql",     [LOG_DEBUG] = "debug", [LOG_TRACE] = "trace",   NULL};
static const char *const log_formats[] = {"auto", "text", "json", NULL};

static const struct field connection_fields[] = {
    {.name = "dsn",
     .type = FIELD_STRING,
     .offset = offsetof(struct config_connection, dsn),
     .help =
         "libpq connection string or URL, or where it is kept: env:NAME, file:PATH, cmd:COMMAND",
     .flags = FIELD_REQUIRED | FIELD_SECRET},
    {0},
};
static const struct field_set connection_set = {
    .name = "connection",
    .help = "A PostgreSQL database that pipelines read or write",
    .struct_size = sizeof(struct config_connection),
    .fields = connection_fields,
    .scalar = "dsn",
};

static const struct field fields[] = {
    {"timezone", FIELD_STRING, MEMBER(timezone), .def = "Asia/Shanghai", .env = "DINER_TIMEZONE",
     .help = "IANA zone of the business: what a day is"},
    {"business_day", FIELD_TIME_OF_DAY, MEMBER(business_day_s), .def = "04:00",
     .env = "DINER_BUSINESS_DAY",
     .help = "time at which the business day ends and the next begins"},
    {"currency", FIELD_STRING, MEMBER(currency), .def = "CNY", .env = "DINER_CURRENCY",
     .help = "ISO 4217 code of amounts that name none"},
    {"pipeline_path", FIELD_STRINGS, MEMBER(pipeline_path), .complete = "dir",
     .def = "pipelines,/etc/diner/pipelines," DINER_PREFIX "/share/diner/pipelines",
     .env = "DINER_PIPELINE_PATH", .help = "directories searched for NAME.yaml of a pipeline"},
    {"connector_path", FIELD_STRINGS, MEMBER(connector_path), .complete = "dir",
     .def = "configs/connectors,/etc/diner/connectors," DINER_PREFIX "/share/diner/connectors",
     .env = "DINER_CONNECTOR_PATH", .help = "directories searched for NAME.yaml of a connector"},
    {"output_dir", FIELD_STRING, MEMBER(output_dir), .def = ".", .complete = "dir",
     .env = "DINER_OUTPUT_DIR", .help = "where files with relative paths are written"},
    {"state_dir", FIELD_STRING, MEMBER(state_dir), .complete = "dir", .env = "DINER_STATE_DIR",
     .help = "local state (default: $XDG_STATE_HOME/diner or ~/.local/state/diner)"},
    {"connections", FIELD_OBJECT_MAP, MEMBER(connections), .sub = &connection_set,
     .help = "databases by name; DINER_DSN_NAME in the environment goes first"},

    {"log.level", FIELD_CHOICE, MEMBER(log_level), .choices = log_levels, .def = "notice",
     .env = "DINER_LOG_LEVEL", .help = "what is logged on stderr"},
    {"log.format", FIELD_CHOICE, MEMBER(log_format), .choices = log_formats, .def = "auto",
     .env = "DINER_LOG_FORMAT", .help = "auto is text, and JSON lines in a Kubernetes pod"},

    {"platform.url", FIELD_STRING, MEMBER(platform_url), .def = "http://127.0.0.1:8080",
     .env = "DINER_PLATFORM_URL", .help = "where the platform's API answers"},
    {"platform.user", FIELD_STRING, MEMBER(platform_user), .env = "DINER_PLATFORM_USER",
     .help = "account at the platform"},
    {"platform.password", FIELD_STRING, MEMBER(platform_password), .env = "DINER_PLATFORM_PASSWORD",
     .flags = FIELD_SECRET,
     .help = "its password, or where it is kept: env:NAME, file:PATH, cmd:COMMAND"},

    {"http.timeout", FIELD_DURATION, MEMBER(http_timeout_ms), .def = "5s", .min = 1, .max = HOUR_MS,
     .env = "DINER_HTTP_TIMEOUT", .help = "longest call to another service"},
    {"http.connect_timeout", FIELD_DURATION, MEMBER(http_connect_timeout_ms), .def = "3s", .min = 1,
     .max = HOUR_MS, .env = "DINER_HTTP_CONNECT_TIMEOUT",
     .help = "longest wait for a connection to it"},
    {"http.body_max", FIELD_SIZE, MEMBER(http_body_max_bytes), .def = "64MiB", .min = 1024,
     .max = (int64_t)1 << 30, .env = "DINER_HTTP_BODY_MAX", .help = "largest answer accepted"},
    {"retry.max", FIELD_INT, MEMBER(retry_max), .def = "3", .min = 0, .max = 100,
     .env = "DINER_RETRY_MAX", .help = "repeats of a call that may succeed later"},
    {"retry.base", FIELD_DURATION, MEMBER(retry_base_ms), .def = "500ms", .min = 1, .max = HOUR_MS,
     .env = "DINER_RETRY_BASE", .help = "first wait, doubled each time"},
    {"retry.cap", FIELD_DURATION, MEMBER(retry_cap_ms), .def = "30s", .min = 1, .max = HOUR_MS,
     .env = "DINER_RETRY_CAP", .help = "longest single wait"},
    {"retry.budget", FIELD_DURATION, MEMBER(retry_budget_ms), .def = "5m", .min = 1, .max = DAY_MS,
     .env = "DINER_RETRY_BUDGET", .help = "all waits of one call together"},
    {"breaker.failures", FIELD_INT, MEMBER(breaker_failures), .def = "5", .min = 1, .max = 1000,
     .env = "DINER_BREAKER_FAILURES", .help = "failures in a row that open the circuit breaker"},
    {"breaker.open", FIELD_DURATION, MEMBER(breaker_open_ms), .def = "60s", .min = 1, .max = DAY_MS,
     .env = "DINER_BREAKER_OPEN", .help = "how long it stays open before a trial"},

    {"database.connections_max", FIELD_INT, MEMBER(database_connections_max), .def = "50", .min = 1,
     .max = 1000, .env = "DINER_DATABASE_CONNECTIONS_MAX",
     .help = "most connections of one process"},
    {"database.connections_warn", FIELD_FRACTION, MEMBER(database_connections_warn), .def = "80%",
     .min = 0, .max = WHOLE, .env = "DINER_DATABASE_CONNECTIONS_WARN",
     .help = "share of them in use that is warned about"},
    {"database.statement_timeout", FIELD_DURATION, MEMBER(database_statement_timeout_ms),
     .def = "30m", .min = 0, .max = 7 * DAY_MS, .env = "DINER_DATABASE_STATEMENT_TIMEOUT",
     .help = "longest statement; 0 for no limit"},
    {"database.lock_timeout", FIELD_DURATION, MEMBER(database_lock_timeout_ms), .def = "5s",
     .min = 1, .max = HOUR_MS, .env = "DINER_DATABASE_LOCK_TIMEOUT",
     .help = "longest wait for a lock"},

    {"page.size", FIELD_INT, MEMBER(page_size_default), .def = "20", .min = 1, .max = 1000,
     .env = "DINER_PAGE_SIZE", .help = "rows of a page of the API when nothing is asked for"},
    {"page.size_max", FIELD_INT, MEMBER(page_size_max), .def = "100", .min = 1, .max = 1000,
     .env = "DINER_PAGE_SIZE_MAX", .help = "most rows of a page of the API"},
    {"token.access", FIELD_DURATION, MEMBER(access_token_ms), .def = "30m", .min = 1000,
     .max = 30 * DAY_MS, .env = "DINER_TOKEN_ACCESS", .help = "life of an access token"},
    {"token.refresh", FIELD_DURATION, MEMBER(refresh_token_ms), .def = "24h", .min = 1000,
     .max = 365 * DAY_MS, .env = "DINER_TOKEN_REFRESH", .help = "life of a refresh token"},
    {"rate.minute", FIELD_RATE, MEMBER(rate_minute), .def = "100/m", .env = "DINER_RATE_MINUTE",
     .help = "requests of one client to the platform, short term"},
    {"rate.hour", FIELD_RATE, MEMBER(rate_hour), .def = "1000/h", .env = "DINER_RATE_HOUR",
     .help = "requests of one client to the platform, long term"},
    {"rate.integration_minute", FIELD_RATE, MEMBER(rate_integration_minute), .def = "6000/m",
     .env = "DINER_RATE_INTEGRATION_MINUTE",
     .help = "requests of a client of the integration role, short term"},
    {"rate.integration_hour", FIELD_RATE, MEMBER(rate_integration_hour), .def = "200000/h",
     .env = "DINER_RATE_INTEGRATION_HOUR",
     .help = "requests of a client of the integration role, long term"},
    {"orders.unpaid_after", FIELD_DURATION, MEMBER(order_unpaid_ms), .def = "30m", .min = 1000,
     .max = 30 * DAY_MS, .env = "DINER_ORDERS_UNPAID_AFTER",
     .help = "age at which an unpaid order is cancelled"},
    {"orders.cancel_every", FIELD_DURATION, MEMBER(order_cancel_every_ms), .def = "10m",
     .min = 1000, .max = DAY_MS, .env = "DINER_ORDERS_CANCEL_EVERY",
     .help = "how often the platform looks for unpaid orders"},

    {"rejects.max_rows", FIELD_INT, MEMBER(reject_max_rows), .def = "100", .min = 0,
     .max = INT64_MAX, .env = "DINER_REJECTS_MAX_ROWS",
     .help = "rejected rows of a slice that are borne, where a pipeline says nothing"},
    {"rejects.max_rate", FIELD_FRACTION, MEMBER(reject_max_rate), .def = "0.1%", .min = 0,
     .max = WHOLE, .env = "DINER_REJECTS_MAX_RATE",
     .help = "their share of the rows read that is borne"},
    {"guard.max_shrink", FIELD_FRACTION, MEMBER(guard_max_shrink), .def = "20%", .min = 0,
     .max = WHOLE, .env = "DINER_GUARD_MAX_SHRINK",
     .help = "how much smaller a replacing source may be than what it replaces"},

    {"perf.target_mean", FIELD_DURATION, MEMBER(perf_target_mean_ms), .def = "200ms", .min = 1,
     .max = HOUR_MS, .env = "DINER_PERF_TARGET_MEAN", .help = "target: mean response time"},
    {"perf.target_p95", FIELD_DURATION, MEMBER(perf_target_p95_ms), .def = "500ms", .min = 1,
     .max = HOUR_MS, .env = "DINER_PERF_TARGET_P95", .help = "target: 95th percentile"},
    {"perf.target_database", FIELD_DURATION, MEMBER(perf_target_database_ms), .def = "100ms",
     .min = 1, .max = HOUR_MS, .env = "DINER_PERF_TARGET_DATABASE",
     .help = "target: database time of a request"},
    {"perf.target_error_rate", FIELD_FRACTION, MEMBER(perf_target_error_rate), .def = "0.1%",
     .min = 0, .max = WHOLE, .env = "DINER_PERF_TARGET_ERROR_RATE",
     .help = "target: share of failed requests"},
    {"perf.target_availability", FIELD_FRACTION, MEMBER(perf_target_availability), .def = "99.9%",
     .min = 0, .max = WHOLE, .env = "DINER_PERF_TARGET_AVAILABILITY",
     .help = "target: share of time the API answers"},
    {"perf.target_rps", FIELD_INT, MEMBER(perf_target_rps), .def = "5000", .min = 1,
     .max = 100000000, .env = "DINER_PERF_TARGET_RPS", .help = "target: requests a second"},
    {"perf.threads", FIELD_INT, MEMBER(perf_threads), .def = "12", .min = 1, .max = 1024,
     .env = "DINER_PERF_THREADS", .help = "load profile: threads"},
    {"perf.connections", FIELD_INT, MEMBER(perf_connections), .def = "400", .min = 1, .max = 100000,
     .env = "DINER_PERF_CONNECTIONS", .help = "load profile: connections"},
    {"perf.duration", FIELD_DURATION, MEMBER(perf_duration_ms), .def = "30s", .min = 1000,
     .max = DAY_MS, .env = "DINER_PERF_DURATION", .help = "load profile: how long"},

    {"metrics.textfile", FIELD_STRING, MEMBER(metrics_textfile),
     "file for Prometheus' textfile collector that each `diner run` brings up to date",
     .env = "DINER_METRICS_TEXTFILE", .complete = "file"},
    {"schedule.nightly", FIELD_STRING, MEMBER(schedule_nightly), .def = "05:15",
     .env = "DINER_SCHEDULE_NIGHTLY", .help = "when the nightly job runs"},
    {"schedule.bills", FIELD_STRING, MEMBER(schedule_bills), .def = "10:30",
     .env = "DINER_SCHEDULE_BILLS", .help = "when the bills of the payment channels are fetched"},
    {"schedule.cancel_every", FIELD_DURATION, MEMBER(schedule_cancel_every_ms), .def = "10m",
     .min = MINUTE_MS, .max = DAY_MS, .env = "DINER_SCHEDULE_CANCEL_EVERY",
     .help = "how often unpaid orders are cancelled by the schedule"},
    {0},
};

const struct field_set settings_fields = {
    .name = "diner.yaml",
    .help = "The settings of diner: dotted keys may be written as nested maps",
    .struct_size = sizeof(struct settings),
    .fields = fields,
};
