/* The server itself: malformed and hostile requests, what it tells of itself, the end. */
#include "server_fixture.h"

#include "core/clock.h"
#include <sys/wait.h>

static void assert_raw(const char *request, int status)
{
    AUTO_ANSWER struct answer a;
    app_raw(request, strlen(request), &a);
    if (a.status != status)
        fail_msg("wanted %d for %.80s: %s", status, request, a.text.data);
}

static void test_health_and_contract(void **state)
{
    (void)state;
    AUTO_ANSWER struct answer health = app_send("GET", "/health", NULL, NULL, NULL);
    AUTO_ANSWER struct answer ready = app_send("GET", "/ready", NULL, NULL, NULL);
    AUTO_ANSWER struct answer contract = app_send("GET", "/openapi.yaml", NULL, NULL, NULL);
    assert_string_equal(app_at(&health, "/data/status"), "ok");
    assert_string_equal(app_at(&ready, "/data/status"), "ready");
    assert_int_equal(contract.status, 200);
    assert_memory_equal(contract.body, "openapi: 3.0", 12);
    AUTO_ANSWER struct answer head = app_send("HEAD", "/health", NULL, NULL, NULL);
    assert_int_equal(head.status, 200);
    assert_string_equal(head.body, "");
}

static void test_unknown_addresses(void **state)
{
    (void)state;
    static const char *const unknown[] = {
        "/", "/nothing", "/api/v1", "/api/v1/orders/", "/api/v1/orders/a/b/c/d/e/f", "/health/"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        AUTO_ANSWER struct answer a = app_get(unknown[i]);
        if (a.status != 404 || strcmp(app_at(&a, "/error"), "not_found") != 0)
            fail_msg("%s: %s", unknown[i], a.text.data);
    }
    AUTO_ANSWER struct answer method = app_send("DELETE", "/api/v1/orders", app_token, NULL, NULL);
    assert_int_equal(method.status, 405);
    assert_non_null(strstr(method.text.data, "Allow: GET, POST"));
    assert_string_equal(app_at(&method, "/error"), "method_not_allowed");
}

static void test_trace_id(void **state)
{
    (void)state;
    AUTO_ANSWER struct answer given =
        app_send("GET", "/nothing", NULL, "X-Request-Id: abc-123\r\n", NULL);
    assert_string_equal(app_at(&given, "/trace_id"), "abc-123");
    assert_non_null(strstr(given.text.data, "X-Request-Id: abc-123\r\n"));
    AUTO_ANSWER struct answer bad =
        app_send("GET", "/nothing", NULL, "X-Request-Id: a\"b\r\n", NULL);
    assert_int_equal(strlen(app_at(&bad, "/trace_id")), 36);
}

static void test_traceparent(void **state)
{
    (void)state;
    AUTO_ANSWER struct answer given =
        app_send("GET", "/nothing", NULL,
                 "X-Request-Id: r-1\r\n"
                 "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
                 NULL);
    assert_string_equal(app_at(&given, "/trace_id"), "0af7651916cd43dd8448eb211c80319c");
    assert_non_null(strstr(given.text.data, "X-Request-Id: r-1\r\n"));
    static const char *const bad[] = {
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'; drop table x; --",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char header[160];
        snprintf(header, sizeof header, "X-Request-Id: r-2\r\ntraceparent: %s\r\n", bad[i]);
        AUTO_ANSWER struct answer a = app_send("GET", "/nothing", NULL, header, NULL);
        assert_string_equal(app_at(&a, "/trace_id"), "r-2");
    }
}

/* What the slow log and pg_stat_activity show of a statement names the trace that asked. */
static void test_traceparent_reaches_the_database(void **state)
{
    (void)state;
    AUTO_ANSWER struct answer a =
        app_send("GET", "/api/v1/stores", app_token,
                 "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n", NULL);
    assert_int_equal(a.status, 200);
    struct error err = ERROR_INIT;
    int64_t seen = 0;
    assert_db_ok(db_query_int(
        app_conn,
        "select count(*) from pg_stat_activity where application_name = 'diner serve' and "
        "query like '%/*traceparent=''00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01''*/'",
        DB_NO_PARAMS, &seen, &err));
    assert_int_equal(seen, 1);
    AUTO_ANSWER struct answer plain = app_get("/api/v1/stores"); /* the same connection, clean */
    assert_int_equal(plain.status, 200);
    assert_db_ok(db_query_int(app_conn,
                              "select count(*) from pg_stat_activity where application_name = "
                              "'diner serve' and query like '%traceparent=%'",
                              DB_NO_PARAMS, &seen, &err));
    assert_int_equal(seen, 0);
}

static void test_metrics(void **state)
{
    (void)state;
    AUTO_ANSWER struct answer store = app_get("/api/v1/stores/S001");
    AUTO_ANSWER struct answer nothing = app_get("/nothing");
    AUTO_ANSWER struct answer refused =
        app_post("/api/v1/orders", "{\"store\":\"S001\",\"channel\":\"takeout\",\"items\":["
                                   "{\"product\":\"P2\",\"quantity\":\"99999\"}]}");
    assert_int_equal(refused.status, 409);
    AUTO_ANSWER struct answer m = app_send("GET", "/metrics", NULL, NULL, NULL);
    assert_int_equal(m.status, 200);
    assert_non_null(strstr(m.text.data, "Content-Type: text/plain; version=0.0.4"));
    static const char *const lines[] = {
        "\nhttp_requests_total{service=\"stores\",method=\"GET\","
        "endpoint=\"/api/v1/stores/{code}\",status=\"200\"} ",
        "\nhttp_requests_total{service=\"none\",method=\"none\",endpoint=\"none\",status=\"404\"} ",
        "\nhttp_request_duration_seconds_bucket{method=\"GET\","
        "endpoint=\"/api/v1/stores/{code}\",le=\"0.5\"} ",
        "\nhttp_request_duration_seconds_count{method=\"GET\","
        "endpoint=\"/api/v1/stores/{code}\"} ",
        "\nactive_users_total 1\n",
        "\ndiner_conflicts_total{error=\"insufficient_stock\"} ",
        "\ndiner_database_connections_max 16\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (strstr(m.body, lines[i]) == NULL)
            fail_msg("no%s in %s", lines[i], m.body);
}

/* A reader reads what its store has, and changes nothing. */
static void test_readonly(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char token[2048];
    assert_db_ok(user_upsert(app_conn, "r1", "r1 password", "readonly", "S001", &err));
    app_login("r1", "r1 password", token);
    AUTO_ANSWER struct answer own = app_send("GET", "/api/v1/stores/S001", token, NULL, NULL);
    assert_int_equal(own.status, 200);
    AUTO_ANSWER struct answer other = app_send("GET", "/api/v1/stores/S002", token, NULL, NULL);
    assert_int_equal(other.status, 403);
    assert_string_equal(app_at(&other, "/error"), "forbidden_store");
    AUTO_ANSWER struct answer write =
        app_send("POST", "/api/v1/stock/adjustments", token, NULL, "{\"items\":[]}");
    assert_int_equal(write.status, 403);
    assert_string_equal(app_at(&write, "/error"), "forbidden_role");
    AUTO_ANSWER struct answer users = app_send("GET", "/api/v1/users", token, NULL, NULL);
    assert_int_equal(users.status, 403);
    AUTO_ANSWER struct answer profile = app_send("GET", "/api/v1/profile", token, NULL, NULL);
    assert_string_equal(app_at(&profile, "/data/user/store"), "S001");
    assert_string_equal(app_at(&profile, "/data/permissions/0"), "orders:read");
}

/* Two people who change one user from the same version: the second is told, nothing is lost. */
static void test_lost_update(void **state)
{
    (void)state;
    char token[2048], id[32], target[64];
    app_login("root", "root password", token);
    AUTO_ANSWER struct answer made =
        app_send("POST", "/api/v1/users", token, NULL,
                 "{\"username\":\"u2\",\"password\":\"p\",\"role\":\"readonly\"}");
    assert_int_equal(made.status, 201);
    app_copy(id, sizeof id, &made, "/data/id");
    snprintf(target, sizeof target, "/api/v1/users/%s", id);
    AUTO_ANSWER struct answer first =
        app_send("PATCH", target, token, NULL, "{\"version\":1,\"display_name\":\"一\"}");
    assert_int_equal(first.status, 200);
    assert_string_equal(app_at(&first, "/data/version"), "2");
    AUTO_ANSWER struct answer second =
        app_send("PATCH", target, token, NULL, "{\"version\":1,\"active\":false}");
    assert_int_equal(second.status, 409);
    assert_string_equal(app_at(&second, "/error"), "version_conflict");
    assert_string_equal(app_at(&second, "/details/current/display_name"), "一");
    AUTO_ANSWER struct answer off =
        app_send("PATCH", target, token, NULL, "{\"version\":2,\"active\":false}");
    assert_int_equal(off.status, 200);
    AUTO_ANSWER struct answer login = app_send("POST", "/api/v1/auth/login", NULL, NULL,
                                               "{\"username\":\"u2\",\"password\":\"p\"}");
    assert_int_equal(login.status, 401);
}

/* A NUL would cut the address where libmicrohttpd and we read it differently. */
static void test_nul_in_address(void **state)
{
    (void)state;
    assert_raw("GET /health%00/secret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400);
    assert_raw("GET /health?a%00b=c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400);
}

/* Two statements of where the body ends: the way to smuggle a request. */
static void test_length_with_transfer_encoding(void **state)
{
    (void)state;
    assert_raw("POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
               "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
               400);
}

/* No well-formedness of any kind may crash it. */
static void test_garbage(void **state)
{
    (void)state;
    static const char *const garbage[] = {
        "\r\n\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "\x16\x03\x01\x02",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        int fd = app_connect();
        assert_true(fd >= 0);
        (void)send(fd, garbage[i], strlen(garbage[i]), MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        struct answer a = {0};
        strbuf_init(&a.text, 0);
        app_receive(fd, &a);
        answer_free(&a);
        close(fd);
    }
    AUTO_ANSWER struct answer alive = app_send("GET", "/health", NULL, NULL, NULL);
    assert_int_equal(alive.status, 200);
}

static void test_deep_json(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf deep = {0};
    strbuf_init(&deep, 0);
    for (int i = 0; i < 100000; i++)
        strbuf_addch(&deep, '[');
    AUTO_ANSWER struct answer a = app_post("/api/v1/orders", deep.data);
    assert_int_equal(a.status, 400);
    assert_string_equal(app_at(&a, "/error"), "bad_json");
}

static void test_database_restart(void **state)
{
    (void)state;
    AUTO_ANSWER struct answer before = app_get("/api/v1/stores");
    assert_int_equal(before.status, 200);
    app_run("select pg_terminate_backend(pid) from pg_stat_activity where application_name like "
            "'diner serve%'");
    usleep(200000);
    AUTO_ANSWER struct answer after = app_get("/api/v1/stores");
    assert_int_equal(after.status, 200); /* an idle connection that broke is noticed */
}

/* ---- the end ------------------------------------------------------------------------------ */

/* The server in a process of its own, told by a signal to stop while a request waits. */
static pid_t fork_server(const char *port_file)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct error err = ERROR_INIT;
    const struct platform_server_options options = {.dsn = pg_fixture_dsn,
                                                    .listen = "127.0.0.1:0",
                                                    .jwt_secret = TEST_SECRET,
                                                    .port_file = port_file};
    _exit(platform_server_run(&options, &err) == ERR_OK ? 0 : 1);
}

static int wait_port(const char *port_file)
{
    for (int i = 0; i < 200; i++, usleep(20000)) {
        int port = 0;
        FILE *file = fopen(port_file, "r");
        if (file == NULL)
            continue;
        int n = fscanf(file, "%d", &port);
        fclose(file);
        if (n == 1)
            return port;
    }
    return 0;
}

static void *post_order(void *arg)
{
    AUTO_ANSWER struct answer a = app_post(
        "/api/v1/orders", "{\"store\":\"S001\",\"channel\":\"dine_in\",\"items\":[{\"product\":"
                          "\"P1\",\"quantity\":1}]}");
    *(int *)arg = a.status;
    return NULL;
}

static void test_graceful_stop(void **state)
{
    (void)state;
    char port_file[128];
    int status = 0, exit_status, kept_port = app_port;
    pthread_t thread;
    snprintf(port_file, sizeof port_file, "%s/port", pg_fixture_dir);
    pid_t pid = fork_server(port_file);
    app_port = wait_port(port_file);
    assert_true(app_port > 0);
    app_run("begin; select 1 from app.stock where store_id = 1 and product_id = 1 for update");
    pthread_create(&thread, NULL, post_order, &status);
    for (int i = 0; i < 100 && app_number("select count(*) from pg_locks where not granted") == 0;
         i++)
        usleep(20000);
    kill(pid, SIGTERM);
    usleep(300000);
    assert_int_equal(app_connect(), -1); /* nothing new */
    app_run("rollback");
    pthread_join(thread, NULL);
    assert_int_equal(status, 201); /* what was in progress ended well */
    assert_int_equal(waitpid(pid, &exit_status, 0), pid);
    assert_true(WIFEXITED(exit_status) && WEXITSTATUS(exit_status) == 0);
    assert_int_equal(access(port_file, F_OK), -1);
    app_port = kept_port;
}

static void test_refused_options(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct platform_server *server;
    struct platform_server_options options = {
        .dsn = pg_fixture_dsn, .listen = "nonsense", .jwt_secret = TEST_SECRET};
    assert_int_equal(platform_server_start(&options, &server, &err), ERR_CONFIG);
    char taken[64];
    snprintf(taken, sizeof taken, "127.0.0.1:%d", app_port);
    options.listen = taken;
    assert_int_equal(platform_server_start(&options, &server, &err), ERR_IO);
    assert_non_null(strstr(err.message, taken));
    options.jwt_secret = "short";
    assert_int_equal(platform_server_start(&options, &server, &err), ERR_CONFIG);
    options.jwt_secret = TEST_SECRET;
    options.dsn = "host=/nonexistent dbname=x";
    assert_int_equal(platform_server_start(&options, &server, &err), ERR_DATABASE_TRANSIENT);
}

#define T(f) cmocka_unit_test_setup(f, app_platform_reset)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_health_and_contract),
        T(test_unknown_addresses),
        T(test_trace_id),
        T(test_traceparent),
        T(test_traceparent_reaches_the_database),
        T(test_metrics),
        T(test_readonly),
        T(test_lost_update),
        T(test_nul_in_address),
        T(test_length_with_transfer_encoding),
        T(test_garbage),
        T(test_deep_json),
        T(test_database_restart),
        T(test_graceful_stop),
        T(test_refused_options),
    };
    return cmocka_run_group_tests(tests, app_platform_start, app_platform_stop);
}
