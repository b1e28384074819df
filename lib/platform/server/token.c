/* lib/platform/server/token.c - JSON Web Tokens. */
#include "platform/server/token.h"
#include "core/clock.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include "platform/server/encode.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

static const char header_json[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";

static void sign(const char *secret, struct span text, struct strbuf *out)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    (void)HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text.ptr, text.len,
               mac, &length);
    base64url_encode((struct span){(const char *)mac, length}, out);
}

void token_issue(const char *secret, const struct token_claims *claims, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf json = {0};
    struct jwriter w;
    char id[37];
    clock_random_uuid(id);
    strbuf_init(&json, TOKEN_BYTES_MAX);
    jwriter_init(&w, &json);
    jwriter_object(&w);
    jwriter_kstring(&w, "sub", claims->subject);
    jwriter_kint(&w, "uid", claims->user_id);
    jwriter_kstring(&w, "role", claims->role);
    if (claims->store != NULL)
        jwriter_kstring(&w, "store", claims->store);
    jwriter_kstring(&w, "use", claims->use);
    if (claims->stamp != NULL)
        jwriter_kstring(&w, "stamp", claims->stamp);
    jwriter_kint(&w, "iat", claims->issued_s);
    jwriter_kint(&w, "exp", claims->expires_s);
    jwriter_kstring(&w, "jti", id);
    jwriter_end(&w);
    size_t start = out->len;
    base64url_encode(span_of(header_json), out);
    strbuf_addch(out, '.');
    base64url_encode((struct span){json.data, json.len}, out);
    AUTO_STRBUF struct strbuf mac = {0};
    strbuf_init(&mac, 256);
    sign(secret, (struct span){out->data + start, out->len - start}, &mac);
    strbuf_addch(out, '.');
    strbuf_add(out, mac.data, mac.len);
}

/* ---- verifying ---------------------------------------------------------------------------- */

static int refuse(struct error *err)
{
    return error_set(err, ERR_AUTH, "the token is not valid");
}

static bool claim_text(struct span json, const char *pointer, struct arena *arena, const char **ret)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct jpull_value value;
    struct error ignored = ERROR_INIT;
    strbuf_init(&scratch, TOKEN_BYTES_MAX);
    if (jpull_find(json, pointer, &value, &scratch, &ignored) != ERR_OK ||
        value.kind != JPULL_STRING || memchr(value.text.ptr, '\0', value.text.len) != NULL)
        return false;
    *ret = arena_strndup(arena, value.text.ptr, value.text.len);
    return true;
}

static bool claim_int(struct span json, const char *pointer, int64_t *ret)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct jpull_value value;
    struct error ignored = ERROR_INIT;
    char text[24], *end;
    strbuf_init(&scratch, TOKEN_BYTES_MAX);
    if (jpull_find(json, pointer, &value, &scratch, &ignored) != ERR_OK ||
        value.kind != JPULL_NUMBER || value.text.len >= sizeof text)
        return false;
    memcpy(text, value.text.ptr, value.text.len);
    text[value.text.len] = '\0';
    *ret = strtoll(text, &end, 10);
    return *end == '\0';
}

/* Splits "a.b.c"; the signature is over "a.b". */
static bool split(const char *token, struct span *signed_part, struct span *payload,
                  struct span *mac)
{
    const char *first = strchr(token, '.');
    const char *second = first != NULL ? strchr(first + 1, '.') : NULL;
    if (second == NULL || strchr(second + 1, '.') != NULL || strlen(token) > TOKEN_BYTES_MAX)
        return false;
    *signed_part = (struct span){token, (size_t)(second - token)};
    *payload = (struct span){first + 1, (size_t)(second - first - 1)};
    *mac = span_of(second + 1);
    return true;
}

static bool is_signed(const char *secret, struct span text, struct span mac)
{
    AUTO_STRBUF struct strbuf want = {0};
    strbuf_init(&want, 256);
    sign(secret, text, &want);
    return want.len == mac.len && CRYPTO_memcmp(want.data, mac.ptr, mac.len) == 0;
}

static bool header_is_ours(const char *token)
{
    AUTO_STRBUF struct strbuf header = {0};
    struct error ignored = ERROR_INIT;
    struct arena *arena = arena_new();
    const char *algorithm = "";
    strbuf_init(&header, TOKEN_BYTES_MAX);
    bool is_ours = base64url_decode((struct span){token, strcspn(token, ".")}, &header) &&
                   jpull_check((struct span){header.data, header.len}, true, &ignored) == ERR_OK &&
                   claim_text((struct span){header.data, header.len}, "/alg", arena, &algorithm) &&
                   strcmp(algorithm, "HS256") == 0;
    arena_free(arena);
    return is_ours;
}

static bool read_claims(struct span json, struct arena *arena, struct token_claims *ret)
{
    struct error ignored = ERROR_INIT;
    *ret = (struct token_claims){0};
    if (jpull_check(json, true, &ignored) != ERR_OK ||
        !claim_text(json, "/sub", arena, &ret->subject) ||
        !claim_text(json, "/role", arena, &ret->role) ||
        !claim_text(json, "/use", arena, &ret->use) || !claim_int(json, "/uid", &ret->user_id) ||
        !claim_int(json, "/iat", &ret->issued_s) || !claim_int(json, "/exp", &ret->expires_s))
        return false;
    (void)claim_text(json, "/stamp", arena, &ret->stamp);
    /* A store's token without its store must never become one of the whole chain. */
    bool has_store = claim_text(json, "/store", arena, &ret->store);
    bool is_of_store = strcmp(ret->role, "store") == 0;
    return has_store ? is_of_store || strcmp(ret->role, "readonly") == 0 : !is_of_store;
}

int token_verify(const char *secret, const char *token, const char *use, int64_t now_s,
                 struct arena *arena, struct token_claims *ret, struct error *err)
{
    struct span signed_part, payload, mac;
    struct token_claims claims;
    AUTO_STRBUF struct strbuf json = {0};
    strbuf_init(&json, TOKEN_BYTES_MAX);
    if (!split(token, &signed_part, &payload, &mac) || !is_signed(secret, signed_part, mac) ||
        !header_is_ours(token) || !base64url_decode(payload, &json) ||
        !read_claims((struct span){json.data, json.len}, arena, &claims) ||
        strcmp(claims.use, use) != 0)
        return refuse(err);
    if (claims.expires_s <= now_s)
        return error_set(err, ERR_AUTH, "the token has expired");
    *ret = claims;
    return ERR_OK;
}
