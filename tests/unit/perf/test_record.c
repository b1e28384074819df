/* From finished requests to a result: what counts where, slices, and that too few requests give no
 * percentile. */
#include "perf/record.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena *arena;
static struct perf_result result;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    perf_result_init(&result, arena, "diner");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    perf_result_release(&result);
    arena_free(arena);
    return 0;
}

static void assert_close(double got, double expected)
{
    if (!(fabs(got - expected) <= fabs(expected) * 0.0011 + 1e-9))
        fail_msg("%g is not %g", got, expected);
}

static void test_slices(void **state)
{
    double slice_s;
    (void)state;
    assert_int_equal(recorder_slices(5, &slice_s), 10);
    assert_close(slice_s, 0.5);
    assert_int_equal(recorder_slices(30, &slice_s), 30);
    assert_close(slice_s, 1);
    assert_int_equal(recorder_slices(600, &slice_s), 60);
    assert_close(slice_s, 10);
}

/* 100 requests a second for 10 s; slice k answers in k + 1 ms. */
static void test_what_counts_where(void **state)
{
    struct recorder *r = recorder_new(10);
    (void)state;
    for (int i = 0; i < 1000; i++) {
        enum loadgen_outcome outcome = i % 100 == 50   ? LOADGEN_STATUS
                                       : i % 100 == 51 ? LOADGEN_LIMITED
                                       : i % 100 == 52 ? LOADGEN_TIMEOUT
                                                       : LOADGEN_OK;
        int64_t us = outcome == LOADGEN_TIMEOUT ? 5000000
                     : outcome != LOADGEN_OK    ? 10 /* failures are fast */
                                                : 1000 * (i / 100 + 1);
        recorder_add(r, (i + 0.5) / 100, us, us / 2, outcome);
    }
    recorder_finish(r, 10, arena, &result);
    assert_int_equal(perf_requests(&result), 1000);
    assert_int_equal(result.outcomes[LOADGEN_OK], 970);
    assert_int_equal(perf_errors(&result), 20);
    assert_close(result.error_rate.value, 20 / 990.0);
    assert_close(result.rps.value, 97);
    assert_close(result.percentiles[PERF_P50].value, 6); /* 10 us answers of failures are not in */
    assert_close(result.service[PERF_P50].value, 3);
    assert_close(result.percentiles[PERF_P99].value, 5000);
    assert_close(result.max.value, 5000);
    assert_int_equal(result.percentiles[PERF_P999].known, PERF_UNKNOWN);
    assert_int_equal(result.nsamples, 10);
    assert_close(result.samples[7].p50_ms, 8);
    assert_int_equal(result.samples[7].ok, 97);
    assert_int_equal(result.samples[7].errors, 2);
    assert_int_equal(result.samples[7].limited, 1);
    assert_int_equal(histogram_count(result.latencies), 980);
    recorder_free(r);
}

/* An answer after the end was a success, but not one a second of the window. */
static void test_late_answers_are_not_throughput(void **state)
{
    struct recorder *r = recorder_new(1);
    (void)state;
    for (int i = 0; i < 100; i++)
        recorder_add(r, i < 60 ? 0.5 : 1.5, 1000, 1000, LOADGEN_OK);
    recorder_finish(r, 1, arena, &result);
    assert_close(result.rps.value, 60);
    assert_int_equal(result.outcomes[LOADGEN_OK], 100);
    assert_int_equal(result.percentiles[PERF_P95].known, PERF_MEASURED);
    recorder_free(r);
}

static void test_interrupted_keeps_whole_slices(void **state)
{
    struct recorder *r = recorder_new(10);
    (void)state;
    for (int i = 0; i < 350; i++)
        recorder_add(r, i / 100.0, 1000, 1000, LOADGEN_OK);
    recorder_finish(r, 3.5, arena, &result);
    assert_int_equal(result.nsamples, 3);
    assert_int_equal(result.samples[2].ok, 100);
    assert_close(result.rps.value, 100);
    recorder_free(r);
}

static void test_too_few_for_a_percentile(void **state)
{
    struct recorder *r = recorder_new(1);
    (void)state;
    for (int i = 0; i < 71; i++)
        recorder_add(r, 0.5, 1000, 1000, LOADGEN_OK);
    recorder_finish(r, 1, arena, &result);
    assert_int_equal(result.percentiles[PERF_P50].known, PERF_MEASURED);
    assert_int_equal(result.percentiles[PERF_P95].known, PERF_UNKNOWN);
    assert_string_equal(result.percentiles[PERF_P95].why, "71 requests, a P95 needs 72");
    recorder_free(r);
}

static void test_nothing_succeeded(void **state)
{
    struct recorder *r = recorder_new(1);
    (void)state;
    recorder_add(r, 0.5, 10, 10, LOADGEN_LIMITED);
    recorder_finish(r, 1, arena, &result);
    assert_int_equal(result.mean.known, PERF_UNKNOWN);
    assert_int_equal(result.error_rate.known, PERF_UNKNOWN);
    assert_string_equal(result.error_rate.why, "every answer was 429");
    assert_close(result.rps.value, 0);
    recorder_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices),
        cmocka_unit_test_setup_teardown(test_what_counts_where, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_answers_are_not_throughput, setup, teardown),
        cmocka_unit_test_setup_teardown(test_interrupted_keeps_whole_slices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_few_for_a_percentile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_succeeded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
