/* lib/perf/attribute.h - which statements a request to each endpoint runs, how often, and at what
 * cost: every endpoint driven alone, the server's counters subtracted.
 *
 * Requests are sent one after the other, a fixed number of them: what is counted does not depend on
 * the speed of the machine. What others do meanwhile is measured before and subtracted; where it is
 * over 5 % of the time the endpoint is not attributed. */
#ifndef DINER_PERF_ATTRIBUTE_H
#define DINER_PERF_ATTRIBUTE_H

#include "db/conn.h"
#include "perf/study_load.h"

struct attribution;
/* Drives the endpoints of plan->sides[side]; needs its dsn, and pg_stat_statements there. Probes
 * deep pages and page sizes where the configuration names the parameters. Blocks. */
int attribution_measure(const struct perf_load_plan *plan, size_t side, struct arena *arena,
                        struct attribution **ret, struct error *err);
/* Fills the study's endpoints, whose statements are those of study->server: of a window that the
 * measuring lies in. */
int attribution_finish(struct attribution *a, struct db_conn *conn, struct arena *arena,
                       struct perf_study *study, struct error *err);
void attribution_free(struct attribution *a); /* NULL-safe */

#endif
