/* lib/net/mime.h - writes e-mail messages: RFC 5322 headers, RFC 2047 words, a text body in base64.
 *
 * Whatever a text holds, it stays inside its header or body: line ends and other control characters
 * become blanks in headers, broken UTF-8 becomes U+FFFD. Lines end in CRLF. */
#ifndef DINER_NET_MIME_H
#define DINER_NET_MIME_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <stdint.h>

struct mime_address {
    const char *name;    /* UTF-8, or NULL */
    const char *address; /* ASCII: local@domain */
};
/* "a@b.example" or "Name <a@b.example>", copied into the arena. ERR_CONFIG when it is none. */
int mime_address_parse(struct arena *arena, const char *text, struct mime_address *ret,
                       struct error *err);

/* "Name: text" and its line end, as encoded words where the text is not plain ASCII. */
void mime_header_add(struct strbuf *out, const char *name, const char *text);

struct mime_mail {
    struct mime_address from;
    const struct mime_address *to;
    size_t to_count;
    const char *subject, *text; /* UTF-8 */
    const char *id;             /* without domain: with that of `from` it makes the Message-ID */
    int64_t date_s;             /* Unix time */
};
/* The whole message; check out->overflow. */
void mime_mail_add(struct strbuf *out, const struct mime_mail *mail);

#endif
