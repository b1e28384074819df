/* lib/domain/idempotency.h - a write that is sent twice happens once.
 *
 * In the transaction of the write: claim, then either replay what was answered before, or do the
 * work and save the answer. A second request with the same key waits at the claim until the first
 * transaction has ended (or the lock wait is over). Only answers of work that was done are saved:
 * what was refused changed nothing and may be tried again. */
#ifndef DINER_DOMAIN_IDEMPOTENCY_H
#define DINER_DOMAIN_IDEMPOTENCY_H

#include "domain/context.h"

#define IDEMPOTENCY_KEY_MAX 255

struct idempotency_request {
    const char *key, *method, *path;
    const char *request_hash; /* of the body */
};
struct idempotency_answer {
    int status; /* 0: this is the first time */
    const char *body;
};
/* Refused as idempotency_key_reused when the key came with another request. */
int idempotency_claim(struct domain_context *ctx, const struct idempotency_request *request,
                      struct idempotency_answer *ret, struct error *err);
/* With the next statement: the commit, mostly. */
void idempotency_save(struct domain_context *ctx, const struct idempotency_request *request,
                      int status, const char *body);

#endif
