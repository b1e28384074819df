/* Differences of two looks at a database. */
#include "perf/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

static struct perf_statement before_statements[] = {
    {.fingerprint = "a", .text = "a", .calls = 10, .exec_ms = 100},
    {.fingerprint = "b", .text = "b", .calls = 5, .exec_ms = 50},
    {.fingerprint = "evicted", .text = "e", .calls = 90, .exec_ms = 900},
};
static struct perf_statement after_statements[] = {
    {.fingerprint = "a", .text = "a", .calls = 12, .exec_ms = 130},
    {.fingerprint = "b", .text = "b", .calls = 5, .exec_ms = 50},
    {.fingerprint = "new", .text = "n", .calls = 3, .exec_ms = 70},
    {.fingerprint = "evicted", .text = "e", .calls = 4, .exec_ms = 1},
};
static struct perf_table before_tables[] = {{.schema = "s", .name = "t", .seq_scans = 5}};
static struct perf_table after_tables[] = {
    {.schema = "s", .name = "t", .seq_scans = 7, .rows = 100},
    {.schema = "s", .name = "u", .seq_scans = 1}};
static struct perf_index before_indexes[] = {{.schema = "s", .name = "i", .scans = 3}};
static struct perf_index after_indexes[] = {
    {.schema = "s", .name = "i", .scans = 9, .scans_total = 9}};

static struct perf_server before(void)
{
    return (struct perf_server){.totals = true,
                                .identity = "1/2",
                                .taken_us = 1000000,
                                .commits = 100,
                                .statements = before_statements,
                                .nstatements = 3,
                                .tables = before_tables,
                                .ntables = 1,
                                .indexes = before_indexes,
                                .nindexes = 1};
}

static struct perf_server after(void)
{
    return (struct perf_server){.totals = true,
                                .identity = "1/2",
                                .taken_us = 4000000,
                                .commits = 130,
                                .evicted_total = 2,
                                .statements = after_statements,
                                .nstatements = 4,
                                .tables = after_tables,
                                .ntables = 2,
                                .indexes = after_indexes,
                                .nindexes = 1};
}

static void test_difference(void **state)
{
    struct perf_server b = before(), a = after(), d;
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(perf_server_difference(&b, &a, arena, &d, &err), 0);
    assert_false(d.totals);
    assert_false(d.reset);
    assert_true(d.window_s > 2.9 && d.window_s < 3.1);
    assert_true(d.evicted > 1.9);
    assert_true(d.commits > 29 && d.commits < 31);
    assert_int_equal(d.nstatements, 3); /* b was not called */
    assert_string_equal(d.statements[0].fingerprint, "new");
    assert_string_equal(d.statements[1].fingerprint, "a");
    assert_true(d.statements[1].calls > 1.9 && d.statements[1].calls < 2.1);
    assert_true(d.statements[2].calls > 3.9 && d.statements[2].calls < 4.1); /* came back */
    assert_int_equal(perf_server_statement(&d, "a"), 1);
    assert_true(perf_server_statement(&d, "b") == (size_t)-1);
    assert_true(d.tables[0].seq_scans > 1.9 && d.tables[0].seq_scans < 2.1);
    assert_true(d.tables[0].rows > 99);
    assert_true(d.indexes[0].scans > 5.9 && d.indexes[0].scans_total > 8.9);
    assert_true(after_tables[0].seq_scans > 6.9); /* what was read is not touched */
}

static void test_reset_and_others(void **state)
{
    struct perf_server b = before(), a = after(), d;
    struct error err = ERROR_INIT;
    (void)state;
    a.statements_reset_s = 17;
    assert_int_equal(perf_server_difference(&b, &a, arena, &d, &err), 0);
    assert_true(d.reset);
    a = after();
    a.identity = "1/3";
    assert_int_equal(perf_server_difference(&b, &a, arena, &d, &err), ERR_USAGE);
    assert_non_null(strstr(err.message, "two different databases"));
    a = after();
    assert_int_equal(perf_server_difference(&a, &b, arena, &d, &err), ERR_USAGE);
    a.totals = false;
    assert_int_equal(perf_server_difference(&b, &a, arena, &d, &err), ERR_USAGE);
}

static struct perf_counters counters(size_t n, const int64_t *ids, const double *calls)
{
    struct perf_counters c = {.items = mem_array(n, sizeof *c.items), .count = n};
    for (size_t i = 0; i < n; i++) {
        c.items[i].id = ids[i];
        c.items[i].values[COUNTER_CALLS] = calls[i];
    }
    return c;
}

static void test_counters(void **state)
{
    struct perf_counters b = counters(3, (int64_t[]){-5, 1, 7}, (double[]){4, 4, 4});
    struct perf_counters a = counters(4, (int64_t[]){-9, -5, 1, 7}, (double[]){2, 4, 5, 9});
    struct perf_counters d = {0};
    (void)state;
    assert_true(perf_counters_difference(&b, &a, &d));
    assert_int_equal(d.count, 3);
    assert_int_equal(d.items[0].id, -9);
    assert_int_equal(d.items[1].id, 1);
    assert_true(d.items[1].values[COUNTER_CALLS] < 1.1);
    assert_true(d.items[2].values[COUNTER_CALLS] > 4.9);
    a.evicted = 1;
    assert_false(perf_counters_difference(&b, &a, &d));
    assert_int_equal(d.count, 0);
    perf_counters_release(&a);
    perf_counters_release(&b);
    perf_counters_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_difference),
        cmocka_unit_test(test_reset_and_others),
        cmocka_unit_test(test_counters),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
