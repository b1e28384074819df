/* Exact decimals and money. */
#include "core/decimal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct decimal dec(const char *text)
{
    struct decimal d = {0};
    if (!decimal_parse(text, strlen(text), &d)) {
        fail_msg("'%s' was refused", text);
    }
    return d;
}

static void assert_decimal(const struct decimal *d, const char *expected)
{
    char text[DECIMAL_TEXT_MAX];
    size_t len = decimal_print(d, text);
    assert_string_equal(text, expected);
    assert_int_equal(len, strlen(expected));
}

static void test_parse_and_print(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"0", "0"},
        {"-0.00", "0.00"},
        {"+5", "5"},
        {".5", "0.5"},
        {"5.", "5"},
        {"-12.30", "-12.30"},
        {"007", "7"},
        {"1e3", "1000"},
        {"1.5E-2", "0.015"},
        {"1.50e1", "15.0"},
        {"0e99999", "0"},
        {"9999999999999999999", "9999999999999999999"},
        {"99999999999999999999", "99999999999999999999"},
        {"-99999999999999999999999999999999999999", "-99999999999999999999999999999999999999"},
        {"0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001"},
        {"1e37", "10000000000000000000000000000000000000"},
        {"000000000000000000000000000000000000000000000000001.5", "1.5"},
        {"1.50000000000000000000000000000000000000000000000000",
         "1.5000000000000000000000000000000000000"},
        {"10e-39", "0.00000000000000000000000000000000000001"},
        {"12345678901234567890.000", "12345678901234567890.000"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct decimal d = dec(pairs[i][0]);
        assert_decimal(&d, pairs[i][1]);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      ".",
                                      "-.",
                                      "e5",
                                      "1e",
                                      "1e+",
                                      "1e5.0",
                                      "1.2.3",
                                      "12a",
                                      " 1",
                                      "1 ",
                                      "1,000",
                                      "--1",
                                      "+-1",
                                      "NaN",
                                      "Inf",
                                      "0x10",
                                      "1e38",
                                      "1e-39",
                                      "１",
                                      "1e99999",
                                      "1_000",
                                      "100000000000000000000000000000000000000",
                                      "0.000000000000000000000000000000000000001",
                                      "1..",
                                      ".e1",
                                      "¥5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct decimal d = {.coefficient = 77, .scale = 7};
        if (decimal_parse(bad[i], strlen(bad[i]), &d)) {
            fail_msg("'%s' was accepted", bad[i]);
        }
        assert_true(d.coefficient == 77 && d.scale == 7); /* untouched on failure */
    }
    struct decimal d;
    assert_false(decimal_parse("1\0002", 3, &d));
    assert_true(decimal_parse("12.5xyz", 4, &d)); /* by length, not by NUL */
    assert_decimal(&d, "12.5");
}

static void test_compare(void **state)
{
    (void)state;
    static const char *const ascending[] = {"-99999999999999999999999999999999999999",
                                            "-1.5",
                                            "-0.00000000000000000000000000000000000001",
                                            "0",
                                            "0.00000000000000000000000000000000000001",
                                            "0.1",
                                            "1.49",
                                            "1.5",
                                            "20",
                                            "99999999999999999999999999999999999999"};
    size_t count = sizeof ascending / sizeof ascending[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            struct decimal a = dec(ascending[i]);
            struct decimal b = dec(ascending[k]);
            assert_int_equal(decimal_compare(&a, &b), (i > k) - (i < k));
        }
    }
    struct decimal a = dec("1.50");
    struct decimal b = dec("1.5");
    assert_int_equal(decimal_compare(&a, &b), 0);
    a = dec("0.000");
    assert_true(decimal_is_zero(&a));
    assert_false(decimal_is_zero(&b));
}

static void test_arithmetic(void **state)
{
    (void)state;
    struct decimal a = dec("0.1");
    struct decimal b = dec("0.20");
    struct decimal r;
    assert_true(decimal_add(&a, &b, &r));
    assert_decimal(&r, "0.30");
    assert_true(decimal_subtract(&a, &b, &r));
    assert_decimal(&r, "-0.10");
    assert_true(decimal_multiply(&a, &b, &r));
    assert_decimal(&r, "0.020");
    a = dec("99999999999999999999999999999999999999");
    b = dec("1");
    assert_false(decimal_add(&a, &b, &r));
    assert_true(decimal_subtract(&a, &b, &r));
    assert_false(decimal_multiply(&a, &a, &r));
    a = dec("-1e37");
    b = dec("0.00"); /* zeros that count for nothing do not overflow */
    assert_true(decimal_add(&a, &b, &r));
    assert_decimal(&r, "-10000000000000000000000000000000000000");
    a = dec("1e36");
    b = dec("1.5000000000");
    assert_true(decimal_multiply(&a, &b, &r));
    assert_decimal(&r, "1500000000000000000000000000000000000");
}

static void test_rescale_never_rounds(void **state)
{
    (void)state;
    struct decimal a = dec("12.300");
    struct decimal r;
    assert_true(decimal_rescale(&a, 1, &r));
    assert_decimal(&r, "12.3");
    assert_true(decimal_rescale(&a, 5, &r));
    assert_decimal(&r, "12.30000");
    assert_false(decimal_rescale(&a, 0, &r));
    assert_false(decimal_rescale(&a, 39, &r));
    assert_false(decimal_rescale(&a, -1, &r));
    assert_false(decimal_rescale(&a, 38, &r)); /* 12.3 with 38 places has 40 digits */
}

static void assert_money(const char *text, const char *currency, int64_t minor, const char *printed)
{
    struct money m;
    char out[DECIMAL_TEXT_MAX];
    assert_true(money_parse(text, strlen(text), currency, &m));
    assert_int_equal(m.amount_minor, minor);
    assert_string_equal(m.currency, currency);
    money_print(&m, out);
    assert_string_equal(out, printed);
}

static void test_money(void **state)
{
    (void)state;
    struct money m;
    assert_money("12.30", "CNY", 1230, "12.30");
    assert_money("-0.05", "CNY", -5, "-0.05");
    assert_money("19.9", "CNY", 1990, "19.90");
    assert_money("12.3000", "CNY", 1230, "12.30"); /* zeros lose nothing */
    assert_money("500", "JPY", 500, "500");
    assert_money("1.234", "KWD", 1234, "1.234");
    assert_money("92233720368547758.07", "CNY", INT64_MAX, "92233720368547758.07");
    assert_false(money_parse("92233720368547758.08", 20, "CNY", &m));
    assert_false(money_parse("12.345", 6, "CNY", &m));
    assert_false(money_parse("1.5", 3, "JPY", &m));
    assert_false(money_parse("1", 1, "rmb", &m));
    assert_false(money_parse("1", 1, "F C", &m));
    assert_false(money_parse("1", 1, "YUAN", &m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_and_print),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_rescale_never_rounds),
        cmocka_unit_test(test_money),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
