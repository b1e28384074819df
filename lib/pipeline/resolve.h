/* lib/pipeline/resolve.h - a pipeline as it was understood, and where each value came from: its
 * line, `defaults`, the environment, a setting, the default of its key. Secrets are masked. */
#ifndef DINER_PIPELINE_RESOLVE_H
#define DINER_PIPELINE_RESOLVE_H

#include "pipeline/spec.h"

struct resolved {
    const char *path; /* "streams.orders.source.connector"; items of lists by their number */
    const char *key;  /* the last part; NULL for an item of a list */
    int depth;
    bool begins_item;   /* the first key of a map within a list */
    const char *value;  /* as YAML; NULL: what follows is deeper */
    const char *text;   /* the value itself, unquoted */
    const char *origin; /* NULL where value is */
};
/* Everything in the arena of the pipeline. */
void pipeline_resolve(const struct pipeline *p, const struct config *config,
                      const struct resolved **ret, size_t *ret_count);
/* As YAML with the origins as comments. */
void resolved_print(const struct resolved *items, size_t count, struct strbuf *out);

#endif
