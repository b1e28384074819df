/* Patterns of sources: UTF-8 in any locale, literal prefixes, one group. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "pipeline/source/pattern.h"
#include <locale.h>
#include <string.h>

static bool matches(const char *pattern, const char *text)
{
    struct pattern p;
    struct error err = ERROR_INIT;
    assert_int_equal(pattern_compile(pattern, &p, &err), 0);
    bool found = pattern_matches(&p, span_of(text));
    pattern_release(&p);
    return found;
}

static void no_pattern_matches_nothing(void **state)
{
    struct pattern p;
    struct span group;
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(pattern_compile(NULL, &p, &err), 0);
    assert_false(pattern_matches(&p, SPAN("")));
    assert_false(pattern_capture(&p, SPAN("x"), &group));
    pattern_release(&p);
}

static void a_literal_prefix_is_compared(void **state)
{
    (void)state;
    assert_true(matches("^小计", "小计：一号店"));
    assert_true(matches("^小计", "小计"));
    assert_false(matches("^小计", "小"));
    assert_false(matches("^小计", " 小计"));
    assert_false(matches("^小计", ""));
    assert_true(matches("^", "anything"));
}

static void expressions_are_extended_and_unanchored(void **state)
{
    (void)state;
    assert_true(matches("合计|总计", "本页总计"));
    assert_true(matches("^(A|B)[0-9]{2}$", "B07"));
    assert_false(matches("^(A|B)[0-9]{2}$", "B7"));
    assert_true(matches("^a\\.b", "a.b"));
    assert_false(matches("^a\\.b", "axb"));
}

static bool is_refused(const char *text)
{
    struct pattern p;
    struct error err = ERROR_INIT;
    if (pattern_compile(text, &p, &err) == 0) {
        pattern_release(&p);
        return false;
    }
    assert_int_equal(err.code, ERR_SPEC);
    return strstr(err.message, "too large") != NULL;
}

static void what_would_grow_without_bounds_is_refused(void **state)
{
    (void)state;
    assert_true(is_refused("50+++++++++++++++++++++++++++++++++++++++"));
    assert_true(is_refused("(a{100}){100}{100}"));
    assert_true(is_refused("((((a+)+)+)+){200}{200}"));
    assert_true(is_refused("x{30000}"));
    assert_false(is_refused("^[0-9]{1,20}(-[0-9a-f]{4}){3}++"));
    assert_false(is_refused("[]+{9}]+[[:alpha:]+]{30}\\+\\{"));
    assert_true(matches("^[]x]{2}$", "]x"));
}

static void a_bracket_holds_characters_in_any_locale(void **state)
{
    static const char *const locales[] = {"C", "C.UTF-8"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(setlocale(LC_ALL, locales[i]));
        assert_true(matches("^时间[：:]x$", "时间：x"));
        assert_true(matches("^时间[：:]x$", "时间:x"));
        assert_false(matches("^时间[：:]x$", "时间\xEF"
                                             "x")); /* a byte of ： is not ： */
        assert_true(matches("^.$", "店"));
    }
    assert_string_equal(setlocale(LC_ALL, NULL), "C.UTF-8"); /* the process's own stays */
    setlocale(LC_ALL, "C");
}

static void the_group_is_captured_within_the_text(void **state)
{
    struct pattern p;
    struct span group = SPAN("unset");
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(pattern_compile("导出时间[：:] *([0-9-]+)", &p, &err), 0);
    struct span text = {"导出时间： 2026-11-22 后面", strlen("导出时间： 2026-11-22 后面")};
    assert_true(pattern_capture(&p, text, &group));
    assert_true(span_equal(group, SPAN("2026-11-22")));
    assert_true(group.ptr > text.ptr && group.ptr < text.ptr + text.len);
    /* What lies behind the span is not looked at. */
    text.len = strlen("导出时间： 2026");
    assert_true(pattern_capture(&p, text, &group));
    assert_true(span_equal(group, SPAN("2026")));
    assert_false(pattern_capture(&p, SPAN("导出时间："), &group));
    pattern_release(&p);
    assert_int_equal(pattern_compile("^no group", &p, &err), 0);
    assert_false(pattern_capture(&p, SPAN("no group"), &group));
    pattern_release(&p);
}

static void a_malformed_one_is_an_error_that_names_it(void **state)
{
    struct pattern p;
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(pattern_compile("a(b", &p, &err), ERR_SPEC);
    assert_non_null(strstr(err.message, "pattern 'a(b': "));
    assert_false(pattern_matches(&p, SPAN("ab")));
    pattern_release(&p); /* harmless */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_pattern_matches_nothing),
        cmocka_unit_test(a_literal_prefix_is_compared),
        cmocka_unit_test(expressions_are_extended_and_unanchored),
        cmocka_unit_test(what_would_grow_without_bounds_is_refused),
        cmocka_unit_test(a_bracket_holds_characters_in_any_locale),
        cmocka_unit_test(the_group_is_captured_within_the_text),
        cmocka_unit_test(a_malformed_one_is_an_error_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
