#include "core/secret.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include "format/ynode.h"
#include "net/connector_internal.h"
#include "net/url.h"
#include "schema/interpolate.h"
#include <stdlib.h>

const char *template_setting(const struct config *config, const char *name)
{
    const struct settings *s = config_settings(config);

    if (strcmp(name, "platform.url") == 0)
        return s->platform_url;
    if (strcmp(name, "platform.user") == 0)
        return s->platform_user;
    if (strcmp(name, "platform.password") == 0)
        return s->platform_password;
    if (strcmp(name, "consul.url") == 0)
        return s->consul_url;
    if (strcmp(name, "consul.service") == 0)
        return s->consul_service;
    if (strcmp(name, "consul.token") == 0)
        return s->consul_token;
    return NULL;
}

/* A setting or a value of the connector; the password is fetched from where it is kept. */
static const char *setting_value(struct template_scope *s, const char *name)
{
    struct connector *c = s->c;
    const struct field_string_map *values = &c->spec.values;
    const char *text = template_setting(c->config, name);

    for (size_t i = 0; !text && i < values->count; i++)
        if (strcmp(values->keys[i], name) == 0)
            text = values->values[i];
    if (!text || strcmp(name, "platform.password") != 0)
        return text;
    if (!c->platform_password && secret_resolve(text, &c->platform_password, s->failure) != 0)
        return NULL;
    return c->platform_password;
}

static bool param_is(const char *param, const char *name, size_t len)
{
    return strncmp(param, name, len) == 0 && param[len] == '\0';
}

static const struct param_spec *spec_of(const struct template_scope *s, const char *name,
                                        size_t len)
{
    for (size_t i = 0; s->specs && i < s->specs->count; i++)
        if (param_is(s->specs->names[i], name, len))
            return (const struct param_spec *)s->specs->items + i;
    return NULL;
}

/* What was given for the first len bytes of name, the last of several; *ret_known: something was.
 */
static const char *given_value(struct template_scope *s, const char *name, size_t len,
                               bool *ret_known)
{
    const char *value = NULL;

    for (size_t i = 0; i < s->nparams; i++) {
        if (!param_is(s->params[i].name, name, len))
            continue;
        s->used[i] = *ret_known = true;
        value = s->params[i].value;
    }
    return value;
}

static int spec_value(struct template_scope *s, const struct param_spec *spec, const char *name,
                      size_t len, struct param_value *ret, struct error *err)
{
    bool known = false;
    const char *value = given_value(s, name, len, &known);
    const char *own = arena_strndup(s->arena, name, len);

    if (value && spec->words.count > 0)
        TRY(param_word(spec, own, &value, s->arena, err));

    if (!value && spec->def && spec->def->is_null) {
        *ret = (struct param_value){NULL, "null"};
        return 0;
    }
    if (!value && spec->def)
        value = spec->def->text;
    if (!value && spec->required) {
        error_set(err, ERR_SPEC, "parameter '%s' has no value", own);
        return error_hint(err, "give it in the params of the pipeline's source");
    }
    if (!value)
        return 0;
    return param_convert(spec, own, name[len] ? name + len + 1 : NULL, value, s->arena, ret, err);
}

/* The value of a name: a declared parameter by its type, a given one, one of our own, a setting.
 * Both members NULL: there is none. */
static int name_value(struct template_scope *s, const char *name, struct param_value *ret,
                      struct error *err)
{
    size_t len = strlen(name), stem = strcspn(name, ".");
    bool known = false;

    *ret = (struct param_value){0};
    const struct param_spec *spec = spec_of(s, name, len);
    if (spec)
        return spec_value(s, spec, name, len, ret, err);
    ret->text = given_value(s, name, len, &known);
    if (known)
        return 0;
    spec = spec_of(s, name, stem);
    if (spec && spec->type == PARAM_TIME)
        return spec_value(s, spec, name, stem, ret, err);
    for (size_t i = 0; i < s->nown; i++) {
        if (strcmp(s->own[i].name, name) != 0)
            continue;
        *ret = (struct param_value){s->own[i].text, s->own[i].json};
        return 0;
    }
    s->failure = err;
    ret->text = setting_value(s, name);
    s->failure = NULL;
    return (int)err->code;
}

static enum interpolate_result resolve(void *self, const char *name, const char **ret_value)
{
    struct template_scope *s = self;
    struct error *failure = s->failure;
    struct param_value value;

    int code = name_value(s, name, &value, failure);
    s->failure = failure;
    if (code != 0)
        return INTERPOLATE_UNDEFINED;
    if (!value.text || (s->encode && !*value.text)) {
        strbuf_clear(&s->scratch);
        strbuf_adds(&s->scratch, name);
        s->missing = s->scratch.data;
        return INTERPOLATE_UNDEFINED;
    }
    if (s->encode && (strcmp(value.text, ".") == 0 || strcmp(value.text, "..") == 0)) {
        error_set(failure, ERR_DATA, "'%s' cannot be a part of a path", value.text);
        return INTERPOLATE_UNDEFINED;
    }
    *ret_value = value.text;
    if (s->encode) {
        strbuf_clear(&s->scratch);
        url_encode(&s->scratch, value.text);
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

struct lone_name {
    const char *text, *name;
    struct arena *arena;
};

static void lone_note(void *self, const char *name, size_t offset)
{
    struct lone_name *l = self;
    size_t len = strlen(name);

    if (offset == 0 && strncmp(l->text + 2, name, len) == 0 && strcmp(l->text + 2 + len, "}") == 0)
        l->name = arena_strdup(l->arena, name);
}

/* A text that is one lower-case ${name} and nothing else: as JSON. *ret_done: it was one. */
static int json_lone_name(struct template_scope *s, const char *text, struct strbuf *out,
                          bool *ret_done, struct error *err)
{
    struct lone_name lone = {.text = text, .arena = s->arena};
    struct param_value value;
    struct error failure = ERROR_INIT;

    *ret_done = false;
    if (text[0] != '$' || text[1] != '{' || (text[2] >= 'A' && text[2] <= 'Z'))
        return 0;
    TRY(interpolate_names(text, lone_note, &lone, err));
    if (!lone.name)
        return 0;
    if (name_value(s, lone.name, &value, &failure) != 0) {
        *err = failure;
        return (int)err->code;
    }
    if (value.json) {
        strbuf_adds(out, value.json);
        *ret_done = true;
    }
    return 0;
}

/* Appends the scalar; *ret_missing: nothing was appended. */
static int json_scalar(struct template_scope *s, const struct ynode *node, struct strbuf *out,
                       bool *ret_missing, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    bool done;

    *ret_missing = false;
    if (node->is_null) {
        strbuf_adds(out, "null");
        return 0;
    }
    if (is_json_literal(node)) {
        strbuf_adds(out, node->text);
        return 0;
    }
    TRY(json_lone_name(s, node->text, out, &done, err));
    if (done)
        return 0;
    strbuf_init(&text, CONNECTOR_TEXT_MAX);
    TRY(template_render(s, node->text, &text, ret_missing, err));
    if (!*ret_missing)
        jsonx_quote(out, (struct span){text.data, text.len});
    return 0;
}

/* The nodes that are sent as strings of JSON. */
struct json_texts {
    const struct ynode **nodes;
    size_t count;
};

static int json_node(struct template_scope *s, const struct ynode *node,
                     const struct json_texts *texts, struct strbuf *out, bool *ret_missing,
                     struct error *err);

static int json_nested(struct template_scope *s, const struct ynode *node,
                       const struct json_texts *texts, struct strbuf *out, struct error *err)
{
    bool first = true, missing;

    strbuf_addch(out, node->kind == YNODE_MAP ? '{' : '[');
    for (size_t i = 0; i < node->count; i++) {
        size_t before = out->len;
        if (!first)
            strbuf_addch(out, ',');
        if (node->kind == YNODE_MAP) {
            jsonx_quote(out, span_of(node->keys[i]->text));
            strbuf_addch(out, ':');
        }
        TRY(json_node(s, node->items[i], texts, out, &missing, err));
        if (missing)
            strbuf_truncate(out, before);
        else
            first = false;
    }
    strbuf_addch(out, node->kind == YNODE_MAP ? '}' : ']');
    return 0;
}

static int json_node(struct template_scope *s, const struct ynode *node,
                     const struct json_texts *texts, struct strbuf *out, bool *ret_missing,
                     struct error *err)
{
    AUTO_STRBUF struct strbuf inner = {0};

    *ret_missing = false;
    if (node->kind == YNODE_SCALAR)
        return json_scalar(s, node, out, ret_missing, err);
    for (size_t i = 0; i < texts->count; i++) {
        if (texts->nodes[i] != node)
            continue;
        strbuf_init(&inner, STRBUF_DEFAULT_MAX);
        TRY(json_nested(s, node, texts, &inner, err));
        jsonx_quote(out, (struct span){inner.data, inner.len});
        return 0;
    }
    return json_nested(s, node, texts, out, err);
}

const struct ynode *template_node_at(const struct ynode *node, const char *pointer,
                                     struct arena *arena)
{
    while (node && *pointer == '/') {
        size_t len = strcspn(pointer + 1, "/"), n = 0;
        char *token = arena_strndup(arena, pointer + 1, len);
        for (size_t i = 0; i < len; i++) {
            bool escape = token[i] == '~' && i + 1 < len;
            token[n++] = escape ? token[++i] == '1' ? '/' : '~' : token[i];
        }
        token[n] = '\0';
        pointer += 1 + len;
        if (node->kind == YNODE_LIST) {
            char *end;
            unsigned long at = strtoul(token, &end, 10);
            node = *end == '\0' && end != token && at < node->count ? node->items[at] : NULL;
        } else {
            node = ynode_get(node, token);
        }
    }
    return node;
}

int template_json(struct template_scope *s, const struct ynode *node,
                  const struct field_strings *as_text, struct strbuf *out, struct error *err)
{
    struct json_texts texts = {0};
    bool missing;

    if (as_text && as_text->count > 0)
        texts.nodes = arena_array(s->arena, as_text->count, sizeof(*texts.nodes));
    for (size_t i = 0; as_text && i < as_text->count; i++)
        texts.nodes[texts.count++] = template_node_at(node, as_text->items[i], s->arena);
    TRY(json_node(s, node, &texts, out, &missing, err));
    if (missing)
        strbuf_adds(out, "null");
    if (out->overflow)
        return error_set(err, ERR_LIMIT, "the body of the request is too long");
    return 0;
}
