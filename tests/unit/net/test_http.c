/* The client against the scripted server over loopback: one request at a time. */
#include "http_fixture.h"

static void test_server_errors_are_retried_until_ok(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_response r = {0};
    fake_clock_begin();
    server_script("{'/a': [{'status': 500}, {'status': 503}, {'body': 'fine',"
                  " 'headers': {'X-Kind': ' two  words '}}]}");
    assert_int_equal(
        send_once((struct http_options){0}, (struct http_request){.url = url_of("/a")}, &r, &err),
        0);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.attempts, 3);
    assert_string_equal(r.body.data, "fine");
    assert_string_equal(http_response_header(&r, "x-kind"), "two  words");
    assert_null(http_response_header(&r, "x-none"));
    assert_true(r.elapsed_us > 0);
    assert_int_equal(server_count("'path': '/a'"), 3);
    http_response_release(&r);
}

static void test_an_error_that_outlives_its_retries_is_a_response(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_response r = {0};
    struct http_request req = {.url = url_of("/a?token=tell-nobody")};
    server_script("{'/a': [{'status': 503, 'body': 'gone\\n  fishing \\u0001'}]}");
    assert_int_equal(send_once(quick, req, &r, &err), 0);
    assert_int_equal(r.status, 503);
    assert_int_equal(r.attempts, 5);
    assert_int_equal(http_response_check(&req, &r, &err), ERR_UNAVAILABLE);
    assert_int_equal(err.http_status, 503);
    assert_non_null(strstr(err.message, "GET http://127.0.0.1"));
    assert_non_null(strstr(err.message, "/a: HTTP 503 after 5 attempts: gone fishing"));
    assert_null(strstr(err.message, "tell-nobody"));
    http_response_release(&r);
}

static void test_statuses_have_their_codes(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum error_code code;
    } cases[] = {{200, 0},
                 {204, 0},
                 {401, ERR_AUTH},
                 {403, ERR_AUTH},
                 {404, ERR_NOT_FOUND},
                 {409, ERR_CONFLICT},
                 {429, ERR_RATE_LIMITED},
                 {408, ERR_UNAVAILABLE},
                 {500, ERR_UNAVAILABLE},
                 {504, ERR_UNAVAILABLE},
                 {400, ERR_REMOTE},
                 {422, ERR_REMOTE},
                 {302, ERR_REMOTE}};
    struct http_request req = {.url = "http://h/"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = ERROR_INIT;
        struct http_response r = {.status = cases[i].status};
        assert_int_equal(http_response_check(&req, &r, &err), cases[i].code);
    }
}

static void test_retry_after_in_seconds_and_as_date_is_waited_for(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    fake_clock_begin();
    server_script("{'/a': [{'status': 429, 'headers': {'Retry-After': '7'}},"
                  " {'status': 503, 'headers': {'Retry-After': 'Tue, 20 Oct 2026 16:00:30 GMT'}},"
                  " {}]}");
    assert_int_equal(
        send_once((struct http_options){0}, (struct http_request){.url = url_of("/a")}, NULL, &err),
        0);
    assert_int_equal(server_count("'path': '/a'"), 3);
    assert_in_range(fake.slept_ms, 30000, 31000);
}

static void test_one_429_holds_all_requests_to_the_host(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_client *c = client_with((struct http_options){.retry = {.base_ms = 1}});
    AUTOFREE char *url_a = mem_strdup(url_of("/a")), *url_b = mem_strdup(url_of("/b"));
    struct http_request limited = {.url = url_a}, other = {.url = url_b};
    struct http_response r = {0};
    fake_clock_begin();
    server_script("{'/a': [{'status': 429, 'headers': {'Retry-After': '20'}}, {}], '/b': [{}]}");
    http_start(c, &limited, (http_done)(void (*)(void))abort, NULL);
    /* drive until the 429 was seen */
    while (server_count("'path': '/a'") == 0)
        assert_int_equal(http_run(c, false, &err), 0);
    int64_t before = fake.slept_ms;
    for (int i = 0; i < 50; i++)
        assert_int_equal(http_run(c, false, &err), 0);
    assert_int_equal(http_send(c, &other, &r, &err), 0);
    assert_true(fake.slept_ms - before >= 19000);
    http_response_release(&r);
    http_client_free(c); /* the one still under way is dropped */
}

static void test_a_wait_beyond_the_budget_is_not_begun(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_response r = {0};
    struct http_request req = {.url = url_of("/a")};
    fake_clock_begin();
    server_script("{'/a': [{'status': 429, 'headers': {'Retry-After': '3600'}}]}");
    assert_int_equal(send_once((struct http_options){0}, req, &r, &err), 0);
    assert_int_equal(r.status, 429);
    assert_int_equal(r.attempts, 1);
    assert_int_equal(fake.slept_ms, 0);
    assert_int_equal(http_response_check(&req, &r, &err), ERR_RATE_LIMITED);
    assert_int_equal(err.retry_after_ms, 3600000);
    http_response_release(&r);
}

static void test_no_retry_means_one_attempt(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    server_script("{'/a': [{'status': 503}]}");
    assert_int_equal(
        send_once(quick, (struct http_request){.url = url_of("/a"), .no_retry = true}, NULL, &err),
        0);
    assert_int_equal(server_count("'path': '/a'"), 1);
}

static void test_a_post_without_key_is_never_sent_twice(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_request req = {.method = "POST", .url = url_of("/a"), .body = SPAN("{}")};
    server_script("{'/a': [{'status': 503}, {}]}");
    assert_int_equal(send_once(quick, req, NULL, &err), 0);
    assert_int_equal(server_count("'method': 'POST'"), 1);
    server_script("{'/a': [{'drop': true}, {}]}");
    assert_int_equal(send_once(quick, req, NULL, &err), ERR_UNAVAILABLE);
    assert_int_equal(server_count("'method': 'POST'"), 1);
    assert_non_null(strstr(err.hint, "look first"));
    server_script("{'/a': [{'body': '0123456789', 'cut': 3}, {}]}");
    assert_int_equal(send_once(quick, req, NULL, &err), ERR_UNAVAILABLE);
    assert_int_equal(server_count("'method': 'POST'"), 1);
}

/* libcurl sends a request again by itself when a kept connection dies under it. */
static void test_a_post_on_a_dying_connection_is_not_sent_twice(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_client *c = client_with(quick);
    struct http_response r = {0};
    AUTOFREE char *url_ok = mem_strdup(url_of("/ok"));
    struct http_request get = {.url = url_ok};
    struct http_request post = {.method = "POST", .url = url_of("/a"), .body = SPAN("{}")};
    server_script("{'/ok': [{}], '/a': [{'drop': true}, {}]}");
    assert_int_equal(http_send(c, &get, &r, &err), 0);
    http_response_release(&r);
    assert_int_equal(http_send(c, &post, &r, &err), ERR_UNAVAILABLE);
    assert_int_equal(server_count("'method': 'POST'"), 1);
    http_client_free(c);
}

static void test_a_post_with_key_is_repeated_with_the_same_key(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_request req = {.method = "POST",
                               .url = url_of("/a"),
                               .body = SPAN("{\"n\": 1}"),
                               .idempotency_key = "order-17"};
    server_script("{'/a': [{'drop': true}, {'status': 502}, {'status': 201}]}");
    struct http_response r = {0};
    assert_int_equal(send_once(quick, req, &r, &err), 0);
    assert_int_equal(r.status, 201);
    assert_int_equal(r.attempts, 3);
    assert_int_equal(server_count("'idempotency-key': 'order-17'"), 3);
    assert_int_equal(server_count("'body': '{\\'n\\': 1}'"), 3);
    assert_int_equal(server_count("'content-type': 'application/json'"), 3);
    http_response_release(&r);
}

static void test_a_429_is_repeated_for_any_method(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_request req = {.method = "POST", .url = url_of("/a")};
    server_script("{'/a': [{'status': 429}, {'status': 201}]}");
    assert_int_equal(send_once(quick, req, NULL, &err), 0);
    assert_int_equal(server_count("'method': 'POST'"), 2);
}

static void test_methods_and_bodies_arrive(void **state)
{
    (void)state;
    static const char *const methods[] = {"PUT", "PATCH", "DELETE", "HEAD", "GET", "POST"};
    struct error err = ERROR_INIT;
    server_script("{'/a': [{'body': 'x'}]}");
    for (size_t i = 0; i < 6; i++) {
        struct http_request req = {.method = methods[i], .url = url_of("/a")};
        if (i < 2)
            req.body = SPAN("鱼");
        assert_int_equal(send_once(quick, req, NULL, &err), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        char text[40];
        snprintf(text, sizeof(text), "'method': '%s'", methods[i]);
        assert_int_equal(server_count(text), 1);
    }
    assert_int_equal(server_count("'body': '\xe9\xb1\xbc'"), 2);
    assert_int_equal(server_count("x-www-form-urlencoded"), 0);
    assert_int_equal(server_count("'expect'"), 0);
}

/* A body of 12 bytes cut after each n: nothing short is ever taken for whole. */
static void test_cut_bodies_are_read_again(void **state)
{
    (void)state;
    static const char *const kinds[] = {"", ", 'chunked': true", ", 'gzip': true"};
    struct error err = ERROR_INIT;
    for (int kind = 0; kind < 3; kind++) {
        for (int n = 0; n < 12; n++) {
            char script[256];
            struct http_response r = {0};
            snprintf(script, sizeof(script),
                     "{'/a': [{'body': '0123456789ab', 'cut': %d%s}, {'body': '0123456789ab'}]}", n,
                     kinds[kind]);
            server_script(script);
            assert_int_equal(send_once(quick, (struct http_request){.url = url_of("/a")}, &r, &err),
                             0);
            assert_int_equal(r.attempts, 2);
            assert_string_equal(r.body.data, "0123456789ab");
            http_response_release(&r);
        }
    }
}

static void test_a_body_over_the_cap_is_refused_during_the_transfer(void **state)
{
    (void)state;
    static const char *const kinds[] = {"", ", 'chunked': true", ", 'gzip': true"};
    struct http_options options = quick;
    struct error err = ERROR_INIT;
    options.body_max_bytes = 10000;
    for (int kind = 0; kind < 3; kind++) {
        char script[128];
        snprintf(script, sizeof(script), "{'/a': [{'pad_bytes': 1000000%s}]}", kinds[kind]);
        server_script(script);
        struct http_request req = {.url = url_of("/a")};
        assert_int_equal(send_once(options, req, NULL, &err), ERR_LIMIT);
        assert_int_equal(server_count("'path': '/a'"), 1);
    }
    server_script("{'/a': [{'pad_bytes': 10000, 'chunked': true}]}");
    struct http_response r = {0};
    assert_int_equal(send_once(options, (struct http_request){.url = url_of("/a")}, &r, &err), 0);
    assert_int_equal(r.body.len, 10000);
    http_response_release(&r);
}

static void test_headers_are_bounded_too(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf script = {0};

    strbuf_init(&script, 0);
    strbuf_adds(&script, "{'/a': [{'headers': {");
    for (int i = 0; i < 300; i++)
        strbuf_addf(&script, "'X-%d': 'y', ", i);
    strbuf_adds(&script, "'X': 'z'}}]}");
    server_script(script.data);
    assert_int_equal(send_once(quick, (struct http_request){.url = url_of("/a")}, NULL, &err),
                     ERR_LIMIT);
    assert_int_equal(server_count("'path': '/a'"), 1);
}

static void test_gzip_is_unpacked(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_response r = {0};
    server_script("{'/a': [{'body': 'packed text', 'gzip': true}]}");
    assert_int_equal(send_once(quick, (struct http_request){.url = url_of("/a")}, &r, &err), 0);
    assert_string_equal(r.body.data, "packed text");
    assert_int_equal(server_count("'accept-encoding': 'gzip'"), 1);
    http_response_release(&r);
}

static void test_time_limits(void **state)
{
    (void)state;
    struct http_options options = quick;
    struct error err = ERROR_INIT;
    int64_t begun = clock_monotonic_ms();
    options.timeout_ms = 150;
    options.retry.max_attempts = 2;
    server_script("{'/a': [{'delay_ms': 3000}]}");
    assert_int_equal(send_once(options, (struct http_request){.url = url_of("/a")}, NULL, &err),
                     ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "2 attempts"));
    assert_in_range(clock_monotonic_ms() - begun, 290, 2500);
    /* a request's own limit wins */
    server_script("{'/a': [{'delay_ms': 300}]}");
    assert_int_equal(send_once(options,
                               (struct http_request){.url = url_of("/a"), .timeout_ms = 5000}, NULL,
                               &err),
                     0);
}

static void test_the_idle_limit_stops_the_silent_not_the_slow(void **state)
{
    (void)state;
    struct http_options options = quick;
    struct error err = ERROR_INIT;
    options.timeout_ms = 10000;
    options.idle_timeout_ms = 400;
    options.retry.max_attempts = 1;
    int64_t begun = clock_monotonic_ms();
    server_script("{'/a': [{'stall_ms': 8000, 'body': 'late'}],"
                  " '/b': [{'pad_bytes': 80, 'slow_ms': 100}]}");
    assert_int_equal(send_once(options, (struct http_request){.url = url_of("/a")}, NULL, &err),
                     ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "no byte came for too long"));
    assert_in_range(clock_monotonic_ms() - begun, 400, 4000);
    begun = clock_monotonic_ms();
    assert_int_equal(send_once(options, (struct http_request){.url = url_of("/b")}, NULL, &err), 0);
    assert_true(clock_monotonic_ms() - begun > 800);
}

static void test_redirects_stay_at_the_host(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_response r = {0};
    const struct http_header headers[] = {{"Authorization", "Bearer for-this-host"}};
    struct http_request req = {.url = url_of("/a"), .headers = headers, .nheaders = 1};
    char script[512];

    server_script("{'/a': [{'status': 302, 'headers': {'Location': '/b?x=1'}}],"
                  " '/b': [{'body': 'there'}]}");
    assert_int_equal(send_once(quick, req, &r, &err), 0);
    assert_string_equal(r.body.data, "there");
    assert_int_equal(r.attempts, 1);
    http_response_release(&r);
    assert_int_equal(server_count("'target': '/b?x=1'"), 1);

    snprintf(script, sizeof(script),
             "{'/a': [{'status': 302, 'headers': {'Location': 'http://localhost:%d/b'}}],"
             " '/b': [{}]}",
             server.port);
    server_script(script);
    assert_int_equal(send_once(quick, req, NULL, &err), ERR_REMOTE);
    assert_non_null(strstr(err.message, "another host"));
    assert_int_equal(server_count("'path': '/b'"), 0);

    server_script("{'/a': [{'status': 302, 'headers': {'Location': '/a'}}]}");
    assert_int_equal(send_once(quick, req, NULL, &err), ERR_REMOTE);
    assert_int_equal(server_count("'path': '/a'"), 6);
}

static void test_writes_are_never_redirected(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_response r = {0};
    struct http_request req = {.method = "POST", .url = url_of("/a"), .idempotency_key = "k"};
    server_script("{'/a': [{'status': 307, 'headers': {'Location': '/b'}}], '/b': [{}]}");
    assert_int_equal(send_once(quick, req, &r, &err), 0);
    assert_int_equal(r.status, 307);
    assert_int_equal(http_response_check(&req, &r, &err), ERR_REMOTE);
    assert_int_equal(server_count("'path': '/b'"), 0);
    http_response_release(&r);
}

static void test_a_closed_port_folds_its_attempts_into_one_message(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_request req = {.url = "http://127.0.0.1:1/x?secret=42"};
    assert_int_equal(send_once(quick, req, NULL, &err), ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "GET http://127.0.0.1:1/x: failed to connect"));
    assert_non_null(strstr(err.message, "5 attempts"));
    assert_null(strstr(err.message, "secret"));
}

static void test_different_failures_are_told(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_options options = quick;
    options.retry.max_attempts = 2;
    server_script("{'/a': [{'status': 503}, {'drop': true}]}");
    assert_int_equal(send_once(options, (struct http_request){.url = url_of("/a")}, NULL, &err),
                     ERR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "2 attempts in "));
    assert_non_null(strstr(err.message, "first: HTTP 503"));
}

static void test_header_values_cannot_smuggle_lines(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    const struct http_header headers[] = {{"X-A", "1\r\nX-Evil: 2"}};
    struct http_request req = {.url = url_of("/a"), .headers = headers, .nheaders = 1};
    server_script("{'/a': [{}]}");
    assert_int_equal(send_once(quick, req, NULL, &err), ERR_DATA);
    req = (struct http_request){.url = url_of("/a"), .idempotency_key = "a\nb"};
    assert_int_equal(send_once(quick, req, NULL, &err), ERR_DATA);
    assert_int_equal(server_count("'path': '/a'"), 0);
}

static void test_bad_urls_are_configuration_errors(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(
        send_once(quick, (struct http_request){.url = "file:///etc/passwd"}, NULL, &err),
        ERR_CONFIG);
    assert_int_equal(send_once(quick, (struct http_request){.url = "http://u:pw@h/"}, NULL, &err),
                     ERR_CONFIG);
}

static enum http_verdict judge_body(void *self, const struct http_response *r)
{
    (void)self;
    if (strcmp(r->body.data, "busy") == 0)
        return HTTP_VERDICT_RATE_LIMITED;
    return strcmp(r->body.data, "broken") == 0 ? HTTP_VERDICT_FINAL : HTTP_VERDICT_BY_STATUS;
}

static void test_a_judge_decides_what_is_repeated(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct http_response r = {0};
    struct http_request req = {.method = "POST", .url = url_of("/a"), .judge = judge_body};
    server_script("{'/a': [{'body': 'busy'}, {'body': 'busy'}, {'body': 'done'}]}");
    assert_int_equal(send_once(quick, req, &r, &err), 0);
    assert_string_equal(r.body.data, "done");
    http_response_release(&r);
    server_script("{'/a': [{'status': 503, 'body': 'broken'}, {}]}");
    req.method = NULL;
    assert_int_equal(send_once(quick, req, &r, &err), 0);
    assert_int_equal(r.status, 503);
    assert_int_equal(r.attempts, 1);
    http_response_release(&r);
}

#define TEST(name) cmocka_unit_test_teardown(name, fake_clock_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_server_errors_are_retried_until_ok),
        TEST(test_an_error_that_outlives_its_retries_is_a_response),
        TEST(test_statuses_have_their_codes),
        TEST(test_retry_after_in_seconds_and_as_date_is_waited_for),
        TEST(test_one_429_holds_all_requests_to_the_host),
        TEST(test_a_wait_beyond_the_budget_is_not_begun),
        TEST(test_no_retry_means_one_attempt),
        TEST(test_a_post_without_key_is_never_sent_twice),
        TEST(test_a_post_on_a_dying_connection_is_not_sent_twice),
        TEST(test_a_post_with_key_is_repeated_with_the_same_key),
        TEST(test_a_429_is_repeated_for_any_method),
        TEST(test_methods_and_bodies_arrive),
        TEST(test_cut_bodies_are_read_again),
        TEST(test_a_body_over_the_cap_is_refused_during_the_transfer),
        TEST(test_headers_are_bounded_too),
        TEST(test_gzip_is_unpacked),
        TEST(test_time_limits),
        TEST(test_the_idle_limit_stops_the_silent_not_the_slow),
        TEST(test_redirects_stay_at_the_host),
        TEST(test_writes_are_never_redirected),
        TEST(test_a_closed_port_folds_its_attempts_into_one_message),
        TEST(test_different_failures_are_told),
        TEST(test_header_values_cannot_smuggle_lines),
        TEST(test_bad_urls_are_configuration_errors),
        TEST(test_a_judge_decides_what_is_repeated),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
