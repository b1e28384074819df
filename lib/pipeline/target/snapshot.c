#include "pipeline/target/snapshot.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/sha256.h"
#include "core/siphash.h"
#include "pipeline/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_OF_HASHES "diner row hash 1" /* another way of hashing is another key */
#define UNMET_TABLE      "pg_temp.diner_unmet"
#define STATE_NAME       "row_hash"

/* The state: SECRET SPEC SHAPE, 32 hex digits each. */
#define SECRET_CHARS          32
#define SECRET_AND_SPEC_CHARS 65

struct snapshot {
    struct stage_target *t;
    struct siphash_key key;
    const char *stored_state, *state; /* the same pointer: hashes are comparable */
    struct strbuf image;
    struct rowhash *set; /* NULL: all rows are staged */
    int64_t unknown;     /* rows whose hash is NULL */
    const char *literal; /* the table's name in SQL, as a literal */
    bool has_column, is_soft, has_mark, is_plain_table;
};

/* ---- who takes part --------------------------------------------------------------------- */

static const char *check_reason(const struct stream_spec *s)
{
    for (size_t i = 0; i < s->checks.count; i++) {
        const struct check_spec *c = (const struct check_spec *)s->checks.items + i;
        if (c->expr == NULL)
            return "a check looks at all rows together";
        if (c->on_fail == CHECK_WARN)
            return "a check with on_fail: warn tells its findings in each run";
    }
    return NULL;
}

/* Hashes are of one stream: two that load one table would write each other's anew in every run. */
static bool shares_table(const struct stage_target *t)
{
    const struct pipeline *p = t->ctx->pipeline;
    for (size_t i = 0; i < p->streams.count; i++) {
        const struct stream_spec *other = (const struct stream_spec *)p->streams.items + i;
        if (strcmp(other->name, t->ctx->stream->name) != 0 && other->target == &target_postgres &&
            strcmp(ynode_text(other->target_node, "schema", "public"), t->schema) == 0 &&
            strcmp(ynode_text(other->target_node, "table", other->name), t->table) == 0)
            return true;
    }
    return false;
}

/* Why the stream cannot take part, or NULL. */
static const char *spec_reason(const struct stage_target *t)
{
    const struct stream_context *ctx = t->ctx;
    const struct stream_spec *s = ctx->stream;
    if (s->change_detection != 0)
        return "change_detection is off";
    if (s->key.count == 0 || (s->mode != MODE_MERGE && s->mode != MODE_REPLACE))
        return "it is for merge and replace with a key";
    if (s->incremental != NULL || s->for_each != NULL)
        return "the source does not come whole";
    if (ctx->plan || ctx->dry_run)
        return "a plan compares every row";
    if (!stream_can_read_again(ctx))
        return "a pipe cannot be read twice";
    if (shares_table(t))
        return "another stream loads the same table";
    if (s->transforms.count > 0)
        return "transforms make other rows of those that were read";
    if (stream_column(s, SNAPSHOT_COLUMN) >= 0)
        return "it has a column " SNAPSHOT_COLUMN " of its own";
    if (s->reconcile != NULL)
        return "reconcile adds up all rows";
    return check_reason(s);
}

/* Columns of the table with their places and types: "id 1 20 -1, ..."; "" when it is missing.
 * *ret_column: it has hashes; *ret_ours: diner made it. */
static int look_at_table(struct snapshot *s, const char **ret_shape, bool *ret_ours,
                         struct error *err)
{
    const struct stage_target *t = s->t;
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(
        t->ctx->db,
        "select coalesce(string_agg(concat_ws(' ', attname, attnum, atttypid, atttypmod), "
        "', ' order by attnum) filter (where attname not in ('_run_id', '_loaded_at', "
        "'_row_hash', '_deleted_at')), ''), "
        "coalesce(bool_or(attname = '_row_hash'), false), "
        "count(*) filter (where attname in ('_run_id', '_loaded_at')) = 2 and "
        "coalesce(bool_and(atttypid = 'uuid'::regtype) filter (where attname = "
        "'_row_hash'), true), "
        "coalesce((select relkind = 'r' from pg_class where oid = to_regclass($1)), false), "
        "coalesce(bool_or(attname = '_deleted_at'), false) "
        "from pg_attribute where attrelid = to_regclass($1) and attnum > 0 "
        "and not attisdropped",
        DB_PARAMS(t->quoted), &res, err));
    *ret_shape = arena_strdup(t->ctx->arena, db_result_text(res, 0, 0));
    s->has_column = db_result_bool(res, 0, 1);
    *ret_ours = db_result_bool(res, 0, 2);
    s->is_plain_table = db_result_bool(res, 0, 3);
    s->has_mark = db_result_bool(res, 0, 4);
    return 0;
}

/* ---- the key of the hashes -------------------------------------------------------------- */

static void add_text(struct sha256 *h, const char *text)
{
    sha256_add(h, text != NULL ? text : "", text != NULL ? strlen(text) + 1 : 1);
}

/* What a hash stands for besides the values: change any of it, and all rows are compared again. */
static void specification(const struct stream_spec *s, char ret[65])
{
    struct sha256 *h = sha256_new();
    add_text(h, FORMAT_OF_HASHES);
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
    /* What a contract left out comes with another one. */
    sha256_add(h, &s->schema.columns, sizeof s->schema.columns);
    sha256_add(h, &s->schema.types, sizeof s->schema.types);
    for (size_t i = 0; i < s->checks.count; i++) {
        const struct check_spec *c = (const struct check_spec *)s->checks.items + i;
        add_text(h, c->expr);
        add_text(h, c->on_fail == CHECK_REJECT ? "reject" : "abort");
    }
    sha256_finish(h, ret);
}

static void derive_key(struct snapshot *s)
{
    char hex[65];
    unsigned char bytes[16];
    struct sha256 *h = sha256_new();
    sha256_add(h, s->state, SECRET_AND_SPEC_CHARS);
    sha256_finish(h, hex);
    for (size_t i = 0; i < sizeof bytes; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    siphash_key_init(&s->key, bytes);
}

/* "SECRET SPEC SHAPE": the stored one when nothing of it has changed, else one with a new secret.
 * The shape is that of the table when the hashes were written: columns dropped and added again by
 * somebody else are other columns. */
static int choose_key(struct snapshot *s, const char *shape, struct error *err)
{
    struct arena *arena = s->t->ctx->arena;
    char spec[65], shape_hash[65];
    struct sha256 *h = sha256_new();
    add_text(h, shape);
    sha256_finish(h, shape_hash);
    specification(s->t->ctx->stream, spec);
    TRY(state_get(s->t->ctx, STATE_NAME, &s->stored_state, err));
    const char *rest = arena_printf(arena, " %.32s %.32s", spec, shape_hash);
    if (s->stored_state != NULL && strlen(s->stored_state) > SECRET_CHARS &&
        strcmp(s->stored_state + SECRET_CHARS, rest) == 0)
        s->state = s->stored_state;
    else
        s->state = arena_printf(arena, "%016" PRIx64 "%016" PRIx64 "%s", clock_random_u64(),
                                clock_random_u64(), rest);
    derive_key(s);
    return 0;
}

static struct snapshot *snapshot_new(struct stage_target *t)
{
    struct snapshot *s = mem_alloc(sizeof *s);
    s->t = t;
    s->is_soft = stage_deletes(t->ctx->stream) == DELETES_SOFT;
    strbuf_init(&s->image, (size_t)256 << 20);
    AUTO_STRBUF struct strbuf literal = {0};
    strbuf_init(&literal, 4096);
    db_quote_literal(&literal, t->quoted);
    s->literal = arena_strdup(t->ctx->arena, literal.data);
    return s;
}

void snapshot_free(struct snapshot *s)
{
    if (s == NULL)
        return;
    rowhash_free(s->set);
    strbuf_release(&s->image);
    free(s);
}

int snapshot_open(struct stage_target *t, struct snapshot **ret, struct error *err)
{
    const char *reason = spec_reason(t), *shape = "";
    bool is_ours = false;
    *ret = NULL;
    if (reason == NULL) {
        struct snapshot *s = snapshot_new(t);
        int code = look_at_table(s, &shape, &is_ours, err);
        if (code == 0 && (*shape == '\0' || is_ours))
            code = choose_key(s, shape, err);
        else
            reason = "the table was made by somebody else";
        if (code != 0 || reason != NULL)
            snapshot_free(s);
        TRY(code);
        *ret = reason == NULL ? s : NULL;
    }
    t->has_row_hash = *ret != NULL;
    if (reason != NULL)
        log_info("stream '%s': no change detection: %s", t->ctx->stream->name, reason);
    return 0;
}

/* ---- hashing ---------------------------------------------------------------------------- */

/* numeric carries how many decimals are shown: 1.0 and 1.00 are one value. */
static void forget_scale(char *field, uint32_t len)
{
    if (len >= 8)
        memset(field + 6, 0, 2);
}

void snapshot_hash(struct snapshot *s, struct span fields, uint8_t ret[ROWHASH_BYTES])
{
    const struct stream_spec *stream = s->t->ctx->stream;
    strbuf_clear(&s->image);
    strbuf_add(&s->image, fields.ptr, fields.len);
    char *at = s->image.data;
    for (size_t i = 0; i < stream->ncolumns; i++) {
        uint32_t len = db_field_length(at);
        at += 4;
        if (len == UINT32_MAX)
            continue;
        if (stream->columns[i].type.kind == DB_NUMERIC)
            forget_scale(at, len);
        at += len;
    }
    siphash_128(&s->key, s->image.data, s->image.len, ret);
}

/* ---- the stored hashes ------------------------------------------------------------------ */

/* Many hashes a row: a row of its own for each costs the server more than finding it. */
static const char *stored_query(const struct snapshot *s, bool by_blocks)
{
    const struct stage_target *t = s->t;
    const char *where = s->is_soft ? "_deleted_at is null" : "true";
    if (!by_blocks)
        return arena_printf(t->ctx->arena,
                            "select uuid_send(_row_hash), (_row_hash is null)::int::int8 from %s "
                            "where %s",
                            t->quoted, where);
    return arena_printf(t->ctx->arena,
                        "select h.hashes, h.unknown from generate_series(0, pg_relation_size(%s) / "
                        "current_setting('block_size')::int8, 1024) b, lateral (select "
                        "string_agg(uuid_send(_row_hash), ''::bytea) as hashes, "
                        "count(*) - count(_row_hash) as unknown from %s "
                        "where ctid >= format('(%%s,0)', b)::tid and ctid < format('(%%s,0)', "
                        "b + 1024)::tid and %s) h",
                        s->literal, t->quoted, where);
}

static int take_stored(struct snapshot *s, const struct span fields[2], struct error *err)
{
    for (size_t at = 0; fields[0].ptr != NULL && at + ROWHASH_BYTES <= fields[0].len;
         at += ROWHASH_BYTES)
        TRY(rowhash_add(s->set, fields[0].ptr + at, err));
    s->unknown += db_field_int8(fields[1]);
    return 0;
}

static int read_stored(struct snapshot *s, struct error *err)
{
    struct db_copy_out *out;
    const struct span *fields;
    bool end = false;
    /* A scan by ranges of places came with PostgreSQL 14, and is for plain tables. */
    bool by_blocks = s->is_plain_table && db_server_version(s->t->ctx->db) >= 140000;
    TRY(db_copy_out(s->t->ctx->db, stored_query(s, by_blocks), DB_NO_PARAMS, &out, err));
    int code;
    while ((code = db_copy_out_next(out, &fields, &end, err)) == 0 && !end)
        if ((code = take_stored(s, fields, err)) != 0)
            break;
    db_copy_out_close(out);
    return code;
}

int snapshot_begin(struct snapshot *s, bool *ret_compares, struct error *err)
{
    const struct stream_context *ctx = s->t->ctx;
    bool repeats = false;
    *ret_compares = false;
    if (!s->has_column || (s->is_soft && !s->has_mark) || ctx->verify ||
        s->state != s->stored_state || stream_fell_back(ctx))
        return 0;
    s->set = rowhash_new(0);
    TRY(read_stored(s, err));
    TRY(rowhash_seal(s->set, &repeats, err));
    if (repeats) {
        log_info("stream '%s': rows of %s repeat: all are compared", ctx->stream->name,
                 s->t->quoted);
        rowhash_free(s->set);
        s->set = NULL;
    }
    *ret_compares = s->set != NULL;
    return 0;
}

int snapshot_offer(struct snapshot *s, const uint8_t hash[ROWHASH_BYTES], struct span row,
                   rowhash_row_fn *absent, void *self, struct error *err)
{
    return rowhash_offer(s->set, hash, row, absent, self, err);
}

int snapshot_settle(struct snapshot *s, rowhash_row_fn *absent, void *self, struct error *err)
{
    return rowhash_settle(s->set, absent, self, err);
}

static uint64_t unmet(const struct snapshot *s)
{
    return rowhash_stored(s->set) - rowhash_met(s->set);
}

bool snapshot_is_unchanged(const struct snapshot *s, int64_t staged)
{
    bool deletes = stage_deletes(s->t->ctx->stream) != DELETES_KEEP;
    return staged == 0 && (!deletes || (unmet(s) == 0 && s->unknown == 0));
}

void snapshot_count(const struct snapshot *s, struct stream_counts *counts)
{
    counts->unchanged += (int64_t)rowhash_met(s->set);
    counts->superseded += (int64_t)rowhash_again(s->set);
}

int snapshot_guard(struct snapshot *s, int64_t staged, struct error *err)
{
    return stage_guard_rows(s->t, staged + (int64_t)rowhash_met(s->set),
                            (int64_t)rowhash_stored(s->set) + s->unknown, err);
}

/* ---- comparing -------------------------------------------------------------------------- */

static int send_unmet(void *self, const void *hash, struct error *err)
{
    struct db_copy *copy = self;
    db_copy_row(copy);
    db_encode_uuid(db_copy_buffer(copy), hash);
    return db_copy_keep(copy, err);
}

static int make_unmet(struct snapshot *s, struct error *err)
{
    struct db_conn *db = s->t->ctx->db;
    static const char *const columns[] = {SNAPSHOT_COLUMN};
    struct db_copy *copy;
    TRY(db_execute(db, "drop table if exists " UNMET_TABLE, DB_NO_PARAMS, NULL, err));
    TRY(db_execute(db, "create temp table diner_unmet (_row_hash uuid) on commit drop",
                   DB_NO_PARAMS, NULL, err));
    TRY(db_copy_in(db, UNMET_TABLE, columns, 1, &copy, err));
    if (rowhash_each_unmet(s->set, send_unmet, copy, err) != 0) {
        db_copy_abort(copy);
        return err->code;
    }
    return db_copy_end(copy, NULL, err);
}

int snapshot_prepare(struct snapshot *s, struct error *err)
{
    TRY(make_unmet(s, err));
    /* The table was read just now; and the few rows staged are better looked up than met by reading
     * all of it again. */
    return db_execute(s->t->ctx->db, "set local random_page_cost = 1.1", DB_NO_PARAMS, NULL, err);
}

/* Rows of the target by `from` whose hash _old_hash was met, and that are staged all the same: the
 * source has two rows of that key. */
static int refuse_repeats(struct snapshot *s, const char *from, struct error *err)
{
    int64_t twice = 0;
    const char *sql =
        arena_printf(s->t->ctx->arena,
                     "select count(*) from %s d where d._old_hash is not null and "
                     "not exists (select from " UNMET_TABLE " u where u._row_hash = d._old_hash)",
                     from);
    TRY(db_query_int(s->t->ctx->db, sql, DB_NO_PARAMS, &twice, err));
    if (twice == 0)
        return 0;
    return stream_fall_back(s->t->ctx, err,
                            "%" PRId64 " keys come twice, once as the table has them", twice);
}

/* One condition on the rows t that are not met; the keys that were rejected stay. */
static int delete_where(struct snapshot *s, const char *using, const char *condition,
                        struct stream_counts *counts, struct error *err)
{
    const struct stage_target *t = s->t;
    AUTO_STRBUF struct strbuf sql = {0}, keys = {0};
    int64_t deleted = 0;
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_init(&keys, (size_t)64 << 20);
    if (s->is_soft)
        strbuf_addf(&sql,
                    "update %s t set _deleted_at = now()%s%s where t._deleted_at is null and ",
                    t->quoted, *using != '\0' ? " from " : "", using);
    else
        strbuf_addf(&sql, "delete from %s t%s%s where ", t->quoted, *using != '\0' ? " using " : "",
                    using);
    strbuf_addf(&sql, "%s and not exists (select from %s s where ", condition, t->staged);
    stage_match(&sql, &t->ctx->stream->key, "s.", "t.");
    strbuf_addch(&sql, ')');
    if (!stage_rejected_keys(t, 1, &sql, &keys))
        return 0;
    if (db_execute(t->ctx->db, sql.data, DB_PARAMS(keys.data), &deleted, err) != 0)
        return error_context(err, "while deleting what the source no longer has");
    counts->deleted += deleted;
    return 0;
}

int snapshot_delete(struct snapshot *s, struct stream_counts *counts, struct error *err)
{
    if (stage_deletes(s->t->ctx->stream) == DELETES_KEEP)
        return 0;
    if (unmet(s) > 0)
        TRY(delete_where(s, UNMET_TABLE " u", "t._row_hash = u._row_hash", counts, err));
    if (s->unknown > 0)
        TRY(delete_where(s, "", "t._row_hash is null", counts, err));
    return 0;
}

int snapshot_verify(struct snapshot *s, struct error *err)
{
    const struct stage_target *t = s->t;
    AUTO_STRBUF struct strbuf sql = {0};
    int64_t drifted = 0;
    if (!t->ctx->verify || s->state != s->stored_state || t->is_new)
        return 0;
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "select count(*) from %s s join %s t on ", t->staged, t->quoted);
    stage_match(&sql, &t->ctx->stream->key, "t.", "s.");
    strbuf_adds(&sql, " where t._row_hash = s._row_hash and row(");
    stage_written(&sql, t, "t.");
    strbuf_adds(&sql, ") is distinct from row(");
    stage_written(&sql, t, "s.");
    strbuf_addch(&sql, ')');
    TRY(db_query_int(t->ctx->db, sql.data, DB_NO_PARAMS, &drifted, err));
    if (drifted > 0)
        log_warn("stream '%s': %" PRId64 " rows of %s were changed by others since they were "
                 "loaded; they are as the source has them again",
                 t->ctx->stream->name, drifted, t->quoted);
    return 0;
}

/* ---- the end ---------------------------------------------------------------------------- */

/* from STAGE s, TARGET t: rows that the merge found equal and left alone, but whose hash is missing
 * or of another key. */
static void equal_rows(const struct snapshot *s, struct strbuf *sql)
{
    const struct stage_target *t = s->t;
    stage_match(sql, &t->ctx->stream->key, "t.", "s.");
    strbuf_adds(sql, " and t._row_hash is distinct from s._row_hash and row(");
    stage_written(sql, t, "t.");
    strbuf_adds(sql, ") is not distinct from row(");
    stage_written(sql, t, "s.");
    strbuf_addch(sql, ')');
}

static int store_hashes(struct snapshot *s, struct error *err)
{
    const struct stage_target *t = s->t;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, STAGE_SQL_MAX);
    if (s->set != NULL) {
        strbuf_addf(&sql, "(select t._row_hash as _old_hash from %s s join %s t on ", t->staged,
                    t->quoted);
        equal_rows(s, &sql);
        strbuf_adds(&sql, ")");
        TRY(refuse_repeats(s, sql.data, err));
        strbuf_clear(&sql);
    }
    strbuf_addf(&sql, "update %s t set _row_hash = s._row_hash from %s s where ", t->quoted,
                t->staged);
    equal_rows(s, &sql);
    return db_execute(t->ctx->db, sql.data, DB_NO_PARAMS, NULL, err);
}

/* Rows before and after, where every row of the table must come from the source. */
static int check_size(const struct snapshot *s, int64_t staged, const struct stream_counts *counts,
                      struct error *err)
{
    const struct stream_context *ctx = s->t->ctx;
    if (s->set == NULL || stage_deletes(ctx->stream) != DELETES_HARD || counts->rejected > 0)
        return 0;
    int64_t before = (int64_t)rowhash_stored(s->set) + s->unknown;
    int64_t after = (int64_t)rowhash_met(s->set) + staged;
    if (before + counts->inserted - counts->deleted == after)
        return 0;
    return stream_fall_back(ctx, err,
                            "%s had %" PRId64 " rows, %" PRId64 " came and %" PRId64
                            " went, which does not make %" PRId64,
                            s->t->quoted, before, counts->inserted, counts->deleted, after);
}

int snapshot_finish(struct snapshot *s, int64_t staged, const struct stream_counts *counts,
                    struct error *err)
{
    TRY(check_size(s, staged, counts, err));
    const bool is_merged = s->t->staged != s->t->quoted && !s->t->is_new;
    if (is_merged && s->set != NULL)
        TRY(refuse_repeats(s, "pg_temp.diner_diff", err));
    if (is_merged && counts->unchanged > 0)
        TRY(store_hashes(s, err));
    if (s->state == s->stored_state)
        return 0;
    /* The shape is known only now: the table may be new, or have got columns. */
    const char *shape;
    bool is_ours;
    TRY(look_at_table(s, &shape, &is_ours, err));
    char hash[65];
    struct sha256 *h = sha256_new();
    add_text(h, shape);
    sha256_finish(h, hash);
    return state_set(
        s->t->ctx, STATE_NAME,
        arena_printf(s->t->ctx->arena, "%.*s %.32s", SECRET_AND_SPEC_CHARS, s->state, hash), err);
}
