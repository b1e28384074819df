/* lib/platform/client/client.h - operations on a platform through its connector: what the one-off
 * commands need. Any platform whose connector has the resources used here will do; what its records
 * look like is the business of their `map`. */
#ifndef DINER_PLATFORM_CLIENT_CLIENT_H
#define DINER_PLATFORM_CLIENT_CLIENT_H

#include "format/jsonx.h"
#include "net/connector.h"

struct client;
/* By the connector that the setting platform.connector names. Nothing is sent yet. */
int client_open(const struct config *config, const struct connector_builtin *builtins,
                struct client **ret, struct error *err);
void client_close(struct client *c); /* NULL-safe */

/* From now on what is read is kept for the time of the setting platform.cache (0: not at all), and
 * is what was kept when the platform cannot be reached, with a warning in the log. For what a
 * person looks at: never before a write. */
void client_may_degrade(struct client *c, const struct config *config);
/* Whether what was read last is old, known with its first record. */
bool client_is_degraded(const struct client *c, int64_t *ret_age_ms);

/* A record as raw JSON, borrowed. */
typedef int client_record(void *self, struct span record, struct error *err);
/* Up to `limit` records of a listing, mapped. Parameters without a value are left out. */
int client_list(struct client *c, const char *resource, const struct connector_param *params,
                size_t nparams, int64_t limit, client_record *record, void *self,
                struct error *err);
/* The one record of a resource that is `single`, mapped; freed with jsonx_free. */
int client_get(struct client *c, const char *resource, const struct connector_param *params,
               size_t nparams, struct jsonx **ret_record, struct error *err);
/* One call; *ret_document (NULL: not wanted) is the whole answer, freed with jsonx_free. A write
 * gets a fresh idempotency key, so that it is repeated safely after a lost answer. */
int client_call(struct client *c, const char *resource, const struct connector_param *params,
                size_t nparams, const struct strbuf *body, struct jsonx **ret_document,
                struct error *err);

#endif
