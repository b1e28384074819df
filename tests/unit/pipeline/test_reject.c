/* Rejects: what is kept of a row, its identity, the budget.
 * LDFLAGS: -Wl,--wrap=db_execute
 */
#include "pipeline_fixture.h"

#include "pipeline/column.h"
#include "pipeline/reject.h"

/* What would have been written: the parameters of reject_add.sql. */
enum {
    PARAM_IDENTITY = 2,
    PARAM_ORIGIN = 4,
    PARAM_POSITION,
    PARAM_COLUMN,
    PARAM_VALUE,
    PARAM_REASON,
    PARAM_RAW,
    PARAM_KEY,
    PARAM_FAILED,
    PARAM_CELLS,
    PARAM_STAGED,
    PARAMS
};
static char *saved[8][PARAMS];
static size_t nsaved;

int __wrap_db_execute(struct db_conn *conn, const char *sql, const char *const *params,
                      size_t nparams, int64_t *ret_rows, struct error *err);
int __wrap_db_execute(struct db_conn *conn, const char *sql, const char *const *params,
                      size_t nparams, int64_t *ret_rows, struct error *err)
{
    (void)conn;
    (void)sql;
    if (ret_rows != NULL)
        *ret_rows = 1;
    if (nsaved == 8)
        return error_set(err, ERR_DATABASE, "enough");
    assert_int_equal(nparams, PARAMS);
    for (size_t i = 0; i < nparams; i++)
        saved[nsaved][i] = params[i] != NULL ? mem_strdup(params[i]) : NULL;
    nsaved++;
    return 0;
}

static struct pipeline *pipeline;
static struct stream_context ctx;
static struct rejects *rejects;

static void forget_saved(void)
{
    for (size_t i = 0; i < nsaved; i++)
        for (size_t k = 0; k < PARAMS; k++)
            free(saved[i][k]);
    nsaved = 0;
}

static int group_setup(void **state)
{
    struct error err = ERROR_INIT;
    if (fixture_setup(state) != 0)
        return -1;
    fixture_write("p.yaml", "version: 1\nname: p\nstreams:\n  s:\n"
                            "    source: { file: a.csv }\n"
                            "    target: { connection: w }\n"
                            "    mode: merge\n"
                            "    key: [code, day]\n"
                            "    columns: { code: varchar(3), day: date, qty: int }\n"
                            "    on_error: { max_rejects: 20, max_reject_rate: 1% }\n");
    return pipeline_load("p", fixture_config, NULL, &pipeline, NULL, &err);
}

static int group_teardown(void **state)
{
    pipeline_free(pipeline);
    return fixture_teardown(state);
}

static int setup(void **state)
{
    struct stream_spec *s = pipeline->ordered[0];
    (void)state;
    ctx = (struct stream_context){.pipeline = pipeline,
                                  .stream = s,
                                  .config = fixture_config,
                                  .arena = pipeline->arena,
                                  .run_id = 7,
                                  .reader = column_reader_new(s->columns, s->ncolumns, NULL)};
    rejects = rejects_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    column_reader_free(ctx.reader);
    rejects_free(rejects);
    forget_saved();
    return 0;
}

static struct cell cells[3];

static struct source_row row_of(const char *code, const char *day, const char *qty, uint64_t line)
{
    static char raw[256];
    snprintf(raw, sizeof raw, "%s,%s,%s", code, day, qty);
    cells[0] = (struct cell){CELL_TEXT, span_of(code)};
    cells[1] = (struct cell){CELL_TEXT, span_of(day)};
    cells[2] = (struct cell){CELL_TEXT, span_of(qty)};
    return (struct source_row){
        .cells = cells, .origin = "a.csv", .position = line, .raw = span_of(raw)};
}

static void save(void)
{
    struct error err = ERROR_INIT;
    forget_saved();
    assert_int_equal(rejects_save(rejects, &ctx, false, &err), 0);
}

static void a_row_is_kept_with_its_place_value_and_reason(void **state)
{
    (void)state;
    struct source_row row = row_of("A", "2026-11-22", "x", 12);
    rejects_add_row(rejects, &ctx, &row, 2, "not a number");
    save();
    assert_int_equal(nsaved, 1);
    assert_string_equal(saved[0][0], "p");
    assert_string_equal(saved[0][1], "s");
    assert_string_equal(saved[0][3], "7");
    assert_string_equal(saved[0][PARAM_ORIGIN], "a.csv");
    assert_string_equal(saved[0][PARAM_POSITION], "12");
    assert_string_equal(saved[0][PARAM_COLUMN], "qty");
    assert_string_equal(saved[0][PARAM_VALUE], "x");
    assert_string_equal(saved[0][PARAM_REASON], "not a number");
    assert_string_equal(saved[0][PARAM_RAW], "A,2026-11-22,x");
    assert_string_equal(saved[0][PARAM_KEY], "{\"code\":\"A\",\"day\":\"2026-11-22\"}");
    assert_string_equal(saved[0][PARAM_FAILED], "false");
    assert_true(rejects->items[0].key_is_whole);
}

static void a_key_counts_only_when_it_is_one(void **state)
{
    static const struct {
        const char *code, *day, *key;
    } cases[] = {{"", "2026-11-22", "{\"day\":\"2026-11-22\"}"},
                 {"ABCD", "2026-11-22", "{\"day\":\"2026-11-22\"}"}, /* over its length */
                 {"A", "22.11.2026", "{\"code\":\"A\"}"}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct source_row row = row_of(cases[i].code, cases[i].day, "x", 1);
        rejects_add_row(rejects, &ctx, &row, 2, "r");
        assert_string_equal(rejects->items[i].key, cases[i].key);
        assert_false(rejects->items[i].key_is_whole);
    }
}

static void a_damaged_record_has_no_key(void **state)
{
    (void)state;
    struct source_row row = row_of("A", "2026-11-22", "5", 3);
    row.fault = "an unterminated quote";
    row.fault_line = 3;
    row.fault_column = 7;
    rejects_add_row(rejects, &ctx, &row, -1, row.fault);
    assert_false(rejects->items[0].key_is_whole);
    save();
    assert_string_equal(saved[0][PARAM_REASON], "an unterminated quote (line 3, byte 7)");
    assert_null(saved[0][PARAM_COLUMN]);
    assert_null(saved[0][PARAM_VALUE]);
}

static void identity_is_origin_record_and_occurrence(void **state)
{
    char first[65], second[65];
    (void)state;
    struct source_row row = row_of("A", "2026-11-22", "x", 12);
    rejects_add_row(rejects, &ctx, &row, 2, "not a number");
    row.position = 99; /* the same record further down is another one */
    rejects_add_row(rejects, &ctx, &row, 2, "not a number");
    row = row_of("B", "2026-11-22", "x", 13);
    rejects_add_row(rejects, &ctx, &row, 2, "not a number");
    row.origin = "b.csv";
    rejects_add_row(rejects, &ctx, &row, 2, "not a number");
    save();
    assert_int_equal(nsaved, 4);
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(saved[i][PARAM_IDENTITY], saved[k][PARAM_IDENTITY]);
    assert_int_equal(strlen(saved[0][PARAM_IDENTITY]), 64);
    snprintf(first, sizeof first, "%s", saved[0][PARAM_IDENTITY]);
    snprintf(second, sizeof second, "%s", saved[1][PARAM_IDENTITY]);

    /* Read again, with two lines put in above and another reason: the same two. */
    rejects_free(rejects);
    rejects = rejects_new();
    row = row_of("A", "2026-11-22", "x", 14);
    rejects_add_row(rejects, &ctx, &row, 2, "a better reason");
    row.position = 101;
    rejects_add_row(rejects, &ctx, &row, 2, "a better reason");
    save();
    assert_string_equal(saved[0][PARAM_IDENTITY], first);
    assert_string_equal(saved[1][PARAM_IDENTITY], second);
}

static void pages_of_an_api_share_an_identity(void **state)
{
    char first[65];
    (void)state;
    struct source_row row = row_of("A", "2026-11-22", "x", 12);
    row.origin = "platform/orders page 3";
    row.identity = "platform/orders";
    rejects_add_row(rejects, &ctx, &row, 2, "r");
    save();
    snprintf(first, sizeof first, "%s", saved[0][PARAM_IDENTITY]);
    rejects_free(rejects);
    rejects = rejects_new();
    row.origin = "platform/orders page 4";
    rejects_add_row(rejects, &ctx, &row, 2, "r");
    save();
    assert_string_equal(saved[0][PARAM_ORIGIN], "platform/orders page 4");
    assert_string_equal(saved[0][PARAM_IDENTITY], first);
}

static void bytes_that_text_cannot_hold_are_shown(void **state)
{
    (void)state;
    struct source_row row = row_of("A", "2026-11-22", "x", 1);
    row.raw = (struct span){"a\xFF\0b", 4};
    cells[2].text = row.raw;
    rejects_add_row(rejects, &ctx, &row, 2, "r");
    save();
    assert_string_equal(saved[0][PARAM_RAW], "a\\xFF\\x00b");
    assert_string_equal(saved[0][PARAM_VALUE], "a\\xFF\\x00b");
}

/* ---- the budget --------------------------------------------------------------------------- */

static void add(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct source_row row = row_of("A", "2026-11-22", "x", 2 + i);
        rejects_add_row(rejects, &ctx, &row, 2, "not a number");
    }
}

static void the_number_trips_at_once(void **state)
{
    struct error err = ERROR_INIT;
    (void)state;
    add(20);
    assert_int_equal(rejects_check_budget(rejects, &ctx, 1000000, false, &err), 0);
    add(1);
    assert_int_equal(rejects_check_budget(rejects, &ctx, 1000000, false, &err), ERR_DATA);
    assert_string_equal(err.message, "21 rows rejected, max_rejects is 20");
    assert_non_null(
        strstr(err.hint, "nothing of it was committed; first: a.csv:2: qty: not a number"));
}

static void the_rate_trips_past_ten_and_a_thousand_or_at_the_end(void **state)
{
    struct error err = ERROR_INIT;
    (void)state;
    add(10);
    assert_int_equal(rejects_check_budget(rejects, &ctx, 10, true, &err), 0);
    add(1);
    assert_int_equal(rejects_check_budget(rejects, &ctx, 999, false, &err), 0); /* too early */
    assert_int_equal(rejects_check_budget(rejects, &ctx, 1000, false, &err), ERR_DATA);
    assert_string_equal(err.message, "11 of 1000 rows rejected, max_reject_rate is 1%");
    assert_int_equal(rejects_check_budget(rejects, &ctx, 999, true, &err), ERR_DATA);
    assert_int_equal(rejects_check_budget(rejects, &ctx, 1100, true, &err), 0); /* exactly 1 % */
    assert_int_equal(rejects_check_budget(rejects, &ctx, 1099, true, &err), ERR_DATA);
}

static void zero_is_a_limit_and_nothing_said_is_the_setting(void **state)
{
    struct error err = ERROR_INIT;
    struct on_error_spec *spec = &pipeline->ordered[0]->on_error, before = *spec;
    (void)state;
    *spec = (struct on_error_spec){.max_rejects = 0, .max_reject_rate = -1};
    assert_int_equal(rejects_check_budget(rejects, &ctx, 10, true, &err), 0);
    add(1);
    assert_int_equal(rejects_check_budget(rejects, &ctx, 10, true, &err), ERR_DATA);
    *spec = (struct on_error_spec){.max_rejects = -1, .max_reject_rate = 1000000};
    add(99);
    assert_int_equal(rejects_check_budget(rejects, &ctx, 200, true, &err), 0);
    add(1);
    assert_int_equal(rejects_check_budget(rejects, &ctx, 200, true, &err), ERR_DATA);
    assert_string_equal(err.message, "101 rows rejected, max_rejects is 100");
    *spec = before;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_row_is_kept_with_its_place_value_and_reason),
        T(a_key_counts_only_when_it_is_one),
        T(a_damaged_record_has_no_key),
        T(identity_is_origin_record_and_occurrence),
        T(pages_of_an_api_share_an_identity),
        T(bytes_that_text_cannot_hold_are_shown),
        T(the_number_trips_at_once),
        T(the_rate_trips_past_ten_and_a_thousand_or_at_the_end),
        T(zero_is_a_limit_and_nothing_said_is_the_setting),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
