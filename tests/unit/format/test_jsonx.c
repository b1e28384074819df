#include "scratch.h"

#include "format/jpull.h"
#include "format/jsonx.h"

static struct jsonx *parse(const char *text)
{
    struct error err = ERROR_INIT;
    struct jsonx *doc = NULL;
    assert_ok(jsonx_parse(text, strlen(text), "t.json", &doc, &err));
    return doc;
}

static void test_reading(void **state)
{
    (void)state;
    struct jsonx *doc = parse("{\"z\":1,\"a\":[true,null,\"\\u9910\",2.5],\"m/n\":{\"~\":-7}}");
    int64_t i = 0;
    double d = 0;
    assert_int_equal(jsonx_kind_of(doc), JSONX_OBJECT);
    assert_int_equal(jsonx_count(doc), 3);
    assert_string_equal(jsonx_key(doc, 0), "z");
    assert_string_equal(jsonx_key(doc, 2), "m/n");
    assert_null(jsonx_key(doc, 3));
    assert_int_equal(jsonx_kind_of(jsonx_value(doc, 1)), JSONX_ARRAY);
    const struct jsonx *list = jsonx_get(doc, "a");
    assert_int_equal(jsonx_count(list), 4);
    assert_true(jsonx_is_true(jsonx_at(list, 0)));
    assert_int_equal(jsonx_kind_of(jsonx_at(list, 1)), JSONX_NULL);
    assert_string_equal(jsonx_text(jsonx_at(list, 2)), "\xE9\xA4\x90");
    assert_true(jsonx_real(jsonx_at(list, 3), &d) && d == 2.5);
    assert_false(jsonx_integer(jsonx_at(list, 3), &i));
    assert_true(jsonx_integer(jsonx_pointer(doc, "/m~1n/~0"), &i));
    assert_int_equal(i, -7);
    assert_ptr_equal(jsonx_pointer(doc, ""), doc);
    assert_ptr_equal(jsonx_pointer(doc, "/a/3"), jsonx_at(list, 3));
    assert_null(jsonx_pointer(doc, "/a/4"));
    assert_null(jsonx_pointer(doc, "/a/03"));
    assert_null(jsonx_pointer(doc, "z"));
    jsonx_free(doc);
}

static void test_absent_nodes(void **state)
{
    (void)state;
    int64_t i = 5;
    assert_null(jsonx_get(NULL, "a"));
    assert_null(jsonx_at(NULL, 0));
    assert_null(jsonx_pointer(NULL, "/a"));
    assert_int_equal(jsonx_kind_of(NULL), JSONX_NONE);
    assert_int_equal(jsonx_count(NULL), 0);
    assert_null(jsonx_key(NULL, 0));
    assert_null(jsonx_text(NULL));
    assert_false(jsonx_integer(NULL, &i));
    assert_int_equal(i, 5);
    assert_false(jsonx_is_true(NULL));
    jsonx_free(NULL);
}

static void test_refusals(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct jsonx *doc = NULL;
    static const struct {
        const char *text, *part;
    } CASES[] = {
        {"{\"a\":1,\n \"a\":2}", "t.json: line 2, column 2: key 'a' is given twice"},
        {"{\"a\":1,}", "t.json: line 1, column 8"},
        {"[\"\\u0000\"]", "t.json: line 1"},
        {"[99999999999999999999]", "t.json: line 1"},
        {"", "t.json: line 1, column 1"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_int_equal(jsonx_parse(CASES[i].text, strlen(CASES[i].text), "t.json", &doc, &err),
                         ERR_DATA);
        assert_in(err.message, CASES[i].part);
    }
    char *large = mem_alloc(((size_t)16 << 20) + 1);
    memset(large, ' ', ((size_t)16 << 20) + 1);
    assert_int_equal(jsonx_parse(large, ((size_t)16 << 20) + 1, "t.json", &doc, &err), ERR_LIMIT);
    free(large);
    assert_null(doc);
}

static void test_dump_keeps_order(void **state)
{
    (void)state;
    const char *text = "{\"z\":19.9,\"r\":70.0,\"a\":[true,false,null,\"q\\\"\\\\\\n\\u0001\",-3],"
                       "\"e\":{},\"l\":[]}";
    struct jsonx *doc = parse(text);
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    assert_true(jsonx_dump(doc, &out));
    assert_string_equal(out.data, text);
    jsonx_free(doc);
}

static void test_writer(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    struct jwriter w;
    for (int pretty = 0; pretty < 2; pretty++) {
        strbuf_clear(&out);
        if (pretty)
            jwriter_init_pretty(&w, &out);
        else
            jwriter_init(&w, &out);
        jwriter_object(&w);
        jwriter_kstring(&w, "s", "x");
        jwriter_kstring(&w, "n", NULL);
        jwriter_key(&w, "l");
        jwriter_array(&w);
        jwriter_int(&w, INT64_MIN);
        jwriter_double(&w, 0.1);
        jwriter_object(&w);
        jwriter_end(&w);
        jwriter_array(&w);
        jwriter_bool(&w, true);
        jwriter_end(&w);
        jwriter_end(&w);
        jwriter_kraw(&w, "money", "19.90");
        jwriter_kbool(&w, "b", false);
        jwriter_kint(&w, "i", 7);
        jwriter_end(&w);
        if (pretty)
            assert_string_equal(
                out.data, "{\n  \"s\": \"x\",\n  \"n\": null,\n  \"l\": [\n    "
                          "-9223372036854775808,\n    0.1,\n    {},\n    [\n      true\n    ]\n  ],"
                          "\n  \"money\": 19.90,\n  \"b\": false,\n  \"i\": 7\n}");
        else
            assert_string_equal(out.data, "{\"s\":\"x\",\"n\":null,\"l\":[-9223372036854775808,0.1,"
                                          "{},[true]],\"money\":19.90,\"b\":false,\"i\":7}");
    }
}

static void test_doubles_read_back(void **state)
{
    (void)state;
    static const double VALUES[] = {0.1, 1.0 / 3, 1e300, -2.5e-10, 5e-324, 123456789.123456789};
    for (size_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]); i++) {
        AUTO_STRBUF struct strbuf out = {0};
        strbuf_init(&out, 0);
        struct jwriter w;
        jwriter_init(&w, &out);
        jwriter_double(&w, VALUES[i]);
        assert_true(strtod(out.data, NULL) == VALUES[i]);
    }
}

static void test_strings_are_always_valid(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    assert_true(jsonx_quote(&out, SPAN("a\xFF\xE9\xA4\x90\xED\xA0\x80\"\0")));
    assert_string_equal(out.data, "\"a\xEF\xBF\xBD\xE9\xA4\x90\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                                  "\\\"\\u0000\"");
    assert_ok(jpull_check((struct span){out.data, out.len}, true, &err));
}

static void test_too_deep_is_an_overflow(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    struct jwriter w;
    jwriter_init(&w, &out);
    for (int i = 0; i < 100; i++)
        jwriter_array(&w);
    for (int i = 0; i < 101; i++)
        jwriter_end(&w);
    assert_true(out.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_absent_nodes),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_dump_keeps_order),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_doubles_read_back),
        cmocka_unit_test(test_strings_are_always_valid),
        cmocka_unit_test(test_too_deep_is_an_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
