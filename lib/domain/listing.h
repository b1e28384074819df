/* lib/domain/listing.h - lists in pieces, by keyset or by page, in an order of the caller's choice.
 *
 * A list is in the order of one of its declared sorts, then of columns that are unique together, so
 * that rows that tie have one order too. By keyset the next piece starts after the last key seen,
 * so nothing is lost or doubled when rows are added or change meanwhile; by page rows are left out
 * by count, which is for people. */
#ifndef DINER_DOMAIN_LISTING_H
#define DINER_DOMAIN_LISTING_H

#include "core/strbuf.h"
#include "domain/context.h"

#define LISTING_KEYS_MAX 3
#define LISTING_TIES_MAX 2

/* A column that is never null, and its type. */
struct listing_key {
    const char *column, *type;
};
struct listing_sort {
    const char *name;       /* as the API calls it; a '-' before it: descending */
    struct listing_key key; /* column NULL: the order of the unique columns themselves */
};
/* How one list is read. Its statement takes the filters as $1 and so on; where it says
 *   :keys   the columns of the order come, as text (after the document, separated by commas)
 *   :after  the condition that a row stands after the last one seen
 *   :order  ORDER BY with the columns of the order
 *   :rows   LIMIT and OFFSET
 * These are put together from the texts below alone; what a client sends goes into parameters. The
 * columns must have the same names wherever the statement has a marker. */
struct listing_spec {
    const char *sql;
    const char *count;                /* of all that the first ncount filters let through */
    size_t ncount;                    /* filters that the count takes */
    const struct listing_sort *sorts; /* to name NULL */
    struct listing_key ties[LISTING_TIES_MAX]; /* unique together; column NULL: only one */
    const char *order;                         /* by cursor, when the client does not say */
    const char *page_order;                    /* by page; NULL: the same */
};

struct listing_from {
    const struct listing_sort *sort; /* NULL: as the list's order */
    bool is_descending;
    const char *after[LISTING_KEYS_MAX]; /* key columns of the last row seen; NULL: the start */
    int64_t limit;                       /* rows wanted */
    int64_t skip;                        /* rows left out: pages */
    bool wants_total;
};
struct listing {
    struct strbuf items;  /* JSON documents separated by commas */
    int64_t count, total; /* total: -1 unless wanted */
    bool has_more;
    const char *last[LISTING_KEYS_MAX]; /* key of the last row given, in the arena */
};
#define LISTING_BYTES_MAX ((size_t)32 << 20)

void listing_init(struct listing *l);
void listing_release(struct listing *l);
#define AUTO_LISTING __attribute__((cleanup(listing_release)))

/* Sets the order by its name ("-created_at"); false: the list has no such order. */
bool listing_sort_set(const struct listing_spec *spec, const char *order,
                      struct listing_from *from);
/* How many columns the key has in this order. */
size_t listing_keys(const struct listing_spec *spec, const struct listing_from *from);

int listing_run(struct domain_context *ctx, const struct listing_spec *spec,
                const char *const *filters, size_t nfilters, const struct listing_from *from,
                struct listing *out, struct error *err);

/* One document by its key; no row: ERR_NOT_FOUND without a refusal name. *ret in the arena. */
int listing_one(struct domain_context *ctx, const char *sql, const char *const *params,
                size_t nparams, const char **ret_document, struct error *err);

#endif
