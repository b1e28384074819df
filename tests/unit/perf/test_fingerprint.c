/* Statements by what they are: perf/fingerprint.h with the real libpg_query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "perf/fingerprint.h"
#include <stdlib.h>
#include <string.h>

static const char *fingerprint(const char *text)
{
    static char found[2][17];
    static int turn;
    struct error err = ERROR_INIT;
    turn = !turn;
    if (perf_fingerprint(text, found[turn], &err) != 0)
        fail_msg("%s: %s", text, err.message);
    return found[turn];
}

static void same(const char *a, const char *b)
{
    assert_string_equal(fingerprint(a), fingerprint(b));
}

static void lists_of_any_length_are_one_statement(void **state)
{
    (void)state;
    same("select * from t where id in ($1, $2)", "select * from t where id in ($1, $2, $3)");
    same("select * from t where id in ($1, $2)", "SELECT * FROM t WHERE id = ANY($1)");
    same("select a from t where b = 'x'", "select a  from t\n where b = $7 -- page");
    same("select 名称 from 菜品 where 门店 = '上海'", "select 名称 from 菜品 where 门店 = $1");
    assert_int_equal(strlen(fingerprint("select 1")), 16);
}

static void other_statements_differ(void **state)
{
    (void)state;
    assert_string_not_equal(fingerprint("select a from t where b = 1"),
                            fingerprint("select a from t where c = 1"));
    assert_string_not_equal(fingerprint("select a from t limit 1"),
                            fingerprint("select a from t limit 1 offset 1"));
}

static void what_does_not_parse_is_told(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct jsonx *tree = NULL;
    char hex[17] = "untouched";
    assert_int_equal(perf_fingerprint("selec 1", hex, &err), ERR_DATA);
    assert_non_null(strstr(err.message, "syntax error at or near \"selec\" at character 1"));
    assert_string_equal(hex, "untouched");
    assert_int_equal(perf_parse("select (", &tree, &err), ERR_DATA);
    assert_null(tree);
}

static void a_tree_is_json(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct jsonx *tree = NULL;
    assert_int_equal(perf_parse("select 1 from \"T\" limit 2", &tree, &err), 0);
    assert_string_equal(
        jsonx_text(jsonx_pointer(tree, "/stmts/0/stmt/SelectStmt/fromClause/0/RangeVar/relname")),
        "T");
    jsonx_free(tree);
}

/* 64 KiB of "1+1+1...": 32,767 levels, which must not overflow the stack. */
static void long_and_deep_texts_are_refused(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct jsonx *tree = NULL;
    char hex[17];
    char *text = malloc(FINGERPRINT_TEXT_MAX + 2);
    strcpy(text, "select 1");
    for (size_t n = strlen(text); n + 2 <= FINGERPRINT_TEXT_MAX; n += 2)
        strcpy(text + n, "+1");
    assert_int_equal(perf_fingerprint(text, hex, &err), 0);
    assert_int_equal(perf_parse(text, &tree, &err), ERR_LIMIT);
    memset(text, ' ', FINGERPRINT_TEXT_MAX + 1);
    text[FINGERPRINT_TEXT_MAX + 1] = '\0';
    assert_int_equal(perf_fingerprint(text, hex, &err), ERR_LIMIT);
    assert_int_equal(perf_parse(text, &tree, &err), ERR_LIMIT);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_any_length_are_one_statement),
        cmocka_unit_test(other_statements_differ),
        cmocka_unit_test(what_does_not_parse_is_told),
        cmocka_unit_test(a_tree_is_json),
        cmocka_unit_test(long_and_deep_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
