/* Connectors against the scripted server: values in paths, queries, forms and JSON bodies. */
#include "connector_fixture.h"
#include "format/jsonx.h"

struct body_case {
    const char *resource; /* of it all but the method and path */
    struct connector_param params[3];
    const char *body; /* of the request; or a part of the message */
    int code;
};

/* The first request of the log: its member, as text. */
static void logged(size_t i, const char *member, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf answer = {0};
    struct jsonx *log = NULL;
    struct error err = ERROR_INIT;

    strbuf_init(&answer, 0);
    server_ask("GET /_log HTTP/1.1\r\n\r\n", &answer);
    const char *body = strstr(answer.data, "\r\n\r\n") + 4;
    assert_int_equal(jsonx_parse(body, strlen(body), "log", &log, &err), 0);
    const char *text = jsonx_text(jsonx_get(jsonx_at(log, i), member));
    strbuf_clear(out);
    strbuf_adds(out, text ? text : "(none)");
    jsonx_free(log);
}

static void check_body(const struct body_case *k)
{
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf yaml = {0}, seen = {0};
    struct http_response response = {0};
    size_t nparams = 0;

    strbuf_init(&yaml, 0);
    strbuf_init(&seen, 0);
    strbuf_addf(&yaml, HEAD "resources:\n  r:\n    method: POST\n    path: /r\n    %s\n",
                k->resource);
    struct connector *c = open_yaml(yaml.data);
    server_script("{'/v1/r': [{'json': {}}]}");
    while (nparams < 3 && k->params[nparams].name)
        nparams++;
    int code = connector_call(c, "r", k->params, nparams, (struct span){0}, NULL, &response, &err);
    if (code != k->code)
        print_error("%s\n%d %s\n", k->resource, code, err.message);
    assert_int_equal(code, k->code);
    if (code == 0) {
        logged(0, "body", &seen);
        assert_string_equal(seen.data, k->body);
    } else if (!strstr(err.message, k->body)) {
        fail_msg("'%s' is not in '%s'", k->body, err.message);
    }
    http_response_release(&response);
    connector_close(c);
}

#define TIME(more)  "params: { t: { type: time" more " } }\n    body: { t: '${t}' }"
#define TYPED(type) "params: { v: " type " }\n    body: { v: '${v}', w: 'v=${v}' }"
#define SINCE                                                                                      \
    {                                                                                              \
        "t", "2026-11-22T05:15:00.123456+08:00"                                                    \
    }

static void test_parameters_have_types(void **state)
{
    (void)state;
    static const struct body_case cases[] = {
        {"body: { v: '${v}' }", {{"v", "7"}}, "{\"v\":\"7\"}", 0},
        {TYPED("number"), {{"v", "7.50"}}, "{\"v\":7.50,\"w\":\"v=7.50\"}", 0},
        {TYPED("number"),
         {{"v", "7,5"}},
         "parameter 'v': expected a number, found '7,5'",
         ERR_DATA},
        {TYPED("number"), {{"v", ""}}, "expected a number, found ''", ERR_DATA},
        {TYPED("number"), {{"v", "1}{"}}, "expected a number", ERR_DATA},
        {TYPED("boolean"), {{"v", "yes"}}, "{\"v\":true,\"w\":\"v=true\"}", 0},
        {TYPED("boolean"), {{"v", "maybe"}}, "expected true or false, found 'maybe'", ERR_DATA},
        {TYPED("json"),
         {{"v", "[1, {\"a\":2.10}]"}},
         "{\"v\":[1, {\"a\":2.10}],\"w\":\"v=[1, {\\\"a\\\":2.10}]\"}",
         0},
        {TYPED("json"), {{"v", "[1"}}, "parameter 'v' is not JSON", ERR_DATA},
        {TYPED("list"),
         {{"v", "a, \"b\" ,c"}},
         "{\"v\":[\"a\",\"\\\"b\\\"\",\"c\"],\"w\":\"v=a, \\\"b\\\" ,c\"}",
         0},
        {TYPED("list"), {{"v", ""}}, "{\"v\":[],\"w\":\"v=\"}", 0},
        {TYPED("numbers"), {{"v", "1,-2.5"}}, "{\"v\":[1,-2.5],\"w\":\"v=1,-2.5\"}", 0},
        {TYPED("numbers"), {{"v", "1,x"}}, "expected numbers with commas", ERR_DATA},
        /* without a value: left out, the default, or an error */
        {TYPED("number"), {{NULL, NULL}}, "{}", 0},
        {TYPED("{ type: number, default: 3 }"), {{"v", NULL}}, "{\"v\":3,\"w\":\"v=3\"}", 0},
        {TYPED("{ type: number, default: null }"), {{NULL, NULL}}, "{\"v\":null}", 0},
        {TYPED("{ required: true }"), {{NULL, NULL}}, "parameter 'v' has no value", ERR_SPEC},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_body(&cases[i]);
}

static void test_times_are_written_as_their_system_wants_them(void **state)
{
    (void)state;
    static const struct body_case cases[] = {
        {TIME(""), {SINCE}, "{\"t\":\"2026-11-21T21:15:00.123456+00:00\"}", 0},
        {TIME(", format: '%Y-%m-%d %H:%M:%S', timezone: Asia/Shanghai"),
         {SINCE},
         "{\"t\":\"2026-11-22 05:15:00\"}",
         0},
        {TIME(", format: '%Y%m%dT%H%M%S.%L%z', timezone: Asia/Kolkata"),
         {SINCE},
         "{\"t\":\"20261122T024500.123+0530\"}",
         0},
        {TIME(", format: epoch_ms"), {SINCE}, "{\"t\":1795295700123}", 0},
        {TIME(", format: epoch_s"), {{"t", "1969-12-31T23:59:59.5Z"}}, "{\"t\":-1}", 0},
        {TIME(""), {{"t", "2026-11-22 05:15:00"}}, "expected a time with its zone", ERR_DATA},
        {TIME(", timezone: Asia/Shanghai"),
         {{"t", "2026-11-22"}},
         "{\"t\":\"2026-11-22T00:00:00+08:00\"}",
         0},
        {TIME(""), {{"t", "yesterday"}}, "expected a time such as", ERR_DATA},
        /* the parts, as Tryton wants a time */
        {"params: { t: time }\n    body: { params: [{ __class__: datetime, year: '${t.year}',"
         " month: '${t.month}', minute: '${t.minute}', microsecond: '${t.microsecond}' }] }",
         {SINCE},
         "{\"params\":[{\"__class__\":\"datetime\",\"year\":2026,\"month\":11,\"minute\":15,"
         "\"microsecond\":123456}]}",
         0},
        {"params: { t: time }\n    body: ['${t.week}']", {SINCE}, "a time has no 'week'", ERR_SPEC},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_body(&cases[i]);
}

static void test_bodies_of_every_shape(void **state)
{
    (void)state;
    static const struct body_case cases[] = {
        {"form: { q: 'a b', n: '${n}', none: '${none}', biz: { list: [1, '${n}'] } }",
         {{"n", "中&="}},
         "q=a%20b&n=%E4%B8%AD%26%3D&biz=%7B%22list%22%3A%5B1%2C%22%E4%B8%AD%26%3D%22%5D%7D",
         0},
        {"json_text: [/parameters/1]\n    body: { parameters: [Form, { FormId: '${f}',"
         " Limit: 2000 }] }",
         {{"f", "a\"b"}},
         "{\"parameters\":[\"Form\",\"{\\\"FormId\\\":\\\"a\\\\\\\"b\\\",\\\"Limit\\\":2000}\"]}",
         0},
        {"fields: [FNumber, FQty]\n    body: { FieldKeys: '${fields}',"
         " text: '${fields.text}' }",
         {{NULL, NULL}},
         "{\"FieldKeys\":[\"FNumber\",\"FQty\"],\"text\":\"FNumber,FQty\"}",
         0},
        {"body: { query: 'query($after: String) { orders(after: $after) { id } }',"
         " variables: { after: '${after}' } }",
         {{"after", "c1"}},
         "{\"query\":\"query($after: String) { orders(after: $after) { id } }\","
         "\"variables\":{\"after\":\"c1\"}}",
         0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_body(&cases[i]);
}

static void test_a_form_says_that_it_is_one(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c =
        open_yaml(HEAD "resources: { r: { method: POST, path: /r, form: { a: 1 } } }\n");
    server_script("{'/v1/r': [{'json': {}}]}");
    struct http_response response = {0};
    assert_int_equal(connector_call(c, "r", NULL, 0, (struct span){0}, NULL, &response, &err), 0);
    assert_int_equal(server_count("'content-type': 'application/x-www-form-urlencoded'"), 1);
    http_response_release(&response);
    connector_close(c);
}

static void test_a_query_may_hold_json(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf seen = {0};
    const struct connector_param since = {"since", "2026-01-01\"],"};
    struct http_response response = {0};

    strbuf_init(&seen, 0);
    struct connector *c = open_yaml(
        HEAD "resources: { r: { path: /r, query: { filters: [[modified, '>=', '${since}']],"
             " limit: 20 } } }\n");
    server_script("{'/v1/r': [{'json': {}}]}");
    assert_int_equal(connector_call(c, "r", &since, 1, (struct span){0}, NULL, &response, &err), 0);
    logged(0, "target", &seen);
    assert_string_equal(seen.data,
                        "/v1/r?filters=%5B%5B%22modified%22%2C%22%3E%3D%22%2C%222026-01-01%5C%22%5D"
                        "%2C%22%5D%5D&limit=20");
    http_response_release(&response);
    connector_close(c);
}

/* ---- pages --------------------------------------------------------------------------------- */

struct position_case {
    const char *resource;
    const char *answers[4]; /* bodies, ' stands for " */
    const char *bodies[4];  /* of the requests, likewise */
};

static void check_positions(const struct position_case *k)
{
    AUTO_STRBUF struct strbuf text = {0}, seen = {0};
    struct connector_pages *p = NULL;
    struct connector_page page;
    struct error err = ERROR_INIT;
    bool end = false;

    strbuf_init(&text, 0);
    strbuf_init(&seen, 0);
    strbuf_addf(&text,
                HEAD "resources:\n  r:\n    method: POST\n    path: /r\n    repeatable: true\n"
                     "    records: /items\n    %s\n",
                k->resource);
    struct connector *c = open_yaml(text.data);
    strbuf_clear(&text);
    strbuf_adds(&text, "{'/v1/r': [");
    for (size_t i = 0; i < 4 && k->answers[i]; i++)
        strbuf_addf(&text, "%s{'json': %s}", i > 0 ? "," : "", k->answers[i]);
    strbuf_adds(&text, "]}");
    server_script(text.data);
    assert_int_equal(connector_pages_open(c, "r", NULL, 0, &p, &err), 0);
    while (!end) {
        int code = connector_pages_next(p, &page, &end, &err);
        if (code != 0)
            print_error("%s\n%s\n", k->resource, err.message);
        assert_int_equal(code, 0);
    }
    for (size_t i = 0; i < 4 && k->bodies[i]; i++) {
        strbuf_clear(&text);
        strbuf_adds(&text, k->bodies[i]);
        for (size_t j = 0; j < text.len; j++)
            text.data[j] = text.data[j] == '\'' ? '"' : text.data[j];
        logged(i, "body", &seen);
        assert_string_equal(seen.data, text.data);
    }
    connector_pages_close(p);
    connector_close(c);
}

static void test_the_position_goes_anywhere_in_a_body(void **state)
{
    (void)state;
    static const struct position_case cases[] = {
        /* JSON-RPC by position: domain, offset, limit, order, fields, context */
        {"fields: [id, code]\n    body: { method: search_read, params: [[], '${page.offset}',"
         " '${page.size}', [[id, ASC]], '${fields}', {}] }\n"
         "    paginate: { type: offset, size: 2, end: short }",
         {"{'items': [1, 2]}", "{'items': [3]}"},
         {"{'method':'search_read','params':[[],0,2,[['id','ASC']],['id','code'],{}]}",
          "{'method':'search_read','params':[[],2,2,[['id','ASC']],['id','code'],{}]}"}},
        {"form: { page_no: '${page.number}', page_size: '${page.size}' }\n"
         "    paginate: { type: page, size: 1 }",
         {"{'items': [1]}", "{'items': []}"},
         {"page_no=1&page_size=1", "page_no=2&page_size=1"}},
        /* GraphQL, its cursor in pageInfo */
        {"body: { query: q, variables: { after: '${page.cursor}', n: '${page.size}' } }\n"
         "    paginate: { type: cursor, size: 1, from: /page/end, more: /page/next }",
         {"{'items': [1], 'page': {'end': 'c', 'next': true}}",
          "{'items': [2], 'page': {'end': 'd', 'next': false}}"},
         {"{'query':'q','variables':{'n':1}}", "{'query':'q','variables':{'after':'c','n':1}}"}},
        /* a number stays one, as the search of an id wants it */
        {"body: [[id, '>', '${page.last_id}']]\n"
         "    paginate: { type: last_id, from: /id, first: 0 }",
         {"{'items': [{'id': 7}]}", "{'items': []}"},
         {"[['id','>',0]]", "[['id','>',7]]"}},
        {"body: { after: '${page.last_id}' }\n"
         "    paginate: { type: last_id, from: /id, first: '0' }",
         {"{'items': [{'id': '7'}]}", "{'items': []}"},
         {"{'after':'0'}", "{'after':'7'}"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_positions(&cases[i]);
}

/* ---- bodies that write records ----------------------------------------------------------- */

struct write_case {
    const char *resource, *records; /* 'quoted' */
    int64_t nrecords;
    const char *body;
};

static char *unquoted(struct strbuf *out, const char *text)
{
    strbuf_clear(out);
    strbuf_adds(out, text);
    for (size_t i = 0; i < out->len; i++)
        out->data[i] = out->data[i] == '\'' ? '"' : out->data[i];
    return out->data;
}

static void test_records_go_anywhere_in_a_body(void **state)
{
    (void)state;
    static const struct write_case cases[] = {
        {"    write: { batch: 9, records: /items }", "[{'a':1},{'a':2}]", 2,
         "{'items':[{'a':1},{'a':2}]}"},
        {"    write: { batch: 1 }", "[{'a':19.90}]", 1, "{'a':19.90}"},
        {"    body: { method: create, params: ['${records}', { company: 1 }] }\n"
         "    write: { batch: 9 }",
         "[{'a':1.50},{'a':'x'}]", 2,
         "{'method':'create','params':[[{'a':1.50},{'a':'x'}],{'company':1}]}"},
        {"    body: { params: [['${record.id}'], '${record.values}', '${record}'] }\n"
         "    write: { batch: 1 }",
         "[{'id':7,'values':{'name':'\\u738b'}}]", 1,
         "{'params':[[7],{'name':'\\u738b'},{'id':7,'values':{'name':'\\u738b'}}]}"},
        {"    body: { name: 'no. ${record.no} of ${record.of}', x: '${record.null}', y: "
         "'${record.missing}', t: '${record.t}' }\n"
         "    write: { batch: 1 }",
         "[{'no':'7\\n','of':8,'null':null,'t':true}]", 1,
         "{'name':'no. 7\\n of 8','x':null,'t':true}"},
        {"    body: { parameters: [SAL_SaleOrder, { Model: '${record}' }] }\n"
         "    json_text: [/parameters/1]\n"
         "    write: { batch: 1 }",
         "[{'FQty':'1.5'}]", 1,
         "{'parameters':['SAL_SaleOrder','{\\'Model\\':{\\'FQty\\':\\'1.5\\'}}']}"},
    };
    AUTO_STRBUF struct strbuf yaml = {0}, records = {0}, expected = {0}, body = {0};
    strbuf_init(&yaml, 0);
    strbuf_init(&records, 0);
    strbuf_init(&expected, 0);
    strbuf_init(&body, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = ERROR_INIT;
        strbuf_clear(&yaml);
        strbuf_clear(&body);
        strbuf_addf(&yaml, HEAD "resources:\n  w:\n    method: POST\n    path: /w\n%s\n",
                    cases[i].resource);
        struct connector *c = open_yaml(yaml.data);
        unquoted(&records, cases[i].records);
        int code = connector_write_body(c, "w", (struct span){records.data, records.len},
                                        cases[i].nrecords, &body, &err);
        assert_int_equal(code, 0);
        assert_string_equal(body.data, unquoted(&expected, cases[i].body));
        connector_close(c);
    }
}

static void refused(const char *resource, const char *message)
{
    AUTO_STRBUF struct strbuf yaml = {0};
    struct connector *c = NULL;
    struct error err = ERROR_INIT;

    strbuf_init(&yaml, 0);
    strbuf_addf(&yaml, HEAD "resources:\n  w:\n    method: POST\n    path: /w\n%s\n", resource);
    assert_int_not_equal(try_open(yaml.data, &c, &err), 0);
    if (!strstr(err.message, message))
        fail_msg("expected '%s', found '%s'", message, err.message);
    error_clear(&err);
}

static void test_bodies_that_would_lose_records_are_refused(void **state)
{
    (void)state;
    refused("    body: { a: 1 }\n    write: { batch: 1 }", "nothing of a record is in the body");
    refused("    body: { a: '${record.a}' }\n    write: { batch: 2 }",
            "${record} needs 'batch: 1'");
    refused("    body: { a: '${records}' }", "stands in the body of one with 'write'");
    refused("    query: { a: '${record.a}' }\n    body: '${records}'\n    write: { batch: 1 }",
            "stands in the body of one with 'write'");
    refused("    write: { batch: 2 }", "a batch of more than one needs 'records'");
    refused("    write: { batch: 2, records: /a/b }", "expected one level");
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_parameters_have_types),
        TEST(test_times_are_written_as_their_system_wants_them),
        TEST(test_bodies_of_every_shape),
        TEST(test_a_form_says_that_it_is_one),
        TEST(test_a_query_may_hold_json),
        TEST(test_the_position_goes_anywhere_in_a_body),
        TEST(test_records_go_anywhere_in_a_body),
        TEST(test_bodies_that_would_lose_records_are_refused),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
