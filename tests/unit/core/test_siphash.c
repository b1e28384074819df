#include "core/siphash.h"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct siphash_key counting_key(void)
{
    unsigned char bytes[16];
    struct siphash_key key;
    for (unsigned char i = 0; i < 16; i++)
        bytes[i] = i;
    siphash_key_init(&key, bytes);
    return key;
}

/* The first of vectors_sip128 in the authors' reference code: input 00 01 02 ... of each length. */
static void gives_the_published_vectors(void **state)
{
    static const unsigned char expected[3][17] = {
        "\xa3\x81\x7f\x04\xba\x25\xa8\xe6\x6d\xf6\x72\x14\xc7\x55\x02\x93",
        "\xda\x87\xc1\xd8\x6b\x99\xaf\x44\x34\x76\x59\x11\x9b\x22\xfc\x45",
        "\x81\x77\x22\x8d\xa4\xa4\x5d\xc7\xfc\xa3\x8b\xde\xf6\x0a\xff\xe4"};
    const struct siphash_key key = counting_key();
    const unsigned char input[2] = {0, 1};
    (void)state;
    for (size_t n = 0; n < 3; n++) {
        uint8_t found[16];
        siphash_128(&key, input, n, found);
        assert_memory_equal(found, expected[n], 16);
    }
}

/* And those of OpenSSL's own implementation, for every length that has another tail. */
static void agrees_with_openssl(void **state)
{
    unsigned char key_bytes[16], input[300];
    struct siphash_key key;
    (void)state;
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    assert_non_null(mac);
    srand(11);
    for (size_t n = 0; n < sizeof input; n++) {
        size_t size = 16, len = 0;
        uint8_t expected[16], found[16];
        OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t("size", &size),
                               OSSL_PARAM_construct_end()};
        for (size_t i = 0; i < sizeof key_bytes; i++)
            key_bytes[i] = (unsigned char)rand();
        for (size_t i = 0; i < n; i++)
            input[i] = (unsigned char)rand();
        EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
        assert_int_equal(EVP_MAC_init(ctx, key_bytes, sizeof key_bytes, params), 1);
        assert_int_equal(EVP_MAC_update(ctx, input, n), 1);
        assert_int_equal(EVP_MAC_final(ctx, expected, &len, sizeof expected), 1);
        EVP_MAC_CTX_free(ctx);
        siphash_key_init(&key, key_bytes);
        siphash_128(&key, input, n, found);
        assert_memory_equal(found, expected, 16);
    }
    EVP_MAC_free(mac);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gives_the_published_vectors),
                                       cmocka_unit_test(agrees_with_openssl)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
