/* lib/domain/context.c - refusals. */
#include "domain/context.h"
#include "format/jsonx.h"
#include <inttypes.h>

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

const char *domain_int(struct domain_context *ctx, int64_t value)
{
    return arena_printf(ctx->arena, "%" PRId64, value);
}
