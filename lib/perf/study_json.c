/* lib/perf/study_json.c - see study_json.h: two walks over the table of study_shape.c. */
#include "perf/study_json.h"

#include "core/datetime.h"
#include "core/fileio.h"
#include "core/message.h"
#include "perf/inputs_internal.h"
#include "perf/result_json.h"
#include "perf/study_shape.h"

#include <math.h>
#include <stdlib.h>

#define NUMBER_MAX 1e18

static const void *member_in(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void write_members(struct jwriter *w, const void *base, const struct shape *shape);

static size_t member_count(const void *base, const struct member *m)
{
    return *(const size_t *)member_in(base, m->count);
}

static const char *member_text(const void *base, const struct member *m)
{
    return *(const char *const *)member_in(base, m->offset);
}

static double member_number(const void *base, const struct member *m)
{
    return *(const double *)member_in(base, m->offset);
}

static bool member_is_empty(const void *base, const struct member *m)
{
    switch (m->kind) {
    case MEMBER_TEXT: return member_text(base, m) == NULL;
    case MEMBER_FLAG: return !*(const bool *)member_in(base, m->offset);
    case MEMBER_INT: return *(const int *)member_in(base, m->offset) == 0;
    case MEMBER_NUMBER: return fabs(member_number(base, m)) <= 0;
    case MEMBER_KNOWN: return member_number(base, m) < 0;
    default: return false;
    }
}

static void write_short(struct jwriter *w, const void *base, const struct shape *shape)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter inner;
    strbuf_init(&text, PERF_STUDY_MAX_BYTES);
    jwriter_init(&inner, &text);
    jwriter_object(&inner);
    write_members(&inner, base, shape);
    jwriter_end(&inner);
    jwriter_raw(w, (struct span){text.data, text.len});
    w->out->overflow |= text.overflow; /* what was cut is no JSON, even where it fits */
}

static void write_object(struct jwriter *w, const void *base, const struct shape *shape)
{
    if (shape->is_short) {
        write_short(w, base, shape);
        return;
    }
    jwriter_object(w);
    write_members(w, base, shape);
    jwriter_end(w);
}

static void write_list(struct jwriter *w, const void *base, const struct member *m)
{
    const char *items = *(const char *const *)member_in(base, m->offset);
    jwriter_array(w);
    for (size_t i = 0; i < member_count(base, m) && !w->out->overflow; i++)
        write_object(w, items + i * m->of->size, m->of);
    jwriter_end(w);
}

static void write_indexes(struct jwriter *w, const void *base, const struct member *m)
{
    const size_t *items = *(const size_t *const *)member_in(base, m->offset);
    jwriter_array(w);
    for (size_t i = 0; i < member_count(base, m); i++)
        jwriter_int(w, (int64_t)items[i]);
    jwriter_end(w);
}

static void write_points(struct jwriter *w, const void *base, const struct member *m)
{
    const double *items = member_in(base, m->offset);
    jwriter_array(w);
    for (size_t i = 0; i < member_count(base, m) && i < PERF_SLOPE_POINTS; i++)
        jwriter_double(w, items[i]);
    jwriter_end(w);
}

static void write_time(struct jwriter *w, int64_t us)
{
    char when[DATETIME_ISO_MAX];
    if (us == 0) {
        jwriter_null(w);
        return;
    }
    datetime_print(us, NULL, when);
    jwriter_string(w, when);
}

static void write_result(struct jwriter *w, const struct perf_result *r)
{
    if (r == NULL)
        jwriter_null(w);
    else
        perf_result_to_json(w, r, true);
}

static void write_value(struct jwriter *w, const void *base, const struct member *m)
{
    const void *at = member_in(base, m->offset);
    switch (m->kind) {
    case MEMBER_TEXT: jwriter_string(w, member_text(base, m)); break;
    case MEMBER_FLAG: jwriter_bool(w, *(const bool *)at); break;
    case MEMBER_INT: jwriter_int(w, *(const int *)at); break;
    case MEMBER_NUMBER: jwriter_double(w, member_number(base, m)); break;
    case MEMBER_KNOWN:
        jwriter_double(w, member_number(base, m) < 0 ? (double)NAN : member_number(base, m));
        break;
    case MEMBER_COUNT: jwriter_int(w, (int64_t) * (const uint64_t *)at); break;
    case MEMBER_TIME: write_time(w, *(const int64_t *)at); break;
    case MEMBER_INDEX: jwriter_int(w, (int64_t) * (const size_t *)at); break;
    case MEMBER_CHOICE: jwriter_string(w, m->names[*(const unsigned *)at]); break;
    case MEMBER_RESULT: write_result(w, *(struct perf_result *const *)at); break;
    case MEMBER_OBJECT: write_object(w, at, m->of); break;
    case MEMBER_LIST: write_list(w, base, m); break;
    case MEMBER_INDEXES: write_indexes(w, base, m); break;
    case MEMBER_POINTS: write_points(w, base, m); break;
    }
}

static void write_members(struct jwriter *w, const void *base, const struct shape *shape)
{
    for (const struct member *m = shape->members; m->key != NULL; m++) {
        if (shape->is_short && member_is_empty(base, m))
            continue;
        jwriter_key(w, m->key);
        write_value(w, base, m);
    }
}

int perf_study_write(const struct perf_study *s, struct strbuf *out, struct error *err)
{
    struct jwriter w;
    size_t start = out->len;
    jwriter_init_pretty(&w, out);
    jwriter_object(&w);
    jwriter_kint(&w, "diner_perf_study", PERF_STUDY_VERSION);
    write_members(&w, s, &perf_study_shape);
    jwriter_end(&w);
    strbuf_addch(out, '\n');
    if (!out->overflow && out->len - start <= PERF_STUDY_MAX_BYTES)
        return 0;
    error_set(err, ERR_LIMIT, "the study is larger than %zu MiB", PERF_STUDY_MAX_BYTES >> 20);
    return error_hint(err, "name fewer endpoints in the configuration, or a database with fewer "
                           "tables and statements");
}

/* ---- reading ------------------------------------------------------------------------------- */

struct reader {
    struct input input;
    struct strbuf path; /* "server.statements[3].calls" */
};

static int read_members(struct reader *r, const struct jsonx *node, const struct shape *shape,
                        void *base, struct error *err);

static int wrong(struct reader *r, const char *expected, struct error *err)
{
    return error_set(err, ERR_DATA, "%s: '%s' must be %s", r->input.name,
                     r->path.len > 0 ? r->path.data : message_text("the document"), expected);
}

static void enter(struct reader *r, const char *key)
{
    strbuf_addf(&r->path, "%s%s", r->path.len > 0 ? "." : "", key);
}

static bool read_number(const struct jsonx *node, double *ret)
{
    double value;
    if (!jsonx_real(node, &value) || !(fabs(value) <= NUMBER_MAX))
        return false;
    *ret = value;
    return true;
}

static bool read_whole(const struct jsonx *node, int64_t max, int64_t *ret)
{
    return jsonx_integer(node, ret) && *ret >= 0 && *ret <= max;
}

static int read_choice(struct reader *r, const struct jsonx *node, const struct member *m,
                       unsigned *ret, struct error *err)
{
    const char *text = jsonx_text(node);
    AUTO_STRBUF struct strbuf expected = {0};
    strbuf_init(&expected, 256);
    for (unsigned i = 0; m->names[i] != NULL; i++) {
        if (text != NULL && strcmp(text, m->names[i]) == 0) {
            *ret = i;
            return 0;
        }
        strbuf_addf(&expected, "%s%s", i > 0 ? ", " : "one of ", m->names[i]);
    }
    return wrong(r, expected.data, err);
}

static int read_time(struct reader *r, const struct jsonx *node, int64_t *ret, struct error *err)
{
    return input_time(jsonx_text(node), ret) ? 0 : wrong(r, "a time as in RFC 3339", err);
}

static int read_result(struct reader *r, const struct jsonx *node, struct perf_result **ret,
                       struct error *err)
{
    if (jsonx_kind_of(node) != JSONX_OBJECT)
        return wrong(r, "an object", err);
    struct perf_result *result = arena_alloc(r->input.arena, sizeof *result);
    r->input.path = r->path.data;
    TRY(input_read_result(&r->input, node, result, err));
    *ret = result;
    return 0;
}

/* The count is set before the items are read, so that what a failure leaves can be released. */
static int read_list(struct reader *r, const struct jsonx *node, const struct member *m, void *base,
                     struct error *err)
{
    size_t n = jsonx_count(node), length = r->path.len;
    if (jsonx_kind_of(node) != JSONX_ARRAY || n > m->max)
        return wrong(r, n > m->max ? "a shorter list" : "a list", err);
    char *items = arena_array(r->input.arena, n + 1, m->of->size);
    *(void **)((char *)base + m->offset) = items;
    *(size_t *)(void *)((char *)base + m->count) = n;
    for (size_t i = 0; i < n; i++) {
        strbuf_addf(&r->path, "[%zu]", i);
        TRY(read_members(r, jsonx_at(node, i), m->of, items + i * m->of->size, err));
        strbuf_truncate(&r->path, length);
    }
    return 0;
}

static int read_indexes(struct reader *r, const struct jsonx *node, const struct member *m,
                        void *base, struct error *err)
{
    size_t n = jsonx_count(node);
    int64_t value;
    if (jsonx_kind_of(node) != JSONX_ARRAY || n > m->max)
        return wrong(r, "a list of positions", err);
    size_t *items = arena_array(r->input.arena, n + 1, sizeof *items);
    for (size_t i = 0; i < n; i++) {
        if (!read_whole(jsonx_at(node, i), INT32_MAX, &value))
            return wrong(r, "a list of positions", err);
        items[i] = (size_t)value;
    }
    *(size_t **)(void *)((char *)base + m->offset) = items;
    *(size_t *)(void *)((char *)base + m->count) = n;
    return 0;
}

/* The lists of a slope are equally long: the first one says how long. */
static int read_points(struct reader *r, const struct jsonx *node, const struct member *m,
                       void *base, struct error *err)
{
    size_t n = jsonx_count(node), *count = (size_t *)(void *)((char *)base + m->count);
    double *items = (double *)(void *)((char *)base + m->offset);
    if (jsonx_kind_of(node) != JSONX_ARRAY || n > PERF_SLOPE_POINTS || (*count != 0 && *count != n))
        return wrong(r, "a list of at most 8 numbers, as long as those beside it", err);
    for (size_t i = 0; i < n; i++)
        if (!read_number(jsonx_at(node, i), &items[i]))
            return wrong(r, "a list of numbers", err);
    *count = n;
    return 0;
}

static int read_scalar(struct reader *r, const struct jsonx *node, const struct member *m, void *at,
                       struct error *err)
{
    int64_t whole;
    switch (m->kind) {
    case MEMBER_TEXT:
        if (jsonx_text(node) == NULL)
            return wrong(r, "a text", err);
        *(const char **)at = arena_strdup(r->input.arena, jsonx_text(node));
        return 0;
    case MEMBER_FLAG:
        if (jsonx_kind_of(node) != JSONX_BOOL)
            return wrong(r, "true or false", err);
        *(bool *)at = jsonx_is_true(node);
        return 0;
    case MEMBER_NUMBER:
    case MEMBER_KNOWN: return read_number(node, at) ? 0 : wrong(r, "a number", err);
    case MEMBER_INT:
    case MEMBER_COUNT:
    case MEMBER_INDEX:
        if (!read_whole(node, m->kind == MEMBER_COUNT ? INT64_MAX : INT32_MAX, &whole))
            return wrong(r, "a whole number", err);
        if (m->kind == MEMBER_INT)
            *(int *)at = (int)whole;
        else
            *(uint64_t *)at = (uint64_t)whole;
        return 0;
    default: return 0;
    }
}

static int read_value(struct reader *r, const struct jsonx *node, const struct member *m,
                      void *base, struct error *err)
{
    void *at = (char *)base + m->offset;
    switch (m->kind) {
    case MEMBER_TIME: return read_time(r, node, at, err);
    case MEMBER_CHOICE: return read_choice(r, node, m, at, err);
    case MEMBER_RESULT: return read_result(r, node, at, err);
    case MEMBER_OBJECT: return read_members(r, node, m->of, at, err);
    case MEMBER_LIST: return read_list(r, node, m, base, err);
    case MEMBER_INDEXES: return read_indexes(r, node, m, base, err);
    case MEMBER_POINTS: return read_points(r, node, m, base, err);
    default: return read_scalar(r, node, m, at, err);
    }
}

static int read_members(struct reader *r, const struct jsonx *node, const struct shape *shape,
                        void *base, struct error *err)
{
    size_t length = r->path.len;
    if (jsonx_kind_of(node) != JSONX_OBJECT)
        return wrong(r, "an object", err);
    for (const struct member *m = shape->members; m->key != NULL; m++) {
        const struct jsonx *value = jsonx_get(node, m->key);
        if (m->kind == MEMBER_KNOWN)
            *(double *)(void *)((char *)base + m->offset) = -1;
        if (value == NULL || jsonx_kind_of(value) == JSONX_NULL)
            continue;
        enter(r, m->key);
        TRY(read_value(r, value, m, base, err));
        strbuf_truncate(&r->path, length);
    }
    return 0;
}

/* ---- what the parts say of each other -------------------------------------------------------- */

static int check_endpoint(struct reader *r, const struct perf_study *s, size_t i, struct error *err)
{
    const struct perf_endpoint *e = &s->endpoints[i];
    bool fits = e->name != NULL;
    for (size_t u = 0; u < e->nuses; u++)
        fits = fits && e->uses[u].statement < s->server.nstatements;
    for (size_t u = 0; u < e->nslopes; u++)
        fits = fits && e->slopes[u].statement < s->server.nstatements;
    if (fits)
        return 0;
    strbuf_clear(&r->path);
    strbuf_addf(&r->path, "endpoints[%zu]", i);
    return wrong(r, "an endpoint with a name and positions of statements that are there", err);
}

static bool are_texts(const char *a, const char *b)
{
    return a != NULL && b != NULL;
}

static int check_named(struct reader *r, bool fits, const char *list, size_t i, struct error *err)
{
    if (fits)
        return 0;
    strbuf_clear(&r->path);
    strbuf_addf(&r->path, "%s[%zu]", list, i);
    return wrong(r, "complete: a name or text is missing", err);
}

static int check_server(struct reader *r, const struct perf_server *s, struct error *err)
{
    for (size_t i = 0; i < s->nstatements; i++)
        TRY(check_named(r, are_texts(s->statements[i].fingerprint, s->statements[i].text),
                        "server.statements", i, err));
    for (size_t i = 0; i < s->ntables; i++) {
        const struct perf_table *t = &s->tables[i];
        bool fits = are_texts(t->schema, t->name);
        for (size_t c = 0; c < t->ncolumns; c++)
            fits = fits && are_texts(t->columns[c].name, t->columns[c].type);
        for (size_t f = 0; f < t->nforeign_keys; f++)
            fits = fits && are_texts(t->foreign_keys[f].name, t->foreign_keys[f].columns) &&
                   are_texts(t->foreign_keys[f].to_table, t->foreign_keys[f].to_columns);
        TRY(check_named(r, fits, "server.tables", i, err));
    }
    for (size_t i = 0; i < s->nindexes; i++) {
        const struct perf_index *x = &s->indexes[i];
        TRY(check_named(r,
                        are_texts(x->schema, x->table) && are_texts(x->name, x->method) &&
                            are_texts(x->definition, x->keys),
                        "server.indexes", i, err));
    }
    for (size_t i = 0; i < s->nsettings; i++)
        TRY(check_named(r, are_texts(s->settings[i].name, s->settings[i].value), "server.settings",
                        i, err));
    return 0;
}

static int check_finding(struct reader *r, const struct perf_study *s, size_t i, struct error *err)
{
    const struct perf_finding *f = &s->findings[i];
    bool fits = are_texts(f->id, f->kind) && are_texts(f->title_en, f->title_zh);
    for (size_t e = 0; e < f->nendpoints; e++)
        fits = fits && f->endpoints[e] < s->nendpoints;
    for (size_t e = 0; e < f->nevidence; e++)
        fits = fits && are_texts(f->evidence[e].label_en, f->evidence[e].label_zh) &&
               f->evidence[e].value != NULL;
    return check_named(r, fits, "findings", i, err);
}

static int check_study(struct reader *r, const struct perf_study *s, struct error *err)
{
    TRY(check_server(r, &s->server, err));
    for (size_t i = 0; i < s->nendpoints; i++)
        TRY(check_endpoint(r, s, i, err));
    for (size_t i = 0; i < s->nfindings; i++)
        TRY(check_finding(r, s, i, err));
    for (size_t i = 0; i < s->nmissing; i++)
        TRY(check_named(
            r, are_texts(s->missing[i].what, s->missing[i].why_en) && s->missing[i].why_zh != NULL,
            "missing", i, err));
    return 0;
}

/* ---- the document --------------------------------------------------------------------------- */

static int read_document(struct reader *r, const struct jsonx *doc, struct perf_study *ret,
                         struct error *err)
{
    int64_t version = 0;
    if (!jsonx_integer(jsonx_get(doc, "diner_perf_study"), &version)) {
        error_set(err, ERR_DATA, "%s: not a study of diner perf-report", r->input.name);
        return error_hint(err, "it begins with {\"diner_perf_study\": %d", PERF_STUDY_VERSION);
    }
    if (version != PERF_STUDY_VERSION) {
        error_set(err, ERR_DATA, "%s: version %lld of the study's form is not known here (only %d)",
                  r->input.name, (long long)version, PERF_STUDY_VERSION);
        return error_hint(err, "it was written by another version of diner: measure again");
    }
    TRY(read_members(r, doc, &perf_study_shape, ret, err));
    return check_study(r, ret, err);
}

int perf_study_parse(struct span text, const char *name, struct arena *arena,
                     struct perf_study *ret, struct error *err)
{
    struct jsonx *doc = NULL;
    struct perf_study s;
    struct reader r = {.input = {.name = name, .text = text, .arena = arena}};
    TRY(jsonx_parse(text.ptr, text.len, name, &doc, err));
    strbuf_init(&r.path, 1024);
    perf_study_init(&s);
    int code = read_document(&r, doc, &s, err);
    if (code == 0)
        *ret = s;
    else
        perf_study_release(&s);
    strbuf_release(&r.path);
    jsonx_free(doc);
    return code;
}

bool perf_study_is(struct span text)
{
    size_t n = text.len < 256 ? text.len : 256;
    return memmem(text.ptr, n, "\"diner_perf_study\"", 18) != NULL;
}
