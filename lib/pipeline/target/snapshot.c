#include "pipeline/target/snapshot.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/sha256.h"
#include "core/siphash.h"
#include "pipeline/state.h"
#include "pipeline/target/rowstream.h"
#include "pipeline/target/snapshot_part.h"
#include "pipeline/target/snapshot_salt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNMET_TABLE           "pg_temp.diner_unmet"
#define BLOCKS                "128" /* of the table, whose hashes come together */
#define SECRET_CHARS          32    /* of SNAPSHOT_STATE */
#define SECRET_AND_SALT_CHARS 65

struct snapshot {
    struct stage_target *t;
    struct siphash_key key;
    const char *stored_state, *state; /* the same pointer: hashes are comparable */
    char salt[SALT_CHARS];
    struct strbuf image;
    struct rowhash *set;        /* NULL: all rows are staged */
    struct rowstream *stream;   /* in front of the set: rows come in the table's order, or NULL */
    struct db_copy_out *stored; /* being read */
    int64_t unknown;            /* rows whose hash is NULL */
    const char *literal;        /* the table's name in SQL, as a literal */
    bool has_column, is_soft, has_mark, is_plain_table;
};

/* ---- the table --------------------------------------------------------------------------- */

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

static void hash_text(const char *text, char ret[SALT_CHARS])
{
    struct sha256 *h = sha256_new();
    sha256_add(h, text, strlen(text) + 1);
    sha256_finish(h, ret);
}

static void derive_key(struct snapshot *s)
{
    char hex[65];
    unsigned char bytes[16];
    struct sha256 *h = sha256_new();
    sha256_add(h, s->state, SECRET_AND_SALT_CHARS);
    sha256_finish(h, hex);
    for (size_t i = 0; i < sizeof bytes; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    siphash_key_init(&s->key, bytes);
}

/* "SECRET SALT SHAPE TABLE": the stored one when nothing of it has changed, else one with a new
 * secret. The shape is that of the table when the hashes were written: columns dropped and added
 * again by somebody else are other columns. */
static int choose_key(struct snapshot *s, const char *shape, struct error *err)
{
    struct arena *arena = s->t->ctx->arena;
    char shape_hash[SALT_CHARS];
    hash_text(shape, shape_hash);
    TRY(salt_of(s->t, s->salt, err));
    TRY(state_get(s->t->ctx, SNAPSHOT_STATE, &s->stored_state, err));
    const char *rest = arena_printf(arena, " %.32s %.32s %s", s->salt, shape_hash, s->t->quoted);
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
    db_copy_out_close(s->stored);
    rowstream_free(s->stream);
    rowhash_free(s->set);
    strbuf_release(&s->image);
    free(s);
}

int snapshot_open(struct stage_target *t, struct snapshot **ret, struct error *err)
{
    const char *reason = NULL, *shape = "";
    bool is_ours = false;
    *ret = NULL;
    t->has_row_hash = false;
    TRY(snapshot_reason(t, &reason, err));
    if (reason == NULL) {
        struct snapshot *s = snapshot_new(t);
        int code = look_at_table(s, &shape, &is_ours, err);
        if (code == 0 && *shape != '\0' && !is_ours)
            reason = "the table was made by somebody else";
        else if (code == 0)
            code = choose_key(s, shape, err);
        if (code != 0 || reason != NULL)
            snapshot_free(s);
        else
            *ret = s;
        TRY(code);
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
                            "select uuid_send(_row_hash), (_row_hash is null)::int::int8 from %s t "
                            "where %s%s",
                            t->quoted, where, snapshot_child_condition(t->ctx));
    return arena_printf(t->ctx->arena,
                        "select h.hashes, h.unknown from generate_series(0, pg_relation_size(%s) / "
                        "current_setting('block_size')::int8, " BLOCKS ") b, lateral (select "
                        "string_agg(uuid_send(_row_hash), ''::bytea) as hashes, "
                        "count(*) - count(_row_hash) as unknown from %s "
                        "where ctid >= format('(%%s,0)', b)::tid and ctid < format('(%%s,0)', "
                        "b + " BLOCKS ")::tid and %s) h",
                        s->literal, t->quoted, where);
}

/* The next of them; at the end the connection is free again. */
static int pull_stored(void *self, struct span *ret, bool *ret_end, struct error *err)
{
    struct snapshot *s = self;
    const struct span *fields;
    TRY(db_copy_out_next(s->stored, &fields, ret_end, err));
    if (*ret_end) {
        db_copy_out_close(s->stored);
        s->stored = NULL;
        return 0;
    }
    *ret = fields[0];
    s->unknown += db_field_int8(fields[1]);
    return 0;
}

static int read_stored(struct snapshot *s, struct error *err)
{
    struct span hashes = SPAN("");
    bool end = false;
    TRY(pull_stored(s, &hashes, &end, err));
    while (!end) {
        for (size_t at = 0; hashes.ptr != NULL && at + ROWHASH_BYTES <= hashes.len;
             at += ROWHASH_BYTES)
            TRY(rowhash_add(s->set, hashes.ptr + at, err));
        TRY(pull_stored(s, &hashes, &end, err));
    }
    return 0;
}

/* Rows of a file most likely come in the order of the table that was loaded from one, and at once:
 * an API would keep the server waiting. */
static int is_streamed(const struct snapshot *s, bool by_blocks, bool *ret, struct error *err)
{
    *ret = false;
    return by_blocks && s->t->ctx->stream->source == &source_file
               ? stage_has_unique_key(s->t, ret, err)
               : 0;
}

static int compare_all(struct snapshot *s, struct error *err)
{
    bool repeats = false;
    TRY(read_stored(s, err));
    TRY(rowhash_seal(s->set, &repeats, err));
    if (!repeats)
        return 0;
    log_info("stream '%s': rows of %s repeat: all are compared", s->t->ctx->stream->name,
             s->t->quoted);
    rowhash_free(s->set);
    s->set = NULL;
    return 0;
}

int snapshot_begin(struct snapshot *s, bool *ret_compares, struct error *err)
{
    const struct stream_context *ctx = s->t->ctx;
    bool streams = false;
    *ret_compares = false;
    if (!s->has_column || (s->is_soft && !s->has_mark) || ctx->verify ||
        s->state != s->stored_state || stream_fell_back(ctx))
        return 0;
    /* A scan by ranges of places came with PostgreSQL 14, and is for plain tables. */
    const bool by_blocks =
        s->is_plain_table && ctx->stream->for_each == NULL && db_server_version(ctx->db) >= 140000;
    TRY(is_streamed(s, by_blocks, &streams, err));
    TRY(db_copy_out(ctx->db, stored_query(s, by_blocks), DB_NO_PARAMS, &s->stored, err));
    s->set = rowhash_new(0);
    if (streams)
        s->stream = rowstream_new(s->set, pull_stored, s);
    else
        TRY(compare_all(s, err));
    *ret_compares = s->set != NULL;
    return 0;
}

/* Others put a row there twice: no set can tell which is which. */
static int check_repeats(const struct snapshot *s, int code, struct error *err)
{
    return code != 0 && rowstream_repeats(s->stream)
               ? stream_fall_back(s->t->ctx, err, "rows of %s repeat", s->t->quoted)
               : code;
}

int snapshot_offer(struct snapshot *s, const uint8_t hash[ROWHASH_BYTES], struct span row,
                   rowhash_row_fn *absent, void *self, struct error *err)
{
    if (s->stream == NULL)
        return rowhash_offer(s->set, hash, row, absent, self, err);
    return check_repeats(s, rowstream_offer(s->stream, hash, row, absent, self, err), err);
}

int snapshot_settle(struct snapshot *s, rowhash_row_fn *absent, void *self, struct error *err)
{
    if (s->stream == NULL)
        return rowhash_settle(s->set, absent, self, err);
    return check_repeats(s, rowstream_settle(s->stream, absent, self, err), err);
}

static uint64_t met(const struct snapshot *s)
{
    return rowhash_met(s->set) + (s->stream != NULL ? rowstream_met(s->stream) : 0);
}

static uint64_t unmet(const struct snapshot *s)
{
    return rowhash_stored(s->set) - rowhash_met(s->set);
}

static uint64_t stored(const struct snapshot *s)
{
    return met(s) + unmet(s);
}

bool snapshot_is_unchanged(const struct snapshot *s, int64_t staged)
{
    bool deletes = stage_deletes(s->t->ctx->stream) != DELETES_KEEP;
    return staged == 0 && (!deletes || (unmet(s) == 0 && s->unknown == 0));
}

void snapshot_count(const struct snapshot *s, struct stream_counts *counts)
{
    counts->unchanged += (int64_t)met(s);
    counts->superseded += (int64_t)rowhash_again(s->set);
    counts->superseded += s->stream != NULL ? (int64_t)rowstream_again(s->stream) : 0;
}

int snapshot_guard(struct snapshot *s, int64_t staged, struct error *err)
{
    return stage_guard_rows(s->t, staged + (int64_t)met(s), (int64_t)stored(s) + s->unknown, err);
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
    int64_t before = (int64_t)stored(s) + s->unknown;
    int64_t after = (int64_t)met(s) + staged;
    if (before + counts->inserted - counts->deleted == after)
        return 0;
    return stream_fall_back(ctx, err,
                            "%s had %" PRId64 " rows, %" PRId64 " came and %" PRId64
                            " went, which does not make %" PRId64,
                            s->t->quoted, before, counts->inserted, counts->deleted, after);
}

/* The hashes were made for what look-ups held at the beginning. */
static int are_lookups_steady(const struct snapshot *s, bool *ret, struct error *err)
{
    char salt[SALT_CHARS];
    if (!salt_has_lookups(s->t->ctx->stream))
        return 0;
    TRY(salt_of(s->t, salt, err));
    *ret = strcmp(salt, s->salt) == 0;
    if (!*ret)
        log_info(
            "stream '%s': a look-up changed while it was used: the next run compares every row",
            s->t->ctx->stream->name);
    return 0;
}

/* Rows that were staged though the table has them as they are: the source has them twice, far apart
 * from each other. */
static int count_again(const struct snapshot *s, int64_t *staged, struct stream_counts *counts,
                       struct error *err)
{
    const struct stage_target *t = s->t;
    AUTO_STRBUF struct strbuf sql = {0};
    int64_t again = 0;
    if (s->stream == NULL || counts->unchanged == 0)
        return 0;
    strbuf_init(&sql, STAGE_SQL_MAX);
    strbuf_addf(&sql, "select count(*) from %s s join %s t on ", t->staged, t->quoted);
    stage_match(&sql, &t->ctx->stream->key, "t.", "s.");
    strbuf_adds(&sql, " where t._row_hash = s._row_hash and not exists (select from "
                      "pg_temp.diner_diff d where ");
    stage_match(&sql, &t->ctx->stream->key, "d.", "s.");
    strbuf_addch(&sql, ')');
    TRY(db_query_int(t->ctx->db, sql.data, DB_NO_PARAMS, &again, err));
    *staged -= again;
    counts->unchanged -= again;
    counts->superseded += again;
    return 0;
}

int snapshot_finish(struct snapshot *s, int64_t staged, struct stream_counts *counts,
                    struct error *err)
{
    const bool is_merged = s->t->staged != s->t->quoted && !s->t->is_new;
    if (is_merged)
        TRY(count_again(s, &staged, counts, err));
    TRY(check_size(s, staged, counts, err));
    if (is_merged && s->set != NULL)
        TRY(refuse_repeats(s, "pg_temp.diner_diff", err));
    if (is_merged && counts->unchanged > 0)
        TRY(store_hashes(s, err));
    bool is_steady = true;
    TRY(are_lookups_steady(s, &is_steady, err));
    if (!is_steady)
        return state_delete(s->t->ctx, SNAPSHOT_STATE, err);
    if (s->state == s->stored_state)
        return 0;
    /* The shape is known only now: the table may be new, or have got columns. */
    const char *shape;
    bool is_ours;
    TRY(look_at_table(s, &shape, &is_ours, err));
    char hash[SALT_CHARS];
    hash_text(shape, hash);
    return state_set(s->t->ctx, SNAPSHOT_STATE,
                     arena_printf(s->t->ctx->arena, "%.*s %.32s %s", SECRET_AND_SALT_CHARS,
                                  s->state, hash, s->t->quoted),
                     err);
}
