/* lib/pipeline/target/beside.h - a new table filled by several connections at once (--jobs).
 *
 * The rows go into `_diner_load_TABLE` (or, of a swap, `_diner_load_OID`), made and committed
 * beside, each connection's COPY being a transaction of its own; nobody reads it. The run's own
 * transaction then indexes it, gives it its name, and commits it with everything else. Its oid
 * stands in diner.state (load_table) from the transaction that made it to the one that names it:
 * what a killed run left is dropped by the next run of the stream, under its lock, and nothing else
 * ever is. */
#ifndef DINER_PIPELINE_TARGET_BESIDE_H
#define DINER_PIPELINE_TARGET_BESIDE_H

#include "pipeline/target/stage.h"

struct beside;
/* Drops what an earlier run of this stream left. */
int beside_drop_leftover(const struct stage_target *t, struct error *err);
/* The name in SQL of a table to be filled for t; NULL: t's own is too long for one. */
const char *beside_name(const struct stage_target *t);
/* Makes and commits it: `make` is called in the open transaction. *ret NULL: one connection is all
 * there is to use. */
int beside_open(const struct stage_target *t, const char *quoted,
                int (*make)(void *self, struct error *err), void *self, struct beside **ret,
                struct error *err);
/* Then its connections, each in a COPY of these columns. */
int beside_connect(struct beside *b, const char *const *columns, size_t ncolumns,
                   struct error *err);
/* The COPY that takes the next row; after db_copy_keep beside_next goes to one whose socket is
 * free, so that all backends are at work. */
struct db_copy *beside_copy(struct beside *b);
int beside_next(struct beside *b, struct error *err);
/* After the last row; *ret_rows: what the servers took. */
int beside_finish(struct beside *b, int64_t *ret_rows, struct error *err);
/* In the committing transaction: it gets the target's name; or it gets one by other means, and only
 * stays. */
int beside_adopt(struct beside *b, struct error *err);
int beside_keep(struct beside *b, struct error *err);
void beside_close(struct beside *b); /* NULL-safe; drops the table unless it was adopted */

#endif
