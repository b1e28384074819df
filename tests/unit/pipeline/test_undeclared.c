/* What a record has and no column is read from. */
#include "pipeline/undeclared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct column_spec columns[] = {
    {.name = "code", .from = "code"},
    {.name = "total", .from = "/money/total"},
    {.name = "odd", .from = "/a~1b/c"},
};

static void expect(int contract, const char *record, const char *more)
{
    struct stream_spec s = {.columns = columns, .ncolumns = 3};
    struct error err = ERROR_INIT;
    struct span found;
    s.schema.undeclared = contract;
    struct undeclared *u = undeclared_new(&s);
    for (int again = 0; again < 2; again++) { /* nothing of a record stays for the next */
        assert_int_equal(undeclared_members(u, span_of(record), &found, &err), 0);
        assert_int_equal(found.len, strlen(more));
        assert_memory_equal(found.ptr, more, found.len);
    }
    undeclared_free(u);
}

static void members_that_no_column_reads(void **state)
{
    (void)state;
    expect(CONTRACT_EVOLVE, "{\"code\":1,\"money\":{\"total\":1,\"vat\":2},\"a/b\":3}", "");
    expect(CONTRACT_EVOLVE, "{\"code\":1,\"x\":1.10,\"y\":[1, {}],\"z\":null}",
           "{\"x\":1.10,\"y\":[1, {}]}");
    expect(CONTRACT_FREEZE, "{\"z\":null}", "{\"z\":null}");
    expect(CONTRACT_EVOLVE, "{\"a~1b\":1,\"\\u0061\":2,\"\\u0063ode\":3}", "{\"a~1b\":1,\"a\":2}");
    expect(CONTRACT_EVOLVE, "[1,2]", "");
    expect(CONTRACT_EVOLVE, "{}", "");
}

static void fields_of_a_row(void **state)
{
    (void)state;
    struct stream_spec s = {.columns = columns, .ncolumns = 3};
    struct undeclared *u = undeclared_new(&s);
    undeclared_begin(u);
    assert_int_equal(undeclared_end(u).len, 0);
    undeclared_begin(u);
    undeclared_add(u, "a\"b", SPAN("x\ny"));
    struct span more = undeclared_end(u);
    assert_int_equal(more.len, strlen("{\"a\\\"b\":\"x\\ny\"}"));
    assert_memory_equal(more.ptr, "{\"a\\\"b\":\"x\\ny\"}", more.len);
    undeclared_free(u);
}

static void names_are_told_and_bounded(void **state)
{
    (void)state;
    struct stream_spec s = {.name = "s"};
    struct error err = ERROR_INIT;
    struct arena *arena = arena_new();
    AUTO_STRBUF struct strbuf many = {0};
    assert_int_equal(undeclared_freeze(&s, "f:1", SPAN("{\"a\":1,\"b\":null}"), &err), ERR_CHECK);
    assert_string_equal(err.message, "f:1: stream 's' has no column for 'a', 'b' of the source");
    assert_string_equal(undeclared_reason(arena, SPAN("{\"a\":1}")),
                        "no column is declared for 'a'");
    strbuf_init(&many, 1 << 20);
    strbuf_addch(&many, '{');
    for (int i = 0; i < 1000; i++)
        strbuf_addf(&many, "%s\"name%d\":1", i > 0 ? "," : "", i);
    strbuf_addch(&many, '}');
    const char *reason = undeclared_reason(arena, (struct span){many.data, many.len});
    assert_true(strlen(reason) < 600);
    assert_non_null(strstr(reason, ", ..."));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_that_no_column_reads),
        cmocka_unit_test(fields_of_a_row),
        cmocka_unit_test(names_are_told_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
