/* tests/unit/db/test_tx.c - transactions, lost COMMIT replies, locks, against a server. */
#include "pg_fixture.h"

#include "core/clock.h"
#include "core/signals.h"
#include <sys/wait.h>

static struct error err;

static int each_setup(void **state)
{
    *state = pg_fixture_open();
    error_clear(&err);
    assert_db_ok(db_script(*state, "drop table if exists t; create table t(a int)", &err));
    return 0;
}

static int each_teardown(void **state)
{
    signals_reset();
    db_close(*state);
    return 0;
}

static int64_t count(struct db_conn *conn)
{
    int64_t n = -1;
    assert_db_ok(db_query_int(conn, "select count(*) from t", DB_NO_PARAMS, &n, &err));
    return n;
}

static void insert(struct db_conn *conn)
{
    assert_db_ok(db_execute(conn, "insert into t values (1)", DB_NO_PARAMS, NULL, &err));
}

static void test_commit_and_rollback(void **state)
{
    struct db_conn *conn = *state;
    assert_false(db_in_transaction(conn));
    assert_db_ok(db_begin(conn, &err));
    assert_true(db_in_transaction(conn));
    insert(conn);
    db_rollback(conn);
    assert_false(db_in_transaction(conn));
    assert_int_equal(count(conn), 0);
    assert_db_ok(db_begin(conn, &err));
    insert(conn);
    assert_db_ok(db_commit(conn, &err));
    assert_false(db_in_transaction(conn));
    assert_int_equal(count(conn), 1);
    db_rollback(conn); /* outside a transaction: nothing */
    assert_int_equal(db_commit(conn, &err), ERR_BUG);
}

static void test_commit_of_a_failed_transaction_fails(void **state)
{
    struct db_conn *conn = *state;
    assert_db_ok(db_begin(conn, &err));
    insert(conn);
    assert_int_equal(db_script(conn, "select 1/0", &err), ERR_DATA);
    assert_int_equal(db_commit(conn, &err), ERR_DATABASE);
    assert_string_equal(err.sqlstate, "25P02");
    assert_false(db_in_transaction(conn));
    assert_int_equal(count(conn), 0);
}

static void test_constraint_checked_at_commit(void **state)
{
    struct db_conn *conn = *state;
    assert_db_ok(
        db_script(conn, "alter table t add unique (a) deferrable initially deferred", &err));
    assert_db_ok(db_begin(conn, &err));
    insert(conn);
    insert(conn);
    assert_int_equal(db_commit(conn, &err), ERR_DATA);
    assert_string_equal(err.sqlstate, "23505");
    assert_false(db_in_transaction(conn));
}

static void test_snapshot_is_stable_and_read_only(void **state)
{
    struct db_conn *conn = *state;
    struct db_conn *other = pg_fixture_open();
    assert_db_ok(db_begin_snapshot(conn, &err));
    assert_int_equal(count(conn), 0);
    insert(other);
    assert_int_equal(count(conn), 0);
    assert_int_equal(db_execute(conn, "insert into t values (1)", DB_NO_PARAMS, NULL, &err),
                     ERR_DATABASE);
    assert_string_equal(err.sqlstate, "25006");
    db_rollback(conn);
    assert_int_equal(count(conn), 1);
    db_close(other);
}

/* ---- the lost reply ----------------------------------------------------------------------- */

/* Dies inside COMMIT, before it is one: a deferred trigger ends its own session. */
static void test_killed_before_commit_is_rolled_back(void **state)
{
    struct db_conn *conn = *state;
    assert_db_ok(db_script(
        conn,
        "create or replace function die() returns trigger language plpgsql as $$ begin"
        "  perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(1); return null;"
        " end $$;"
        "create constraint trigger dies after insert on t initially deferred"
        "  for each row execute function die()",
        &err));
    assert_db_ok(db_begin(conn, &err));
    insert(conn);
    assert_int_equal(db_commit(conn, &err), ERR_DATABASE_TRANSIENT);
    assert_non_null(strstr(err.message, "rolled back"));
    assert_true(db_is_alive(conn)); /* opened again */
    assert_int_equal(count(conn), 0);
}

/* A child that terminates whoever waits for a standby, once it has committed locally. */
static pid_t terminate_the_committing(void)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    struct error e = ERROR_INIT;
    struct db_conn *conn = NULL;
    struct db_options options = {.dsn = pg_fixture_dsn};
    if (db_open(&options, &conn, &e) != ERR_OK)
        _exit(1);
    for (int i = 0; i < 200; i++) {
        int64_t n = 0;
        if (db_execute(conn,
                       "select pg_terminate_backend(pid) from pg_stat_activity"
                       " where wait_event = 'SyncRep'",
                       DB_NO_PARAMS, &n, &e) != ERR_OK)
            _exit(2);
        if (n > 0)
            _exit(0);
        usleep(20000);
    }
    _exit(3);
}

static void set_standby(const char *value)
{
    struct db_conn *conn = pg_fixture_open();
    char sql[96];
    snprintf(sql, sizeof sql, "alter system set synchronous_standby_names = '%s'", value);
    assert_db_ok(db_execute(conn, sql, DB_NO_PARAMS, NULL, &err));
    assert_db_ok(db_script(conn, "select pg_reload_conf()", &err));
    db_close(conn);
    usleep(300000);
}

static void test_killed_after_commit_is_committed(void **state)
{
    struct db_conn *conn = *state;
    int status = 0;
    assert_db_ok(db_try_lock(conn, "nightly", &err));
    set_standby("nobody");
    assert_db_ok(db_begin(conn, &err));
    insert(conn);
    pid_t child = terminate_the_committing();
    int code = db_commit(conn, &err);
    waitpid(child, &status, 0);
    set_standby("");
    assert_int_equal(status, 0);
    if (code != ERR_OK)
        fail_msg("db_commit: %s", err.message);
    assert_int_equal(count(conn), 1);
    /* The lock was taken again with the new connection. */
    struct db_conn *other = pg_fixture_open();
    assert_int_equal(db_try_lock(other, "nightly", &err), ERR_RUNNING);
    db_close(other);
}

/* ---- the last statement with the commit --------------------------------------------------- */

#define INSERT_ONCE                                                                                \
    "with made as (insert into t select $1::int where not exists (select from t where a = "        \
    "$1::int)"                                                                                     \
    " returning a) select coalesce((select a from made), -$1::int)"

static void test_commit_with(void **state)
{
    struct db_conn *conn = *state, *other = pg_fixture_open();
    struct db_result *rows = NULL;
    assert_db_ok(db_begin(conn, &err));
    insert(conn);
    db_execute_later(conn, "insert into t values (2)", DB_NO_PARAMS);
    assert_db_ok(db_commit_with(conn, INSERT_ONCE, DB_PARAMS("7"), &rows, &err));
    assert_int_equal(db_result_int(rows, 0, 0), 7);
    assert_false(db_in_transaction(conn));
    assert_int_equal(count(other), 3);
    db_result_free(rows);
    db_close(other);
}

static void test_commit_with_what_fails(void **state)
{
    struct db_conn *conn = *state;
    struct db_result *rows = NULL;
    assert_db_ok(
        db_script(conn,
                  "create or replace function refuse() returns int language plpgsql as $$ "
                  "begin raise exception 'no' using errcode = 'DN001', detail = '[1]'; end $$",
                  &err));
    assert_db_ok(db_begin(conn, &err));
    insert(conn);
    assert_int_equal(db_commit_with(conn, "select refuse()", DB_NO_PARAMS, &rows, &err),
                     ERR_DATABASE);
    assert_string_equal(err.sqlstate, "DN001");
    assert_string_equal(db_refusal_detail(conn), "[1]");
    assert_null(rows);
    assert_true(db_in_transaction(conn));
    db_rollback(conn);
    assert_int_equal(count(conn), 0);
    assert_int_equal(db_commit_with(conn, "select 1", DB_NO_PARAMS, &rows, &err), ERR_BUG);
}

/* Both replies are lost: what was committed is not done again, and asked for its rows. */
static void test_commit_with_killed_after_commit(void **state)
{
    struct db_conn *conn = *state;
    struct db_result *rows = NULL;
    int status = 0;
    set_standby("nobody");
    assert_db_ok(db_begin(conn, &err));
    insert(conn);
    pid_t child = terminate_the_committing();
    int code = db_commit_with(conn, INSERT_ONCE, DB_PARAMS("7"), &rows, &err);
    waitpid(child, &status, 0);
    set_standby("");
    assert_int_equal(status, 0);
    if (code != ERR_OK)
        fail_msg("db_commit_with: %s", err.message);
    assert_int_equal(db_result_int(rows, 0, 0), -7);
    assert_int_equal(count(conn), 2);
    db_result_free(rows);
}

static void test_commit_with_killed_before_commit(void **state)
{
    struct db_conn *conn = *state;
    struct db_result *rows = NULL;
    assert_db_ok(db_begin(conn, &err));
    insert(conn);
    assert_int_equal(db_commit_with(conn, "select pg_terminate_backend(pg_backend_pid())",
                                    DB_NO_PARAMS, &rows, &err),
                     ERR_DATABASE_TRANSIENT);
    assert_null(rows);
    assert_true(db_is_alive(conn));
    assert_int_equal(count(conn), 0);
}

/* The whole server dies while the transaction is open: COMMIT never arrives. */
static void test_server_killed_and_back(void **state)
{
    struct db_conn *conn = *state;
    assert_db_ok(db_begin(conn, &err));
    insert(conn);
    assert_int_equal(pg_fixture_run("pg_kill"), 0);
    assert_int_equal(db_commit(conn, &err), ERR_DATABASE_TRANSIENT);
    assert_int_equal(pg_fixture_run("pg_resume"), 0);
    struct db_conn *again = pg_fixture_open();
    assert_int_equal(count(again), 0);
    db_close(again);
}

/* ---- locks -------------------------------------------------------------------------------- */

static void test_lock_excludes_another_session(void **state)
{
    struct db_conn *conn = *state;
    struct db_conn *other = pg_fixture_open();
    assert_db_ok(db_try_lock(conn, "nightly/1", &err));
    assert_int_equal(db_try_lock(other, "nightly/1", &err), ERR_RUNNING);
    assert_non_null(strstr(err.message, "'nightly/1'"));
    assert_db_ok(db_try_lock(other, "nightly/2", &err));
    db_close(other);
    for (int i = 0; db_try_lock(conn, "nightly/2", &err) != 0; i++) { /* until it has noticed */
        assert_int_equal(err.code, ERR_RUNNING);
        assert_true(i < 3000);
        usleep(10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, each_setup, each_teardown)
        T(test_commit_and_rollback),
        T(test_commit_of_a_failed_transaction_fails),
        T(test_constraint_checked_at_commit),
        T(test_snapshot_is_stable_and_read_only),
        T(test_killed_before_commit_is_rolled_back),
        T(test_killed_after_commit_is_committed),
        T(test_lock_excludes_another_session),
        T(test_commit_with),
        T(test_commit_with_what_fails),
        T(test_commit_with_killed_after_commit),
        T(test_commit_with_killed_before_commit),
        T(test_server_killed_and_back),
    };
    return cmocka_run_group_tests(tests, pg_fixture_start, pg_fixture_stop);
}
