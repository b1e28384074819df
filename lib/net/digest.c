#include "net/digest.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

static const EVP_MD *hash_of(enum digest_algorithm algorithm)
{
    switch (algorithm) {
    case DIGEST_MD5:
    case DIGEST_HMAC_MD5: return EVP_md5();
    case DIGEST_SHA1:
    case DIGEST_HMAC_SHA1: return EVP_sha1();
    case DIGEST_SHA256:
    case DIGEST_HMAC_SHA256:
    case DIGEST_RSA2: break;
    }
    return EVP_sha256();
}

/* ---- RSA ----------------------------------------------------------------------------------- */

static EVP_PKEY *key_from_pem(struct span text)
{
    BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    char no_pass_phrase[] = ""; /* given, so that the terminal is not asked for one */
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, no_pass_phrase);

    BIO_free(bio);
    return key;
}

static EVP_PKEY *private_from_der(const unsigned char *der, long len)
{
    return d2i_AutoPrivateKey(NULL, &der, len);
}

static EVP_PKEY *public_from_der(const unsigned char *der, long len)
{
    return d2i_PUBKEY(NULL, &der, len);
}

static EVP_PKEY *key_from_base64(struct span text,
                                 EVP_PKEY *(*from_der)(const unsigned char *der, long len))
{
    unsigned char *der = mem_alloc(text.len + 4);
    EVP_ENCODE_CTX *decoder = EVP_ENCODE_CTX_new();
    EVP_PKEY *key = NULL;
    int len = 0, rest = 0;

    EVP_DecodeInit(decoder);
    if (EVP_DecodeUpdate(decoder, der, &len, (const unsigned char *)text.ptr, (int)text.len) >= 0 &&
        EVP_DecodeFinal(decoder, der + len, &rest) >= 0)
        key = from_der(der, len + rest);
    EVP_ENCODE_CTX_free(decoder);
    OPENSSL_cleanse(der, text.len + 4);
    free(der);
    return key;
}

static EVP_PKEY *rsa_key(struct span text)
{
    bool is_pem = text.len > 11 && memmem(text.ptr, text.len, "-----BEGIN ", 11) != NULL;
    EVP_PKEY *key = NULL;

    if (text.len > 0 && text.len <= (size_t)64 << 10)
        key = is_pem ? key_from_pem(text) : key_from_base64(text, private_from_der);
    if (key &&
        (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_size(key) > DIGEST_MAX_BYTES)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    ERR_clear_error();
    return key;
}

static int rsa_sign(struct span key_text, struct span text, struct digest *ret, struct error *err)
{
    EVP_PKEY *key = rsa_key(key_text);

    if (!key) {
        error_set(err, ERR_CONFIG, "the key is no RSA private key of at most 8192 bits");
        return error_hint(err, "a PEM file without pass phrase: openssl pkey -in KEY -out PEM");
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = sizeof(ret->bytes);
    bool ok =
        EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(context, ret->bytes, &len, (const unsigned char *)text.ptr, text.len) == 1;
    ret->len = len;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return ok ? 0 : error_set(err, ERR_CONFIG, "the key cannot sign");
}

static EVP_PKEY *public_from_pem(struct span text)
{
    BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

    if (!key) {
        (void)BIO_reset(bio);
        X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        key = certificate ? X509_get_pubkey(certificate) : NULL;
        X509_free(certificate);
    }
    BIO_free(bio);
    return key;
}

static EVP_PKEY *rsa_public_key(struct span text)
{
    bool is_pem = text.len > 11 && memmem(text.ptr, text.len, "-----BEGIN ", 11) != NULL;
    EVP_PKEY *key = NULL;

    if (text.len > 0 && text.len <= (size_t)64 << 10)
        key = is_pem ? public_from_pem(text) : key_from_base64(text, public_from_der);
    if (key && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    ERR_clear_error();
    return key;
}

static int rsa_verify(struct span key_text, struct span text, struct span signature,
                      struct error *err)
{
    EVP_PKEY *key = rsa_public_key(key_text);

    if (!key) {
        error_set(err, ERR_CONFIG, "the key is neither an RSA public key nor a certificate of one");
        return error_hint(err, "PEM, or its bare base64: openssl x509 -in CERT -pubkey -noout");
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(context, (const unsigned char *)signature.ptr, signature.len,
                               (const unsigned char *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return ok ? 0 : error_set(err, ERR_REMOTE, "the signature is wrong");
}

/* ---- all ------------------------------------------------------------------------------------- */

int digest_compute(enum digest_algorithm algorithm, struct span key, struct span text,
                   struct digest *ret, struct error *err)
{
    const EVP_MD *hash = hash_of(algorithm);
    const unsigned char *bytes = (const unsigned char *)(text.ptr ? text.ptr : "");
    unsigned int len = 0;
    bool ok;

    if (algorithm == DIGEST_RSA2)
        return rsa_sign(key, (struct span){(const char *)bytes, text.len}, ret, err);
    if (digest_wants_key((int)algorithm))
        ok = HMAC(hash, key.ptr ? key.ptr : "", (int)key.len, bytes, text.len, ret->bytes, &len);
    else
        ok = EVP_Digest(bytes, text.len, ret->bytes, &len, hash, NULL) == 1;
    ret->len = len;
    return ok ? 0 : error_set(err, ERR_CONFIG, "OpenSSL here has no %s", EVP_MD_get0_name(hash));
}

int digest_verify(enum digest_algorithm algorithm, struct span key, struct span text,
                  struct span signature, struct error *err)
{
    struct digest own = {0};

    if (algorithm == DIGEST_RSA2)
        return rsa_verify(key, text, signature, err);
    TRY(digest_compute(algorithm, key, text, &own, err));
    if (own.len == signature.len && CRYPTO_memcmp(own.bytes, signature.ptr, own.len) == 0)
        return 0;
    return error_set(err, ERR_REMOTE, "the signature is wrong");
}

/* EVP's own, by another name: its type stays out of our header. */
int digest_stream_new(enum digest_algorithm algorithm, struct digest_stream **ret,
                      struct error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (!context || EVP_DigestInit_ex(context, hash_of(algorithm), NULL) != 1) {
        EVP_MD_CTX_free(context);
        ERR_clear_error();
        return error_set(err, ERR_CONFIG, "OpenSSL here has no %s",
                         EVP_MD_get0_name(hash_of(algorithm)));
    }
    *ret = (struct digest_stream *)context;
    return 0;
}

void digest_stream_add(struct digest_stream *s, struct span bytes)
{
    (void)EVP_DigestUpdate((EVP_MD_CTX *)s, bytes.ptr, bytes.len);
}

void digest_stream_end(struct digest_stream *s, struct digest *ret)
{
    unsigned int len = 0;

    (void)EVP_DigestFinal_ex((EVP_MD_CTX *)s, ret->bytes, &len);
    ret->len = len;
    EVP_MD_CTX_free((EVP_MD_CTX *)s);
}

static void base64(struct span bytes, bool url, struct strbuf *out)
{
    size_t room = 4 * (bytes.len / 3 + 1) + 1;

    if (bytes.len > (size_t)1 << 30 || !strbuf_reserve(out, room)) {
        out->overflow = true;
        return;
    }
    char *to = out->data + out->len;
    int n = EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)bytes.ptr, (int)bytes.len);
    while (url && n > 0 && to[n - 1] == '=')
        n--;
    for (int i = 0; url && i < n; i++)
        to[i] = to[i] == '+' ? '-' : to[i] == '/' ? '_' : to[i];
    to[n] = '\0';
    out->len += (size_t)n;
}

void digest_encode(enum digest_encoding encoding, struct span bytes, struct strbuf *out)
{
    const char *digits = encoding == DIGEST_HEX ? "0123456789abcdef" : "0123456789ABCDEF";

    if (encoding == DIGEST_BASE64 || encoding == DIGEST_BASE64URL) {
        base64(bytes, encoding == DIGEST_BASE64URL, out);
        return;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        strbuf_addch(out, digits[(unsigned char)bytes.ptr[i] >> 4]);
        strbuf_addch(out, digits[(unsigned char)bytes.ptr[i] & 15]);
    }
}

static int digit_of(char c, enum digest_encoding encoding)
{
    if (encoding == DIGEST_HEX || encoding == DIGEST_HEX_UPPER)
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

bool digest_decode(enum digest_encoding encoding, struct span text, struct digest *ret)
{
    unsigned width = encoding == DIGEST_HEX || encoding == DIGEST_HEX_UPPER ? 4 : 6, held = 0;
    uint32_t bits = 0;
    struct digest d = {0};

    while (width == 6 && text.len > 0 && text.ptr[text.len - 1] == '=')
        text.len--;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == ' ' || (text.ptr[i] >= '\t' && text.ptr[i] <= '\r'))
            continue;
        int digit = digit_of(text.ptr[i], encoding);
        if (digit < 0)
            return false;
        bits = (bits << width | (uint32_t)digit) & 0xffff;
        held += width;
        if (held < 8)
            continue;
        if (d.len == sizeof(d.bytes))
            return false;
        held -= 8;
        d.bytes[d.len++] = (unsigned char)(bits >> held);
    }
    /* What is left over is padding of less than a digit, and zero. */
    if (held >= width || (bits & ((1U << held) - 1)) != 0)
        return false;
    *ret = d;
    return true;
}
