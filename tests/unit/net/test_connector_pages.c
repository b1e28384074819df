/* Connectors against the scripted server: lists read to their end. */
#include "connector_fixture.h"

/* Reads to the end or the first error; all records, joined. */
static int read_all(struct connector *c, const char *resource, struct strbuf *out, int *ret_pages,
                    int64_t *ret_total, struct error *err)
{
    struct connector_pages *p = NULL;
    struct connector_page page = {0};
    bool end = false;
    int code = connector_pages_open(c, resource, NULL, 0, &p, err);

    strbuf_clear(out);
    *ret_pages = 0;
    while (code == 0 && (code = connector_pages_next(p, &page, &end, err)) == 0 && !end) {
        strbuf_add(out, page.records.ptr, page.records.len);
        assert_int_equal(page.number, ++*ret_pages);
        *ret_total = page.expect_total;
    }
    if (code == 0) { /* an end stays an end */
        end = false;
        assert_int_equal(connector_pages_next(p, &page, &end, err), 0);
        assert_true(end);
    }
    connector_pages_close(p);
    return code;
}

struct pages_case {
    const char *paginate, *script;
    int code, pages, requests;
    const char *records; /* or a part of the message */
};

static void check_pages(const struct pages_case *k)
{
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf records = {0};
    char yaml[1024];
    int pages;
    int64_t total;

    strbuf_init(&records, 0);
    snprintf(yaml, sizeof(yaml),
             HEAD "resources: { l: { path: /l, query: { q: 1 }, records: /items,"
                  "%s paginate: { %s } } }\n",
             strstr(k->script, "total") ? " expect_total: /total," : "", k->paginate);
    struct connector *c = open_yaml(yaml);
    server_script(k->script);
    int code = read_all(c, "l", &records, &pages, &total, &err);
    if (code != k->code || (code == 0 && strcmp(records.data, k->records) != 0))
        print_error("%s\n%d '%s' '%s'\n", k->paginate, code, records.data, err.message);
    assert_int_equal(code, k->code);
    assert_int_equal(pages, k->pages);
    assert_int_equal(server_count("'method': 'GET'"), k->requests);
    if (code == 0)
        assert_string_equal(records.data, k->records);
    else
        assert_non_null(strstr(err.message, k->records));
    connector_close(c);
}

static void test_pages_by_number(void **state)
{
    (void)state;
    static const struct pages_case cases[] = {
        /* to an empty page: a short one is no end */
        {"type: page, param: page, size_param: n, size: 2",
         "{'/v1/l?q=1&page=1&n=2': [{'body': '{\\'items\\':[1,2]}'}],"
         " '/v1/l?q=1&page=2&n=2': [{'body': '{\\'items\\':[3]}'}],"
         " '/v1/l?q=1&page=3&n=2': [{'body': '{\\'items\\':[4]}'}],"
         " '/v1/l?q=1&page=4&n=2': [{'body': '{\\'items\\':[]}'}]}",
         0, 4, 4, "[1,2][3][4][]"},
        {"type: page, param: p, start: 0",
         "{'/v1/l?q=1&p=0': [{'body': '{\\'items\\':[1,2],\\'total\\':3}'}],"
         " '/v1/l?q=1&p=1': [{'body': '{\\'items\\':[3],\\'total\\':\\'3\\'}'}]}",
         0, 2, 2, "[1,2][3]"},
        {"type: page, param: p, more: /more",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'more\\':true,\\'total\\':1}'},"
         " {'body': '{\\'items\\':[2],\\'more\\':false}'}]}",
         0, 2, 2, "[1][2]"},
        {"type: page, param: p, more: /more", "{'/v1/l': [{'body': '{\\'items\\':[1]}'}]}",
         ERR_REMOTE, 0, 1, "'/more' is neither true nor false"},
        /* the last page again and again */
        {"type: page, param: p",
         "{'/v1/l': [{'body': '{\\'items\\':[1]}'}, {'body': '{\\'items\\':[2]}'}]}", ERR_REMOTE, 2,
         3, "page 3 of 'l' at connector 'shop': the very same records came before"},
        {"type: page, param: p, max_pages: 2",
         "{'/v1/l': [{'body': '{\\'items\\':[1]}'}, {'body': '{\\'items\\':[2]}'},"
         " {'body': '{\\'items\\':[3]}'}]}",
         ERR_LIMIT, 2, 2, "max_pages, 2"},
        {"type: none", "{'/v1/l': [{'body': '{\\'items\\':[1, 2 ]}'}]}", 0, 1, 1, "[1, 2 ]"},
        /* a short page ends it where the file says so, unless there is more */
        {"type: page, param: p, size: 2, size_param: n, end: short",
         "{'/v1/l': [{'body': '{\\'items\\':[1,2]}'}, {'body': '{\\'items\\':[3]}'}]}", 0, 2, 2,
         "[1,2][3]"},
        /* how many pages there are; an empty one among them is no end */
        {"type: page, param: p, pages: /pages",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'pages\\':\\'3\\'}'},"
         " {'body': '{\\'items\\':[],\\'pages\\':3}'}, {'body': "
         "'{\\'items\\':[2],\\'pages\\':3}'}]}",
         0, 3, 3, "[1][][2]"},
        {"type: page, param: p, size: 2, size_param: n",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'total\\':\\'5\\'}'},"
         " {'body': '{\\'items\\':[],\\'total\\':5}'}, {'body': '{\\'items\\':[2]}'},"
         " {'body': '{\\'items\\':[]}'}]}",
         0, 4, 4, "[1][][2][]"},
        /* a total that is told once */
        {"type: page, param: p",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'total\\':2}'},"
         " {'body': '{\\'items\\':[2],\\'total\\':0}'}]}",
         0, 2, 2, "[1][2]"},
        {"type: page, param: p, more: /more",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'more\\':1}'},"
         " {'body': '{\\'items\\':[],\\'more\\':\\'Y\\'}'},"
         " {'body': '{\\'items\\':[2],\\'more\\':\\'false\\'}'}]}",
         0, 3, 3, "[1][][2]"},
        /* a source that stops at its own limit */
        {"type: page, param: p, cap: 2",
         "{'/v1/l': [{'body': '{\\'items\\':[1]}'}, {'body': '{\\'items\\':[2]}'},"
         " {'body': '{\\'items\\':[]}'}]}",
         ERR_LIMIT, 1, 2, "gives no more than 2 records of one question"},
        {"type: page, param: p, cap: 2",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'total\\':2}'},"
         " {'body': '{\\'items\\':[2],\\'total\\':2}'}]}",
         0, 2, 2, "[1][2]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_pages(&cases[i]);
}

static void test_pages_by_offset_go_on_by_what_was_read(void **state)
{
    (void)state;
    static const struct pages_case cases[] = {
        {"type: offset, param: o, size_param: n, size: 100",
         "{'/v1/l?q=1&o=0&n=100': [{'body': '{\\'items\\':[1,2]}'}],"
         " '/v1/l?q=1&o=2&n=100': [{'body': '{\\'items\\':[3]}'}],"
         " '/v1/l?q=1&o=3&n=100': [{'body': '{\\'items\\':[]}'}]}",
         0, 3, 3, "[1,2][3][]"},
        /* it looks at no offset */
        {"type: offset, param: o", "{'/v1/l': [{'body': '{\\'items\\':[1,2],\\'total\\':9}'}]}",
         ERR_REMOTE, 1, 2, "the very same records came before"},
        /* an empty page in the middle: by the size that was asked for, or not at all */
        {"type: offset, param: o, size: 2, size_param: n, more: /more",
         "{'/v1/l?q=1&o=0&n=2': [{'body': '{\\'items\\':[1,2],\\'more\\':true}'}],"
         " '/v1/l?q=1&o=2&n=2': [{'body': '{\\'items\\':[],\\'more\\':true}'}],"
         " '/v1/l?q=1&o=4&n=2': [{'body': '{\\'items\\':[3],\\'more\\':false}'}]}",
         0, 3, 3, "[1,2][][3]"},
        {"type: offset, param: o, more: /more",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'more\\':true}'},"
         " {'body': '{\\'items\\':[],\\'more\\':true}'}]}",
         ERR_REMOTE, 1, 2, "page 2 of 'l' at connector 'shop': there is more, but no record came"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_pages(&cases[i]);
}

static void test_pages_by_cursor(void **state)
{
    (void)state;
    static const struct pages_case cases[] = {
        {"type: cursor, param: c, from: /next",
         "{'/v1/l?q=1': [{'body': '{\\'items\\':[1],\\'next\\':\\'a b/中\\'}'}],"
         " '/v1/l?q=1&c=a%20b%2F%E4%B8%AD': [{'body': '{\\'items\\':[],\\'next\\':17}'}],"
         " '/v1/l?q=1&c=17': [{'body': '{\\'items\\':[2],\\'next\\':null}'}]}",
         0, 3, 3, "[1][][2]"},
        {"type: cursor, param: c, from: /next",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'next\\':\\'x\\'}'},"
         " {'body': '{\\'items\\':[2],\\'next\\':\\'y\\'}'},"
         " {'body': '{\\'items\\':[3],\\'next\\':\\'x\\'}'}]}",
         ERR_REMOTE, 2, 3, "the next cursor came before"},
        {"type: cursor, param: c, from: /next",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'next\\':\\'x\\'}'},"
         " {'body': '{\\'items\\':[1],\\'next\\':\\'y\\'}'}]}",
         ERR_REMOTE, 1, 2, "the very same records came before"},
        {"type: cursor, param: c, from: /next, more: /more",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'next\\':\\'x\\',\\'more\\':false}'}]}", 0, 1, 1,
         "[1]"},
        {"type: cursor, param: c, from: /next, more: /more",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'more\\':true}'}]}", ERR_REMOTE, 0, 1,
         "there is more, but no cursor to it"},
        {"type: cursor, param: c, from: /next",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'next\\':{}}'}]}", ERR_REMOTE, 0, 1,
         "neither text nor number"},
        {"type: cursor, param: c, header: X-Next-Page",
         "{'/v1/l?q=1': [{'body': '{\\'items\\':[1]}', 'headers': {'X-Next-Page': 'n2'}}],"
         " '/v1/l?q=1&c=n2': [{'body': '{\\'items\\':[2]}', 'headers': {'X-Next-Page': ''}}]}",
         0, 2, 2, "[1][2]"},
        {"type: last_id, param: after, from: /id",
         "{'/v1/l?q=1': [{'body': '{\\'items\\':[{\\'id\\':1},{\\'id\\':5}]}'}],"
         " '/v1/l?q=1&after=5': [{'body': '{\\'items\\':[]}'}]}",
         0, 2, 2, "[{\"id\":1},{\"id\":5}][]"},
        {"type: last_id, param: after, from: /id",
         "{'/v1/l': [{'body': '{\\'items\\':[{\\'id\\':5}]}'},"
         " {'body': '{\\'items\\':[{\\'id\\':5, \\'x\\':1}]}'}]}",
         ERR_REMOTE, 1, 2, "the last id came before"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_pages(&cases[i]);
}

static void test_pages_by_url(void **state)
{
    (void)state;
    static const struct pages_case cases[] = {
        {"type: next_url, from: /next",
         "{'/v1/l?q=1': [{'body': '{\\'items\\':[1],\\'next\\':\\'http://${host}/v1/l?t=2\\'}'}],"
         " '/v1/l?t=2': [{'body': '{\\'items\\':[2],\\'next\\':\\'/v1/m\\'}'}],"
         " '/v1/m': [{'body': '{\\'items\\':[3],\\'next\\':\\'?t=4\\'}'}],"
         " '/v1/m?t=4': [{'body': '{\\'items\\':[4],\\'next\\':\\'\\'}'}]}",
         0, 4, 4, "[1][2][3][4]"},
        {"type: next_url, from: /next",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'next\\':\\'http://evil.example/x?k=1\\'}'}]}",
         ERR_REMOTE, 0, 1, "another host, 'http://evil.example/x'"},
        {"type: next_url, from: /next",
         "{'/v1/l': [{'body': '{\\'items\\':[1],\\'next\\':\\'/v1/l?t=1\\'}'},"
         " {'body': '{\\'items\\':[2],\\'next\\':\\'/v1/l?t=1\\'}'}]}",
         ERR_REMOTE, 1, 2, "the next cursor came before"},
        {"type: link_header",
         "{'/v1/l?q=1': [{'body': '{\\'items\\':[1]}', 'headers': {'Link':"
         " '<http://${host}/v1/l?q=0>; rel=prev, </v1/l?page=2>; rel=\\'next\\''}}],"
         " '/v1/l?page=2': [{'body': '{\\'items\\':[2]}'}]}",
         0, 2, 2, "[1][2]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_pages(&cases[i]);
}

static void test_answers_that_are_no_pages(void **state)
{
    (void)state;
    static const struct pages_case cases[] = {
        {"type: none", "{'/v1/l': [{'body': '{\\'items\\':[1,2'}]}", ERR_REMOTE, 0, 1,
         "the answer is not JSON"},
        {"type: none", "{'/v1/l': [{'body': '<html>'}]}", ERR_REMOTE, 0, 1,
         "the answer is not JSON"},
        {"type: none", "{'/v1/l': [{'body': '{}'}]}", ERR_REMOTE, 0, 1, "no list at '/items'"},
        {"type: none", "{'/v1/l': [{'body': '{\\'items\\':null}'}]}", ERR_REMOTE, 0, 1,
         "no list at '/items'"},
        {"type: none", "{'/v1/l': [{'body': '{\\'items\\':{}}'}]}", ERR_REMOTE, 0, 1,
         "no list at '/items'"},
        {"type: none", "{'/v1/l': [{'status': 500}]}", ERR_UNAVAILABLE, 0, 4, "HTTP 500"},
        {"type: page, param: p",
         "{'/v1/l': [{'body': '{\\'items\\':[1]}', 'cut': 5}, {'body': '{\\'items\\':[1]}'},"
         " {'drop': true}, {'body': '{\\'items\\':[2]}'}, {'status': 502},"
         " {'body': '{\\'items\\':[]}'}]}",
         0, 3, 6, "[1][2][]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_pages(&cases[i]);
}

static void test_a_transient_failure_leaves_the_iterator_usable(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector_pages *p = NULL;
    struct connector_page page;
    bool end;
    struct connector *c = open_yaml(HEAD "retry: { max: 0 }\n"
                                         "resources: { l: { path: /l, records: /items,"
                                         " paginate: { type: page, param: p } } }\n");
    server_script("{'/v1/l?p=1': [{'body': '{\\'items\\':[1]}'}],"
                  " '/v1/l?p=2': [{'status': 503}, {'body': '{\\'items\\':[2]}'}],"
                  " '/v1/l?p=3': [{'body': '{\\'items\\':[]}'}]}");
    assert_int_equal(connector_pages_open(c, "l", NULL, 0, &p, &err), 0);
    assert_int_equal(connector_pages_next(p, &page, &end, &err), 0);
    assert_int_equal(connector_pages_next(p, &page, &end, &err), ERR_UNAVAILABLE);
    assert_int_equal(connector_pages_next(p, &page, &end, &err), 0);
    assert_memory_equal(page.records.ptr, "[2]", 3);
    assert_int_equal(page.number, 2);
    connector_pages_close(p);
    connector_close(c);
}

static void test_a_cursor_may_go_into_the_body(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf records = {0};
    int pages;
    int64_t total = 0;
    strbuf_init(&records, 0);
    struct connector *c = open_yaml(
        HEAD "resources: { l: { method: POST, path: /l, repeatable: true, records: /items,"
             " expect_total: /total, body: { limit: 2, cursor: '${cursor}' },"
             " paginate: { type: cursor, from: /next } } }\n");
    server_script("{'/v1/l': [{'body': '{\\'items\\':[1],\\'next\\':\\'c2\\',\\'total\\':2}'},"
                  " {'body': '{\\'items\\':[2],\\'total\\':null}'}]}");
    assert_int_equal(read_all(c, "l", &records, &pages, &total, &err), 0);
    assert_string_equal(records.data, "[1][2]");
    assert_int_equal(total, 2);
    assert_int_equal(server_count("'body': '{\\'limit\\':2}'"), 1);
    assert_int_equal(server_count("'body': '{\\'limit\\':2,\\'cursor\\':\\'c2\\'}'"), 1);
    connector_close(c);
}

static void test_the_shipped_platform_connector(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = NULL;
    struct connector_write w = {0};
    AUTO_STRBUF struct strbuf records = {0};
    int pages = 0;
    int64_t total = -1;

    strbuf_init(&records, 0);
    setting("connector_path", "configs/connectors");
    int code = connector_open("platform", config, NULL, &c, &err);
    if (code != 0)
        print_error("%s\n", err.message);
    assert_int_equal(code, 0);
    server_script(
        "{'/api/v1/auth/login': [{'json': {'code': 200, 'data': {'access_token': 'jwt-9',"
        " 'expires_in': 1800}}}], '/api/v1/stores': [{'when_header':"
        " {'authorization': 'Bearer jwt-9'}, 'json': {'code': 200, 'data': {'items': [{'id': 1}],"
        " 'total': 1}}}],"
        " '/api/v1/stock?page_size=100': [{'json': {'code': 200, 'data': {'items': [1], 'total': 2,"
        " 'next_cursor': 'n'}}}], '/api/v1/stock?cursor=n&page_size=100': [{'json': {'code': 200,"
        " 'data': {'items': [2], 'total': null, 'next_cursor': null}}}],"
        " '/api/v1/orders/X1/pay': [{'status': 409, 'json': {'code': 409, 'message': 'already "
        "paid',"
        " 'error': 'order_state'}}]}");
    assert_int_equal(read_all(c, "stores", &records, &pages, &total, &err), 0);
    assert_int_equal(pages, 1);
    assert_int_equal(read_all(c, "stock", &records, &pages, &total, &err), 0);
    assert_string_equal(records.data, "[1][2]");
    assert_int_equal(total, 2);
    const struct connector_param order = {"order_no", "X1"};
    assert_int_equal(call(c, "order_pay", &order, 1, "{}", "k", &err), ERR_CONFLICT);
    assert_non_null(strstr(err.message, "HTTP 409: order_state: already paid"));
    assert_int_equal(connector_write_of(c, "stock_adjustments", &w, &err), 0);
    assert_int_equal(w.batch_rows, 100);
    connector_close(c);
    setting("connector_path", "/nonexistent");
}

#define TEST(name) cmocka_unit_test_teardown(name, fake_clock_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pages_by_number),
        TEST(test_pages_by_offset_go_on_by_what_was_read),
        TEST(test_pages_by_cursor),
        TEST(test_pages_by_url),
        TEST(test_answers_that_are_no_pages),
        TEST(test_a_transient_failure_leaves_the_iterator_usable),
        TEST(test_a_cursor_may_go_into_the_body),
        TEST(test_the_shipped_platform_connector),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
