/* lib/core/secret.h - values that must never be seen.
 *
 * A secret is registered once it is known; the log sink and the error printer replace it, its
 * URL-encoded and its base64 form by ****, longest first (log.h). Memory is wiped on free. */
#ifndef DINER_CORE_SECRET_H
#define DINER_CORE_SECRET_H

#include "core/error.h"
#include "core/strbuf.h"

/* Resolves a reference: "env:NAME", "file:PATH" (refused when group or others can read it; one
 * trailing newline is dropped), "cmd:COMMAND LINE" (run by /bin/sh, first 64 KiB of its output,
 * 10 s), or "literal:VALUE". Text without a known prefix is the value itself. The value is
 * registered. Caller frees with secret_free. ERR_CONFIG when it cannot be had. */
int secret_resolve(const char *reference, char **ret_value, struct error *err);
void secret_free(char *value); /* wipes; NULL-safe */

/* Makes the value unprintable. Values shorter than 4 bytes are ignored (they would shred text). */
void secret_register(const char *value);
/* Registers the password inside a libpq DSN (URL or key=value), if there is one; returns whether
 * there was one. */
bool secret_register_dsn(const char *dsn);
/* Replaces each registered secret in text by "****", in place (grows or shrinks). */
void secret_redact(struct strbuf *text);
/* Appends the DSN with its password shown as ****. */
void secret_dsn_masked(const char *dsn, struct strbuf *out);

#endif
