/* lib/pipeline/spec_private.h - what the parts of the spec share. */
#ifndef DINER_PIPELINE_SPEC_PRIVATE_H
#define DINER_PIPELINE_SPEC_PRIVATE_H

#include "pipeline/spec.h"

/* Columns, plugins, needs: everything of streams that the tables alone cannot say. */
void streams_bind(struct pipeline *p, const struct config *config, struct diagnostics *d);
/* True unless the two maps name plugins of different kinds. */
bool same_plugin(const struct ynode *a, const struct ynode *b);

/* spec_columns.c: units and dates of a column; which columns are codes, once the key is known. */
void column_bind_habits(struct pipeline *p, struct column_spec *c, struct diagnostics *d);
void columns_bind_codes(struct stream_spec *s, struct diagnostics *d);

/* A name that must be one of the columns (when they are known before the source opens). */
void spec_need_column(const struct stream_spec *s, const char *name, const char *what,
                      const struct ynode *place, struct diagnostics *d);

/* spec_check.c: modes, deletes, transforms, checks, contract, reconciliation; names the checks. */
void spec_check_stream(struct stream_spec *s, struct diagnostics *d);
/* Streams that would take each other's rows away. */
void spec_check_targets(const struct pipeline *p, struct diagnostics *d);
/* spec_names.c: the names of ${...} under a node of a stream; s NULL: of hooks. */
void spec_check_names(const struct pipeline *p, const struct stream_spec *s,
                      const struct ynode *node, struct diagnostics *d);
/* Each hook is one of sql, http, exec. */
void spec_check_hooks(const struct hooks_spec *hooks, struct diagnostics *d);
/* Columns that only a `set` or `lookup` fills: the source need not have them. */
void spec_mark_computed(struct stream_spec *s, struct arena *arena);

#endif
