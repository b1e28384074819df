/* Tapes: what is recorded of a connector's answers, and playing it without a network. */
#include "connector_fixture.h"
#include "core/fileio.h"
#include "core/secret.h"
#include "format/jpull.h"
#include "net/connector_internal.h"
#include <sys/stat.h>

static char tape_path[] = "/tmp/diner-tape-XXXXXX";

static const char YAML[] =
    "version: 1\nbase_url: ${TAPE_URL}/v1\n"
    "auth: { type: bearer, token: env:TAPE_TOKEN }\n"
    "personal: [phone, name]\n"
    "resources:\n"
    "  members:\n    path: /members\n    query: { app: '${TAPE_APP}', phone: '${phone}' }\n"
    "    records: /items\n    paginate: { type: next_url, from: /next }\n"
    "  search:\n    method: POST\n    path: /search\n    repeatable: true\n"
    "    body: { phone: '${phone}', q: '${q}' }\n    records: /items\n"
    "  text:\n    path: /text\n";

static const char SCRIPT[] =
    "{'/v1/members': [{'body': '{\\'items\\': [{\\'id\\': 1, \\'phone\\': \\'13800138000\\',"
    " \\'name\\': \\'张三丰\\', \\'amount\\': 19.90, \\'note\\': \\'tok-abcdef-123\\'}],"
    " \\'next\\': \\'http://${host}/v1/members?p=2\\'}',"
    " 'headers': {'Set-Cookie': 'sid=1', 'X-Total': '2'}}],"
    " '/v1/members?p=2': [{'body': '{\\'items\\': [{\\'id\\': 2, \\'phone\\': \\'13800138000\\',"
    " \\'name\\': {\\'first\\': \\'Ann\\', \\'n\\': 42}}], \\'next\\': null}'}],"
    " '/v1/search': [{'body': '{\\'items\\': [7]}'}],"
    " '/v1/text': [{'body': 'not JSON tok-abcdef-123'}]}";

static struct connector_pool *pool_open(struct tape *tape)
{
    static struct connector_builtin builtins[] = {{"crm", YAML}, {NULL, NULL}};
    struct connector_pool *pool = connector_pool_new(config, builtins);

    connector_pool_tape(pool, tape);
    return pool;
}

static struct connector *crm(struct connector_pool *pool)
{
    struct connector *c = NULL, *again = NULL;
    struct error err = ERROR_INIT;

    int code = connector_pool_get(pool, "crm", &c, &err);
    if (code != 0)
        print_error("%s\n", err.message);
    assert_int_equal(code, 0);
    assert_int_equal(connector_pool_get(pool, "crm", &again, &err), 0);
    assert_ptr_equal(c, again); /* one connector a name, for the whole run */
    return c;
}

static int members(struct connector *c, struct strbuf *out, struct error *err)
{
    struct connector_pages *p = NULL;
    struct connector_page page = {0};
    bool end = false;
    int code = connector_pages_open(c, "members", NULL, 0, &p, err);

    strbuf_clear(out);
    while (code == 0 && (code = connector_pages_next(p, &page, &end, err)) == 0 && !end)
        strbuf_add(out, page.records.ptr, page.records.len);
    connector_pages_close(p);
    return code;
}

static int ask(struct connector *c, const char *resource, const char *phone, const char *q,
               struct strbuf *out, struct error *err)
{
    const struct connector_param params[] = {{"phone", phone}, {"q", q}};
    struct http_response r = {0};
    size_t n = strcmp(resource, "search") == 0 ? 2 : 0;

    int code = connector_call(c, resource, params, n, (struct span){0}, NULL, &r, err);
    strbuf_clear(out);
    if (code == 0)
        strbuf_add(out, r.body.data, r.body.len);
    http_response_release(&r);
    return code;
}

/* Records the whole script; the text of the file. */
static void record(struct strbuf *text)
{
    struct tape *tape = NULL;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf out = {0};
    struct stat st;

    strbuf_init(&out, 0);
    setenv("TAPE_URL", server.base, 1);
    setenv("TAPE_TOKEN", "tok-abcdef-123", 1);
    setenv("TAPE_APP", "app/4711", 1);
    server_script(SCRIPT);
    assert_int_equal(tape_open(tape_path, TAPE_RECORD, &tape, &err), 0);
    struct connector_pool *pool = pool_open(tape);
    struct connector *c = crm(pool);
    assert_int_equal(members(c, &out, &err), 0);
    assert_non_null(strstr(out.data, "13800138000")); /* who records gets what is there */
    assert_int_equal(ask(c, "search", "13800138000", "x", &out, &err), 0);
    assert_int_equal(ask(c, "text", NULL, NULL, &out, &err), 0);
    connector_pool_free(pool);
    assert_int_equal(tape_count(tape), 4);
    assert_int_equal(tape_save(tape, &err), 0);
    tape_free(tape);
    assert_int_equal(stat(tape_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    strbuf_clear(text);
    assert_int_equal(file_read(tape_path, 1 << 20, text, &err), 0);
    unsetenv("TAPE_URL");
    unsetenv("TAPE_TOKEN");
    unsetenv("TAPE_APP");
}

/* The value at a pointer of a document. */
static void value_at(const struct strbuf *text, const char *pointer, struct strbuf *out)
{
    struct jpull_value v;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf scratch = {0};

    strbuf_init(&scratch, 0);
    assert_int_equal(jpull_find((struct span){text->data, text->len}, pointer, &v, &scratch, &err),
                     0);
    strbuf_clear(out);
    strbuf_add(out, v.text.ptr, v.text.len);
}

static void test_a_tape_keeps_no_secret_and_no_person(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf text = {0}, one = {0}, two = {0};

    strbuf_init(&text, 0);
    strbuf_init(&one, 0);
    strbuf_init(&two, 0);
    record(&text);
    static const char *const gone[] = {"13800138000", "张",       "三",   "Ann",   "tok-abcdef",
                                       "sid=1",       "app/4711", "4711", "Bearer"};
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        assert_null(strstr(text.data, gone[i]));
    value_at(&text, "/exchanges/0/url", &one);
    assert_string_equal(one.data, "/members?app=TAPE_APP");
    value_at(&text, "/exchanges/0/body/items/0/amount", &one);
    assert_string_equal(one.data, "19.90"); /* with its text */
    value_at(&text, "/exchanges/0/body/items/0/note", &one);
    assert_string_equal(one.data, "****");
    value_at(&text, "/exchanges/0/headers/x-total", &one);
    assert_string_equal(one.data, "2");
    /* the shape stays, and what was equal */
    value_at(&text, "/exchanges/0/body/items/0/phone", &one);
    assert_int_equal(strlen(one.data), 11);
    assert_int_equal(strspn(one.data, "0123456789"), 11);
    value_at(&text, "/exchanges/1/body/items/0/phone", &two);
    assert_string_equal(one.data, two.data);
    value_at(&text, "/exchanges/0/body/items/0/name", &two);
    assert_int_equal(strlen(two.data), 9);
    value_at(&text, "/exchanges/2/request", &two); /* whoever is asked for */
    assert_non_null(strstr(two.data, "\"phone\":\"****\""));
    value_at(&text, "/exchanges/3/text", &two);
    assert_string_equal(two.data, "not JSON ****");
}

static void loosely(const struct disguise *d, const char *text, struct strbuf *out)
{
    strbuf_clear(out);
    disguise_loose(d, span_of(text), out);
}

static void test_what_looks_personal_in_a_text(void **state)
{
    (void)state;
    static const char *const names[] = {"phone"};
    struct disguise d = {.salt = "0123456789abcde", .names = names, .nnames = 1};
    static const char *const kept[] = {"order 138123456789, 1381234567, a13812345678, 12812345678",
                                       "110105199003071230001 11010517900307123X",
                                       "/l?page=2&id=42#x", ""};
    AUTO_STRBUF struct strbuf one = {0}, two = {0};

    strbuf_init(&one, 0);
    strbuf_init(&two, 0);
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        loosely(&d, kept[i], &one);
        assert_string_equal(one.data, kept[i]);
    }
    loosely(&d, "call +8613812345678 (13812345678), card 11010519900307123X", &one);
    assert_null(strstr(one.data, "12345678"));
    assert_null(strstr(one.data, "110105"));
    assert_int_equal(one.len, strlen("call +8613812345678 (13812345678), card 11010519900307123X"));
    loosely(&d, one.data, &two); /* it still looks like that */
    assert_string_not_equal(one.data, two.data);
    loosely(&d, "http://h/m/13812345678?phone=4711&tel=13812345678", &one);
    assert_null(strstr(one.data, "12345678"));
    assert_null(strstr(one.data, "4711"));
    d.is_masked = true;
    loosely(&d, "http://h/m/13812345678?phone=4711&tel=13812345678", &one);
    assert_string_equal(one.data, "http://h/m/****?phone=****&tel=****");
    d.is_exact = true;
    loosely(&d, "http://h/m/13812345678?phone=4711", &one);
    assert_string_equal(one.data, "http://h/m/13812345678?phone=4711");
}

static void test_a_tape_answers_without_network_or_credentials(void **state)
{
    (void)state;
    struct tape *tape = NULL;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf text = {0}, out = {0}, phone = {0};

    strbuf_init(&text, 0);
    strbuf_init(&out, 0);
    strbuf_init(&phone, 0);
    record(&text);
    value_at(&text, "/exchanges/0/body/items/0/phone", &phone);
    server_script("{}"); /* whoever asks is told 404 */
    assert_int_equal(tape_open(tape_path, TAPE_REPLAY, &tape, &err), 0);
    struct connector_pool *pool = pool_open(tape);
    struct connector *c = crm(pool);
    assert_int_equal(members(c, &out, &err), 0);
    assert_non_null(strstr(out.data, phone.data));
    assert_non_null(strstr(out.data, "19.90"));
    /* with what the tape gave, the next is asked */
    assert_int_equal(ask(c, "search", phone.data, "x", &out, &err), 0);
    assert_int_equal(tape_unused(tape), 1);
    assert_int_equal(ask(c, "search", phone.data, "x", &out, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "has no answer to POST /search of connector 'crm'"));
    assert_non_null(strstr(err.hint, "the next that it has is to GET /text of 'crm'"));
    assert_int_equal(ask(c, "text", NULL, NULL, &out, &err), 0);
    assert_string_equal(out.data, "not JSON ****");
    assert_int_equal(members(c, &out, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "no answer to GET /members?app=TAPE_APP of"));
    assert_non_null(strstr(err.hint, "all of its 4 answers were used"));
    assert_int_equal(server_count("'method'"), 0);
    connector_pool_free(pool);
    tape_free(tape);
}

static void test_another_body_is_another_request(void **state)
{
    (void)state;
    struct tape *tape = NULL;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf text = {0}, out = {0};

    strbuf_init(&text, 0);
    strbuf_init(&out, 0);
    record(&text);
    assert_int_equal(tape_open(tape_path, TAPE_REPLAY, &tape, &err), 0);
    struct connector_pool *pool = pool_open(tape);
    assert_int_equal(ask(crm(pool), "search", "1", "other", &out, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "with this body: {\"phone\":\"****\",\"q\":\"other\"}"));
    connector_pool_free(pool);
    tape_free(tape);
}

static void test_files_that_are_no_tapes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
        int code;
    } cases[] = {
        {"{", "expected a key", ERR_DATA},
        {"{\"version\": 2}", "it is no tape of version 1", ERR_DATA},
        {"{\"version\": 1, \"connectors\": {}, \"exchanges\": {}}", "expected an array", ERR_DATA},
        {"{\"version\": 1, \"connectors\": {}, \"exchanges\": [{\"url\": \"/\"}]}",
         "exchange 1: expected connector, method, url and status", ERR_DATA},
        {"{\"version\": 1, \"connectors\": {}, \"exchanges\": [{\"usl\": \"/\"}]}",
         "unknown member 'usl'", ERR_DATA},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tape *tape = NULL;
        struct error err = ERROR_INIT;
        FILE *file = fopen(tape_path, "w");
        assert_non_null(file);
        assert_true(fputs(cases[i].text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(tape_open(tape_path, TAPE_REPLAY, &tape, &err), cases[i].code);
        if (!strstr(err.message, cases[i].problem))
            fail_msg("'%s' is not in '%s'", cases[i].problem, err.message);
        assert_non_null(strstr(err.message, tape_path));
    }
    struct tape *tape = NULL;
    struct error err = ERROR_INIT;
    assert_int_equal(tape_open("/nonexistent/tape", TAPE_REPLAY, &tape, &err), ERR_NOT_FOUND);
}

static int tapes_start(void **state)
{
    int fd = mkstemp(tape_path);

    if (fd < 0)
        return -1;
    close(fd);
    return group_start(state);
}

static int tapes_stop(void **state)
{
    unlink(tape_path);
    return group_stop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tape_keeps_no_secret_and_no_person),
        cmocka_unit_test(test_a_tape_answers_without_network_or_credentials),
        cmocka_unit_test(test_what_looks_personal_in_a_text),
        cmocka_unit_test(test_another_body_is_another_request),
        cmocka_unit_test(test_files_that_are_no_tapes),
    };
    return cmocka_run_group_tests(tests, tapes_start, tapes_stop);
}
