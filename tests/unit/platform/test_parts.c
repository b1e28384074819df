/* The parts of the server that need no network: tokens, rates, encodings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "domain/api_error.h"
#include "format/jpull.h"
#include "gen/embed.h"
#include "platform/server/encode.h"
#include "platform/server/proxies.h"
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

/* ---- the catalogue of errors -------------------------------------------------------------- */

/* What the contract says of answers with that status: the codes of the component's description. */
static void description_of(int status, struct strbuf *out)
{
    static const struct {
        int status;
        const char *component;
    } components[] = {{400, "BadRequest"},    {401, "Unauthorised"}, {403, "Forbidden"},
                      {404, "NotFound"},      {409, "Conflict"},     {413, "TooLarge"},
                      {422, "Unprocessable"}, {429, "RateLimited"},  {500, "Internal"},
                      {503, "Unavailable"}};
    static const char head[] = ":\n      description: \"";
    AUTO_STRBUF struct strbuf mark = {0};
    strbuf_init(&mark, 0);
    for (size_t i = 0; i < sizeof components / sizeof *components; i++)
        if (components[i].status == status)
            strbuf_addf(&mark, "\n    %s%s", components[i].component, head);
    if (mark.len == 0)
        fail_msg("the contract has no component for status %d", status);
    const char *at = strstr(embedded_openapi_yaml, mark.data);
    assert_non_null(at);
    at += mark.len;
    strbuf_addf(out, " %.*s,", (int)strcspn(at, "\";"), at);
}

static void expect_in_contract(const struct api_error *e, int status)
{
    AUTO_STRBUF struct strbuf description = {0}, word = {0};
    if (status == 0 || status == 200 || status == 405 || status == 431)
        return; /* 405: of addresses the contract lacks; 431: of all of them */
    strbuf_init(&description, 0);
    strbuf_init(&word, 0);
    strbuf_addf(&word, " %s,", e->code);
    description_of(status, &description);
    if (strstr(description.data, word.data) == NULL)
        fail_msg("the contract does not have %s among %d:%s", e->code, status, description.data);
}

static void test_catalogue_is_in_the_contract(void **state)
{
    (void)state;
    for (const struct api_error *e = api_errors; e < api_errors + API_ERROR_COUNT; e++) {
        expect_in_contract(e, e->status);
        expect_in_contract(e, e->other_status);
    }
}

/* Nor does the contract have a code that the catalogue lacks. */
static void test_contract_is_in_the_catalogue(void **state)
{
    (void)state;
    static const int statuses[] = {400, 401, 403, 404, 409, 413, 422, 429, 500, 503};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        AUTO_STRBUF struct strbuf description = {0};
        strbuf_init(&description, 0);
        description_of(statuses[i], &description);
        char *rest = description.data;
        for (char *word = strsep(&rest, " ,"); word != NULL; word = strsep(&rest, " ,")) {
            const struct api_error *e = word[0] != '\0' ? api_error_find(word) : NULL;
            if (word[0] != '\0' && (e == NULL || !api_error_has_status(e, statuses[i])))
                fail_msg("the catalogue does not have %s with %d", word, statuses[i]);
        }
    }
}

static void assert_client(const char *const *blocks, size_t count, const char *peer,
                          const char *forwarded, const char *expected)
{
    const char *items[4];
    struct proxies *p;
    struct error err = ERROR_INIT;
    char client[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < count; i++)
        items[i] = blocks[i];
    assert_int_equal(proxies_new(&(struct field_strings){items, count}, &p, &err), ERR_OK);
    proxies_client(p, peer, forwarded, client);
    assert_string_equal(client, expected);
    proxies_free(p);
}

/* Only a proxy is believed, and only the last that is none itself. */
static void test_proxies_client(void **state)
{
    static const char *const known[] = {"127.0.0.1", "10.0.0.0/9", "fd00::/8"};
    (void)state;
    assert_client(NULL, 0, "127.0.0.1", "198.51.100.7", "127.0.0.1");
    assert_client(known, 3, "127.0.0.1", NULL, "127.0.0.1");
    assert_client(known, 3, "127.0.0.1", "198.51.100.7", "198.51.100.7");
    assert_client(known, 3, "127.0.0.1", "1.2.3.4, 198.51.100.7 , 10.127.0.9", "198.51.100.7");
    assert_client(known, 3, "10.128.0.1", "198.51.100.7", "10.128.0.1"); /* not in the block */
    assert_client(known, 3, "198.51.100.8", "198.51.100.7", "198.51.100.8");
    assert_client(known, 3, "fd01::1", "2001:db8::5,10.0.0.1", "2001:db8::5");
    assert_client(known, 3, "::ffff:127.0.0.1", "2001:db8::5", "2001:db8::5");
    /* What is no address stops at who is known. */
    assert_client(known, 3, "127.0.0.1", "198.51.100.7, unknown", "127.0.0.1");
    assert_client(known, 3, "127.0.0.1", "x,10.0.0.2", "10.0.0.2");
    assert_client(known, 3, "127.0.0.1", "", "127.0.0.1");
    assert_client(known, 3, "127.0.0.1", " , ,", "127.0.0.1");
    assert_client(known, 3, "127.0.0.1", "10.0.0.1,10.0.0.2", "10.0.0.1");
    assert_client(known, 3, "unknown", "198.51.100.7", "unknown");
}

static void test_proxies_are_addresses(void **state)
{
    static const char *const bad[] = {"proxy",        "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
                                      "10.0.0.0/8x",  "::/129",      "",          "1.2.3",
                                      "10.0.0.0/8/8", "/8"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct proxies *p;
        struct error err = ERROR_INIT;
        const char *items[] = {"127.0.0.1", bad[i]};
        assert_int_equal(proxies_new(&(struct field_strings){items, 2}, &p, &err), ERR_CONFIG);
        assert_null(p);
    }
    static const char *const all[] = {"0.0.0.0/0"};
    assert_client(all, 1, "198.51.100.8", "2001:db8::5", "2001:db8::5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalogue_is_in_the_contract),
        cmocka_unit_test(test_contract_is_in_the_catalogue),
        cmocka_unit_test(test_token_round_trip),
        cmocka_unit_test(test_token_tampered),
        cmocka_unit_test(test_token_other_algorithm),
        cmocka_unit_test(test_base64url),
        cmocka_unit_test(test_percent_decode),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_rate_many_clients),
        cmocka_unit_test(test_proxies_client),
        cmocka_unit_test(test_proxies_are_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
