#include "core/secret.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include "format/ynode.h"
#include "net/connector_internal.h"
#include "net/url.h"
#include "schema/interpolate.h"

const char *template_setting(const struct config *config, const char *name)
{
    const struct settings *s = config_settings(config);

    if (strcmp(name, "platform.url") == 0)
        return s->platform_url;
    if (strcmp(name, "platform.user") == 0)
        return s->platform_user;
    if (strcmp(name, "platform.password") == 0)
        return s->platform_password;
    return NULL;
}

/* A setting as the value itself: the password is fetched from where it is kept. */
static const char *setting_value(struct template_scope *s, const char *name)
{
    struct connector *c = s->c;
    const char *text = template_setting(c->config, name);

    if (!text || strcmp(name, "platform.password") != 0)
        return text;
    if (!c->platform_password && secret_resolve(text, &c->platform_password, s->failure) != 0)
        return NULL;
    return c->platform_password;
}

static const char *param_value(struct template_scope *s, const char *name)
{
    const char *value = NULL;
    bool known = false;

    for (size_t i = 0; i < s->nparams; i++) {
        if (strcmp(s->params[i].name, name) != 0)
            continue;
        s->used[i] = known = true;
        value = s->params[i].value; /* the last of a name wins */
    }
    return known ? value : setting_value(s, name);
}

static enum interpolate_result resolve(void *self, const char *name, const char **ret_value)
{
    struct template_scope *s = self;
    const char *value = param_value(s, name);

    if (!value || (s->encode && !*value)) {
        strbuf_clear(&s->scratch);
        strbuf_adds(&s->scratch, name);
        s->missing = s->scratch.data;
        return INTERPOLATE_UNDEFINED;
    }
    if (s->encode && (strcmp(value, ".") == 0 || strcmp(value, "..") == 0)) {
        error_set(s->failure, ERR_DATA, "'%s' cannot be a part of a path", value);
        return INTERPOLATE_UNDEFINED;
    }
    *ret_value = value;
    if (s->encode) {
        strbuf_clear(&s->scratch);
        url_encode(&s->scratch, value);
        *ret_value = s->scratch.data;
    }
    return INTERPOLATE_VALUE;
}

int template_render(struct template_scope *s, const char *text, struct strbuf *out,
                    bool *ret_missing, struct error *err)
{
    struct error failure = ERROR_INIT;

    s->missing = NULL;
    s->failure = &failure;
    int code = interpolate_text(text, resolve, s, out, err);
    s->failure = NULL;
    if (failure.code != 0) {
        *err = failure;
        return (int)err->code;
    }
    *ret_missing = code != 0 && s->missing;
    return *ret_missing ? 0 : code;
}

/* ---- bodies -------------------------------------------------------------------------------- */

static bool is_json_literal(const struct ynode *node)
{
    struct error ignored;
    const char *t = node->text;

    return node->is_plain && *t && strchr("-0123456789tf", *t) &&
           jpull_check(span_of(t), false, &ignored) == 0;
}

/* Appends the scalar; *ret_missing: nothing was appended. */
static int json_scalar(struct template_scope *s, const struct ynode *node, struct strbuf *out,
                       bool *ret_missing, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};

    *ret_missing = false;
    if (node->is_null) {
        strbuf_adds(out, "null");
        return 0;
    }
    if (is_json_literal(node)) {
        strbuf_adds(out, node->text);
        return 0;
    }
    strbuf_init(&text, CONNECTOR_TEXT_MAX);
    TRY(template_render(s, node->text, &text, ret_missing, err));
    if (!*ret_missing)
        jsonx_quote(out, (struct span){text.data, text.len});
    return 0;
}

static int json_node(struct template_scope *s, const struct ynode *node, struct strbuf *out,
                     bool *ret_missing, struct error *err)
{
    bool first = true, missing;

    *ret_missing = false;
    if (node->kind == YNODE_SCALAR)
        return json_scalar(s, node, out, ret_missing, err);
    strbuf_addch(out, node->kind == YNODE_MAP ? '{' : '[');
    for (size_t i = 0; i < node->count; i++) {
        size_t before = out->len;
        if (!first)
            strbuf_addch(out, ',');
        if (node->kind == YNODE_MAP) {
            jsonx_quote(out, span_of(node->keys[i]->text));
            strbuf_addch(out, ':');
        }
        TRY(json_node(s, node->items[i], out, &missing, err));
        if (missing)
            strbuf_truncate(out, before);
        else
            first = false;
    }
    strbuf_addch(out, node->kind == YNODE_MAP ? '}' : ']');
    return 0;
}

int template_json(struct template_scope *s, const struct ynode *node, struct strbuf *out,
                  struct error *err)
{
    bool missing;

    TRY(json_node(s, node, out, &missing, err));
    if (missing)
        strbuf_adds(out, "null");
    if (out->overflow)
        return error_set(err, ERR_LIMIT, "the body of the request is too long");
    return 0;
}
