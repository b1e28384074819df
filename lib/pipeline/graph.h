/* lib/pipeline/graph.h - what a pipeline moves and in which order, as text, Mermaid or Graphviz. */
#ifndef DINER_PIPELINE_GRAPH_H
#define DINER_PIPELINE_GRAPH_H

#include "pipeline/spec.h"

enum graph_format { GRAPH_TEXT, GRAPH_MERMAID, GRAPH_DOT };
extern const char *const graph_format_names[]; /* NULL-terminated, in the order of the enum */

/* Streams with sources, targets, needs and parents; of a job its steps. */
void graph_print(const struct pipeline *p, enum graph_format format, struct strbuf *out);

/* What a node of a source or target names: "file in.csv", "api platform/orders", "warehouse
 * ods.orders", "warehouse (query)". stream: the table of a target that names none. */
const char *graph_place(struct arena *arena, const struct ynode *node, const char *stream,
                        bool is_target);

#endif
