/* Sessions: a login whose answer feeds later requests, renewed once when lost, ended once. */
#include "connector_fixture.h"
#include "core/secret.h"
#include "net/connector_internal.h"

#define TRYTON                                                                                     \
    "values: { db: erp, login: admin }\n"                                                          \
    "secrets: { password: 'env:TEST_ERP_PASSWORD' }\n"                                             \
    "auth:\n"                                                                                      \
    "  type: session\n"                                                                            \
    "  login:\n"                                                                                   \
    "    path: /${db}/\n"                                                                          \
    "    body: { id: 1, method: common.db.login,"                                                  \
    " params: ['${login}', { password: '${password}' }, en] }\n"                                   \
    "    take: { uid: /result/0, key: /result/1 }\n"                                               \
    "  send: { headers: { Authorization: 'Session ${base64:${login}:${uid}:${key}}' } }\n"         \
    "resources: { a: { path: /a }, w: { method: POST, path: /a } }\n"

/* base64("admin:7:0011aabb"), base64("admin:7:2233ccdd") */
#define SESSION_1 "Session YWRtaW46NzowMDExYWFiYg=="
#define SESSION_2 "Session YWRtaW46NzoyMjMzY2NkZA=="

static void test_an_answer_feeds_a_header(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    setenv("TEST_ERP_PASSWORD", "let-me-in", 1);
    struct connector *c = open_yaml(HEAD TRYTON);
    server_script("{'/v1/erp/': [{'json': {'id': 1, 'result': [7, '0011aabb']}}],"
                  " '/v1/a': [{'when_header': {'authorization': '" SESSION_1 "'}}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("{\\'id\\':1,\\'method\\':\\'common.db.login\\',\\'params\\':"
                                  "[\\'admin\\',{\\'password\\':\\'let-me-in\\'},\\'en\\']}"),
                     1);
    assert_int_equal(server_count("'path': '/v1/a'"), 2);
    connector_close(c);
}

static void test_a_lost_session_is_renewed_once(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD TRYTON);
    server_script("{'/v1/erp/': [{'json': {'result': [7, '0011aabb']}},"
                  " {'json': {'result': [7, '2233ccdd']}}],"
                  " '/v1/a': [{'when_header': {'authorization': '" SESSION_2 "'}}]}");
    assert_int_equal(call(c, "w", NULL, 0, "{}", "k-1", &err), 0);
    assert_int_equal(server_count("'path': '/v1/erp/'"), 2);
    assert_int_equal(server_count("'idempotency-key': 'k-1'"), 2);
    assert_int_equal(server_count("'authorization': '" SESSION_2 "'"), 1);
    /* one that stays lost: no more than one login more */
    server_script("{'/v1/erp/': [{'json': {'result': [7, '0011aabb']}}], '/v1/a':"
                  " [{'status': 401}]}");
    assert_int_equal(call(c, "w", NULL, 0, "{}", "k-2", &err), ERR_AUTH);
    assert_int_equal(server_count("'path': '/v1/erp/'"), 1);
    assert_int_equal(server_count("'path': '/v1/a'"), 2);
    connector_close(c);
}

static void test_connectors_of_one_file_log_in_once(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *first = open_yaml(HEAD TRYTON), *second = NULL, *third = NULL;
    server_script("{'/v1/erp/': [{'json': {'result': [7, '0011aabb']}},"
                  " {'json': {'result': [7, '2233ccdd']}}], '/v1/a': [{}, {}, {'status': 401},"
                  " {}]}");
    assert_int_equal(try_open(HEAD TRYTON, &second, &err), 0);
    assert_int_equal(call(first, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(call(second, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/erp/'"), 1);
    connector_close(first);
    assert_int_equal(try_open(HEAD TRYTON, &third, &err), 0);
    assert_int_equal(call(second, "a", NULL, 0, NULL, NULL, &err), 0); /* renews */
    assert_int_equal(call(third, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/erp/'"), 2);
    assert_int_equal(server_count("'authorization': '" SESSION_2 "'"), 2);
    connector_close(second);
    connector_close(third);
    /* another file does not share it */
    assert_int_equal(
        try_open(HEAD "description: other\nheaders: { X-Org: b }\n" TRYTON, &third, &err), 0);
    assert_int_equal(call(third, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/erp/'"), 3);
    connector_close(third);
}

/* HTTP 200 whatever happens; the session travels as cookie and header. */
#define KINGDEE                                                                                    \
    "values: { acct: '5f0c', user: Administrator }\n"                                              \
    "secrets: { password: 'literal:kd-password' }\n"                                               \
    "auth:\n"                                                                                      \
    "  type: session\n"                                                                            \
    "  login:\n"                                                                                   \
    "    path: /AuthService.ValidateUser.common.kdsvc\n"                                           \
    "    body: { parameters: ['${acct}', '${user}', '${password}', 2052] }\n"                      \
    "    ok: { pointer: /LoginResultType, equals: [1] }\n"                                         \
    "    message_from: /Message\n"                                                                 \
    "    take: { sid: /KDSVCSessionId, net: 'cookie:ASP.NET_SessionId' }\n"                        \
    "  send:\n"                                                                                    \
    "    headers: { kdservice-sessionid: '${sid}' }\n"                                             \
    "    cookies: { 'ASP.NET_SessionId': '${net}', lang: zh }\n"                                   \
    "rules: [{ when: { status: 200, pointer: /0/0/Result/ResponseStatus/MsgCode, equals: [1] },"   \
    " do: refresh_auth }, { when: { status: 200, pointer: /LoginResultType, exists: true },"       \
    " do: retry }]\n"                                                                              \
    "resources: { bills: { method: POST, path: /bills, repeatable: true } }\n"
#define KD_LOGIN "'/v1/AuthService.ValidateUser.common.kdsvc'"
#define KD_IN(sid)                                                                                 \
    "{'headers': {'Set-Cookie': 'ASP.NET_SessionId=c-" sid "; path=/; HttpOnly'},"                 \
    " 'json': {'LoginResultType': 1, 'KDSVCSessionId': '" sid "'}}"

static void test_success_and_loss_are_told_by_the_body(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD KINGDEE);
    server_script("{" KD_LOGIN ": [" KD_IN("sid-one") ", " KD_IN(
        "sid-two") "], '/v1/bills':"
                   " [{'json': [[{'Result': {'ResponseStatus': {'MsgCode': 1}}}]]}, {'json':"
                   " [[1]]}]}");
    assert_int_equal(call(c, "bills", NULL, 0, "{}", NULL, &err), 0);
    assert_int_equal(server_count("'kdservice-sessionid': 'sid-one'"), 1);
    assert_int_equal(server_count("'kdservice-sessionid': 'sid-two'"), 1);
    assert_int_equal(server_count("'cookie': 'ASP.NET_SessionId=c-sid-one; lang=zh'"), 1);
    assert_int_equal(server_count("'cookie': 'ASP.NET_SessionId=c-sid-two; lang=zh'"), 1);
    assert_int_equal(server_count("\\'parameters\\':[\\'5f0c\\',\\'Administrator\\',"
                                  "\\'kd-password\\',2052]"),
                     2);
    connector_close(c);
}

static void test_a_refused_login_says_why_and_not_with_what(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    struct connector *c = open_yaml(HEAD KINGDEE);
    server_script("{" KD_LOGIN ": [{'json': {'LoginResultType': 0, 'Message': '用户名或密码错误'}},"
                  " {'status': 503}, {'status': 500}, {'json': {'LoginResultType': 1}}],"
                  " '/v1/bills': [{}]}");
    assert_int_equal(call(c, "bills", NULL, 0, "{}", NULL, &err), ERR_AUTH);
    assert_non_null(strstr(err.message, "login to 'shop': POST"));
    assert_non_null(strstr(err.message, "HTTP 200: 用户名或密码错误"));
    assert_non_null(strstr(err.hint, "'secrets'"));
    strbuf_adds(&text, err.message);
    assert_null(strstr(text.data, "kd-password"));
    setting("retry.max", "1");
    connector_close(c);
    c = open_yaml(HEAD KINGDEE);
    assert_int_equal(call(c, "bills", NULL, 0, "{}", NULL, &err), ERR_UNAVAILABLE);
    setting("retry.max", "3");
    assert_int_equal(call(c, "bills", NULL, 0, "{}", NULL, &err), ERR_AUTH);
    assert_non_null(strstr(err.message, "the answer has no 'sid' at '/KDSVCSessionId'"));
    assert_int_equal(server_count("'path': '/v1/bills'"), 0);
    connector_close(c);
}

/* Three hundred shops with one wrong password must not lock the account. */
static void test_a_refused_login_is_not_repeated_for_a_minute(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD KINGDEE), *other = NULL;
    fake_clock_begin();
    server_script("{" KD_LOGIN ": [{'json': {'LoginResultType': 0, 'Message': 'no'}}, " KD_IN(
        "sid-one") "], '/v1/bills': [{'json': []}]}");
    assert_int_equal(call(c, "bills", NULL, 0, "{}", NULL, &err), ERR_AUTH);
    assert_int_equal(try_open(HEAD KINGDEE, &other, &err), 0);
    fake_advance(59999);
    struct error again = ERROR_INIT;
    assert_int_equal(call(other, "bills", NULL, 0, "{}", NULL, &again), ERR_AUTH);
    assert_non_null(strstr(again.message, "HTTP 200: no"));
    assert_int_equal(server_count("'method'"), 1);
    fake_advance(1);
    assert_int_equal(call(other, "bills", NULL, 0, "{}", NULL, &err), 0);
    assert_int_equal(server_count("'path': " KD_LOGIN), 2);
    connector_close(c);
    connector_close(other);
}

/* Pages are asked for ahead: those that were refused together share one renewal. */
static void test_requests_in_flight_share_a_renewal(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector_pages *pages = NULL;
    struct connector_page page;
    bool end = false;
    int rows = 0;
    struct connector *c =
        open_yaml(HEAD "auth: { type: session, login: { path: /in, take: { sid: /sid } },"
                       " send: { headers: { X-Sid: '${sid}' } } }\n"
                       "resources: { list: { path: /list, records: /r, expect_total: /n,"
                       " paginate: { type: page, param: p, size_param: s, size: 1 } } }\n");
    server_script(
        "{'/v1/in': [{'json': {'sid': 'sid-1'}}, {'json': {'sid': 'sid-2'}}],"
        " '/v1/list?p=1&s=1': [{'json': {'n': 4, 'r': [1]}}],"
        " '/v1/list?p=2&s=1': [{'when_header': {'x-sid': 'sid-2'}, 'json': {'n': 4, 'r': [2]}}],"
        " '/v1/list?p=3&s=1': [{'when_header': {'x-sid': 'sid-2'}, 'json': {'n': 4, 'r': [3]}}],"
        " '/v1/list?p=4&s=1': [{'when_header': {'x-sid': 'sid-2'}, 'json': {'n': 4, 'r': [4]}}]}");
    assert_int_equal(connector_pages_open(c, "list", NULL, 0, &pages, &err), 0);
    connector_pages_ahead(pages);
    while (connector_pages_next(pages, &page, &end, &err) == 0 && !end)
        rows += (int)page.count;
    assert_true(end);
    assert_int_equal(rows, 4);
    assert_int_equal(server_count("'path': '/v1/in'"), 2);
    connector_pages_close(pages);
    connector_close(c);
}

/* A token that is fetched by a GET with basic credentials, and the cookies that go with it. */
#define SAP                                                                                        \
    "values: { user: ETL }\n"                                                                      \
    "secrets: { password: 'literal:sap-password' }\n"                                              \
    "auth:\n"                                                                                      \
    "  type: session\n"                                                                            \
    "  login:\n"                                                                                   \
    "    method: GET\n"                                                                            \
    "    path: /\n"                                                                                \
    "    headers: { Authorization: 'Basic ${base64:${user}:${password}}',"                         \
    " X-CSRF-Token: fetch }\n"                                                                     \
    "    take: { csrf: 'header:X-CSRF-Token' }\n"                                                  \
    "    keep_cookies: true\n"                                                                     \
    "  send: { headers: { X-CSRF-Token: '${csrf}' }, query: { client: '100' } }\n"                 \
    "  logout: { method: GET, path: /logoff, query: { t: '${csrf}' } }\n"                          \
    "rules: [{ when: { status: 403 }, do: refresh_auth }]\n"                                       \
    "resources: { w: { method: POST, path: /w } }\n"

static void test_tokens_of_headers_and_all_cookies(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD SAP);
    server_script("{'/v1/': [{'headers': {'X-CSRF-Token': 'tok-1', 'Set-Cookie': 'sap=1; path=/'}},"
                  " {'headers': {'X-CSRF-Token': 'tok-2', 'Set-Cookie': 'MYSAPSSO2=ab=c'}}],"
                  " '/v1/w': [{}, {'status': 403}, {}], '/v1/logoff': [{}]}");
    assert_int_equal(call(c, "w", NULL, 0, "{}", NULL, &err), 0);
    assert_int_equal(server_count("'authorization': 'Basic RVRMOnNhcC1wYXNzd29yZA=='"), 1);
    assert_int_equal(server_count("'x-csrf-token': 'fetch'"), 1);
    assert_int_equal(server_count("'x-csrf-token': 'tok-1'"), 1);
    assert_int_equal(server_count("'cookie': 'sap=1'"), 1);
    assert_int_equal(server_count("'target': '/v1/w?client=100'"), 1);
    /* a write is not repeated but by the renewal: it was refused before it was carried out */
    assert_int_equal(call(c, "w", NULL, 0, "{}", NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/w'"), 3);
    assert_int_equal(server_count("'cookie': 'MYSAPSSO2=ab=c'"), 1);
    connector_close(c);
    assert_int_equal(server_count("'path': '/v1/logoff'"), 0);
    connector_sessions_end();
    assert_int_equal(server_count("'target': '/v1/logoff?t=tok-2&client=100'"), 1);
    connector_sessions_end();
    assert_int_equal(server_count("'path': '/v1/logoff'"), 1);
}

static void test_a_cookie_that_is_set_twice_is_the_later_one(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char set[] = "a=1; Path=/|ab=2|a=3; HttpOnly|gone; Path=/|=4";
    struct http_header headers[5];
    struct http_response response = {.headers = headers};
    struct auth_session s = {0};

    for (char *save = NULL, *one = strtok_r(set, "|", &save); one; one = strtok_r(NULL, "|", &save))
        headers[response.nheaders++] = (struct http_header){"set-cookie", one};
    assert_int_equal(auth_cookies_keep(&s, &response, &err), 0);
    assert_string_equal(s.cookies, "ab=2; a=3");
    auth_session_clear(&s);
}

static void test_what_was_taken_is_hidden_in_texts_but_words_are_not(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf text = {0};
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(
        HEAD "auth: { type: session, login: { path: /in, keep_cookies: true, take: { ok: /ok,"
             " uid: /uid, sid: /sid, long: /long } }, send: { headers: { X-Sid: '${sid}' } } }\n"
             "resources: { a: { path: /a } }\n");
    server_script("{'/v1/in': [{'headers': {'Set-Cookie': 'JSESSION=cookie-5678'}, 'json': {'ok':"
                  " true, 'uid': 20231, 'sid': 'x-71', 'long': '8273645546'}}], '/v1/a': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    strbuf_init(&text, 0);
    strbuf_adds(&text, "true 20231 x-71 8273645546 cookie-5678");
    secret_redact(&text);
    assert_string_equal(text.data, "true 20231 **** **** ****");
    connector_close(c);
}

/* What a server gives must not become a header of its own. */
static void test_values_with_line_ends_are_not_sent(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(
        HEAD "auth: { type: session, login: { path: /in, take: { sid: /sid } },"
             " send: { headers: { X-Sid: '${sid}' } } }\nresources: { a: { path: /a } }\n");
    server_script("{'/v1/in': [{'json': {'sid': 's\\r\\nX-Role: admin'}}], '/v1/a': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_DATA);
    assert_non_null(strstr(err.message, "the value of 'X-Sid' has a line end"));
    assert_int_equal(server_count("'path': '/v1/a'"), 0);
    connector_close(c);
}

static void test_a_session_ends_when_it_said(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c =
        open_yaml(HEAD "secrets: { key: 'literal:form key&1' }\n"
                       "auth: { type: session, margin: 10s, login: { path: /in,"
                       " form: { grant: key, key: '${key}', at: '${timestamp}' },"
                       " take: { sid: /sid }, expires_from: /ttl },"
                       " send: { headers: { X-Sid: '${sid}' } }, logout: { path: /out } }\n"
                       "resources: { a: { path: /a } }\n");
    fake_clock_begin();
    server_script("{'/v1/in': [{'json': {'sid': 's-1', 'ttl': '60'}}, {'json': {'sid': 's-2'}}],"
                  " '/v1/a': [{}], '/v1/out': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'content-type': 'application/x-www-form-urlencoded'"), 1);
    assert_int_equal(server_count("'body': 'grant=key&key=form%20key%261&at="), 1);
    fake_advance(49000);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/in'"), 1);
    fake_advance(1000);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'x-sid': 's-2'"), 1);
    connector_close(c);
    connector_sessions_end();
    assert_int_equal(server_count("'path': '/v1/out'"), 1);
}

#define TEST(name) cmocka_unit_test_teardown(name, fake_clock_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_feeds_a_header),
        TEST(test_a_lost_session_is_renewed_once),
        TEST(test_connectors_of_one_file_log_in_once),
        TEST(test_success_and_loss_are_told_by_the_body),
        TEST(test_a_refused_login_says_why_and_not_with_what),
        TEST(test_a_refused_login_is_not_repeated_for_a_minute),
        TEST(test_requests_in_flight_share_a_renewal),
        TEST(test_tokens_of_headers_and_all_cookies),
        TEST(test_a_cookie_that_is_set_twice_is_the_later_one),
        TEST(test_what_was_taken_is_hidden_in_texts_but_words_are_not),
        TEST(test_values_with_line_ends_are_not_sent),
        TEST(test_a_session_ends_when_it_said),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
