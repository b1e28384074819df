/* The pure parts: waits, Retry-After, breaker, rate, URLs. */
#include "net/breaker.h"
#include "net/limit.h"
#include "net/retry.h"
#include "net/url.h"
#include "server.h"

static const struct http_retry_policy policy = {
    .max_attempts = 5, .base_ms = 500, .cap_ms = 3000, .budget_ms = 60000};

static void test_wait_is_jittered_between_zero_and_the_doubled_base(void **state)
{
    (void)state;
    static const int64_t ceilings[] = {500, 1000, 2000, 3000};
    for (int made = 1; made <= 4; made++) {
        int64_t ceiling = ceilings[made - 1];
        assert_int_equal(http_retry_wait_ms(&policy, made, 0, 0, 0), 0);
        assert_int_equal(http_retry_wait_ms(&policy, made, 0, 0, (uint64_t)ceiling), ceiling);
        assert_int_equal(http_retry_wait_ms(&policy, made, 0, 0, (uint64_t)ceiling + 1), 0);
    }
    assert_int_equal(http_retry_wait_ms(&policy, 5, 0, 0, 0), -1);
}

static void test_wait_honours_retry_after_within_the_budget(void **state)
{
    (void)state;
    assert_int_equal(http_retry_wait_ms(&policy, 1, 0, 7000, 0), 7000);
    assert_int_equal(http_retry_wait_ms(&policy, 1, 53000, 7000, 0), 7000);
    assert_int_equal(http_retry_wait_ms(&policy, 1, 53001, 7000, 0), -1);
    assert_int_equal(http_retry_wait_ms(&policy, 1, 59900, 0, 200), -1);
}

static void test_wait_survives_extreme_policies(void **state)
{
    (void)state;
    struct http_retry_policy p = {.max_attempts = 1000, .base_ms = 1, .cap_ms = INT64_MAX / 4};
    assert_true(http_retry_wait_ms(&p, 999, 0, 0, UINT64_MAX) >= 0);
    p = (struct http_retry_policy){.max_attempts = 2};
    assert_int_equal(http_retry_wait_ms(&p, 1, 0, 0, 99), 0);
}

static void test_retry_after_reads_seconds_and_dates(void **state)
{
    (void)state;
    int64_t now_us = INT64_C(1792512000000000); /* Tue, 20 Oct 2026 16:00:00 GMT */
    assert_int_equal(retry_after_ms("7", now_us), 7000);
    assert_int_equal(retry_after_ms("Tue, 20 Oct 2026 16:00:09 GMT", now_us), 9000);
    assert_int_equal(retry_after_ms("Tue, 20 Oct 2026 15:59:00 GMT", now_us), 0);
    assert_int_equal(retry_after_ms("soon", now_us), 0);
    assert_int_equal(retry_after_ms("", now_us), 0);
    assert_int_equal(retry_after_ms(NULL, now_us), 0);
    assert_int_equal(retry_after_ms("99999999999999999999999", now_us),
                     INT64_C(7) * 24 * 3600 * 1000);
}

static void test_repeatable_requests(void **state)
{
    (void)state;
    struct http_request get = {0}, post = {.method = "POST"}, patch = {.method = "PATCH"};
    struct http_request put = {.method = "PUT"};
    assert_true(retry_request_is_repeatable(&get));
    assert_true(retry_request_is_repeatable(&put));
    assert_false(retry_request_is_repeatable(&post));
    assert_false(retry_request_is_repeatable(&patch));
    post.idempotency_key = "k";
    assert_true(retry_request_is_repeatable(&post));
}

#define SECOND INT64_C(1000000000)

static void test_breaker_opens_probes_and_closes(void **state)
{
    (void)state;
    struct breaker b = {.failures_max = 3, .open_ms = 60000};
    bool probe, other;
    int64_t wait_ms = 0;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(breaker_ask(&b, 0, &probe, &wait_ms), BREAKER_GO);
        breaker_report(&b, false, probe, 0);
    }
    assert_int_equal(breaker_ask(&b, SECOND, &probe, &wait_ms), BREAKER_OPEN);
    assert_int_equal(wait_ms, 59000);
    /* one that was under way fails now: it must not prolong the pause */
    breaker_report(&b, false, false, 50 * SECOND);
    assert_int_equal(breaker_ask(&b, 60 * SECOND, &probe, &wait_ms), BREAKER_GO);
    assert_true(probe);
    assert_int_equal(breaker_ask(&b, 60 * SECOND, &other, &wait_ms), BREAKER_PROBING);
    breaker_report(&b, false, true, 61 * SECOND);
    assert_int_equal(breaker_ask(&b, 120 * SECOND, &probe, &wait_ms), BREAKER_OPEN);
    assert_int_equal(breaker_ask(&b, 121 * SECOND, &probe, &wait_ms), BREAKER_GO);
    breaker_report(&b, true, probe, 121 * SECOND);
    assert_int_equal(breaker_ask(&b, 121 * SECOND, &probe, &wait_ms), BREAKER_GO);
    assert_false(probe);
}

static void test_breaker_of_a_host_that_answers_probes_at_once(void **state)
{
    struct breaker b = {.failures_max = 1, .open_ms = 60000};
    int64_t wait_ms = 0;
    bool probe = false;

    (void)state;
    breaker_report(&b, false, false, 0);
    breaker_learn(&b, false);
    breaker_renew(&b, SECOND);
    assert_int_equal(breaker_ask(&b, SECOND, &probe, &wait_ms), BREAKER_OPEN);
    breaker_learn(&b, true);
    breaker_renew(&b, SECOND);
    assert_int_equal(breaker_ask(&b, SECOND, &probe, &wait_ms), BREAKER_GO);
    assert_true(probe);
    breaker_report(&b, false, true, SECOND);
    assert_int_equal(breaker_ask(&b, SECOND, &probe, &wait_ms), BREAKER_OPEN);
}

static void test_breaker_counts_only_failures_in_a_row(void **state)
{
    (void)state;
    struct breaker b = {.failures_max = 2, .open_ms = 1000};
    bool probe;
    int64_t wait_ms;

    for (int i = 0; i < 10; i++) {
        breaker_report(&b, false, false, 0);
        breaker_report(&b, true, false, 0);
    }
    assert_int_equal(breaker_ask(&b, 0, &probe, &wait_ms), BREAKER_GO);
}

static void test_breaker_forgets_a_probe_without_verdict(void **state)
{
    (void)state;
    struct breaker b = {.failures_max = 1, .open_ms = 1000};
    bool probe;
    int64_t wait_ms;

    breaker_report(&b, false, false, 0);
    assert_int_equal(breaker_ask(&b, SECOND, &probe, &wait_ms), BREAKER_GO);
    breaker_forget(&b, probe);
    assert_int_equal(breaker_ask(&b, SECOND, &probe, &wait_ms), BREAKER_GO);
    assert_true(probe);
}

/* Takes as fast as allowed; returns how many fell into the first `window_ns`. */
static int limit_taken_in(int64_t count, int64_t per_ms, int64_t window_ns)
{
    struct limit l;
    int taken = 0;

    limit_init(&l, count, per_ms);
    for (int64_t now = 5 * SECOND;;) {
        int64_t wait = limit_wait_ns(&l, now);
        now += wait;
        assert_int_equal(limit_wait_ns(&l, now), 0);
        if (now >= 5 * SECOND + window_ns)
            return taken;
        limit_take(&l, now);
        taken++;
    }
}

static void test_limit_keeps_the_rate_with_a_small_burst(void **state)
{
    (void)state;
    assert_in_range(limit_taken_in(80, 1000, SECOND), 80, 100);
    assert_in_range(limit_taken_in(80, 1000, 10 * SECOND), 800, 820);
    assert_in_range(limit_taken_in(90, 60000, 60 * SECOND), 90, 91);
    assert_int_equal(limit_taken_in(1, 1000, 3 * SECOND), 3);
}

static void test_no_limit_never_waits(void **state)
{
    (void)state;
    struct limit l;
    limit_init(&l, 0, 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(limit_wait_ns(&l, 0), 0);
        limit_take(&l, 0);
    }
}

static void test_query_text_is_percent_encoded(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    http_encode_param(&out, "店名", "鱼香 肉丝&a=b/c?", true);
    http_encode_param(&out, "plain", "AZaz09-._~", false);
    assert_string_equal(out.data,
                        "%E5%BA%97%E5%90%8D=%E9%B1%BC%E9%A6%99%20%E8%82%89%E4%B8%9D%26a%3Db%2Fc%3F"
                        "&plain=AZaz09-._~");
}

static void assert_shown(const char *url, const char *expected)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    url_shown(url, &out);
    assert_string_equal(out.data, expected);
}

static void test_urls_are_shown_without_secrets(void **state)
{
    (void)state;
    assert_shown("https://u:p%40ss@h.example/a/b?token=x#f", "https://h.example/a/b");
    assert_shown("https://u:p@s@h.example?x", "https://h.example");
    assert_shown("http://h/a@b", "http://h/a@b");
    assert_shown("garbage?x=://y", "garbage");
}

static void test_only_the_same_host_is_followed(void **state)
{
    (void)state;
    assert_true(url_may_follow("http://h:81/a", "http://H:81/b?c"));
    assert_true(url_may_follow("http://h/a", "https://h/a"));
    assert_true(url_may_follow("https://h/a", "https://h:443/a"));
    assert_false(url_may_follow("https://h/a", "http://h/a"));
    assert_false(url_may_follow("http://h:81/a", "http://h:82/a"));
    assert_false(url_may_follow("http://h/a", "http://h.evil/a"));
    assert_false(url_may_follow("http://h/a", "http://evil/h"));
    assert_false(url_may_follow("http://h/a", "http://h@evil/"));
    assert_false(url_may_follow("http://h/a", "file:///etc/passwd"));
}

static void test_origin_refuses_what_is_not_http_or_carries_a_user(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *origin = NULL;
    assert_int_equal(url_origin("http://H.example/x", &origin, &err), 0);
    assert_non_null(strstr(origin, ":80"));
    free(origin);
    assert_int_equal(url_origin("ftp://h/x", &origin, &err), ERR_CONFIG);
    assert_int_equal(url_origin("not a url", &origin, &err), ERR_CONFIG);
    assert_int_equal(url_origin("http://u:secret@h/", &origin, &err), ERR_CONFIG);
    assert_null(strstr(err.message, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_is_jittered_between_zero_and_the_doubled_base),
        cmocka_unit_test(test_wait_honours_retry_after_within_the_budget),
        cmocka_unit_test(test_wait_survives_extreme_policies),
        cmocka_unit_test(test_retry_after_reads_seconds_and_dates),
        cmocka_unit_test(test_repeatable_requests),
        cmocka_unit_test(test_breaker_opens_probes_and_closes),
        cmocka_unit_test(test_breaker_of_a_host_that_answers_probes_at_once),
        cmocka_unit_test(test_breaker_counts_only_failures_in_a_row),
        cmocka_unit_test(test_breaker_forgets_a_probe_without_verdict),
        cmocka_unit_test(test_limit_keeps_the_rate_with_a_small_burst),
        cmocka_unit_test(test_no_limit_never_waits),
        cmocka_unit_test(test_query_text_is_percent_encoded),
        cmocka_unit_test(test_urls_are_shown_without_secrets),
        cmocka_unit_test(test_only_the_same_host_is_followed),
        cmocka_unit_test(test_origin_refuses_what_is_not_http_or_carries_a_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
