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

enum points_debt { POINTS_DEBT_ALLOW, POINTS_DEBT_REFUSE }; /* the choices of points.debt */

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
    int64_t platform_cache_ms;
    const char *platform_connector, *platform_url, *platform_user,
        *platform_password; /* password is a reference */
    /* the owner's numbers */
    int64_t http_timeout_ms; /* call to another service: 5 s */
    int64_t http_connect_timeout_ms;
    int64_t http_body_max_bytes;
    int64_t retry_max, retry_base_ms, retry_cap_ms, retry_budget_ms;
    int64_t breaker_failures;                  /* opens after 5 failures */
    int64_t breaker_open_ms;                   /* half-open after 60 s */
    int64_t database_connections_max;          /* 50 */
    int64_t database_connections_warn;         /* millionths: 80 % */
    int64_t database_lock_timeout_ms;          /* wait for a lock: 5 s */
    int64_t page_size_default;                 /* 20 */
    int64_t page_size_max;                     /* 100 */
    int64_t access_token_ms;                   /* 30 min */
    int64_t refresh_token_ms;                  /* 24 h */
    struct field_rate rate_minute;             /* 100/m per client */
    struct field_rate rate_hour;               /* 1000/h per client */
    struct field_rate rate_integration_minute; /* integration role: its own, higher quota */
    struct field_rate rate_integration_hour;
    int64_t rate_connections;              /* 512 of one address; 0: any number */
    struct field_strings rate_proxies;     /* addresses, blocks */
    const char *consul_url, *consul_token; /* NULL: none; a reference */
    const char *consul_service, *consul_address, *consul_ca_file;
    struct field_strings consul_tags;
    int64_t consul_check_every_ms;        /* 10 s */
    int64_t order_unpaid_ms;              /* 30 min */
    int payments_channel;                 /* choice: none local */
    const char *payments_callback_secret; /* a reference, or NULL */
    int64_t reconcile_pool_days;          /* 3 */
    bool reconcile_recorded;
    int64_t reconcile_wechat_fee, reconcile_alipay_fee; /* millionths; 0: not compared */
    const char *reconcile_fee_tolerance;                /* yuan */
    /* bills: keys are references; those of the channels are files */
    int payments_wechat_api, payments_wechat_sign_type; /* choices: v3 v2; HMAC-SHA256 MD5 */
    const char *payments_wechat_url, *payments_wechat_mch_id, *payments_wechat_app_id;
    const char *payments_wechat_key, *payments_wechat_serial_no, *payments_wechat_private_key;
    const char *payments_wechat_public_key, *payments_wechat_certificate, *payments_ca_file;
    const char *payments_alipay_url, *payments_alipay_app_id, *payments_alipay_private_key;
    const char *payments_alipay_public_key;
    int64_t payments_bill_timeout_ms, payments_bill_max_bytes;
    const char *members_hash_key; /* a reference, or NULL */
    const char *points_per_yuan;  /* a decimal */
    int64_t points_expire_months; /* 0: never */
    int64_t points_refund_grace_ms, points_tier_months;
    int points_debt;                                /* enum points_debt */
    struct field_string_map points_tiers;           /* name: "FROM [RATE]" */
    const char *notify_smtp_url, *notify_smtp_user; /* NULL: no e-mail; no login */
    const char *notify_smtp_password;               /* a reference, or NULL */
    const char *notify_smtp_ca_file;
    bool notify_smtp_plain;
    int64_t notify_smtp_timeout_ms;
    const char *notify_from;
    struct field_strings notify_to;
    const char *notify_webhook_url, *notify_webhook_secret;     /* the secret is a reference */
    const char *notify_rabbitmq_url, *notify_rabbitmq_password; /* the password is a reference */
    struct field_string_map notify_routes, notify_templates;
    const char *notify_sms_url, *notify_sms_key, *notify_sms_secret; /* the last two: references */
    const char *notify_sms_sign_name, *notify_sms_template;
    struct field_string_map notify_sms_params;
    struct field_strings notify_sms_to;
    /* robots: all references */
    const char *notify_dingtalk_url, *notify_dingtalk_secret, *notify_wecom_url;
    const char *notify_feishu_url, *notify_feishu_secret, *notify_slack_url;
    struct field_rate notify_sms_rate, notify_dingtalk_rate, notify_wecom_rate;
    struct field_rate notify_feishu_rate, notify_slack_rate;
    const char *notify_ca_file;
    int64_t notify_retries, notify_retry_after_ms; /* 3, 60 s */
    int64_t notify_retry_cap_ms;
    struct field_strings run_notify_on_failure; /* channels */
    int64_t distribute_lease_ms, distribute_lost_max;
    int64_t notify_max_age_ms;
    int64_t reject_max_rows;  /* default of on_error.max_rejects: 100 */
    int64_t reject_max_rate;  /* millionths: 0.1 % */
    int64_t guard_max_shrink; /* default of guard.max_shrink: 20 % */
    const char *cache_url;    /* a Redis; NULL: none */
    const char *cache_stock_prefix, *cache_product_prefix;
    int64_t cache_stock_ttl_ms; /* 3,600 s */
    int64_t cache_hot_ttl_ms;   /* 300 s */
    int64_t cache_timeout_ms;
    int64_t perf_target_mean_ms, perf_target_p95_ms, perf_target_database_ms; /* 200 500 100 */
    int64_t perf_target_error_rate;                             /* millionths: 0.1 % */
    int64_t perf_target_availability;                           /* millionths: 99.9 % */
    int64_t perf_target_rps;                                    /* 5000 */
    int64_t perf_threads, perf_connections, perf_duration_ms;   /* 12, 400, 30 s */
    const char *metrics_textfile;                               /* NULL: none is written */
    const char *telemetry_otlp_endpoint, *telemetry_otlp_token; /* NULL: none; a reference */
    const char *lineage_url, *lineage_token, *lineage_ca_file, *lineage_namespace; /* likewise */
    const char *telemetry_service_name, *telemetry_ca_file;
    const char *schedule_nightly;     /* "05:15" */
    const char *schedule_bills;       /* "10:30" */
    const char *schedule_reconcile;   /* "10:45" */
    int64_t schedule_cancel_every_ms; /* 10 min */
    int64_t schedule_notify_every_ms; /* 1 min */
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
/* Whether the connection is configured, sound or not. */
bool config_has_dsn(const struct config *c, const char *connection);
/* The DSN of a connection, resolved, its password registered as secret: DINER_DSN_<NAME>, for
 * "warehouse" then DINER_DSN, then connections.NAME.dsn of the file. Caller frees with secret_free.
 * ERR_CONFIG says what to set. */
int config_dsn(const struct config *c, const char *connection, char **ret_dsn, struct error *err);

#endif
