/* Connectors against the scripted server: requests, rules, auth, files. */
#include "connector_fixture.h"

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

static void test_values_of_the_connector_serve_where_no_parameter_does(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c =
        open_yaml(HEAD "values: { db: 'a b', lang: zh }\n"
                       "secrets: { key: 'literal:key-1' }\n"
                       "resources:\n"
                       "  dish: { path: '/${db}/dish', query: { l: '${lang}' } }\n"
                       "  leak: { path: '/${key}' }\n");
    const struct connector_param param = {"lang", "en"};
    server_script("{'/v1/a%20b/dish': [{}]}");
    assert_int_equal(call(c, "dish", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'target': '/v1/a%20b/dish?l=zh'"), 1);
    assert_int_equal(call(c, "dish", &param, 1, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'target': '/v1/a%20b/dish?l=en'"), 1);
    /* secrets are for auth and sign only */
    assert_int_equal(call(c, "leak", NULL, 0, NULL, NULL, &err), ERR_SPEC);
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
    connector_close(c);
    c = open_yaml(HEAD LOGIN); /* a refusal is remembered for a minute, but not between tests */
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_REMOTE);
    assert_non_null(strstr(err.message, "no token at '/data/access_token'"));
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_NOT_FOUND);
    assert_int_equal(server_count("'path': '/v1/a'"), 0);
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
    assert_string_equal(connector_name(c), "shop");
    connector_close(c);
}

#define TEST(name) cmocka_unit_test_teardown(name, fake_clock_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_path_and_query_are_encoded),
        TEST(test_values_of_the_connector_serve_where_no_parameter_does),
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
        TEST(test_a_file_goes_before_a_built_in),
        TEST(test_settings_that_are_wanted_are_named),
        TEST(test_a_slash_at_the_end_of_the_url_is_no_matter),
        TEST(test_write_declarations),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
