/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "format/jsonx.h"
#include "schema/config.h"
#include "schema/describe.h"

struct column {
    const char *type;
    bool optional;
};
static const struct field column_fields[] = {
    {"type", FIELD_STRING, offsetof(struct column, type), "what it is", .flags = FIELD_REQUIRED},
    {"optional", FIELD_BOOL, offsetof(struct column, optional), "may lack", .def = "no"},
    {0},
};
static const struct field_set column_set = {.name = "column",
                                            .help = "A column",
                                            .struct_size = sizeof(struct column),
                                            .fields = column_fields,
                                            .scalar = "type"};
struct other {
    int64_t n;
};
static const struct field other_fields[] = {
    {"n", FIELD_INT, 0, "how many", .def = "5", .min = 1, .max = 9}, {0}};
/* Another set of the same name must not take its place. */
static const struct field_set other_set = {.name = "column",
                                           .struct_size = sizeof(struct other),
                                           .fields = other_fields,
                                           .open_keys = "options of the vendor"};
struct sample {
    int mode;
    struct field_objects columns;
    struct other *other;
    struct field_strings keys;
    const char *hidden;
};
static const char *const modes[] = {"append", "merge", NULL};
static const struct field sample_fields[] = {
    {"mode", FIELD_CHOICE, offsetof(struct sample, mode), "how: a|b", .choices = modes,
     .def = "merge", .since = "0.1"},
    {"columns", FIELD_OBJECT_MAP, offsetof(struct sample, columns), "the columns",
     .sub = &column_set, .flags = FIELD_REQUIRED},
    {"other", FIELD_OBJECT_PTR, offsetof(struct sample, other), "the rest", .sub = &other_set},
    {"keys", FIELD_STRINGS, offsetof(struct sample, keys), "the keys", .env = "SAMPLE_KEYS"},
    {"hidden", FIELD_STRING, offsetof(struct sample, hidden), NULL, .flags = FIELD_HIDDEN},
    {0},
};
static const struct field_set sample_set = {.name = "sample",
                                            .help = "A sample",
                                            .struct_size = sizeof(struct sample),
                                            .fields = sample_fields};

static const char *text_at(const struct jsonx *doc, const char *pointer)
{
    const char *text = jsonx_text(jsonx_pointer(doc, pointer));

    if (!text)
        fail_msg("nothing at %s", pointer);
    return text;
}

static void test_json_schema(void **state)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    struct jsonx *doc;
    int64_t n;

    (void)state;
    strbuf_init(&out, 0);
    describe_json_schema(&sample_set, "sample file", &out);
    if (jsonx_parse(out.data, out.len, "schema", &doc, &err) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(text_at(doc, "/$schema"), "https://json-schema.org/draft/2020-12/schema");
    assert_string_equal(text_at(doc, "/title"), "sample file");
    assert_string_equal(text_at(doc, "/$ref"), "#/$defs/sample");
    assert_string_equal(text_at(doc, "/$defs/sample/required/0"), "columns");
    assert_int_equal(jsonx_count(jsonx_pointer(doc, "/$defs/sample/required")), 1);
    assert_string_equal(text_at(doc, "/$defs/sample/properties/mode/anyOf/0/enum/1"), "merge");
    assert_string_equal(text_at(doc, "/$defs/sample/properties/mode/default"), "merge");
    assert_string_equal(text_at(doc, "/$defs/sample/properties/columns/additionalProperties/$ref"),
                        "#/$defs/column");
    assert_string_equal(text_at(doc, "/$defs/sample/properties/other/$ref"), "#/$defs/column_2");
    assert_null(jsonx_pointer(doc, "/$defs/sample/properties/hidden"));
    /* A column may be just its type. */
    assert_string_equal(text_at(doc, "/$defs/column/anyOf/0/type/0"), "string");
    assert_string_equal(text_at(doc, "/$defs/column/anyOf/1/required/0"), "type");
    assert_int_equal(
        jsonx_kind_of(jsonx_pointer(doc, "/$defs/column/anyOf/1/additionalProperties")),
        JSONX_BOOL);
    assert_false(jsonx_is_true(jsonx_pointer(doc, "/$defs/column/anyOf/1/additionalProperties")));
    assert_true(jsonx_is_true(jsonx_pointer(doc, "/$defs/column_2/additionalProperties")));
    assert_true(
        jsonx_integer(jsonx_pointer(doc, "/$defs/column_2/properties/n/anyOf/0/maximum"), &n));
    assert_int_equal(n, 9);
    assert_true(jsonx_integer(jsonx_pointer(doc, "/$defs/column_2/properties/n/default"), &n));
    jsonx_free(doc);
}

static void test_settings_schema(void **state)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    struct jsonx *doc;

    (void)state;
    strbuf_init(&out, 0);
    describe_json_schema(&settings_fields, "diner.yaml", &out);
    if (jsonx_parse(out.data, out.len, "schema", &doc, &err) != 0)
        fail_msg("%s", err.message);
    /* Both "http.timeout: 5s" and "http: {timeout: 5s}". */
    assert_string_equal(text_at(doc, "/$defs/diner.yaml/properties/http.timeout/default"), "5s");
    assert_string_equal(
        text_at(doc, "/$defs/diner.yaml/properties/http/properties/timeout/default"), "5s");
    assert_string_equal(text_at(doc, "/$defs/connection/anyOf/1/required/0"), "dsn");
    jsonx_free(doc);
}

static void test_markdown(void **state)
{
    AUTO_STRBUF struct strbuf out = {0};

    (void)state;
    strbuf_init(&out, 0);
    describe_markdown(&sample_set, 2, &out);
    assert_string_equal(
        out.data, "## sample\n\nA sample.\n\n| key | type | default | what |\n|---|---|---|---|\n"
                  "| `mode` | one of append\\|merge | `merge` | how: a\\|b; since 0.1 |\n"
                  "| `columns` | map of name to column | **required** | the columns |\n"
                  "| `other` | column |  | the rest |\n"
                  "| `keys` | list of text |  | the keys (`SAMPLE_KEYS`) |\n\n"
                  "### column\n\nA column.\n\nA bare value stands for `type`.\n\n"
                  "| key | type | default | what |\n|---|---|---|---|\n"
                  "| `type` | text | **required** | what it is |\n"
                  "| `optional` | true or false | `no` | may lack |\n\n"
                  "### column_2\n\n| key | type | default | what |\n|---|---|---|---|\n"
                  "| `n` | integer | `5` | how many |\n\nOther keys: options of the vendor.\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_schema),
        cmocka_unit_test(test_settings_schema),
        cmocka_unit_test(test_markdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
