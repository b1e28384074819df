/* lib/pipeline/target/pull.h - rows that the server stages by itself, source and target being one
 * database. Inside lib/pipeline only. */
#ifndef DINER_PIPELINE_TARGET_PULL_H
#define DINER_PIPELINE_TARGET_PULL_H

#include "pipeline/target/stage.h"

/* Makes the stage and fills it. A value that does not fit its column ends the attempt: the next one
 * goes the client's way (stream_fall_back). */
int pull_rows(struct stage_target *t, int64_t *ret_rows, struct error *err);
/* Rejects the rows that the client's way would have refused before any transform: a null in a
 * column that is `required`, or in the key. */
int pull_refuse_nulls(const struct stage_target *t, struct stream_counts *counts,
                      struct error *err);

#endif
