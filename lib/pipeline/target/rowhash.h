/* lib/pipeline/target/rowhash.h - which of the hashes that a table stores did the source's rows
 * meet?
 *
 * First all stored hashes are added, then the set is sealed, then each row of the source is offered
 * with its hash: it is stored (the table has that very row), or absent. Up to ROWHASH_MEMORY_ROWS
 * the hashes stay in memory; above, both sides are spilled to a temporary file in parts by hash,
 * rows included, and rowhash_settle gives the absent rows part by part: memory is the same for any
 * number of rows. Hashes are compared whole. */
#ifndef DINER_PIPELINE_TARGET_ROWHASH_H
#define DINER_PIPELINE_TARGET_ROWHASH_H

#include "core/error.h"
#include "core/mem.h"
#include <stdbool.h>
#include <stdint.h>

#define ROWHASH_BYTES       16
#define ROWHASH_MEMORY_ROWS ((size_t)2031616) /* 31 MiB */

struct rowhash;
/* memory_rows: 0 for the default; tests choose fewer. */
struct rowhash *rowhash_new(size_t memory_rows);
void rowhash_free(struct rowhash *r);
int rowhash_add(struct rowhash *r, const void *hash, struct error *err);
/* After the last stored hash. *ret_repeats: one came twice, so that rows are no set. */
int rowhash_seal(struct rowhash *r, bool *ret_repeats, struct error *err);

/* Called for each row of the source that is absent, with what was offered. */
typedef int rowhash_row_fn(void *self, const void *hash, struct span row, struct error *err);
/* Offers a row of the source. Answers come some rows later, the last ones with rowhash_settle. */
int rowhash_offer(struct rowhash *r, const void *hash, struct span row, rowhash_row_fn *absent,
                  void *self, struct error *err);
/* After the last row. */
int rowhash_settle(struct rowhash *r, rowhash_row_fn *absent, void *self, struct error *err);
/* After that: the stored hashes that no row met. */
typedef int rowhash_fn(void *self, const void *hash, struct error *err);
int rowhash_each_unmet(struct rowhash *r, rowhash_fn *unmet, void *self, struct error *err);

uint64_t rowhash_stored(const struct rowhash *r);
uint64_t rowhash_met(const struct rowhash *r);   /* stored ones that a row met, each once */
uint64_t rowhash_again(const struct rowhash *r); /* rows that met one already met */

#endif
