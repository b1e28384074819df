/* Results of tests: what is read has a form and no count below zero; the same text again says the
 * same. */
#include "format/test_results.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    struct test_results first = {0}, again = {0};
    if (test_results_read((const char *)data, size, &first, &err) != 0) {
        require(first.form == NULL && err.message[0] != '\0');
        return 0;
    }
    require(first.form != NULL && first.passed >= 0 && first.failed >= 0 && first.skipped >= 0);
    require(test_results_read((const char *)data, size, &again, &err) == 0);
    require(again.passed == first.passed && again.failed == first.failed &&
            again.skipped == first.skipped);
    return 0;
}
