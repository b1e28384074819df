/* lib/platform/server/encode.h - base64url (RFC 4648, 5, without padding) and percent-decoding. */
#ifndef DINER_PLATFORM_ENCODE_H
#define DINER_PLATFORM_ENCODE_H

#include "core/mem.h"
#include "core/strbuf.h"
#include <stdbool.h>

void base64url_encode(struct span bytes, struct strbuf *out);
/* Strict: no padding, no other characters, no stray bits. */
bool base64url_decode(struct span text, struct strbuf *out);

/* Decodes %XX (and + as a blank in a query) into the arena. NULL when a % is not followed by two
 * hex digits, for a NUL byte, or when the result is not UTF-8. */
char *percent_decode(struct arena *arena, struct span text, bool is_query);

#endif
