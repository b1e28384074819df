/* lib/domain/member_key.h - what a member is known by, and its keyed hash.
 *
 * A hash is the HMAC-SHA-256 (RFC 2104) of the kind and the value under the key of the setting
 * members.hash_key, behind a mark of that key. By it a phone is looked up without the phone, and a
 * person whose data was erased is known again without the data. */
#ifndef DINER_DOMAIN_MEMBER_KEY_H
#define DINER_DOMAIN_MEMBER_KEY_H

#include "domain/context.h"

#define MEMBER_KEY_BYTES_MIN 16
#define MEMBER_MARK_BYTES    9 /* "1f3a5c7e:" */

/* 5 to 20 digits, with or without + before them. */
bool member_phone_is(const char *text);
/* A mobile number of mainland China without its +86; anything else as it is. In the arena. */
const char *member_phone_plain(struct domain_context *ctx, const char *phone);

/* The key of a setting, which is a reference or NULL (as is *ret then); freed with secret_free.
 * ERR_CONFIG when it is shorter than MEMBER_KEY_BYTES_MIN. */
int member_key_read(const char *reference, char **ret, struct error *err);
/* ERR_CONFIG when the context has none. */
int member_key_require(struct domain_context *ctx, struct error *err);
/* kind: phone, unionid, openid (value: APPID:OPENID). In the arena; NULL without a key, or value.
 */
const char *member_hash(struct domain_context *ctx, const char *kind, const char *value);
/* Hashes by the key of the context all phones that have none by it, some thousand in a transaction
 * of its own. Nothing without a key. */
int member_hash_all(struct domain_context *ctx, int64_t *ret_hashed, struct error *err);

#endif
