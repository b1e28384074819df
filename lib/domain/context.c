/* lib/domain/context.c - refusals. */
#include "domain/context.h"
#include "format/jsonx.h"
#include <inttypes.h>
#include <string.h>

int domain_refuse(struct domain_context *ctx, struct error *err, enum error_code code,
                  const char *refusal, const char *details, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_setv(err, code, format, args);
    va_end(args);
    ctx->refusal = refusal;
    ctx->details = details;
    return (int)code;
}

int domain_refuse_version(struct domain_context *ctx, const char *document, struct error *err)
{
    return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(version_conflict),
                         arena_printf(ctx->arena, "{\"current\":%s}", document),
                         "it has changed meanwhile: read it again and decide anew");
}

const char *domain_detail(struct domain_context *ctx, const char *key, const char *value)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter w;
    strbuf_init(&text, 0);
    jwriter_init(&w, &text);
    jwriter_object(&w);
    jwriter_kstring(&w, key, value);
    jwriter_end(&w);
    return arena_strndup(ctx->arena, text.data, text.len);
}

int domain_unknown_order(struct domain_context *ctx, const char *order_no, struct error *err)
{
    return domain_refuse(ctx, err, ERR_NOT_FOUND, API_ERROR(unknown_order),
                         domain_detail(ctx, "order_no", order_no), "there is no order '%s'",
                         order_no);
}

const char *domain_int(struct domain_context *ctx, int64_t value)
{
    return arena_printf(ctx->arena, "%" PRId64, value);
}

static void forget_results(struct domain_context *ctx)
{
    ctx->refusal = ctx->details = NULL;
    ctx->touched = NULL;
}

struct arena *domain_scratch_begin(struct domain_context *ctx)
{
    struct arena *callers = ctx->arena;
    forget_results(ctx); /* nothing of the callers' is added to: it lives elsewhere */
    ctx->arena = arena_new();
    return callers;
}

void domain_scratch_clear(struct domain_context *ctx)
{
    forget_results(ctx);
    arena_clear(ctx->arena);
}

void domain_scratch_end(struct domain_context *ctx, struct arena *callers)
{
    forget_results(ctx);
    arena_free(ctx->arena);
    ctx->arena = callers;
}

void domain_touch(struct domain_context *ctx, enum domain_kind kind, const char *store_id,
                  const char *ids)
{
    if (ids == NULL || store_id == NULL)
        return;
    const struct domain_touch *last = ctx->touched;
    bool is_more = last != NULL && last->kind == kind && strcmp(last->store_id, store_id) == 0;
    struct domain_touch *touch = arena_alloc(ctx->arena, sizeof *touch);
    touch->kind = kind;
    touch->store_id = is_more ? last->store_id : arena_strdup(ctx->arena, store_id);
    touch->ids =
        is_more ? arena_printf(ctx->arena, "%s,%s", last->ids, ids) : arena_strdup(ctx->arena, ids);
    touch->next = is_more ? last->next : last;
    ctx->touched = touch;
}
