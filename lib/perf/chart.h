/* lib/perf/chart.h - the charts of a report, each one inline SVG. A chart without data appends
 * nothing. Private to lib/perf. */
#ifndef DINER_PERF_CHART_H
#define DINER_PERF_CHART_H

#include "perf/document.h"

struct chart_context {
    const struct perf_document *d;
    struct arena *arena;
    struct strbuf *out;
    size_t serial; /* of the page: ids */
};
void chart_time(struct chart_context *c);      /* percentiles, rate and errors over time */
void chart_curve(struct chart_context *c);     /* percentile curve */
void chart_spread(struct chart_context *c);    /* distribution, before and after */
void chart_endpoints(struct chart_context *c); /* P95 against the target, with intervals */
void chart_database(struct chart_context *c);  /* time per request, stacked by statement */
void chart_knee(struct chart_context *c);      /* capacity */
void chart_waits(struct chart_context *c);     /* wait events */

/* The P95 limit that stands for an endpoint, or the whole: the lowest `p(95)<N` of the gate's
 * rules; below 0: none. */
double document_target(const struct perf_document *d, size_t endpoint, enum figure_kind kind);
/* The step of the search with the highest rate that keeps the P95 target and 1 % of errors; NULL.
 */
const struct perf_step *document_knee(const struct perf_document *d);

#endif
