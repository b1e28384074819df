/* lib/domain/member_key.c - phones in one form, and keyed hashes of what tells a person. */
#include "domain/member_key.h"
#include "core/secret.h"
#include "core/sha256.h"
#include "core/strbuf.h"
#include "gen/embed.h"
#include <stdio.h>

#define HASHED_AT_ONCE 2000

bool member_phone_is(const char *text)
{
    text += text[0] == '+';
    size_t n = strlen(text);
    return n >= 5 && n <= 20 && strspn(text, "0123456789") == n;
}

static bool is_cn_mobile(const char *digits)
{
    return strlen(digits) == 11 && digits[0] == '1' && digits[1] >= '3' && digits[1] <= '9';
}

const char *member_phone_plain(struct domain_context *ctx, const char *phone)
{
    static const char *const prefixes[] = {"+86", "0086", "86", NULL};
    if (phone == NULL || !member_phone_is(phone))
        return phone;
    for (size_t i = 0; prefixes[i] != NULL; i++) {
        size_t n = strlen(prefixes[i]);
        if (strncmp(phone, prefixes[i], n) == 0 && is_cn_mobile(phone + n))
            return arena_strdup(ctx->arena, phone + n);
    }
    return phone;
}

int member_key_read(const char *reference, char **ret, struct error *err)
{
    char *key = NULL;
    if (reference == NULL)
        return ERR_OK;
    TRY(secret_resolve(reference, &key, err));
    if (strlen(key) < MEMBER_KEY_BYTES_MIN) {
        secret_free(key);
        return error_set(err, ERR_CONFIG, "members.hash_key has fewer than %d bytes",
                         MEMBER_KEY_BYTES_MIN);
    }
    *ret = key;
    return ERR_OK;
}

int member_key_require(struct domain_context *ctx, struct error *err)
{
    if (ctx->hash_key != NULL)
        return ERR_OK;
    error_set(err, ERR_CONFIG, "there is no key to know a person again by");
    return error_hint(err, "set members.hash_key, to a secret that stays the same");
}

static void mark_of(const char *key, char ret[MEMBER_MARK_BYTES + 1])
{
    char hex[65];
    hmac_sha256_hex(key, "mark", 4, hex);
    snprintf(ret, MEMBER_MARK_BYTES + 1, "%.8s:", hex);
}

const char *member_hash(struct domain_context *ctx, const char *kind, const char *value)
{
    char mark[MEMBER_MARK_BYTES + 1], hex[65];
    if (ctx->hash_key == NULL || value == NULL)
        return NULL;
    const char *text = arena_printf(ctx->arena, "%s:%s", kind, value);
    hmac_sha256_hex(ctx->hash_key, text, strlen(text), hex);
    mark_of(ctx->hash_key, mark);
    return arena_printf(ctx->arena, "%s%s", mark, hex);
}

static int hash_some(struct domain_context *ctx, const char *mark, int64_t *ret_count,
                     struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    AUTO_STRBUF struct strbuf ids = {0}, hashes = {0};
    TRY(db_query(ctx->conn, sql_member_unhashed, DB_PARAMS(mark, domain_int(ctx, HASHED_AT_ONCE)),
                 &rows, err));
    strbuf_init(&ids, 0);
    strbuf_init(&hashes, 0);
    *ret_count = (int64_t)db_result_rows(rows);
    for (size_t i = 0; i < db_result_rows(rows); i++) {
        strbuf_addf(&ids, "%c%s", i == 0 ? '{' : ',', db_result_text(rows, i, 0));
        strbuf_addf(&hashes, "%c%s", i == 0 ? '{' : ',',
                    member_hash(ctx, "phone", db_result_text(rows, i, 1)));
    }
    if (*ret_count == 0)
        return ERR_OK;
    strbuf_addch(&ids, '}');
    strbuf_addch(&hashes, '}');
    return db_execute(ctx->conn, sql_member_hashed, DB_PARAMS(ids.data, hashes.data), NULL, err);
}

int member_hash_all(struct domain_context *ctx, int64_t *ret_hashed, struct error *err)
{
    char mark[MEMBER_MARK_BYTES + 1];
    int64_t count = HASHED_AT_ONCE;
    *ret_hashed = 0;
    if (ctx->hash_key == NULL)
        return ERR_OK;
    mark_of(ctx->hash_key, mark);
    while (count == HASHED_AT_ONCE) {
        struct arena *callers = domain_scratch_begin(ctx);
        int code = db_begin(ctx->conn, err);
        if (code == ERR_OK)
            code = hash_some(ctx, mark, &count, err);
        if (code == ERR_OK)
            code = db_commit(ctx->conn, err);
        else
            db_rollback(ctx->conn);
        domain_scratch_end(ctx, callers);
        TRY(code);
        *ret_hashed += count;
    }
    return ERR_OK;
}
