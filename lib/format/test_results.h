/* lib/format/test_results.h - how many tests passed, from what a runner of tests wrote. */
#ifndef DINER_FORMAT_TEST_RESULTS_H
#define DINER_FORMAT_TEST_RESULTS_H

#include "core/error.h"
#include <stddef.h>
#include <stdint.h>

struct test_results {
    const char *form; /* "JUnit", "TAP", "make test" */
    int64_t passed, failed, skipped;
};
/* By its contents:
 *   JUnit       testcase elements; failed with a failure or error element in it
 *   TAP         lines "ok N", "not ok N", "ok N # skip"
 *   make test   its last line "N passed, N failed"
 * ERR_DATA when it is none of these, or has no result at all. */
int test_results_read(const char *text, size_t n, struct test_results *ret, struct error *err);

#endif
