/* tests/unit/format/test_test_results.c - what a runner of tests said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "format/test_results.h"
#include <cmocka.h>
#include <string.h>

static struct error err;

static void assert_results(const char *text, const char *form, int passed, int failed, int skipped)
{
    struct test_results r = {0};
    assert_int_equal(test_results_read(text, strlen(text), &r, &err), 0);
    assert_string_equal(r.form, form);
    assert_int_equal(r.passed, passed);
    assert_int_equal(r.failed, failed);
    assert_int_equal(r.skipped, skipped);
}

static void junit_cases_are_counted_by_what_is_in_them(void **state)
{
    (void)state;
    assert_results(
        "<?xml version=\"1.0\"?>\n<testsuites><testsuite name='a>b' tests=\"99\">"
        "<testcase name=\"passes\"/>"
        "<testcase name=\"says &lt;failure\"><system-out><![CDATA[<failure>]]></system-out>"
        "<!-- <error/> --></testcase>"
        "<testcase name=\"fails\"><failure message=\"x > y\">no</failure></testcase>"
        "<testcase name=\"breaks\"><error/></testcase>"
        "<testcase name=\"later\"><skipped/></testcase>"
        "<error/></testsuite></testsuites>",
        "JUnit", 2, 2, 1);
}

static void tap_lines_are_counted(void **state)
{
    (void)state;
    assert_results("1..4\nok 1 - a\nnot ok 2 - b\n# not ok 9\nok 3 - c # SKIP no server\n"
                   "ok 4 # skipped\nokay 5\n ok 6",
                   "TAP", 1, 1, 2);
}

static void our_own_last_line_counts(void **state)
{
    (void)state;
    assert_results("FAIL tests/cli/x.bats (exit 1)\nnot ok 3 - b\n12 passed, 1 failed\n",
                   "make test", 12, 1, 0);
    /* Of a run in stages the last line adds the others up. */
    assert_results("3 passed, 0 failed\n40 passed, 2 failed\n", "make test", 40, 2, 0);
}

static void what_has_no_result_is_refused(void **state)
{
    (void)state;
    static const char *const none[] = {"",
                                       "\n",
                                       "all is well",
                                       "<html><body>ok 1</body></html>",
                                       "<testcase",
                                       "passed, failed",
                                       "99999999999999 passed, 0 failed"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct test_results r = {0};
        assert_int_equal(test_results_read(none[i], strlen(none[i]), &r, &err), ERR_DATA);
        assert_null(r.form);
        error_clear(&err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(junit_cases_are_counted_by_what_is_in_them),
        cmocka_unit_test(tap_lines_are_counted),
        cmocka_unit_test(our_own_last_line_counts),
        cmocka_unit_test(what_has_no_result_is_refused),
    };
    return cmocka_run_group_tests_name("test_results", tests, NULL, NULL);
}
