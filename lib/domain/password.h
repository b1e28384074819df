/* lib/domain/password.h - password hashes: bcrypt "$2b$" by libxcrypt. Blocks for about 50 ms on
 * purpose; thread safe. */
#ifndef DINER_DOMAIN_PASSWORD_H
#define DINER_DOMAIN_PASSWORD_H

#include "core/error.h"
#include <stdbool.h>

#define PASSWORD_HASH_MAX 128
/* bcrypt looks at 72 bytes only; a longer password is refused rather than cut. */
#define PASSWORD_BYTES_MAX 72

/* ERR_DATA when empty or too long. */
int password_hash(const char *password, char ret_hash[PASSWORD_HASH_MAX], struct error *err);
/* hash NULL: takes as long, and is false, so that an unknown name cannot be told by the time. */
bool password_verify(const char *password, const char *hash);

#endif
