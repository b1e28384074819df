/* lib/pipeline/target/fresh.h - loading a table that does not exist yet: rows go straight into it
 * as they are read, its key and the columns about the run come last, and the transaction that began
 * with its creation commits it. Nobody else sees it before, and a killed run leaves nothing. */
#ifndef DINER_PIPELINE_TARGET_FRESH_H
#define DINER_PIPELINE_TARGET_FRESH_H

#include "pipeline/target/stage.h"

/* Whether what the stream asks for can be done without a stage: no SQL changes or refuses rows. */
bool fresh_is_possible(const struct stream_context *ctx);
/* When the table is missing: begins the transaction and makes it (columns and nothing else, and
 * t->staged names it), *ret_is_fresh true; else leaves everything as it was. */
int fresh_begin(struct stage_target *t, bool *ret_is_fresh, struct error *err);
/* After the last of so many rows: checks, duplicates and key, guard, columns about the run. */
int fresh_finish(struct stage_target *t, int64_t rows, struct stream_counts *counts,
                 struct error *err);

/* Adds the primary key of a table that diner made. */
int fresh_add_key(const struct stage_target *t, struct error *err);

#endif
