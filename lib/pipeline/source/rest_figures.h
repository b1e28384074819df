/* lib/pipeline/source/rest_figures.h - what an API's answers state of their own rows, by the
 * pointers of `reconcile`. When several pages state it, the last one counts. */
#ifndef DINER_PIPELINE_SOURCE_REST_FIGURES_H
#define DINER_PIPELINE_SOURCE_REST_FIGURES_H

#include "pipeline/stream.h"

struct rest_figures;
/* NULL when the stream asks for none. In ctx->arena. */
struct rest_figures *rest_figures_new(const struct stream_context *ctx);
int rest_figures_page(struct rest_figures *f, struct span body, struct error *err); /* NULL-safe */
/* Fills rows and sums of the summary; ERR_CHECK when no page stated one. NULL-safe. */
int rest_figures_finish(const struct rest_figures *f, struct source_summary *ret,
                        struct error *err);
/* The columns whose totals are stated: `sums` of struct source_ops. */
size_t rest_figures_columns(const struct stream_context *ctx, const char **ret_columns);

#endif
