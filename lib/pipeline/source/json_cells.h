/* lib/pipeline/source/json_cells.h - from a JSON record to the cells of a stream. */
#ifndef DINER_PIPELINE_SOURCE_JSON_CELLS_H
#define DINER_PIPELINE_SOURCE_JSON_CELLS_H

#include "format/jpull.h"
#include "pipeline/stream.h"

/* `from` is a pointer ("/money/total") or the name of a member. */
int json_cells_projection(const struct stream_context *ctx, struct jpull_projection **ret,
                          struct error *err);
/* As above for records that are arrays: a name stands for its place among `names`, "/2" for the
 * third value. ERR_SPEC for a column that is neither. */
int json_cells_array_projection(const struct stream_context *ctx, const struct field_strings *names,
                                struct jpull_projection **ret, struct error *err);
/* Cells in the order of the columns, borrowed from values, scratch and record. */
void json_cells_set(const struct stream_context *ctx, const struct jpull_value *values,
                    struct cell *cells, struct strbuf *scratch);

/* Why a record cannot be one, or NULL: columns of anything but an object would all be null. */
const char *json_cells_fault(struct span record);

#endif
