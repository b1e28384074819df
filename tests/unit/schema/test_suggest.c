/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "schema/suggest.h"

static const char *const names[] = {"--store", "--since", "--status", "orders", "runs", "run"};

static const char *nearest(const char *word)
{
    return suggest_nearest(word, names, sizeof(names) / sizeof(names[0]));
}

static void test_near_words(void **state)
{
    (void)state;
    assert_string_equal(nearest("--stoer"), "--store"); /* a swap is one step */
    assert_string_equal(nearest("--stor"), "--store");
    assert_string_equal(nearest("ordres"), "orders");
    assert_string_equal(nearest("ORDERS"), "orders");
    assert_string_equal(nearest("--statsu"), "--status");
}

static void test_far_words(void **state)
{
    (void)state;
    assert_null(nearest("kitchen"));
    assert_null(nearest(""));
    assert_null(nearest("x"));
    assert_null(suggest_nearest("word", NULL, 0));
    assert_null(
        nearest("a-word-that-is-much-longer-than-any-name-could-be-and-so-never-matches-one"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near_words),
        cmocka_unit_test(test_far_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
