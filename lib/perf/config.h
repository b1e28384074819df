/* lib/perf/config.h - what is to be measured, and what must hold: a perf.yaml.
 *
 * Every mistake of a file is told with file:line:column. Secrets stand as references and are
 * resolved when a load begins. Strings live in the arena the file was read with. */
#ifndef DINER_PERF_CONFIG_H
#define DINER_PERF_CONFIG_H

#include "schema/bind.h"

extern const struct field_set perf_config_fields;

/* Rows that requests are filled from: {NAME} is the first column, {NAME.COLUMN} another. */
struct perf_parameter {
    const char *sql, *csv;
    struct field_strings values;
};
struct perf_basic {
    const char *user, *password; /* password: a reference */
};
struct perf_auth {
    const char *bearer; /* a reference */
    struct perf_basic *basic;
    const char *header, *value; /* another header; value: a reference */
};
/* A target in k6's words, as written, and where: gate.h reads it. */
struct perf_target_text {
    const char *text;
    const struct ynode *place;
};
struct perf_targets_text {
    struct perf_target_text *items;
    size_t count;
};
struct perf_endpoint_config {
    const char *name, *method, *path, *body, *body_file;
    struct field_string_map headers;
    int64_t weight, expect;
    const char *size_parameter, *page_parameter, *offset_parameter;
    int64_t deep_offset;
    const struct ynode *targets_node;
    struct perf_targets_text targets;
    const struct ynode *place;
};
struct perf_load_config {
    struct field_rate rate;
    int64_t rate_per_s; /* of rate; 0: closed model */
    int64_t connections, rounds, duration_ms, warmup_ms, timeout_ms, max_requests, max_time_ms;
};
struct perf_capacity_config {
    int64_t connections_max, step_ms;
};
struct perf_attribute_config {
    int64_t requests;
    struct field_strings page_sizes;
    double sizes[8];
    size_t nsizes;
    int64_t background_ms;
};
struct perf_config {
    int64_t version;
    const char *title, *owner, *related, *currency, *cost_text;
    double cost_per_month;
    int64_t requests_per_day;
    const char *target, *before, *database, *database_before, *ca_file;
    struct field_strings allow_hosts, methods;
    struct field_string_map headers;
    struct perf_auth *auth;
    struct perf_load_config load;
    struct perf_capacity_config *capacity;
    struct perf_attribute_config attribute;
    struct field_objects parameters; /* struct perf_parameter, by name */
    struct field_objects endpoints;  /* struct perf_endpoint_config */
    const struct ynode *targets_node;
    struct perf_targets_text targets;
    const char *directory; /* of the file: what its paths begin at */
};

/* All problems into d; *ret is as far as it could be bound. Returns an error only when the file
 * could not be read at all. */
int perf_config_load(const char *path, struct arena *arena, struct diagnostics *d,
                     struct perf_config *ret, struct error *err);
int perf_config_parse(const char *text, size_t n, const char *name, struct arena *arena,
                      struct diagnostics *d, struct perf_config *ret, struct error *err);
/* The defaults, and one endpoint: GET of that URL. */
int perf_config_of_url(const char *url, struct arena *arena, struct perf_config *ret,
                       struct error *err);

const struct perf_endpoint_config *perf_config_endpoint(const struct perf_config *c, size_t i);
/* "GET /api/v1/orders" unless it has a name. */
const char *perf_endpoint_name(const struct perf_endpoint_config *e, struct arena *arena);
/* Whether a load may be sent there: loopback, or a host that allow_hosts names. */
bool perf_config_allows_host(const struct perf_config *c, const char *host);

#endif
