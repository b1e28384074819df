/* perf.yaml: what it means, and each mistake with its place. */
#include "perf/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;
static struct diagnostics found;

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

static struct perf_config read_text(const char *text)
{
    struct perf_config c;
    struct error err = ERROR_INIT;
    diagnostics_init(&found, arena);
    if (perf_config_parse(text, strlen(text), "d/perf.yaml", arena, &found, &c, &err) != 0)
        fail_msg("%s", err.message);
    return c;
}

static void test_whole(void **state)
{
    struct perf_config c =
        read_text("version: 1\n"
                  "title: 订单\n"
                  "target: http://127.0.0.1:8080\n"
                  "database: warehouse\n"
                  "methods: [POST]\n"
                  "cost_per_month: 1200.50\n"
                  "currency: CNY\n"
                  "auth: { bearer: env:TOKEN }\n"
                  "load: { rate: 120/m, rounds: 4, duration: 2s }\n"
                  "parameters:\n"
                  "  store: { sql: \"select id, code from stores\" }\n"
                  "endpoints:\n"
                  "  - /health\n"
                  "  - name: orders\n"
                  "    path: /orders/{store}/{store.code}?page_size=20\n"
                  "    size_parameter: page_size\n"
                  "    weight: 3\n"
                  "    targets: [\"p(95)<200\"]\n"
                  "  - { path: /orders, method: POST, body: '{\"s\": \"{store}\"}', "
                  "expect: 201 }\n"
                  "targets:\n"
                  "  - rate<0.01\n"
                  "  - db.calls_per_req<=3\n");
    (void)state;
    for (size_t i = 0; i < found.count; i++)
        fail_msg("%d:%d %s", found.items[i].line, found.items[i].column, found.items[i].message);
    assert_int_equal(c.endpoints.count, 3);
    assert_string_equal(perf_endpoint_name(perf_config_endpoint(&c, 0), arena), "GET /health");
    assert_string_equal(perf_endpoint_name(perf_config_endpoint(&c, 1), arena), "orders");
    assert_string_equal(perf_endpoint_name(perf_config_endpoint(&c, 2), arena), "POST /orders");
    assert_int_equal(perf_config_endpoint(&c, 2)->expect, 201);
    assert_int_equal(c.load.rate_per_s, 2);
    assert_int_equal(c.load.rounds, 4);
    assert_true(c.cost_per_month > 1200.49 && c.cost_per_month < 1200.51);
    assert_int_equal(c.attribute.nsizes, 3);
    assert_true(c.attribute.sizes[2] > 9.9);
    assert_int_equal(c.targets.count, 2);
    assert_string_equal(c.targets.items[1].text, "db.calls_per_req<=3");
    assert_int_equal(c.targets.items[1].place->line, 22);
    assert_string_equal(perf_config_endpoint(&c, 1)->targets.items[0].text, "p(95)<200");
    assert_string_equal(c.directory, "d");
}

static void assert_found(const char *text, int line, int column, const char *message)
{
    (void)read_text(text);
    for (size_t i = 0; i < found.count; i++)
        if (found.items[i].line == line && found.items[i].column == column &&
            strstr(found.items[i].message, message) != NULL)
            return;
    if (found.count > 0)
        fail_msg("'%s' at %d:%d is not the first of %zu: '%s' at %d:%d", message, line, column,
                 found.count, found.items[0].message, found.items[0].line, found.items[0].column);
    fail_msg("'%s' was not found", message);
}

#define HEAD "version: 1\ntarget: http://127.0.0.1:1\n"

static void test_mistakes(void **state)
{
    (void)state;
    assert_found("version: 1\nendpionts: []\n", 2, 1, "endpionts");
    assert_found("version: 1\nendpoints: [/a]\n", 2, 1, "endpoints need a target");
    assert_found("version: 1\ntarget: http://api.example.com\n", 2, 9,
                 "host 'api.example.com' is not in allow_hosts");
    assert_found(HEAD "endpoints:\n  - { path: orders }\n", 4, 13, "a path begins with '/'");
    assert_found(HEAD "endpoints:\n  - { path: /a, method: POST }\n", 4, 25,
                 "method 'POST' is not in methods");
    assert_found(HEAD "endpoints:\n  - { path: \"/a/{store}\" }\n", 4, 13,
                 "no parameter is called 'store'");
    assert_found(HEAD "endpoints:\n  - { path: \"/a/{\" }\n", 4, 13, "begins no {NAME}");
    assert_found(HEAD "endpoints:\n  - /a\n  - /a?x=1\n", 5, 5,
                 "two endpoints are called 'GET /a'");
    assert_found(HEAD "parameters:\n  s: { sql: select 1 }\n", 4, 13, "sql needs a database");
    assert_found(HEAD "parameters:\n  s: {}\n", 4, 6, "one of sql, csv and values, this one has 0");
    assert_found(HEAD "auth: { bearer: abc }\n", 3, 17, "a secret does not stand in this file");
    assert_found(HEAD "load: { rate: 1/h }\n", 3, 15, "a whole number a second");
    assert_found(HEAD "attribute: { page_sizes: [5, 2] }\n", 3, 26, "rising");
    assert_found(HEAD "attribute: { page_sizes: [5] }\n", 3, 26, "no slope");
    assert_found(HEAD "cost_per_month: 12\n", 3, 17, "an amount needs its currency");
    assert_found(HEAD "cost_per_month: many\ncurrency: CNY\n", 3, 17, "expected an amount");
    assert_found(HEAD "targets: [rate<0.01, speed<200]\n", 3, 22, "");
    assert_found(HEAD "targets: p(95)<1\n", 3, 10, "targets are a list");
    assert_found(HEAD "endpoints:\n  - { path: /a, page_parameter: page }\n", 4, 33,
                 "page_parameter needs size_parameter");
    assert_found("version: 1\nbefore: http://127.0.0.1:2\n", 2, 1, "before needs a target");
}

static void test_hosts(void **state)
{
    struct perf_config c = read_text("version: 1\nallow_hosts: [api.example.com]\n"
                                     "target: http://API.example.com/base\n");
    (void)state;
    assert_int_equal(found.count, 0);
    assert_true(perf_config_allows_host(&c, "127.3.2.1"));
    assert_true(perf_config_allows_host(&c, "LOCALHOST"));
    assert_true(perf_config_allows_host(&c, "[::1]"));
    assert_false(perf_config_allows_host(&c, "127.evil.example.com"));
    assert_false(perf_config_allows_host(&c, "example.com"));
}

static void test_of_url(void **state)
{
    struct perf_config c;
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(perf_config_of_url("http://127.0.0.1:80?a=1#x", arena, &c, &err), 0);
    assert_string_equal(c.target, "http://127.0.0.1:80");
    assert_string_equal(perf_config_endpoint(&c, 0)->path, "/?a=1");
    assert_string_equal(perf_endpoint_name(perf_config_endpoint(&c, 0), arena), "GET /");
    assert_int_equal(c.attribute.nsizes, 3);
    assert_int_equal(c.load.rounds, 6);
    assert_int_equal(perf_config_of_url("ftp://x", arena, &c, &err), ERR_USAGE);
}

static void test_table(void **state)
{
    (void)state;
    const char *defect = field_set_check(&perf_config_fields);
    if (defect != NULL)
        fail_msg("%s", defect);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole), cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_hosts), cmocka_unit_test(test_of_url),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
