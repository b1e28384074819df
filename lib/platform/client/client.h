/* lib/platform/client/client.h - operations on a platform through its connector: what the one-off
 * commands need. Any platform whose connector has the resources used here will do. */
#ifndef DINER_PLATFORM_CLIENT_CLIENT_H
#define DINER_PLATFORM_CLIENT_CLIENT_H

#include "format/jsonx.h"
#include "net/connector.h"

struct client;
/* connector NULL: "platform". Nothing is sent yet. */
int client_open(const struct config *config, const struct connector_builtin *builtins,
                const char *connector, struct client **ret, struct error *err);
void client_close(struct client *c); /* NULL-safe */

/* Up to `limit` records of a listing, as raw JSON; the callback borrows the record. */
int client_list(struct client *c, const char *resource, const struct connector_param *params,
                size_t nparams, int64_t limit,
                int (*record)(void *self, struct span record, struct error *err), void *self,
                struct error *err);
/* One call; *ret_document (NULL: not wanted) is the whole answer, freed with jsonx_free. A write
 * gets a fresh idempotency key, so that it is repeated safely after a lost answer. */
int client_call(struct client *c, const char *resource, const struct connector_param *params,
                size_t nparams, const struct strbuf *body, struct jsonx **ret_document,
                struct error *err);

#endif
