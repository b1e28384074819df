/* lib/domain/context.h - on whose behalf, and over which connection, a rule is applied.
 *
 * The rules run inside the transaction of the caller, who begins, commits and rolls back; after any
 * failure the caller rolls back. A refusal is a failure with a stable name that clients switch on
 * ("insufficient_stock") and details for them, beside the error. One thread, one request. */
#ifndef DINER_DOMAIN_CONTEXT_H
#define DINER_DOMAIN_CONTEXT_H

#include "core/error.h"
#include "core/mem.h"
#include "db/conn.h"
#include <stdint.h>

struct domain_context {
    struct db_conn *conn;
    struct arena *arena;    /* results live here */
    int64_t user_id;        /* recorded in histories; 0: nobody */
    const char *only_store; /* code of the only store to be seen and changed; NULL: all */
    const char *refusal;    /* set by domain_refuse; a literal */
    const char *details;    /* set by domain_refuse: a JSON object, or NULL */
};

/* Fills err and the refusal; returns code. details may be NULL. */
int domain_refuse(struct domain_context *ctx, struct error *err, enum error_code code,
                  const char *refusal, const char *details, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* {"key":"value"} in the arena. */
const char *domain_detail(struct domain_context *ctx, const char *key, const char *value);

/* The decimal text of a number, in the arena: statement parameters are text. */
const char *domain_int(struct domain_context *ctx, int64_t value);

#endif
