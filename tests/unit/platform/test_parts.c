/* The parts of the server that need no network: tokens, rates, encodings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "format/jpull.h"
#include "platform/server/encode.h"
#include "platform/server/rate.h"
#include "platform/server/token.h"
#include <openssl/hmac.h>
#include <stdio.h>

static const char secret[] = "the key of these tests";
static const struct token_claims ann = {.subject = "ann",
                                        .user_id = 7,
                                        .role = "store",
                                        .store = "S001",
                                        .use = "access",
                                        .issued_s = 1000,
                                        .expires_s = 2000};

static int verify(const char *token, const char *use, int64_t now_s, struct error *err)
{
    struct arena *arena = arena_new();
    struct token_claims claims;
    int status = token_verify(secret, token, use, now_s, arena, &claims, err);
    if (status == ERR_OK) {
        assert_string_equal(claims.subject, "ann");
        assert_int_equal(claims.user_id, 7);
        assert_string_equal(claims.store, "S001");
    }
    arena_free(arena);
    return status;
}

static void test_token_round_trip(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf token;
    strbuf_init(&token, 0);
    token_issue(secret, &ann, &token);
    assert_int_equal(verify(token.data, "access", 1999, &err), ERR_OK);
    assert_int_equal(verify(token.data, "access", 2000, &err), ERR_AUTH);
    assert_non_null(strstr(err.message, "expired"));
    assert_int_equal(verify(token.data, "refresh", 1500, &err), ERR_AUTH);
}

/* Any changed byte of any part is noticed. */
static void test_token_tampered(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf token;
    strbuf_init(&token, 0);
    token_issue(secret, &ann, &token);
    for (size_t i = 0; i < token.len; i++) {
        char kept = token.data[i];
        token.data[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(verify(token.data, "access", 1500, &err), ERR_AUTH);
        token.data[i] = kept;
    }
    assert_int_equal(verify("", "access", 1500, &err), ERR_AUTH);
    assert_int_equal(verify("a.b", "access", 1500, &err), ERR_AUTH);
    assert_int_equal(verify("..", "access", 1500, &err), ERR_AUTH);
    strbuf_addch(&token, '.');
    assert_int_equal(verify(token.data, "access", 1500, &err), ERR_AUTH);
}

/* Signed with our key, but the header says another algorithm. */
static void test_token_other_algorithm(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    static const char *const headers[] = {"{\"alg\":\"none\"}", "{\"alg\":\"HS512\"}", "{}",
                                          "{\"alg\":\"none\",\"alg\":\"HS256\"}", "HS256"};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        AUTO_STRBUF struct strbuf good, forged;
        unsigned char mac[EVP_MAX_MD_SIZE];
        unsigned length;
        strbuf_init(&good, 0);
        strbuf_init(&forged, 0);
        token_issue(secret, &ann, &good);
        char *payload = strchr(good.data, '.');
        *strrchr(good.data, '.') = '\0';
        base64url_encode(span_of(headers[i]), &forged);
        strbuf_adds(&forged, payload);
        HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)forged.data, forged.len,
             mac, &length);
        strbuf_addch(&forged, '.');
        base64url_encode((struct span){(char *)mac, length}, &forged);
        assert_int_equal(verify(forged.data, "access", 1500, &err), ERR_AUTH);
    }
}

/* RFC 7515, appendix A.1: the example's signature comes out of our encoding. */
static void test_base64url(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out;
    strbuf_init(&out, 0);
    base64url_encode(SPAN("{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}"), &out);
    assert_string_equal(out.data, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9");
    strbuf_clear(&out);
    assert_true(base64url_decode(SPAN("_-8"), &out));
    assert_memory_equal(out.data, "\xff\xef", 2);
    strbuf_clear(&out);
    assert_false(base64url_decode(SPAN("A"), &out));
    assert_false(base64url_decode(SPAN("AB="), &out));
    assert_false(base64url_decode(SPAN("AB"), &out)); /* stray bits */
    assert_false(base64url_decode(SPAN("+/AA"), &out));
}

static void test_percent_decode(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    assert_string_equal(percent_decode(arena, SPAN("a%20b+c"), true), "a b c");
    assert_string_equal(percent_decode(arena, SPAN("a+b"), false), "a+b");
    assert_string_equal(percent_decode(arena, SPAN("%E8%8F%9C"), false), "菜");
    assert_null(percent_decode(arena, SPAN("a%00b"), false));
    assert_null(percent_decode(arena, SPAN("%"), false));
    assert_null(percent_decode(arena, SPAN("%4"), false));
    assert_null(percent_decode(arena, SPAN("%zz"), false));
    assert_null(percent_decode(arena, SPAN("%FF"), false)); /* not UTF-8 */
    arena_free(arena);
}

static void test_rate(void **state)
{
    (void)state;
    const struct field_rate minute = {3, 60000}, hour = {5, 3600000};
    struct rate_limiter *r = rate_limiter_new(64);
    int64_t wait_ms;
    for (int i = 0; i < 3; i++)
        assert_true(rate_limiter_take(r, "a", &minute, &hour, 1000, &wait_ms));
    assert_false(rate_limiter_take(r, "a", &minute, &hour, 1000, &wait_ms));
    assert_int_equal(wait_ms, 20000);
    assert_true(rate_limiter_take(r, "b", &minute, &hour, 1000, &wait_ms)); /* its own */
    assert_false(rate_limiter_take(r, "a", &minute, &hour, 20999, &wait_ms));
    assert_true(rate_limiter_take(r, "a", &minute, &hour, 21000, &wait_ms));
    assert_true(rate_limiter_take(r, "a", &minute, &hour, 41000, &wait_ms));
    /* The minute's bucket has one again; the hour's has none. */
    assert_false(rate_limiter_take(r, "a", &minute, &hour, 61000, &wait_ms));
    assert_true(wait_ms > 600000);
    assert_true(rate_limiter_take(r, "a", &minute, &hour, 7300000, &wait_ms));
    rate_limiter_free(r);
}

/* More clients than places: memory stays, nobody is refused for another's requests. */
static void test_rate_many_clients(void **state)
{
    (void)state;
    const struct field_rate minute = {1, 60000}, hour = {100, 3600000};
    struct rate_limiter *r = rate_limiter_new(64);
    int64_t wait_ms;
    for (int i = 0; i < 10000; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%d", i);
        assert_true(rate_limiter_take(r, name, &minute, &hour, i, &wait_ms));
    }
    assert_false(rate_limiter_take(r, "c9999", &minute, &hour, 10000, &wait_ms));
    rate_limiter_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_round_trip),      cmocka_unit_test(test_token_tampered),
        cmocka_unit_test(test_token_other_algorithm), cmocka_unit_test(test_base64url),
        cmocka_unit_test(test_percent_decode),        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_rate_many_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
