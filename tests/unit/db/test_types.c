/* tests/unit/db/test_types.c - type names, and what the encoders refuse; no server needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "db/types.h"

static struct error err;

static const char *printed(const char *text)
{
    static struct strbuf out;
    struct db_type type;
    error_clear(&err);
    strbuf_release(&out);
    strbuf_init(&out, 0);
    if (db_type_parse(text, &type, &err) != ERR_OK)
        return NULL;
    db_type_print(&type, &out);
    return out.data;
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(printed("numeric(12,2)"), "numeric(12,2)");
    assert_string_equal(printed(" NUMERIC ( 12 , 2 ) "), "numeric(12,2)");
    assert_string_equal(printed("decimal(5)"), "numeric(5,0)");
    assert_string_equal(printed("numeric"), "numeric");
    assert_string_equal(printed("varchar(20)"), "varchar(20)");
    assert_string_equal(printed("character  varying"), "text");
    assert_string_equal(printed("int"), "integer");
    assert_string_equal(printed("bool"), "boolean");
    assert_string_equal(printed("Double Precision"), "double precision");
    assert_string_equal(printed("timestamp with time zone"), "timestamptz");
}

static void assert_unknown(const char *text, const char *suggestion)
{
    assert_null(printed(text));
    assert_int_equal(err.code, ERR_SPEC);
    if (suggestion != NULL && strstr(err.hint, suggestion) == NULL)
        fail_msg("'%s': hint is '%s'", text, err.hint);
}

static void test_unknown_names_get_a_suggestion(void **state)
{
    (void)state;
    assert_unknown("numerc(12,2)", "did you mean 'numeric'");
    assert_unknown("string", "did you mean 'text'");
    assert_unknown("datetime", "did you mean 'timestamptz'");
    assert_unknown("json", "did you mean 'jsonb'");
    assert_unknown("geometry", "known are");
    assert_null(strstr(err.hint, "did you mean"));
    assert_unknown("", "known are");
    assert_unknown("a very long name of a type that does not exist at all in any database", NULL);
}

static void test_malformed_arguments(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "numeric(",     "numeric()",         "numeric(12,2",   "numeric(12 2)", "numeric(0,0)",
        "numeric(5,6)", "numeric(1001)",     "numeric(1,2,3)", "int(4)",        "text(5)",
        "varchar(0)",   "varchar(99999999)", "numeric(2,-1)",  "date(1)x",      "varchar(5) x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_unknown(wrong[i], NULL);
}

static void test_catalogue(void **state)
{
    (void)state;
    struct db_type t;
    assert_true(db_type_from_catalogue(1700, 4 + (12 << 16 | 2), &t));
    assert_true(db_type_equal(&t, &(struct db_type){DB_NUMERIC, 12, 2}));
    assert_true(db_type_from_catalogue(1700, 4 + (3 << 16 | (-2 & 0x7FF)), &t));
    assert_true(db_type_equal(&t, &(struct db_type){DB_NUMERIC, 3, -2}));
    assert_true(db_type_from_catalogue(1700, -1, &t));
    assert_true(db_type_equal(&t, &(struct db_type){DB_NUMERIC, 0, 0}));
    assert_true(db_type_from_catalogue(1043, 24, &t));
    assert_true(db_type_equal(&t, &(struct db_type){DB_TEXT, 20, 0}));
    assert_int_equal(db_type_oid(&t), 1043);
    assert_true(db_type_from_catalogue(1184, -1, &t));
    assert_int_equal(t.kind, DB_TIMESTAMPTZ);
    assert_false(db_type_is_number(&t));
    assert_false(db_type_from_catalogue(600, -1, &t)); /* point */
    assert_false(db_type_from_catalogue(114, -1, &t)); /* json */
    for (int kind = DB_BOOL; kind <= DB_BYTEA; kind++) {
        struct db_type from = {(enum db_kind)kind, 0, 0};
        assert_true(db_type_from_catalogue(db_type_oid(&from), -1, &t));
        assert_true(db_type_equal(&from, &t));
    }
}

/* ---- refusals ----------------------------------------------------------------------------- */

static void assert_refused(const char *type_name, struct span text, const char *reason)
{
    struct db_type type;
    AUTO_STRBUF struct strbuf out;
    strbuf_init(&out, 0);
    strbuf_adds(&out, "before");
    assert_int_equal(db_type_parse(type_name, &type, &err), ERR_OK);
    const char *got = db_encode(&type, text, &out);
    if (got == NULL || strcmp(got, reason) != 0)
        fail_msg("%s '%.*s': %s instead of %s", type_name, (int)text.len, text.ptr,
                 got != NULL ? got : "taken", reason);
    assert_int_equal(out.len, 6);
}

#define REFUSED(type, text, reason) assert_refused(type, SPAN(text), reason)

static void test_integers_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",    "-",   "+",   "1.0",
                                        "1e3", " 1",  "1 ",  "0x10",
                                        "１",  "--1", "12a", "99999999999999999999999a"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_refused("int", span_of(wrong[i]), "not a whole number");
    REFUSED("smallint", "32768", "out of the type's range");
    REFUSED("smallint", "-32769", "out of the type's range");
    REFUSED("int", "2147483648", "out of the type's range");
    REFUSED("int", "-2147483649", "out of the type's range");
    REFUSED("bigint", "9223372036854775808", "out of the type's range");
    REFUSED("bigint", "-9223372036854775809", "out of the type's range");
    REFUSED("bigint", "18446744073709551617", "out of the type's range");
    REFUSED("bigint", "1000000000000000000000000000000000001", "out of the type's range");
}

static void test_numerics_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",      ".",    "-",     "-.",    "NaN", "Infinity",
                                        "-inf",  "1,5",  "1.2.3", "1e",    "1e+", "e5",
                                        "1 000", "0x1F", "1e5.5", "12.3x", "¥5"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_refused("numeric", span_of(wrong[i]), "not a number");
    REFUSED("numeric(12,2)", "12.345", "more than 2 decimals");
    REFUSED("numeric(12,2)", "0.001", "more than 2 decimals");
    REFUSED("numeric(12,2)", "12345e-3", "more than 2 decimals");
    REFUSED("numeric(5)", "0.5", "has decimals");
    REFUSED("numeric(5,2)", "1000", "more digits than the type allows");
    REFUSED("numeric(5,2)", "1e3", "more digits than the type allows");
    REFUSED("numeric(2,2)", "1", "more digits than the type allows");
    REFUSED("numeric", "1e131072", "more digits than the type allows");
    REFUSED("numeric", "1e-16384", "more digits than the type allows");
    REFUSED("numeric", "1e99999999999999999999", "more digits than the type allows");
    REFUSED("numeric(40,30)", "0.0000000000000000000000000000001",
            "more decimals than the type has");
}

static void test_other_numbers_and_bools_refused(void **state)
{
    (void)state;
    REFUSED("float8", "nan", "not a number");
    REFUSED("float8", "inf", "not a number");
    REFUSED("float8", "0x1p3", "not a number");
    REFUSED("float8", "", "not a number");
    REFUSED("float8", "1.5.5", "not a number");
    REFUSED("float8", "1e400", "out of the type's range");
    REFUSED("float8", "1e-400", "out of the type's range");
    REFUSED("bool", "", "not true or false");
    REFUSED("bool", "2", "not true or false");
    REFUSED("bool", "tru", "not true or false");
    REFUSED("bool", "是", "not true or false");
}

static void test_times_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",         "2026-02-29", "2026-13-01",    "0000-01-01",  "infinity",
        "2026-1-1", "01/02/2026", "0044-03-15 BC", "10000-01-01", "2026-11-22x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_refused("date", span_of(wrong[i]), "not a date (YYYY-MM-DD)");
    REFUSED("date", "2026-11-22 05:15:00", "a date with a time of day");
    REFUSED("timestamptz", "2026-11-22 05:15:00", "timestamp without a time zone");
    REFUSED("timestamptz", "2026-11-22", "timestamp without a time zone");
    REFUSED("timestamptz", "now", "not a timestamp (YYYY-MM-DD hh:mm:ss+hh:mm)");
    REFUSED("timestamp", "2026-11-22 05:15:00+08",
            "a timestamp with a time zone where none is expected");
    REFUSED("timestamp", "2026-11-22 25:15:00", "not a timestamp (YYYY-MM-DD hh:mm:ss)");
    REFUSED("timestamp", "2026-11-22 23:59:60", "not a timestamp (YYYY-MM-DD hh:mm:ss)");
}

static void test_bytes_refused(void **state)
{
    (void)state;
    REFUSED("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "not a UUID");
    REFUSED("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111", "not a UUID");
    REFUSED("uuid", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "not a UUID");
    REFUSED("uuid", "a0eebc9-99c0b-4ef8-bb6d-6bb9bd380a11", "not a UUID");
    REFUSED("uuid", "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "not a UUID");
    REFUSED("uuid", "", "not a UUID");
    REFUSED("bytea", "00ff", "not bytes in hexadecimal (\\x...)");
    REFUSED("bytea", "\\x0", "not bytes in hexadecimal (\\x...)");
    REFUSED("bytea", "\\x0g", "not bytes in hexadecimal (\\x...)");
}

static void test_text_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"\xff",
                                        "a\x80",
                                        "\xc0\x80",
                                        "\xc1\xbf",
                                        "\xe0\x80\x80",
                                        "\xed\xa0\x80",
                                        "\xf0\x80\x80\x80",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xe4\xb8",
                                        "宫保鸡丁\xe4",
                                        "\xc2",
                                        "long ascii before the bad byte \xfe and after",
                                        "\xe4\xb8\x41",
                                        "\xf0\x9f\x98"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_refused("text", span_of(wrong[i]), "not valid UTF-8");
    REFUSED("text", "a\0b", "a NUL byte");
    REFUSED("text", "eight bytes and more\0then", "a NUL byte");
    REFUSED("text", "\0", "a NUL byte");
    REFUSED("varchar(3)", "宫保鸡丁", "longer than the type allows");
    REFUSED("varchar(3)", "abcd", "longer than the type allows");
    REFUSED("varchar(3)", "abc ", "longer than the type allows");
}

static void test_known_utf8_skips_only_that_check(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out;
    struct db_type text = {DB_TEXT, 0, 0};
    strbuf_init(&out, 0);
    assert_null(db_encode_flags(&text, SPAN("\xff"), DB_ENCODE_VALID_UTF8, &out));
    assert_int_equal(out.len, 5);
    assert_string_equal(db_encode_flags(&text, SPAN("a\0b"), DB_ENCODE_VALID_UTF8, &out),
                        "a NUL byte");
    assert_int_equal(out.len, 5);
}

static void test_json_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        " ",
                                        "{",
                                        "}",
                                        "[1,]",
                                        "{\"a\":1,}",
                                        "{a:1}",
                                        "'a'",
                                        "01",
                                        "1.",
                                        ".5",
                                        "+1",
                                        "1e",
                                        "-",
                                        "tru",
                                        "nul",
                                        "\"a",
                                        "\"\\x\"",
                                        "\"\\u12\"",
                                        "\"\\u12g4\"",
                                        "[1 2]",
                                        "{\"a\" 1}",
                                        "1 2",
                                        "\"tab\there\"",
                                        "NaN",
                                        "[1]]",
                                        "{\"a\":1}}",
                                        "\"\\",
                                        "\xe4\xb8\xad",
                                        "{,}",
                                        "[,]",
                                        "\"\\ud83d\\u12\""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_refused("jsonb", span_of(wrong[i]), "not valid JSON");
    REFUSED("jsonb", "\"a\\u0000b\"", "JSON with \\u0000");
    REFUSED("jsonb", "{\"\\u0000\":1}", "JSON with \\u0000");
    REFUSED("jsonb", "\"\\ud83d\"", "JSON with a lone surrogate");
    REFUSED("jsonb", "\"\\ude00\"", "JSON with a lone surrogate");
    REFUSED("jsonb", "\"\\ud83d\\u0041\"", "JSON with a lone surrogate");
    REFUSED("jsonb", "{\"a\":1,\"b\":2,\"a\":3}", "JSON with a duplicate key");
    REFUSED("jsonb", "{\"a\":1,\"\\u0061\":3}", "JSON with a duplicate key");
    REFUSED("jsonb", "[{\"x\":{\"k\":1,\"k\":1}}]", "JSON with a duplicate key");
    REFUSED("jsonb", "1e131072", "JSON with a number out of range");
    REFUSED("jsonb", "1e-16384", "JSON with a number out of range");
    REFUSED("jsonb", "\"\xff\"", "not valid UTF-8");
}

static void nest(struct strbuf *out, int depth)
{
    strbuf_clear(out);
    for (int i = 0; i < depth; i++)
        strbuf_addch(out, '[');
    for (int i = 0; i < depth; i++)
        strbuf_addch(out, ']');
}

static void test_json_depth_and_many_keys(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf text;
    AUTO_STRBUF struct strbuf out;
    struct db_type jsonb = {DB_JSONB, 0, 0};
    strbuf_init(&text, 0);
    strbuf_init(&out, 0);
    nest(&text, 64);
    assert_null(db_encode(&jsonb, (struct span){text.data, text.len}, &out));
    nest(&text, 65);
    assert_refused("jsonb", (struct span){text.data, text.len},
                   "JSON nested deeper than 64 levels");
    strbuf_clear(&text);
    for (int i = 0; i < 50000; i++)
        strbuf_addf(&text, "%s\"key %d\":{\"a\":%d}", i == 0 ? "{" : ",", i * 7 % 50000, i);
    strbuf_addch(&text, '}');
    assert_null(db_encode(&jsonb, (struct span){text.data, text.len}, &out));
    strbuf_truncate(&text, text.len - 1);
    strbuf_adds(&text, ",\"key 31\":0}");
    assert_refused("jsonb", (struct span){text.data, text.len}, "JSON with a duplicate key");
}

static void test_full_buffer_refuses(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out;
    struct db_type text = {DB_TEXT, 0, 0};
    char long_text[60];
    memset(long_text, 'x', sizeof long_text);
    strbuf_init(&out, 100);
    assert_null(db_encode(&text, (struct span){long_text, 60}, &out));
    assert_string_equal(db_encode(&text, (struct span){long_text, 60}, &out),
                        "the row is too large");
    assert_int_equal(out.len, 64);
    assert_true(out.overflow);
}

static void test_malformed_binary_is_an_error(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out;
    strbuf_init(&out, 0);
    struct db_type numeric = {DB_NUMERIC, 0, 0};
    struct db_type int4 = {DB_INT4, 0, 0};
    struct db_type jsonb = {DB_JSONB, 0, 0};
    assert_int_equal(db_decode(&int4, SPAN("123"), &out, &err), ERR_DATABASE);
    assert_int_equal(db_decode(&numeric, SPAN("\0\2\0\0\0\0\0\0\0\1"), &out, &err), ERR_DATABASE);
    assert_int_equal(db_decode(&numeric, SPAN("\0\1\0\0\0\0\0\0\xff\xff"), &out, &err),
                     ERR_DATABASE);
    assert_int_equal(db_decode(&numeric, SPAN("\0\0\0\0\x12\x34\0\0"), &out, &err), ERR_DATABASE);
    assert_int_equal(db_decode(&jsonb, SPAN("\2{}"), &out, &err), ERR_DATABASE);
    assert_int_equal(out.len, 0);
}

/* ---- the short way ---------------------------------------------------------------------- */

static uint32_t next_random(void)
{
    static uint64_t state = 20261122;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33);
}

/* Mostly numbers, some with what does not belong there, some at the edge of a type. */
static size_t random_text(char *out)
{
    static const char *const edges[] = {"32767",
                                        "32768",
                                        "-32768",
                                        "2147483647",
                                        "2147483648",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "999999999999999999",
                                        "1000000000000000000"};
    if (next_random() % 16 == 0)
        return (size_t)sprintf(out, "%s", edges[next_random() % (sizeof edges / sizeof *edges)]);
    static const char common[] = "0123456789000011", rare[] = "-+.eE \0a,\xE7\x89\x9B";
    size_t n = next_random() % 24;
    for (size_t i = 0; i < n; i++)
        out[i] = next_random() % 16 != 0 ? common[next_random() % 16]
                                         : rare[next_random() % (sizeof rare - 1)];
    if (n > 2 && next_random() % 2 == 0)
        out[1 + next_random() % (n - 1)] = '.';
    if (n > 0 && next_random() % 8 == 0)
        out[0] = '-';
    return n;
}

static void test_plain_is_what_the_long_way_gives(void **state)
{
    (void)state;
    static const struct db_type types[] = {
        {DB_INT2, 0, 0},     {DB_INT4, 0, 0},     {DB_INT8, 0, 0},     {DB_NUMERIC, 0, 0},
        {DB_NUMERIC, 12, 2}, {DB_NUMERIC, 5, 0},  {DB_NUMERIC, 2, 4},  {DB_NUMERIC, 30, 10},
        {DB_NUMERIC, 3, -2}, {DB_NUMERIC, 18, 8}, {DB_NUMERIC, 10, 9}, {DB_NUMERIC, 9, 4},
        {DB_TEXT, 0, 0},     {DB_TEXT, 7, 0},     {DB_DATE, 0, 0}};
    size_t plain = 0, refused = 0;
    for (int round = 0; round < 200000; round++) {
        char text[32];
        struct strbuf first, second;
        const struct db_type type = types[next_random() % (sizeof types / sizeof *types)];
        const struct span span = {text, random_text(text)};
        strbuf_init(&first, 0);
        strbuf_init(&second, 0);
        const char *reason = db_encode_flags(&type, span, DB_ENCODE_VALID_UTF8, &first);
        bool is_plain = db_encode_plain(&type, span, &second);
        if (is_plain && (reason != NULL || first.len != second.len ||
                         memcmp(first.data, second.data, first.len) != 0))
            fail_msg("round %d: '%.*s' in another form", round, (int)span.len, span.ptr);
        if (!is_plain)
            assert_int_equal(second.len, 0);
        plain += is_plain;
        refused += reason != NULL;
        strbuf_release(&first);
        strbuf_release(&second);
    }
    assert_true(plain > 20000 && refused > 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_unknown_names_get_a_suggestion),
        cmocka_unit_test(test_malformed_arguments),
        cmocka_unit_test(test_catalogue),
        cmocka_unit_test(test_integers_refused),
        cmocka_unit_test(test_numerics_refused),
        cmocka_unit_test(test_other_numbers_and_bools_refused),
        cmocka_unit_test(test_times_refused),
        cmocka_unit_test(test_bytes_refused),
        cmocka_unit_test(test_text_refused),
        cmocka_unit_test(test_known_utf8_skips_only_that_check),
        cmocka_unit_test(test_json_refused),
        cmocka_unit_test(test_json_depth_and_many_keys),
        cmocka_unit_test(test_full_buffer_refuses),
        cmocka_unit_test(test_malformed_binary_is_an_error),
        cmocka_unit_test(test_plain_is_what_the_long_way_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
