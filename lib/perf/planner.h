/* lib/perf/planner.h - what the planner would do if: costs of a study's statements with indexes
 * that do not exist (the extension hypopg). Nothing is run and nothing is created: the session is
 * read-only, and a hypothetical index lives in its memory alone.
 *
 * Traps it closes (PostgreSQL 15, hypopg 1.3.1): a custom plan for NULLs is empty and costs
 * nothing, so plans are generic; a prepared statement keeps the plan it had before an index came,
 * so it is prepared anew for every cost; hypopg has about 2,500 numbers for indexes, so it is reset
 * with every set; a LIMIT that is a parameter is taken for a tenth of the rows, so the rows that a
 * call really gave stand in its place. */
#ifndef DINER_PERF_PLANNER_H
#define DINER_PERF_PLANNER_H

#include "perf/sqltree.h"

struct planner;
/* Connects. Without hypopg planner_why_not says why there are no hypothetical indexes. */
int planner_open(const char *dsn, struct planner **ret, struct error *err);
void planner_close(struct planner *p);                              /* NULL-safe */
const char *planner_why_not(const struct planner *p, bool chinese); /* NULL: they are there */

/* Views of the database into the catalog, in the arena. */
int planner_views(struct planner *p, struct arena *arena, struct sql_catalog *catalog,
                  struct error *err);
struct db_conn *planner_connection(struct planner *p);

/* From now on exactly these n indexes are imagined: CREATE INDEX statements. *ret_ids: n numbers by
 * which plans name them. */
int planner_imagine(struct planner *p, const char *const *create, size_t n, int64_t *ret_ids,
                    struct error *err);
/* Bytes an imagined index would have. */
int planner_size(struct planner *p, int64_t id, double *ret, struct error *err);

#define PLAN_INDEXES_MAX 32
struct plan {
    double cost;
    int64_t used[PLAN_INDEXES_MAX]; /* imagined indexes in the plan, each once */
    size_t nused;
};
/* Plans the statement with what is imagined now. rows_per_call: stands for a LIMIT $n; below 1
 * none. ERR_DATABASE and others when the server cannot prepare it: the message is its reason. */
int planner_cost(struct planner *p, const struct sql_tree *tree, double rows_per_call,
                 struct plan *ret, struct error *err);

#endif
