/* Unit tests of lib/platform/dev/crontab.c. */
#include "platform/dev/crontab.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BLOCK "# BEGIN diner\n15 5 * * * diner run nightly\n# END diner\n"
#define LINES "15 5 * * * diner run nightly\n"

static void expect(const char *text, const char *lines, const char *expected)
{
    struct strbuf out AUTO_STRBUF;
    struct error err = ERROR_INIT;
    strbuf_init(&out, 0);
    assert_int_equal(crontab_replace(text, lines, &out, &err), 0);
    assert_string_equal(out.data, expected);
}

static void test_added_at_the_end(void **state)
{
    (void)state;
    expect("", LINES, BLOCK);
    expect("MAILTO=ops\n0 1 * * * backup\n", LINES, "MAILTO=ops\n0 1 * * * backup\n" BLOCK);
    expect("0 1 * * * backup", LINES, "0 1 * * * backup\n" BLOCK); /* no newline at the end */
}

static void test_replaced_where_it_stood(void **state)
{
    (void)state;
    expect("a\n" BLOCK "z\n", "new\n", "a\n# BEGIN diner\nnew\n# END diner\nz\n");
    expect("a\n" BLOCK "z\n", LINES, "a\n" BLOCK "z\n"); /* the same again changes nothing */
}

static void test_taken_out(void **state)
{
    (void)state;
    expect("a\n\n" BLOCK "z\n", NULL, "a\n\nz\n");
    expect("a\r\n# BEGIN diner \r\nx\n# END diner", NULL, "a\r\n");
    expect("a\n# BEGIN diner's own notes\n", NULL, "a\n# BEGIN diner's own notes\n");
    expect(BLOCK, NULL, "");
}

static void test_broken_markers_are_refused(void **state)
{
    static const char *const broken[] = {
        "a\n# BEGIN diner\nx\n",           "# END diner\n",
        "# END diner\nx\n# BEGIN diner\n", BLOCK BLOCK,
        "# BEGIN diner\n" BLOCK,           BLOCK "# END diner\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct strbuf out AUTO_STRBUF;
        struct error err = ERROR_INIT;
        strbuf_init(&out, 0);
        assert_int_equal(crontab_replace(broken[i], LINES, &out, &err), ERR_CONFLICT);
        assert_int_equal(out.len, 0);
        assert_non_null(strstr(err.hint, "crontab -e"));
    }
}

static void test_percent_is_escaped(void **state)
{
    struct strbuf out AUTO_STRBUF;
    (void)state;
    strbuf_init(&out, 0);
    crontab_escape("date +%F '%'", &out);
    assert_string_equal(out.data, "date +\\%F '\\%'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_added_at_the_end),
        cmocka_unit_test(test_replaced_where_it_stood),
        cmocka_unit_test(test_taken_out),
        cmocka_unit_test(test_broken_markers_are_refused),
        cmocka_unit_test(test_percent_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
