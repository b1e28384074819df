/* lib/pipeline/test.h - the `tests:` of a pipeline file: a stream, what it is given to read, what
 * must come of it.
 *
 * The source reads and converts for real; transforms, lookups and checks run in PostgreSQL in a
 * transaction that is rolled back, up to the point where rows would be merged. A test that needs no
 * SQL needs no database. Nothing is sent: APIs answer from a body or a tape. */
#ifndef DINER_PIPELINE_TEST_H
#define DINER_PIPELINE_TEST_H

#include "pipeline/run.h"

struct test_result {
    const char *pipeline, *file, *name;
    bool passed;
    int64_t elapsed_ms;
    const char *const *problems; /* "row 2, amount: expected 12.30, found 12.3" */
    size_t nproblems;
    enum error_code code; /* it could not be run at all (no database): why, else ERR_OK */
};

struct test_options {
    const struct run_options *run; /* config, builtins, migrations */
    const char *only;              /* part of a test's name, or NULL */
    bool record;                   /* ask the real APIs and write their answers to the tapes */
    void (*done)(void *self, const struct test_result *result);
    void *self;
};
/* All tests of a pipeline, in file order. Failed tests are no error here; a file that cannot be
 * loaded is. Borrows the result's texts for the call only. */
int tests_run(const char *pipeline, const struct test_options *o, struct error *err);

#endif
