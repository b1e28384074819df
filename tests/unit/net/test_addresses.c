/* A system at several addresses: which one is asked, and what the breaker of each does. */
#include "connector_fixture.h"

/* Two hosts in the client's eyes, one server. */
static struct connector *two_hosts(void)
{
    char yaml[512];

    snprintf(yaml, sizeof(yaml),
             "version: 1\nname: shop\nbase_url: http://localhost:%s/a\n"
             "addresses: [\"%s/b\"]\nretry: { max: 0 }\nbreaker: { failures: 2, open_for: 60s }\n"
             "resources:\n  list: { path: /list }\n",
             strrchr(server.base, ':') + 1, server.base);
    return open_yaml(yaml);
}

static void assert_list(struct connector *c, int expected)
{
    struct error err = ERROR_INIT;

    assert_int_equal(call(c, "list", NULL, 0, NULL, NULL, &err), expected);
}

/* The number of requests that each host has had. */
static void assert_asked(size_t first, size_t second)
{
    assert_int_equal(server_count("'path': '/a/list'"), first);
    assert_int_equal(server_count("'path': '/b/list'"), second);
}

static void test_each_address_has_its_own_breaker(void **state)
{
    (void)state;
    struct connector *c = two_hosts();

    fake_clock_begin();
    server_script("{'/a/list': [{'status': 503}, {'status': 503}, {}],"
                  " '/b/list': [{}, {'status': 503}, {}, {}, {'status': 503}, {}]}");
    assert_list(c, 0); /* the first is down, the second answers, and is asked from now on */
    assert_asked(1, 1);
    assert_list(c, ERR_UNAVAILABLE); /* both are down: that is twice for the first */
    assert_asked(2, 2);
    assert_list(c, 0); /* its breaker is open, that of the second is not */
    assert_asked(2, 3);
    assert_list(c, 0);
    assert_asked(2, 4);
    assert_list(c, ERR_UNAVAILABLE); /* the second fails: the first is still left alone */
    assert_asked(2, 5);
    connector_close(c);
}

static void test_an_open_breaker_lets_one_request_find_out(void **state)
{
    (void)state;
    struct connector *c = two_hosts();

    fake_clock_begin();
    server_script("{'/a/list': [{'status': 503}, {'status': 503}, {}],"
                  " '/b/list': [{}, {'status': 503}, {'status': 503}, {}]}");
    assert_list(c, 0);
    assert_list(c, ERR_UNAVAILABLE); /* the first's is open */
    assert_asked(2, 2);
    fake_advance(60000);
    assert_list(c, 0); /* half-open: it is asked, and is well again */
    assert_asked(3, 2);
    assert_list(c, 0);
    assert_asked(4, 2);
    connector_close(c);
}

static void test_all_breakers_open_is_said_at_once(void **state)
{
    (void)state;
    struct connector *c = two_hosts();
    struct error err = ERROR_INIT;

    fake_clock_begin();
    server_script("{'/a/list': [{'status': 503}], '/b/list': [{'status': 503}]}");
    assert_list(c, ERR_UNAVAILABLE);
    assert_list(c, ERR_UNAVAILABLE);
    assert_asked(2, 2);
    assert_int_equal(call(c, "list", NULL, 0, NULL, NULL, &err), ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "not sent"));
    assert_asked(2, 2);
    connector_close(c);
}

#define TEST(name) cmocka_unit_test_teardown(name, fake_clock_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_address_has_its_own_breaker),
        TEST(test_an_open_breaker_lets_one_request_find_out),
        TEST(test_all_breakers_open_is_said_at_once),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
