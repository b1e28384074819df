/* The grammar of connector files, and the Link header. */
#include "format/ynode.h"
#include "net/connector.h"
#include "net/connector_internal.h"
#include "server.h"

/* The problems of a file, one a line "line:column message". */
static void lint(const char *yaml, struct strbuf *out)
{
    struct arena *arena = arena_new();
    struct error err = ERROR_INIT;
    struct diagnostics d;
    struct ynode *root = NULL;

    strbuf_clear(out);
    assert_int_equal(ynode_parse(yaml, strlen(yaml), "c.yaml", arena, &root, &err), 0);
    diagnostics_init(&d, arena);
    connector_lint(root, arena, &d);
    for (size_t i = 0; i < d.count; i++)
        strbuf_addf(out, "%d:%d %s\n", d.items[i].line, d.items[i].column, d.items[i].message);
    arena_free(arena);
}

#define HEAD "version: 1\nbase_url: http://h\n"
#define TAIL "resources: { a: { path: /a } }\n"

static void test_mistakes_are_found_where_they_stand(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *problem;
    } cases[] = {
        {"base_url: http://h\n" TAIL, "missing key 'version'"},
        {"version: 2\nbase_url: http://h\n" TAIL, "1:10 version: expected 1, found 2"},
        {"version: 1\nbase_url: ftp://h\n" TAIL, "2:11 'ftp://h' is not an http"},
        {"version: 1\nbase_url: http://me:pw@h\n" TAIL, "carries a user name"},
        {HEAD "resorces: {}\n" TAIL, "3:1 unknown key 'resorces'"},
        {HEAD "auth: { type: bearer }\n" TAIL, "3:7 auth of type bearer needs 'token'"},
        {HEAD "auth: bearer\n" TAIL, "auth of type bearer needs 'token'"},
        {HEAD "auth: { type: bearer, token: t, user: u }\n" TAIL,
         "3:33 auth of type bearer has no 'user'"},
        {HEAD "auth: { type: jwt_login, path: login, user: u, password: p }\n" TAIL,
         "'login' does not begin with '/'"},
        {HEAD "auth: { type: oauth }\n" TAIL, "3:15 type: "},
        {HEAD "auth: { type: session }\n" TAIL, "3:7 auth of type session needs 'login'"},
        {HEAD "auth: { type: session, login: { path: /l } }\n" TAIL,
         "3:7 auth: the session is never sent"},
        {HEAD "auth: { type: session, login: { path: l, keep_cookies: true } }\n" TAIL,
         "3:39 path: 'l' does not begin with '/'"},
        {HEAD "auth: { type: session, login: { path: /l, body: [{ k: '${usr}' }] },"
              " send: {} }\n" TAIL,
         "3:55 '${usr}' is not defined"},
        {HEAD "auth: { type: session, login: { path: /l, body: ['${base46:a}'] },"
              " send: {} }\n" TAIL,
         "3:50 there is no function 'base46'"},
        {HEAD "auth: { type: session, login: { path: /l, body: ['${base64:a'] }, send: {} }\n" TAIL,
         "3:50 '}' is missing in"},
        {HEAD "auth: { type: session, login: { path: /l, headers: { A: '${sid}' },"
              " take: { sid: /s } }, send: { headers: { B: '${sid}' } } }\n" TAIL,
         "3:57 '${sid}' is not defined"},
        {HEAD "auth: { type: session, login: { path: /l, take: { sid: s } }, send: {} }\n" TAIL,
         "3:56 sid: 's' is not a JSON pointer"},
        {HEAD "auth: { type: session, login: { path: /l, take: { sid: 'cookie:' } },"
              " send: {} }\n" TAIL,
         "3:56 take: expected a JSON pointer, header:NAME"},
        {HEAD "auth: { type: session, login: { path: /l, body: {}, form: { a: b } },"
              " send: {} }\n" TAIL,
         "'body' and 'form' exclude each other"},
        {HEAD "auth: { type: session, login: { path: /l, ok: { equals: 1 } }, send: {} }\n" TAIL,
         "3:47 when: a condition on the body needs 'pointer'"},
        {HEAD "values: { App: 1 }\n" TAIL, "3:11 values: 'App' is no name in lower case"},
        {HEAD "values: { a: 1 }\nsecrets: { a: 'env:B' }\n" TAIL,
         "4:12 secrets: 'a' is among the values too"},
        {HEAD "sign: { algorithm: md5, text: x }\n" TAIL, "3:7 sign: the signature is never sent"},
        {HEAD "sign: { algorithm: md4, text: x }\n" TAIL, "3:20 algorithm: "},
        {HEAD "sign: { algorithm: md5, key: k, text: x, put: { query: { s: '${sign}' } } }\n" TAIL,
         "3:25 sign with md5 has no key"},
        {HEAD "sign: { algorithm: hmac_md5, text: x, put: { query: { s: '${sign}' } } }\n" TAIL,
         "3:7 sign with hmac_md5 needs 'key'"},
        {HEAD "sign: { algorithm: md5, put: { query: { s: '${sign}' } } }\n" TAIL,
         "3:7 '${params}' is not defined"},
        {HEAD "sign: { algorithm: md5, text: '${sign}', put: { query: { s: '${sign}' } } }\n" TAIL,
         "3:31 '${sign}' is not defined"},
        {HEAD "sign: { algorithm: md5, text: '${app}', put: { query: { s: '${sign}' } } }\n" TAIL,
         "3:31 '${app}' is not defined"},
        {HEAD "sign: { algorithm: md5, text: x, params: { from: query }, put: { query:"
              " { s: '${sign}' } } }\n" TAIL,
         "3:34 sign: 'params' is not used"},
        {HEAD "sign: { algorithm: md5, params: {}, put: { query: { s: '${sign}' } } }\n" TAIL,
         "3:33 params: expected 'from' or 'add'"},
        {HEAD "sign: { algorithm: md5, params: { from: [query, forms] }, put: { query:"
              " { s: '${sign}' } } }\n" TAIL,
         "3:49 from: expected query, form, body or body:/pointer, found 'forms'"},
        {HEAD "sign: { algorithm: md5, params: { from: query, pair: v=k }, put: { query:"
              " { s: '${sign}' } } }\n" TAIL,
         "3:54 pair: expected v, or k and v such as k=v, found 'v=k'"},
        {HEAD "sign: { algorithm: md5, text: x, put: { body: { sign: '${sign}' } } }\n" TAIL,
         "3:49 body: 'sign' is not a JSON pointer to a member"},
        {HEAD "sign: { algorithm: md5, text: x, timestamp: '%Q', put: { query:"
              " { s: '${sign}' } } }\n" TAIL,
         "3:45 timestamp: unknown letter in '%Q'"},
        {HEAD "sign: { algorithm: md5, text: x, timezone: Asia/Shangai, put: { query:"
              " { s: '${sign}' } } }\n" TAIL,
         "3:44 "},
        {HEAD "resources: { a: { path: /a, sign: { algorithm: md5, text: '${none}' } } }\n",
         "3:59 '${none}' is not defined"},
        {HEAD "auth: { type: oauth2, client_id: a }\n" TAIL,
         "auth of type oauth2 needs 'token_url'"},
        {HEAD
         "auth: { type: oauth2, token_url: 'https://o/t', client_id: a, client_secret: b }\n" TAIL,
         "3:34 token_url: 'https://o/t' is at another host than base_url"},
        {HEAD "auth: { type: jwt }\n" TAIL, "auth of type jwt needs 'key'"},
        {HEAD "auth: { type: jwt, key: k, claims: [a] }\n" TAIL, "3:36 claims: expected a map"},
        {HEAD "auth: { type: jwt, key: k, claims: { iss: '${me}' } }\n" TAIL,
         "3:43 '${me}' is not defined"},
        {HEAD "auth: { type: jwt, key: k, lifetime: 30s, margin: 20s }\n" TAIL,
         "3:51 margin: at most half"},
        {HEAD "auth: { type: jwt, algorithm: none, key: k }\n" TAIL, "3:31 algorithm: "},
        {HEAD "rate: fast\n" TAIL, "3:7 rate: "},
        {HEAD "rules: [{ when: { status: 600 }, do: fail }]\n" TAIL,
         "3:27 status: expected 404 or 5xx, found '600'"},
        {HEAD "rules: [{ when: { pointer: /a }, do: fail }]\n" TAIL,
         "3:17 when: 'pointer' needs 'equals'"},
        {HEAD "rules: [{ when: { equals: 1 }, do: fail }]\n" TAIL, "needs 'pointer'"},
        {HEAD "rules: [{ when: {}, do: fail }]\n" TAIL, "expected 'status' or 'pointer'"},
        {HEAD "rules: [{ when: { status: 200 } }]\n" TAIL, "missing key 'do'"},
        {HEAD "rules: [{ when: { pointer: a.b, exists: true }, do: fail }]\n" TAIL,
         "3:28 pointer: 'a.b' is not a JSON pointer"},
        {HEAD "resources: { a: { path: a } }\n", "3:25 path: 'a' does not begin with '/'"},
        {HEAD "resources: { a: { path: '/a?x=1' } }\n", "holds '?'"},
        {HEAD "resources: { a: {} }\n", "missing key 'path'"},
        {HEAD "resources: { a: { path: '/${' } }\n", "3:25 expected a name after '${'"},
        {HEAD "resources: { a: { path: '/${TEST_UNSET}' } }\n",
         "3:25 environment variable 'TEST_UNSET' is not set"},
        {HEAD "resources: { a: { path: /a, body: { b: 1 } } }\n", "a GET has no body"},
        {HEAD "resources: { a: { path: /a, write: {} } }\n", "a GET writes nothing"},
        {HEAD "resources: { a: { method: POST, path: /a, write: { batch: 5 } } }\n",
         "needs 'records'"},
        {HEAD "resources: { a: { path: /a, records: items } }\n", "not a JSON pointer"},
        {HEAD "resources: { a: { path: /a, paginate: { type: page } } }\n",
         "3:39 paginate: expected 'param', or ${page.number} in path, query, body or form"},
        {HEAD "resources: { a: { path: /a, paginate: cursor } }\n", "needs 'from'"},
        {HEAD "resources: { a: { path: /a, paginate: { type: cursor, from: next } } }\n",
         "not a JSON pointer"},
        {HEAD "resources: { a: { path: /a, paginate: { type: page, param: p, from: /x } } }\n",
         "paginate of type page has no 'from'"},
        {HEAD "resources: { a: { path: /a, paginate: { type: page, param: p, size: 5 } } }\n",
         "'size' needs 'size_param', or ${page.size} in the request"},
        {HEAD "resources: { a: { path: /a, query: { n: '${page.size}' },"
              " paginate: { type: page, param: p } } }\n",
         "'size' is missing"},
        {HEAD "resources: { a: { path: /a, query: { n: '${page.offset}' } } }\n",
         "resource 'a' uses ${page.offset} without 'paginate'"},
        {HEAD "resources: { a: { path: /a, query: { n: '${page.offset}' },"
              " paginate: { type: page, param: p } } }\n",
         "${page.offset} does not go with this type"},
        {HEAD "resources: { a: { path: /a, paginate: { type: page, param: p, end: short } } }\n",
         "'end: short' needs 'size'"},
        {HEAD "resources: { a: { path: /a, query: [1] } }\n", "query: expected a map"},
        {HEAD "resources: { a: { method: POST, path: /a, body: { b: 1 }, form: { b: 1 } } }\n",
         "either 'body' or 'form'"},
        {HEAD "resources: { a: { method: POST, path: /a, body: { b: [1] }, json_text: /b/1 } }\n",
         "the body has nothing at '/b/1'"},
        {HEAD "resources: { a: { path: /a, params: { since: time } } }\n",
         "3:46 nothing in resource 'a' uses the parameter 'since'"},
        {HEAD "resources: { a: { path: '/${x}', params: { x: tmie } } }\n",
         "numbers, time, found 'tmie'"},
        {HEAD "resources: { a: { path: '/${x}', params: { x: { format: iso } } } }\n",
         "'format' and 'timezone' belong to a time"},
        {HEAD "resources: { a: { path: '/${x}', params: { x: { type: time, format: '%Q' } } } }\n",
         "'%Q' is not a format of times"},
        {HEAD
         "resources: { a: { path: '/${x}', params: { x: { type: time, timezone: Mars } } } }\n",
         "'Mars'"},
        {HEAD "resources: { a: { path: '/${x}', params: { x: { type: number, default: a } } } }\n",
         "expected a number, found 'a'"},
        {HEAD "concurrency: 65\n" TAIL,
         "3:14 concurrency: expected 1 to 64, or adaptive, found '65'"},
        {HEAD "resources: { a: { path: /a, paginate: { type: cursor, from: /x, header: y } } }\n",
         "needs 'from', or 'header'"},
        {HEAD "resources: { a: { path: /a, format: jsonl, records: /x } }\n",
         "an answer of lines has no document"},
        {HEAD
         "resources: { a: { path: /a, job: { poll: a, until: { status: 200 }, download: b } } }\n",
         "download: there is no resource 'b'"},
        {HEAD "resources: { a: { path: /a, job: { poll: a, until: {}, download: /u } } }\n",
         "when: expected 'status' or 'pointer'"},
        {HEAD "resources: { a: { path: /a, job: { poll: a, until: { status: 200 }, download: a,"
              " hosts: x } } }\n",
         "'hosts' goes with a download that is the pointer to a URL"},
        {HEAD "timeout: ${platform.nothing}\n" TAIL, "3:10 "},
    };
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    unsetenv("TEST_UNSET");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lint(cases[i].yaml, &out);
        if (!strstr(out.data, cases[i].problem))
            print_error("%s -> %s, wanted '%s'\n", cases[i].yaml, out.data, cases[i].problem);
        assert_non_null(strstr(out.data, cases[i].problem));
    }
}

static void test_all_mistakes_are_told_at_once(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    lint("version: 1\nbase_url: ftp://h\nrate: x\nresources: { a: { pth: /a } }\n", &out);
    assert_non_null(strstr(out.data, "not an http"));
    assert_non_null(strstr(out.data, "rate: "));
    assert_non_null(strstr(out.data, "unknown key 'pth'"));
    assert_non_null(strstr(out.data, "missing key 'path'"));
}

static void test_the_shipped_file_is_clean_and_lint_leaves_it_alone(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct error err = ERROR_INIT;
    struct diagnostics d;
    struct ynode *root = NULL;
    assert_int_equal(ynode_parse_file("configs/connectors/platform.yaml", arena, &root, &err), 0);
    for (int i = 0; i < 2; i++) { /* the tree is not changed by the first */
        diagnostics_init(&d, arena);
        connector_lint(root, arena, &d);
        assert_int_equal(d.count, 0);
    }
    assert_string_equal(ynode_get(root, "base_url")->text, "${platform.url}/api/v1");
    arena_free(arena);
}

static void test_the_grammar_is_well_declared(void **state)
{
    (void)state;
    const char *defect = field_set_check(&connector_fields);
    assert_string_equal(defect ? defect : "", "");
}

static void assert_next(const char *header, const char *expected)
{
    struct span next = link_next(header);
    if (!expected) {
        assert_null(next.ptr);
        return;
    }
    assert_non_null(next.ptr);
    assert_int_equal(next.len, strlen(expected));
    assert_memory_equal(next.ptr, expected, next.len);
}

static void test_link_headers(void **state)
{
    (void)state;
    assert_next("<https://h/a?p=2>; rel=\"next\"", "https://h/a?p=2");
    assert_next("<a>; rel=next", "a");
    assert_next("<a>;rel=prev , <b,c;d>; title=\"x, <e>; rel=next\"; rel=\"last NEXT\"", "b,c;d");
    assert_next("<a>; rel=\"previous\", <b>; rel=\"next\", <c>; rel=\"next\"", "b");
    assert_next("<a>; rel=prev; rel=next", NULL); /* only the first counts */
    assert_next("<a>; rel=\"nextish\"", NULL);
    assert_next("<a>", NULL);
    assert_next("<>; rel=next", "");
    assert_next("<a; rel=next", NULL);
    assert_next("<a>; rel=\"next", "a");
    assert_next("<a>; title=\"\\\"", NULL);
    assert_next("junk <a>; rel=next", NULL);
    assert_next("", NULL);
    assert_next("<a>; rel = next", "a");
    assert_next("<a>; x; rel=next,,, <b>", "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes_are_found_where_they_stand),
        cmocka_unit_test(test_all_mistakes_are_told_at_once),
        cmocka_unit_test(test_the_shipped_file_is_clean_and_lint_leaves_it_alone),
        cmocka_unit_test(test_the_grammar_is_well_declared),
        cmocka_unit_test(test_link_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
