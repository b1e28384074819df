/* Texts and SQL with their ${...}, and the sum that must hold. */
#include "pipeline_fixture.h"

#include "pipeline/stream.h"

static struct pipeline *pipeline;
static struct stream_context ctx;

static int setup(void **state)
{
    static const char *vars[] = {"2026-11-21T00:00:00Z", NULL};
    struct error err = ERROR_INIT;
    struct pipeline_options options = {.now_us = INT64_C(1795295700000000)};
    if (fixture_setup(state) != 0)
        return -1;
    fixture_write("p.yaml", "version: 1\n"
                            "name: p\n"
                            "params: { day: 2026-11-21, evil: \"'; drop table x; --\" }\n"
                            "streams:\n"
                            "  s:\n"
                            "    source: { file: a.csv }\n"
                            "    target: { connection: w }\n"
                            "    columns: { a: text }\n"
                            "    vars: { seen: select 1, none: select null }\n");
    if (pipeline_load("p", fixture_config, &options, &pipeline, NULL, &err) != 0)
        return -1;
    ctx = (struct stream_context){.pipeline = pipeline,
                                  .stream = pipeline->ordered[0],
                                  .arena = pipeline->arena,
                                  .run_id = 42,
                                  .window_end = "2026-11-22T00:00:00Z",
                                  .var_values = vars};
    return 0;
}

static int teardown(void **state)
{
    pipeline_free(pipeline);
    return fixture_teardown(state);
}

static const char *text_of(const char *text)
{
    const char *out = NULL;
    struct error err = ERROR_INIT;
    if (stream_text(&ctx, text, &out, &err) != 0)
        fail_msg("%s", err.message);
    return out;
}

static void texts_are_filled_in(void **state)
{
    (void)state;
    assert_string_equal(text_of("plain"), "plain");
    assert_null(text_of(NULL));
    assert_string_equal(text_of("erp/sales_${params.day}.csv"), "erp/sales_2026-11-21.csv");
    assert_string_equal(text_of("${vars.seen}/${window.end}/${run.id}"),
                        "2026-11-21T00:00:00Z/2026-11-22T00:00:00Z/42");
    assert_string_equal(text_of("[${vars.none}]"), "[]"); /* null is nothing */
    assert_string_equal(text_of("$${params.day}"), "${params.day}");
    assert_string_equal(text_of("${params.evil}"), "'; drop table x; --");
}

static void an_unknown_name_is_an_error(void **state)
{
    static const char *const wrong[] = {"${params.none}", "${vars.none2}", "${window.start}",
                                        "${staged}",      "${other}",      "${params.day"};
    const char *out = "untouched";
    struct error err = ERROR_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(stream_text(&ctx, wrong[i], &out, &err), ERR_SPEC);
        assert_string_equal(out, "untouched");
    }
}

static void sql_gets_parameters_never_text(void **state)
{
    struct bound_sql sql;
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(stream_sql(&ctx,
                                "select * from ${staged} where d = ${params.day} and e = "
                                "${params.evil} and f > ${vars.seen} and g = ${params.day} and h "
                                "= ${vars.none} and i = ${run.id}",
                                &sql, &err),
                     0);
    assert_string_equal(sql.sql, "select * from pg_temp.diner_stage where d = $1 and e = $2 and f "
                                 "> $3 and g = $1 and h = $4 and i = $5");
    assert_int_equal(sql.nparams, 5);
    assert_string_equal(sql.params[0], "2026-11-21");
    assert_string_equal(sql.params[1], "'; drop table x; --");
    assert_string_equal(sql.params[2], "2026-11-21T00:00:00Z");
    assert_null(sql.params[3]); /* null, not '' */
    assert_string_equal(sql.params[4], "42");
}

static void sql_keeps_what_is_no_name(void **state)
{
    struct bound_sql sql;
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(stream_sql(&ctx, "select $1::int, '$$', \"a$b\", $x$ y $x$", &sql, &err), 0);
    assert_string_equal(sql.sql, "select $1::int, '$$', \"a$b\", $x$ y $x$");
    assert_int_equal(sql.nparams, 0);
    assert_int_equal(stream_sql(&ctx, "select ${params.dya}", &sql, &err), ERR_SPEC);
    assert_non_null(strstr(err.message, "${params.dya}"));
}

static void counts_must_add_up(void **state)
{
    struct stream_counts c = {.read = 21,
                              .inserted = 1,
                              .updated = 2,
                              .unchanged = 3,
                              .superseded = 4,
                              .rejected = 5,
                              .skipped = 6,
                              .deleted = 100,
                              .findings = 7};
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(stream_counts_check(&c, &err), 0);
    int64_t *const parts[] = {&c.read,       &c.inserted, &c.updated, &c.unchanged,
                              &c.superseded, &c.rejected, &c.skipped};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i] += 1;
        assert_int_equal(stream_counts_check(&c, &err), ERR_BUG);
        *parts[i] -= 1;
    }
    c.read = 22;
    assert_int_equal(stream_counts_check(&c, &err), ERR_BUG);
    assert_string_equal(err.message,
                        "22 rows read but 21 accounted for (inserted 1, updated 2, unchanged 3, "
                        "superseded 4, rejected 5, skipped 6, accepted 0)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_filled_in),
        cmocka_unit_test(an_unknown_name_is_an_error),
        cmocka_unit_test(sql_gets_parameters_never_text),
        cmocka_unit_test(sql_keeps_what_is_no_name),
        cmocka_unit_test(counts_must_add_up),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
