/* The statistics against known values: published ones, and ones enumerated by brute force. */
#include "perf/statistics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void assert_near(double got, double expected, double within)
{
    if (!(fabs(got - expected) <= within))
        fail_msg("%.17g is not %.17g", got, expected);
}

static void test_median(void **state)
{
    const double odd[] = {9, 1, 5}, even[] = {4, 1, 3, 2};
    (void)state;
    assert_near(statistics_median(odd, 3), 5, 0);
    assert_near(statistics_median(even, 4), 2.5, 0);
    assert_near(odd[0], 9, 0); /* not sorted in place */
}

/* Permeability of the chorioamnion: M. Hollander, D. A. Wolfe, Nonparametric Statistical Methods,
 * 1973, p. 69: one-sided p 0.1272, shift 0.305. */
static const double TERM[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
static const double EARLY[] = {1.15, 0.88, 0.90, 0.74, 1.21};

static void test_published_example(void **state)
{
    struct mann_whitney m;
    struct shift s;
    (void)state;
    statistics_mann_whitney(TERM, COUNT(TERM), EARLY, COUNT(EARLY), &m);
    assert_true(m.exact);
    assert_near(m.u, 15, 0);
    assert_near(m.p, 0.2544122544122544, 1e-12);
    statistics_shift(TERM, COUNT(TERM), EARLY, COUNT(EARLY), &s);
    assert_near(s.estimate, -0.305, 1e-12);
    assert_true(s.has_interval);
    assert_near(s.low, -0.76, 1e-12);
    assert_near(s.high, 0.15, 1e-12);
}

/* The smallest p that n against n can give. */
static void test_smallest_p(void **state)
{
    const double a[] = {1, 2, 3, 4, 5}, b[] = {11, 12, 13, 14, 15};
    static const double smallest[] = {0, 1, 1.0 / 3, 0.1, 2.0 / 70, 2.0 / 252};
    struct mann_whitney m;
    (void)state;
    for (size_t n = 1; n <= 5; n++) {
        statistics_mann_whitney(a, n, b, n, &m);
        assert_near(m.p, smallest[n], 1e-12);
        statistics_mann_whitney(b, n, a, n, &m);
        assert_near(m.p, smallest[n], 1e-12);
    }
}

static void test_ties_take_the_corrected_normal(void **state)
{
    const double a[] = {1, 2, 2, 3, 4, 4, 5, 6}, b[] = {4, 5, 5, 6, 7, 7, 8, 9};
    const double same[] = {3, 3, 3, 3, 3};
    struct mann_whitney m;
    (void)state;
    statistics_mann_whitney(a, COUNT(a), b, COUNT(b), &m);
    assert_false(m.exact);
    assert_near(m.u, 57.5, 0);
    assert_near(m.p, 0.008120402510637111, 1e-12);
    statistics_mann_whitney(same, 5, same, 5, &m);
    assert_near(m.p, 1, 0);
}

static void test_large_samples(void **state)
{
    double a[30], b[30];
    struct mann_whitney m;
    struct shift s;
    (void)state;
    for (int i = 0; i < 30; i++) {
        a[i] = i;
        b[i] = i + 7.5;
    }
    statistics_mann_whitney(a, 30, b, 30, &m);
    assert_false(m.exact);
    assert_near(m.p, 0.0036708933924506602, 1e-12);
    statistics_shift(a, 30, b, 30, &s);
    assert_near(s.estimate, 7.5, 1e-12);
    assert_near(s.low, 2.5, 1e-12);
    assert_near(s.high, 12.5, 1e-12);
}

static void test_too_few_for_an_interval(void **state)
{
    const double a[] = {1, 2, 3}, b[] = {4, 5, 6};
    struct shift s;
    (void)state;
    statistics_shift(a, 3, b, 3, &s);
    assert_false(s.has_interval);
    assert_near(s.estimate, 3, 0);
}

/* The exact distribution holds its level: over all 3,432 arrangements of 7 and 7, at most 5 % have
 * p <= 0.05. */
static void test_false_alarms_stay_under_alpha(void **state)
{
    int all = 0, alarms = 0;
    (void)state;
    for (unsigned set = 0; set < 1U << 14; set++) {
        if (__builtin_popcount(set) != 7)
            continue;
        double a[7], b[7];
        size_t na = 0, nb = 0;
        for (int i = 0; i < 14; i++)
            if ((set >> i & 1) != 0)
                a[na++] = i;
            else
                b[nb++] = i;
        struct mann_whitney m;
        statistics_mann_whitney(a, na, b, nb, &m);
        all++;
        alarms += m.p <= 0.05;
    }
    assert_int_equal(all, 3432);
    assert_true(alarms * 20 <= all);
    assert_true(alarms * 30 >= all); /* and the test is not simply mute */
}

static void test_noise(void **state)
{
    const double flat[] = {10, 10, 10, 10}, apart[] = {10, 12, 10, 12, 10, 12};
    (void)state;
    assert_near(statistics_noise(flat, 4), 0, 0);
    assert_near(statistics_noise(apart, 6), 2.0 / 11, 1e-12);
    assert_near(statistics_noise(apart, 3), 0, 0);
}

static void test_holm(void **state)
{
    double p[] = {0.01, 0.04, -1, 0.03, 0.005}; /* four tests: times 3, 1, 2, 4, never falling */
    (void)state;
    statistics_holm(p, 5);
    assert_near(p[4], 0.02, 1e-12);
    assert_near(p[0], 0.03, 1e-12);
    assert_near(p[3], 0.06, 1e-12);
    assert_near(p[1], 0.06, 1e-12);
    assert_near(p[2], -1, 0);
}

static void test_percentile_needs(void **state)
{
    (void)state;
    assert_int_equal(statistics_percentile_needs(95), 72);
    assert_int_equal(statistics_percentile_needs(99), 368);
    assert_int_equal(statistics_percentile_needs(99.9), 3688);
}

/* Golden values: R 4.2.2, wilcox.test(b, a, exact = TRUE, conf.int = TRUE), and the same p-values
 * from scipy 1.10.1, mannwhitneyu(b, a, method = "exact"). */
static void test_golden_values_of_r_and_scipy(void **state)
{
    static const struct {
        double a[8], b[8];
        size_t na, nb;
        double u, p, shift, low, high;
    } golden[] = {
        {{102.1, 98.4, 101.7, 99.9, 103.3, 100.8},
         {109.2, 112.5, 108.8, 111.0, 107.1, 113.9},
         6,
         6,
         36,
         0.0021645021645021645,
         9.25,
         6.3,
         12.6},
        {{102.1, 98.4, 101.7, 99.9, 103.3, 100.8},
         {101.2, 104.5, 98.8, 103.0, 100.1, 105.9},
         6,
         6,
         23,
         0.48484848484848486,
         1.25,
         -2,
         4.6},
        {{12.0, 15.5, 11.2, 19.8},
         {13.1, 16.2, 22.4, 18.0, 17.7},
         4,
         5,
         15,
         0.2857142857142857,
         2.55,
         -3.6,
         10.4},
        {{5.1, 4.9, 5.6, 5.3, 5.0, 5.2, 4.8, 5.5},
         {5.4, 5.7, 5.05, 5.8, 6.0, 5.65, 5.9, 5.35},
         8,
         8,
         55,
         0.014763014763014764,
         0.45,
         0.1,
         0.8},
    };
    struct mann_whitney m;
    struct shift s;
    (void)state;
    for (size_t i = 0; i < COUNT(golden); i++) {
        statistics_mann_whitney(golden[i].a, golden[i].na, golden[i].b, golden[i].nb, &m);
        statistics_shift(golden[i].a, golden[i].na, golden[i].b, golden[i].nb, &s);
        assert_true(m.exact && s.has_interval);
        assert_near(m.u, golden[i].u, 0);
        assert_near(m.p, golden[i].p, 1e-14);
        assert_near(s.estimate, golden[i].shift, 1e-9);
        assert_near(s.low, golden[i].low, 1e-9);
        assert_near(s.high, golden[i].high, 1e-9);
    }
    /* scipy: mannwhitneyu(b, a, method = "asymptotic", use_continuity = True) */
    const double a[] = {3, 3, 5, 7, 7, 9}, b[] = {5, 7, 9, 9, 11, 12};
    statistics_mann_whitney(a, 6, b, 6, &m);
    assert_near(m.p, 0.07296726831346526, 1e-14);
    /* R: p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.2), "holm") */
    double p[] = {0.01, 0.04, 0.03, 0.005, 0.2};
    const double adjusted[] = {0.040, 0.090, 0.090, 0.025, 0.200};
    statistics_holm(p, 5);
    for (size_t i = 0; i < 5; i++)
        assert_near(p[i], adjusted[i], 1e-14);
}

/* Ranks of the sign test: 6 values give 96.9 % from end to end, 9 leave one out at each end. */
static void test_median_interval(void **state)
{
    const double values[] = {5, 1, 9, 2, 8, 3, 7, 4, 6};
    double low, high;
    (void)state;
    assert_false(statistics_median_interval(values, 5, &low, &high));
    assert_true(statistics_median_interval(values, 6, &low, &high));
    assert_near(low, 1, 0);
    assert_near(high, 9, 0);
    assert_true(statistics_median_interval(values, 9, &low, &high));
    assert_near(low, 2, 0);
    assert_near(high, 8, 0);
}

static void test_rounds_needed(void **state)
{
    (void)state;
    assert_int_equal(statistics_needs(1, 0.05, 1), 6);    /* Noether: 7.849 / 1.5 */
    assert_int_equal(statistics_needs(1, 0.05, 50), 7);   /* 2 / C(14, 7) * 50 = 0.029 */
    assert_int_equal(statistics_needs(0.8, 0.05, 1), 15); /* 7.849 / 0.54 */
    assert_int_equal(statistics_needs(0.5, 0.05, 1), STATISTICS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_median),
        cmocka_unit_test(test_published_example),
        cmocka_unit_test(test_smallest_p),
        cmocka_unit_test(test_ties_take_the_corrected_normal),
        cmocka_unit_test(test_large_samples),
        cmocka_unit_test(test_too_few_for_an_interval),
        cmocka_unit_test(test_false_alarms_stay_under_alpha),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_holm),
        cmocka_unit_test(test_percentile_needs),
        cmocka_unit_test(test_golden_values_of_r_and_scipy),
        cmocka_unit_test(test_median_interval),
        cmocka_unit_test(test_rounds_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
