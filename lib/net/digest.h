/* lib/net/digest.h - message digests, keyed and plain, and RSA signatures, by OpenSSL; and how
 * their bytes are written. */
#ifndef DINER_NET_DIGEST_H
#define DINER_NET_DIGEST_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"

#define DIGEST_MAX_BYTES 1024 /* an RSA key of 8192 bits */

enum digest_algorithm {
    DIGEST_MD5,
    DIGEST_SHA1,
    DIGEST_SHA256,
    DIGEST_HMAC_MD5,
    DIGEST_HMAC_SHA1,
    DIGEST_HMAC_SHA256,
    DIGEST_RSA2, /* RSASSA-PKCS1-v1_5 with SHA-256 */
};
static inline bool digest_wants_key(int algorithm)
{
    return algorithm >= DIGEST_HMAC_MD5;
}
enum digest_encoding { DIGEST_HEX, DIGEST_HEX_UPPER, DIGEST_BASE64, DIGEST_BASE64URL };

struct digest {
    unsigned char bytes[DIGEST_MAX_BYTES];
    size_t len;
};
/* key: for HMAC its bytes, for RSA2 a private key as PEM (PKCS#1 or PKCS#8), or as the bare base64
 * that some platforms hand out. ERR_CONFIG when it is none; its text is in no message. */
int digest_compute(enum digest_algorithm algorithm, struct span key, struct span text,
                   struct digest *ret, struct error *err);
/* Whether `signature` is the algorithm's of the text. key as above, but for RSA2 a public key or a
 * certificate, PEM or bare base64. ERR_REMOTE when it is not; comparing takes the same time
 * wherever they differ. */
int digest_verify(enum digest_algorithm algorithm, struct span key, struct span text,
                  struct span signature, struct error *err);
/* The other way of digest_encode: blanks are left out, hex in any case, base64 with or without its
 * padding. False for what is none. */
bool digest_decode(enum digest_encoding encoding, struct span text, struct digest *ret);
/* The same of bytes that come in parts; plain algorithms only. */
struct digest_stream;
int digest_stream_new(enum digest_algorithm algorithm, struct digest_stream **ret,
                      struct error *err);
void digest_stream_add(struct digest_stream *s, struct span bytes);
void digest_stream_end(struct digest_stream *s, struct digest *ret); /* frees */
/* The same of all of a file, or of what a gzip or zstd file unpacks to. Reads by the descriptor's
 * own offset and leaves it at the end. */
int digest_file(int fd, bool is_unpacked, enum digest_algorithm algorithm, struct digest *ret,
                struct error *err);
void digest_encode(enum digest_encoding encoding, struct span bytes, struct strbuf *out);

#endif
