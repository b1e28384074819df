#include "net/formula.h"
#include "core/message.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include "net/digest.h"
#include "net/url.h"
#include <ctype.h>
#include <stdlib.h>

#define DEPTH_MAX      8
#define NAME_MAX_BYTES 64

struct reader {
    const char *p;
    const struct formula_scope *scope;
    int depth;
};

static int text_read(struct reader *r, bool nested, struct strbuf *out, struct error *err);

static int malformed(const char *at, const char *what, struct error *err)
{
    int shown = 0;

    while (shown < 24 && at[shown] && at[shown] != '\n' && ((unsigned char)at[shown] & 0x80) == 0)
        shown++;
    error_set(err, ERR_SPEC, "%s in '%.*s'", what, shown, at);
    return error_hint(err, "write ${name}, ${name:-default} or ${base64:text}, and $${ for a "
                           "literal ${");
}

/* ---- functions ----------------------------------------------------------------------------- */

static bool is_hash(const char *name, enum digest_algorithm *ret)
{
    static const struct {
        const char *name;
        enum digest_algorithm algorithm;
    } hashes[] = {{"md5", DIGEST_MD5}, {"sha1", DIGEST_SHA1}, {"sha256", DIGEST_SHA256}};

    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
        if (strcmp(name, hashes[i].name) == 0) {
            *ret = hashes[i].algorithm;
            return true;
        }
    return false;
}

static void change_case(struct span text, bool upper, struct strbuf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool changes = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
        strbuf_addch(out, changes ? (char)(c ^ 0x20) : c);
    }
}

/* Those that every text has; *ret_found false: not one of them. */
static int common_function(const char *name, struct span text, bool is_masked, struct strbuf *out,
                           bool *ret_found, struct error *err)
{
    enum digest_algorithm algorithm;
    struct digest digest;

    bool is_hidden = is_masked && strstr(text.ptr, "****");
    *ret_found = true;
    if (is_hidden && (strcmp(name, "base64") == 0 || is_hash(name, &algorithm))) {
        strbuf_adds(out, "****");
    } else if (strcmp(name, "base64") == 0) {
        digest_encode(DIGEST_BASE64, text, out);
    } else if (strcmp(name, "url") == 0) {
        url_encode(out, text.ptr);
    } else if (strcmp(name, "upper") == 0 || strcmp(name, "lower") == 0) {
        change_case(text, name[0] == 'u', out);
    } else if (strcmp(name, "json") == 0) {
        jsonx_quote(out, text);
    } else if (is_hash(name, &algorithm)) {
        TRY(digest_compute(algorithm, (struct span){0}, text, &digest, err));
        digest_encode(DIGEST_HEX, (struct span){(const char *)digest.bytes, digest.len}, out);
    } else {
        *ret_found = false;
    }
    return 0;
}

static int function_read(struct reader *r, const char *at, const char *name, struct strbuf *out,
                         struct error *err)
{
    AUTO_STRBUF struct strbuf argument = {0};
    bool found = false;

    if (r->depth >= DEPTH_MAX)
        return malformed(at, message_text("too many functions inside each other"), err);
    r->depth++;
    strbuf_init(&argument, out->max);
    int code = text_read(r, true, &argument, err);
    r->depth--;
    struct span text = {argument.data, argument.len};
    if (code == 0 && argument.overflow)
        code = error_set(err, ERR_LIMIT, "the text is too long");
    if (code == 0)
        code = common_function(name, text, r->scope->is_masked, out, &found, err);
    if (code == 0 && !found)
        code = r->scope->value(r->scope->self, name, &text, out, &found, err);
    if (argument.data)
        explicit_bzero(argument.data, argument.len);
    if (code == 0 && !found) {
        error_set(err, ERR_SPEC, "there is no function '%s'", name);
        code = error_hint(err, "base64, url, upper, lower, md5, sha1, sha256, json; a default is "
                               "${name:-text}");
    }
    return code;
}

/* ---- names --------------------------------------------------------------------------------- */

static bool is_environment_name(const char *name)
{
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(name);
}

static int name_value(const struct reader *r, const char *name, struct strbuf *out, bool *ret_found,
                      struct error *err)
{
    if (!is_environment_name(name))
        return r->scope->value(r->scope->self, name, NULL, out, ret_found, err);
    const char *value = getenv(name);
    *ret_found = value != NULL;
    if (value)
        strbuf_adds(out, value);
    return 0;
}

static int name_unknown(const char *name, struct error *err)
{
    if (is_environment_name(name)) {
        error_set(err, ERR_SPEC, "environment variable '%s' is not set", name);
        return error_hint(err, "set it, or give a default: ${%s:-value}", name);
    }
    error_set(err, ERR_SPEC, "'${%s}' is not defined", name);
    return error_hint(err, "declare it under 'values' or 'secrets' of the connector");
}

/* r->p stands behind the name, at "}" or ":-". */
static int name_read(struct reader *r, const char *at, const char *name, struct strbuf *out,
                     struct error *err)
{
    size_t before = out->len, fallback_len = 0;
    const char *fallback = NULL;
    bool found = false;

    if (r->p[0] == ':') {
        fallback = r->p + 2;
        fallback_len = strcspn(fallback, "}");
        if (memmem(fallback, fallback_len, "${", 2))
            return malformed(at, message_text("a default cannot hold another '${'"), err);
        r->p = fallback + fallback_len;
    }
    if (*r->p != '}')
        return malformed(at, message_text("'}' is missing"), err);
    r->p++;
    TRY(name_value(r, name, out, &found, err));
    if (fallback && out->len == before)
        strbuf_add(out, fallback, fallback_len);
    else if (!found)
        return name_unknown(name, err);
    return 0;
}

static int reference_read(struct reader *r, struct strbuf *out, struct error *err)
{
    const char *at = r->p;
    char name[NAME_MAX_BYTES];
    size_t n = 0;

    r->p += 2;
    if (!isalpha((unsigned char)*r->p) && *r->p != '_')
        return malformed(at, message_text("expected a name after '${'"), err);
    while (isalnum((unsigned char)r->p[n]) || r->p[n] == '_' || r->p[n] == '.')
        n++;
    if (n >= sizeof(name))
        return malformed(at, message_text("the name is too long"), err);
    memcpy(name, r->p, n);
    name[n] = '\0';
    r->p += n;
    if (r->p[0] == '}' || (r->p[0] == ':' && r->p[1] == '-'))
        return name_read(r, at, name, out, err);
    if (r->p[0] != ':')
        return malformed(at,
                         *r->p ? message_text("unexpected character in the name")
                               : message_text("'}' is missing"),
                         err);
    r->p++;
    return function_read(r, at, name, out, err);
}

/* ---- texts --------------------------------------------------------------------------------- */

/* Up to the end, or nested: behind the closing brace. */
static int text_read(struct reader *r, bool nested, struct strbuf *out, struct error *err)
{
    const char *begin = r->p;

    for (;;) {
        size_t plain = strcspn(r->p, nested ? "$}" : "$");
        strbuf_add(out, r->p, plain);
        r->p += plain;
        if (*r->p == '\0')
            return nested ? malformed(begin, message_text("'}' is missing"), err) : 0;
        if (*r->p == '}') {
            r->p++;
            return 0;
        }
        if (strncmp(r->p, "$${", 3) == 0) {
            strbuf_adds(out, "${");
            r->p += 3;
        } else if (r->p[1] == '{') {
            TRY(reference_read(r, out, err));
        } else {
            strbuf_addch(out, *r->p++);
        }
    }
}

int formula_render(const char *text, const struct formula_scope *scope, struct strbuf *out,
                   struct error *err)
{
    struct reader r = {.p = text, .scope = scope};
    size_t before = out->len;
    int code = text_read(&r, false, out, err);

    if (code == 0 && out->overflow)
        code = error_set(err, ERR_LIMIT, "the text with its values is too long");
    if (code != 0 && before <= out->len)
        strbuf_truncate(out, before);
    return code;
}

/* ---- without values ------------------------------------------------------------------------ */

static int check_value(void *self, const char *name, const struct span *argument,
                       struct strbuf *out, bool *ret_found, struct error *err)
{
    const struct formula_names *names = self;

    (void)out, (void)err;
    *ret_found = names->known(names->self, name, argument != NULL);
    return 0;
}

int formula_check(const char *text, const struct formula_names *names, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct formula_names copy = *names;
    const struct formula_scope scope = {.value = check_value, .self = &copy};

    strbuf_init(&scratch, 0);
    return formula_render(text, &scope, &scratch, err);
}

struct search {
    const char *name;
    bool found;
};

static bool search_known(void *self, const char *name, bool is_function)
{
    struct search *s = self;

    s->found = s->found || (!is_function && strcmp(name, s->name) == 0);
    return true;
}

bool formula_uses(const char *text, const char *name)
{
    struct search s = {.name = name};
    struct error ignored = ERROR_INIT;

    (void)formula_check(text, &(struct formula_names){search_known, &s}, &ignored);
    return s.found;
}

/* ---- bodies -------------------------------------------------------------------------------- */

static bool is_json_literal(const struct ynode *node)
{
    struct error ignored;
    const char *t = node->text;

    return node->is_plain && *t && strchr("-0123456789tf", *t) &&
           jpull_check(span_of(t), false, &ignored) == 0;
}

/* "${raw:...}" as a whole: *ret_inner is what stands in it, for the caller to free. */
static bool is_raw(const char *text, char **ret_inner)
{
    size_t len = strlen(text);

    if (len < 8 || strncmp(text, "${raw:", 6) != 0 || text[len - 1] != '}')
        return false;
    *ret_inner = mem_strndup(text + 6, len - 7);
    return true;
}

static int raw_json(const char *inner, const struct formula_scope *scope, struct strbuf *out,
                    struct error *err)
{
    size_t before = out->len;
    struct error why = ERROR_INIT;

    TRY(formula_render(inner, scope, out, err));
    if (jpull_check((struct span){out->data + before, out->len - before}, false, &why) == 0)
        return 0;
    strbuf_truncate(out, before);
    return error_set(err, ERR_DATA, "'${raw:%.100s}' is no JSON value", inner);
}

int formula_json_text(const char *source, const struct formula_scope *scope, struct strbuf *out,
                      struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    char *inner = NULL;

    if (is_raw(source, &inner)) {
        int code = raw_json(inner, scope, out, err);
        free(inner);
        return code;
    }
    strbuf_init(&text, out->max);
    int code = formula_render(source, scope, &text, err);
    if (code == 0)
        jsonx_quote(out, (struct span){text.data, text.len});
    explicit_bzero(text.data, text.len);
    return code;
}

static int json_scalar(const struct ynode *node, const struct formula_scope *scope,
                       struct strbuf *out, struct error *err)
{
    if (!node->is_null && !is_json_literal(node))
        return formula_json_text(node->text, scope, out, err);
    strbuf_adds(out, node->is_null ? "null" : node->text);
    return 0;
}

static int json_node(const struct ynode *node, const struct formula_scope *scope,
                     struct strbuf *out, struct error *err)
{
    bool is_map = node->kind == YNODE_MAP;

    if (node->kind == YNODE_SCALAR)
        return json_scalar(node, scope, out, err);
    strbuf_addch(out, is_map ? '{' : '[');
    for (size_t i = 0; i < node->count; i++) {
        if (i > 0)
            strbuf_addch(out, ',');
        if (is_map) {
            jsonx_quote(out, span_of(node->keys[i]->text));
            strbuf_addch(out, ':');
        }
        TRY(json_node(node->items[i], scope, out, err));
    }
    strbuf_addch(out, is_map ? '}' : ']');
    return 0;
}

int formula_json(const struct ynode *node, const struct formula_scope *scope, struct strbuf *out,
                 struct error *err)
{
    TRY(json_node(node, scope, out, err));
    return out->overflow ? error_set(err, ERR_LIMIT, "the body of the request is too long") : 0;
}
