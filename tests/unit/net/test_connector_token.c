/* Tokens: by OAuth2 client credentials, and signed here. */
#include "connector_fixture.h"
#include "net/digest.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define OAUTH2(more)                                                                               \
    "auth: { type: oauth2, token_url: /oauth/token, client_id: 'shop:1',"                          \
    " client_secret: 'literal:s cret/1'" more " }\n"                                               \
    "resources: { a: { path: /a }, w: { method: POST, path: /a } }\n"

static void test_client_credentials_by_header(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c =
        open_yaml(HEAD OAUTH2(", scope: 'orders stock', extra: { audience: api }"));
    server_script("{'/v1/oauth/token': [{'status': 503}, {'json': {'access_token': 'tok-1',"
                  " 'token_type': 'bearer', 'expires_in': 86400}}], '/v1/a': [{'when_header':"
                  " {'authorization': 'Bearer tok-1'}}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    /* base64("shop%3A1:s%20cret%2F1") */
    assert_int_equal(server_count("'authorization': 'Basic c2hvcCUzQTE6cyUyMGNyZXQlMkYx'"), 2);
    assert_int_equal(server_count("'body': 'grant_type=client_credentials&scope=orders%20stock&"
                                  "audience=api'"),
                     2);
    assert_int_equal(server_count("'content-type': 'application/x-www-form-urlencoded'"), 2);
    assert_int_equal(server_count("'path': '/v1/a'"), 2);
    connector_close(c);
}

static void test_client_credentials_in_the_body(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD OAUTH2(", credentials: body, token_from: /data/token"));
    server_script("{'/v1/oauth/token': [{'json': {'data': {'token': 'tok-1'}}}], '/v1/a': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'body': 'grant_type=client_credentials&client_id=shop%3A1&"
                                  "client_secret=s%20cret%2F1'"),
                     1);
    assert_int_equal(server_count("Basic"), 0);
    connector_close(c);
}

static void test_tokens_are_renewed_before_their_end(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD OAUTH2(", margin: 1m"));
    fake_clock_begin();
    server_script("{'/v1/oauth/token': [{'json': {'access_token': 'tok-1', 'expires_in': 600,"
                  " 'refresh_token': 'again-1'}}, {'json': {'access_token': 'tok-2',"
                  " 'expires_in': '600'}}, {'status': 400, 'json': {'error': 'invalid_grant'}},"
                  " {'json': {'access_token': 'tok-4'}}], '/v1/a': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    fake_advance(539000);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/oauth/token'"), 1);
    fake_advance(1000);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'body': 'grant_type=refresh_token&refresh_token=again-1'"), 1);
    assert_int_equal(server_count("'authorization': 'Bearer tok-2'"), 1);
    /* the refresh token is refused: the client's own credentials still serve */
    fake_advance(540000);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("refresh_token=again-1"), 2);
    assert_int_equal(server_count("grant_type=client_credentials"), 2);
    assert_int_equal(server_count("'authorization': 'Bearer tok-4'"), 1);
    connector_close(c);
}

static void test_a_401_renews_once(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD OAUTH2("")), *other = NULL;
    server_script("{'/v1/oauth/token': [{'json': {'access_token': 'tok-1'}},"
                  " {'json': {'access_token': 'tok-2'}}], '/v1/a': [{'when_header':"
                  " {'authorization': 'Bearer tok-2'}}]}");
    assert_int_equal(call(c, "w", NULL, 0, "{}", "k-1", &err), 0);
    assert_int_equal(server_count("'path': '/v1/oauth/token'"), 2);
    assert_int_equal(try_open(HEAD OAUTH2(""), &other, &err), 0);
    assert_int_equal(call(other, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'path': '/v1/oauth/token'"), 2);
    connector_close(other);
    server_script("{'/v1/oauth/token': [{'json': {'access_token': 'tok-3'}}],"
                  " '/v1/a': [{'status': 401}]}");
    assert_int_equal(call(c, "w", NULL, 0, "{}", "k-2", &err), ERR_AUTH);
    assert_int_equal(server_count("'path': '/v1/oauth/token'"), 1);
    assert_int_equal(server_count("'path': '/v1/a'"), 2);
    connector_close(c);
}

static void test_refused_clients(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c =
        open_yaml(HEAD OAUTH2("") "rules: [{ when: { status: 400 }, do: ignore }]\n");
    fake_clock_begin();
    server_script("{'/v1/oauth/token': [{'status': 400, 'json': {'error': 'invalid_client',"
                  " 'error_description': 'no such client'}}, {'status': 401}, {'json': {}},"
                  " {'status': 503}], '/v1/a': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_AUTH);
    assert_non_null(strstr(err.message, "token for 'shop' as client 'shop:1'"));
    assert_non_null(strstr(err.message, "HTTP 400: invalid_client: no such client"));
    assert_non_null(strstr(err.hint, "client_secret"));
    fake_advance(61000);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_AUTH);
    fake_advance(61000);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_REMOTE);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_UNAVAILABLE);
    assert_int_equal(server_count("'path': '/v1/a'"), 0);
    connector_close(c);
}

#define AT                                                                                         \
    HEAD "auth: { type: oauth2, client_id: a, client_secret: 'literal:bbbb',"                      \
         " token_url: '%s/token' }\nresources: { a: { path: /a } }\n"

/* An address written out must be at the connector's host: the secret goes there. */
static void test_tokens_come_from_the_same_host(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = NULL;
    char yaml[600];

    snprintf(yaml, sizeof(yaml), AT, server.base);
    c = open_yaml(yaml);
    server_script("{'/token': [{'json': {'access_token': 'tok-1'}}], '/v1/a': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    connector_close(c);
    snprintf(yaml, sizeof(yaml), AT, "https://login.example.com");
    assert_int_equal(try_open(yaml, &c, &err), ERR_SPEC);
    assert_non_null(strstr(err.message, "is at another host than base_url"));
}

/* ---- signed here ------------------------------------------------------------------------------
 */

#define WANTED                                                                                     \
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImstNyJ9."                                        \
    "eyJpc3MiOiJhcHAtMSIsIm4iOjEyLjMwLCJhdWQiOlsiYSIsImIiXSwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAw" \
    "MDAwNjB9.ENRzp58ItVC7WtapwBuqvJA79X9VyhSRwhF-NreBdJk"

static void test_jwt_hs256(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(
        HEAD "values: { app: app-1 }\n"
             "auth: { type: jwt, key: 'literal:jwt-secret', key_id: k-7, lifetime: 1m, margin: 10s,"
             " claims: { iss: '${app}', n: 12.30, aud: [a, b] } }\n"
             "resources: { a: { path: /a } }\n");
    fake_clock_begin();
    fake.wall_us = INT64_C(1700000000) * 1000000;
    server_script("{'/v1/a': [{}, {}, {}, {'status': 401}, {}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'authorization': 'Bearer " WANTED "'"), 1);
    fake_advance(49000);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'authorization': 'Bearer " WANTED "'"), 2);
    fake_advance(1000);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'authorization': 'Bearer " WANTED "'"), 2);
    fake_advance(1000);
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0); /* a new one after a 401 */
    assert_int_equal(server_count("'method'"), 5);
    connector_close(c);
}

static size_t base64url_decode(const char *text, size_t n, unsigned char *out)
{
    char padded[1024] = "";
    assert_true(n < sizeof(padded) - 4);
    for (size_t i = 0; i < n; i++)
        padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    size_t padding = (4 - n % 4) % 4;
    memset(padded + n, '=', padding);
    int len = EVP_DecodeBlock(out, (unsigned char *)padded, (int)(n + padding));
    assert_true(len > 0);
    return (size_t)len - padding;
}

static void test_jwt_rs256(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf answer = {0};
    char path[] = "/tmp/diner-pem-XXXXXX", yaml[512];
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    FILE *f = fdopen(mkstemp(path), "w");
    assert_int_equal(PEM_write_PrivateKey(f, rsa, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    snprintf(yaml, sizeof(yaml),
             HEAD "auth: { type: jwt, algorithm: RS256, key: 'file:%s', claims: { sub: etl } }\n"
                  "resources: { a: { path: /a } }\n",
             path);
    struct connector *c = open_yaml(yaml);
    server_script("{'/v1/a': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    unlink(path);
    strbuf_init(&answer, 0);
    server_ask("GET /_log HTTP/1.1\r\n\r\n", &answer);
    const char *token = strstr(answer.data, "Bearer ");
    assert_non_null(token);
    token += 7;
    size_t n = strcspn(token, "\""), dot = n;
    while (token[dot] != '.')
        dot--;
    unsigned char signature[1024];
    size_t len = base64url_decode(token + dot + 1, n - dot - 1, signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, rsa), 1);
    assert_int_equal(EVP_DigestVerify(context, signature, len, (const unsigned char *)token, dot),
                     1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(rsa);
    connector_close(c);
}

#define TEST(name) cmocka_unit_test_teardown(name, fake_clock_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_client_credentials_by_header),
        TEST(test_client_credentials_in_the_body),
        TEST(test_tokens_are_renewed_before_their_end),
        TEST(test_a_401_renews_once),
        TEST(test_refused_clients),
        TEST(test_tokens_come_from_the_same_host),
        TEST(test_jwt_hs256),
        TEST(test_jwt_rs256),
    };
    return cmocka_run_group_tests(tests, group_start, group_stop);
}
