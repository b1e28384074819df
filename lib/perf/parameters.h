/* lib/perf/parameters.h - the rows that requests are filled from, and the filling. */
#ifndef DINER_PERF_PARAMETERS_H
#define DINER_PERF_PARAMETERS_H

#include "perf/config.h"

#define PERF_ROWS_MAX 1000 /* more are not read */

struct perf_rows {
    const char *name;
    const char **columns;
    size_t ncolumns;
    const char **cells; /* nrows x ncolumns; NULL is written as nothing */
    size_t nrows;
};
struct perf_rows_set {
    struct perf_rows *items;
    size_t count;
};

/* Reads all parameters of the configuration. dsn: the database, or NULL. ERR_DATA for a parameter
 * without a row, a row too short; errors name the parameter. */
int perf_rows_read(const struct perf_config *c, const char *dsn, struct arena *arena,
                   struct perf_rows_set *ret, struct error *err);

enum perf_filling { PERF_FILL_URL, PERF_FILL_JSON };
/* Appends text with each {NAME} and {NAME.COLUMN} replaced from row i (modulo the number of rows)
 * of that parameter, percent-encoded or escaped as the inside of a JSON text. What names no
 * parameter stays. ERR_SPEC for a column that is not there. */
int perf_fill(const struct perf_rows_set *rows, const char *text, enum perf_filling how, size_t i,
              struct strbuf *out, struct error *err);
/* How many different requests the text makes: the most rows of what it names, at least 1. */
size_t perf_fill_variants(const struct perf_rows_set *rows, const char *text);

#endif
