/* The limits of the server: sizes, deadlines, the rate, clients and connections. */
#include "server_fixture.h"

#include "core/clock.h"
#include <errno.h>

static void test_big_bodies(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf big = {0}, request = {0};
    strbuf_init(&big, 0);
    strbuf_init(&request, 0);
    for (int i = 0; i < (1 << 20) + 10; i++)
        strbuf_addch(&big, ' ');
    AUTO_ANSWER struct answer declared =
        app_send("POST", "/api/v1/orders", app_token, NULL, big.data);
    assert_int_equal(declared.status, 413);
    assert_string_equal(app_at(&declared, "/error"), "body_too_large");
    /* The same without a declared length. */
    strbuf_addf(&request,
                "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
                app_token, big.len);
    strbuf_add(&request, big.data, big.len);
    strbuf_adds(&request, "\r\n0\r\n\r\n");
    AUTO_ANSWER struct answer chunked;
    app_raw(request.data, request.len, &chunked);
    assert_int_equal(chunked.status, 413);
    /* A body of just under the limit is read, and is what it is: no JSON object. */
    strbuf_truncate(&big, (1 << 20) - 10);
    AUTO_ANSWER struct answer fits = app_send("POST", "/api/v1/orders", app_token, NULL, big.data);
    assert_int_equal(fits.status, 400);
}

/* Refused in the envelope; what is far beyond, by libmicrohttpd in its own words. */
static void test_big_heads(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        bool is_address;
        int status;
    } heads[] = {
        {15 << 10, false, 200}, {17 << 10, false, 431}, {140 << 10, false, 431},
        {9 << 10, true, 400},   {17 << 10, true, 431},  {140 << 10, true, 414},
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        AUTO_STRBUF struct strbuf big = {0}, request = {0};
        strbuf_init(&big, 0);
        strbuf_init(&request, 0);
        for (size_t k = 0; k < heads[i].bytes; k++)
            strbuf_addch(&big, 'a');
        strbuf_addf(&request, "GET /health%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s%s\r\n",
                    heads[i].is_address ? big.data : "",
                    heads[i].is_address ? "" : "Cookie: ", heads[i].is_address ? "" : big.data);
        if (!heads[i].is_address)
            strbuf_adds(&request, "\r\n");
        AUTO_ANSWER struct answer a;
        app_raw(request.data, request.len, &a);
        bool is_cut = heads[i].bytes == 140 << 10 && a.status == 0; /* the reset came first */
        if (a.status != heads[i].status && !is_cut)
            fail_msg("%zu bytes: %d %s", heads[i].bytes, a.status, a.text.data);
        if (heads[i].bytes == 17 << 10)
            assert_string_equal(app_at(&a, "/error"), "head_too_large");
    }
}

/* Many small headers: their number is the limit, told in the envelope. */
static void test_many_headers(void **state)
{
    (void)state;
    static const struct {
        int headers, status;
    } heads[] = {{98, 200}, {99, 431}, {900, 431}};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        AUTO_STRBUF struct strbuf request = {0};
        strbuf_init(&request, 0);
        strbuf_adds(&request, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        for (int k = 0; k < heads[i].headers; k++)
            strbuf_addf(&request, "H%d: v\r\n", k);
        strbuf_adds(&request, "\r\n");
        AUTO_ANSWER struct answer a;
        app_raw(request.data, request.len, &a);
        assert_int_equal(a.status, heads[i].status);
        if (a.status == 431)
            assert_string_equal(app_at(&a, "/error"), "head_too_large");
    }
}

/* Two ways to see where a body ends are two ways to see the next request: none is believed. */
static void test_doubtful_bodies(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "Content-Length: 2\r\nContent-Length: 43\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char request[512];
        snprintf(request, sizeof request,
                 "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n%s\r\n{}"
                 "GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
                 heads[i]);
        AUTO_ANSWER struct answer a;
        int64_t started_ms = clock_monotonic_ms();
        app_raw(request, strlen(request), &a); /* to the end of the connection */
        if (a.status != 400 || strcmp(app_at(&a, "/error"), "bad_request") != 0)
            fail_msg("%s: %s", heads[i], a.text.data);
        assert_null(strstr(a.body, "HTTP/1.1"));
        assert_true(clock_monotonic_ms() - started_ms < 2000);
    }
}

/* ---- servers with options of their own ---------------------------------------------------- */

static void restart(const struct platform_server_options *changes)
{
    app_server_stop();
    assert_int_equal(app_server_start(changes), 0);
}

/* How long until the server ends a connection on which a byte is sent now and then. */
static int64_t drip(const char *text)
{
    int fd = app_connect();
    int64_t started_ms = clock_monotonic_ms();
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    while (clock_monotonic_ms() - started_ms < 8000) {
        if (*text != '\0' && send(fd, text++, 1, MSG_NOSIGNAL) != 1)
            break;
        if (poll(&poll_fd, 1, 100) > 0)
            break;
    }
    close(fd);
    return clock_monotonic_ms() - started_ms;
}

static void test_slow_clients(void **state)
{
    (void)state;
    const struct platform_server_options options = {.receive_timeout_ms = 1000,
                                                    .idle_timeout_ms = 1000};
    restart(&options);
    assert_in_range(drip(""), 900, 3000);
    assert_in_range(drip("GET /health HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
                    900, 3000);
    int64_t body = drip("POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n"
                        "\r\n{            ");
    assert_in_range(body, 900, 4000);
    restart(NULL);
}

/* ---- the rate ----------------------------------------------------------------------------- */

#define HOUR_MS 3600000

/* Rates that give nothing back while a test runs, however slow the machine. */
static struct settings settings_of(int64_t minute, int64_t hour, int64_t its_minute,
                                   int64_t its_hour)
{
    return (struct settings){.timezone = "Asia/Shanghai",
                             .points_per_yuan = "1",
                             .page_size_default = 20,
                             .page_size_max = 100,
                             .access_token_ms = 60000,
                             .refresh_token_ms = 60000,
                             .database_connections_max = 4,
                             .database_lock_timeout_ms = 1000,
                             .rate_minute = {minute, HOUR_MS},
                             .rate_hour = {hour, HOUR_MS},
                             .rate_integration_minute = {its_minute, HOUR_MS},
                             .rate_integration_hour = {its_hour, HOUR_MS}};
}

/* So many requests are let through, then none, and Retry-After says when there will be one. */
static void assert_quota(const char *who, const char *token, int64_t requests)
{
    char header[48];
    for (int64_t i = 0; i < requests; i++) {
        AUTO_ANSWER struct answer a = app_send("GET", "/api/v1/stores", token, NULL, NULL);
        if (a.status != 200)
            fail_msg("request %lld of %s: %d", (long long)i, who, a.status);
    }
    AUTO_ANSWER struct answer over = app_send("GET", "/api/v1/stores", token, NULL, NULL);
    if (over.status != 429)
        fail_msg("one more than %lld of %s: %d", (long long)requests, who, over.status);
    assert_string_equal(app_at(&over, "/message"), "Too many requests");
    assert_string_equal(app_at(&over, "/error"), "rate_limited");
    const char *after = strstr(over.text.data, "\r\nRetry-After: ");
    assert_non_null(after);
    snprintf(header, sizeof header, "%.40s", after + 15);
    assert_in_range(strtoll(header, NULL, 10), HOUR_MS / 1000 / requests - 60,
                    HOUR_MS / 1000 / requests + 1);
}

/* Each user has a quota of their own, that of the role: integration has the higher one. A new token
 * brings no new quota, and what watches the server is not counted. */
static void test_quota_of_each_role(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    static const char *const users[] = {"root", "s1", "r3", "bot", "bot2"};
    char tokens[5][2048], again[2048];
    assert_db_ok(user_upsert(app_conn, "r3", "r3 password", "readonly", NULL, &err));
    assert_db_ok(user_upsert(app_conn, "bot2", "bot2 password", "integration", NULL, &err));
    for (size_t i = 0; i < 5; i++) {
        char password[32];
        snprintf(password, sizeof password, "%s password", users[i]);
        app_login(users[i], password, tokens[i]);
    }
    app_login("s1", "s1 password", again);
    const struct settings by_minute = settings_of(3, 50, 7, 50);
    const struct settings by_hour = settings_of(50, 4, 50, 9);
    const struct platform_server_options first = {.settings = &by_minute};
    const struct platform_server_options second = {.settings = &by_hour};
    restart(&first);
    for (size_t i = 0; i < 5; i++)
        assert_quota(users[i], tokens[i], i < 3 ? 3 : 7);
    AUTO_ANSWER struct answer same = app_send("GET", "/api/v1/stores", again, NULL, NULL);
    assert_int_equal(same.status, 429);
    AUTO_ANSWER struct answer health = app_send("GET", "/health", tokens[0], NULL, NULL);
    assert_int_equal(health.status, 200);
    restart(&second);
    for (size_t i = 0; i < 5; i++)
        assert_quota(users[i], tokens[i], i < 3 ? 4 : 9);
    restart(NULL);
}

/* Guessing passwords is counted by address. */
static void test_login_rate(void **state)
{
    (void)state;
    const struct settings few = settings_of(3, 100, 100, 100);
    const struct platform_server_options options = {.settings = &few};
    const char *body = "{\"username\":\"root\",\"password\":\"guess\"}";
    restart(&options);
    for (int i = 0; i < 3; i++) {
        AUTO_ANSWER struct answer a = app_send("POST", "/api/v1/auth/login", NULL, NULL, body);
        assert_int_equal(a.status, 401);
    }
    AUTO_ANSWER struct answer over = app_send("POST", "/api/v1/auth/login", NULL, NULL, body);
    assert_int_equal(over.status, 429);
    restart(NULL);
}

/* What is not there, or no address at all, is not asked for without end either. */
static void test_rate_of_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target;
        int status;
    } requests[] = {{"GET", "/api/v1/nope", 404},
                    {"DELETE", "/api/v1/stores", 405},
                    {"GET", "/api/v1/%zz", 400}};
    const struct settings few = settings_of(3, 100, 4, 100);
    const struct platform_server_options options = {.settings = &few};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        restart(&options);
        for (int k = 0; k < 4; k++) {
            AUTO_ANSWER struct answer a =
                app_send(requests[i].method, requests[i].target, NULL, NULL, NULL);
            assert_int_equal(a.status, k < 3 ? requests[i].status : 429);
            assert_true(k < 3 || strstr(a.text.data, "\r\nRetry-After: ") != NULL);
            assert_true(k < 3 || strstr(a.text.data, "\r\nAllow: ") == NULL);
        }
        /* Who has a token has a quota of their own, there too. */
        for (int k = 0; k < 5; k++) {
            AUTO_ANSWER struct answer a =
                app_send(requests[i].method, requests[i].target, app_token, NULL, NULL);
            assert_int_equal(a.status, k < 4 ? requests[i].status : 429);
        }
    }
    AUTO_ANSWER struct answer health = app_send("GET", "/health", NULL, NULL, NULL);
    assert_int_equal(health.status, 200);
    restart(NULL);
}

/* ---- connections -------------------------------------------------------------------------- */

/* A connection from that address on which half a header is sent. */
static int connect_halfway(const char *from)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((in_port_t)app_port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(from)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    (void)send(fd, "GET /hea", 8, MSG_NOSIGNAL);
    return fd;
}

/* How many of these connections the server keeps open. */
static int count_kept(const int *fds, int count)
{
    int kept = 0;
    struct timespec pause = {.tv_nsec = 300000000};
    (void)nanosleep(&pause, NULL);
    for (int i = 0; i < count; i++) {
        char byte;
        kept += recv(fds[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
    }
    return kept;
}

static int keep_from(const char *address, int count)
{
    int fds[600];
    for (int i = 0; i < count; i++)
        fds[i] = connect_halfway(address);
    int kept = count_kept(fds, count);
    AUTO_ANSWER struct answer others = app_get("/api/v1/stores");
    assert_int_equal(others.status, 200);
    for (int i = 0; i < count; i++)
        close(fds[i]);
    return kept;
}

static void test_connections_of_one_address(void **state)
{
    (void)state;
    const char *proxy = "127.0.0.2";
    struct settings s = settings_of(100, 100, 100, 100);
    const struct platform_server_options options = {.settings = &s};
    assert_int_equal(keep_from("127.0.0.2", 600), 512); /* the default */
    s.rate_connections = 5;
    restart(&options);
    assert_int_equal(keep_from("127.0.0.2", 20), 5);
    assert_int_equal(keep_from("127.0.0.3", 4), 4);
    s.rate_connections = 0;
    restart(&options);
    assert_int_equal(keep_from("127.0.0.2", 20), 20);
    s.rate_connections = 5;
    s.rate_proxies = (struct field_strings){&proxy, 1};
    restart(&options);
    assert_int_equal(keep_from("127.0.0.2", 20), 20);
    assert_int_equal(keep_from("127.0.0.3", 20), 5);
    restart(NULL);
}

/* A row that everybody wants does not keep out who only reads. */
static void *post_order(void *arg)
{
    AUTO_ANSWER struct answer a =
        app_post("/api/v1/orders", "{\"store\":\"S001\",\"channel\":\"takeout\",\"items\":[{"
                                   "\"product\":\"P1\",\"quantity\":1}]}");
    *(int *)arg = a.status;
    return NULL;
}

static void test_reads_beside_waiting_writes(void **state)
{
    (void)state;
    pthread_t threads[40];
    int statuses[40], refused = 0;
    app_run("begin; select 1 from app.stock where store_id = 1 and product_id = 1 for update");
    for (size_t i = 0; i < 40; i++)
        pthread_create(&threads[i], NULL, post_order, &statuses[i]);
    struct timespec pause = {.tv_nsec = 800000000};
    (void)nanosleep(&pause, NULL);
    int64_t started_ms = clock_monotonic_ms();
    AUTO_ANSWER struct answer read = app_get("/api/v1/orders");
    int64_t took_ms = clock_monotonic_ms() - started_ms;
    app_run("rollback");
    for (size_t i = 0; i < 40; i++) {
        pthread_join(threads[i], NULL);
        refused += statuses[i] != 201;
    }
    assert_int_equal(read.status, 200);
    assert_in_range(took_ms, 0, 2000);
    assert_int_equal(refused, 0); /* who waited long enough has got a connection */
}

/* Clients beyond the pool wait their turn. */
static void *get_stores(void *arg)
{
    AUTO_ANSWER struct answer a = app_get("/api/v1/stores");
    *(int *)arg = a.status;
    return NULL;
}

static void test_more_clients_than_connections(void **state)
{
    (void)state;
    const struct platform_server_options options = {.database_connections_max = 2};
    pthread_t threads[30];
    int statuses[30];
    restart(&options);
    for (size_t i = 0; i < 30; i++)
        pthread_create(&threads[i], NULL, get_stores, &statuses[i]);
    for (size_t i = 0; i < 30; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < 30; i++)
        assert_int_equal(statuses[i], 200);
    assert_in_range(app_number("select count(*) from pg_stat_activity where application_name like "
                               "'diner serve%'"),
                    1, 2);
    restart(NULL);
}

#define T(f) cmocka_unit_test_setup(f, app_platform_reset)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_big_bodies),
        T(test_big_heads),
        T(test_many_headers),
        T(test_doubtful_bodies),
        T(test_slow_clients),
        T(test_quota_of_each_role),
        T(test_login_rate),
        T(test_rate_of_nothing),
        T(test_connections_of_one_address),
        T(test_reads_beside_waiting_writes),
        T(test_more_clients_than_connections),
    };
    return cmocka_run_group_tests(tests, app_platform_start, app_platform_stop);
}
