/* tests/unit/db/test_migrate.c - migrations, against a server. */
#include "pg_fixture.h"

#include "db/migrate.h"
#include <sys/wait.h>

static struct error err;

static const struct migration two[] = {
    {"0001_a", "create schema m; create table m.a (n int)"},
    {"0002_b", "create table m.b (n int); insert into m.b values (1)"},
    {NULL, NULL}};
static const struct migration three[] = {
    {"0001_a", "create schema m; create table m.a (n int)"},
    {"0002_b", "create table m.b (n int); insert into m.b values (1)"},
    {"0003_c", "alter table m.b add c int; select 1/0"},
    {NULL, NULL}};
static const struct migration edited[] = {
    {"0001_a", "create schema m; create table m.a (n bigint)"}, {NULL, NULL}};
static const struct migration ending[] = {{"0001_x", "create table x_x (n int); commit"},
                                          {NULL, NULL}};
static const struct migration slow[] = {
    {"0001_s", "create table slow_s (n int); select pg_sleep(0.4)"}, {NULL, NULL}};

static int each_setup(void **state)
{
    struct db_conn *conn = pg_fixture_open();
    *state = conn;
    error_clear(&err);
    assert_db_ok(db_script(conn,
                           "drop schema if exists diner cascade; drop schema if exists m cascade;"
                           "drop table if exists x_x, slow_s",
                           &err));
    return 0;
}

static int each_teardown(void **state)
{
    db_close(*state);
    return 0;
}

static int apply(struct db_conn *conn, const struct migration *migrations, int *ret)
{
    struct migration_set set = {"test", migrations};
    return migrate_apply(conn, &set, 1, ret, &err);
}

static int64_t value(struct db_conn *conn, const char *sql)
{
    int64_t n = -1;
    assert_db_ok(db_query_int(conn, sql, DB_NO_PARAMS, &n, &err));
    return n;
}

static void test_twice_applies_nothing_the_second_time(void **state)
{
    int n = -1;
    assert_db_ok(apply(*state, two, &n));
    assert_int_equal(n, 2);
    assert_db_ok(apply(*state, two, &n));
    assert_int_equal(n, 0);
    assert_int_equal(value(*state, "select count(*) from m.b"), 1);
    assert_int_equal(value(*state, "select count(*) from diner.migration where set_name = 'test'"
                                   " and length(sha256) = 64"),
                     2);
}

static void test_sets_are_apart(void **state)
{
    static const struct migration other[] = {{"0001_a", "create table m.z (n int)"}, {NULL, NULL}};
    const struct migration_set sets[] = {{"one", two}, {"two", other}};
    int n = 0;
    assert_db_ok(migrate_apply(*state, sets, 2, &n, &err));
    assert_int_equal(n, 3);
}

static void test_failing_migration_leaves_the_ones_before(void **state)
{
    int n = 77;
    assert_int_equal(apply(*state, three, &n), ERR_DATA);
    assert_int_equal(n, 77);
    assert_non_null(strstr(err.message, "'test/0003_c'"));
    assert_string_equal(err.sqlstate, "22012");
    assert_false(db_in_transaction(*state));
    assert_int_equal(value(*state, "select count(*) from diner.migration"), 2);
    assert_int_equal(value(*state, "select count(*) from information_schema.columns where "
                                   "table_schema = 'm' and table_name = 'b'"),
                     1);
    /* The lock was given back. */
    struct db_conn *other = pg_fixture_open();
    assert_db_ok(apply(other, two, &n));
    assert_int_equal(n, 0);
    db_close(other);
}

static void test_edited_migration_is_refused(void **state)
{
    int n = 0;
    struct migration_set set = {"test", edited};
    assert_db_ok(apply(*state, two, &n));
    assert_int_equal(apply(*state, edited, &n), ERR_DATABASE);
    assert_non_null(strstr(err.message, "'test/0001_a'"));
    assert_non_null(strstr(err.hint, "never edited"));
    assert_int_equal(migrate_require(*state, &set, 1, &err), ERR_DATABASE);
}

static void test_migration_that_commits_is_a_bug(void **state)
{
    int n = 0;
    assert_int_equal(apply(*state, ending, &n), ERR_BUG);
    assert_non_null(strstr(err.message, "0001_x"));
}

static void test_status_and_require(void **state)
{
    struct arena *arena = arena_new();
    struct migration_set set = {"test", two};
    struct migration_status *list = NULL;
    size_t count = 0;
    assert_db_ok(migrate_status(*state, &set, 1, arena, &list, &count, &err));
    assert_int_equal(count, 2);
    assert_false(list[0].applied);
    assert_string_equal(list[0].applied_at, "");
    assert_int_equal(migrate_require(*state, &set, 1, &err), ERR_DATABASE);
    assert_string_equal(err.hint, "run 'diner db migrate'");
    assert_int_equal(value(*state, "select count(*) from pg_namespace where nspname = 'diner'"), 0);
    assert_db_ok(apply(*state, two, NULL));
    assert_db_ok(migrate_status(*state, &set, 1, arena, &list, &count, &err));
    assert_true(list[0].applied && list[1].applied);
    assert_string_equal(list[1].name, "0002_b");
    assert_string_equal(list[1].set, "test");
    assert_int_equal(strlen(list[1].applied_at), strlen("2026-11-22T05:15:00Z"));
    assert_db_ok(migrate_require(*state, &set, 1, &err));
    set.migrations = three;
    assert_int_equal(migrate_require(*state, &set, 1, &err), ERR_DATABASE);
    assert_non_null(strstr(err.message, "0003_c"));
    arena_free(arena);
}

static pid_t apply_slow_in_a_child(void)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    struct db_conn *conn = NULL;
    struct db_options options = {.dsn = pg_fixture_dsn, .lock_timeout_ms = 100};
    int n = 9;
    if (db_open(&options, &conn, &err) != ERR_OK || apply(conn, slow, &n) != ERR_OK)
        _exit(99);
    _exit(n);
}

static void test_two_at_once_apply_once(void **state)
{
    (void)state;
    int first = 0;
    int second = 0;
    pid_t a = apply_slow_in_a_child();
    pid_t b = apply_slow_in_a_child();
    waitpid(a, &first, 0);
    waitpid(b, &second, 0);
    assert_int_equal(WEXITSTATUS(first) + WEXITSTATUS(second), 1);
    assert_int_equal(WEXITSTATUS(first) * WEXITSTATUS(second), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, each_setup, each_teardown)
        T(test_twice_applies_nothing_the_second_time),
        T(test_sets_are_apart),
        T(test_failing_migration_leaves_the_ones_before),
        T(test_edited_migration_is_refused),
        T(test_migration_that_commits_is_a_bug),
        T(test_status_and_require),
        T(test_two_at_once_apply_once),
    };
    return cmocka_run_group_tests(tests, pg_fixture_start, pg_fixture_stop);
}
