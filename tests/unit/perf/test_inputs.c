/* Results of wrk, hey and k6 as those tools wrote them (tests/fixtures/perf), recognised by
 * content, and files:lines for what is wrong in them. */
#include "perf/inputs.h"

#include "core/fileio.h"
#include "perf/study_inputs.h"
#include "perf/study_json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FIXTURES "tests/fixtures/perf/"

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void assert_value(struct perf_value v, double expected)
{
    if (v.known != PERF_MEASURED || fabs(v.value - expected) > 1e-6 * fmax(1, expected))
        fail_msg("%g (known %d: %s) is not %g", v.value, (int)v.known, v.why ? v.why : "",
                 expected);
}

static struct perf_result read_fixture(const char *name)
{
    struct error err = ERROR_INIT;
    struct perf_result r;
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, PERF_INPUT_MAX_BYTES);
    if (file_read(name, PERF_INPUT_MAX_BYTES, &text, &err) != 0 ||
        perf_input_parse((struct span){text.data, text.len}, name, arena, &r, &err) != 0)
        fail_msg("%s", err.message);
    return r;
}

static void test_wrk_with_latency(void **state)
{
    struct perf_result r = read_fixture(FIXTURES "wrk_latency.txt");
    (void)state;
    assert_string_equal(r.profile.source, "wrk");
    assert_string_equal(r.profile.url, "http://127.0.0.1:18999/f.txt");
    assert_int_equal(r.profile.connections, 8);
    assert_int_equal(r.profile.model, PERF_MODEL_CLOSED);
    assert_int_equal(r.outcomes[LOADGEN_OK], 3320);
    assert_value(r.percentiles[PERF_P50], 3.53);
    assert_value(r.percentiles[PERF_P75], 4.18);
    assert_value(r.percentiles[PERF_P90], 4.97);
    assert_value(r.percentiles[PERF_P99], 14.65);
    assert_int_equal(r.percentiles[PERF_P95].known, PERF_BETWEEN); /* wrk has no P95: no figure */
    assert_true(fabs(r.percentiles[PERF_P95].low - 4.97) < 1e-9);
    assert_true(fabs(r.percentiles[PERF_P95].high - 14.65) < 1e-9);
    assert_int_equal(r.percentiles[PERF_P999].known, PERF_UNKNOWN);
    assert_value(r.mean, 3.83);
    assert_value(r.max, 36.34);
    assert_value(r.rps, 3320 / 2.10);
    assert_value(r.error_rate, 0);
    assert_int_equal(r.database.ms_per_request.known, PERF_UNKNOWN);
}

static void test_wrk_with_errors(void **state)
{
    struct perf_result r = read_fixture(FIXTURES "wrk_404.txt");
    (void)state;
    assert_int_equal(r.outcomes[LOADGEN_OK], 0);
    assert_int_equal(r.outcomes[LOADGEN_STATUS], 2092);
    assert_value(r.error_rate, 1);
    assert_value(r.rps, 0);
    assert_int_equal(r.percentiles[PERF_P95].known, PERF_UNKNOWN);
    assert_string_equal(r.percentiles[PERF_P95].why, "run wrk with --latency");
    r = read_fixture(FIXTURES "wrk_socket_errors.txt");
    assert_int_equal(r.outcomes[LOADGEN_CUT], 716);
    assert_int_equal(r.outcomes[LOADGEN_STATUS], 2867);
    assert_value(r.error_rate, (716 + 2867) / (35116.0 + 716));
    assert_value(r.percentiles[PERF_P50], 0.067);
}

static void test_hey_text(void **state)
{
    struct perf_result r = read_fixture(FIXTURES "hey.txt");
    (void)state;
    assert_string_equal(r.profile.source, "hey");
    assert_int_equal(r.outcomes[LOADGEN_OK], 200);
    assert_value(r.percentiles[PERF_P95], 6.2);
    assert_int_equal(r.percentiles[PERF_P99].known, PERF_UNKNOWN); /* 200 requests: no P99 */
    assert_value(r.mean, 3.9);
    assert_value(r.max, 10.3);
    assert_value(r.rps, 200 / 0.1593);
    r = read_fixture(FIXTURES "hey_errors.txt");
    assert_int_equal(r.outcomes[LOADGEN_OK], 183);
    assert_int_equal(r.outcomes[LOADGEN_LIMITED], 17);
    assert_value(r.error_rate, 0); /* 429 is counted apart */
    r = read_fixture(FIXTURES "hey_refused.txt");
    assert_int_equal(r.outcomes[LOADGEN_CONNECT], 10);
    assert_value(r.error_rate, 1);
    assert_int_equal(r.mean.known, PERF_UNKNOWN);
    assert_int_equal(r.percentiles[PERF_P95].known, PERF_UNKNOWN);
}

static void test_hey_csv(void **state)
{
    struct perf_result r = read_fixture(FIXTURES "hey.csv");
    (void)state;
    assert_int_equal(r.outcomes[LOADGEN_OK], 111);
    assert_int_equal(r.outcomes[LOADGEN_LIMITED], 9);
    assert_int_equal(r.nsamples, 10); /* it has single requests: they give slices */
    uint64_t requests = 0;
    for (size_t i = 0; i < r.nsamples; i++)
        requests += r.samples[i].requests;
    assert_int_equal(requests, 120);
    assert_int_equal(r.percentiles[PERF_P95].known, PERF_MEASURED);
    assert_value(r.rps, 111 / r.profile.duration_s / 1.000001);
    perf_result_release(&r);
}

static void test_k6(void **state)
{
    struct perf_result r = read_fixture(FIXTURES "k6_summary.json");
    (void)state;
    assert_string_equal(r.profile.source, "k6");
    assert_value(r.percentiles[PERF_P95], 122.5); /* of the expected answers */
    assert_value(r.percentiles[PERF_P50], 42.0);
    assert_int_equal(r.percentiles[PERF_P99].known, PERF_UNKNOWN);
    assert_int_equal(r.outcomes[LOADGEN_OK], 11976);
    assert_value(r.error_rate, 0.002);
    assert_value(r.rps, 11976 / 30.012534);
    assert_int_equal(r.profile.connections, 20);
    assert_non_null(strstr(r.notes[r.nnotes - 1], "dropped 17"));
    r = read_fixture(FIXTURES "k6_export.json");
    assert_value(r.percentiles[PERF_P95], 215.95);
    assert_value(r.error_rate, 0);
    assert_value(r.rps, 4.369383);
}

/* ---- what is wrong ------------------------------------------------------------------------- */

static void expect_error(const char *text, const char *place, const char *says)
{
    struct error err = ERROR_INIT;
    struct perf_result r;
    assert_int_equal(perf_input_parse(span_of(text), "in.txt", arena, &r, &err), ERR_DATA);
    if (strncmp(err.message, place, strlen(place)) != 0 || strstr(err.message, says) == NULL)
        fail_msg("'%s' is not '%s ... %s'", err.message, place, says);
}

#define WRK_HEAD "Running 2s test @ http://h/\n  2 threads and 8 connections\n"
#define HEY_HEAD "\nSummary:\n  Total:\t0.1 secs\n  Slowest:\t0.1 secs\n"
#define HEY_CSV                                                                                    \
    "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset\n"

static void test_errors_name_file_and_line(void **state)
{
    (void)state;
    expect_error("", "in.txt:1:", "empty");
    expect_error("a,b\n1,2\n", "in.txt:1:", "not a result of wrk");
    expect_error(WRK_HEAD, "in.txt:2:", "incomplete");
    expect_error(WRK_HEAD "    Latency     3.83xs    2.52ms  36.34ms   95.01%\n",
                 "in.txt:3:", "latency");
    expect_error(WRK_HEAD "  many requests in 2.10s, 609.53KB read\n", "in.txt:3:", "requests in");
    expect_error(WRK_HEAD "  5 requests in 0.00s, 609.53KB read\n", "in.txt:3:", "requests in");
    expect_error(WRK_HEAD "  Socket errors: connect x\n", "in.txt:3:", "counts");
    expect_error(WRK_HEAD "  Non-2xx or 3xx responses: ?\n", "in.txt:3:", "count");
    expect_error(WRK_HEAD
                 "    Latency     3ms    2ms  3ms   95.01%\n  5 requests in 1.00s, 6KB read\n"
                 "  Non-2xx or 3xx responses: 9\nRequests/sec:  5.00\n",
                 "in.txt:6:", "more failed");
    expect_error(HEY_HEAD "  Requests/sec:\tx\n", "in.txt:5:", "number");
    expect_error(HEY_HEAD "  Requests/sec:\t5\n", "in.txt:5:", "Status code distribution");
    expect_error(HEY_HEAD "  Requests/sec:\t5\nStatus code distribution:\n  [2x0]\t9 responses\n",
                 "in.txt:7:", "[N]");
    expect_error(HEY_CSV, "in.txt:1:", "no row");
    expect_error(HEY_CSV "0.1,0,0,0,0,0,200,0.0\n0.1,0,0,0,0,0,OK,0.1\n", "in.txt:3:", "column 7");
    expect_error(HEY_CSV "0.1,0,0\n", "in.txt:2:", "8 numbers");
    expect_error(HEY_CSV "0.1,0,0,0,0,0,200,0.0,7\n", "in.txt:2:", "more than 8");
    expect_error(HEY_CSV "nan,0,0,0,0,0,200,0.0\n", "in.txt:2:", "column 1");
    expect_error("{\"metrics\": {}}", "in.txt:1:", "http_reqs");
    expect_error("{\"a\": 1}", "in.txt:1:", "neither");
    expect_error("{\n\"metrics\": {\"http_reqs\": {\"count\": 5, \"rate\": 5},\n"
                 "\"http_req_duration\": {\"avg\": 1,\n\"p(95)\": \"fast\"}}}",
                 "in.txt:4:", "p(95)");
    expect_error("{\"metrics\": ", "in.txt:", "line 1");
    expect_error("{\"diner_perf_report\": 2}", "in.txt:1:", "nor a study");
}

/* ---- diner's own --------------------------------------------------------------------------- */

static void test_a_result_comes_back_in_its_study(void **state)
{
    struct perf_result r = read_fixture(FIXTURES "hey.csv"), back;
    struct perf_study study, again;
    struct error err = ERROR_INIT;
    struct strbuf text;
    (void)state;
    r.profile.rate_per_s = 50;
    r.profile.model = PERF_MODEL_OPEN;
    r.profile.started_us = 1700000000000000;
    r.percentiles[PERF_P99] = perf_between(1.5, 2.5, "between two");
    r.samples[3].database_ms = 4.25;
    r.samples[4].p95_ms = -1;
    r.database.method = PERF_DATABASE_STATEMENTS;
    r.database.ms_per_request = perf_measured(7.125);
    strbuf_init(&text, PERF_STUDY_MAX_BYTES);
    perf_study_of_result(&r, arena, &study);
    assert_int_equal(perf_study_write(&study, &text, &err), 0);
    if (perf_study_parse((struct span){text.data, text.len}, "own.json", arena, &again, &err) != 0)
        fail_msg("%s", err.message);
    back = *again.endpoints[0].result;
    assert_memory_equal(back.outcomes, r.outcomes, sizeof r.outcomes);
    assert_int_equal(back.nsamples, 10);
    assert_true(fabs(back.samples[3].database_ms - 4.25) < 1e-12);
    assert_true(back.samples[4].p95_ms < 0);
    assert_true(fabs(back.samples[9].p95_ms - r.samples[9].p95_ms) < 1e-12);
    assert_int_equal(back.samples[2].ok, r.samples[2].ok);
    assert_value(back.percentiles[PERF_P95], r.percentiles[PERF_P95].value);
    assert_int_equal(back.percentiles[PERF_P99].known, PERF_BETWEEN);
    assert_true(fabs(back.percentiles[PERF_P99].high - 2.5) < 1e-12);
    assert_int_equal(back.percentiles[PERF_P999].known, PERF_UNKNOWN);
    assert_string_equal(back.percentiles[PERF_P999].why, r.percentiles[PERF_P999].why);
    assert_value(back.database.ms_per_request, 7.125);
    assert_int_equal(back.database.method, PERF_DATABASE_STATEMENTS);
    assert_int_equal(back.profile.rate_per_s, 50);
    assert_int_equal(back.profile.model, PERF_MODEL_OPEN);
    assert_int_equal(back.profile.started_us, 1700000000000000);
    assert_int_equal(histogram_count(back.latencies), histogram_count(r.latencies));
    for (int p = 0; p < 100; p += 5)
        assert_int_equal(histogram_percentile(back.latencies, p),
                         histogram_percentile(r.latencies, p));
    assert_int_equal(back.nnotes, r.nnotes);
    perf_study_release(&again);
    perf_study_release(&study);
    strbuf_release(&text);
}

static void test_vegeta(void **state)
{
    struct perf_result r = read_fixture(FIXTURES "vegeta.txt");
    (void)state;
    assert_string_equal(r.profile.source, "vegeta");
    assert_int_equal(r.profile.model, PERF_MODEL_OPEN);
    assert_int_equal(r.profile.rate_per_s, 120);
    assert_int_equal(r.outcomes[LOADGEN_OK], 665);
    assert_int_equal(r.outcomes[LOADGEN_CONNECT], 535);
    assert_value(r.percentiles[PERF_P50], 108.272568);
    assert_value(r.percentiles[PERF_P99], 264.815246);
    assert_value(r.mean, 113.172398);
    assert_value(r.error_rate, 535.0 / 1200);
    assert_value(r.rps, 665 / 10.094965987);
    assert_int_equal(r.percentiles[PERF_P999].known, PERF_UNKNOWN);
    r = read_fixture(FIXTURES "vegeta.json");
    assert_int_equal(r.outcomes[LOADGEN_OK], 98);
    assert_int_equal(r.outcomes[LOADGEN_LIMITED], 1);
    assert_int_equal(r.outcomes[LOADGEN_STATUS], 1);
    assert_value(r.percentiles[PERF_P95], 3.478629);
    assert_int_equal(r.percentiles[PERF_P99].known, PERF_UNKNOWN); /* 100 are too few */
    assert_value(r.error_rate, 1.0 / 99);
}

static void test_vegeta_faults(void **state)
{
    static const struct {
        const char *text, *message;
    } faults[] = {
        {"Requests      [total, rate, throughput]  12, 1.00, 1.00\n"
         "Latencies     [mean, 50]  1ms, soon\n",
         "f:2: expected a duration for '50'"},
        {"Requests      [total, rate, throughput]  12, 1.00, 1.00\n"
         "Latencies     [mean, 50]  1ms, 1m0.5s\n",
         "it is incomplete"},
        {"Requests      [total, rate, throughput]  12, 1.00, 1.00\n"
         "Latencies     [mean]  1ms\nStatus Codes  [code:count]  200\n",
         "f:3: expected 'STATUS:COUNT'"},
        {"{\"latencies\":{\"mean\":\"x\"},\"status_codes\":{}}", "'requests' must be a number"},
    };
    struct perf_result r;
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct error err = ERROR_INIT;
        assert_int_equal(perf_input_parse(span_of(faults[i].text), "f", arena, &r, &err), ERR_DATA);
        if (strstr(err.message, faults[i].message) == NULL)
            fail_msg("'%s' is not in '%s'", faults[i].message, err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vegeta),
        cmocka_unit_test(test_vegeta_faults),
        cmocka_unit_test(test_wrk_with_latency),
        cmocka_unit_test(test_wrk_with_errors),
        cmocka_unit_test(test_hey_text),
        cmocka_unit_test(test_hey_csv),
        cmocka_unit_test(test_k6),
        cmocka_unit_test(test_errors_name_file_and_line),
        cmocka_unit_test(test_a_result_comes_back_in_its_study),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
