/* lib/domain/context.h - on whose behalf, and over which connection, a rule is applied.
 *
 * The rules run inside the transaction of the caller, who begins, commits and rolls back; after any
 * failure the caller rolls back. A refusal is a failure with a stable name that clients switch on
 * (API_ERROR(insufficient_stock)) and details for them, beside the error. One thread, one request.
 */
#ifndef DINER_DOMAIN_CONTEXT_H
#define DINER_DOMAIN_CONTEXT_H

#include "core/error.h"
#include "core/mem.h"
#include "db/conn.h"
#include "domain/api_error.h"
#include <stdbool.h>
#include <stdint.h>

/* What a transaction has changed, for those who keep copies of it (read_cache.h). */
enum domain_kind { DOMAIN_STOCK, DOMAIN_PRODUCT };
struct domain_touch {
    enum domain_kind kind;
    const char *store_id; /* "0" when of no store */
    const char *ids;      /* one id, or an array as PostgreSQL writes it: {1,2} */
    const struct domain_touch *next;
};

struct points_rules;
struct domain_context {
    struct db_conn *conn;
    struct arena *arena;    /* results live here */
    int64_t user_id;        /* recorded in histories; 0: nobody */
    const char *only_store; /* code of the only store to be seen and changed; NULL: all */
    const char *hash_key;   /* of members (member_key.h); NULL: none */
    const char *refusal;    /* set by domain_refuse: of the catalogue */
    const char *details;    /* set by domain_refuse: a JSON object, or NULL */
    const struct domain_touch *touched;
    const struct points_rules *points; /* NULL: orders earn nothing */
};

/* Fills err and the refusal; returns code. details may be NULL. */
int domain_refuse(struct domain_context *ctx, struct error *err, enum error_code code,
                  const char *refusal, const char *details, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* Somebody else changed it meanwhile: version_conflict, with the document as it is now. */
int domain_refuse_version(struct domain_context *ctx, const char *document, struct error *err);

/* Notes a change; ids NULL: nothing changed. */
void domain_touch(struct domain_context *ctx, enum domain_kind kind, const char *store_id,
                  const char *ids);

/* For the many things that one call does one after the other: results in an arena of their own,
 * emptied after each. Whatever the context says of a result (refusal, details, touched) is
 * forgotten with it, at the beginning and the end too. begin gives the caller's arena, which end
 * wants back. */
struct arena *domain_scratch_begin(struct domain_context *ctx);
void domain_scratch_clear(struct domain_context *ctx);
void domain_scratch_end(struct domain_context *ctx, struct arena *callers);

/* {"key":"value"} in the arena. */
const char *domain_detail(struct domain_context *ctx, const char *key, const char *value);

/* Refuses as unknown_order. */
int domain_unknown_order(struct domain_context *ctx, const char *order_no, struct error *err);

/* The decimal text of a number, in the arena: statement parameters are text. */
const char *domain_int(struct domain_context *ctx, int64_t value);

#endif
