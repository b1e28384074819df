/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "schema/interpolate.h"
#include <stdlib.h>
#include <string.h>

static enum interpolate_result resolve(void *self, const char *name, const char **ret_value)
{
    (void)self;
    if (strcmp(name, "params.day") == 0) {
        *ret_value = "2024-02-29";
        return INTERPOLATE_VALUE;
    }
    if (strcmp(name, "tricky") == 0) {
        *ret_value = "${HOME} $${x}";
        return INTERPOLATE_VALUE;
    }
    return strcmp(name, "staged") == 0 ? INTERPOLATE_LATER : INTERPOLATE_UNDEFINED;
}

static void expect(const char *text, const char *result)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;

    strbuf_init(&out, 0);
    strbuf_adds(&out, "<");
    assert_int_equal(interpolate_text(text, resolve, NULL, &out, &err), 0);
    assert_int_equal(out.data[0], '<');
    assert_string_equal(out.data + 1, result);
}

static void expect_error(const char *text, const char *part)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;

    strbuf_init(&out, 0);
    strbuf_adds(&out, "kept");
    assert_int_equal(interpolate_text(text, resolve, NULL, &out, &err), ERR_SPEC);
    if (!strstr(err.message, part))
        fail_msg("'%s' lacks '%s'", err.message, part);
    assert_string_equal(out.data, "kept");
}

static void test_values(void **state)
{
    (void)state;
    setenv("T_HOST", "db.local", 1);
    setenv("T_EMPTY", "", 1);
    unsetenv("T_NONE");
    expect("plain $5 and $ and {x}", "plain $5 and $ and {x}");
    expect("", "");
    expect("http://${T_HOST}:80/${T_HOST}", "http://db.local:80/db.local");
    expect("day ${params.day}", "day 2024-02-29");
    expect("[${T_EMPTY}]", "[]");
    /* What was put in is not looked at again. */
    expect("${tricky}", "${HOME} $${x}");
}

static void test_defaults(void **state)
{
    (void)state;
    setenv("T_HOST", "db.local", 1);
    setenv("T_EMPTY", "", 1);
    expect("${T_NONE:-localhost}", "localhost");
    expect("${T_EMPTY:-localhost}", "localhost");
    expect("${T_HOST:-localhost}", "db.local");
    expect("${T_NONE:-}", "");
    expect("${T_NONE:-a:-b {c}", "a:-b {c");
    expect("${params.month:-all}", "all");
}

static void test_escapes_and_later(void **state)
{
    (void)state;
    expect("$${T_HOST}", "${T_HOST}");
    expect("$$${T_HOST}", "$${T_HOST}");
    expect("a $${ b", "a ${ b");
    expect("select * from ${staged}", "select * from ${staged}");
    /* The later pass must still see the escape. */
    expect("${staged} $${x} ${params.day}", "${staged} $${x} 2024-02-29");
    expect("${staged:-x}", "${staged:-x}");
}

/* The first of two passes: names and escapes are for the second, and so is what was put in. */
static void test_a_tree_keeps_what_the_second_pass_needs(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct diagnostics d;
    struct error err = ERROR_INIT;
    struct ynode *root;
    static const char yaml[] = "[ '$${a} ${T_HOST} ${b}', '${T_TRICKY}', '$$${c}', '$$' ]";
    static const char *const kept[] = {"$${a} db.local ${b}", "x $${y} $$${z}", "$$${c}", "$$"};
    static const char *const plain[] = {"${a} db.local ${b}", "x ${y} $${z}", "$${c}", "$$"};
    setenv("T_HOST", "db.local", 1);
    setenv("T_TRICKY", "x ${y} $${z}", 1);
    diagnostics_init(&d, arena);
    assert_int_equal(ynode_parse(yaml, strlen(yaml), "t", arena, &root, &err), 0);
    interpolate_tree(root, NULL, NULL, arena, &d);
    assert_int_equal(d.errors, 0);
    for (size_t i = 0; i < root->count; i++) {
        assert_string_equal(root->items[i]->text, kept[i]);
        assert_string_equal(interpolate_plain(root->items[i]->text, arena), plain[i]);
    }
    arena_free(arena);
}

static void test_errors(void **state)
{
    (void)state;
    expect_error("${T_NONE}", "'T_NONE' is not set");
    expect_error("${unknown}", "'${unknown}' is not defined");
    expect_error("${", "expected a name");
    expect_error("${}", "expected a name");
    expect_error("${1x}", "expected a name");
    expect_error("${T_HOST", "'}' is missing");
    expect_error("${T_NONE:-x", "'}' is missing");
    expect_error("${x%y}", "unexpected character");
    expect_error("${T_NONE:-${T_HOST}}", "cannot hold another");
}

static void collect(void *self, const char *name, size_t offset)
{
    strbuf_addf(self, "%s@%zu ", name, offset);
}

static void test_names(void **state)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;

    (void)state;
    strbuf_init(&out, 0);
    assert_int_equal(interpolate_names("a ${b.c} $${d} ${E:-f}", collect, &out, &err), 0);
    assert_string_equal(out.data, "b.c@2 E@15 ");
    assert_int_equal(interpolate_names("${", collect, &out, &err), ERR_SPEC);
}

static void test_tree(void **state)
{
    static const char text[] = "url: http://${T_HOST}/\n"
                               "${T_HOST}: key\n"
                               "list: [\"${T_HOST}\", '${T_NONE}', \"${staged}\"]\n";
    struct arena *arena = arena_new();
    struct diagnostics d;
    struct error err = ERROR_INIT;
    struct ynode *root;

    (void)state;
    setenv("T_HOST", "a: [b", 1);
    diagnostics_init(&d, arena);
    assert_int_equal(ynode_parse(text, sizeof(text) - 1, "x.yaml", arena, &root, &err), 0);
    interpolate_tree(root, NULL, NULL, arena, &d);
    assert_string_equal(ynode_get(root, "url")->text, "http://a: [b/");
    /* Keys stay as they are: a value cannot change the structure. */
    assert_non_null(ynode_get(root, "${T_HOST}"));
    assert_string_equal(ynode_get(root, "list")->items[0]->text, "a: [b");
    assert_string_equal(ynode_get(root, "list")->items[2]->text, "${staged}");
    assert_int_equal(d.errors, 1);
    assert_int_equal(d.items[0].line, 3);
    assert_int_equal(d.items[0].column, 21);
    assert_int_equal(diagnostics_result(&d, ERR_SPEC, &err), ERR_SPEC);
    assert_string_equal(err.message, "x.yaml:3:21: environment variable 'T_NONE' is not set");
    assert_non_null(strstr(err.hint, "${T_NONE:-value}"));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_escapes_and_later),
        cmocka_unit_test(test_a_tree_keeps_what_the_second_pass_needs),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
