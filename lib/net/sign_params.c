/* Which parameters are signed, in which order, and how they are written. */
#include "format/jpull.h"
#include "format/jsonx.h"
#include "net/connector_internal.h"
#include "net/sign.h"
#include "net/url.h"
#include <stdlib.h>

#define PARAMS_MAX 10000

struct param {
    const char *key, *value, *pair;
    size_t place; /* as they came: ties keep their order */
};
struct params {
    const struct sign_spec *spec;
    struct arena *arena;
    struct param *items;
    size_t count, capacity;
};

static bool map_puts_sign(const struct field_string_map *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i], key) == 0 && map->values[i])
            return formula_uses(map->values[i], "sign");
    return false;
}

/* The signature of an attempt before must not be signed. */
static bool is_signature(const struct sign_spec *spec, const char *key, const char *place)
{
    if (strcmp(place, "query") == 0)
        return map_puts_sign(&spec->put.query, key);
    if (strcmp(place, "form") == 0)
        return map_puts_sign(&spec->put.form, key);
    return false;
}

static bool is_excluded(const struct sign_params *p, const char *key)
{
    for (size_t i = 0; i < p->exclude.count; i++)
        if (strcmp(p->exclude.items[i], key) == 0)
            return true;
    return false;
}

/* Copies key and value. */
static int add(struct params *p, struct span key, struct span value, struct error *err)
{
    const struct sign_params *spec = p->spec->params;
    const char *name = arena_strndup(p->arena, key.ptr, key.len);

    if (is_excluded(spec, name) || (spec->skip_empty && value.len == 0))
        return 0;
    if (p->count == PARAMS_MAX)
        return error_set(err, ERR_LIMIT, "more than %d parameters to sign", PARAMS_MAX);
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 32;
        struct param *grown = arena_array(p->arena, capacity, sizeof(*grown));
        if (p->count > 0)
            memcpy(grown, p->items, p->count * sizeof(*grown));
        p->items = grown;
        p->capacity = capacity;
    }
    p->items[p->count] = (struct param){
        .key = name, .value = arena_strndup(p->arena, value.ptr, value.len), .place = p->count};
    p->count++;
    return 0;
}

/* ---- where they come from -------------------------------------------------------------------- */

/* Texts as JSON where the whole value is asked for as JSON. */
static int add_text(struct params *p, const char *key, const char *value, struct error *err)
{
    AUTO_STRBUF struct strbuf json = {0};

    if (p->spec->params->value == SIGN_VALUE_TEXT || !*value)
        return add(p, span_of(key), span_of(value), err);
    strbuf_init(&json, 0);
    jsonx_quote(&json, span_of(value));
    return add(p, span_of(key), (struct span){json.data, json.len}, err);
}

static int add_pairs(struct params *p, const struct pair_list *list, const char *place,
                     struct error *err)
{
    for (size_t i = 0; i < list->count; i++)
        if (!is_signature(p->spec, list->items[i].name, place))
            TRY(add_text(p, list->items[i].name, list->items[i].value, err));
    return 0;
}

static int add_member(struct params *p, struct span key, struct span raw, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct jpull_value value;

    strbuf_init(&scratch, 0);
    TRY(jpull_value_of(raw, &value, &scratch, err));
    if (value.kind == JPULL_NULL)
        return add(p, key, SPAN(""), err);
    if (value.kind != JPULL_STRING ||
        (p->spec->params->value == SIGN_VALUE_JSON && value.text.len > 0))
        return add(p, key, raw, err);
    return add(p, key, value.text, err);
}

/* A pointer in `put` to this member whose value is the signature. */
static bool is_signature_member(const struct params *p, const char *pointer, struct span key)
{
    const char *path =
        arena_printf(p->arena, "%s/%s", pointer, arena_strndup(p->arena, key.ptr, key.len));
    return map_puts_sign(&p->spec->put.body, path);
}

static int add_body(struct params *p, struct span body, const char *pointer, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0}, key_scratch = {0};
    struct jpull_value object = {0};
    struct jpull_array members;
    struct span key, raw;
    bool end = false;

    strbuf_init(&scratch, 0);
    strbuf_init(&key_scratch, 0);
    if (body.len == 0)
        return 0;
    TRY(jpull_find(body, pointer, &object, &scratch, err));
    if (object.kind == JPULL_NONE)
        return 0;
    if (object.kind != JPULL_OBJECT)
        return error_set(err, ERR_DATA, "the body is no object at '%s': nothing to sign", pointer);
    TRY(jpull_object_begin(object.text, &members, err));
    for (;;) {
        strbuf_clear(&key_scratch);
        TRY(jpull_object_next(&members, &key, &raw, &end, &key_scratch, err));
        if (end)
            return 0;
        if (!is_signature_member(p, pointer, key))
            TRY(add_member(p, key, raw, err));
    }
}

static int add_named(struct params *p, struct auth_scope *names, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    const struct field_string_map *map = &p->spec->params->add;
    const struct formula_scope scope = auth_scope_formula(names);
    int code = 0;

    strbuf_init(&text, CONNECTOR_TEXT_MAX);
    for (size_t i = 0; i < map->count && code == 0; i++) {
        const char *value = map->values[i] ? map->values[i] : "";
        strbuf_clear(&text);
        code = p->spec->params->value == SIGN_VALUE_JSON && *value
                   ? formula_json_text(value, &scope, &text, err)
                   : formula_render(value, &scope, &text, err);
        if (code == 0)
            code = add(p, span_of(map->keys[i]), (struct span){text.data, text.len}, err);
        explicit_bzero(text.data, text.len);
    }
    return code;
}

static int collect(struct params *p, const struct outgoing *r, struct auth_scope *names,
                   struct error *err)
{
    const struct field_strings *from = &p->spec->params->from;

    for (size_t i = 0; i < from->count; i++) {
        const char *source = from->items[i];
        if (strcmp(source, "query") == 0)
            TRY(add_pairs(p, &r->query, source, err));
        else if (strcmp(source, "form") == 0)
            TRY(add_pairs(p, &r->form, source, err));
        else
            TRY(add_body(p, r->http.body, source[4] == ':' ? source + 5 : "", err));
    }
    return add_named(p, names, err);
}

/* ---- order and writing ----------------------------------------------------------------------- */

static int compare(const void *a, const void *b, void *self)
{
    const struct param *x = a, *y = b;
    int by = *(const int *)self, order = 0;

    if (by == SIGN_SORT_KEY)
        order = strcmp(x->key, y->key);
    else if (by == SIGN_SORT_VALUE)
        order = strcmp(x->value, y->value);
    else if (by == SIGN_SORT_PAIR)
        order = strcmp(x->pair, y->pair);
    return order != 0 ? order : x->place < y->place ? -1 : 1;
}

static void piece_add(struct strbuf *out, const char *text, int encode)
{
    if (encode == SIGN_ENCODE_URL)
        url_encode(out, text);
    else
        strbuf_adds(out, text);
}

static void pair_write(struct params *p, struct param *one)
{
    AUTO_STRBUF struct strbuf text = {0};
    const struct sign_params *spec = p->spec->params;
    size_t n = strlen(spec->pair);

    strbuf_init(&text, 0);
    if (n > 1) {
        piece_add(&text, one->key, spec->encode);
        strbuf_add(&text, spec->pair + 1, n - 2);
    }
    piece_add(&text, one->value, spec->encode);
    one->pair = arena_strndup(p->arena, text.data, text.len);
    explicit_bzero(text.data, text.len);
}

int sign_params_text(const struct outgoing *r, const struct sign_spec *spec,
                     struct auth_scope *names, struct strbuf *out, struct error *err)
{
    struct params p = {.spec = spec, .arena = r->arena};
    int by = spec->params->sort;

    TRY(collect(&p, r, names, err));
    for (size_t i = 0; i < p.count; i++)
        pair_write(&p, &p.items[i]);
    if (p.count > 0)
        qsort_r(p.items, p.count, sizeof(*p.items), compare, &by);
    for (size_t i = 0; i < p.count; i++) {
        if (i > 0)
            strbuf_adds(out, spec->params->join);
        strbuf_adds(out, p.items[i].pair);
    }
    return out->overflow ? error_set(err, ERR_LIMIT, "the text to sign is too long") : 0;
}
