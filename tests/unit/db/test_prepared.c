/* tests/unit/db/test_prepared.c - statements kept prepared, and comments, against a server. */
#include "pg_fixture.h"

static struct error err;

static int each_setup(void **state)
{
    struct db_conn *conn = NULL;
    struct db_options options = {.dsn = pg_fixture_dsn, .prepare = true};
    error_clear(&err);
    assert_db_ok(db_open(&options, &conn, &err));
    assert_db_ok(db_script(conn, "drop table if exists t; create table t(a int)", &err));
    *state = conn;
    return 0;
}

static int each_teardown(void **state)
{
    db_close(*state);
    return 0;
}

static int64_t query_int(struct db_conn *conn, const char *sql)
{
    int64_t n = -1;
    assert_db_ok(db_query_int(conn, sql, DB_NO_PARAMS, &n, &err));
    return n;
}

static int64_t kept(struct db_conn *conn)
{
    return query_int(conn, "select count(*) from pg_prepared_statements "
                           "where statement like 'select $1::int%' or statement like 'select * %'");
}

static void test_prepared_once_and_used_again(void **state)
{
    struct db_conn *conn = *state;
    int64_t n = 0;
    for (int i = 0; i < 3; i++) {
        assert_db_ok(db_query_int(conn, "select $1::int + 1", DB_PARAMS("41"), &n, &err));
        assert_int_equal(n, 42);
    }
    assert_int_equal(kept(conn), 1);
}

static void test_not_prepared_unless_asked(void **state)
{
    (void)state;
    struct db_conn *conn = pg_fixture_open();
    int64_t n = 0;
    assert_db_ok(db_query_int(conn, "select $1::int + 1", DB_PARAMS("41"), &n, &err));
    assert_int_equal(kept(conn), 0);
    db_close(conn);
}

static void test_statements_are_bounded(void **state)
{
    struct db_conn *conn = *state;
    char sql[64];
    for (int i = 0; i < 300; i++) {
        snprintf(sql, sizeof sql, "select %d", i);
        assert_int_equal(query_int(conn, sql), i);
    }
    assert_true(query_int(conn, "select count(*) from pg_prepared_statements") <= 256);
}

static void test_error_of_a_bad_text_says_where(void **state)
{
    struct db_conn *conn = *state;
    int64_t n = 0;
    for (int i = 0; i < 2; i++) {
        error_clear(&err);
        assert_int_equal(db_query_int(conn, "select\n  nothere", DB_NO_PARAMS, &n, &err),
                         ERR_DATABASE);
        assert_string_equal(err.sqlstate, "42703");
        assert_non_null(strstr(err.message, "line 2"));
    }
}

/* A table that is altered under a running server costs one request, not all that follow. */
static void test_altered_table(void **state)
{
    struct db_conn *conn = *state;
    struct db_result *rows = NULL;
    assert_db_ok(db_query(conn, "select * from t", DB_NO_PARAMS, &rows, &err));
    db_result_free(rows);
    assert_db_ok(db_script(conn, "alter table t add b int", &err));
    assert_int_equal(db_query(conn, "select * from t", DB_NO_PARAMS, &rows, &err), ERR_DATABASE);
    assert_string_equal(err.sqlstate, "0A000");
    error_clear(&err);
    assert_db_ok(db_query(conn, "select * from t", DB_NO_PARAMS, &rows, &err));
    assert_int_equal(db_result_columns(rows), 2);
    db_result_free(rows);
    assert_int_equal(kept(conn), 1);
}

static void test_comment_is_seen_by_the_server(void **state)
{
    struct db_conn *conn = *state;
    static const char asking[] = "select (query like '%traceparent=''00-ab-cd-01''*/')::int "
                                 "from pg_stat_activity where pid = pg_backend_pid()";
    assert_int_equal(query_int(conn, asking), 0);
    db_set_comment(conn, "traceparent='00-ab-cd-01'");
    assert_int_equal(query_int(conn, asking), 1);
    db_set_comment(conn, "*/ drop table t; /*");
    assert_int_equal(query_int(conn, asking), 0);
    db_set_comment(conn, NULL);
    assert_int_equal(query_int(conn, asking), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_prepared_once_and_used_again, each_setup,
                                        each_teardown),
        cmocka_unit_test_setup_teardown(test_not_prepared_unless_asked, each_setup, each_teardown),
        cmocka_unit_test_setup_teardown(test_statements_are_bounded, each_setup, each_teardown),
        cmocka_unit_test_setup_teardown(test_error_of_a_bad_text_says_where, each_setup,
                                        each_teardown),
        cmocka_unit_test_setup_teardown(test_altered_table, each_setup, each_teardown),
        cmocka_unit_test_setup_teardown(test_comment_is_seen_by_the_server, each_setup,
                                        each_teardown),
    };
    return cmocka_run_group_tests(tests, pg_fixture_start, pg_fixture_stop);
}
