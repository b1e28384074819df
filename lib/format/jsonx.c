#include "format/jsonx.h"
#include "format/jpull.h"
#include "format/vendor.h"
#include <jansson.h>
#include <string.h>

#define DOCUMENT_MAX_BYTES ((size_t)16 << 20)

/* A struct jsonx is a json_t of jansson under another name; the type is never defined. */
static json_t *vendor(const struct jsonx *node)
{
    return unconst(node);
}

static const struct jsonx *ours(const json_t *node)
{
    return (const struct jsonx *)(const void *)node;
}

int jsonx_parse_deep(const char *text, size_t n, const char *name, struct jsonx **ret,
                     struct error *err)
{
    if (n > DOCUMENT_MAX_BYTES)
        return error_set(err, ERR_LIMIT, "%s: larger than %zu bytes", name, DOCUMENT_MAX_BYTES);
    json_error_t why;
    json_t *doc = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!doc)
        return error_set(err, ERR_DATA, "%s: line %d, column %d: %s", name, why.line, why.column,
                         why.text);
    *ret = (struct jsonx *)(void *)doc;
    return 0;
}

int jsonx_parse(const char *text, size_t n, const char *name, struct jsonx **ret, struct error *err)
{
    if (n > DOCUMENT_MAX_BYTES)
        return error_set(err, ERR_LIMIT, "%s: larger than %zu bytes", name, DOCUMENT_MAX_BYTES);
    /* The stricter parser first: depth, duplicate keys, and errors that say where. */
    if (jpull_check((struct span){text, n}, true, err) != 0)
        return error_context(err, "%s", name);
    return jsonx_parse_deep(text, n, name, ret, err);
}

void jsonx_free(struct jsonx *doc)
{
    json_decref(vendor(doc));
}

/* ---- reading ------------------------------------------------------------------------------- */

const struct jsonx *jsonx_get(const struct jsonx *object, const char *key)
{
    return ours(json_object_get(vendor(object), key));
}

const struct jsonx *jsonx_at(const struct jsonx *array, size_t i)
{
    return ours(json_array_get(vendor(array), i));
}

static const struct jsonx *child_of(const struct jsonx *node, const char *token)
{
    if (!json_is_array(vendor(node)))
        return jsonx_get(node, token);
    size_t i = 0;
    const char *p = token;
    if (*p == '\0' || (*p == '0' && p[1] != '\0') || strlen(p) > 9)
        return NULL;
    for (; *p != '\0'; p++) {
        if (*p < '0' || *p > '9')
            return NULL;
        i = i * 10 + (size_t)(*p - '0');
    }
    return jsonx_at(node, i);
}

const struct jsonx *jsonx_pointer(const struct jsonx *doc, const char *rfc6901)
{
    char *token = mem_alloc(strlen(rfc6901) + 1);
    const struct jsonx *node = *rfc6901 == '\0' || *rfc6901 == '/' ? doc : NULL;
    for (const char *p = rfc6901; node && *p != '\0';) {
        size_t n = 0;
        for (p++; *p != '\0' && *p != '/'; p++) {
            bool escape = *p == '~' && (p[1] == '0' || p[1] == '1');
            token[n++] = !escape ? *p : p[1] == '1' ? '/' : '~';
            p += escape ? 1 : 0;
        }
        token[n] = '\0';
        node = child_of(node, token);
    }
    free(token);
    return node;
}

enum jsonx_kind jsonx_kind_of(const struct jsonx *node)
{
    if (!node)
        return JSONX_NONE;
    switch (json_typeof(vendor(node))) {
    case JSON_OBJECT: return JSONX_OBJECT;
    case JSON_ARRAY: return JSONX_ARRAY;
    case JSON_STRING: return JSONX_STRING;
    case JSON_INTEGER: return JSONX_INTEGER;
    case JSON_REAL: return JSONX_REAL;
    case JSON_TRUE:
    case JSON_FALSE: return JSONX_BOOL;
    case JSON_NULL: return JSONX_NULL;
    }
    return JSONX_NONE;
}

size_t jsonx_count(const struct jsonx *node)
{
    return json_is_object(vendor(node)) ? json_object_size(vendor(node))
                                        : json_array_size(vendor(node));
}

static void *iterator_at(const struct jsonx *object, size_t i)
{
    void *at = json_object_iter(vendor(object)); /* in order of insertion since jansson 2.8 */
    for (; at && i > 0; i--)
        at = json_object_iter_next(vendor(object), at);
    return at;
}

const char *jsonx_key(const struct jsonx *object, size_t i)
{
    void *at = iterator_at(object, i);
    return at ? json_object_iter_key(at) : NULL;
}

const struct jsonx *jsonx_value(const struct jsonx *object, size_t i)
{
    void *at = iterator_at(object, i);
    return at ? ours(json_object_iter_value(at)) : NULL;
}

const char *jsonx_text(const struct jsonx *node)
{
    return json_string_value(vendor(node));
}

bool jsonx_integer(const struct jsonx *node, int64_t *ret)
{
    if (!json_is_integer(vendor(node)))
        return false;
    *ret = json_integer_value(vendor(node));
    return true;
}

bool jsonx_real(const struct jsonx *node, double *ret)
{
    if (!json_is_number(vendor(node)))
        return false;
    *ret = json_number_value(vendor(node));
    return true;
}

bool jsonx_is_true(const struct jsonx *node)
{
    return json_is_true(vendor(node));
}

/* ---- dumping ------------------------------------------------------------------------------- */

/* A real stays a real: 70.0, not 70. */
static void dump_real(struct jwriter *w, double value)
{
    size_t start = w->out->len;
    jwriter_double(w, value);
    if (!strpbrk(w->out->data + start, ".en"))
        strbuf_adds(w->out, ".0");
}

static void dump(struct jwriter *w, const struct jsonx *node)
{
    json_t *at = vendor(node);
    const char *key;
    json_t *value;
    switch (jsonx_kind_of(node)) {
    case JSONX_OBJECT:
        jwriter_object(w);
        json_object_foreach(at, key, value)
        {
            jwriter_key(w, key);
            dump(w, ours(value));
        }
        jwriter_end(w);
        break;
    case JSONX_ARRAY:
        jwriter_array(w);
        for (size_t i = 0; i < json_array_size(at); i++)
            dump(w, ours(json_array_get(at, i)));
        jwriter_end(w);
        break;
    case JSONX_STRING:
        jwriter_span(w, (struct span){json_string_value(at), json_string_length(at)});
        break;
    case JSONX_INTEGER: jwriter_int(w, json_integer_value(at)); break;
    case JSONX_REAL: dump_real(w, json_real_value(at)); break;
    case JSONX_BOOL: jwriter_bool(w, json_is_true(at)); break;
    case JSONX_NULL:
    case JSONX_NONE: jwriter_null(w); break;
    }
}

bool jsonx_dump(const struct jsonx *node, struct strbuf *out)
{
    struct jwriter w;
    jwriter_init(&w, out);
    dump(&w, node);
    return !out->overflow;
}
