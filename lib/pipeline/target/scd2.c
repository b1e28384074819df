/* Mode scd2: each key has a chain of versions without gaps but where it was gone, and without
 * overlap; the last one is the current one unless it was closed.
 *
 * A staged row is an event: the key has these values from its time on (the cursor's, or the run's
 * start). Events and stored versions of the keys that are touched are put in order; an event that
 * says what was said before it makes no version; each version ends where the next one begins or
 * where the key was gone. So late rows find their place, and the same rows read again change
 * nothing. */
#include "pipeline/target/stage.h"

#include <inttypes.h>
#include <string.h>

struct versions {
    const struct stage_target *t;
    const struct stream_spec *s;
    /* SQL pieces; values are the written columns outside the key. */
    const char *key, *from, *to, *current, *cursor; /* cursor NULL: a snapshot */
    struct field_strings values, tracked, untracked;
};

static void quoted(struct arena *arena, const char *name, const char **ret)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 1024);
    db_quote_identifier(&text, name);
    *ret = arena_strdup(arena, text.data);
}

static void add(struct arena *arena, struct field_strings *list, const char *name, size_t max)
{
    if (list->items == NULL)
        list->items = arena_array(arena, max + 1, sizeof *list->items);
    list->items[list->count++] = name;
}

/* The cursor by itself makes no version: it says until when the values were seen to hold. */
static bool is_tracked(const struct stream_spec *s, const char *name)
{
    if (s->scd2.track.count == 0)
        return s->incremental == NULL || strcmp(s->incremental->cursor, name) != 0;
    for (size_t i = 0; i < s->scd2.track.count; i++)
        if (strcmp(s->scd2.track.items[i], name) == 0)
            return true;
    return false;
}

static void versions_init(struct versions *v, const struct stage_target *t)
{
    const struct stream_spec *s = t->ctx->stream;
    struct arena *arena = t->ctx->arena;
    AUTO_STRBUF struct strbuf key = {0};
    *v = (struct versions){.t = t, .s = s};
    strbuf_init(&key, STAGE_SQL_MAX);
    stage_list(&key, &s->key, "");
    v->key = arena_strdup(arena, key.data);
    quoted(arena, s->scd2.valid_from, &v->from);
    quoted(arena, s->scd2.valid_to, &v->to);
    quoted(arena, s->scd2.current, &v->current);
    if (s->incremental != NULL)
        quoted(arena, s->incremental->cursor, &v->cursor);
    for (size_t i = 0; i < s->ncolumns; i++) {
        const char *name = s->columns[i].name;
        if (stage_is_key(s, name) || !stage_is_written(t, i))
            continue;
        add(arena, &v->values, name, s->ncolumns);
        add(arena, is_tracked(s, name) ? &v->tracked : &v->untracked, name, s->ncolumns);
    }
}

/* row(a.x, ...) is distinct from row(b.x, ...) */
static void differ(struct strbuf *out, const struct field_strings *names, const char *a,
                   const char *b)
{
    if (names->count == 0) {
        strbuf_adds(out, "false");
        return;
    }
    strbuf_adds(out, "row(");
    stage_list(out, names, a);
    strbuf_adds(out, ") is distinct from row(");
    stage_list(out, names, b);
    strbuf_addch(out, ')');
}

static int make_table(const struct versions *v, const char *name, const char *sql, int64_t *ret,
                      struct error *err)
{
    struct arena *arena = v->t->ctx->arena;
    TRY(db_execute(v->t->ctx->db, arena_printf(arena, "drop table if exists pg_temp.%s", name),
                   DB_NO_PARAMS, NULL, err));
    return db_execute(v->t->ctx->db,
                      arena_printf(arena, "create temp table %s on commit drop as %s", name, sql),
                      DB_NO_PARAMS, ret, err);
}

/* ---- the events ------------------------------------------------------------------------- */

static const char *run_start(const struct versions *v)
{
    return arena_printf(v->t->ctx->arena,
                        "(select started_at from diner.run where id = %" PRId64 ")",
                        v->t->ctx->run_id);
}

/* A snapshot is of now: a version from later than that means that a clock went back. */
static int refuse_future(const struct versions *v, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    const char *start = run_start(v);
    TRY(db_query(v->t->ctx->db,
                 arena_printf(v->t->ctx->arena,
                              "select %s::text, max(greatest(%s, %s))::text from %s where %s > %s "
                              "or %s > %s",
                              start, v->from, v->to, v->t->quoted, v->from, start, v->to, start),
                 DB_NO_PARAMS, &res, err));
    if (db_result_text(res, 0, 1) == NULL)
        return 0;
    error_set(err, ERR_CHECK,
              "%s has a version of %s, which is after the start of this run (%s): versions would "
              "overlap",
              v->t->quoted, db_result_text(res, 0, 1), db_result_text(res, 0, 0));
    return error_hint(err, "did the clock of the database server go back?");
}

static int find_events(const struct versions *v, int64_t *ret_rows, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    if (v->cursor == NULL)
        TRY(refuse_future(v, err));
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_adds(&sql, "select s.*, ");
    if (v->cursor != NULL)
        strbuf_addf(&sql, "s.%s", v->cursor);
    else
        strbuf_adds(&sql, run_start(v));
    strbuf_addf(&sql, " as _at from %s s", v->t->staged);
    return make_table(v, "diner_events", sql.data, ret_rows, err);
}

/* Keys for which there is more to do than to see that the current version still holds. */
static int find_touched(const struct versions *v, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_adds(&sql, "select ");
    stage_list(&sql, &v->s->key, "e.");
    strbuf_addf(&sql, " from pg_temp.diner_events e left join %s t on t.%s and ", v->t->quoted,
                v->current);
    stage_match(&sql, &v->s->key, "t.", "e.");
    strbuf_adds(&sql, " group by ");
    stage_list(&sql, &v->s->key, "e.");
    strbuf_addf(&sql, " having count(*) > 1 or bool_or(t.%s is null or t.%s > e._at or ", v->from,
                v->from);
    differ(&sql, &v->values, "t.", "e.");
    strbuf_addch(&sql, ')');
    return make_table(v, "diner_touched", sql.data, NULL, err);
}

/* ---- the chain -------------------------------------------------------------------------- */

/* What was stored or is staged at one time; staged values win (a correction of that instant). */
static void versions_and_events(const struct versions *v, struct strbuf *sql)
{
    strbuf_adds(sql, "select ");
    for (size_t i = 0; i < v->s->key.count; i++) {
        AUTO_STRBUF struct strbuf name = {0};
        strbuf_init(&name, 1024);
        db_quote_identifier(&name, v->s->key.items[i]);
        strbuf_addf(sql, "coalesce(e.%s, t.%s) as %s, ", name.data, name.data, name.data);
    }
    for (size_t i = 0; i < v->values.count; i++) {
        AUTO_STRBUF struct strbuf name = {0};
        strbuf_init(&name, 1024);
        db_quote_identifier(&name, v->values.items[i]);
        strbuf_addf(sql, "case when e._at is not null then e.%s else t.%s end as %s, ", name.data,
                    name.data, name.data);
    }
    strbuf_addf(sql, "coalesce(e._at, t.%s) as _at, ", v->from);
    if (v->cursor != NULL)
        strbuf_addf(sql, "coalesce(e._at, t.%s, t.%s)", v->cursor, v->from);
    else
        strbuf_addf(sql, "coalesce(e._at, t.%s)", v->from);
    strbuf_addf(sql,
                " as _seen, t.%s is not null as _is_stored, e._at is not null as _is_staged, "
                "false as _is_end from (select e.* from pg_temp.diner_events e join "
                "pg_temp.diner_touched using (%s)) e full join (select t.* from %s t join "
                "pg_temp.diner_touched using (%s)) t on t.%s = e._at and ",
                v->from, v->key, v->t->quoted, v->key, v->from);
    stage_match(sql, &v->s->key, "t.", "e.");
}

/* The end of each version that has one: where another begins this changes nothing. */
static void ends(const struct versions *v, struct strbuf *sql)
{
    strbuf_adds(sql, " union all select ");
    stage_list(sql, &v->s->key, "t.");
    for (size_t i = 0; i < v->values.count; i++)
        strbuf_adds(sql, ", null");
    strbuf_addf(sql,
                ", t.%s, t.%s, false, false, true from %s t join pg_temp.diner_touched using "
                "(%s) where t.%s is not null",
                v->to, v->to, v->t->quoted, v->key, v->to);
}

/* A version was seen to hold at its cursor, which may be later than its begin: when a late row
 * comes between, it holds again from then on. */
static void sightings(const struct versions *v, struct strbuf *sql)
{
    strbuf_adds(sql, " union all select ");
    stage_list(sql, &v->s->key, "t.");
    strbuf_adds(sql, v->values.count > 0 ? ", " : "");
    stage_list(sql, &v->values, "t.");
    strbuf_addf(sql,
                ", t.%s, t.%s, false, false, false from %s t join pg_temp.diner_touched using "
                "(%s) where t.%s > t.%s and (t.%s is null or t.%s < t.%s) and not exists "
                "(select from pg_temp.diner_events e where e._at = t.%s and ",
                v->cursor, v->cursor, v->t->quoted, v->key, v->cursor, v->from, v->to, v->cursor,
                v->to, v->cursor);
    stage_match(sql, &v->s->key, "t.", "e.");
    strbuf_addch(sql, ')');
}

static int make_chain(const struct versions *v, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql,
                "select x.*, row_number() over (partition by %s order by _at, _is_end desc) "
                "as _i from (",
                v->key);
    versions_and_events(v, &sql);
    ends(v, &sql);
    if (v->cursor != NULL)
        sightings(v, &sql);
    strbuf_adds(&sql, ") x");
    TRY(make_table(v, "diner_chain", sql.data, NULL, err));
    strbuf_clear(&sql);
    strbuf_adds(&sql, "select c.*, c._is_stored or c._is_end or p._i is null or p._is_end or ");
    differ(&sql, &v->tracked, "c.", "p.");
    strbuf_adds(&sql, " as _is_kept from pg_temp.diner_chain c left join pg_temp.diner_chain p on "
                      "p._i = c._i - 1 and ");
    stage_match(&sql, &v->s->key, "p.", "c.");
    return make_table(v, "diner_marked", sql.data, NULL, err);
}

/* The versions as they must be: until the next one, and with the untracked values that were seen
 * last. */
static int make_versions(const struct versions *v, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0}, inner = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_init(&inner, STAGE_SQL_MAX);
    strbuf_addf(&inner,
                "select m.*, count(*) filter (where _is_kept) over (partition by %s order by "
                "_i) as _g from pg_temp.diner_marked m",
                v->key);
    strbuf_addf(&sql,
                "select *, lead(_at) over (partition by %s order by _i) as _until from (select "
                "%s",
                v->key, v->key);
    for (size_t i = 0; i < v->values.count; i++) {
        bool tracked = is_tracked(v->s, v->values.items[i]);
        strbuf_adds(&sql, tracked ? ", " : ", last_value(");
        db_quote_identifier(&sql, v->values.items[i]);
        if (!tracked) {
            strbuf_addf(&sql,
                        ") over (partition by %s, _g order by _seen, _i rows between "
                        "unbounded preceding and unbounded following) as ",
                        v->key);
            db_quote_identifier(&sql, v->values.items[i]);
        }
    }
    strbuf_addf(&sql,
                ", _at, _is_stored, _is_staged, _is_end, _is_kept, _i from (%s) g) k where "
                "_is_kept",
                inner.data);
    return make_table(v, "diner_versions", sql.data, NULL, err);
}

/* ---- writing ---------------------------------------------------------------------------- */

static void add_run(const struct stage_target *t, struct strbuf *sql)
{
    if (t->has_run_id)
        strbuf_addf(sql, ", _run_id = %" PRId64, t->ctx->run_id);
    if (t->has_loaded_at)
        strbuf_adds(sql, ", _loaded_at = now()");
}

static int correct_values(const struct versions *v, int64_t *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    if (v->values.count == 0)
        return 0;
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "update %s t set ", v->t->quoted);
    for (size_t i = 0; i < v->values.count; i++) {
        strbuf_adds(&sql, i > 0 ? ", " : "");
        db_quote_identifier(&sql, v->values.items[i]);
        strbuf_adds(&sql, " = n.");
        db_quote_identifier(&sql, v->values.items[i]);
    }
    add_run(v->t, &sql);
    strbuf_addf(&sql, " from pg_temp.diner_versions n where n._is_stored and t.%s = n._at and ",
                v->from);
    stage_match(&sql, &v->s->key, "t.", "n.");
    strbuf_adds(&sql, " and ");
    differ(&sql, &v->values, "t.", "n.");
    return db_execute(v->t->ctx->db, sql.data, DB_NO_PARAMS, ret, err);
}

static int close_versions(const struct versions *v, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "update %s t set %s = n._until, %s = n._until is null", v->t->quoted, v->to,
                v->current);
    add_run(v->t, &sql);
    strbuf_addf(&sql,
                " from pg_temp.diner_versions n where n._is_stored and t.%s = n._at and t.%s is "
                "distinct from n._until and ",
                v->from, v->to);
    stage_match(&sql, &v->s->key, "t.", "n.");
    return db_execute(v->t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err);
}

static int insert_versions(const struct versions *v, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0}, columns = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_init(&columns, STAGE_SQL_MAX);
    stage_written(&columns, v->t, "");
    strbuf_addf(&sql,
                "insert into %s (%s, %s, %s, %s%s) select %s, _at, _until, _until is null%s from "
                "pg_temp.diner_versions where not _is_stored and not _is_end",
                v->t->quoted, columns.data, v->from, v->to, v->current, stage_run_column(v->t),
                columns.data, stage_run_value(v->t));
    return db_execute(v->t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err);
}

/* Keys that a full snapshot no longer has: their version ends with the run's start. */
static int close_missing(const struct versions *v, struct stream_counts *counts, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0}, keys = {0};
    int64_t closed = 0;
    if (stage_deletes(v->s) != DELETES_HARD)
        return 0;
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_init(&keys, 64 << 20);
    strbuf_addf(&sql, "update %s t set %s = %s, %s = false", v->t->quoted, v->to, run_start(v),
                v->current);
    add_run(v->t, &sql);
    strbuf_addf(&sql, " where t.%s and not exists (select from %s s where ", v->current,
                v->t->staged);
    stage_match(&sql, &v->s->key, "s.", "t.");
    strbuf_addch(&sql, ')');
    if (!stage_rejected_keys(v->t, 1, &sql, &keys))
        return 0;
    TRY(db_execute(v->t->ctx->db, sql.data, DB_PARAMS(keys.data), &closed, err));
    counts->deleted += closed;
    return 0;
}

int stage_merge_versions(const struct stage_target *t, struct stream_counts *counts,
                         struct error *err)
{
    struct versions v;
    int64_t staged = 0, corrected = 0, inserted = 0;
    versions_init(&v, t);
    TRY(stage_constrain(t, counts, err));
    TRY(find_events(&v, &staged, err));
    TRY(find_touched(&v, err));
    TRY(make_chain(&v, err));
    TRY(make_versions(&v, err));
    TRY(db_query_int(
        t->ctx->db,
        "select count(*) from pg_temp.diner_versions where _is_staged and not _is_stored",
        DB_NO_PARAMS, &inserted, err));
    TRY(correct_values(&v, &corrected, err));
    TRY(close_versions(&v, err));
    TRY(insert_versions(&v, err));
    TRY(close_missing(&v, counts, err));
    counts->inserted += inserted;
    counts->updated += corrected;
    counts->unchanged += staged - inserted - corrected;
    return 0;
}
