/* lib/domain/seed.h - believable data for trying and testing: stores, the products of the ERP's
 * stock list and dishes, orders over some days, stock with its ledger.
 *
 * All of it follows from the seed: no clock but as_of, no random numbers. Seeding again adds only
 * what is not there: with the same seed and number nothing, with a larger number the rest. */
#ifndef DINER_DOMAIN_SEED_H
#define DINER_DOMAIN_SEED_H

#include "db/conn.h"

#define SEED_MAX        9999
#define SEED_ORDERS_MAX 9000000
#define SEED_STORES_MAX 200
#define SEED_DAYS_MAX   3650

struct seed_options {
    int64_t seed;      /* 0..SEED_MAX */
    int64_t orders;    /* 17 or more show every state */
    int64_t stores;    /* 1..SEED_STORES_MAX: S001, S002, ... */
    int64_t days;      /* the orders end at as_of and begin so many days before */
    const char *as_of; /* timestamp with zone as PostgreSQL reads it; NULL: now */
};
struct seed_result {
    int64_t orders_added, lines_added, moves_added;
    int64_t stores, products, stock_rows, orders; /* in all */
};
/* One transaction of its own. Needs the owner's rights of the database (superuser: constraints are
 * not checked row by row) and app's migrations. ERR_USAGE for a number out of range. */
int seed_run(struct db_conn *conn, const struct seed_options *options, struct seed_result *ret,
             struct error *err);

#endif
