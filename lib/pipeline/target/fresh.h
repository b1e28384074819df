/* lib/pipeline/target/fresh.h - loading a table that does not exist yet: rows go straight into it
 * as they are read, its key and the columns about the run come last, and the transaction that began
 * with its creation commits it. Nobody else sees it before, and a killed run leaves nothing. */
#ifndef DINER_PIPELINE_TARGET_FRESH_H
#define DINER_PIPELINE_TARGET_FRESH_H

#include "pipeline/target/stage.h"

/* Whether what the stream asks for can be done without a stage: no SQL changes or refuses rows. */
bool fresh_is_possible(const struct stream_context *ctx);
int fresh_look(const struct stage_target *t, bool *ret_is_missing, struct error *err);
/* create table, with the stream's columns (and the row hash) and nothing else. A table with hashes
 * is one that snapshots update: its pages keep room, so that a changed row stays on its page and no
 * index has to be told. */
int fresh_create(const struct stage_target *t, struct error *err);
/* Begins the transaction and makes the table. */
int fresh_begin(const struct stage_target *t, struct error *err);
/* After the last of so many rows: checks, duplicates and key, guard, columns about the run. */
int fresh_finish(struct stage_target *t, int64_t rows, struct stream_counts *counts,
                 struct error *err);
/* Builds the indexes; where that finds a key twice, the last of its rows stays and it is done
 * again. Where the order of rows is not known (t->sequence NULL), another attempt is asked for. */
int fresh_settle_key(const struct stage_target *t, struct stream_counts *counts,
                     int (*build)(void *self, struct error *err), void *self, struct error *err);

/* Adds the primary key of a table that diner made. */
int fresh_add_key(const struct stage_target *t, struct error *err);

#endif
