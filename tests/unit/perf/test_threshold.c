/* The words of targets: what parses, what it means, and where it is wrong. */
#include "perf/threshold.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void good(const char *text, enum figure_kind kind, enum threshold_operator op, double limit,
                 const char *printed)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct threshold t, again;
    struct error err = ERROR_INIT;
    strbuf_init(&out, 256);
    if (threshold_parse(text, &t, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(t.figure.kind, kind);
    assert_int_equal(t.op, op);
    assert_true(fabs(t.limit - limit) < 1e-12);
    threshold_print(&t, &out);
    assert_string_equal(out.data, printed);
    assert_int_equal(threshold_parse(out.data, &again, &err), 0);
    assert_int_equal(again.figure.kind, kind);
    assert_true(fabs(again.limit - limit) < 1e-12);
    assert_int_equal(again.delta, t.delta);
    assert_int_equal(again.relative, t.relative);
}

static void test_words(void **state)
{
    (void)state;
    good("p(95)<200", FIGURE_P95, THRESHOLD_LT, 200, "p(95) < 200 ms");
    good(" p( 99 ) <= 1.5s ", FIGURE_P99, THRESHOLD_LE, 1500, "p(99) <= 1500 ms");
    good("p(97.5)<200ms", FIGURE_PERCENTILE, THRESHOLD_LT, 200, "p(97.5) < 200 ms");
    good("p95<200", FIGURE_P95, THRESHOLD_LT, 200, "p(95) < 200 ms");
    good("med<1", FIGURE_P50, THRESHOLD_LT, 1, "p(50) < 1 ms");
    good("avg<200", FIGURE_MEAN, THRESHOLD_LT, 200, "avg < 200 ms");
    good("max<=3000", FIGURE_MAX, THRESHOLD_LE, 3000, "max <= 3000 ms");
    good("rate<0.01", FIGURE_ERRORS, THRESHOLD_LT, 0.01, "rate < 1%");
    good("rate<0.1%", FIGURE_ERRORS, THRESHOLD_LT, 0.001, "rate < 0.1%");
    good("count>=1000", FIGURE_COUNT, THRESHOLD_GE, 1000, "count >= 1000");
    good("rps>5000/s", FIGURE_RPS, THRESHOLD_GT, 5000, "rps > 5000/s");
    good("db.calls_per_req<=3", FIGURE_CALLS, THRESHOLD_LE, 3, "db.calls_per_req <= 3");
    good("db.buffers_per_req<500", FIGURE_BLOCKS, THRESHOLD_LT, 500, "db.buffers_per_req < 500");
    good("db.wal_per_req<4kB", FIGURE_WAL, THRESHOLD_LT, 4096, "db.wal_per_req < 4096 B");
    good("db.time_per_req<100", FIGURE_DATABASE, THRESHOLD_LT, 100, "db.time_per_req < 100 ms");
    good("db.rows_per_req==20", FIGURE_ROWS, THRESHOLD_EQ, 20, "db.rows_per_req == 20");
    good("delta(p95)<10%", FIGURE_P95, THRESHOLD_LT, 0.1, "delta(p(95)) < 10%");
    good("delta(p(95)) < 7%", FIGURE_P95, THRESHOLD_LT, 0.07, "delta(p(95)) < 7%");
    good("delta(db.calls_per_req)<=0", FIGURE_CALLS, THRESHOLD_LE, 0,
         "delta(db.calls_per_req) <= 0");
    good("delta(rps)>-10%", FIGURE_RPS, THRESHOLD_GT, -0.1, "delta(rps) > -10%");
    good("delta(avg)<5ms", FIGURE_MEAN, THRESHOLD_LT, 5, "delta(avg) < 5 ms");
}

static void bad(const char *text, const char *message)
{
    struct threshold t = {.limit = 42};
    struct error err = ERROR_INIT;
    assert_int_equal(threshold_parse(text, &t, &err), ERR_CONFIG);
    assert_string_equal(err.message, message);
    assert_true(fabs(t.limit - 42) < 1e-12); /* untouched */
}

static void test_errors_name_the_column(void **state)
{
    struct error err = ERROR_INIT;
    struct threshold t;
    char deep[400];
    (void)state;
    bad("", "threshold '': column 1: expected a figure, found the end");
    bad("p96x<1", "threshold 'p96x<1': column 1: expected a figure, found 'p96x<1'");
    bad("p(95<200", "threshold 'p(95<200': column 5: expected ')', found '<200'");
    bad("p(101)<200", "threshold 'p(101)<200': column 3: expected a percentile above 0 and below "
                      "100, found '101)<200'");
    bad("avg 200", "threshold 'avg 200': column 5: expected one of < <= > >= == !=, found '200'");
    bad("avg<", "threshold 'avg<': column 5: expected a number, found the end");
    bad("avg<1e3", "threshold 'avg<1e3': column 6: expected the end or 'ms' or 's' or 'us', found "
                   "'e3'");
    bad("avg<0x10",
        "threshold 'avg<0x10': column 6: expected the end or 'ms' or 's' or 'us', found "
        "'x10'");
    bad("avg<nan", "threshold 'avg<nan': column 5: expected a number, found 'nan'");
    bad("avg<1.2.3", "threshold 'avg<1.2.3': column 5: expected a number, found '1.2.3'");
    bad("rate<1ms", "threshold 'rate<1ms': column 7: expected the end or '%', found 'ms'");
    bad("db.calls_per_req<3%",
        "threshold 'db.calls_per_req<3%': column 19: expected the end, found '%'");
    bad("delta p95<1", "threshold 'delta p95<1': column 7: expected '(', found 'p95<1'");
    bad("delta(delta(p95))<1%", "threshold 'delta(delta(p95))<1%': column 7: expected a figure, "
                                "found 'delta(p95))<1%'");
    assert_int_equal(threshold_parse("latency<1", &t, &err), ERR_CONFIG);
    assert_non_null(strstr(err.hint, "db.buffers_per_req"));
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(threshold_parse(deep, &t, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "longer than 128 bytes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_errors_name_the_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
