/* The latency histogram: the stated error bound against exact percentiles, exact counters, and
 * that merging and writing out lose nothing. */
#include "core/mem.h"
#include "perf/histogram.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed = 88172645463325252u;
static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Values over many orders of magnitude: 1 us to hours. */
static int64_t random_value(void)
{
    return (int64_t)(next_random() >> (28 + next_random() % 36)) % HISTOGRAM_MAX_US;
}

static int64_t exact_percentile(const int64_t *sorted, size_t n, double p)
{
    double rank = ceil(p / 100 * (double)n - 1e-9);
    return sorted[rank < 1 ? 0 : (size_t)rank - 1];
}

static void test_percentiles_within_a_thousandth(void **state)
{
    static const double ps[] = {0, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100};
    enum { N = 50000 };
    struct histogram *h = histogram_new();
    int64_t *values = mem_array(N, sizeof *values);
    (void)state;
    for (size_t i = 0; i < N; i++)
        histogram_record(h, values[i] = random_value());
    qsort(values, N, sizeof *values, compare);
    for (size_t i = 0; i < sizeof ps / sizeof ps[0]; i++) {
        int64_t exact = exact_percentile(values, N, ps[i]);
        int64_t got = histogram_percentile(h, ps[i]);
        assert_true(got >= exact);
        assert_true((double)(got - exact) <= (double)exact * 0.001);
    }
    assert_int_equal(histogram_percentile(h, 100), values[N - 1]);
    free(values);
    histogram_free(h);
}

static void test_counters_are_exact(void **state)
{
    struct histogram *h = histogram_new();
    (void)state;
    assert_int_equal(histogram_percentile(h, 95), 0);
    assert_int_equal(histogram_count(h), 0);
    histogram_record(h, 1234567);
    histogram_record_n(h, 7654321, 3);
    histogram_record(h, -5);
    histogram_record_n(h, 99, 0);
    assert_int_equal(histogram_count(h), 5);
    assert_int_equal(histogram_max(h), 7654321);
    assert_true(fabs(histogram_mean(h) - (1234567 + 3 * 7654321.0) / 5) < 0.001);
    histogram_record(h, HISTOGRAM_MAX_US + 1);
    assert_int_equal(histogram_max(h), HISTOGRAM_MAX_US);
    histogram_clear(h);
    assert_int_equal(histogram_count(h), 0);
    assert_int_equal(histogram_max(h), 0);
    histogram_free(h);
}

/* 100 values 1..100 below the linear range: nearest rank exactly, whatever doubles do. */
static void test_nearest_rank(void **state)
{
    struct histogram *h = histogram_new();
    (void)state;
    for (int i = 1; i <= 100; i++)
        histogram_record(h, i);
    for (int p = 1; p <= 100; p++)
        assert_int_equal(histogram_percentile(h, p), p);
    assert_int_equal(histogram_percentile(h, 99.5), 100);
    histogram_free(h);
}

/* As HdrHistogram itself has it: histogram_golden.mjs says how the file was made. */
static void test_golden_values_of_hdrhistogram(void **state)
{
    FILE *golden = fopen("tests/fixtures/perf/histogram_golden.txt", "r");
    struct histogram *h = histogram_new();
    char line[128];
    double percentile;
    int64_t value, expected;
    int percentiles = 0, steps = 0;
    (void)state;
    assert_non_null(golden);
    for (int64_t i = 0, x = 1, power = 1; i < 100000; i++) {
        x = x * 48271 % 2147483647;
        power = i % 9 == 0 ? 10 : power * 10;
        histogram_record(h, 1 + x % power);
    }
    while (fgets(line, sizeof line, golden) != NULL) {
        if (sscanf(line, "percentile %lf %" SCNd64, &percentile, &expected) == 2) {
            int64_t most = histogram_max(h); /* theirs only knows the step of the maximum */
            assert_int_equal(histogram_percentile(h, percentile),
                             expected < most ? expected : most);
            percentiles++;
        } else if (sscanf(line, "step %" SCNd64 " %" SCNd64, &value, &expected) == 2) {
            histogram_clear(h);
            histogram_record(h, value);
            histogram_record(h, HISTOGRAM_MAX_US);
            assert_int_equal(histogram_percentile(h, 50), expected);
            steps++;
        }
    }
    assert_true(percentiles == 15 && steps == 108);
    (void)fclose(golden);
    histogram_free(h);
}

static void copy_step(void *self, int64_t value, uint64_t count)
{
    histogram_record_n(self, value, count);
}

static void test_merge_and_each(void **state)
{
    struct histogram *a = histogram_new(), *b = histogram_new(), *both = histogram_new(),
                     *copy = histogram_new();
    (void)state;
    for (int i = 0; i < 20000; i++) {
        int64_t v = random_value();
        histogram_record(i % 3 == 0 ? a : b, v);
        histogram_record(both, v);
    }
    histogram_merge(a, b);
    assert_int_equal(histogram_count(a), 20000);
    assert_int_equal(histogram_max(a), histogram_max(both));
    histogram_each(both, copy_step, copy);
    for (int half = 0; half <= 200; half++) {
        double p = half / 2.0;
        assert_int_equal(histogram_percentile(a, p), histogram_percentile(both, p));
        if (p < 100) /* the copy knows the maximum only to its step */
            assert_true(histogram_percentile(copy, p) >= histogram_percentile(both, p));
    }
    assert_int_equal(histogram_count(copy), 20000);
    histogram_free(a);
    histogram_free(b);
    histogram_free(both);
    histogram_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentiles_within_a_thousandth),
        cmocka_unit_test(test_counters_are_exact),
        cmocka_unit_test(test_nearest_rank),
        cmocka_unit_test(test_golden_values_of_hdrhistogram),
        cmocka_unit_test(test_merge_and_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
