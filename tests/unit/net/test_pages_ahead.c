/* Connectors against the scripted server: pages asked for before they are wanted. */
#include "connector_fixture.h"
#include <time.h>

#define LIST(more) HEAD more "resources: { l: { path: /l, records: /items, expect_total: /total,"

static struct connector_pages *pages_of(struct connector *c)
{
    struct connector_pages *p = NULL;
    struct error err = ERROR_INIT;

    assert_int_equal(connector_pages_open(c, "l", NULL, 0, &p, &err), 0);
    connector_pages_ahead(p);
    return p;
}

/* All records, joined; the code of the first failure, which is tried again once. */
static int read_on(struct connector_pages *p, struct strbuf *out, struct error *err)
{
    struct connector_page page;
    bool end = false;
    int failed = 0;

    for (;;) {
        int code = connector_pages_next(p, &page, &end, err);
        if (code != 0 && failed != 0)
            return code;
        if (code != 0) {
            failed = code;
            continue;
        }
        if (end)
            return failed;
        for (size_t i = 0; i < page.count; i++)
            strbuf_add(out, page.elements[i].ptr, page.elements[i].len);
    }
}

static void wait_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void test_numbered_pages_are_asked_for_side_by_side_and_come_in_order(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf script = {0}, out = {0};
    struct error err = ERROR_INIT;

    strbuf_init(&script, 0);
    strbuf_init(&out, 0);
    strbuf_adds(&script, "{");
    for (int i = 1; i <= 9; i++) /* the later the page, the sooner its answer */
        strbuf_addf(
            &script,
            "%s'/v1/l?p=%d': [{'delay_ms': %d, 'body': '{\\'items\\':[%d],\\'total\\':9}'}]",
            i > 1 ? "," : "", i, 100 - i * 10, i);
    strbuf_adds(&script, "}");
    struct connector *c =
        open_yaml(LIST("concurrency: 4\n") " paginate: { type: page, param: p } } }\n");
    server_script(script.data);
    struct connector_pages *p = pages_of(c);
    assert_int_equal(read_on(p, &out, &err), 0);
    assert_string_equal(out.data, "123456789");
    assert_int_equal(server_count("'method'"), 9); /* each once, none beyond the total */
    assert_in_range(server_connections(), 2, 4);
    connector_pages_close(p);
    connector_close(c);
}

static void test_the_next_page_is_under_way_while_one_is_read(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    struct connector_page page;
    struct error err = ERROR_INIT;
    bool end = false;

    strbuf_init(&out, 0);
    struct connector *c =
        open_yaml(LIST("") " paginate: { type: cursor, param: c, from: /next } } }\n");
    server_script("{'/v1/l': [{'body': '{\\'items\\':[1],\\'next\\':\\'a\\',\\'total\\':3}'}],"
                  " '/v1/l?c=a': [{'body': '{\\'items\\':[2],\\'next\\':\\'b\\'}'}],"
                  " '/v1/l?c=b': [{'body': '{\\'items\\':[3]}'}]}");
    struct connector_pages *p = pages_of(c);
    assert_int_equal(connector_pages_next(p, &page, &end, &err), 0);
    for (int i = 0; i < 200 && server_count("'c': 'a'") == 0; i++) {
        connector_pages_poll(p);
        wait_ms(10);
    }
    assert_int_equal(server_count("'c': 'a'"), 1);
    assert_memory_equal(page.elements[0].ptr, "1", 1); /* still there */
    assert_int_equal(read_on(p, &out, &err), 0);
    assert_string_equal(out.data, "23");
    assert_int_equal(server_count("'method'"), 3);
    connector_pages_close(p);
    connector_close(c);
}

static void test_offsets_follow_what_really_came(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;

    strbuf_init(&out, 0);
    struct connector *c = open_yaml(LIST("") " paginate: { type: offset, param: o } } }\n");
    server_script("{'/v1/l?o=0': [{'body': '{\\'items\\':[1,2],\\'total\\':7}'}],"
                  " '/v1/l?o=2': [{'body': '{\\'items\\':[3],\\'total\\':7}'}],"
                  " '/v1/l?o=3': [{'body': '{\\'items\\':[4,5],\\'total\\':7}'}],"
                  " '/v1/l?o=5': [{'body': '{\\'items\\':[6,7],\\'total\\':7}'}]}");
    struct connector_pages *p = pages_of(c);
    assert_int_equal(read_on(p, &out, &err), 0); /* 404 at o=4 was a guess, and is not looked at */
    assert_string_equal(out.data, "1234567");
    connector_pages_close(p);
    connector_close(c);
}

static void test_a_page_that_failed_is_asked_for_again_and_none_is_left_out(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;

    strbuf_init(&out, 0);
    struct connector *c =
        open_yaml(LIST("retry: { max: 0 }\n") " paginate: { type: page, param: p } } }\n");
    server_script("{'/v1/l?p=1': [{'body': '{\\'items\\':[1],\\'total\\':4}'}],"
                  " '/v1/l?p=2': [{'status': 503}, {'body': '{\\'items\\':[2],\\'total\\':4}'}],"
                  " '/v1/l?p=3': [{'body': '{\\'items\\':[3],\\'total\\':4}'}],"
                  " '/v1/l?p=4': [{'body': '{\\'items\\':[4],\\'total\\':4}'}]}");
    struct connector_pages *p = pages_of(c);
    assert_int_equal(read_on(p, &out, &err), ERR_UNAVAILABLE);
    assert_string_equal(out.data, "1234");
    connector_pages_close(p);
    connector_close(c);
}

static void test_a_login_that_ended_is_renewed_for_pages_under_way(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;

    strbuf_init(&out, 0);
    setenv("TEST_AHEAD_PASSWORD", "open-sesame", 1);
    struct connector *c =
        open_yaml(LIST("auth: { type: jwt_login, path: /login, user: me, password: "
                       "env:TEST_AHEAD_PASSWORD }\n") " paginate: { type: page, param: p } } }\n");
    server_script(
        "{'/v1/login': [{'json': {'access_token': 't-1'}}, {'json': {'access_token': 't-2'}}],"
        " '/v1/l?p=1': [{'body': '{\\'items\\':[1],\\'total\\':3}'}],"
        " '/v1/l?p=2': [{'when_header': {'authorization': 'Bearer t-2'},"
        "                'body': '{\\'items\\':[2],\\'total\\':3}'}],"
        " '/v1/l?p=3': [{'when_header': {'authorization': 'Bearer t-2'},"
        "                'body': '{\\'items\\':[3],\\'total\\':3}'}]}");
    struct connector_pages *p = pages_of(c);
    assert_int_equal(read_on(p, &out, &err), 0);
    assert_string_equal(out.data, "123");
    connector_pages_close(p);
    connector_close(c);
}

static void test_what_may_not_be_repeated_is_not_asked_for_ahead(void **state)
{
    (void)state;
    struct connector_page page;
    struct error err = ERROR_INIT;
    bool end = false;

    struct connector *c = open_yaml(
        HEAD
        "resources: { l: { method: POST, path: /l, records: /items, body: { p: '${page.number}' },"
        " paginate: { type: page } } }\n");
    server_script("{'/v1/l': [{'body': '{\\'items\\':[1]}'}]}");
    struct connector_pages *p = pages_of(c);
    assert_int_equal(connector_pages_next(p, &page, &end, &err), 0);
    connector_pages_poll(p);
    wait_ms(100);
    connector_pages_poll(p);
    assert_int_equal(server_count("'method'"), 1);
    connector_pages_close(p);
    connector_close(c);
}

/* Who works on a page for longer than the time limit of a request finds the next one all the same.
 */
static void test_a_page_under_way_survives_that_nobody_looks(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    struct connector_page page;
    struct error err = ERROR_INIT;
    bool end = false;

    strbuf_init(&out, 0);
    struct connector *c = open_yaml(
        LIST("timeout: 600ms\nretry: { max: 0 }\n") " paginate: { type: page, param: p } } }\n");
    server_script("{'/v1/l?p=1': [{'body': '{\\'items\\':[1],\\'total\\':2}'}],"
                  " '/v1/l?p=2': [{'delay_ms': 100, 'body': '{\\'items\\':[2],\\'total\\':2}'}]}");
    struct connector_pages *p = pages_of(c);
    assert_int_equal(connector_pages_next(p, &page, &end, &err), 0);
    wait_ms(900);
    int code = read_on(p, &out, &err);
    assert_int_equal(code, 0);
    assert_string_equal(out.data, "2");
    connector_pages_close(p);
    connector_close(c);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_numbered_pages_are_asked_for_side_by_side_and_come_in_order),
        TEST(test_the_next_page_is_under_way_while_one_is_read),
        TEST(test_offsets_follow_what_really_came),
        TEST(test_a_page_that_failed_is_asked_for_again_and_none_is_left_out),
        TEST(test_a_login_that_ended_is_renewed_for_pages_under_way),
        TEST(test_a_page_under_way_survives_that_nobody_looks),
        TEST(test_what_may_not_be_repeated_is_not_asked_for_ahead),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
