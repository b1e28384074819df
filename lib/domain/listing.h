/* lib/domain/listing.h - lists in pieces, by keyset or by page.
 *
 * A list is in the order of a unique key of one or two columns. By keyset the next piece starts
 * after the last key seen, so nothing is lost or doubled when rows are added or change meanwhile;
 * by page rows are left out by count, which is for people. */
#ifndef DINER_DOMAIN_LISTING_H
#define DINER_DOMAIN_LISTING_H

#include "core/strbuf.h"
#include "domain/context.h"

#define LISTING_KEYS_MAX 2

struct listing_from {
    const char *after[LISTING_KEYS_MAX]; /* key columns of the last row seen; NULL: the start */
    int64_t limit;                       /* rows wanted */
    int64_t skip;                        /* rows left out: pages */
};
struct listing {
    struct strbuf items; /* JSON documents separated by commas */
    int64_t count;
    bool has_more;
    const char *last[LISTING_KEYS_MAX]; /* key of the last row given, in the arena */
};
#define LISTING_BYTES_MAX ((size_t)32 << 20)

void listing_init(struct listing *l);
void listing_release(struct listing *l);
#define AUTO_LISTING __attribute__((cleanup(listing_release)))

/* Runs a statement whose first column is the document and the next nkeys the key, and which was
 * given limit + 1 as its row limit. */
int listing_run(struct domain_context *ctx, const char *sql, const char *const *params,
                size_t nparams, int64_t limit, size_t nkeys, struct listing *out,
                struct error *err);
/* The row limit to put into the statement. */
const char *listing_limit(struct domain_context *ctx, const struct listing_from *from);
const char *listing_skip(struct domain_context *ctx, const struct listing_from *from);

/* One document by its key; no row: ERR_NOT_FOUND without a refusal name. *ret in the arena. */
int listing_one(struct domain_context *ctx, const char *sql, const char *const *params,
                size_t nparams, const char **ret_document, struct error *err);

#endif
