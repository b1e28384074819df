/* lib/domain/listing.c - lists in pieces. */
#include "domain/listing.h"
#include <string.h>

#define STATEMENT_MAX ((size_t)64 << 10)

void listing_init(struct listing *l)
{
    *l = (struct listing){.total = -1};
    strbuf_init(&l->items, LISTING_BYTES_MAX);
}

void listing_release(struct listing *l)
{
    strbuf_release(&l->items);
}

/* ---- the order ---------------------------------------------------------------------------- */

bool listing_sort_set(const struct listing_spec *spec, const char *order, struct listing_from *from)
{
    bool is_descending = order[0] == '-';
    for (const struct listing_sort *s = spec->sorts; s->name != NULL; s++) {
        if (strcmp(s->name, order + is_descending) != 0)
            continue;
        from->sort = s;
        from->is_descending = is_descending;
        return true;
    }
    return false;
}

/* The columns of the order: that of the sort, and the unique ones. */
static size_t keys_of(const struct listing_spec *spec, const struct listing_from *from,
                      struct listing_key *keys)
{
    size_t n = 0;
    if (from->sort->key.column != NULL)
        keys[n++] = from->sort->key;
    for (size_t i = 0; i < LISTING_TIES_MAX && spec->ties[i].column != NULL; i++)
        keys[n++] = spec->ties[i];
    return n;
}

/* The caller's, or the list's own. */
static struct listing_from with_order(const struct listing_spec *spec,
                                      const struct listing_from *from)
{
    struct listing_from own = *from;
    if (own.sort == NULL)
        listing_sort_set(spec, spec->order, &own);
    return own;
}

size_t listing_keys(const struct listing_spec *spec, const struct listing_from *from)
{
    struct listing_key keys[LISTING_KEYS_MAX];
    const struct listing_from own = with_order(spec, from);
    return keys_of(spec, &own, keys);
}

/* ---- the statement ------------------------------------------------------------------------ */

/* What the markers stand for; parameters after the filters: the keys, the limit, what to skip. */
struct statement {
    struct listing_key keys[LISTING_KEYS_MAX];
    size_t nkeys, nfilters;
    bool is_descending;
};

static void put_keys(const struct statement *s, struct strbuf *out)
{
    for (size_t i = 0; i < s->nkeys; i++)
        strbuf_addf(out, "%s%s::text", i > 0 ? ", " : "", s->keys[i].column);
}

static void put_after(const struct statement *s, struct strbuf *out)
{
    strbuf_addf(out, "($%zu::text IS NULL OR (", s->nfilters + 1);
    for (size_t i = 0; i < s->nkeys; i++)
        strbuf_addf(out, "%s%s", i > 0 ? ", " : "", s->keys[i].column);
    strbuf_addf(out, ") %c (", s->is_descending ? '<' : '>');
    for (size_t i = 0; i < s->nkeys; i++)
        strbuf_addf(out, "%s$%zu::text::%s", i > 0 ? ", " : "", s->nfilters + 1 + i,
                    s->keys[i].type);
    strbuf_adds(out, "))");
}

static void put_order(const struct statement *s, struct strbuf *out)
{
    strbuf_adds(out, "ORDER BY ");
    for (size_t i = 0; i < s->nkeys; i++)
        strbuf_addf(out, "%s%s%s", i > 0 ? ", " : "", s->keys[i].column,
                    s->is_descending ? " DESC" : "");
}

static void put_rows(const struct statement *s, struct strbuf *out)
{
    strbuf_addf(out, "LIMIT $%zu::bigint OFFSET $%zu::bigint", s->nfilters + s->nkeys + 1,
                s->nfilters + s->nkeys + 2);
}

static const struct {
    const char *name;
    void (*put)(const struct statement *s, struct strbuf *out);
} markers[] = {
    {":keys", put_keys}, {":after", put_after}, {":order", put_order}, {":rows", put_rows}};
#define MARKER_COUNT (sizeof markers / sizeof *markers)

/* "::text" is no marker. */
static size_t marker_at(const char *sql, const char *p)
{
    size_t m = 0;
    if (p > sql && p[-1] == ':')
        return MARKER_COUNT;
    while (m < MARKER_COUNT && strncmp(p, markers[m].name, strlen(markers[m].name)) != 0)
        m++;
    return m;
}

static void expand(const char *sql, const struct statement *s, struct strbuf *out)
{
    const char *rest = sql;
    for (const char *p = strchr(sql, ':'); p != NULL; p = strchr(p + 1, ':')) {
        size_t m = marker_at(sql, p);
        if (m == MARKER_COUNT)
            continue;
        strbuf_add(out, rest, (size_t)(p - rest));
        markers[m].put(s, out);
        rest = p + strlen(markers[m].name);
    }
    strbuf_adds(out, rest);
}

/* ---- running ------------------------------------------------------------------------------ */

static int take_rows(struct domain_context *ctx, const struct db_result *rows, int64_t limit,
                     size_t nkeys, struct listing *out, struct error *err)
{
    size_t found = db_result_rows(rows);
    size_t given = found > (size_t)limit ? (size_t)limit : found;
    for (size_t i = 0; i < given; i++) {
        struct span document = db_result_span(rows, i, 0);
        if (i > 0)
            strbuf_addch(&out->items, ',');
        strbuf_add(&out->items, document.ptr, document.len);
    }
    if (out->items.overflow)
        return error_set(err, ERR_LIMIT, "the list is over %zu bytes", LISTING_BYTES_MAX);
    out->count = (int64_t)given;
    out->has_more = found > given;
    for (size_t k = 0; k < nkeys && given > 0; k++)
        out->last[k] = arena_strdup(ctx->arena, db_result_text(rows, given - 1, k + 1));
    return ERR_OK;
}

/* One row more than wanted tells whether there are more. */
static const char **parameters(struct domain_context *ctx, const struct statement *s,
                               const char *const *filters, const struct listing_from *from)
{
    const char **all = arena_array(ctx->arena, s->nfilters + s->nkeys + 2, sizeof *all);
    for (size_t i = 0; i < s->nfilters; i++)
        all[i] = filters[i];
    for (size_t i = 0; i < s->nkeys; i++)
        all[s->nfilters + i] = from->after[i];
    all[s->nfilters + s->nkeys] = domain_int(ctx, from->limit + 1);
    all[s->nfilters + s->nkeys + 1] = domain_int(ctx, from->skip);
    return all;
}

/* A cursor of ours holds what the database wrote itself; and filters that it does not take were
 * refused before there was a cursor. */
static int refuse_forged(struct domain_context *ctx, const struct listing_from *from,
                         struct error *err)
{
    if (from->after[0] == NULL || strncmp(err->sqlstate, "22", 2) != 0)
        return (int)err->code;
    error_clear(err);
    return domain_refuse(ctx, err, ERR_USAGE, API_ERROR(bad_cursor), NULL,
                         "the cursor is not one of ours");
}

int listing_run(struct domain_context *ctx, const struct listing_spec *spec,
                const char *const *filters, size_t nfilters, const struct listing_from *from,
                struct listing *out, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    AUTO_RESULT struct db_result *rows = NULL;
    const struct listing_from own = with_order(spec, from);
    struct statement s = {.nfilters = nfilters, .is_descending = own.is_descending};
    s.nkeys = keys_of(spec, &own, s.keys);
    strbuf_init(&sql, STATEMENT_MAX);
    expand(spec->sql, &s, &sql);
    if (db_query(ctx->conn, sql.data, parameters(ctx, &s, filters, &own), nfilters + s.nkeys + 2,
                 &rows, err) != ERR_OK)
        return refuse_forged(ctx, &own, err);
    TRY(take_rows(ctx, rows, own.limit, s.nkeys, out, err));
    return own.wants_total
               ? db_query_int(ctx->conn, spec->count, filters, spec->ncount, &out->total, err)
               : ERR_OK;
}

int listing_one(struct domain_context *ctx, const char *sql, const char *const *params,
                size_t nparams, const char **ret_document, struct error *err)
{
    AUTO_RESULT struct db_result *rows = NULL;
    TRY(db_query(ctx->conn, sql, params, nparams, &rows, err));
    if (db_result_rows(rows) == 0)
        return error_set(err, ERR_NOT_FOUND, "there is no such thing");
    *ret_document = arena_strdup(ctx->arena, db_result_text(rows, 0, 0));
    return ERR_OK;
}
