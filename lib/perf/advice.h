/* lib/perf/advice.h - the state of the search for indexes; private to index_advice.c (what is worth
 * it for one statement, and for all), and advice_finding.c (what is said of it). */
#ifndef DINER_PERF_ADVICE_H
#define DINER_PERF_ADVICE_H

#include "perf/index_advice.h"

/* A statement that the planner could plan and that is expensive enough. */
struct advice_query {
    size_t statement;
    const struct sql_tree *tree;
    double rows_per_call, calls;
    double cost0; /* as things are */
    double cost;  /* with what is chosen */
};
struct advice_index {
    struct index_candidate c;
    bool chosen;
    double gain, without; /* planner cost over the run that it saves: when chosen; when left out */
    double bytes;
    bool stale;  /* its gain is to be computed again */
    bool *helps; /* for each query: without it alone, it would be clearly more expensive */
};
#define ADVICE_SET_MAX 64 /* indexes imagined at once */

struct advice {
    struct diagnosis *d;
    struct planner *planner;
    int64_t deadline_ms;
    bool out_of_time;
    struct advice_query *queries;
    size_t nqueries;
    struct advice_index *pool;
    size_t npool, capacity;
};

/* The index as hypopg is told of it: one statement, or one for each partition. At most max. */
size_t advice_create(struct diagnosis *d, const struct index_candidate *c, const char **list,
                     size_t max);

/* Findings of the chosen ones; costs are those of the queries. */
int advice_report(struct advice *a, struct error *err);
/* What the statistics alone suggest for a statement, with the reason why there is no more. */
void advice_guess(struct diagnosis *d, size_t statement, const char *why, enum perf_proof proof);
double advice_writes(const struct diagnosis *d, const struct index_candidate *c);

#endif
