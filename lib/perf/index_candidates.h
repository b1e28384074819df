/* lib/perf/index_candidates.h - which indexes could serve a statement: from WHERE, JOIN, ORDER BY,
 * GROUP BY, never from the SELECT list. B-trees over plain columns only: no expressions, no
 * conditions (hypopg can crash a server on those behind a view), no LIKE. See
 * docs/perf-diagnosis.md. */
#ifndef DINER_PERF_INDEX_CANDIDATES_H
#define DINER_PERF_INDEX_CANDIDATES_H

#include "perf/finding.h"

#define INDEX_COLUMNS_MAX    4
#define INDEX_CANDIDATES_MAX 24 /* for one statement */

struct index_column {
    const char *name;
    bool descending, nulls_first;
};
struct index_candidate {
    size_t table; /* of the server's */
    struct index_column columns[INDEX_COLUMNS_MAX];
    size_t ncolumns;
    size_t nequal; /* the first of them are compared by =, in any order */
};
struct index_candidates {
    struct index_candidate items[INDEX_CANDIDATES_MAX];
    size_t count;
};

/* Candidates for the tables of the study that have index_rows or more and are in the statement, but
 * for those that an index already begins with. */
void index_candidates_of(const struct diagnosis *d, const struct sql_tree *tree,
                         struct index_candidates *ret);
/* The one a person would try first, by the statistics alone (as PgHero does); false: none. Only for
 * statements over one table. */
bool index_candidate_guess(const struct diagnosis *d, const struct sql_tree *tree,
                           struct index_candidate *ret);

bool index_candidate_equal(const struct index_candidate *a, const struct index_candidate *b);
bool index_exists(const struct diagnosis *d, const struct index_candidate *c);
/* b with its equality columns in an order that begins with all columns of a; false: there is none.
 */
bool index_candidate_merge(const struct index_candidate *a, const struct index_candidate *b,
                           struct index_candidate *ret);

/* "(store_id, created_at DESC)", names quoted where `quote`. */
void index_candidate_columns(const struct index_candidate *c, bool quote, struct strbuf *out);
/* Bytes an entry adds to a row's own: (8 + widths of its columns) / (27 + widths of the row's). */
double index_write_overhead(const struct diagnosis *d, const struct index_candidate *c);

#endif
