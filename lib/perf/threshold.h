/* lib/perf/threshold.h - targets in k6's threshold words, extended by what a request costs the
 * database and by the change against a baseline:
 *
 *   p(95)<200            a percentile of the response time, ms (or 0.2s, 200ms)
 *   avg<200  med  max    mean, median, maximum of the response time
 *   rate<0.01            share of failed requests (or 1%); 429 is counted apart
 *   count>=1000          requests
 *   rps>=5000            successful answers a second
 *   db.calls_per_req<=3  statements; also db.rows_per_req, db.buffers_per_req (8 KiB blocks),
 *                        db.temp_per_req (blocks), db.wal_per_req (bytes, or 4kB), db.time_per_req
 *   delta(p(95))<10%     the change of any of these, relative with %, else in its own unit
 *
 * Operators: < <= > >= == !=. Blanks may stand between the parts. */
#ifndef DINER_PERF_THRESHOLD_H
#define DINER_PERF_THRESHOLD_H

#include "core/error.h"
#include "core/strbuf.h"
#include "perf/figure.h"

#define THRESHOLD_MAX 128 /* bytes of one rule */

enum threshold_operator {
    THRESHOLD_LT,
    THRESHOLD_LE,
    THRESHOLD_GT,
    THRESHOLD_GE,
    THRESHOLD_EQ,
    THRESHOLD_NE
};
struct threshold {
    struct perf_figure figure;
    bool delta;    /* of the change against the baseline */
    bool relative; /* of delta: the limit is a share */
    enum threshold_operator op;
    double limit; /* in the figure's unit: ms, share, 1/s, count, blocks, bytes */
};

/* ERR_CONFIG with the column, what was expected and what was found. */
int threshold_parse(const char *text, struct threshold *ret, struct error *err);
/* "p(95) < 200 ms": how reports show it; parses back to the same. */
void threshold_print(const struct threshold *t, struct strbuf *out);
bool threshold_met(const struct threshold *t, double value);
/* The other side of the limit is at the bottom: rps>=5000. Of == and !=: false. */
bool threshold_is_minimum(const struct threshold *t);

#endif
