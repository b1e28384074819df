/* Connectors against the scripted server: requests, rules, auth, pages. */
#include "format/ynode.h"
#include "net/connector.h"
#include "server.h"
#include <errno.h>
#include <sys/stat.h>

static struct config *config;

static void setting(const char *name, const char *value)
{
    struct error err = ERROR_INIT;
    assert_int_equal(config_override(config, name, value, "test", &err), 0);
}

static int group_start(void **state)
{
    struct error err = ERROR_INIT;
    char file[] = "/tmp/diner-net-XXXXXX";
    int fd = mkstemp(file);

    if (fd < 0 || server_start(state) != 0)
        return -1;
    close(fd); /* an empty file: nothing of this machine's own */
    unsetenv("DINER_PLATFORM_USER");
    unsetenv("DINER_PLATFORM_PASSWORD");
    int code = config_load(file, &config, &err);
    unlink(file);
    if (code != 0)
        return -1;
    setting("connector_path", "/nonexistent");
    setting("platform.url", server.base);
    setting("platform.user", "etl");
    setting("platform.password", "env:TEST_PLATFORM_SECRET");
    setting("retry.base", "1ms");
    setting("retry.cap", "5ms");
    setenv("TEST_PLATFORM_SECRET", "open-sesame", 1);
    return 0;
}

static int group_stop(void **state)
{
    config_free(config);
    return server_stop(state);
}

#define HEAD "version: 1\nname: shop\nbase_url: ${platform.url}/v1\n"

static int try_open(const char *yaml, struct connector **ret, struct error *err)
{
    const struct connector_builtin builtins[] = {{"shop", yaml}, {NULL, NULL}};
    return connector_open("shop", config, builtins, ret, err);
}

static struct connector *open_yaml(const char *yaml)
{
    struct connector *c = NULL;
    struct error err = ERROR_INIT;
    int code = try_open(yaml, &c, &err);
    if (code != 0)
        print_error("%s\n", err.message);
    assert_int_equal(code, 0);
    return c;
}

static int call(struct connector *c, const char *resource, const struct connector_param *params,
                size_t nparams, const char *body, const char *key, struct error *err)
{
    struct http_response r = {0};
    int code = connector_call(c, resource, params, nparams, span_of(body), key, &r, err);
    http_response_release(&r);
    return code;
}

/* ---- requests ------------------------------------------------------------------------------ */

static void test_path_and_query_are_encoded(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD "resources:\n"
                                         "  dish:\n"
                                         "    path: /dishes/${no}\n"
                                         "    query: { name: '${name}', none: '${none}', fixed: 7,"
                                         " nil: null, with: 'x-${none}', dflt: '${none:-d}',"
                                         " empty: '${empty}', gone: '${none:-}' }\n");
    const struct connector_param params[] = {
        {"no", "a/b ?#.."}, {"name", "鱼香 肉丝&x=1"}, {"none", NULL}, {"empty", ""}};
    server_script("{'/v1/dishes/a%2Fb%20%3F%23..': [{}]}");
    assert_int_equal(call(c, "dish", params, 4, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'target': '/v1/dishes/a%2Fb%20%3F%23..?name=%E9%B1%BC%E9%A6%99"
                                  "%20%E8%82%89%E4%B8%9D%26x%3D1&fixed=7&dflt=d&empty='"),
                     1);
    connector_close(c);
}

static void test_a_path_needs_its_values(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD "resources: { order: { path: '/orders/${no}' } }\n");
    struct connector_param param = {"no", NULL};
    server_script("{'/v1/orders/': [{}], '/v1/orders': [{}], '/v1/': [{}]}");
    assert_int_equal(call(c, "order", NULL, 0, NULL, NULL, &err), ERR_SPEC);
    assert_non_null(strstr(err.message, "no value for 'no'"));
    assert_int_equal(call(c, "order", &param, 1, NULL, NULL, &err), ERR_SPEC);
    param.value = "";
    assert_int_equal(call(c, "order", &param, 1, NULL, NULL, &err), ERR_SPEC);
    param.value = "..";
    assert_int_equal(call(c, "order", &param, 1, NULL, NULL, &err), ERR_DATA);
    assert_int_equal(server_count("'method'"), 0);
    connector_close(c);
}

static void test_a_parameter_that_nothing_uses_is_an_error(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD "resources: { orders: { path: /orders,"
                                         " query: { store: '${store}' } } }\n");
    const struct connector_param typo = {"stores", "S001"};
    assert_int_equal(call(c, "orders", &typo, 1, NULL, NULL, &err), ERR_SPEC);
    assert_non_null(strstr(err.message, "no parameter 'stores'"));
    assert_int_equal(call(c, "order", &typo, 1, NULL, NULL, &err), ERR_SPEC);
    assert_non_null(strstr(err.hint, "'orders'"));
    connector_close(c);
}

static void test_bodies_are_built_from_yaml(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD "resources:\n"
                                         "  find:\n"
                                         "    method: POST\n"
                                         "    path: /find\n"
                                         "    repeatable: true\n"
                                         "    headers: { X-Store: '${store}', X-None: '${none}' }\n"
                                         "    body:\n"
                                         "      n: 10\n"
                                         "      money: 19.90\n"
                                         "      code: 010\n"
                                         "      text: '10'\n"
                                         "      yes: true\n"
                                         "      no: no\n"
                                         "      nil: null\n"
                                         "      store: ${store}\n"
                                         "      left_out: ${none}\n"
                                         "      list: [1, '${none}', a]\n");
    const struct connector_param params[] = {{"store", "上\"海\\"}, {"none", NULL}};
    server_script("{'/v1/find': [{'status': 503}, {}]}");
    assert_int_equal(call(c, "find", params, 2, NULL, NULL, &err), 0);
    assert_int_equal(server_count("{\\'n\\':10,\\'money\\':19.90,\\'code\\':\\'010\\',"
                                  "\\'text\\':\\'10\\',\\'yes\\':true,\\'no\\':\\'no\\',"
                                  "\\'nil\\':null,\\'store\\':\\'上\\\\\\'海\\\\\\\\\\',"
                                  "\\'list\\':[1,\\'a\\']}"),
                     2);
    assert_int_equal(server_count("'x-store'"), 2);
    assert_int_equal(server_count("'x-none'"), 0);
    connector_close(c);
}

static void test_writes_carry_their_key_and_are_repeated_only_with_one(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD "resources: { pay: { method: POST, path: /pay } }\n");
    server_script("{'/v1/pay': [{'status': 503}, {}]}");
    assert_int_equal(call(c, "pay", NULL, 0, "{}", NULL, &err), ERR_UNAVAILABLE);
    assert_int_equal(server_count("'method': 'POST'"), 1);
    server_script("{'/v1/pay': [{'status': 503}, {}]}");
    assert_int_equal(call(c, "pay", NULL, 0, "{}", "k-1", &err), 0);
    assert_int_equal(server_count("'idempotency-key': 'k-1'"), 2);
    connector_close(c);
}

/* ---- rules --------------------------------------------------------------------------------- */

#define RULES                                                                                      \
    "rules:\n"                                                                                     \
    "  - { when: { status: 404, pointer: /error, equals: gone }, do: ignore }\n"                   \
    "  - { when: { status: 200, pointer: /code, equals: [1007, busy] }, do: rate_limited }\n"      \
    "  - { when: { status: 2xx, pointer: /code, equals: 500 }, do: retry, message_from: /msg }\n"  \
    "  - { when: { status: 503, pointer: /fatal, exists: true }, do: fail }\n"                     \
    "  - { when: { status: 200, pointer: /code, not_equals: 200 }, do: fail,"                      \
    " message_from: [/error, /msg, /none] }\n"                                                     \
    "resources: { a: { path: /a }, w: { method: POST, path: /a } }\n"

static void test_a_200_with_an_error_body_is_an_error(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD RULES);
    server_script(
        "{'/v1/a': [{'json': {'code': 4711, 'msg': '没有\\n权限', 'error': 'forbidden'}},"
        " {'body': '<html>please log in</html>'}, {'body': ''}, {'json': {'code': 200}}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_REMOTE);
    assert_non_null(strstr(err.message, "/v1/a: HTTP 200: forbidden: 没有 权限"));
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_REMOTE);
    assert_non_null(strstr(err.message, "please log in"));
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_REMOTE);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/a'"), 4);
    connector_close(c);
}

static void test_rules_decide_what_is_repeated(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD RULES);
    server_script("{'/v1/a': [{'json': {'code': 500}}, {'json': {'code': 200}}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'method'"), 2);
    /* a write without a key: busy is repeated, a failure is not */
    server_script("{'/v1/a': [{'json': {'code': 'busy'}}, {'json': {'code': 1007}},"
                  " {'json': {'code': 500, 'msg': 'boom'}}, {'json': {'code': 200}}]}");
    assert_int_equal(call(c, "w", NULL, 0, NULL, NULL, &err), ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "boom"));
    assert_int_equal(server_count("'method'"), 3);
    /* an earlier rule wins over the status */
    server_script("{'/v1/a': [{'status': 503, 'json': {'fatal': 1}}, {'json': {'code': 200}}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_UNAVAILABLE);
    assert_int_equal(server_count("'method'"), 1);
    server_script("{'/v1/a': [{'status': 503, 'json': {'fatal': null}}, {'json': {'code': 200}}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    connector_close(c);
}

static void test_ignored_answers_and_plain_statuses(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD RULES);
    server_script("{'/v1/a': [{'status': 404, 'json': {'error': 'gone'}}, {'status': 404},"
                  " {'status': 409, 'body': 'taken'}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_NOT_FOUND);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_CONFLICT);
    assert_int_equal(err.http_status, 409);
    connector_close(c);
}

/* ---- auth ---------------------------------------------------------------------------------- */

static void test_static_credentials(void **state)
{
    (void)state;
    static const struct {
        const char *auth, *seen;
    } cases[] = {
        {"auth: { type: bearer, token: 'env:TEST_TOKEN' }\n", "'authorization': 'Bearer tok-1'"},
        {"auth: { type: basic, user: Aladdin, password: 'literal:open sesame' }\n",
         "'authorization': 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='"}, /* RFC 7617 */
        {"auth: { type: key, name: X-Api-Key, value: '${TEST_TOKEN}' }\n", "'x-api-key': 'tok-1'"},
        {"auth: { type: key, name: ak, in: query, value: 'env:TEST_TOKEN' }\n",
         "'target': '/v1/a?q=1&ak=tok-1'"},
        {"auth: none\n", "'target': '/v1/a?q=1'"},
    };
    setenv("TEST_TOKEN", "tok-1", 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = ERROR_INIT;
        char yaml[512];
        snprintf(yaml, sizeof(yaml), HEAD "%sresources: { a: { path: /a, query: { q: 1 } } }\n",
                 cases[i].auth);
        struct connector *c = open_yaml(yaml);
        server_script("{'/v1/a': [{}]}");
        assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
        assert_int_equal(server_count(cases[i].seen), 1);
        connector_close(c);
    }
}

static void test_a_missing_secret_is_a_configuration_error(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    unsetenv("TEST_UNSET");
    struct connector *c = open_yaml(HEAD "auth: { type: bearer, token: 'env:TEST_UNSET' }\n"
                                         "resources: { a: { path: /a } }\n");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_CONFIG);
    connector_close(c);
}

#define LOGIN                                                                                      \
    "auth: { type: jwt_login, path: /login, user: '${platform.user}',"                             \
    " password: '${platform.password}', token_from: /data/access_token,"                           \
    " expires_from: /data/expires_in }\n"                                                          \
    "resources: { a: { path: /a }, w: { method: POST, path: /a } }\n"

static void test_login_gives_the_token_once(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD LOGIN);
    server_script("{'/v1/login': [{'status': 503}, {'json': {'data': {'access_token': 'jwt-1',"
                  " 'expires_in': 1800}}}], '/v1/a': [{'when_header':"
                  " {'authorization': 'Bearer jwt-1'}}]}");
    for (int i = 0; i < 3; i++)
        assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/login'"), 2);
    assert_int_equal(server_count("{\\'username\\':\\'etl\\',\\'password\\':\\'open-sesame\\'}"),
                     2);
    assert_int_equal(server_count("'path': '/v1/a'"), 3);
    connector_close(c);
}

static void test_a_token_is_renewed_before_it_ends(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD LOGIN);
    fake_clock_begin();
    server_script("{'/v1/login': [{'json': {'data': {'access_token': 'jwt-1', 'expires_in': 100}}},"
                  " {'json': {'data': {'access_token': 'jwt-2', 'expires_in': '10'}}},"
                  " {'json': {'data': {'access_token': 'jwt-3'}}}], '/v1/a': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    fake_advance(69000);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/login'"), 1);
    fake_advance(1000); /* 30 s before its end */
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/login'"), 2);
    /* shorter than the margin: still used for most of its life */
    fake_advance(8900);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/login'"), 2);
    fake_advance(100);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/login'"), 3);
    fake_advance(INT64_C(1000) * 3600 * 24 * 365); /* no end stated */
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/login'"), 3);
    connector_close(c);
}

static void test_a_401_renews_once_and_repeats_the_request(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD LOGIN);
    server_script("{'/v1/login': [{'json': {'data': {'access_token': 'jwt-1'}}},"
                  " {'json': {'data': {'access_token': 'jwt-2'}}}], '/v1/a': [{'when_header':"
                  " {'authorization': 'Bearer jwt-2'}}]}");
    assert_int_equal(call(c, "w", NULL, 0, "{\"n\":1}", "key-9", &err), 0);
    assert_int_equal(server_count("'path': '/v1/login'"), 2);
    assert_int_equal(server_count("'idempotency-key': 'key-9'"), 2);
    assert_int_equal(server_count("'authorization': 'Bearer jwt-1'"), 1);
    assert_int_equal(server_count("'authorization': 'Bearer jwt-2'"), 1);

    server_script("{'/v1/login': [{'json': {'data': {'access_token': 'jwt-3'}}}],"
                  " '/v1/a': [{'status': 401}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_AUTH);
    assert_int_equal(server_count("'path': '/v1/a'"), 2);
    assert_int_equal(server_count("'path': '/v1/login'"), 1);
    connector_close(c);
}

static void test_failed_logins(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD LOGIN);
    server_script("{'/v1/login': [{'status': 401, 'body': 'wrong'}, {'json': {'data': {}}},"
                  " {'status': 404}], '/v1/a': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_AUTH);
    assert_non_null(strstr(err.message, "login to 'shop' as 'etl'"));
    assert_null(strstr(err.message, "open-sesame"));
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_REMOTE);
    assert_non_null(strstr(err.message, "no token at '/data/access_token'"));
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_NOT_FOUND);
    assert_int_equal(server_count("'path': '/v1/a'"), 0);
    connector_close(c);
}

/* ---- pages --------------------------------------------------------------------------------- */

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
                  " expect_total: /total, paginate: { %s } } }\n",
             k->paginate);
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
    };
    check_pages(&cases[0]);
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

/* ---- files --------------------------------------------------------------------------------- */

static void test_a_file_goes_before_a_built_in(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = NULL;
    char dir[] = "/tmp/diner-net-XXXXXX", path[64];
    const struct connector_builtin builtins[] = {
        {"shop", HEAD "resources: { inner: { path: /a } }\n"}, {NULL, NULL}};

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/shop.yaml", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(HEAD "resources: { outer: { path: /a } }\n", f);
    fclose(f);
    setting("connector_path", dir);
    assert_int_equal(connector_open("shop", config, builtins, &c, &err), 0);
    assert_true(connector_has_resource(c, "outer"));
    connector_close(c);
    unlink(path);
    rmdir(dir);
    assert_int_equal(connector_open("shop", config, builtins, &c, &err), 0);
    assert_true(connector_has_resource(c, "inner"));
    connector_close(c);
    assert_int_equal(connector_open("shoop", config, builtins, &c, &err), ERR_CONFIG);
    assert_non_null(strstr(err.hint, "'shop'"));
    assert_int_equal(connector_open("../shop", config, builtins, &c, &err), ERR_SPEC);
    setting("connector_path", "/nonexistent");
}

static void test_settings_that_are_wanted_are_named(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = NULL;
    setting("platform.user", "");
    assert_int_equal(try_open(HEAD LOGIN, &c, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "needs the setting 'platform.user'"));
    assert_non_null(strstr(err.hint, "DINER_PLATFORM_USER"));
    setting("platform.user", "etl");
}

static void test_a_slash_at_the_end_of_the_url_is_no_matter(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char url[80];
    snprintf(url, sizeof(url), "%s/", server.base);
    setting("platform.url", url);
    struct connector *c = open_yaml(HEAD "resources: { a: { path: /a } }\n");
    server_script("{'/v1/a': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    connector_close(c);
    setting("platform.url", server.base);
}

static void test_write_declarations(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector_write w;
    const char *const *names;
    size_t count;
    struct connector *c =
        open_yaml(HEAD "resources:\n"
                       "  adjust: { method: POST, path: /a, write: { batch: 100, records: /items,"
                       " results: /data/results, result_ok: ok, result_error: error } }\n"
                       "  one: { method: PUT, path: /a, write: {} }\n"
                       "  list: { path: /a }\n");
    assert_int_equal(connector_write_of(c, "adjust", &w, &err), 0);
    assert_int_equal(w.batch_rows, 100);
    assert_string_equal(w.records, "/items");
    assert_string_equal(w.results, "/data/results");
    assert_string_equal(w.result_ok, "ok");
    assert_string_equal(w.result_error, "error");
    assert_int_equal(connector_write_of(c, "one", &w, &err), 0);
    assert_int_equal(w.batch_rows, 1);
    assert_null(w.records);
    assert_int_equal(connector_write_of(c, "list", &w, &err), ERR_SPEC);
    connector_resource_names(c, &names, &count);
    assert_int_equal(count, 3);
    assert_string_equal(names[1], "one");
    assert_string_equal(connector_name(c), "shop");
    connector_close(c);
}

static void test_the_shipped_platform_connector(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = NULL;
    struct connector_write w;
    AUTO_STRBUF struct strbuf records = {0};
    int pages;
    int64_t total;

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
        TEST(test_path_and_query_are_encoded),
        TEST(test_a_path_needs_its_values),
        TEST(test_a_parameter_that_nothing_uses_is_an_error),
        TEST(test_bodies_are_built_from_yaml),
        TEST(test_writes_carry_their_key_and_are_repeated_only_with_one),
        TEST(test_a_200_with_an_error_body_is_an_error),
        TEST(test_rules_decide_what_is_repeated),
        TEST(test_ignored_answers_and_plain_statuses),
        TEST(test_static_credentials),
        TEST(test_a_missing_secret_is_a_configuration_error),
        TEST(test_login_gives_the_token_once),
        TEST(test_a_token_is_renewed_before_it_ends),
        TEST(test_a_401_renews_once_and_repeats_the_request),
        TEST(test_failed_logins),
        TEST(test_pages_by_number),
        TEST(test_pages_by_offset_go_on_by_what_was_read),
        TEST(test_pages_by_cursor),
        TEST(test_pages_by_url),
        TEST(test_answers_that_are_no_pages),
        TEST(test_a_transient_failure_leaves_the_iterator_usable),
        TEST(test_a_cursor_may_go_into_the_body),
        TEST(test_a_file_goes_before_a_built_in),
        TEST(test_settings_that_are_wanted_are_named),
        TEST(test_a_slash_at_the_end_of_the_url_is_no_matter),
        TEST(test_write_declarations),
        TEST(test_the_shipped_platform_connector),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
