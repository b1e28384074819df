/* tests/unit/db/test_copy.c - binary COPY in and out, every type, against a server. */
#include "pg_fixture.h"

#include "core/clock.h"
#include "core/signals.h"
#include "db/copy.h"
#include <endian.h>
#include <signal.h>
#include <sys/wait.h>

static struct error err;

static int each_setup(void **state)
{
    *state = pg_fixture_open();
    error_clear(&err);
    return 0;
}

static int each_teardown(void **state)
{
    signals_reset();
    db_close(*state);
    return 0;
}

/* ---- every type, there and back ----------------------------------------------------------- */

static const struct {
    const char *type;
    const char *texts[24];
} round_trips[] = {
    {"bool", {"true", "false", "t", "f", "1", "0", "yes", "no", "y", "n", "TRUE", "No"}},
    {"smallint", {"0", "-32768", "32767", "+7", "-0", "007"}},
    {"int", {"0", "-2147483648", "2147483647", "+42", "-0", "0000000000000000000000012"}},
    {"bigint", {"0", "-9223372036854775808", "9223372036854775807", "1234567890123"}},
    {"numeric",
     {"0",
      "0.000",
      "-0.5",
      "1e-10",
      "10000",
      "9999.9999",
      "-0",
      "-0.00",
      "123456789012345678901234567890123456789012",
      "0.00000000000000000001",
      "100000000",
      "1234567.89",
      "00012.30",
      ".5",
      "5.",
      "+1.5E2",
      "1.50e1",
      "0.00010000",
      "99999999.00000001",
      "1e20",
      "-12345678901234567890.12345678901234567890",
      "0e5",
      "0.0001e4"}},
    {"numeric(12,2)",
     {"0", "0.01", "-9999999999.99", "12.3", "12.3400", "1e2", "12345e-2", "100.0000000"}},
    {"numeric(38,20)", {"0.00000000000000000001", "123456789012345678.12345678901234567890", "-1"}},
    {"numeric(3)", {"999", "-999", "0.0", "1.00"}},
    {"float8",
     {"0",
      "-0",
      "0.1",
      "1e15",
      "123456789012345",
      "1234567890123456",
      "1e-5",
      "0.0001",
      "-1.5",
      "1.7976931348623157e308",
      "5e-324",
      "2.2250738585072014e-308",
      "3.141592653589793",
      "1e22",
      "100",
      "513978455987535232",
      "0.30000000000000004",
      "1e14",
      "99999999999999.9",
      "4.35",
      "+7.5"}},
    {"text",
     {"", "a", "宫保鸡丁", "x\ty\\n\"'", "eight by", "😀 emoji",
      "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbd\xf4\x8f\xbf\xbf", " blanks ", "\x01\x7f"}},
    {"varchar(4)", {"宫保鸡丁", "abcd", ""}},
    {"date",
     {"0001-01-01", "9999-12-31", "1970-01-01", "2000-01-01", "1999-12-31", "2024-02-29",
      "2026-11-22 00:00:00"}},
    {"timestamp",
     {"2026-11-22 05:15:00", "2026-11-22T05:15:00.123456", "1999-12-31 23:59:59.999999",
      "0001-01-01 00:00:00", "9999-12-31 23:59:59", "2026-11-22 05:15:00.5", "2026-11-22"}},
    {"timestamptz",
     {"2026-11-22 05:15:00+08", "2026-11-22T05:15:00Z", "2026-11-22 05:15:00.25-05:30",
      "0001-01-02 00:00:00+00", "9999-12-31 23:59:59+00", "1970-01-01T00:00:00+00:00"}},
    {"uuid",
     {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}",
      "a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11"}},
    {"jsonb",
     {"{}", "[]", "null", "true", "\"x\"", "-0.50e2",
      "{\"b\": [1, 2.50, {\"a\": \"\\u00e9\\n\"}], \"a\": null}", " [ 1 , \"\\ud83d\\ude00\" ] ",
      "{\"宫\": \"保\"}", "{\"a\":{\"a\":1},\"b\":{\"a\":2}}", "12345678901234567890.123",
      "\"\\\\\\/\\\"\""}},
    {"bytea", {"\\x", "\\x00ff", "\\xDEADbeef"}},
};

static void copy_texts(struct db_conn *conn, const struct db_type *type, const char *const *texts)
{
    struct db_copy *copy = NULL;
    static const char *const columns[] = {"n", "v"};
    uint64_t rows = 0;
    size_t n = 0;
    assert_db_ok(db_copy_in(conn, "round_trip", columns, 2, &copy, &err));
    for (; n < 24 && texts[n] != NULL; n++) {
        db_copy_row(copy);
        db_encode_int4(db_copy_buffer(copy), (int32_t)n);
        const char *reason = db_encode(type, span_of(texts[n]), db_copy_buffer(copy));
        if (reason != NULL)
            fail_msg("'%s': %s", texts[n], reason);
        assert_db_ok(db_copy_keep(copy, &err));
    }
    db_copy_row(copy);
    db_encode_int4(db_copy_buffer(copy), -1);
    db_encode_null(db_copy_buffer(copy));
    assert_db_ok(db_copy_keep(copy, &err));
    assert_db_ok(db_copy_end(copy, &rows, &err));
    assert_int_equal(rows, n + 1);
}

/* What the server has is what it makes of the same text itself. */
static void check_server_text(struct db_conn *conn, const char *type_name, const char *const *texts)
{
    for (size_t n = 0; n < 24 && texts[n] != NULL; n++) {
        char number[8];
        char sql[160];
        AUTO_RESULT struct db_result *r = NULL;
        snprintf(number, sizeof number, "%zu", n);
        snprintf(sql, sizeof sql,
                 "select v::text, ($1::text)::%s::text from round_trip where n = $2::int",
                 type_name);
        assert_db_ok(db_query(conn, sql, DB_PARAMS(texts[n], number), &r, &err));
        if (strcmp(db_result_text(r, 0, 0), db_result_text(r, 0, 1)) != 0)
            fail_msg("%s '%s' became '%s', not '%s'", type_name, texts[n], db_result_text(r, 0, 0),
                     db_result_text(r, 0, 1));
    }
}

/* What comes out and is decoded is what the server prints. */
static void check_copy_out(struct db_conn *conn, const struct db_type *type, const char *query)
{
    struct db_copy_out *out = NULL;
    const struct db_copy_column *columns;
    const struct span *fields;
    bool end = false;
    size_t rows = 0;
    AUTO_STRBUF struct strbuf text;
    strbuf_init(&text, 0);
    assert_db_ok(db_copy_out(conn, query, DB_NO_PARAMS, &out, &err));
    assert_int_equal(db_copy_out_columns(out, &columns), 2);
    assert_true(columns[0].is_loadable);
    if (type != NULL)
        assert_true(db_type_equal(&columns[0].type, type));
    while (db_copy_out_next(out, &fields, &end, &err) == ERR_OK && !end) {
        rows++;
        assert_true((fields[0].ptr == NULL) == (fields[1].ptr == NULL));
        if (fields[0].ptr == NULL)
            continue;
        strbuf_clear(&text);
        assert_db_ok(db_decode(&columns[0].type, fields[0], &text, &err));
        if (!span_equal((struct span){text.data, text.len}, fields[1]))
            fail_msg("decoded '%s', the server prints '%.*s'", text.data, (int)fields[1].len,
                     fields[1].ptr);
    }
    assert_true(end);
    assert_true(rows > 1);
    db_copy_out_close(out);
}

static void test_every_type_there_and_back(void **state)
{
    for (size_t i = 0; i < sizeof round_trips / sizeof round_trips[0]; i++) {
        char sql[160];
        struct db_type type;
        assert_db_ok(db_type_parse(round_trips[i].type, &type, &err));
        snprintf(sql, sizeof sql,
                 "drop table if exists round_trip; create temp table round_trip (n int, v %s)",
                 round_trips[i].type);
        assert_db_ok(db_script(*state, sql, &err));
        copy_texts(*state, &type, round_trips[i].texts);
        check_server_text(*state, round_trips[i].type, round_trips[i].texts);
        check_copy_out(*state, &type, "select v, v::text from round_trip order by n");
    }
}

/* Values that never come in through diner but may stand in a table. */
static void test_values_only_a_server_makes(void **state)
{
    static const char *const queries[] = {
        "select v, v::text from (values ('NaN'::numeric), ('Infinity'), ('-Infinity'), "
        "(1e1000), (1e-1000), (10::numeric ^ 40), (0.1::numeric ^ 30)) t(v)",
        "select v, v::text from (values ('NaN'::float8), ('Infinity'), ('-Infinity')) t(v)",
        "select v, v::text from (values ('infinity'::date), ('-infinity'), ('0044-03-15 BC'), "
        "('0001-12-31 BC'), ('5874897-12-31'), ('4713-01-01 BC')) t(v)",
        "select v, v::text from (values ('infinity'::timestamptz), ('-infinity'), "
        "('0044-03-15 01:02:03.5+00 BC'), ('294276-12-31 23:59:59.999999+00')) t(v)",
        "select v, v::text from (values ('4713-01-01 00:00:00 BC'::timestamp), "
        "('294276-12-31 23:59:59.999999'), ('1999-12-31 23:59:59.000001')) t(v)",
        "select (random() - 0.5) * 10 ^ (g % 40 - 20) v, null::text from generate_series(1, 0) g"
        " union all select v, v::text from (select (sin(g) * 10 ^ (g % 40 - 20))::float8 v "
        "from generate_series(1, 5000) g) s",
        "select v, v::text from (select (sin(g)::numeric * 10::numeric ^ (g % 40 - 20)) v "
        "from generate_series(1, 2000) g) s",
        "select v, v::text from (select d::date v from "
        "generate_series('1900-01-01'::date, '2100-01-01', '13 days') d) s",
        "select v, v::text from (values ('x'::name), ('y')) t(v)"};
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        check_copy_out(*state, NULL, queries[i]);
}

static void test_numeric_of_negative_scale(void **state)
{
    struct db_type type = {DB_NUMERIC, 3, -2};
    static const char *const texts[24] = {"0", "100", "99900", "-1200.00", "5e2"};
    AUTO_STRBUF struct strbuf out;
    strbuf_init(&out, 0);
    assert_db_ok(db_script(*state,
                           "drop table if exists round_trip; "
                           "create temp table round_trip (n int, v numeric(3,-2))",
                           &err));
    copy_texts(*state, &type, texts);
    check_server_text(*state, "numeric(3,-2)", texts);
    assert_string_equal(db_encode(&type, SPAN("150"), &out), "not a round enough number");
    assert_string_equal(db_encode(&type, SPAN("100000"), &out), "more digits than the type allows");
}

/* ---- COPY in ------------------------------------------------------------------------------ */

static const char *const one_column[] = {"a"};

static void make_table(struct db_conn *conn)
{
    assert_db_ok(db_script(conn, "drop table if exists t; create table t (a int)", &err));
}

static int put(struct db_copy *copy, int32_t v)
{
    db_copy_row(copy);
    db_encode_int4(db_copy_buffer(copy), v);
    return db_copy_keep(copy, &err);
}

static int64_t value(struct db_conn *conn, const char *sql)
{
    int64_t n = -1;
    assert_db_ok(db_query_int(conn, sql, DB_NO_PARAMS, &n, &err));
    return n;
}

static void test_dropped_rows_are_not_sent(void **state)
{
    struct db_copy *copy = NULL;
    struct db_type int4 = {DB_INT4, 0, 0};
    uint64_t rows = 0;
    make_table(*state);
    assert_db_ok(db_copy_in(*state, "t", one_column, 1, &copy, &err));
    for (int i = 0; i < 100000; i++) {
        db_copy_row(copy);
        bool is_bad = i % 3 == 0;
        const char *reason = db_encode(&int4, is_bad ? SPAN("x") : SPAN("2"), db_copy_buffer(copy));
        assert_true((reason != NULL) == is_bad);
        if (is_bad)
            db_copy_drop(copy);
        else
            assert_db_ok(db_copy_keep(copy, &err));
    }
    assert_db_ok(db_copy_end(copy, &rows, &err));
    assert_int_equal(rows, 66666);
    assert_int_equal(value(*state, "select sum(a) from t"), 133332);
}

static void test_odd_names_and_no_rows(void **state)
{
    struct db_copy *copy = NULL;
    static const char *const columns[] = {"we\"ird", "数量"};
    uint64_t rows = 9;
    assert_db_ok(
        db_script(*state, "create temp table \"T t\" (\"we\"\"ird\" int, \"数量\" int)", &err));
    assert_db_ok(db_copy_in(*state, "\"T t\"", columns, 2, &copy, &err));
    assert_db_ok(db_copy_end(copy, &rows, &err));
    assert_int_equal(rows, 0);
    assert_db_ok(db_script(*state, "select 1", &err));
}

static void test_missing_table_or_column(void **state)
{
    struct db_copy *copy = NULL;
    make_table(*state);
    assert_int_equal(db_copy_in(*state, "no_such", one_column, 1, &copy, &err), ERR_DATABASE);
    assert_string_equal(err.sqlstate, "42P01");
    static const char *const wrong[] = {"b"};
    assert_int_equal(db_copy_in(*state, "t", wrong, 1, &copy, &err), ERR_DATABASE);
    assert_string_equal(err.sqlstate, "42703");
    assert_null(copy);
    assert_db_ok(db_script(*state, "select 1", &err));
}

static void test_abort_forgets_all(void **state)
{
    struct db_copy *copy = NULL;
    make_table(*state);
    assert_db_ok(db_copy_in(*state, "t", one_column, 1, &copy, &err));
    for (int i = 0; i < 20000; i++)
        assert_db_ok(put(copy, i));
    assert_int_equal(db_script(*state, "select 1", &err), ERR_BUG);
    db_copy_abort(copy);
    db_copy_abort(NULL);
    assert_int_equal(value(*state, "select count(*) from t"), 0);
}

static void test_constraint_fails_early(void **state)
{
    struct db_copy *copy = NULL;
    assert_db_ok(
        db_script(*state, "drop table if exists t; create table t (a int check (a < 5))", &err));
    assert_db_ok(db_copy_in(*state, "t", one_column, 1, &copy, &err));
    int code = ERR_OK;
    int sent = 0;
    for (; sent < 20000000 && code == ERR_OK; sent++)
        code = put(copy, 7);
    assert_int_equal(code, ERR_DATA);
    assert_string_equal(err.sqlstate, "23514");
    assert_non_null(strstr(err.message, "line 1"));
    assert_true(sent < 20000000); /* not only at the end */
    db_copy_abort(copy);
    assert_db_ok(db_script(*state, "select 1", &err));
}

static void test_notices_do_not_stop_a_copy(void **state)
{
    struct db_copy *copy = NULL;
    uint64_t rows = 0;
    assert_db_ok(db_script(
        *state,
        "drop table if exists t; create table t (a int);"
        "create or replace function shout() returns trigger language plpgsql as $$ begin"
        "  if new.a % 1000 = 0 then raise notice 'row %', new.a; end if; return new; end $$;"
        "create trigger shouts before insert on t for each row execute function shout()",
        &err));
    assert_db_ok(db_copy_in(*state, "t", one_column, 1, &copy, &err));
    for (int i = 0; i < 300000; i++)
        assert_db_ok(put(copy, i));
    assert_db_ok(db_copy_end(copy, &rows, &err));
    assert_int_equal(rows, 300000);
}

static void test_killed_backend_in_the_middle(void **state)
{
    struct db_copy *copy = NULL;
    char pid[16];
    make_table(*state);
    snprintf(pid, sizeof pid, "%d", (int)value(*state, "select pg_backend_pid()"));
    assert_db_ok(db_copy_in(*state, "t", one_column, 1, &copy, &err));
    int code = ERR_OK;
    for (int i = 0; i < 20000000 && code == ERR_OK; i++) {
        code = put(copy, i);
        if (i != 50000)
            continue;
        struct db_conn *other = pg_fixture_open();
        assert_db_ok(db_execute(other, "select pg_terminate_backend($1::int, 5000)", DB_PARAMS(pid),
                                NULL, &err));
        db_close(other);
    }
    assert_int_equal(code, ERR_DATABASE_TRANSIENT);
    assert_int_not_equal(db_copy_end(copy, NULL, &err), ERR_OK);
    assert_false(db_is_alive(*state));
}

static void test_interrupt_stops_a_copy(void **state)
{
    struct db_copy *copy = NULL;
    make_table(*state);
    signals_install();
    assert_db_ok(db_begin(*state, &err));
    assert_db_ok(db_copy_in(*state, "t", one_column, 1, &copy, &err));
    int code = ERR_OK;
    for (int i = 0; i < 20000000 && code == ERR_OK; i++) {
        code = put(copy, i);
        if (i == 50000)
            raise(SIGINT);
    }
    assert_int_equal(code, ERR_CANCELLED);
    db_copy_abort(copy);
    db_rollback(*state);
    assert_int_equal(value(*state, "select count(*) from t"), 0);
}

/* ---- COPY out ----------------------------------------------------------------------------- */

/* The rows as text, fields separated by '|', rows by ';'. */
static const char *read_all(struct db_conn *conn, const char *query, const char *const *params,
                            size_t nparams)
{
    static struct strbuf text;
    struct db_copy_out *out = NULL;
    const struct db_copy_column *columns;
    const struct span *fields;
    bool end = false;
    strbuf_release(&text);
    strbuf_init(&text, 0);
    assert_db_ok(db_copy_out(conn, query, params, nparams, &out, &err));
    size_t n = db_copy_out_columns(out, &columns);
    for (;;) {
        assert_db_ok(db_copy_out_next(out, &fields, &end, &err));
        if (end)
            break;
        for (size_t i = 0; i < n; i++) {
            strbuf_adds(&text, i > 0 ? "|" : "");
            if (fields[i].ptr != NULL)
                assert_db_ok(db_decode(&columns[i].type, fields[i], &text, &err));
        }
        strbuf_adds(&text, ";");
    }
    assert_db_ok(db_copy_out_next(out, &fields, &end, &err)); /* stays at the end */
    assert_true(end);
    db_copy_out_close(out);
    return text.data;
}

static void test_parameters_are_found_where_they_are(void **state)
{
    assert_string_equal(
        read_all(
            *state,
            "select $1::text, '$1', \"$2\", E'\\'$1', $$ $1 $$, $a$ $$ $2 $a$ /* $1 /* */ $2 */"
            ", $2::int -- $1\n from (select 5 as \"$2\") q;  -- done; $1",
            DB_PARAMS("it's \\ $2", "7")),
        "it's \\ $2|$1|5|'$1| $1 | $$ $2 |7;");
    assert_string_equal(
        read_all(*state, "select coalesce($1, 'none'), $1::text is null", DB_PARAMS(NULL)),
        "none|true;");
    assert_string_equal(read_all(*state, "select 1 where $1::int in (1,$2)", DB_PARAMS("3", "3")),
                        "1;");
    assert_string_equal(
        read_all(*state, "select a from (values (1),(2)) t(a) where a>$1 ; ", DB_PARAMS("1")),
        "2;");
}

static void test_wrong_parameters(void **state)
{
    struct db_copy_out *out = NULL;
    assert_int_equal(db_copy_out(*state, "select $2::int, $1::int", DB_PARAMS("1"), &out, &err),
                     ERR_SPEC);
    assert_int_equal(db_copy_out(*state, "select $1::text", DB_PARAMS("\xff"), &out, &err),
                     ERR_DATA);
    assert_int_equal(db_copy_out(*state, "select $1::int", DB_PARAMS("x"), &out, &err), ERR_DATA);
    assert_int_equal(db_copy_out(*state, "selec 1", DB_NO_PARAMS, &out, &err), ERR_DATABASE);
    assert_string_equal(err.sqlstate, "42601");
    assert_int_equal(db_copy_out(*state, "select 1; drop table x", DB_NO_PARAMS, &out, &err),
                     ERR_DATABASE);
    assert_int_equal(db_copy_out(*state, "create table x()", DB_NO_PARAMS, &out, &err), ERR_SPEC);
    assert_null(out);
    assert_db_ok(db_script(*state, "select 1", &err));
}

static void test_unknown_types_come_as_text(void **state)
{
    struct db_copy_out *out = NULL;
    const struct db_copy_column *columns;
    static const char query[] =
        "select 1 as n, point(1,2) as p, array[1,2] as p, '1 day'::interval, $1::text -- end";
    assert_string_equal(read_all(*state, query, DB_PARAMS("x")), "1|(1,2)|{1,2}|P1D|x;");
    assert_db_ok(db_copy_out(*state, query, DB_PARAMS("x"), &out, &err));
    assert_int_equal(db_copy_out_columns(out, &columns), 5);
    assert_string_equal(columns[1].name, "p");
    assert_true(columns[0].is_loadable);
    assert_false(columns[1].is_loadable);
    assert_int_equal(columns[1].type.kind, DB_TEXT);
    db_copy_out_close(out);
}

static void test_large_and_empty_results(void **state)
{
    struct db_copy_out *out = NULL;
    const struct span *fields;
    bool end = false;
    int64_t rows = 0;
    size_t bytes = 0;
    assert_string_equal(read_all(*state, "select 1 where false", DB_NO_PARAMS), "");
    assert_db_ok(db_copy_out(*state,
                             "select g, repeat('x', g % 3000), case when g = 77 then "
                             "repeat('y', 5000000) end from generate_series(1, 20000) g",
                             DB_NO_PARAMS, &out, &err));
    while (db_copy_out_next(out, &fields, &end, &err) == ERR_OK && !end) {
        rows++;
        bytes += fields[1].len + fields[2].len;
        if (rows == 77)
            assert_int_equal(fields[2].len, 5000000);
    }
    assert_true(end);
    assert_int_equal(rows, 20000);
    assert_int_equal(bytes, 5000000 + 28992000); /* sum(g % 3000) */
    db_copy_out_close(out);
}

static void test_error_in_the_middle(void **state)
{
    struct db_copy_out *out = NULL;
    const struct span *fields;
    bool end = false;
    int code;
    assert_db_ok(db_copy_out(*state, "select 1 / (5000 - g) from generate_series(1, 9000) g",
                             DB_NO_PARAMS, &out, &err));
    while ((code = db_copy_out_next(out, &fields, &end, &err)) == ERR_OK && !end)
        ;
    assert_int_equal(code, ERR_DATA);
    assert_string_equal(err.sqlstate, "22012");
    db_copy_out_close(out);
    assert_db_ok(db_script(*state, "select 1", &err));
}

static void test_close_before_the_end(void **state)
{
    struct db_copy_out *out = NULL;
    const struct span *fields;
    bool end = false;
    int64_t started_ms = clock_monotonic_ms();
    assert_db_ok(
        db_copy_out(*state, "select generate_series(1, 2000000000)", DB_NO_PARAMS, &out, &err));
    assert_db_ok(db_copy_out_next(out, &fields, &end, &err));
    assert_false(end);
    db_copy_out_close(out);
    db_copy_out_close(NULL);
    assert_true(clock_monotonic_ms() - started_ms < 10000);
    assert_db_ok(db_script(*state, "select 1", &err));
}

/* Takes what there is of one while another is read; `want` rows of each, then the end or an error.
 */
static int64_t read_one_of(struct db_copy_out *const *all, size_t n, size_t wanted, int *ret_code)
{
    const struct span *fields;
    bool end = false;
    int64_t rows = 0, sum = 0;
    for (;; rows++) {
        *ret_code = db_copy_out_wait(all, n, wanted, 64 << 10, &err);
        if (*ret_code == ERR_OK)
            *ret_code = db_copy_out_next(all[wanted], &fields, &end, &err);
        if (*ret_code != ERR_OK || end)
            return sum;
        uint32_t value;
        assert_int_equal(fields[0].len, 4);
        memcpy(&value, fields[0].ptr, 4);
        sum += be32toh(value);
        for (size_t i = 0; i < n && rows % 7 == 0; i++)
            if (i != wanted && all[i] != NULL)
                assert_db_ok(db_copy_out_prefetch(all[i], 64 << 10, &err));
    }
}

/* Three at once: what was taken ahead is neither lost nor given twice, and an error that comes
 * ahead is told when its turn is. */
static void test_several_at_once(void **state)
{
    struct db_conn *conns[3] = {*state, pg_fixture_open(), pg_fixture_open()};
    struct db_copy_out *all[3] = {0};
    static const char *const queries[] = {
        "select i, repeat('x', i % 300) from generate_series(1, 50000) as i",
        "select i, null from generate_series(1, 100) as i",
        "select 1 / (40000 - i) + i - 1 / (40000 - i), '' from generate_series(1, 50000) as i"};
    int code;
    for (size_t i = 0; i < 3; i++)
        assert_db_ok(db_copy_out(conns[i], queries[i], DB_NO_PARAMS, &all[i], &err));
    assert_int_equal(read_one_of(all, 3, 1, &code), 100 * 101 / 2);
    assert_int_equal(code, ERR_OK);
    db_copy_out_close(all[1]);
    all[1] = NULL;
    assert_int_equal(read_one_of(all, 3, 0, &code), (int64_t)50000 * 50001 / 2);
    assert_int_equal(code, ERR_OK);
    (void)read_one_of(all, 3, 2, &code);
    assert_int_equal(code, ERR_DATA);
    assert_string_equal(err.sqlstate, "22012");
    db_copy_out_close(all[0]);
    db_copy_out_close(all[2]);
    assert_db_ok(db_script(conns[2], "select 1", &err));
    db_close(conns[1]);
    db_close(conns[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, each_setup, each_teardown)
        T(test_every_type_there_and_back),  T(test_values_only_a_server_makes),
        T(test_numeric_of_negative_scale),  T(test_dropped_rows_are_not_sent),
        T(test_odd_names_and_no_rows),      T(test_missing_table_or_column),
        T(test_abort_forgets_all),          T(test_constraint_fails_early),
        T(test_notices_do_not_stop_a_copy), T(test_killed_backend_in_the_middle),
        T(test_interrupt_stops_a_copy),     T(test_parameters_are_found_where_they_are),
        T(test_wrong_parameters),           T(test_unknown_types_come_as_text),
        T(test_large_and_empty_results),    T(test_error_in_the_middle),
        T(test_close_before_the_end),       T(test_several_at_once),
    };
    return cmocka_run_group_tests(tests, pg_fixture_start, pg_fixture_stop);
}
