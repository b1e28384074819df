/* lib/core/secret_forms.h - the spellings in which a secret may turn up in text (private to core).
 */
#ifndef DINER_CORE_SECRET_FORMS_H
#define DINER_CORE_SECRET_FORMS_H

#include <stddef.h>

/* Calls add for each spelling of value: itself, URL-encoded (RFC 3986 with either case of hex, and
 * as a form writes it, with + for a blank), base64 and base64url, padded or not, also as the inner
 * part of a longer base64 text ("user:password" of HTTP basic authentication). */
void secret_forms(const char *value, size_t n, void (*add)(const char *form, size_t n));

/* The password of a libpq DSN: where it stands in the text, and as it is meant. */
struct dsn_password {
    size_t start;
    size_t len;
    char *value; /* decoded, NUL-terminated; freed by the caller */
};
#define DSN_PASSWORDS_MAX 4
/* Finds the passwords of a DSN in order of place; returns how many. */
size_t dsn_passwords(const char *dsn, struct dsn_password ret[DSN_PASSWORDS_MAX]);

#endif
