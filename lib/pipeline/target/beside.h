/* lib/pipeline/target/beside.h - a new table filled by several connections at once (--jobs).
 *
 * The rows go into `_diner_load_TABLE`, made and committed beside, each connection's COPY being a
 * transaction of its own; nobody reads it. The run's own transaction then indexes it, gives it its
 * name, and commits it with everything else. Its oid stands in diner.state (load_table) from the
 * transaction that made it to the one that names it: what a killed run left is dropped by the next
 * run of the stream, under its lock, and nothing else ever is. */
#ifndef DINER_PIPELINE_TARGET_BESIDE_H
#define DINER_PIPELINE_TARGET_BESIDE_H

#include "pipeline/target/stage.h"

struct beside;
/* Drops what an earlier run of this stream left. */
int beside_drop_leftover(const struct stage_target *t, struct error *err);
/* *ret NULL: one connection is all there is to use (jobs, the length of the name). */
int beside_open(const struct stage_target *t, const char *const *columns, size_t ncolumns,
                struct beside **ret, struct error *err);
/* The COPY that takes the next row; after db_copy_keep beside_next goes to one whose socket is
 * free, so that all backends are at work. */
struct db_copy *beside_copy(struct beside *b);
int beside_next(struct beside *b, struct error *err);
/* After the last row; *ret_rows: what the servers took. */
int beside_finish(struct beside *b, int64_t *ret_rows, struct error *err);
/* In the committing transaction: it is the target from now on. */
int beside_adopt(struct beside *b, struct error *err);
void beside_close(struct beside *b); /* NULL-safe; drops the table unless it was adopted */

#endif
