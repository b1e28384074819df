/* lib/pipeline/target/swap.h - `load: swap` of mode replace: the rows go into a table beside, which
 * is indexed and then takes the name of the target, in the transaction that commits them.
 *
 * The new table has what the old one had: columns, defaults, checks, keys, indexes, owner, grants,
 * comments, storage, the numbers of its sequences; views that read it and foreign keys that refer
 * to it go over. A table with anything that cannot go over (a trigger, row level security, a
 * publication, a materialized view...) is refused before a row is read, with the reasons. Readers
 * see the old rows or the new ones, and are kept out for the exchange of names alone. */
#ifndef DINER_PIPELINE_TARGET_SWAP_H
#define DINER_PIPELINE_TARGET_SWAP_H

#include "pipeline/target/stage.h"

struct swap;
/* *ret NULL: there is no table yet. ERR_SPEC with the reasons when the table cannot be swapped. In
 * t's arena. */
int swap_open(struct stage_target *t, struct swap **ret, struct error *err);
/* The name in SQL that the new table has until the exchange. */
const char *swap_table(const struct swap *w);
/* Whether rows can go straight into the new table; not_null as of stage_is_plain. */
int swap_is_direct(const struct swap *w, bool *not_null, bool *ret, struct error *err);
/* In the open transaction: makes the new table; t->quoted is it from now on. */
int swap_make(struct swap *w, struct error *err);
/* The guard, then the rows of the stage, those that constraints refuse apart; the stage is final.
 */
int swap_fill(struct swap *w, struct stream_counts *counts, struct error *err);
/* Keys and indexes, the old rows of rejected keys, then the exchange. Where t->staged is the new
 * table, so many rows went straight into it, and the guard comes here. Rows that were there count
 * as deleted, those that went over apart. */
int swap_finish(struct swap *w, int64_t rows, struct stream_counts *counts, struct error *err);

#endif
