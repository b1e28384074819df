/* lib/platform/server/consul.h - the server's entry in Consul, so that clients and gateways find
 * it.
 *
 * The agent asks /health by itself; an instance whose check fails is not told to clients, and one
 * that died without a word is forgotten after a while. A thread of its own looks now and then
 * whether the agent still knows the service: one that was restarted empty is told again.
 * Source: https://developer.hashicorp.com/consul/api-docs/agent/service */
#ifndef DINER_PLATFORM_CONSUL_H
#define DINER_PLATFORM_CONSUL_H

#include "platform/server/internal.h"

/* *ret NULL when the settings name no Consul. listen: where the server listens. ERR_CONFIG when
 * that is no address for others and consul.address says none. Sends nothing yet. */
struct consul;
int consul_new(struct platform_server *s, const struct settings *settings, const char *listen,
               struct consul **ret, struct error *err);
/* Once the port is known and requests are answered. An agent that is away is no error. */
int consul_begin(struct consul *c, int port, struct error *err); /* NULL-safe */
/* Takes the entry out, waiting for the agent 2 seconds at most, and frees. */
void consul_end(struct consul *c); /* NULL-safe */

#endif
