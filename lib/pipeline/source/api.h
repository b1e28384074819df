/* lib/pipeline/source/api.h - what sources that read through a connector share. */
#ifndef DINER_PIPELINE_SOURCE_API_H
#define DINER_PIPELINE_SOURCE_API_H

#include "pipeline/stream.h"

/* The connector, of the run or opened here: then *ret is the caller's to close, also on failure
 * (api_connector_close). ERR_SPEC when it has no such resource. */
int api_connector_open(const struct stream_context *ctx, const char *name, const char *resource,
                       struct connector **ret, struct error *err);
/* NULL-safe; leaves one of the run open. */
void api_connector_close(const struct stream_context *ctx, struct connector *c);
/* The values given for a resource's ${...}, filled in, and those of the child that are not given
 * otherwise. In ctx->arena. */
int api_params(const struct stream_context *ctx, const struct field_string_map *given,
               const struct connector_param **ret, size_t *ret_count, struct error *err);

#endif
