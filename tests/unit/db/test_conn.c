/* tests/unit/db/test_conn.c - connections, statements, errors, cancelling, against a server. */
#include "pg_fixture.h"

#include "core/clock.h"
#include "core/signals.h"
#include <fcntl.h>
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

/* ---- connecting --------------------------------------------------------------------------- */

static int open_dsn(const char *dsn, struct db_conn **conn)
{
    struct db_options options = {.dsn = dsn, .connect_timeout_ms = 3000};
    return db_open(&options, conn, &err);
}

static void test_session_settings(void **state)
{
    static const char *const expected[][2] = {{"client_encoding", "UTF8"},
                                              {"datestyle", "ISO, YMD"},
                                              {"timezone", "UTC"},
                                              {"idle_in_transaction_session_timeout", "0"},
                                              {"lock_timeout", "5s"},
                                              {"statement_timeout", "0"},
                                              {"application_name", "diner-test"}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        AUTOFREE char *value = NULL;
        assert_db_ok(db_query_text(*state, "select current_setting($1)", DB_PARAMS(expected[i][0]),
                                   &value, &err));
        assert_string_equal(value, expected[i][1]);
    }
    assert_true(db_server_version(*state) >= 150000);
}

static void test_options_reach_the_session(void **state)
{
    (void)state;
    struct db_conn *conn = NULL;
    struct db_options options = {.dsn = pg_fixture_dsn,
                                 .search_path = "pg_catalog",
                                 .statement_timeout_ms = 50,
                                 .lock_timeout_ms = 70};
    assert_db_ok(db_open(&options, &conn, &err));
    AUTOFREE char *path = NULL;
    AUTOFREE char *lock = NULL;
    assert_db_ok(db_query_text(conn, "show search_path", DB_NO_PARAMS, &path, &err));
    assert_string_equal(path, "pg_catalog");
    assert_db_ok(db_query_text(conn, "show lock_timeout", DB_NO_PARAMS, &lock, &err));
    assert_string_equal(lock, "70ms");
    assert_int_equal(db_execute(conn, "select pg_sleep(5)", DB_NO_PARAMS, NULL, &err),
                     ERR_DATABASE);
    assert_string_equal(err.sqlstate, "57014");
    db_close(conn);
}

static void test_step_names_the_session(void **state)
{
    AUTOFREE char *name = NULL;
    db_set_step(*state, "orders");
    assert_db_ok(db_query_text(*state, "show application_name", DB_NO_PARAMS, &name, &err));
    assert_string_equal(name, "diner-test: orders");
}

static void test_wrong_password_is_auth_and_not_shown(void **state)
{
    struct db_conn *conn = NULL;
    char path[128];
    char dsn[320];
    assert_db_ok(db_script(*state, "create role locked login password 'right-secret-1'", &err));
    snprintf(path, sizeof path, "%s/data/pg_hba.conf", pg_fixture_dir);
    FILE *hba = fopen(path, "w");
    assert_non_null(hba);
    fputs("local all locked scram-sha-256\nlocal all all trust\n", hba);
    fclose(hba);
    assert_db_ok(db_script(*state, "select pg_reload_conf()", &err));
    usleep(300000);
    snprintf(dsn, sizeof dsn, "host=%s user=locked dbname=postgres password=wrong-secret-2",
             pg_fixture_dir);
    assert_int_equal(open_dsn(dsn, &conn), ERR_AUTH);
    assert_string_equal(err.sqlstate, "28P01");
    assert_null(strstr(err.message, "wrong-secret-2"));
    assert_non_null(strstr(err.message, "locked"));
    assert_true(err.hint[0] != '\0');
    assert_null(conn);
    snprintf(dsn, sizeof dsn, "host=%s user=locked dbname=postgres", pg_fixture_dir);
    assert_int_equal(open_dsn(dsn, &conn), ERR_AUTH);
    assert_non_null(strstr(err.message, "asks for a password"));
    snprintf(dsn, sizeof dsn, "host=%s user=locked dbname=postgres password=right-secret-1",
             pg_fixture_dir);
    assert_db_ok(open_dsn(dsn, &conn));
    db_close(conn);
}

static void test_connect_failures_are_classified(void **state)
{
    (void)state;
    struct db_conn *conn = NULL;
    char dsn[256];
    assert_int_equal(open_dsn("host=/nonexistent dbname=x", &conn), ERR_DATABASE_TRANSIENT);
    assert_string_equal(err.sqlstate, "08001");
    assert_int_equal(open_dsn("postgresql://127.0.0.1:1/x", &conn), ERR_DATABASE_TRANSIENT);
    snprintf(dsn, sizeof dsn, "host=%s user=postgres dbname=no_such_db", pg_fixture_dir);
    assert_int_equal(open_dsn(dsn, &conn), ERR_DATABASE);
    assert_string_equal(err.sqlstate, "3D000");
    snprintf(dsn, sizeof dsn, "host=%s sslmode=sometimes", pg_fixture_dir);
    assert_int_equal(open_dsn(dsn, &conn), ERR_CONFIG);
    assert_null(conn);
}

static void test_malformed_dsn_is_not_quoted(void **state)
{
    (void)state;
    struct db_conn *conn = NULL;
    assert_int_equal(open_dsn("host=x password=open sesame-77 user=y", &conn), ERR_CONFIG);
    assert_null(strstr(err.message, "sesame-77"));
    assert_null(strstr(err.hint, "sesame-77"));
}

static void test_connecting_to_a_silent_server_times_out(void **state)
{
    (void)state;
    struct db_conn *conn = NULL;
    /* A server that is stopped accepts into its backlog and never answers. */
    char dsn[256];
    char command[96];
    snprintf(command, sizeof command, "head -1 %s/data/postmaster.pid", pg_fixture_dir);
    FILE *out = popen(command, "r");
    int pid = 0;
    assert_int_equal(fscanf(out, "%d", &pid), 1);
    pclose(out);
    kill(pid, SIGSTOP);
    struct db_options options = {.dsn = dsn, .connect_timeout_ms = 300};
    snprintf(dsn, sizeof dsn, "%s", pg_fixture_dsn);
    int64_t started_ms = clock_monotonic_ms();
    int code = db_open(&options, &conn, &err);
    kill(pid, SIGCONT);
    assert_int_equal(code, ERR_DATABASE_TRANSIENT);
    assert_non_null(strstr(err.message, "timed out"));
    assert_in_range(clock_monotonic_ms() - started_ms, 250, 2500);
}

/* ---- statements --------------------------------------------------------------------------- */

static void test_query_with_parameters(void **state)
{
    AUTO_RESULT struct db_result *r = NULL;
    assert_db_ok(db_query(*state, "select $1::text as a, $2::int8 as b, $3::bool as c, 'x''y' as d",
                          DB_PARAMS("菜'; drop table x", "-42", NULL), &r, &err));
    assert_int_equal(db_result_rows(r), 1);
    assert_int_equal(db_result_columns(r), 4);
    assert_string_equal(db_result_name(r, 1), "b");
    assert_int_equal(db_result_type(r, 1), 20);
    assert_string_equal(db_result_text(r, 0, 0), "菜'; drop table x");
    assert_int_equal(db_result_span(r, 0, 0).len, strlen("菜'; drop table x"));
    assert_int_equal(db_result_int(r, 0, 1), -42);
    assert_null(db_result_text(r, 0, 2));
    assert_false(db_result_bool(r, 0, 2));
    assert_null(db_result_span(r, 0, 2).ptr);
}

static void test_execute_counts_and_first_values(void **state)
{
    int64_t n = 0;
    static char untouched[] = "untouched";
    char *text = untouched;
    assert_db_ok(
        db_script(*state, "create temp table t(a int); insert into t values (1), (2)", &err));
    assert_db_ok(db_execute(*state, "update t set a = a + 1", DB_NO_PARAMS, &n, &err));
    assert_int_equal(n, 2);
    assert_db_ok(db_query_int(*state, "select sum(a) from t", DB_NO_PARAMS, &n, &err));
    assert_int_equal(n, 5);
    assert_int_equal(
        db_query_text(*state, "select a from t where a > 9", DB_NO_PARAMS, &text, &err),
        ERR_NOT_FOUND);
    assert_ptr_equal(text, untouched);
    assert_db_ok(db_query_text(*state, "select null::text", DB_NO_PARAMS, &text, &err));
    assert_null(text);
}

static void test_several_statements_only_in_scripts(void **state)
{
    assert_int_equal(db_execute(*state, "select 1; select 2", DB_NO_PARAMS, NULL, &err),
                     ERR_DATABASE);
    assert_string_equal(err.sqlstate, "42601");
    assert_int_equal(db_script(*state, "select 1; select 1/0; select 3", &err), ERR_DATA);
    assert_string_equal(err.sqlstate, "22012");
    assert_db_ok(db_script(*state, "", &err));
}

static void test_stray_copy_leaves_the_connection_usable(void **state)
{
    assert_int_equal(db_script(*state, "copy (select 1) to stdout", &err), ERR_DATABASE);
    assert_db_ok(db_script(*state, "create temp table c(a int)", &err));
    assert_int_not_equal(db_script(*state, "copy c from stdin", &err), ERR_OK);
    assert_db_ok(db_script(*state, "select 1", &err));
}

struct seen {
    int64_t sum, stop_at;
    struct db_conn *conn;
};

static int add_row(void *self, const struct db_result *row, struct error *e)
{
    struct seen *seen = self;
    assert_int_equal(db_result_rows(row), 1);
    seen->sum += db_result_int(row, 0, 0);
    if (seen->stop_at > 0 && db_result_int(row, 0, 0) == seen->stop_at)
        return error_set(e, ERR_CHECK, "stopped at %lld", (long long)seen->stop_at);
    return ERR_OK;
}

static void test_each_row_and_stopping(void **state)
{
    struct seen seen = {0};
    assert_db_ok(db_query_each(*state, "select generate_series(1, $1::int)", DB_PARAMS("1000"),
                               add_row, &seen, &err));
    assert_int_equal(seen.sum, 500500);
    seen = (struct seen){.stop_at = 3};
    int64_t started_ms = clock_monotonic_ms();
    assert_int_equal(db_query_each(*state, "select generate_series(1, 100000000)", DB_NO_PARAMS,
                                   add_row, &seen, &err),
                     ERR_CHECK);
    assert_string_equal(err.message, "stopped at 3");
    assert_int_equal(seen.sum, 6);
    assert_true(clock_monotonic_ms() - started_ms < 10000);
    assert_db_ok(db_script(*state, "select 1", &err));
    seen = (struct seen){0};
    assert_int_equal(db_query_each(*state, "select 10 / (3 - g) from generate_series(1, 5) g",
                                   DB_NO_PARAMS, add_row, &seen, &err),
                     ERR_DATA);
    assert_int_equal(seen.sum, 15);
}

static int query_inside(void *self, const struct db_result *row, struct error *e)
{
    struct seen *seen = self;
    (void)row;
    return db_execute(seen->conn, "select 1", DB_NO_PARAMS, NULL, e);
}

static void test_statement_inside_each_is_a_bug(void **state)
{
    struct seen seen = {.conn = *state};
    assert_int_equal(db_query_each(*state, "select 1", DB_NO_PARAMS, query_inside, &seen, &err),
                     ERR_BUG);
}

static void test_quoting(void **state)
{
    AUTO_STRBUF struct strbuf sql;
    AUTOFREE char *text = NULL;
    strbuf_init(&sql, 0);
    strbuf_adds(&sql, "create temp table ");
    db_quote_qualified(&sql, "pg_temp", "we\"ird; 表");
    strbuf_adds(&sql, " as select ");
    db_quote_literal(&sql, "it's \\ 'quoted'");
    strbuf_adds(&sql, " as ");
    db_quote_identifier(&sql, "select");
    assert_db_ok(db_script(*state, sql.data, &err));
    assert_db_ok(db_query_text(*state, "select \"select\" from \"we\"\"ird; 表\"", DB_NO_PARAMS,
                               &text, &err));
    assert_string_equal(text, "it's \\ 'quoted'");
}

/* ---- errors ------------------------------------------------------------------------------- */

static void test_sqlstates_become_codes(void **state)
{
    static const struct {
        const char *sqlstate;
        enum error_code code;
    } cases[] = {{"08006", ERR_DATABASE_TRANSIENT},
                 {"40001", ERR_DATABASE_TRANSIENT},
                 {"40P01", ERR_DATABASE_TRANSIENT},
                 {"55P03", ERR_DATABASE_TRANSIENT},
                 {"57P03", ERR_DATABASE_TRANSIENT},
                 {"53300", ERR_DATABASE_TRANSIENT},
                 {"22003", ERR_DATA},
                 {"23505", ERR_DATA},
                 {"28000", ERR_AUTH},
                 {"42501", ERR_AUTH},
                 {"42703", ERR_DATABASE},
                 {"57014", ERR_DATABASE},
                 {"P0001", ERR_DATABASE},
                 {"40002", ERR_DATABASE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "do $$ begin raise exception 'x' using errcode = '%s'; end $$",
                 cases[i].sqlstate);
        assert_int_equal(db_script(*state, sql, &err), cases[i].code);
        assert_string_equal(err.sqlstate, cases[i].sqlstate);
    }
}

static void test_error_shows_place_and_hint_but_no_row(void **state)
{
    assert_int_equal(db_script(*state, "select 1,\n  nonsense from pg_class", &err), ERR_DATABASE);
    assert_non_null(strstr(err.message, "line 2, column 3"));
    assert_int_equal(db_script(*state, "select relnam from pg_class", &err), ERR_DATABASE);
    assert_non_null(strstr(err.hint, "relname"));
    assert_db_ok(db_script(*state,
                           "create temp table m(phone text primary key); "
                           "insert into m values ('13800138000')",
                           &err));
    assert_int_equal(db_script(*state, "insert into m values ('13800138000')", &err), ERR_DATA);
    assert_non_null(strstr(err.message, "m_pkey"));
    assert_null(strstr(err.message, "13800138000"));
}

static void terminate(struct db_conn *victim)
{
    char sql[96];
    char pid[16];
    struct db_conn *other = pg_fixture_open();
    struct error ignored = ERROR_INIT;
    snprintf(sql, sizeof sql, "select pg_terminate_backend($1::int, 5000)");
    int64_t value = 0;
    assert_int_equal(
        db_query_int(victim, "select pg_backend_pid()", DB_NO_PARAMS, &value, &ignored), ERR_OK);
    snprintf(pid, sizeof pid, "%d", (int)value);
    assert_int_equal(db_execute(other, sql, DB_PARAMS(pid), NULL, &ignored), ERR_OK);
    db_close(other);
}

static void test_killed_backend_is_transient(void **state)
{
    struct db_conn *conn = *state;
    assert_true(db_is_alive(conn));
    terminate(conn);
    assert_false(db_is_alive(conn));
    assert_int_equal(db_script(conn, "select 1", &err), ERR_DATABASE_TRANSIENT);
    assert_true(err.sqlstate[0] != '\0');
    assert_int_equal(db_begin(conn, &err), ERR_DATABASE_TRANSIENT);
    db_rollback(conn);
    assert_false(db_in_transaction(conn));
}

/* ---- signals ------------------------------------------------------------------------------ */

/* The signal comes from a child after ms; the statement must end long before its own end. */
static pid_t interrupt_after(int ms)
{
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        usleep((useconds_t)ms * 1000);
        kill(parent, SIGINT);
        _exit(0);
    }
    return child;
}

static void test_interrupt_cancels_on_the_server(void **state)
{
    signals_install();
    pid_t child = interrupt_after(200);
    int64_t started_ms = clock_monotonic_ms();
    int code = db_execute(*state, "select pg_sleep(20)", DB_NO_PARAMS, NULL, &err);
    waitpid(child, NULL, 0);
    assert_int_equal(code, ERR_CANCELLED);
    assert_string_equal(err.sqlstate, "57014");
    assert_true(clock_monotonic_ms() - started_ms < 5000);
    /* What follows the signal runs: the run must still be recorded. */
    assert_db_ok(db_execute(*state, "select pg_sleep(0.1)", DB_NO_PARAMS, NULL, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, each_setup, each_teardown)
        T(test_session_settings),
        T(test_options_reach_the_session),
        T(test_step_names_the_session),
        T(test_wrong_password_is_auth_and_not_shown),
        T(test_connect_failures_are_classified),
        T(test_malformed_dsn_is_not_quoted),
        T(test_connecting_to_a_silent_server_times_out),
        T(test_query_with_parameters),
        T(test_execute_counts_and_first_values),
        T(test_several_statements_only_in_scripts),
        T(test_stray_copy_leaves_the_connection_usable),
        T(test_each_row_and_stopping),
        T(test_statement_inside_each_is_a_bug),
        T(test_quoting),
        T(test_sqlstates_become_codes),
        T(test_error_shows_place_and_hint_but_no_row),
        T(test_killed_backend_is_transient),
        T(test_interrupt_cancels_on_the_server),
    };
    return cmocka_run_group_tests(tests, pg_fixture_start, pg_fixture_stop);
}
