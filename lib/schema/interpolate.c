#include "schema/interpolate.h"
#include <ctype.h>
#include <stdlib.h>

#define NAME_MAX_BYTES 128
#define TEXT_MAX_BYTES ((size_t)4 << 20)

/* One ${...} as it stands in a text. */
struct reference {
    char name[NAME_MAX_BYTES];
    bool is_environment;
    const char *fallback; /* behind ":-", up to the brace; NULL without one */
    size_t fallback_len;
    const char *end; /* behind the closing brace */
};

static int malformed(const char *at, const char *what, struct error *err)
{
    int shown = 0;

    while (shown < 24 && at[shown] && at[shown] != '\n' && ((unsigned char)at[shown] & 0x80) == 0)
        shown++;
    error_set(err, ERR_SPEC, "%s in '%.*s'", what, shown, at);
    return error_hint(err, "write ${NAME} or ${NAME:-default}, and $${ for a literal ${");
}

static bool is_environment_name(const char *name)
{
    for (; *name; name++)
        if (!isupper((unsigned char)*name) && !isdigit((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

/* at points to "${". */
static int reference_read(const char *at, struct reference *ret, struct error *err)
{
    const char *p = at + 2;
    size_t n = 0;

    if (!isalpha((unsigned char)*p) && *p != '_')
        return malformed(at, "expected a name after '${'", err);
    while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '.')
        n++;
    if (n >= NAME_MAX_BYTES)
        return malformed(at, "the name is too long", err);
    memcpy(ret->name, p, n);
    ret->name[n] = '\0';
    ret->is_environment = is_environment_name(ret->name);
    ret->fallback = NULL;
    ret->fallback_len = 0;
    p += n;
    if (p[0] == ':' && p[1] == '-') {
        ret->fallback = p + 2;
        ret->fallback_len = strcspn(ret->fallback, "}");
        if (memmem(ret->fallback, ret->fallback_len, "${", 2))
            return malformed(at, "a default cannot hold another '${'", err);
        p = ret->fallback + ret->fallback_len;
    }
    if (*p == '\0')
        return malformed(at, "'}' is missing", err);
    if (*p != '}')
        return malformed(at, "unexpected character in the name", err);
    ret->end = p + 1;
    return 0;
}

/* The next "${" or "$${" from p; *ret_escaped tells which. */
static const char *next_mark(const char *p, bool *ret_escaped)
{
    for (p = strchr(p, '$'); p; p = strchr(p + 1, '$')) {
        *ret_escaped = p[1] == '$' && p[2] == '{';
        if (*ret_escaped || p[1] == '{')
            return p;
    }
    return NULL;
}

static int undefined(const struct reference *r, struct error *err)
{
    if (r->is_environment) {
        error_set(err, ERR_SPEC, "environment variable '%s' is not set", r->name);
        return error_hint(err, "set it, or give a default: ${%s:-value}", r->name);
    }
    return error_set(err, ERR_SPEC, "'${%s}' is not defined", r->name);
}

/* Appends the value; LATER when somebody else fills it in. */
static int reference_resolve(const struct reference *r, interpolate_resolver resolver, void *self,
                             struct strbuf *out, bool *ret_later, struct error *err)
{
    enum interpolate_result result = INTERPOLATE_LATER;
    const char *value = NULL;

    if (r->is_environment) {
        value = getenv(r->name);
        result = value ? INTERPOLATE_VALUE : INTERPOLATE_UNDEFINED;
    } else if (resolver) {
        result = resolver(self, r->name, &value);
    }
    *ret_later = result == INTERPOLATE_LATER;
    if (*ret_later)
        return 0;
    if (r->fallback && (result == INTERPOLATE_UNDEFINED || !value || !*value))
        strbuf_add(out, r->fallback, r->fallback_len);
    else if (result == INTERPOLATE_UNDEFINED)
        return undefined(r, err);
    else if (value)
        strbuf_adds(out, value);
    return 0;
}

/* One pass. keep_escapes leaves `$${` as it is; *ret_later tells that something was left. */
static int interpolate_pass(const char *text, interpolate_resolver resolver, void *self,
                            bool keep_escapes, struct strbuf *out, bool *ret_later,
                            struct error *err)
{
    const char *p = text, *mark;
    struct reference r;
    bool escaped, later;

    *ret_later = false;
    while ((mark = next_mark(p, &escaped))) {
        strbuf_add(out, p, (size_t)(mark - p));
        if (escaped) {
            strbuf_adds(out, keep_escapes ? "$${" : "${");
            p = mark + 3;
            continue;
        }
        TRY(reference_read(mark, &r, err));
        TRY(reference_resolve(&r, resolver, self, out, &later, err));
        if (later) {
            strbuf_add(out, mark, (size_t)(r.end - mark));
            *ret_later = true;
        }
        p = r.end;
    }
    strbuf_adds(out, p);
    if (out->overflow)
        return error_set(err, ERR_LIMIT, "the text with its variables put in is too long");
    return 0;
}

int interpolate_text(const char *text, interpolate_resolver resolver, void *self,
                     struct strbuf *out, struct error *err)
{
    size_t before = out->len;
    bool later;
    int code = interpolate_pass(text, resolver, self, false, out, &later, err);

    if (code == 0 && later) {
        strbuf_truncate(out, before);
        code = interpolate_pass(text, resolver, self, true, out, &later, err);
    }
    if (code != 0 && before <= out->len)
        strbuf_truncate(out, before);
    return code;
}

static void add_escaped(const char *text, struct strbuf *out)
{
    for (const char *mark; (mark = strstr(text, "${")) != NULL; text = mark + 2) {
        strbuf_add(out, text, (size_t)(mark - text));
        strbuf_adds(out, "$${");
    }
    strbuf_adds(out, text);
}

/* The first of two passes: only the environment, and nothing that it puts in is seen by the second.
 */
static int interpolate_first(const char *text, struct strbuf *out, struct error *err)
{
    const char *p = text, *mark;
    struct reference r;
    bool escaped, later;

    while ((mark = next_mark(p, &escaped))) {
        AUTO_STRBUF struct strbuf value = {0};
        const char *end = mark + 3;

        strbuf_init(&value, TEXT_MAX_BYTES);
        strbuf_add(out, p, (size_t)(mark - p));
        later = escaped;
        if (!escaped) {
            TRY(reference_read(mark, &r, err));
            TRY(reference_resolve(&r, NULL, NULL, &value, &later, err));
            end = r.end;
        }
        if (later)
            strbuf_add(out, mark, (size_t)(end - mark));
        else
            add_escaped(value.data, out);
        p = end;
    }
    strbuf_adds(out, p);
    return out->overflow
               ? error_set(err, ERR_LIMIT, "the text with its variables put in is too long")
               : 0;
}

const char *interpolate_plain(const char *text, struct arena *arena)
{
    bool escaped;
    const char *p = text, *mark = next_mark(text, &escaped);

    if (!mark)
        return text;
    char *out = arena_strdup(arena, text), *to = out;
    for (; mark; mark = next_mark(p, &escaped)) {
        memmove(to, p, (size_t)(mark - p));
        to += mark - p;
        p = mark + (escaped ? 1 : 0); /* without the first $ */
        *to++ = '$';
        *to++ = '{';
        p += 2;
    }
    memmove(to, p, strlen(p) + 1);
    return out;
}

static void interpolate_scalar(struct ynode *node, interpolate_resolver resolver, void *self,
                               struct arena *arena, struct diagnostics *d)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    bool escaped;

    if (!next_mark(node->text, &escaped))
        return;
    strbuf_init(&out, TEXT_MAX_BYTES);
    if ((resolver ? interpolate_text(node->text, resolver, self, &out, &err)
                  : interpolate_first(node->text, &out, &err)) != 0)
        diagnostics_add_error(d, node, &err);
    else
        node->text = arena_strndup(arena, out.data, out.len);
}

void interpolate_tree(struct ynode *root, interpolate_resolver resolver, void *self,
                      struct arena *arena, struct diagnostics *d)
{
    if (!root)
        return;
    if (root->kind == YNODE_SCALAR)
        interpolate_scalar(root, resolver, self, arena, d);
    for (size_t i = 0; i < root->count; i++)
        interpolate_tree(root->items[i], resolver, self, arena, d);
}

int interpolate_names(const char *text, void (*name)(void *self, const char *name, size_t offset),
                      void *self, struct error *err)
{
    const char *p = text, *mark;
    struct reference r;
    bool escaped;

    while ((mark = next_mark(p, &escaped))) {
        if (escaped) {
            p = mark + 3;
            continue;
        }
        TRY(reference_read(mark, &r, err));
        name(self, r.name, (size_t)(mark - text));
        p = r.end;
    }
    return 0;
}
