/* lib/core/sha256.h - SHA-256 by OpenSSL, in pieces. */
#ifndef DINER_CORE_SHA256_H
#define DINER_CORE_SHA256_H
#include <stddef.h>
struct sha256;
struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *h, const void *bytes, size_t n);
/* Frees h; lower-case hex. */
void sha256_finish(struct sha256 *h, char ret_hex[65]);
/* HMAC-SHA-256 (RFC 2104) of a text under a key, lower-case hex. */
void hmac_sha256_hex(const char *key, const void *bytes, size_t n, char ret_hex[65]);
#endif
