#include "pipeline/source/api.h"

#include <string.h>

int api_connector_open(const struct stream_context *ctx, const char *name, const char *resource,
                       struct connector **ret, struct error *err)
{
    if (ctx->connectors != NULL)
        TRY(connector_pool_get(ctx->connectors, name, ret, err));
    else
        TRY(connector_open(name, ctx->config, ctx->builtins, ret, err));
    const struct for_each_spec *children = ctx->stream->for_each;
    connector_renew(*ret, children != NULL && children->isolate);
    if (!connector_has_resource(*ret, resource))
        return error_set(err, ERR_SPEC, "connector '%s' has no resource '%s'", name, resource);
    return 0;
}

void api_connector_close(const struct stream_context *ctx, struct connector *c)
{
    if (ctx->connectors == NULL)
        connector_close(c);
}

static bool is_given(const struct field_string_map *given, const char *key)
{
    for (size_t i = 0; i < given->count; i++)
        if (strcmp(given->keys[i], key) == 0)
            return given->values[i] != NULL;
    return false;
}

int api_params(const struct stream_context *ctx, const struct field_string_map *given,
               const struct connector_param **ret, size_t *ret_count, struct error *err)
{
    const struct field_string_map none = {0};
    const struct field_string_map *items = ctx->items != NULL ? ctx->items : &none;
    struct connector_param *params =
        arena_array(ctx->arena, given->count + items->count + 1, sizeof *params);
    size_t n = given->count;
    for (size_t i = 0; i < given->count; i++) {
        params[i].name = given->keys[i];
        TRY(stream_text(ctx, given->values[i], &params[i].value, err));
        if (params[i].value != NULL && params[i].value[0] == '\0')
            params[i].value = NULL;
    }
    for (size_t i = 0; i < items->count; i++) /* the child's own, unless the pipeline says other */
        if (!is_given(given, items->keys[i]))
            params[n++] = (struct connector_param){items->keys[i], items->values[i], true};
    *ret = params;
    *ret_count = n;
    return 0;
}
