/* The client against the scripted server: breaker, rate, many requests in flight, signals. */
#include "core/signals.h"
#include "http_fixture.h"

/* ---- breaker and rate ---------------------------------------------------------------------- */

static void test_the_breaker_opens_and_half_opens(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_response r = {0};
    struct http_client *c = client_with((struct http_options){
        .breaker_failures = 3, .breaker_open_ms = 60000, .retry = {.max_attempts = 1}});
    struct http_request req = {.url = url_of("/a")};

    fake_clock_begin();
    server_script("{'/a': [{'drop': true}, {'drop': true}, {'drop': true}, {'drop': true}, {}]}");
    for (int i = 0; i < 3; i++)
        assert_int_equal(http_send(c, &req, &r, &err), ERR_UNAVAILABLE);
    /* GETs on new connections are not repeated by libcurl: three were seen */
    assert_int_equal(server_count("'path': '/a'"), 3);
    assert_int_equal(http_send(c, &req, &r, &err), ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "not sent"));
    assert_int_equal(err.retry_after_ms, 60000);
    fake_advance(59999);
    assert_int_equal(http_send(c, &req, &r, &err), ERR_UNAVAILABLE);
    assert_int_equal(server_count("'path': '/a'"), 3);
    fake_advance(1);
    assert_int_equal(http_send(c, &req, &r, &err), ERR_UNAVAILABLE); /* the probe fails */
    assert_int_equal(server_count("'path': '/a'"), 4);
    assert_int_equal(http_send(c, &req, &r, &err), ERR_UNAVAILABLE);
    assert_int_equal(server_count("'path': '/a'"), 4);
    fake_advance(60000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(http_send(c, &req, &r, &err), 0);
        http_response_release(&r);
    }
    assert_int_equal(server_count("'path': '/a'"), 7);
    http_client_free(c);
}

static void test_a_retry_waits_for_the_breaker(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_options options = {
        .breaker_failures = 2, .breaker_open_ms = 60000, .retry = {.base_ms = 1, .cap_ms = 2}};
    fake_clock_begin();
    server_script("{'/a': [{'status': 500}, {'status': 500}, {}]}");
    assert_int_equal(send_once(options, (struct http_request){.url = url_of("/a")}, NULL, &err), 0);
    assert_in_range(fake.slept_ms, 60000, 60100);
}

static void test_other_answers_keep_the_breaker_closed(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_client *c = client_with((struct http_options){
        .breaker_failures = 1, .breaker_open_ms = 60000, .retry = {.max_attempts = 1}});
    struct http_request req = {.url = url_of("/a")};
    server_script("{'/a': [{'status': 404}, {'status': 429}, {'status': 409}, {}]}");
    for (int i = 0; i < 4; i++) {
        struct http_response r = {0};
        assert_int_equal(http_send(c, &req, &r, &err), 0);
        http_response_release(&r);
    }
    http_client_free(c);
}

static void test_a_redirected_probe_decides(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_response r = {0};
    struct http_client *c = client_with((struct http_options){
        .breaker_failures = 1, .breaker_open_ms = 1000, .retry = {.max_attempts = 1}});
    struct http_request req = {.url = url_of("/a")};
    fake_clock_begin();
    server_script("{'/a': [{'drop': true}, {'status': 302, 'headers': {'Location': '/b'}}],"
                  " '/b': [{'body': 'up'}]}");
    assert_int_equal(http_send(c, &req, &r, &err), ERR_UNAVAILABLE);
    fake_advance(1000);
    assert_int_equal(http_send(c, &req, &r, &err), 0);
    assert_string_equal(r.body.data, "up");
    http_response_release(&r);
    http_client_free(c);
}

static void test_the_declared_rate_is_kept(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_client *c =
        client_with((struct http_options){.rate_count = 10, .rate_per_ms = 1000});
    struct http_request req = {.url = url_of("/a")};
    fake_clock_begin();
    server_script("{'/a': [{}]}");
    for (int i = 0; i < 30; i++) {
        struct http_response r = {0};
        assert_int_equal(http_send(c, &req, &r, &err), 0);
        http_response_release(&r);
    }
    assert_in_range(fake.slept_ms, 2700, 3000);
    http_client_free(c);
}

/* A budget of others: what it was asked for, and what it says. */
struct budget {
    int asked;
    int64_t interval_ns, n, wait_ns;
    bool fails;
};

static int take_places(void *self, const char *name, int64_t interval_ns, int64_t n,
                       int64_t *ret_wait_ns, struct error *err)
{
    struct budget *b = self;
    assert_string_equal(name, "shop");
    b->asked++;
    b->interval_ns = interval_ns;
    b->n = n;
    *ret_wait_ns = b->wait_ns;
    return b->fails ? error_set(err, ERR_DATABASE_TRANSIENT, "gone") : 0;
}

static void test_a_shared_rate_is_asked_for_its_places(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct budget b = {.wait_ns = 300 * INT64_C(1000000)};
    struct http_client *c = client_with((struct http_options){
        .rate_count = 100, .rate_per_ms = 1000, .budget = {take_places, &b, "shop"}});
    struct http_request req = {.url = url_of("/a")};
    fake_clock_begin();
    server_script("{'/a': [{}]}");
    for (int i = 0; i < 20; i++) {
        struct http_response r = {0};
        assert_int_equal(http_send(c, &req, &r, &err), 0);
        http_response_release(&r);
    }
    /* Five places at a time, 10 ms apart, the first of them after 300 ms. */
    assert_int_equal(b.asked, 4);
    assert_int_equal(b.n, 5);
    assert_int_equal(b.interval_ns, 10 * INT64_C(1000000));
    assert_in_range(fake.slept_ms, 4 * (300 + 40), 4 * (300 + 50));
    /* Places that were left for too long are not used in a heap. */
    struct http_response r = {0};
    assert_int_equal(http_send(c, &req, &r, &err), 0);
    http_response_release(&r);
    fake_advance(5000);
    assert_int_equal(http_send(c, &req, &r, &err), 0);
    http_response_release(&r);
    assert_int_equal(b.asked, 6);
    /* Nothing is sent without a place. */
    b.fails = true;
    fake_advance(5000);
    assert_int_equal(http_send(c, &req, &r, &err), ERR_DATABASE_TRANSIENT);
    http_response_release(&r);
    http_client_free(c);
}

/* ---- many in flight ------------------------------------------------------------------------ */

struct tally {
    int ok, failed, cancelled;
};

static void count_done(void *self, const struct http_request *req, const struct http_response *r,
                       const struct error *err)
{
    struct tally *tally = self;
    (void)req;
    if (err->code == ERR_CANCELLED)
        tally->cancelled++;
    else if (err->code == 0 && r->status == 200 && strcmp(r->body.data, "fine") == 0)
        tally->ok++;
    else
        tally->failed++;
}

static void test_64_requests_are_in_flight_at_once(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct tally tally = {0};
    struct http_options options = quick;
    struct http_request req = {.url = url_of("/a")};
    options.in_flight_max = 64;
    struct http_client *c = client_with(options);
    server_script("{'/a': [{'delay_ms': 400, 'body': 'fine'}]}");
    int64_t begun = clock_monotonic_ms();
    for (int i = 0; i < 64; i++)
        http_start(c, &req, count_done, &tally);
    assert_int_equal(http_run(c, true, &err), 0);
    assert_int_equal(tally.ok, 64);
    /* one after the other would be 25 s, eight at a time 3.2 s */
    assert_in_range(clock_monotonic_ms() - begun, 400, 3000);
    assert_int_equal(server_count("'path': '/a'"), 64);
    http_client_free(c);
}

static void test_in_flight_max_is_kept_and_connections_are_reused(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct tally tally = {0};
    struct http_options options = quick;
    struct http_request req = {.url = url_of("/a")};
    options.in_flight_max = 2;
    struct http_client *c = client_with(options);
    server_script("{'/a': [{'body': 'fine', 'delay_ms': 20}]}");
    for (int i = 0; i < 20; i++) {
        http_start(c, &req, count_done, &tally);
        assert_int_equal(http_run(c, false, &err), 0);
        assert_true(i - tally.ok < 2); /* fewer than two under way when it returned */
    }
    assert_int_equal(http_run(c, true, &err), 0);
    assert_int_equal(tally.ok, 20);
    int connections = server_connections();
    assert_in_range(connections, 1, 2);
    http_client_free(c);
}

struct chain {
    struct http_client *c;
    struct http_request *next;
    struct tally tally;
    int left;
};

static void chain_done(void *self, const struct http_request *req, const struct http_response *r,
                       const struct error *err)
{
    struct chain *chain = self;
    struct http_response inner = {0};
    struct error inner_err = ERROR_INIT;

    count_done(&chain->tally, req, r, err);
    if (chain->left-- <= 0)
        return;
    assert_int_equal(http_send(chain->c, chain->next, &inner, &inner_err), 0);
    http_response_release(&inner);
    http_start(chain->c, chain->next, chain_done, chain);
}

static void test_done_may_send_and_start_more(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_request req = {.url = url_of("/a")};
    struct chain chain = {.c = client_with(quick), .next = &req, .left = 5};
    server_script("{'/a': [{'body': 'fine'}]}");
    http_start(chain.c, &req, chain_done, &chain);
    http_start(chain.c, &req, chain_done, &chain);
    assert_int_equal(http_run(chain.c, true, &err), 0);
    assert_int_equal(chain.tally.ok, 7);
    assert_int_equal(server_count("'path': '/a'"), 12);
    http_client_free(chain.c);
}

static void test_failures_in_flight_do_not_disturb_the_others(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct tally good = {0}, bad = {0};
    struct http_client *c = client_with(quick);
    struct http_request a = {.url = url_of("/a")}, b = {.url = "http://127.0.0.1:1/"};
    struct http_request never = {.url = "gopher://x/"};
    server_script("{'/a': [{'status': 503}, {'drop': true}, {'status': 429}, {'body': 'fine'}]}");
    for (int i = 0; i < 20; i++)
        http_start(c, &a, count_done, &good);
    http_start(c, &b, count_done, &bad);
    http_start(c, &never, count_done, &bad);
    assert_int_equal(http_run(c, true, &err), 0);
    assert_int_equal(good.ok, 20);
    assert_int_equal(bad.failed, 2);
    assert_int_equal(server_count("'path': '/a'"), 23);
    http_client_free(c);
}

/* ---- signals ------------------------------------------------------------------------------- */

static pid_t signal_in(int ms)
{
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        usleep((useconds_t)ms * 1000);
        kill(parent, SIGTERM);
        _exit(0);
    }
    return child;
}

static void test_a_signal_ends_a_request(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    signals_install();
    server_script("{'/a': [{'delay_ms': 4000}], '/b': [{'status': 503,"
                  " 'headers': {'Retry-After': '30'}}]}");
    int64_t begun = clock_monotonic_ms();
    pid_t child = signal_in(150);
    assert_int_equal(send_once(quick, (struct http_request){.url = url_of("/a")}, NULL, &err),
                     ERR_CANCELLED);
    waitpid(child, NULL, 0);
    signals_reset();
    child = signal_in(150); /* while it waits for its next attempt */
    assert_int_equal(send_once(quick, (struct http_request){.url = url_of("/b")}, NULL, &err),
                     ERR_CANCELLED);
    assert_in_range(clock_monotonic_ms() - begun, 300, 2500);
    waitpid(child, NULL, 0);
    signals_reset();
}

static void test_a_signal_ends_all_that_is_in_flight(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct tally tally = {0};
    struct http_client *c = client_with(quick);
    struct http_request req = {.url = url_of("/a")};
    signals_install();
    server_script("{'/a': [{'delay_ms': 4000}]}");
    for (int i = 0; i < 20; i++) /* some in flight, some queued */
        http_start(c, &req, count_done, &tally);
    pid_t child = signal_in(150);
    assert_int_equal(http_run(c, true, &err), ERR_CANCELLED);
    assert_int_equal(tally.cancelled, 20);
    waitpid(child, NULL, 0);
    signals_reset();
    assert_int_equal(http_run(c, true, &err), 0);
    http_client_free(c);
}

#define TEST(name) cmocka_unit_test_teardown(name, fake_clock_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_breaker_opens_and_half_opens),
        TEST(test_a_retry_waits_for_the_breaker),
        TEST(test_other_answers_keep_the_breaker_closed),
        TEST(test_a_redirected_probe_decides),
        TEST(test_the_declared_rate_is_kept),
        TEST(test_a_shared_rate_is_asked_for_its_places),
        TEST(test_64_requests_are_in_flight_at_once),
        TEST(test_in_flight_max_is_kept_and_connections_are_reused),
        TEST(test_done_may_send_and_start_more),
        TEST(test_failures_in_flight_do_not_disturb_the_others),
        TEST(test_a_signal_ends_a_request),
        TEST(test_a_signal_ends_all_that_is_in_flight),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
