/* lib/perf/n_plus_one.h - one statement for each row: SELECTs behind a list, and writes.
 *
 * Suspected by the calls per request, confirmed by their slope over page sizes; see
 * docs/perf-diagnosis.md. Needs attributed endpoints and parse trees. */
#ifndef DINER_PERF_N_PLUS_ONE_H
#define DINER_PERF_N_PLUS_ONE_H

#include "perf/finding.h"

void diagnose_repeats(struct diagnosis *d); /* n_plus_one, fan_out, chatty_writes */

/* The statement with `= $n` of this predicate made `= ANY($n)`, in the arena; NULL when the text
 * has no bare parameter there. */
const char *rewrite_any(const struct sql_tree *tree, const struct sql_predicate *p,
                        struct arena *arena);

#endif
