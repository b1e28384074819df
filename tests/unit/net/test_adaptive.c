/* How many requests at once: found by a simulation of systems that bear some. */
#include "net/adaptive.h"
#include "server.h"

#define MS INT64_C(1000)

/* Rounds of as many requests as allowed, to a system that answers `bears` of them in 20 ms and
 * makes the others wait, or refuses what is over `refuses`. Returns the mean limit of the last
 * third. */
static int64_t settle(struct adaptive *a, int64_t *now_ns, int64_t bears, int64_t refuses)
{
    int64_t sum = 0;

    for (int round = 0; round < 600; round++) {
        int64_t n = adaptive_limit(a);
        int64_t took_us = 20 * MS * (n > bears ? n : bears) / bears;
        *now_ns += took_us * 1000;
        for (int64_t i = 0; i < n; i++)
            adaptive_report(a, took_us, refuses > 0 && i >= refuses, *now_ns);
        if (round >= 400)
            sum += adaptive_limit(a);
    }
    return sum / 200;
}

static void test_it_finds_what_a_system_bears(void **state)
{
    (void)state;
    static const int64_t bears[] = {1, 4, 16, 40};
    for (size_t i = 0; i < sizeof(bears) / sizeof(bears[0]); i++) {
        struct adaptive a;
        int64_t now_ns = 1000000000;
        adaptive_init(&a, 64);
        int64_t limit = settle(&a, &now_ns, bears[i], 0);
        if (limit < bears[i] || limit > 3 * bears[i] + 2)
            fail_msg("bears %d, found %d", (int)bears[i], (int)limit);
    }
}

static void test_it_keeps_below_what_is_refused(void **state)
{
    (void)state;
    struct adaptive a;
    int64_t now_ns = 1000000000;

    adaptive_init(&a, 64);
    int64_t limit = settle(&a, &now_ns, 1000, 10);
    assert_in_range(limit, 5, 11);
}

static void test_it_never_leaves_its_range(void **state)
{
    (void)state;
    struct adaptive a;

    adaptive_init(&a, 8);
    for (int i = 0; i < 1000; i++)
        adaptive_report(&a, 10 * MS, false, 1);
    assert_int_equal(adaptive_limit(&a), 8);
    for (int i = 1; i < 100; i++)
        adaptive_report(&a, 10 * MS, true, i * INT64_C(1000000000));
    assert_int_equal(adaptive_limit(&a), 1);
    adaptive_init(&a, 1);
    assert_int_equal(adaptive_limit(&a), 1);
}

static void test_the_refusals_of_one_round_lower_it_once(void **state)
{
    (void)state;
    struct adaptive a;

    adaptive_init(&a, 64);
    for (int i = 0; i < 2000; i++)
        adaptive_report(&a, 10 * MS, false, 1);
    assert_int_equal(adaptive_limit(&a), 62);
    for (int i = 0; i < 30; i++)
        adaptive_report(&a, 10 * MS, true, 1000000000 + i);
    assert_int_equal(adaptive_limit(&a), 31);
}

static void test_it_learns_that_a_system_became_slower(void **state)
{
    (void)state;
    struct adaptive a;
    int64_t now_ns = 1000000000;

    adaptive_init(&a, 64);
    settle(&a, &now_ns, 40, 0);
    int64_t limit = settle(&a, &now_ns, 4, 0);
    assert_in_range(limit, 4, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_finds_what_a_system_bears),
        cmocka_unit_test(test_it_keeps_below_what_is_refused),
        cmocka_unit_test(test_it_never_leaves_its_range),
        cmocka_unit_test(test_the_refusals_of_one_round_lower_it_once),
        cmocka_unit_test(test_it_learns_that_a_system_became_slower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
