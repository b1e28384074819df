/* lib/pipeline/reject_scope.h - of which part of the table a rejected row would have been.
 *
 * `delete_insert` replaces a window or the partitions that came, of `for_each` those of one child.
 * The columns that say which are kept in the reject's key, so that a load that has replaced the
 * part (target/reread.c) closes the reject, and a replay knows whether one would have. */
#ifndef DINER_PIPELINE_REJECT_SCOPE_H
#define DINER_PIPELINE_REJECT_SCOPE_H

#include "pipeline/spec.h"

/* Their names, in the arena; none in other modes. False: the cells do not tell, as a transform
 * makes one of them, or no column says whose child a row is. */
bool reject_scope(const struct stream_spec *s, struct arena *arena, struct field_strings *ret);
/* Whether `name` is one of them that the cells do tell. */
bool reject_scope_has(const struct stream_spec *s, struct arena *arena, const char *name);
/* ["store", "day"] */
void reject_scope_json(const struct field_strings *names, struct strbuf *out);

#endif
