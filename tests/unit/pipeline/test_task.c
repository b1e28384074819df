/* Messages that ask for a pipeline. */
#include "pipeline/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void is_read(void **state)
{
    struct arena *arena = arena_new();
    struct error err = ERROR_INIT;
    struct task t;
    (void)state;
    assert_int_equal(
        task_parse(SPAN("{\"pipeline\": \"a-b_1\", \"params\": {\"d\": \"2026-11-21\", "
                        "\"n\": -7, \"on\": true}}"),
                   arena, &t, &err),
        0);
    assert_string_equal(t.pipeline, "a-b_1");
    assert_int_equal(t.params.count, 3);
    assert_string_equal(t.params.items[0], "d=2026-11-21");
    assert_string_equal(t.params.items[1], "n=-7");
    assert_string_equal(t.params.items[2], "on=true");
    assert_int_equal(task_parse(SPAN("{\"pipeline\": \"p\"}"), arena, &t, &err), 0);
    assert_int_equal(t.params.count, 0);
    arena_free(arena);
}

static void is_none(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"pipeline\": 1}",
        "{\"pipeline\": \"\"}",
        "{\"pipeline\": \"/tmp/evil.yaml\"}",
        "{\"pipeline\": \"a.yaml\"}",
        "{\"pipeline\": \"..\"}",
        "{\"pipeline\": \"p\", \"args\": []}",
        "{\"pipeline\": \"p\", \"pipeline\": \"q\"}",
        "{\"pipeline\": \"p\", \"params\": []}",
        "{\"pipeline\": \"p\", \"params\": {\"x\": 1.5}}",
        "{\"pipeline\": \"p\", \"params\": {\"x\": {}}}",
        "{\"pipeline\": \"p\", \"params\": {\"x=y\": \"\"}}",
        "{\"pipeline\": \"p\", \"params\": {\"x\": null}}",
        "{\"pipeline\": \"p\"} x",
    };
    struct arena *arena = arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct error err = ERROR_INIT;
        struct task t;
        assert_int_equal(task_parse(span_of(bodies[i]), arena, &t, &err), ERR_DATA);
    }
    arena_free(arena);
}

static void is_printed_as_it_is_read(void **state)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    const char *params[] = {"a=1", "b=x=\"y\""};
    struct task t = {.pipeline = "nightly", .params = {.items = params, .count = 2}};
    struct arena *arena = arena_new();
    (void)state;
    strbuf_init(&out, 0);
    assert_int_equal(task_print(&t, &out, &err), 0);
    struct task read;
    assert_int_equal(task_parse((struct span){out.data, out.len}, arena, &read, &err), 0);
    assert_string_equal(read.pipeline, "nightly");
    assert_string_equal(read.params.items[0], "a=1");
    assert_string_equal(read.params.items[1], "b=x=\"y\"");
    params[1] = "nothing";
    assert_int_equal(task_print(&t, &out, &err), ERR_USAGE);
    t.pipeline = "../x";
    assert_int_equal(task_print(&t, &out, &err), ERR_USAGE);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_read), cmocka_unit_test(is_none),
                                       cmocka_unit_test(is_printed_as_it_is_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
