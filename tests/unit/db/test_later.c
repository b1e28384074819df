/* tests/unit/db/test_later.c - statements that travel with the next one, against a server. */
#include "pg_fixture.h"

static struct error err;

static int each_setup(void **state)
{
    struct db_conn *conn = NULL;
    struct db_options options = {.dsn = pg_fixture_dsn, .prepare = true};
    error_clear(&err);
    assert_db_ok(db_open(&options, &conn, &err));
    assert_db_ok(db_script(conn, "drop table if exists t; create table t(a int unique)", &err));
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

static void insert_later(struct db_conn *conn, const char *value)
{
    db_execute_later(conn, "insert into t select $1::int", DB_PARAMS(value));
}

static void test_before_what_follows(void **state)
{
    struct db_conn *conn = *state;
    for (int i = 0; i < 2; i++) { /* prepared by then */
        char value[] = {(char)('1' + 2 * i), '\0'}, next[] = {(char)('2' + 2 * i), '\0'};
        insert_later(conn, value);
        insert_later(conn, next);
        value[0] = '9'; /* was copied */
        assert_int_equal(query_int(conn, "select count(*) from t"), 2 + 2 * i);
    }
    assert_int_equal(query_int(conn, "select max(a) from t"), 4);
}

static void test_commit(void **state)
{
    struct db_conn *conn = *state, *other = pg_fixture_open();
    db_begin_later(conn);
    insert_later(conn, "1");
    assert_int_equal(query_int(conn, "select count(*) from t"), 1);
    assert_true(db_in_transaction(conn));
    assert_int_equal(query_int(other, "select count(*) from t"), 0);
    insert_later(conn, "2");
    assert_db_ok(db_commit(conn, &err));
    assert_int_equal(query_int(other, "select count(*) from t"), 2);
    db_close(other);
}

static void test_all_of_it_with_the_commit(void **state)
{
    struct db_conn *conn = *state;
    db_begin_later(conn);
    insert_later(conn, "1");
    assert_db_ok(db_commit(conn, &err));
    assert_false(db_in_transaction(conn));
    assert_int_equal(query_int(conn, "select count(*) from t"), 1);
}

static void test_rollback_forgets(void **state)
{
    struct db_conn *conn = *state;
    db_begin_later(conn);
    insert_later(conn, "1");
    db_rollback(conn);
    assert_int_equal(query_int(conn, "select count(*) from t"), 0);
    assert_false(db_in_transaction(conn));
}

static void test_failure_is_told_by_the_next(void **state)
{
    struct db_conn *conn = *state;
    int64_t n = -1;
    db_begin_later(conn);
    insert_later(conn, "1");
    insert_later(conn, "1");
    assert_int_equal(
        db_query_int(conn, "insert into t values (2) returning a", DB_NO_PARAMS, &n, &err),
        ERR_DATA);
    assert_string_equal(err.sqlstate, "23505");
    assert_int_equal(n, -1);
    assert_true(db_in_transaction(conn));
    db_rollback(conn);
    error_clear(&err);
    assert_int_equal(query_int(conn, "select count(*) from t"), 0);
}

/* What cannot travel with others comes after them all the same. */
static void test_before_scripts_and_rows(void **state)
{
    struct db_conn *conn = *state;
    insert_later(conn, "1");
    assert_db_ok(db_script(conn, "update t set a = a + 1; update t set a = a * 2", &err));
    assert_int_equal(query_int(conn, "select a from t"), 4);
    insert_later(conn, "5");
    assert_db_ok(db_begin(conn, &err));
    db_rollback(conn);
    assert_int_equal(query_int(conn, "select max(a) from t"), 5);
}

static void test_commented(void **state)
{
    struct db_conn *conn = *state;
    db_set_comment(conn, "traceparent='x'");
    insert_later(conn, "1");
    assert_int_equal(query_int(conn, "select count(*) from pg_stat_activity where query like "
                                     "'%trace' || 'parent=%' and pid = pg_backend_pid()"),
                     1);
    db_set_comment(conn, NULL);
    assert_int_equal(query_int(conn, "select count(*) from t"), 1);
}

static void test_lost_connection(void **state)
{
    struct db_conn *conn = *state, *other = pg_fixture_open();
    char sql[64];
    int64_t n = query_int(conn, "select pg_backend_pid()");
    (void)snprintf(sql, sizeof sql, "select pg_terminate_backend(%d, 10000)", (int)n);
    assert_db_ok(db_execute(other, sql, DB_NO_PARAMS, NULL, &err));
    insert_later(conn, "1");
    assert_int_equal(db_query_int(conn, "select 1", DB_NO_PARAMS, &n, &err),
                     ERR_DATABASE_TRANSIENT);
    assert_false(db_is_alive(conn));
    assert_int_equal(query_int(other, "select count(*) from t"), 0);
    db_close(other);
}

/* Two connections at work at the same time: each waits for a lock that the other's end frees. */
static void test_start_and_finish(void **state)
{
    struct db_conn *conn = *state, *other = pg_fixture_open();
    struct db_result *rows = NULL;
    assert_db_ok(db_script(other, "begin; select pg_advisory_xact_lock(7)", &err));
    assert_db_ok(db_start(conn, "select $1::int from pg_advisory_lock(7)", DB_PARAMS("42"), &err));
    assert_int_equal(db_execute(conn, "select 1", DB_NO_PARAMS, NULL, &err), ERR_BUG);
    error_clear(&err);
    assert_db_ok(db_commit(other, &err));
    assert_db_ok(db_finish(conn, &rows, &err));
    assert_int_equal(db_result_int(rows, 0, 0), 42);
    db_result_free(rows);
    rows = NULL;
    assert_db_ok(db_start(conn, "select 1 / $1::int", DB_PARAMS("0"), &err));
    assert_int_equal(db_finish(conn, &rows, &err), ERR_DATA);
    assert_null(rows);
    error_clear(&err);
    assert_int_equal(query_int(conn, "select count(*) from t"), 0);
    db_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_before_what_follows, each_setup, each_teardown),
        cmocka_unit_test_setup_teardown(test_commit, each_setup, each_teardown),
        cmocka_unit_test_setup_teardown(test_all_of_it_with_the_commit, each_setup, each_teardown),
        cmocka_unit_test_setup_teardown(test_rollback_forgets, each_setup, each_teardown),
        cmocka_unit_test_setup_teardown(test_failure_is_told_by_the_next, each_setup,
                                        each_teardown),
        cmocka_unit_test_setup_teardown(test_before_scripts_and_rows, each_setup, each_teardown),
        cmocka_unit_test_setup_teardown(test_commented, each_setup, each_teardown),
        cmocka_unit_test_setup_teardown(test_start_and_finish, each_setup, each_teardown),
        cmocka_unit_test_setup_teardown(test_lost_connection, each_setup, each_teardown),
    };
    return cmocka_run_group_tests(tests, pg_fixture_start, pg_fixture_stop);
}
