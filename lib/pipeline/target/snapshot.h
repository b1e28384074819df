/* lib/pipeline/target/snapshot.h - change detection for full snapshots: of a source that comes
 * whole each time, only rows that the table does not have yet are sent.
 *
 * A table that diner made keeps in `_row_hash` a hash of each row as the source gave it:
 * SipHash-2-4, 128 bits, over the binary COPY image of its typed values (numeric without its
 * display scale), under a key of the stream's own that is made anew whenever columns, transforms,
 * checks or the table's shape change. Equal hashes are taken for equal rows; what was not met among
 * the stored ones is updated when staged, deleted (by `deletes`) when not. Hashes change with their
 * rows, in one transaction; NULL means nothing is known of the row. */
#ifndef DINER_PIPELINE_TARGET_SNAPSHOT_H
#define DINER_PIPELINE_TARGET_SNAPSHOT_H

#include "pipeline/target/rowhash.h"
#include "pipeline/target/stage.h"

#define SNAPSHOT_COLUMN STREAM_ROW_HASH

struct snapshot;
/* *ret NULL when the stream or its table takes no part (the reason goes to the log); else the table
 * has hashes, or will have them, and t->has_row_hash is set. */
int snapshot_open(struct stage_target *t, struct snapshot **ret, struct error *err);
void snapshot_free(struct snapshot *s);
/* The hash of the fields of a row in their COPY form. */
void snapshot_hash(struct snapshot *s, struct span fields, uint8_t ret[ROWHASH_BYTES]);

/* Reads the stored hashes. False: all rows are to be staged (a first load, another specification,
 * --verify, a repeated key). */
int snapshot_begin(struct snapshot *s, bool *ret_compares, struct error *err);
int snapshot_offer(struct snapshot *s, const uint8_t hash[ROWHASH_BYTES], struct span row,
                   rowhash_row_fn *absent, void *self, struct error *err);
/* After the last row, before the stage is ended: gives the rows that still wait. */
int snapshot_settle(struct snapshot *s, rowhash_row_fn *absent, void *self, struct error *err);
/* Whether the table is what the source says and nothing has to be written. */
bool snapshot_is_unchanged(const struct snapshot *s, int64_t staged);
/* In the committing transaction, the stage being final. */
int snapshot_prepare(struct snapshot *s, struct error *err);
int snapshot_guard(struct snapshot *s, int64_t staged, struct error *err);
/* What the source no longer has, by `deletes`. */
int snapshot_delete(struct snapshot *s, struct stream_counts *counts, struct error *err);
/* --verify, all rows being staged: tells how many of the table's rows others have changed. */
int snapshot_verify(struct snapshot *s, struct error *err);
/* After the merge of so many staged rows: hashes of rows that were equal but whose hash was not;
 * the key of the hashes. Where two source rows turn out to have one key, one of them as the table
 * has it, or the number of rows is not what it must be, another attempt is asked for that does
 * without hashes (stream_fall_back). */
int snapshot_finish(struct snapshot *s, int64_t staged, struct stream_counts *counts,
                    struct error *err);
/* Adds what was never staged. */
void snapshot_count(const struct snapshot *s, struct stream_counts *counts);

#endif
