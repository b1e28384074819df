/* Two studies side by side, and the gate over them: each condition alone is not enough, noise is
 * not called a change, and what a request costs the database is compared exactly. */
#include "perf/study_gate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena *arena;
static struct study_compare_rule rule;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    study_compare_rule_default(&rule);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static uint64_t seed = 7;
static double uniform(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return ((double)(seed >> 11) + 0.5) / 9007199254740992.0;
}

static double gaussian(void)
{
    return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

struct shape {
    double p95, noise; /* ms; relative standard deviation of a round */
    double calls, blocks;
    size_t rounds;
};

static struct perf_round round_of(const struct shape *s)
{
    double p95 = s->p95 * exp(s->noise * gaussian());
    return (struct perf_round){.seconds = 10,
                               .requests = 1000,
                               .ok = 1000,
                               .p50_ms = p95 / 3,
                               .p90_ms = p95 * 0.8,
                               .p95_ms = p95,
                               .p99_ms = -1,
                               .mean_ms = p95 / 2.5,
                               .rps = 100,
                               .database_ms = p95 / 4,
                               .calls = s->calls,
                               .row_count = 20,
                               .blocks = s->blocks,
                               .wal_bytes = 0};
}

static struct perf_study study_of(const struct shape *shapes, size_t n)
{
    struct perf_study s = {.nendpoints = n,
                           .endpoints = arena_array(arena, n, sizeof *s.endpoints)};
    for (size_t i = 0; i < n; i++) {
        struct perf_endpoint *e = &s.endpoints[i];
        e->name = arena_printf(arena, "GET /e%zu", i);
        e->weight = 1;
        e->nrounds = shapes[i].rounds;
        e->rounds = arena_array(arena, e->nrounds + 1, sizeof *e->rounds);
        for (size_t r = 0; r < e->nrounds; r++)
            e->rounds[r] = round_of(&shapes[i]);
    }
    return s;
}

static struct study_comparison compare(struct shape before, struct shape after)
{
    struct perf_study a = study_of(&before, 1), b = study_of(&after, 1);
    struct study_comparison c;
    study_compare(&a, &b, &rule, arena, &c);
    return c;
}

static enum change_verdict of(const struct study_comparison *c, enum figure_kind kind)
{
    return study_change_of(c, 0, kind)->verdict;
}

static const struct shape BASE = {100, 0.01, 3, 400, 8};

static void test_worse_needs_all_three(void **state)
{
    struct shape after = BASE, before = BASE;
    struct study_comparison c;
    (void)state;
    after.p95 = 130;
    c = compare(BASE, after);
    assert_int_equal(of(&c, FIGURE_P95), CHANGE_WORSE);
    assert_int_equal(c.verdict, CHANGE_WORSE);
    after.p95 = 106; /* established, and less than 10 % */
    c = compare(BASE, after);
    assert_true(study_change_of(&c, 0, FIGURE_P95)->p < 0.05);
    assert_int_equal(of(&c, FIGURE_P95), CHANGE_SAME);
    before.p95 = 3;
    after.p95 = 4.5; /* half as much again, and under 2 ms */
    c = compare(before, after);
    assert_int_equal(of(&c, FIGURE_P95), CHANGE_SAME);
    after.p95 = 60;
    c = compare(BASE, after);
    assert_int_equal(of(&c, FIGURE_P95), CHANGE_IMPROVED);
    assert_int_equal(c.verdict, CHANGE_IMPROVED);
}

static void test_too_few_rounds_are_inconclusive(void **state)
{
    struct shape before = BASE, after = BASE;
    before.rounds = after.rounds = 3;
    after.p95 = 130;
    struct study_comparison c = compare(before, after);
    (void)state;
    assert_int_equal(of(&c, FIGURE_P95), CHANGE_INCONCLUSIVE);
    assert_int_equal(c.verdict, CHANGE_INCONCLUSIVE);
    assert_int_equal(study_change_of(&c, 0, FIGURE_P95)->rounds_needed, 6);
}

/* 4 rounds of 10 endpoints: p is 0.029 at best, ten times that after Holm. */
static void test_many_endpoints_ask_for_more(void **state)
{
    struct shape before[10], after[10];
    struct study_comparison c;
    (void)state;
    for (size_t i = 0; i < 10; i++) {
        before[i] = after[i] = BASE;
        before[i].rounds = after[i].rounds = 4;
    }
    after[3].p95 = 200;
    struct perf_study a = study_of(before, 10), b = study_of(after, 10);
    study_compare(&a, &b, &rule, arena, &c);
    const struct study_change *change = study_change_of(&c, 3, FIGURE_P95);
    assert_true(fabs(change->p - 10 * 2.0 / 70) < 1e-9);
    assert_int_equal(change->verdict, CHANGE_INCONCLUSIVE);
    assert_int_equal(change->rounds_needed, 6);
    assert_int_equal(c.added + c.removed, 0);
}

static void test_wide_noise_is_inconclusive_and_says_how_many_rounds(void **state)
{
    const double was[] = {100, 140, 90, 150, 95, 145}, is[] = {118, 165, 99, 172, 101, 160};
    struct shape shape = BASE;
    struct study_comparison c;
    (void)state;
    shape.rounds = 6;
    struct perf_study a = study_of(&shape, 1), b = study_of(&shape, 1);
    for (size_t i = 0; i < 6; i++) {
        a.endpoints[0].rounds[i].p95_ms = was[i];
        b.endpoints[0].rounds[i].p95_ms = is[i];
    }
    rule.noise_factor = 0;
    study_compare(&a, &b, &rule, arena, &c);
    const struct study_change *change = study_change_of(&c, 0, FIGURE_P95);
    assert_int_equal(change->verdict, CHANGE_INCONCLUSIVE);
    assert_true(change->rounds_needed > 6 && change->rounds_needed < STATISTICS_MAX);
    rule.noise_factor = 3; /* the baseline differs from itself by 40 %: that much means nothing */
    study_compare(&a, &b, &rule, arena, &c);
    assert_true(study_change_of(&c, 0, FIGURE_P95)->noise > 0.3);
    assert_int_equal(of(&c, FIGURE_P95), CHANGE_SAME);
    study_compare_rule_default(&rule);
}

static void test_counters_are_compared_exactly(void **state)
{
    struct shape after = BASE;
    struct study_comparison c;
    (void)state;
    after.calls = 4;
    c = compare(BASE, after);
    assert_int_equal(of(&c, FIGURE_CALLS), CHANGE_WORSE);
    assert_false(study_change_of(&c, 0, FIGURE_CALLS)->tested);
    after.calls = 3.04;
    after.blocks = 439;
    c = compare(BASE, after);
    assert_int_equal(of(&c, FIGURE_CALLS), CHANGE_SAME);
    assert_int_equal(of(&c, FIGURE_BLOCKS), CHANGE_SAME); /* within 10 % */
    after.blocks = 441;
    c = compare(BASE, after);
    assert_int_equal(of(&c, FIGURE_BLOCKS), CHANGE_WORSE);
    after.blocks = 8;
    c = compare(BASE, after);
    assert_int_equal(of(&c, FIGURE_BLOCKS), CHANGE_IMPROVED);
}

/* What the baseline's own rounds span is not a change. */
static void test_counters_that_vary_by_themselves(void **state)
{
    struct perf_study a = study_of(&BASE, 1), b = study_of(&BASE, 1);
    struct study_comparison c;
    (void)state;
    for (size_t i = 0; i < BASE.rounds; i++) {
        a.endpoints[0].rounds[i].blocks = i % 2 == 0 ? 300 : 500;
        b.endpoints[0].rounds[i].blocks = 590;
    }
    study_compare(&a, &b, &rule, arena, &c);
    assert_int_equal(of(&c, FIGURE_BLOCKS), CHANGE_SAME);
    for (size_t i = 0; i < BASE.rounds; i++)
        b.endpoints[0].rounds[i].blocks = 601;
    study_compare(&a, &b, &rule, arena, &c);
    assert_int_equal(of(&c, FIGURE_BLOCKS), CHANGE_WORSE);
}

static void test_a_voided_study_judges_counters_only(void **state)
{
    struct shape after = BASE;
    (void)state;
    after.p95 = 300;
    after.calls = 9;
    struct perf_study a = study_of(&BASE, 1), b = study_of(&after, 1);
    struct study_comparison c;
    b.voided = true;
    study_compare(&a, &b, &rule, arena, &c);
    assert_int_equal(of(&c, FIGURE_P95), CHANGE_NOT_COMPARED);
    assert_int_equal(of(&c, FIGURE_CALLS), CHANGE_WORSE);
}

static void test_endpoints_meet_by_name(void **state)
{
    const struct shape two[] = {BASE, BASE};
    struct study_comparison c;
    (void)state;
    struct perf_study a = study_of(two, 2), b = study_of(two, 2);
    b.endpoints[1].name = "GET /new";
    study_compare(&a, &b, &rule, arena, &c);
    assert_int_equal(c.added, 1);
    assert_int_equal(c.removed, 1);
    assert_null(study_change_of(&c, 1, FIGURE_P95));
    assert_int_equal(study_change_of(&c, FIGURE_WHOLE, FIGURE_P95)->verdict, CHANGE_NOT_COMPARED);
}

/* The stated share: at most 5 % of comparisons of a system with itself are called worse, and at
 * most 5 % improved. Of 200, a binomial(200, 0.05) exceeds 21 with probability under 0.1 % (scipy:
 * binom.ppf(0.999, 200, 0.05) = 21). The noise is that of a shared runner: rounds differ by 2 to
 * 30 %. */
static void test_a_a_comparisons(void **state)
{
    static const double noises[] = {0.02, 0.05, 0.10, 0.30};
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        size_t worse = 0, improved = 0;
        for (int i = 0; i < 200; i++) {
            struct shape shapes[5];
            struct study_comparison c;
            for (size_t e = 0; e < 5; e++) {
                shapes[e] = (struct shape){50 + 40 * (double)e, noises[k], 3, 400, 8};
            }
            struct perf_study a = study_of(shapes, 5), b = study_of(shapes, 5);
            study_compare(&a, &b, &rule, arena, &c);
            worse += c.verdict == CHANGE_WORSE;
            for (size_t n = 0; n < c.nchanges; n++)
                if (c.changes[n].verdict == CHANGE_IMPROVED) {
                    improved++;
                    break;
                }
        }
        print_message("A/A, rounds differ by %2.0f %%: of 200, %zu worse, %zu improved\n",
                      noises[k] * 100, worse, improved);
        assert_true(worse <= 21);
        assert_true(improved <= 21);
    }
}

/* And it is not mute. */
static void test_power(void **state)
{
    size_t found = 0;
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct shape before = {100, 0.05, 3, 400, 8}, after = {135, 0.05, 3, 400, 8};
        struct study_comparison c = compare(before, after);
        found += of(&c, FIGURE_P95) == CHANGE_WORSE;
    }
    print_message("35 %% slower, rounds differ by 5 %%: %zu of 100 found\n", found);
    assert_true(found >= 90);
}

/* ---- the gate -------------------------------------------------------------------------------- */

static struct study_gate gate_of(const struct perf_study *s, const char *text,
                                 const struct study_comparison *comparison, bool is_default)
{
    struct study_rules rules = {0};
    struct study_gate gate;
    struct error err = ERROR_INIT;
    assert_int_equal(study_rules_add(&rules, RULE_EACH, NULL, text, is_default, arena, &err), 0);
    assert_int_equal(study_gate_evaluate(s, &rules, comparison, arena, &gate, &err), 0);
    return gate;
}

static enum check_state state_of(const struct perf_study *s, const char *text)
{
    struct study_gate gate = gate_of(s, text, NULL, false);
    return gate.checks[0].state;
}

static void test_budgets_are_hard_and_times_soft(void **state)
{
    struct shape shape = {100, 0.10, 3, 400, 8};
    struct perf_study s = study_of(&shape, 1);
    (void)state;
    assert_int_equal(state_of(&s, "db.calls_per_req<=3"), CHECK_PASSED);
    assert_int_equal(state_of(&s, "db.calls_per_req<3"), CHECK_FAILED);
    assert_int_equal(state_of(&s, "db.buffers_per_req<500"), CHECK_PASSED);
    assert_int_equal(state_of(&s, "p(95)<300"), CHECK_PASSED);
    assert_int_equal(state_of(&s, "p(95)<50"), CHECK_FAILED);
    assert_int_equal(state_of(&s, "p(95)<100"), CHECK_INCONCLUSIVE); /* within the interval */
    assert_int_equal(state_of(&s, "rate<0.01"), CHECK_PASSED);
    assert_int_equal(state_of(&s, "p(99.9)<100"), CHECK_NOT_MEASURED);
    s.voided = true;
    assert_int_equal(state_of(&s, "p(95)<300"), CHECK_INCONCLUSIVE);
    assert_int_equal(state_of(&s, "db.calls_per_req<=3"), CHECK_PASSED);
}

static void test_delta_rules(void **state)
{
    struct shape after = BASE;
    struct study_comparison c;
    struct study_gate gate;
    (void)state;
    after.p95 = 106;
    after.calls = 4;
    struct perf_study a = study_of(&BASE, 1), b = study_of(&after, 1);
    study_compare(&a, &b, &rule, arena, &c);
    gate = gate_of(&b, "delta(p95)<3%", &c, false);
    assert_int_equal(gate.checks[0].state, CHECK_FAILED);
    gate = gate_of(&b, "delta(p95)<20%", &c, false);
    assert_int_equal(gate.checks[0].state, CHECK_PASSED);
    gate = gate_of(&b, "delta(db.calls_per_req)<=0", &c, false);
    assert_int_equal(gate.checks[0].state, CHECK_FAILED);
    assert_int_equal(gate.nchecks, 2); /* and the comparison itself */
    assert_int_equal(gate.checks[1].state, CHECK_FAILED);
    gate = gate_of(&b, "delta(p95)<20%", NULL, false);
    assert_int_equal(gate.checks[0].state, CHECK_NOT_MEASURED);
    assert_int_equal(gate.open, 1);
    gate = gate_of(&b, "delta(p95)<20%", NULL, true);
    assert_int_equal(gate.open, 0);
}

/* Rounds of one system differ by what was under way at their ends: that is no change. */
static void test_a_counter_within_its_tolerance_did_not_change(void **state)
{
    struct shape before = {100, 0.05, 3, 400, 8}, after = before;
    struct perf_study b = study_of(&before, 1), a;
    struct study_comparison c;
    (void)state;
    after.calls = 3.001;
    a = study_of(&after, 1);
    study_compare(&b, &a, &rule, arena, &c);
    assert_int_equal(gate_of(&a, "delta(db.calls_per_req)<=0", &c, false).checks[0].state,
                     CHECK_PASSED);
    assert_int_equal(gate_of(&a, "delta(db.calls_per_req)<0", &c, false).checks[0].state,
                     CHECK_FAILED);
    assert_int_equal(gate_of(&a, "delta(db.calls_per_req)<=0.0005", &c, false).checks[0].state,
                     CHECK_FAILED);
    after.calls = 3.1;
    a = study_of(&after, 1);
    study_compare(&b, &a, &rule, arena, &c);
    assert_int_equal(gate_of(&a, "delta(db.calls_per_req)<=0", &c, false).checks[0].state,
                     CHECK_FAILED);
}

static void test_gate_result(void **state)
{
    struct shape shape = {100, 0.0, 3, 400, 8};
    struct perf_study s = study_of(&shape, 1);
    struct error err = ERROR_INIT;
    struct study_gate gate = gate_of(&s, "db.calls_per_req<=2", NULL, false);
    (void)state;
    assert_int_equal(study_gate_result(&gate, &s, false, &err), ERR_CHECK);
    assert_string_equal(err.message,
                        "1 of 1 checks failed: GET /e0: db.calls_per_req <= 2: 3 (#check-1)");
    gate = gate_of(&s, "p(99.9)<5", NULL, false);
    assert_int_equal(study_gate_result(&gate, &s, false, &err), 0);
    assert_int_equal(study_gate_result(&gate, &s, true, &err), ERR_CHECK);
}

static struct perf_result *loaded(struct perf_study *s, const char *source)
{
    struct perf_result *r = arena_alloc(arena, sizeof *r);
    perf_result_init(r, arena, source);
    r->profile.model = PERF_MODEL_OPEN;
    r->profile.rate_per_s = 100;
    s->endpoints[0].result = r;
    s->endpoints[0].nrounds = 0;
    return r;
}

/* Asked of the API as a whole, which is the only endpoint. */
static enum check_state whole_state(const struct perf_study *s, const char *text)
{
    struct study_rules rules = {0};
    struct study_gate gate;
    struct error err = ERROR_INIT;
    assert_int_equal(study_rules_add(&rules, RULE_API, NULL, text, true, arena, &err), 0);
    assert_int_equal(study_gate_evaluate(s, &rules, NULL, arena, &gate, &err), 0);
    return gate.checks[0].state;
}

static void test_a_load_in_vain_does_not_pass(void **state)
{
    struct perf_study s = study_of(&BASE, 1);
    struct perf_result *r = loaded(&s, "diner");
    (void)state;
    r->outcomes[LOADGEN_STATUS] = 100;
    assert_int_equal(whole_state(&s, "p(95)<300"), CHECK_FAILED);
    assert_int_equal(state_of(&s, "p(95)<300"), CHECK_FAILED);
    r->database.ms_per_request = perf_unknown("no database was given");
    assert_int_equal(whole_state(&s, "db.time_per_req<100"), CHECK_NOT_MEASURED);
    r->profile.source = "wrk"; /* whose file may just not have it */
    assert_int_equal(whole_state(&s, "p(95)<300"), CHECK_NOT_MEASURED);
}

static void test_bounds_may_decide(void **state)
{
    struct perf_study s = study_of(&BASE, 1);
    struct perf_result *r = loaded(&s, "wrk");
    (void)state;
    r->percentiles[PERF_P95] = perf_between(100, 200, "neighbours");
    assert_int_equal(whole_state(&s, "p(95)<201"), CHECK_PASSED);
    assert_int_equal(whole_state(&s, "p(95)<150"), CHECK_INCONCLUSIVE);
    assert_int_equal(whole_state(&s, "p(95)<100"), CHECK_FAILED);
}

static void test_a_rate_that_was_not_offered_is_not_missed(void **state)
{
    struct perf_study s = study_of(&BASE, 1);
    struct perf_result *r = loaded(&s, "diner");
    (void)state;
    r->rps = perf_measured(100);
    assert_int_equal(whole_state(&s, "rps>=5000"), CHECK_NOT_MEASURED);
    r->profile.rate_per_s = 6000;
    assert_int_equal(whole_state(&s, "rps>=5000"), CHECK_FAILED);
}

static void test_only_equal_loads_are_compared(void **state)
{
    struct perf_study a = study_of(&BASE, 1), b = study_of(&BASE, 1), c = study_of(&BASE, 1);
    struct perf_result *was = loaded(&a, "diner"), *is = loaded(&b, "diner");
    struct error err = ERROR_INIT;
    (void)state;
    is->profile.connections = 16; /* of the open model: at most so many, not the load itself */
    assert_int_equal(study_loads_check(&a, &b, &err), 0);
    is->profile.rate_per_s = 200;
    assert_int_equal(study_loads_check(&a, &b, &err), ERR_USAGE);
    assert_non_null(strstr(err.message, "GET /e0: the baseline was measured with a rate of 100"));
    is->profile.model = PERF_MODEL_CLOSED;
    assert_int_equal(study_loads_check(&a, &b, &err), ERR_USAGE);
    was->profile.model = PERF_MODEL_CLOSED;
    assert_int_equal(study_loads_check(&a, &b, &err), 0);
    was->profile.connections = 8;
    assert_int_equal(study_loads_check(&a, &b, &err), ERR_USAGE);
    was->profile.model = PERF_MODEL_UNKNOWN; /* what is not known is not held against it */
    assert_int_equal(study_loads_check(&a, &b, &err), 0);
    assert_int_equal(study_loads_check(&c, &b, &err), 0);
    c.endpoints[0].name = "GET /other";
    assert_int_equal(study_loads_check(&c, &b, &err), ERR_USAGE);
    c.nendpoints = 0; /* a database alone */
    assert_int_equal(study_loads_check(&c, &b, &err), 0);
}

static void test_unknown_endpoint(void **state)
{
    struct perf_study s = study_of(&BASE, 1);
    struct study_rules rules = {0};
    struct study_gate gate;
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(
        study_rules_add(&rules, RULE_ENDPOINT, "GET /nope", "avg<1", false, arena, &err), 0);
    assert_int_equal(study_gate_evaluate(&s, &rules, NULL, arena, &gate, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "'GET /nope', which was not driven"));
}

/* The whole of two endpoints is their weighted mixture, not the mean of two percentiles. */
static void test_the_whole_is_the_mixture(void **state)
{
    const struct shape two[] = {BASE, BASE};
    struct perf_study s = study_of(two, 2);
    (void)state;
    for (size_t e = 0; e < 2; e++) {
        struct perf_result *r = arena_alloc(arena, sizeof *r);
        perf_result_init(r, arena, "diner");
        r->latencies = histogram_new();
        histogram_record_n(r->latencies, e == 0 ? 10000 : 1000000, 1000);
        r->mean = perf_measured(e == 0 ? 10 : 1000);
        s.endpoints[e].result = r;
    }
    s.endpoints[0].weight = 9;
    struct perf_estimate p50 = figure_estimate(&s, FIGURE_WHOLE, figure_of_percentile(50), arena);
    struct perf_estimate p90 = figure_estimate(&s, FIGURE_WHOLE, figure_of_percentile(90), arena);
    struct perf_estimate p95 = figure_estimate(&s, FIGURE_WHOLE, figure_of_percentile(95), arena);
    struct perf_figure mean = {FIGURE_MEAN, 0};
    assert_true(fabs(p50.value.value - 10) < 0.1);
    assert_true(fabs(p90.value.value - 10) < 0.1);
    assert_true(fabs(p95.value.value - 1000) < 1);
    assert_true(fabs(figure_estimate(&s, FIGURE_WHOLE, mean, arena).value.value - 109) < 1e-9);
    for (size_t e = 0; e < 2; e++)
        perf_result_release(s.endpoints[e].result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worse_needs_all_three),
        cmocka_unit_test(test_too_few_rounds_are_inconclusive),
        cmocka_unit_test(test_many_endpoints_ask_for_more),
        cmocka_unit_test(test_wide_noise_is_inconclusive_and_says_how_many_rounds),
        cmocka_unit_test(test_counters_are_compared_exactly),
        cmocka_unit_test(test_counters_that_vary_by_themselves),
        cmocka_unit_test(test_a_voided_study_judges_counters_only),
        cmocka_unit_test(test_endpoints_meet_by_name),
        cmocka_unit_test(test_a_a_comparisons),
        cmocka_unit_test(test_power),
        cmocka_unit_test(test_budgets_are_hard_and_times_soft),
        cmocka_unit_test(test_delta_rules),
        cmocka_unit_test(test_a_counter_within_its_tolerance_did_not_change),
        cmocka_unit_test(test_gate_result),
        cmocka_unit_test(test_a_load_in_vain_does_not_pass),
        cmocka_unit_test(test_bounds_may_decide),
        cmocka_unit_test(test_a_rate_that_was_not_offered_is_not_missed),
        cmocka_unit_test(test_only_equal_loads_are_compared),
        cmocka_unit_test(test_unknown_endpoint),
        cmocka_unit_test(test_the_whole_is_the_mixture),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
