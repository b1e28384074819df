#include "scratch.h"

#include "core/strbuf.h"
#include "format/jpull.h"

static struct strbuf scratch;

static void find(const char *text, const char *pointer, enum jpull_kind kind, const char *wanted)
{
    struct error err = ERROR_INIT;
    struct jpull_value v;
    strbuf_clear(&scratch);
    assert_ok(jpull_find(span_of(text), pointer, &v, &scratch, &err));
    assert_int_equal(v.kind, kind);
    if (wanted) {
        assert_int_equal(v.text.len, strlen(wanted));
        assert_memory_equal(v.text.ptr, wanted, v.text.len);
    }
}

static void check_fails(const char *text, const char *part)
{
    struct error err = ERROR_INIT;
    assert_int_equal(jpull_check(span_of(text), true, &err), ERR_DATA);
    assert_in(err.message, part);
}

static void check_passes(const char *text)
{
    struct error err = ERROR_INIT;
    assert_ok(jpull_check(span_of(text), true, &err));
}

static void test_numbers_keep_their_text(void **state)
{
    (void)state;
    const char *text = "{\"a\": 19.90, \"b\":1E+2 ,\"c\":-0.00,\"d\":12345678901234567890123}";
    find(text, "/a", JPULL_NUMBER, "19.90");
    find(text, "/b", JPULL_NUMBER, "1E+2");
    find(text, "/c", JPULL_NUMBER, "-0.00");
    find(text, "/d", JPULL_NUMBER, "12345678901234567890123");
}

static void test_pointers(void **state)
{
    (void)state;
    const char *text =
        "{\"a/b\":1,\"m~n\":2,\"\":3,\"l\":[10,[20,{\"x\":true}]],\"o\":{\"\\u0061\":null},"
        "\"0\":\"zero\"}";
    find(text, "/a~1b", JPULL_NUMBER, "1");
    find(text, "/m~0n", JPULL_NUMBER, "2");
    find(text, "/", JPULL_NUMBER, "3");
    find(text, "/l/0", JPULL_NUMBER, "10");
    find(text, "/l/1/1/x", JPULL_TRUE, NULL);
    find(text, "/l/2", JPULL_NONE, NULL);
    find(text, "/l/00", JPULL_NONE, NULL);
    find(text, "/l/-", JPULL_NONE, NULL);
    find(text, "/l/x", JPULL_NONE, NULL);
    find(text, "/o/a", JPULL_NULL, NULL);
    find(text, "/0", JPULL_STRING, "zero");
    find(text, "/0/1", JPULL_NONE, NULL);
    find(text, "/o", JPULL_OBJECT, "{\"\\u0061\":null}");
    find(" 5 ", "", JPULL_NUMBER, "5");
    struct error err = ERROR_INIT;
    struct jpull_value v = {.kind = JPULL_TRUE};
    assert_int_equal(jpull_find(SPAN("{}"), "a", &v, &scratch, &err), ERR_SPEC);
    assert_int_equal(jpull_find(SPAN("{}"), "/~2", &v, &scratch, &err), ERR_SPEC);
    assert_int_equal(jpull_find(SPAN("{\"a\":"), "/a", &v, &scratch, &err), ERR_DATA);
    assert_int_equal(v.kind, JPULL_TRUE);
}

static void test_strings(void **state)
{
    (void)state;
    find("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u9910\\uD842\\uDFB7z\"", "", JPULL_STRING,
         "a\"\\/\b\f\n\r\t\xE9\xA4\x90\xF0\xA0\xAE\xB7z");
    find("\"\xE9\xA4\x90 plain, and longer than sixteen\"", "", JPULL_STRING,
         "\xE9\xA4\x90 plain, and longer than sixteen");
    static const char *const BAD[] = {"\"\\u0000\"",        "\"x\\uD842\"",     "\"\\uDFB7\"",
                                      "\"\\uD842\\u0041\"", "\"\xED\xA0\x80\"", "\"\xFF\""};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct error err = ERROR_INIT;
        struct jpull_value v;
        assert_int_equal(jpull_value_of(span_of(BAD[i]), &v, &scratch, &err), ERR_DATA);
        assert_in(err.message, "line 1, column ");
    }
}

static void test_check_is_strict(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "[1 2]",
        "{\"a\" 1}",
        "{a:1}",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "NaN",
        "Infinity",
        "tru",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "1 2",
        "[1]]",
        "'a'",
        "{\"a\":1 \"b\":2}",
        "[,1]",
        "{,}",
        "nul",
        "\"\x7f\\",
        "[1}",
        "// c\n1",
        "\xEF\xBB\xBF{}",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct error err = ERROR_INIT;
        if (jpull_check(span_of(BAD[i]), false, &err) != ERR_DATA)
            fail_msg("accepted: %s", BAD[i]);
    }
    check_passes(" {\"a\" : [ ] , \"b\":{}, \"c\":[true,false,null,-1.5e-3,\"\"] } \r\n");
    check_passes("0");
    check_fails("{\n \"a\": 1,\n  x}", "line 3, column 3: expected a key");
    check_fails("{\"a\":\xFF}", "line 1, column 6: byte FF is not UTF-8");
}

static void test_duplicate_keys(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    check_fails("{\"a\":1,\n\"a\":2}", "line 2, column 1: key 'a' is given twice");
    check_fails("{\"a\":1,\"\\u0061\":2}", "given twice");
    check_fails("[{\"x\":{\"k\":1,\"l\":2,\"k\":3}}]", "key 'k'");
    check_passes("{\"a\":{\"a\":1},\"b\":{\"a\":1},\"A\":1}");
    assert_ok(jpull_check(SPAN("{\"a\":1,\"a\":2}"), false, &err));
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    strbuf_addch(&text, '{');
    for (int i = 0; i < 20000; i++)
        strbuf_addf(&text, "\"k%d\":{\"k\":%d},", i, i);
    strbuf_adds(&text, "\"z\":0");
    size_t n = text.len;
    strbuf_addch(&text, '}');
    check_passes(text.data);
    strbuf_truncate(&text, n);
    strbuf_adds(&text, ",\"k77\\u0037\":1}");
    check_fails(text.data, "'k77\\u0037' is given twice");
}

static void test_depth(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct jpull_value v;
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    for (int i = 0; i < 64; i++)
        strbuf_addch(&text, '[');
    for (int i = 0; i < 64; i++)
        strbuf_addch(&text, ']');
    check_passes(text.data);
    strbuf_clear(&text);
    for (int i = 0; i < 1000000; i++)
        strbuf_adds(&text, i % 2 ? "[" : "{\"a\":");
    check_fails(text.data, "deeper than 64");
    assert_int_equal(jpull_find(span_of(text.data), "/b", &v, &scratch, &err), ERR_DATA);
    assert_in(err.message, "deeper than 64");
    const char *pointers[] = {"/a/0/a/0/a", "/b"};
    struct jpull_value values[2];
    struct jpull_projection *p = NULL;
    assert_ok(jpull_projection_new(pointers, 2, &p, &err));
    assert_int_equal(jpull_project(p, span_of(text.data), values, &scratch, &err), ERR_DATA);
    assert_in(err.message, "deeper than 64");
    jpull_projection_free(p);
}

static void test_storable(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    static const char *const BAD[] = {
        "{\"a\":[\"\\u0000\"]}", "{\"\\uD800\":1}",         "[1e20000]", "[1E-99999]",
        "{\"a\":1,\"a\":1}",     "[1e99999999999999999999]"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        assert_int_equal(jpull_check_storable(span_of(BAD[i]), &err), ERR_DATA);
    assert_ok(jpull_check_storable(SPAN("{\"a\":[\"\\uD842\\uDFB7\",1e+300,-1E-5,true]}"), &err));
    check_passes("[\"\\u0000\",\"\\uD800\",1e20000]"); /* well-formed all the same */
}

static void test_iterate(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct jpull_array a;
    struct span item, key;
    bool end = false;
    assert_ok(jpull_array_begin(SPAN(" [ {\"a\":[1,2]} ,3, \"x]\" ] "), &a, &err));
    static const char *const ITEMS[] = {"{\"a\":[1,2]}", "3", "\"x]\""};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(jpull_array_next(&a, &item, &end, &err));
        assert_false(end);
        assert_true(span_equal(item, span_of(ITEMS[i])));
    }
    for (int i = 0; i < 2; i++) {
        assert_ok(jpull_array_next(&a, &item, &end, &err));
        assert_true(end);
    }
    strbuf_clear(&scratch);
    assert_ok(jpull_object_begin(SPAN("{\"k\\n\":{},\"l\":7}"), &a, &err));
    assert_ok(jpull_object_next(&a, &key, &item, &end, &scratch, &err));
    assert_true(span_equal(key, SPAN("k\n")) && span_equal(item, SPAN("{}")));
    assert_ok(jpull_object_next(&a, &key, &item, &end, &scratch, &err));
    assert_true(span_equal(key, SPAN("l")) && span_equal(item, SPAN("7")) && !end);
    assert_ok(jpull_object_next(&a, &key, &item, &end, &scratch, &err));
    assert_true(end);
    assert_int_equal(jpull_array_begin(SPAN("{}"), &a, &err), ERR_DATA);
    assert_ok(jpull_array_begin(SPAN("[1,]"), &a, &err));
    assert_ok(jpull_array_next(&a, &item, &end, &err));
    assert_int_equal(jpull_array_next(&a, &item, &end, &err), ERR_DATA);
}

static void test_projection(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    const char *pointers[] = {"/id",   "/money/total", "/money", "/items/1/sku", "/none",  "",
                              "/name", "/money/total", "/a~1b",  "/items",       "/flag/x"};
    struct jpull_value v[11];
    struct jpull_projection *p = NULL;
    assert_ok(jpull_projection_new(pointers, 11, &p, &err));
    const char *record = "{\"skip\":{\"id\":9},\"name\":\"\\u9910\\u5385\",\"id\":\"A\\\"1\","
                         "\"flag\":true,\"items\":"
                         "[{\"sku\":\"p\"},{\"q\":2,\"sku\":\"s\\u0031\"}],\"money\":{\"cur\":"
                         "\"CNY\",\"total\":19.90},"
                         "\"a/b\":false}";
    for (int round = 0; round < 3; round++) { /* a projection is used again and again */
        assert_ok(jpull_project(p, span_of(record), v, &scratch, &err));
        assert_true(span_equal(v[0].text, SPAN("A\"1")));
        assert_true(span_equal(v[1].text, SPAN("19.90")) && v[1].kind == JPULL_NUMBER);
        assert_true(span_equal(v[2].text, SPAN("{\"cur\":\"CNY\",\"total\":19.90}")));
        assert_true(span_equal(v[3].text, SPAN("s1")));
        assert_int_equal(v[4].kind, JPULL_NONE);
        assert_true(span_equal(v[5].text, span_of(record)) && v[5].kind == JPULL_OBJECT);
        assert_true(span_equal(v[6].text, SPAN("\xE9\xA4\x90\xE5\x8E\x85")));
        assert_true(span_equal(v[7].text, SPAN("19.90")));
        assert_int_equal(v[8].kind, JPULL_FALSE);
        assert_int_equal(v[9].kind, JPULL_ARRAY);
        assert_int_equal(v[10].kind, JPULL_NONE);
    }
    assert_ok(jpull_project(p, SPAN("[1]"), v, &scratch, &err));
    assert_int_equal(v[0].kind, JPULL_NONE);
    assert_int_equal(v[5].kind, JPULL_ARRAY);
    assert_int_equal(jpull_project(p, SPAN("{\"id\":1,\"id\":2}"), v, &scratch, &err), ERR_DATA);
    assert_in(err.message, "line 1, column 9: key 'id' is given twice");
    assert_int_equal(
        jpull_project(p, SPAN("{\"money\":{\"total\":1,\"tot\\u0061l\":2}}"), v, &scratch, &err),
        ERR_DATA);
    assert_int_equal(jpull_project(p, SPAN("{\"id\":\"\\u0000\"}"), v, &scratch, &err), ERR_DATA);
    assert_ok(jpull_project(p, SPAN("{\"other\":1,\"other\":2}"), v, &scratch, &err));
    assert_int_equal(jpull_project(p, SPAN("{\"id\":1} x"), v, &scratch, &err), ERR_DATA);
    jpull_projection_free(p);
    const char *bad[] = {"id"};
    assert_int_equal(jpull_projection_new(bad, 1, &p, &err), ERR_SPEC);
}

static int setup(void **state)
{
    (void)state;
    strbuf_init(&scratch, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    strbuf_release(&scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_keep_their_text),
        cmocka_unit_test(test_pointers),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_check_is_strict),
        cmocka_unit_test(test_duplicate_keys),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_storable),
        cmocka_unit_test(test_iterate),
        cmocka_unit_test(test_projection),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
