/* What `map` of a resource makes of a record: one platform's words, money and times in the form
 * that the commands print. */
#include "core/datetime.h"
#include "core/decimal.h"
#include "core/message.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include "net/connector_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct connector_mapper {
    const struct connector *c;
    const struct resource_spec *resource;
    const struct field_objects *maps[2]; /* of the resource that it is mapped as, and its own */
    const char *name;                    /* of the resource */
    struct strbuf out, scratch;
};

/* What a member is made of, while it is made. */
struct making {
    struct connector_mapper *m;
    const char *key;
    const struct map_spec *spec;
    struct span record;
    int64_t index; /* from 1 */
};

int connector_mapper_new(const struct connector *c, const char *resource,
                         struct connector_mapper **ret, struct error *err)
{
    const struct resource_spec *spec = connector_resource(c, resource, err);

    if (!spec)
        return (int)err->code;
    struct connector_mapper *m = mem_alloc(sizeof(*m));
    *m = (struct connector_mapper){
        .c = c, .resource = spec, .maps = {NULL, &spec->map}, .name = spec->path};
    if (spec->map_as)
        m->maps[0] = &connector_resource(c, spec->map_as, err)->map;
    strbuf_init(&m->out, STRBUF_DEFAULT_MAX);
    strbuf_init(&m->scratch, STRBUF_DEFAULT_MAX);
    *ret = m;
    return 0;
}

void connector_mapper_free(struct connector_mapper *m)
{
    if (!m)
        return;
    strbuf_release(&m->out);
    strbuf_release(&m->scratch);
    free(m);
}

static int refuse(const struct making *k, struct span found, const char *expected,
                  struct error *err)
{
    return error_set(err, ERR_REMOTE, "connector '%s' maps '%s': expected %s, found '%.*s'",
                     k->m->c->name, k->key, expected, (int)(found.len < 60 ? found.len : 60),
                     found.ptr ? found.ptr : "");
}

/* ---- what it is, as text ------------------------------------------------------------------- */

static const char *case_of(const struct making *k)
{
    const struct map_case *cases = k->spec->cases.items;

    for (size_t i = 0; i < k->spec->cases.count; i++)
        if (rule_body_matches(&cases[i].when, k->record))
            return cases[i].is;
    return NULL;
}

static const char *word_of(const struct map_spec *spec, struct span text)
{
    for (size_t i = 0; i < spec->words.count; i++)
        if (span_equal(span_of(spec->words.keys[i]), text))
            return spec->words.values[i] ? spec->words.values[i] : "";
    return NULL;
}

/* kind NONE or NULL: it has no value. Borrowed until the next. */
static int find(const struct making *k, struct jpull_value *ret, struct error *err)
{
    const struct map_spec *spec = k->spec;
    const char *text = spec->value ? spec->value : case_of(k);

    *ret = (struct jpull_value){0};
    strbuf_clear(&k->m->scratch);
    if (!text && spec->from)
        TRY(jpull_find(k->record, spec->from, ret, &k->m->scratch, err));
    if (!text && ret->kind > JPULL_NULL)
        text = word_of(spec, ret->text);
    if (!text && (ret->kind <= JPULL_NULL || spec->words.count > 0))
        text = spec->otherwise;
    if (text)
        *ret = (struct jpull_value){JPULL_STRING, span_of(text)};
    return 0;
}

/* ---- in the form of its type --------------------------------------------------------------- */

/* Amounts are printed in the currency of the settings: one in another would be a lie. */
static int check_currency(const struct making *k, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    const char *ours = config_settings(k->m->c->config)->currency;
    struct jpull_value theirs;

    if (!k->spec->currency)
        return 0;
    strbuf_init(&scratch, CONNECTOR_TEXT_MAX);
    TRY(jpull_find(k->record, k->spec->currency, &theirs, &scratch, err));
    if (theirs.kind == JPULL_STRING && span_equal(span_of(ours), theirs.text))
        return 0;
    refuse(k, theirs.text, ours, err);
    return error_hint(err, "the setting 'currency' says what amounts are in");
}

static int write_minor(const struct making *k, const struct jpull_value *v, struct jwriter *w,
                       struct error *err)
{
    char text[DECIMAL_TEXT_MAX];
    struct decimal number;
    struct money money = {0};

    TRY(check_currency(k, err));
    if (!decimal_parse(v->text.ptr, v->text.len, &number) || number.scale != 0 ||
        number.coefficient > INT64_MAX || number.coefficient < INT64_MIN)
        return refuse(k, v->text, message_text("an amount in minor units"), err);
    money.amount_minor = (int64_t)number.coefficient;
    memccpy(money.currency, config_settings(k->m->c->config)->currency, 0, sizeof(money.currency));
    money_print(&money, text);
    jwriter_string(w, text);
    return 0;
}

static int instant(const struct making *k, const struct jpull_value *v, int64_t *ret_us,
                   struct error *err)
{
    struct datetime t;
    const char *format = k->spec->format ? k->spec->format : "iso";

    if (!datetime_parse(format, v->text.ptr, v->text.len, &t) || !t.has_zone)
        return refuse(k, v->text, message_text("a time with its zone"), err);
    *ret_us = t.us;
    return 0;
}

static int write_time(const struct making *k, const struct jpull_value *v, struct jwriter *w,
                      struct error *err)
{
    char text[DATETIME_ISO_MAX];
    int64_t us;

    TRY(instant(k, v, &us, err));
    datetime_print(us, NULL, text);
    jwriter_string(w, text);
    return 0;
}

static int write_business_date(const struct making *k, const struct jpull_value *v,
                               struct jwriter *w, struct error *err)
{
    const struct settings *s = config_settings(k->m->c->config);
    struct bizday day = {.cutoff_s = s->business_day_s};
    char text[11];
    int64_t us;

    TRY(instant(k, v, &us, err));
    TRY(zone_load(s->timezone, &day.zone, err));
    date_print(bizday_of(&day, us), text);
    jwriter_string(w, text);
    return 0;
}

static int write_value(const struct making *k, struct jwriter *w, struct error *err)
{
    struct jpull_value v;

    if (k->spec->type == MAP_INDEX) {
        jwriter_int(w, k->index);
        return 0;
    }
    TRY(find(k, &v, err));
    if (v.kind <= JPULL_NULL) {
        jwriter_null(w);
        return 0;
    }
    switch ((enum map_type)k->spec->type) {
    case MAP_MINOR_UNITS: return write_minor(k, &v, w, err);
    case MAP_TIME: return write_time(k, &v, w, err);
    case MAP_BUSINESS_DATE: return write_business_date(k, &v, w, err);
    case MAP_TEXT:
    case MAP_INDEX: break;
    }
    if (v.kind == JPULL_STRING)
        jwriter_span(w, v.text);
    else if (v.kind == JPULL_TRUE || v.kind == JPULL_FALSE)
        jwriter_bool(w, v.kind == JPULL_TRUE);
    else
        jwriter_raw(w, v.text);
    return 0;
}

/* ---- records ------------------------------------------------------------------------------- */

static int write_members(struct connector_mapper *m, const struct field_objects *map,
                         struct span record, int64_t index, struct jwriter *w, struct error *err);

/* A list of records in the record; none: an empty list. */
static int write_list(const struct making *k, struct jwriter *w, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct jpull_value list;
    struct jpull_array array;
    struct span element;
    bool end = false;
    int64_t index = 0;

    strbuf_init(&scratch, CONNECTOR_TEXT_MAX);
    TRY(jpull_find(k->record, k->spec->from ? k->spec->from : "", &list, &scratch, err));
    jwriter_array(w);
    if (list.kind > JPULL_NULL) {
        if (list.kind != JPULL_ARRAY)
            return refuse(k, list.text, "a list", err);
        TRY(jpull_array_begin(list.text, &array, err));
        for (;;) {
            TRY(jpull_array_next(&array, &element, &end, err));
            if (end)
                break;
            jwriter_object(w);
            TRY(write_members(k->m, &k->spec->each, element, ++index, w, err));
            jwriter_end(w);
        }
    }
    jwriter_end(w);
    return 0;
}

static int write_members(struct connector_mapper *m, const struct field_objects *map,
                         struct span record, int64_t index, struct jwriter *w, struct error *err)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct making k = {.m = m,
                                 .key = map->names[i],
                                 .spec = (const struct map_spec *)map->items + i,
                                 .record = record,
                                 .index = index};
        jwriter_key(w, k.key);
        TRY(k.spec->each.count > 0 ? write_list(&k, w, err) : write_value(&k, w, err));
    }
    return 0;
}

static int write_record(struct connector_mapper *m, struct span record, struct jwriter *w,
                        struct error *err)
{
    jwriter_object(w);
    for (size_t i = 0; i < 2; i++)
        if (m->maps[i])
            TRY(write_members(m, m->maps[i], record, 1, w, err));
    jwriter_end(w);
    return 0;
}

int connector_map(struct connector_mapper *m, struct span record, struct span *ret,
                  struct error *err)
{
    struct jwriter w;

    if (!m->maps[0] && m->maps[1]->count == 0) {
        *ret = record;
        return 0;
    }
    strbuf_clear(&m->out);
    jwriter_init(&w, &m->out);
    if (write_record(m, record, &w, err) != 0)
        return error_context(err, "a record of '%s'", m->name);
    if (m->out.overflow)
        return error_set(err, ERR_LIMIT, "a record of '%s' is too large", m->name);
    *ret = (struct span){m->out.data, m->out.len};
    return 0;
}

/* Several of our words may be one there ("pending" and "paid" are both open): what is answered to
 * it has more than was asked for. */
static bool is_another(struct connector_mapper *m, const struct connector_param *param,
                       struct span mapped)
{
    const struct field_objects *specs = &m->resource->params;
    struct jpull_value found = {0};
    struct error ignored;
    char pointer[64];

    for (size_t i = 0; i < specs->count; i++) {
        const struct param_spec *spec = (const struct param_spec *)specs->items + i;
        if (strcmp(specs->names[i], param->name) != 0 || spec->words.count == 0)
            continue;
        (void)snprintf(pointer, sizeof(pointer), "/%s", param->name);
        strbuf_clear(&m->scratch);
        if (jpull_find(mapped, pointer, &found, &m->scratch, &ignored) == 0 &&
            found.kind == JPULL_STRING)
            return !span_equal(span_of(param->value), found.text);
    }
    return false;
}

bool connector_map_wanted(struct connector_mapper *m, struct span mapped,
                          const struct connector_param *params, size_t nparams)
{
    for (size_t i = 0; i < nparams; i++)
        if (params[i].value && is_another(m, &params[i], mapped))
            return false;
    return true;
}

/* ---- what no single field can tell --------------------------------------------------------- */

static void member_check(const struct map_spec *s, const struct ynode *map, const char *key,
                         struct diagnostics *d)
{
    struct error err = ERROR_INIT;
    bool is_made = s->value || s->type == MAP_INDEX || s->cases.count > 0;

    if (!s->from && !is_made)
        diagnostics_add(d, map, NULL, "map: '%s' needs 'from', 'value' or 'cases'", key);
    if (s->currency && s->type != MAP_MINOR_UNITS)
        diagnostics_add(d, map, NULL, "map: 'currency' of '%s' belongs to minor_units", key);
    if (s->format && s->type != MAP_TIME && s->type != MAP_BUSINESS_DATE)
        diagnostics_add(d, map, NULL, "map: 'format' of '%s' belongs to times", key);
    else if (s->format && datetime_format_check(s->format, &err) != 0)
        diagnostics_add_error(d, map, &err);
    spec_check_pointer(s->from, map, "from", d);
    spec_check_pointer(s->currency, map, "currency", d);
    for (size_t i = 0; i < s->cases.count; i++)
        spec_check_when(&((const struct map_case *)s->cases.items)[i].when,
                        ynode_get(s->cases.nodes[i], "when"), d);
}

void record_map_check(const struct field_objects *map, struct diagnostics *d)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct map_spec *s = (const struct map_spec *)map->items + i;
        member_check(s, map->nodes[i], map->names[i], d);
        record_map_check(&s->each, d);
    }
}
