/* lib/core/sha256.c - SHA-256 by OpenSSL. */
#include "core/sha256.h"
#include "core/mem.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

struct sha256 {
    EVP_MD_CTX *context;
};

/* OpenSSL fails here only without memory or without its own default provider: as mem.h, no
 * caller could do anything about it. */
static void sha256_must(int ok)
{
    if (ok != 1) {
        abort();
    }
}

struct sha256 *sha256_new(void)
{
    struct sha256 *h = mem_alloc(sizeof *h);
    h->context = EVP_MD_CTX_new();
    sha256_must(h->context != NULL && EVP_DigestInit_ex(h->context, EVP_sha256(), NULL) == 1);
    return h;
}

void sha256_add(struct sha256 *h, const void *bytes, size_t n)
{
    sha256_must(EVP_DigestUpdate(h->context, bytes, n));
}

static void print_hex(const unsigned char *digest, char ret_hex[65])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 32; i++) {
        ret_hex[2 * i] = digits[digest[i] >> 4];
        ret_hex[2 * i + 1] = digits[digest[i] & 0x0f];
    }
    ret_hex[64] = '\0';
}

void hmac_sha256_hex(const char *key, const void *bytes, size_t n, char ret_hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    sha256_must(HMAC(EVP_sha256(), key, (int)strlen(key), bytes, n, digest, &len) != NULL);
    print_hex(digest, ret_hex);
}

void sha256_finish(struct sha256 *h, char ret_hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    sha256_must(EVP_DigestFinal_ex(h->context, digest, &n));
    print_hex(digest, ret_hex);
    EVP_MD_CTX_free(h->context);
    free(h);
}
