/* lib/schema/config.h - diner.yaml and the settings: flag > DINER_* > named file > XDG > /etc >
 * default, with the origin of each value.
 *
 * Files looked for: --config FILE or DINER_CONFIG (then only that one), else ./diner.yaml,
 * $XDG_CONFIG_HOME/diner/diner.yaml (~/.config), /etc/diner/diner.yaml; the first that exists of
 * the last three is used (they do not merge). Secrets by reference (core/secret.h); a file that
 * holds a literal secret and is readable by group or others is refused. */
#ifndef DINER_SCHEMA_CONFIG_H
#define DINER_SCHEMA_CONFIG_H

#include "schema/bind.h"

/* connections: NAME: { dsn: ... } */
struct config_connection {
    const char *dsn; /* a reference (env:, file:, cmd:) or the text; secret */
};

struct settings {
    /* what the tools use */
    const char *timezone;   /* business zone */
    int32_t business_day_s; /* cut-off, seconds after midnight */
    const char *currency;
    struct field_strings pipeline_path;  /* directories with NAME.yaml */
    struct field_strings connector_path; /* directories with NAME.yaml */
    const char *output_dir;              /* file targets with relative paths go here */
    const char *state_dir;               /* diner dev, local state */
    struct field_objects connections;    /* of struct config_connection, named */
    int log_level;                       /* choice */
    int log_format;                      /* choice: auto text json */
    /* the platform and how to reach it */
    const char *platform_url, *platform_user, *platform_password; /* password is a reference */
    /* the owner's numbers */
    int64_t http_timeout_ms; /* call to another service: 5 s */
    int64_t http_connect_timeout_ms;
    int64_t http_body_max_bytes;
    int64_t retry_max, retry_base_ms, retry_cap_ms, retry_budget_ms;
    int64_t breaker_failures;          /* opens after 5 failures */
    int64_t breaker_open_ms;           /* half-open after 60 s */
    int64_t database_connections_max;  /* 50 */
    int64_t database_connections_warn; /* millionths: 80 % */
    int64_t database_statement_timeout_ms;
    int64_t database_lock_timeout_ms;          /* wait for a lock: 5 s */
    int64_t page_size_default;                 /* 20 */
    int64_t page_size_max;                     /* 100 */
    int64_t access_token_ms;                   /* 30 min */
    int64_t refresh_token_ms;                  /* 24 h */
    struct field_rate rate_minute;             /* 100/m per client */
    struct field_rate rate_hour;               /* 1000/h per client */
    struct field_rate rate_integration_minute; /* integration role: its own, higher quota */
    struct field_rate rate_integration_hour;
    int64_t order_unpaid_ms;       /* 30 min */
    int64_t order_cancel_every_ms; /* 10 min */
    int64_t reject_max_rows;       /* default of on_error.max_rejects: 100 */
    int64_t reject_max_rate;       /* millionths: 0.1 % */
    int64_t guard_max_shrink;      /* default of guard.max_shrink: 20 % */
    int64_t perf_target_mean_ms, perf_target_p95_ms, perf_target_database_ms; /* 200 500 100 */
    int64_t perf_target_error_rate;                           /* millionths: 0.1 % */
    int64_t perf_target_availability;                         /* millionths: 99.9 % */
    int64_t perf_target_rps;                                  /* 5000 */
    int64_t perf_threads, perf_connections, perf_duration_ms; /* 12, 400, 30 s */
    const char *metrics_textfile;                             /* NULL: none is written */
    const char *schedule_nightly;                             /* "05:15" */
    const char *schedule_bills;                               /* "10:30" */
    int64_t schedule_cancel_every_ms;                         /* 10 min */
};
extern const struct field_set settings_fields; /* names are dotted: "platform.url" */

struct config;
/* file: --config or NULL. Reads the environment (a field's env). Settings strings live in config.
 */
int config_load(const char *file, struct config **ret, struct error *err);
void config_free(struct config *c);
const struct settings *config_settings(const struct config *c);
/* The file used, or NULL. */
const char *config_file(const struct config *c);
/* "default", "env DINER_X", "/etc/diner/diner.yaml:12:5", "--flag"; name is a settings field or
 * "connections.NAME". */
const char *config_origin(const struct config *c, const char *name);
/* A flag's value on top. */
int config_override(struct config *c, const char *name, const char *text, const char *origin,
                    struct error *err);
/* Value text of a setting for `config show` and for option defaults; secrets masked unless they
 * are references; NULL when unset. */
const char *config_text(const struct config *c, const char *name, bool masked);
/* The DSN of a connection, resolved, its password registered as secret: DINER_DSN_<NAME>, for
 * "warehouse" then DINER_DSN, then connections.NAME.dsn of the file. Caller frees with secret_free.
 * ERR_CONFIG says what to set. */
int config_dsn(const struct config *c, const char *connection, char **ret_dsn, struct error *err);

#endif
