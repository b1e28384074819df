/* lib/net/connector.h - how one outside system is reached, from YAML: base_url, auth, rate, retry,
 * breaker, rules, and resources with their pagination. One writer of requests for everything that
 * talks to a platform. */
#ifndef DINER_NET_CONNECTOR_H
#define DINER_NET_CONNECTOR_H

#include "net/http.h"
#include "schema/bind.h"
#include "schema/config.h"

extern const struct field_set connector_fields; /* the file's grammar */

/* The YAML of a connector shipped inside the program. */
struct connector_builtin {
    const char *name; /* NULL ends */
    const char *yaml;
};
/* Looks for NAME.yaml in settings.connector_path, then among the built-ins. `platform` takes
 * url, user and password from the settings platform.*: in any connector ${platform.url},
 * ${platform.user} and ${platform.password} are these. */
struct connector;
int connector_open(const char *name, const struct config *config,
                   const struct connector_builtin *builtins, struct connector **ret,
                   struct error *err);
void connector_close(struct connector *c);
const char *connector_name(const struct connector *c);
/* Lint only: problems of a connector file. */
void connector_lint(const struct ynode *root, struct arena *arena, struct diagnostics *d);
bool connector_has_resource(const struct connector *c, const char *resource);
void connector_resource_names(const struct connector *c, const char *const **ret,
                              size_t *ret_count);

/* Named values for ${...} in a resource's path, query and body. */
struct connector_param {
    const char *name, *value; /* value NULL: the query parameter is left out */
};

/* One request of a resource: auth (login and refresh once on 401), rate, rules, retries. The body
 * (JSON) may be NULL when the resource declares its own. Errors by the connector's rules first
 * (an HTTP 200 with an error body is an error), then by status. */
int connector_call(struct connector *c, const char *resource, const struct connector_param *params,
                   size_t nparams, struct span body, const char *idempotency_key,
                   struct http_response *ret, struct error *err);

/* All pages of a resource. Loop and cap detection: a repeated cursor or next URL, or an identical
 * page twice, is ERR_REMOTE; max_pages reached is an error, never a silent end. */
struct connector_pages;
struct connector_page {
    struct span body;     /* whole document */
    struct span records;  /* the raw array at the records pointer */
    int number;           /* from 1 */
    int64_t expect_total; /* what the source says it has in all; -1 when it does not say */
};
int connector_pages_open(struct connector *c, const char *resource,
                         const struct connector_param *params, size_t nparams,
                         struct connector_pages **ret, struct error *err);
/* Borrowed until the next call. */
int connector_pages_next(struct connector_pages *p, struct connector_page *ret, bool *ret_end,
                         struct error *err);
void connector_pages_close(struct connector_pages *p);

/* Writing resources: how many records a request takes, where they go, where results are. */
struct connector_write {
    int64_t batch_rows;       /* 1: one request per record */
    const char *records;      /* pointer of the array in the body, "/items" */
    const char *results;      /* pointer of per-record results in the answer, or NULL */
    const char *result_ok;    /* key of a result that is true or "ok" when accepted, or NULL */
    const char *result_error; /* key with the reason */
};
int connector_write_of(const struct connector *c, const char *resource, struct connector_write *ret,
                       struct error *err);

#endif
