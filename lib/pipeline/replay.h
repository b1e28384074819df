/* lib/pipeline/replay.h - rejected rows, read again after the pipeline or the rows were mended.
 *
 * The cells kept with each reject are what is read; they go through the stream as it is now, by key
 * (merge) or as further rows (append), without deletes, cursor or guard. A row of the table that a
 * later run wrote, or that has a newer cursor, is left as it is and the reject counts as settled.
 * What was loaded is marked in the transaction of the rows; what is refused again stays open. */
#ifndef DINER_PIPELINE_REPLAY_H
#define DINER_PIPELINE_REPLAY_H

#include "pipeline/slice_run.h"

struct replay;
/* Reads the open rejects of a stream; *ret NULL when it has none. is_staged: those that SQL
 * refused, whose cells are values of the columns' types, as they were before the transforms; else
 * those whose cells are what the source had. Of the run's options `mended`: JSON Lines of {id,
 * cells}, only these and with these cells. *ret_left grows by how many cannot be replayed (damaged
 * records without cells). */
int replay_open(struct run *run, struct stream_spec *s, bool is_staged, struct replay **ret,
                int64_t *ret_left, struct error *err);
void replay_close(struct replay *r); /* NULL-safe */
/* One slice over what was read. */
int replay_run(struct run *run, struct replay *r, struct slice_result *ret, struct error *err);
/* In the committing transaction: marks what was read, then opens again what was refused. */
int replay_settle(const struct stream_context *ctx, const struct replay *r, struct error *err);

#endif
