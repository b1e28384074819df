/* lib/platform/server/proxies.h - who a request is from, when a reverse proxy passed it on. */
#ifndef DINER_PLATFORM_SERVER_PROXIES_H
#define DINER_PLATFORM_SERVER_PROXIES_H

#include "core/error.h"
#include "schema/field.h"
#include <netinet/in.h>
#include <stdbool.h>

struct proxies;

/* Addresses and blocks ("127.0.0.1", "10.0.0.0/8", "fd00::/8") that are believed. *ret NULL when
 * there are none; ERR_CONFIG at one that is no address. */
int proxies_new(const struct field_strings *blocks, struct proxies **ret, struct error *err);
void proxies_free(struct proxies *p); /* NULL is fine */

bool proxies_have(const struct proxies *p, const char *address); /* p NULL: no */

/* peer is who is connected. When it is a proxy, the client is the last address of `forwarded` (the
 * value of X-Forwarded-For, or NULL) that is none itself: what stands before it anybody can write.
 * Else, and when that is no address, peer. */
void proxies_client(const struct proxies *p, const char *peer, const char *forwarded,
                    char ret[INET6_ADDRSTRLEN]);

#endif
