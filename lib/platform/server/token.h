/* lib/platform/server/token.h - JSON Web Tokens, HS256 only (RFC 7519, RFC 7515). */
#ifndef DINER_PLATFORM_TOKEN_H
#define DINER_PLATFORM_TOKEN_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <stdint.h>

#define TOKEN_BYTES_MAX 2048

struct token_claims {
    const char *subject; /* user name */
    int64_t user_id;
    const char *role, *store; /* store NULL unless the role is store */
    const char *use;          /* "access" or "refresh": one is not taken for the other */
    const char *stamp;        /* of a refresh token: another one with each password; or NULL */
    int64_t issued_s, expires_s;
};

void token_issue(const char *secret, const struct token_claims *claims, struct strbuf *out);
/* ERR_AUTH, with "expired" in the message when that is all that is wrong. Strings go to the arena.
 * `now_s` is seconds since 1970. The header must say HS256: "none" and RS256 are forgeries. */
int token_verify(const char *secret, const char *token, const char *use, int64_t now_s,
                 struct arena *arena, struct token_claims *ret, struct error *err);

#endif
