#include "pipeline/target/snapshot_salt.h"

#include "core/sha256.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FORMAT_OF_HASHES "diner row hash 2" /* another way of hashing is another salt */

bool salt_has_lookups(const struct stream_spec *s)
{
    for (size_t i = 0; i < s->transforms.count; i++)
        if (transform_at(s, i)->lookup != NULL)
            return true;
    return false;
}

/* ---- the salt --------------------------------------------------------------------------- */

static void add_text(struct sha256 *h, const char *text)
{
    sha256_add(h, text != NULL ? text : "", text != NULL ? strlen(text) + 1 : 1);
}

static int add_sql(const struct stage_target *t, struct sha256 *h, const char *text,
                   struct error *err)
{
    const char *sql = NULL;
    if (text != NULL)
        TRY(stream_sql_text(t->ctx, text, &sql, err));
    add_text(h, sql);
    return 0;
}

/* The columns that are used of all its rows, in whatever order they come. */
static int add_lookup(const struct stage_target *t, struct sha256 *h, const struct lookup_spec *l,
                      struct error *err)
{
    struct bound_sql rows;
    AUTO_STRBUF struct strbuf sql = {0};
    AUTOFREE char *digest = NULL;
    TRY(stage_lookup_rows(t, l, &rows, err));
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_adds(&sql, "select concat_ws(' ', count(*), sum(hashtextextended(r, 1)::numeric), "
                      "sum(hashtextextended(r, 2)::numeric)) from (select row(");
    const struct field_strings *const lists[] = {&l->on, &l->take};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < lists[k]->count; i++) {
            struct pair pair = spec_pair(t->ctx->arena, lists[k]->items[i]);
            strbuf_adds(&sql, k + i > 0 ? ", l." : "l.");
            db_quote_identifier(&sql, pair.theirs);
            add_text(h, pair.ours);
            add_text(h, pair.theirs);
        }
    strbuf_addf(&sql, ")::text as r from (%s\n) l) x", rows.sql);
    if (db_query_text(t->ctx->db, sql.data, rows.params, rows.nparams, &digest, err) != 0)
        return error_context(err, "while looking whether a look-up changed");
    add_text(h, digest);
    sha256_add(h, &l->miss, sizeof l->miss);
    return 0;
}

static int add_transforms(const struct stage_target *t, struct sha256 *h, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    for (size_t i = 0; i < s->transforms.count; i++) {
        const struct transform_spec *step = transform_at(s, i);
        add_text(h, step->filter != NULL ? "filter" : step->lookup != NULL ? "lookup" : "set");
        TRY(add_sql(t, h, step->filter, err));
        for (size_t k = 0; k < step->set.count; k++) {
            add_text(h, step->set.keys[k]);
            TRY(add_sql(t, h, step->set.values[k], err));
        }
        if (step->lookup != NULL)
            TRY(add_lookup(t, h, step->lookup, err));
    }
    for (size_t i = 0; i < s->checks.count; i++) {
        TRY(add_sql(t, h, check_at(s, i)->expr, err));
        add_text(h, check_at(s, i)->on_fail == CHECK_REJECT ? "reject" : "abort");
    }
    return 0;
}

static void add_columns(const struct stream_spec *s, struct sha256 *h)
{
    for (size_t i = 0; i < s->ncolumns; i++) {
        const struct column_spec *c = &s->columns[i];
        struct strbuf type;
        strbuf_init(&type, 256);
        db_type_print(&c->type, &type);
        add_text(h, c->name);
        add_text(h, type.data);
        add_text(h, c->required ? "required" : "");
        strbuf_release(&type);
    }
    for (size_t i = 0; i < s->key.count; i++)
        add_text(h, s->key.items[i]);
}

int salt_of(const struct stage_target *t, char ret[SALT_CHARS], struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    struct sha256 *h = sha256_new();
    add_text(h, FORMAT_OF_HASHES);
    add_columns(s, h);
    /* What a contract left out comes with another one. */
    sha256_add(h, &s->schema.columns, sizeof s->schema.columns);
    sha256_add(h, &s->schema.types, sizeof s->schema.types);
    int code = add_transforms(t, h, err);
    sha256_finish(h, ret);
    return code;
}
