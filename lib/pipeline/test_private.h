/* lib/pipeline/test_private.h - what the parts of the test runner share. */
#ifndef DINER_PIPELINE_TEST_PRIVATE_H
#define DINER_PIPELINE_TEST_PRIVATE_H

#include "pipeline/test.h"

enum { TEST_PROBLEMS_MAX = 20 };

/* What a stream made of what it was given. Texts in the arena. */
struct test_found {
    struct arena *arena;
    const struct stream_spec *stream;
    const char ***rows; /* values by column, NULL for null */
    size_t nrows, capacity;
    struct test_found_reject {
        uint64_t line;
        const char *column, *reason; /* column NULL: the whole record */
    } * rejects;
    size_t nrejects;
    int64_t skipped;
    bool is_complete; /* everything was seen: what the stream ended with is the test's own stop */
    const char *problems[TEST_PROBLEMS_MAX + 1];
    size_t nproblems;
};
void test_problem(struct test_found *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Expectations against what was found; error: what the stream failed with, NULL when it did not. */
void test_compare(struct test_found *f, const struct test_expect *expect, const char *error);
/* Lint of the tests of a file. */
void tests_check(struct pipeline *p, struct diagnostics *d);

#endif
