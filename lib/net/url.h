/* lib/net/url.h - parts of URLs, by libcurl's own parser, so that what is compared is what is
 * connected to. */
#ifndef DINER_NET_URL_H
#define DINER_NET_URL_H

#include "core/error.h"
#include "core/strbuf.h"
#include <stdbool.h>

/* "http://host:port" with the default port written out. ERR_CONFIG when it is no http(s) URL or
 * carries a user or password. Caller frees. */
int url_origin(const char *url, char **ret_origin, struct error *err);
/* The host alone, or NULL when it is no http(s) URL. Caller frees. */
char *url_host(const char *url);
/* Where messages may show it: without user, query and fragment. */
void url_shown(const char *url, struct strbuf *out);
/* Same host and port, or the step from http to https of one host with default ports. */
bool url_may_follow(const char *from, const char *to);
/* `reference` (absolute or relative) against `base`; ERR_REMOTE when it is no URL. Caller frees. */
int url_resolve(const char *base, const char *reference, char **ret_url, struct error *err);
/* RFC 3986: all but letters, digits and -._~ as %XX. */
void url_encode(struct strbuf *out, const char *text);

#endif
