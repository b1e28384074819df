/* lib/perf/alert.h - the limits of alert rules and the bucket edges that fit them, from the
 * measured curve; render_alerts.c prints them. Private to lib/perf. */
#ifndef DINER_PERF_ALERT_H
#define DINER_PERF_ALERT_H

#include "perf/document.h"

#define ALERT_EDGES_MAX 16

struct alert {
    bool known;                    /* a limit could be derived */
    bool from_target;              /* else twice the measured P95 */
    double limit_s;                /* HighResponseTime */
    double measured_s;             /* P95; below 0 not measured */
    bool fires;                    /* it would fire at the measured value */
    double error_limit;            /* HighErrorRate: share */
    double edges[ALERT_EDGES_MAX]; /* seconds, rising; the limit is one of them */
    size_t nedges;
};
struct alert alert_derive(const struct perf_document *d, struct arena *arena);
/* "0.005, 0.01, 0.5" */
void alert_edges(const struct alert *a, struct strbuf *out);

#endif
