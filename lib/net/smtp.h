/* lib/net/smtp.h - sends e-mail (SMTP through libcurl), and knows what became of it.
 *
 * TLS is required and verified unless `plain` is declared: smtps:// from the first byte, smtp:// by
 * STARTTLS. One connection is kept for several messages. Nothing is ever sent twice by itself. One
 * thread. */
#ifndef DINER_NET_SMTP_H
#define DINER_NET_SMTP_H

#include "core/error.h"
#include "core/mem.h"
#include <stdbool.h>
#include <stdint.h>

struct smtp_options {
    const char *url;             /* smtp://host[:587] or smtps://host[:465]; no user in it */
    const char *user, *password; /* NULL: no login; both registered as secrets by the caller */
    const char *ca_file;         /* NULL: the system's */
    bool plain;                  /* no TLS at all; with a login only on this machine */
    int64_t connect_timeout_ms, timeout_ms;
};
struct smtp;
/* Strings are copied; nothing is connected yet. ERR_CONFIG. */
int smtp_new(const struct smtp_options *options, struct smtp **ret, struct error *err);
void smtp_free(struct smtp *s); /* NULL-safe */

enum smtp_outcome {
    SMTP_ACCEPTED,
    SMTP_LATER,   /* surely not accepted; another time it may be */
    SMTP_REFUSED, /* surely not accepted, and will not be: 5yz about this message */
    SMTP_UNKNOWN, /* all of it was handed over, and no answer came */
};
/* Addresses are bare (mime.h checks them), `message` has headers and body. 0 only with
 * SMTP_ACCEPTED; else ERR_UNAVAILABLE, ERR_AUTH or ERR_REMOTE. Blocks for at most the time limit.
 */
int smtp_send(struct smtp *s, const char *from, const char *const *to, size_t to_count,
              struct span message, enum smtp_outcome *ret, struct error *err);

#endif
