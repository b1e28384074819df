/* lib/platform/server/metrics.h - what the server counts of itself, as Prometheus reads it.
 * Thread safe: every counter is one atomic, read without stopping anybody. */
#ifndef DINER_PLATFORM_METRICS_H
#define DINER_PLATFORM_METRICS_H

#include "core/strbuf.h"
#include <stddef.h>
#include <stdint.h>

/* One series a method and pattern of the router; index `count` stands for addresses there are not.
 */
struct metrics_endpoint {
    const char *service; /* "orders": the first word behind /api/v1, or "system" */
    const char *method, *pattern;
    const char *source; /* the file of its handler; NULL: none */
};
/* The endpoints of all routes. */
const struct metrics_endpoint *router_endpoints(size_t *ret_count);

struct metrics;
/* Borrows the strings of endpoints. */
struct metrics *metrics_new(const struct metrics_endpoint *endpoints, size_t count);
void metrics_free(struct metrics *m); /* NULL-safe */
void metrics_request(struct metrics *m, size_t endpoint, int status, int64_t us);
/* A refusal of status 409 by its name. Of more than 48 names, those met later are not counted. */
void metrics_conflict(struct metrics *m, const char *name);

/* Figures that are looked up when asked for. */
struct metrics_gauges {
    int64_t active_users, requests_active, connections;
    int64_t pool_busy, pool_idle, pool_max, pool_waits;
};
/* The text exposition format 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/ */
void metrics_write(const struct metrics *m, const struct metrics_gauges *gauges,
                   struct strbuf *out);

#endif
