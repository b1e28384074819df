/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "schema/bind.h"
#include <inttypes.h>
#include <string.h>

struct column {
    const char *type, *from;
    bool optional;
};
static const struct field column_fields[] = {
    {"type", FIELD_STRING, offsetof(struct column, type), "type", .flags = FIELD_REQUIRED},
    {"from", FIELD_STRING, offsetof(struct column, from), "where"},
    {"optional", FIELD_BOOL, offsetof(struct column, optional), "may lack"},
    {0},
};
static const struct field_set column_set = {.name = "column",
                                            .struct_size = sizeof(struct column),
                                            .fields = column_fields,
                                            .scalar = "type"};

struct guard {
    int64_t min_rows, max_shrink;
};
static const struct field guard_fields[] = {
    {"min_rows", FIELD_INT, offsetof(struct guard, min_rows), "least", .def = "1"},
    {"max_shrink", FIELD_FRACTION, offsetof(struct guard, max_shrink), "shrink", .def = "20%",
     .max = 1000000},
    {0},
};
static const struct field_set guard_set = {
    .name = "guard", .struct_size = sizeof(struct guard), .fields = guard_fields};

struct sample {
    const char *name, *date, *secret, *late, *old;
    bool on;
    int64_t rows, wait_ms, bytes, share;
    struct field_rate rate;
    int mode;
    int32_t cutoff_s;
    struct field_strings keys;
    struct field_string_map set;
    const struct ynode *any;
    struct guard guard;
    struct guard *guard_ptr;
    struct field_objects columns, steps;
};
static const char *const modes[] = {"append", "merge", "replace", NULL};
#define MEMBER(m) offsetof(struct sample, m)
static const struct field sample_fields[] = {
    {"name", FIELD_STRING, MEMBER(name), "name", .flags = FIELD_REQUIRED},
    {"date", FIELD_DATE, MEMBER(date), "date"},
    {"secret", FIELD_STRING, MEMBER(secret), "secret", .flags = FIELD_SECRET},
    {"late", FIELD_STRING, MEMBER(late), "late", .flags = FIELD_LATE},
    {"on", FIELD_BOOL, MEMBER(on), "on"},
    {"rows", FIELD_INT, MEMBER(rows), "rows", .def = "100", .min = 1, .max = 10000},
    {"wait", FIELD_DURATION, MEMBER(wait_ms), "wait", .def = "5s", .min = 1, .max = 3600000},
    {"bytes", FIELD_SIZE, MEMBER(bytes), "bytes"},
    {"share", FIELD_FRACTION, MEMBER(share), "share"},
    {"rate", FIELD_RATE, MEMBER(rate), "rate"},
    {"mode", FIELD_CHOICE, MEMBER(mode), "mode", .choices = modes, .def = "merge"},
    {"cutoff", FIELD_TIME_OF_DAY, MEMBER(cutoff_s), "cutoff", .def = "04:00"},
    {"keys", FIELD_STRINGS, MEMBER(keys), "keys"},
    {"set", FIELD_STRING_MAP, MEMBER(set), "set"},
    {"any", FIELD_NODE, MEMBER(any), "any"},
    {"guard", FIELD_OBJECT, MEMBER(guard), "guard", .sub = &guard_set},
    {"guard_ptr", FIELD_OBJECT_PTR, MEMBER(guard_ptr), "guard", .sub = &guard_set},
    {"columns", FIELD_OBJECT_MAP, MEMBER(columns), "columns", .sub = &column_set},
    {"steps", FIELD_OBJECTS, MEMBER(steps), "steps", .sub = &column_set},
    {"rowz", FIELD_INT, MEMBER(rows), "rows", .flags = FIELD_DEPRECATED, .renamed_to = "rows"},
    {0},
};
static const struct field_set sample_set = {.name = "sample",
                                            .help = "A sample",
                                            .struct_size = sizeof(struct sample),
                                            .fields = sample_fields};

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct field *field(const char *name)
{
    const struct field *f = field_find(&sample_set, name);
    assert_non_null(f);
    return f;
}

static int64_t number(const char *name, const char *text)
{
    struct sample s;
    struct error err = ERROR_INIT;
    const struct field *f = field(name);

    memset(&s, 0, sizeof(s));
    if (bind_text(f, text, &s, arena, &err) != 0)
        fail_msg("%s: %s", name, err.message);
    return *(int64_t *)((char *)&s + f->offset);
}

/* Fails, says why, and leaves the struct alone. */
static void refused(const char *name, const char *text, const char *part)
{
    struct sample s, before;
    struct error err = ERROR_INIT;

    memset(&s, 0x5a, sizeof(s));
    before = s;
    assert_int_not_equal(bind_text(field(name), text, &s, arena, &err), 0);
    assert_memory_equal(&s, &before, sizeof(s));
    if (!strstr(err.message, part))
        fail_msg("'%s' lacks '%s'", err.message, part);
}

static void test_numbers(void **state)
{
    (void)state;
    assert_int_equal(number("rows", "42"), 42);
    assert_int_equal(number("rows", "010"), 10);
    assert_int_equal(number("rows", "1_000"), 1000);
    refused("rows", "0", "must be from 1 to 10000, found 0");
    refused("rows", "10001", "must be from 1 to 10000");
    refused("rows", "1e3", "expected a whole number, found '1e3'");
    refused("rows", "1__0", "whole number");
    refused("rows", "_1", "whole number");
    refused("rows", "1_", "whole number");
    refused("rows", "", "whole number");
    refused("rows", " 1", "whole number");
    refused("rows", "9223372036854775808", "whole number");
    refused("rows", "99999999999999999999999", "whole number");
}

static void test_durations(void **state)
{
    static const char *const bad[] = {"",      "5",    "s",   "5x",  "5s5",
                                      "30m1h", "1.5h", "-5s", "5 s", "999999999999d"};
    int64_t ms = 7;

    (void)state;
    assert_int_equal(number("wait", "500ms"), 500);
    assert_int_equal(number("wait", "30s"), 30000);
    assert_int_equal(number("wait", "10m"), 600000);
    assert_true(bind_parse_duration("24h", &ms) && ms == 86400000);
    assert_true(bind_parse_duration("7d", &ms) && ms == 604800000);
    assert_true(bind_parse_duration("1h30m5s2ms", &ms) && ms == 5405002);
    assert_true(bind_parse_duration("0", &ms) && ms == 0);
    ms = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bind_parse_duration(bad[i], &ms));
    assert_int_equal(ms, 7);
    refused("wait", "2h", "must be from 1ms to 1h, found 2h");
    refused("wait", "5 minutes", "expected a duration such as 30s, 10m or 24h");
}

static void test_sizes(void **state)
{
    (void)state;
    assert_int_equal(number("bytes", "512"), 512);
    assert_int_equal(number("bytes", "64KiB"), 65536);
    assert_int_equal(number("bytes", "10MB"), 10000000);
    assert_int_equal(number("bytes", "1 gib"), 1073741824);
    refused("bytes", "64K", "a size such as");
    refused("bytes", "-1", "a size such as");
    refused("bytes", "9999999TiB", "a size such as");
}

static void test_shares(void **state)
{
    (void)state;
    assert_int_equal(number("share", "0.1%"), 1000);
    assert_int_equal(number("share", "0.25"), 250000);
    assert_int_equal(number("share", "80 %"), 800000);
    assert_int_equal(number("share", "1"), 1000000);
    assert_int_equal(number("share", "0.0001%"), 1);
    refused("share", "0.00001%", "a share such as");
    refused("share", "%", "a share such as");
    refused("share", "a", "a share such as");
    refused("share", "-1%", "must not be negative");
}

static void test_rates(void **state)
{
    struct sample s = {0};
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(bind_text(field("rate"), "20/s", &s, arena, &err), 0);
    assert_true(s.rate.count == 20 && s.rate.per_ms == 1000);
    assert_int_equal(bind_text(field("rate"), "1000/h", &s, arena, &err), 0);
    assert_true(s.rate.count == 1000 && s.rate.per_ms == 3600000);
    assert_int_equal(bind_text(field("rate"), "5/10s", &s, arena, &err), 0);
    assert_true(s.rate.count == 5 && s.rate.per_ms == 10000);
    assert_int_equal(bind_text(field("rate"), "none", &s, arena, &err), 0);
    assert_true(s.rate.per_ms == 0);
    refused("rate", "20", "a rate such as");
    refused("rate", "0/s", "a rate such as");
    refused("rate", "5/0", "a rate such as");
    refused("rate", "5/fortnight", "a rate such as");
}

static void test_words(void **state)
{
    struct sample s = {0};
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(bind_text(field("on"), "Yes", &s, arena, &err), 0);
    assert_true(s.on);
    assert_int_equal(bind_text(field("on"), "off", &s, arena, &err), 0);
    assert_false(s.on);
    refused("on", "maybe", "expected true or false, found 'maybe'");
    assert_int_equal(bind_text(field("mode"), "replace", &s, arena, &err), 0);
    assert_int_equal(s.mode, 2);
    refused("mode", "mergee", "expected one of append, merge, replace, found 'mergee'");
    assert_int_not_equal(bind_text(field("mode"), "mergee", &s, arena, &err), 0);
    assert_string_equal(err.hint, "did you mean 'merge'?");
    assert_int_equal(bind_text(field("cutoff"), "05:15", &s, arena, &err), 0);
    assert_int_equal(s.cutoff_s, 18900);
    refused("cutoff", "25:00", "a time of day such as 04:00, found '25:00'");
    refused("guard", "x", "expected a map");
}

static void test_lists(void **state)
{
    struct sample s = {0};
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(bind_text(field("keys"), "a, b ,,c", &s, arena, &err), 0);
    assert_int_equal(s.keys.count, 3);
    assert_string_equal(s.keys.items[1], "b");
    assert_int_equal(bind_text(field("keys"), "", &s, arena, &err), 0);
    assert_int_equal(s.keys.count, 0);
    assert_int_equal(bind_append_text(field("keys"), "x,y", &s, arena, &err), 0);
    assert_int_equal(bind_append_text(field("keys"), "z", &s, arena, &err), 0);
    assert_int_equal(s.keys.count, 2);
    assert_string_equal(s.keys.items[0], "x,y");
    assert_int_equal(bind_append_text(field("set"), "k=v=w", &s, arena, &err), 0);
    assert_string_equal(s.set.keys[0], "k");
    assert_string_equal(s.set.values[0], "v=w");
    assert_int_not_equal(bind_append_text(field("set"), "k=2", &s, arena, &err), 0);
    assert_non_null(strstr(err.message, "given twice"));
    refused("set", "novalue", "KEY=VALUE");
    refused("set", "a=1,=2", "KEY=VALUE");
}

static void test_defaults(void **state)
{
    struct sample s;

    (void)state;
    memset(&s, 0xff, sizeof(s));
    bind_defaults(&sample_set, &s, arena);
    assert_null(s.name);
    assert_int_equal(s.rows, 100);
    assert_int_equal(s.wait_ms, 5000);
    assert_int_equal(s.mode, 1);
    assert_int_equal(s.guard.min_rows, 1);
    assert_int_equal(s.guard.max_shrink, 200000);
    assert_null(s.guard_ptr);
    assert_int_equal(s.keys.count, 0);
}

static struct diagnostics parse(const char *text, struct sample *s)
{
    struct diagnostics d;
    struct error err = ERROR_INIT;
    struct ynode *root = NULL;

    diagnostics_init(&d, arena);
    if (ynode_parse(text, strlen(text), "s.yaml", arena, &root, &err) != 0)
        fail_msg("%s", err.message);
    bind_yaml(&sample_set, root, s, arena, &d);
    return d;
}

static void test_yaml(void **state)
{
    struct sample s;
    struct diagnostics d = parse("name: no\n"
                                 "rows: 7\n"
                                 "wait: 1m\n"
                                 "mode: append\n"
                                 "date: yesterday\n"
                                 "keys: [a, null, 010]\n"
                                 "set: {x: 1e3, y: }\n"
                                 "any: [1, 2]\n"
                                 "guard: {min_rows: 5}\n"
                                 "guard_ptr: {max_shrink: 0.5}\n"
                                 "columns:\n"
                                 "  id: text\n"
                                 "  amount: {type: \"numeric(12,2)\", from: /a, optional: yes}\n"
                                 "steps: [text, {type: date}]\n"
                                 "late: ${staged}\n",
                                 &s);

    (void)state;
    for (size_t i = 0; i < d.count; i++)
        print_error("%s\n", d.items[i].message);
    assert_int_equal(d.count, 0);
    assert_string_equal(s.name, "no");
    assert_int_equal(s.rows, 7);
    assert_int_equal(s.wait_ms, 60000);
    assert_int_equal(s.mode, 0);
    assert_int_equal(s.cutoff_s, 14400);
    assert_int_equal(s.keys.count, 3);
    assert_string_equal(s.keys.items[1], "null");
    assert_string_equal(s.keys.items[2], "010");
    assert_string_equal(s.set.values[0], "1e3");
    assert_null(s.set.values[1]);
    assert_int_equal(s.any->count, 2);
    assert_int_equal(s.guard.min_rows, 5);
    assert_int_equal(s.guard.max_shrink, 200000);
    assert_int_equal(s.guard_ptr->min_rows, 1);
    assert_int_equal(s.guard_ptr->max_shrink, 500000);
    assert_int_equal(s.columns.count, 2);
    assert_string_equal(s.columns.names[1], "amount");
    assert_string_equal(((struct column *)s.columns.items)[0].type, "text");
    assert_true(((struct column *)s.columns.items)[1].optional);
    assert_int_equal(s.columns.nodes[1]->line, 13);
    assert_int_equal(s.steps.count, 2);
    assert_string_equal(((struct column *)s.steps.items)[1].type, "date");
    assert_string_equal(s.late, "${staged}");
}

static void has(const struct diagnostics *d, int line, int column, const char *message)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->items[i].line == line && d->items[i].column == column &&
            strcmp(d->items[i].message, message) == 0)
            return;
    for (size_t i = 0; i < d->count; i++)
        print_error("%d:%d: %s\n", d->items[i].line, d->items[i].column, d->items[i].message);
    fail_msg("no '%s' at %d:%d", message, line, column);
}

static void test_yaml_all_problems(void **state)
{
    struct sample s;
    struct error err = ERROR_INIT;
    struct diagnostics d = parse("rowss: 7\n"
                                 "rows: 0\n"
                                 "wait: soon\n"
                                 "mode: merg\n"
                                 "keys: {a: b}\n"
                                 "guard: {minrows: 5}\n"
                                 "columns:\n"
                                 "  id: {from: x}\n"
                                 "  at: [1]\n"
                                 "steps: {a: b}\n"
                                 "name: [a]\n"
                                 "date: ${params.x}\n"
                                 "set: {k: [1]}\n",
                                 &s);

    (void)state;
    has(&d, 1, 1, "unknown key 'rowss' in sample");
    has(&d, 2, 7, "rows: must be from 1 to 10000, found 0");
    has(&d, 3, 7, "wait: expected a duration such as 30s, 10m or 24h, found 'soon'");
    has(&d, 4, 7, "mode: expected one of append, merge, replace, found 'merg'");
    has(&d, 5, 7, "keys: expected a list of text, found a map");
    has(&d, 6, 9, "unknown key 'minrows' in guard");
    has(&d, 8, 7, "missing key 'type' in column");
    has(&d, 9, 7, "type: expected text, found a list");
    has(&d, 10, 8, "steps: expected a list, found a map");
    has(&d, 11, 7, "name: expected text, found a list");
    has(&d, 12, 7, "date: '${params.x}' cannot be used here");
    has(&d, 13, 10, "set.k: expected text, found a list");
    assert_int_equal(d.errors, 12);
    assert_int_equal(s.rows, 100);
    assert_int_equal(diagnostics_result(&d, ERR_SPEC, &err), ERR_SPEC);
    assert_string_equal(err.message, "s.yaml:1:1: unknown key 'rowss' in sample (and 11 more)");
    assert_string_equal(err.hint, "did you mean 'rows'?");
}

static void test_yaml_missing_and_renamed(void **state)
{
    struct sample s;
    struct error err = ERROR_INIT;
    struct diagnostics d = parse("rowz: 9\n", &s);

    (void)state;
    assert_int_equal(s.rows, 9);
    assert_int_equal(d.count, 2);
    assert_true(d.items[0].is_warning);
    assert_string_equal(d.items[0].message, "'rowz' is now called 'rows'");
    has(&d, 1, 1, "missing key 'name' in sample");

    d = parse("name: x\nrowz: 9\nrows: 8\n", &s);
    has(&d, 2, 1, "'rowz' is the old name of 'rows', and both are given");
    d = parse("name: x\nrows:\nguard:\n", &s);
    assert_int_equal(d.count, 0);
    assert_int_equal(s.rows, 100);
    assert_int_equal(s.guard.min_rows, 1);

    diagnostics_init(&d, arena);
    bind_yaml(&sample_set, NULL, &s, arena, &d);
    assert_int_equal(d.errors, 1);
    assert_int_equal(diagnostics_result(&d, ERR_CONFIG, &err), ERR_CONFIG);
    assert_string_equal(err.message, "missing key 'name' in sample");
    d = parse("just text", &s);
    has(&d, 1, 1, "sample: expected a map, found a value");
}

static void test_open_set(void **state)
{
    struct field_set open = guard_set;
    struct diagnostics d;
    struct guard g;
    struct error err = ERROR_INIT;
    struct ynode *root;

    (void)state;
    open.open_keys = "vendor options";
    diagnostics_init(&d, arena);
    assert_int_equal(ynode_parse("{min_rows: 2, x: 1}", 19, "s", arena, &root, &err), 0);
    bind_yaml(&open, root, &g, arena, &d);
    assert_int_equal(d.count, 0);
    assert_int_equal(g.min_rows, 2);
}

static void test_added_errors(void **state)
{
    struct diagnostics d;
    struct error err = ERROR_INIT;
    const struct ynode node = {.file = "a.yaml", .line = 2, .column = 3};

    (void)state;
    diagnostics_init(&d, arena);
    assert_int_equal(diagnostics_result(&d, ERR_SPEC, &err), 0);
    error_set(&err, ERR_SPEC, "a.yaml:7:1: bad");
    diagnostics_add_error(&d, &node, &err);
    assert_int_equal(diagnostics_result(&d, ERR_SPEC, &err), ERR_SPEC);
    assert_string_equal(err.message, "a.yaml:7:1: bad");

    diagnostics_init(&d, arena);
    error_set(&err, ERR_SPEC, "no such column");
    error_hint(&err, "look again");
    diagnostics_add_error(&d, &node, &err);
    error_clear(&err);
    assert_int_equal(diagnostics_result(&d, ERR_SPEC, &err), ERR_SPEC);
    assert_string_equal(err.message, "a.yaml:2:3: no such column");
    assert_string_equal(err.hint, "look again");

    diagnostics_init(&d, arena);
    diagnostics_warn(&d, &node, NULL, "only %s", "this");
    assert_int_equal(diagnostics_result(&d, ERR_SPEC, &err), 0);
}

static void printed(const char *name, const char *text, const char *expected)
{
    struct sample s = {0};
    struct error err = ERROR_INIT;

    assert_int_equal(bind_text(field(name), text, &s, arena, &err), 0);
    assert_string_equal(bind_print(field(name), &s, arena), expected);
}

static void test_print(void **state)
{
    struct sample s = {0};

    (void)state;
    printed("name", "x", "x");
    printed("on", "yes", "true");
    printed("rows", "1_000", "1000");
    printed("wait", "60s", "1m");
    printed("wait", "1500ms", "1500ms");
    printed("bytes", "65536", "64KiB");
    printed("bytes", "10MB", "10000000");
    printed("share", "0.001", "0.1%");
    printed("share", "0.9990", "99.9%");
    printed("share", "0.2", "20%");
    printed("share", "0.0001%", "0.0001%");
    printed("rate", "100/m", "100/m");
    printed("rate", "7/1d", "7/d");
    printed("rate", "5/10s", "5/10s");
    printed("mode", "replace", "replace");
    printed("cutoff", "04:00", "04:00");
    printed("cutoff", "04:00:05", "04:00:05");
    printed("keys", "a,b", "a,b");
    printed("set", "a=1", "a=1");
    printed("secret", "hunter22", "****");
    assert_null(bind_print(field("name"), &s, arena));
    assert_null(bind_print(field("secret"), &s, arena));
    assert_null(bind_print(field("rate"), &s, arena));
    assert_null(bind_print(field("keys"), &s, arena));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_durations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shares, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_yaml, setup, teardown),
        cmocka_unit_test_setup_teardown(test_yaml_all_problems, setup, teardown),
        cmocka_unit_test_setup_teardown(test_yaml_missing_and_renamed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_added_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_print, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
