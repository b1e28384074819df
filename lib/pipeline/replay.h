/* lib/pipeline/replay.h - rejected rows, read again after the pipeline or the rows were mended.
 *
 * The cells kept with each reject are what is read; they go through the stream as it is now, by key
 * (merge) or as further rows (append), without deletes, cursor or guard. A row of the table that a
 * later run wrote, or that has a newer cursor, is left as it is and the reject counts as settled.
 * What was loaded is marked in the transaction of the rows; what is refused again stays open.
 *
 * The oldest rejects come first, so that the newest of a key is what stays. What a source had for
 * the columns and values that SQL refused are read differently: a pass is of either, and ends where
 * the order needs the other. */
#ifndef DINER_PIPELINE_REPLAY_H
#define DINER_PIPELINE_REPLAY_H

#include "pipeline/slice_run.h"

struct replay;
/* Rejects that were not replayed and stay open. */
struct replay_left {
    int64_t without_cells; /* damaged records */
    int64_t untold;        /* without a key: the table may have the row by now */
};
/* Reads the open rejects of a stream; *ret NULL when its target keeps none. Of the run's options
 * `mended`: JSON Lines of {id, cells}, only these and with these cells. */
int replay_open(struct run *run, struct stream_spec *s, struct replay **ret,
                struct replay_left *ret_left, struct error *err);
void replay_close(struct replay *r); /* NULL-safe */
/* Goes to the next pass; false: there is none. NULL-safe. */
bool replay_next(struct replay *r);
/* One slice over the rejects of the pass. */
int replay_run(struct run *run, struct replay *r, struct slice_result *ret, struct error *err);
/* In the committing transaction: marks what was read, then opens again what was refused. */
int replay_settle(const struct stream_context *ctx, const struct replay *r, struct error *err);

#endif
