/* lib/pipeline/target/snapshot_part.h - who takes part in change detection.
 *
 * A row that is not sent is one that is not looked at: so the source must come whole, be readable
 * twice, and what SQL makes of a row must depend on that row alone (immutable, in the words of
 * PostgreSQL, which is asked) and on look-ups, whose contents are in the salt. */
#ifndef DINER_PIPELINE_TARGET_SNAPSHOT_PART_H
#define DINER_PIPELINE_TARGET_SNAPSHOT_PART_H

#include "pipeline/target/snapshot.h"

#define SNAPSHOT_STATE                                                                             \
    "row_hash"                   /* of diner.state: SECRET SALT SHAPE, 32 hex digits each, TABLE   \
                                  */
#define BEFORE_TABLE_CHARS "100" /* where the table's name begins, from 1 */

/* Why the stream takes no part, or NULL. Outside of a transaction. */
int snapshot_reason(const struct stage_target *t, const char **ret, struct error *err);
/* " and t.column = 'value'::type" of the child whose rows are read; "" without for_each. */
const char *snapshot_child_condition(const struct stream_context *ctx);

#endif
