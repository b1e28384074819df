/* lib/pipeline/undeclared.h - what a record has and `columns` does not name, for `schema: {
 * undeclared }`.
 *
 * Of JSON records the members that no column reads from, of tables the columns that none is read
 * from: as one JSON object a row. Members that are null are none, unless even their being there
 * matters (freeze). */
#ifndef DINER_PIPELINE_UNDECLARED_H
#define DINER_PIPELINE_UNDECLARED_H

#include "pipeline/stream.h"

/* Whether anybody asks: discard_value, the default, does not. */
bool undeclared_is_asked(const struct stream_spec *s);

struct undeclared;
/* For the stream's columns as they are now. */
struct undeclared *undeclared_new(const struct stream_spec *s);
void undeclared_free(struct undeclared *u); /* NULL-safe */

/* Of a JSON object: *ret is borrowed until the next call, empty when there is none. A record that
 * is no object has none. */
int undeclared_members(struct undeclared *u, struct span record, struct span *ret,
                       struct error *err);
/* Of a row of fields: begin, add each that is not empty, end. */
void undeclared_begin(struct undeclared *u);
void undeclared_add(struct undeclared *u, const char *name, struct span text);
struct span undeclared_end(struct undeclared *u);

/* ERR_CHECK, what freeze says: the names are those of the object. */
int undeclared_freeze(const struct stream_spec *s, const char *where, struct span more,
                      struct error *err);
/* The reason of a reject, in the arena. */
const char *undeclared_reason(struct arena *arena, struct span more);

#endif
