/* lib/pipeline/target/rowstream.h - which stored hashes did the source's rows meet, where both come
 * in nearly the same order?
 *
 * A table that was loaded from an export has its rows in the export's order, but for those written
 * since. So stored hashes are pulled while rows are offered, a window of them at a time: a row that
 * meets its hash within the window is done with, and neither is kept. Hashes that the window leaves
 * behind go into a rowhash; a row that is not in the window waits (in memory, then in a temporary
 * file) until all stored hashes are known. When the orders have nothing in common, all hashes are
 * pulled before most rows are read, and rowhash alone decides. Memory is the same for any number of
 * rows. Hashes are compared whole.
 *
 * No hash may be stored twice (rowstream_repeats, after a call that failed, tells so). A row that
 * comes a second time is told (`again`) when it is found so within the window or the rowhash; else
 * it is absent, and whoever looks at the table finds it. */
#ifndef DINER_PIPELINE_TARGET_ROWSTREAM_H
#define DINER_PIPELINE_TARGET_ROWSTREAM_H

#include "pipeline/target/rowhash.h"

/* The next stored hashes, one behind the other, in *ret; borrowed until the next call. */
typedef int rowstream_pull_fn(void *self, struct span *ret, bool *ret_end, struct error *err);

struct rowstream;
/* set: what is not met in order goes there, and is sealed here; owned by the caller. */
struct rowstream *rowstream_new(struct rowhash *set, rowstream_pull_fn *pull, void *self);
void rowstream_free(struct rowstream *s); /* NULL-safe */
/* absent is called from the moment on when all stored hashes are pulled. */
int rowstream_offer(struct rowstream *s, const void *hash, struct span row, rowhash_row_fn *absent,
                    void *self, struct error *err);
/* After the last row: pulls what is left, seals the set, gives the absent rows. */
int rowstream_settle(struct rowstream *s, rowhash_row_fn *absent, void *self, struct error *err);

bool rowstream_repeats(const struct rowstream *s);
/* Besides what the set counts: hashes that rows met in order, and rows that met one of them again.
 */
uint64_t rowstream_met(const struct rowstream *s);
uint64_t rowstream_again(const struct rowstream *s);

#endif
