/* lib/domain/password.c - bcrypt. */
#include "domain/password.h"
#include "core/mem.h"
#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define BCRYPT_COST 10

static const char nobodys_hash[] = "$2b$10$abcdefghijklmnopqrstuuK7Dr0wSxZxUrHAJLVnwXq7n0lTzqwLe";

/* Hashes with the settings in `setting`; false when libxcrypt refuses them. */
static bool hash_with(const char *password, const char *setting, char ret_hash[PASSWORD_HASH_MAX])
{
    struct crypt_data *data = mem_alloc(sizeof *data); /* 32 KiB: not for a thread's stack */
    const char *hash = crypt_r(password, setting, data);
    bool is_hashed = hash != NULL && hash[0] == '$' && strlen(hash) < PASSWORD_HASH_MAX;
    if (is_hashed)
        memcpy(ret_hash, hash, strlen(hash) + 1);
    OPENSSL_cleanse(data, sizeof *data);
    free(data);
    return is_hashed;
}

int password_hash(const char *password, char ret_hash[PASSWORD_HASH_MAX], struct error *err)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    size_t length = strlen(password);
    if (length == 0 || length > PASSWORD_BYTES_MAX)
        return error_set(err, ERR_DATA, "a password has 1 to %d bytes", PASSWORD_BYTES_MAX);
    if (crypt_gensalt_rn("$2b$", BCRYPT_COST, NULL, 0, setting, sizeof setting) == NULL)
        return error_set_errno(err, ERR_FAILED, errno, "no salt for a password");
    if (!hash_with(password, setting, ret_hash))
        return error_set(err, ERR_FAILED, "the password could not be hashed");
    return ERR_OK;
}

bool password_verify(const char *password, const char *hash)
{
    char again[PASSWORD_HASH_MAX];
    const char *setting = hash != NULL ? hash : nobodys_hash;
    if (strlen(password) > PASSWORD_BYTES_MAX || !hash_with(password, setting, again))
        return false;
    size_t length = strlen(again);
    return hash != NULL && strlen(hash) == length && CRYPTO_memcmp(again, hash, length) == 0;
}
