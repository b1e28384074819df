/* The PostgreSQL target. Ways in, by binary COPY all: into a stage, from which one set-based
 * statement merges what differs; straight into the table, inside the committing transaction
 * (`append` without transforms and checks); into a table made for it (fresh.c). */
#include "core/log.h"
#include "core/message.h"
#include "pipeline/column.h"
#include "pipeline/reject.h"
#include "pipeline/state.h"
#include "pipeline/target/beside.h"
#include "pipeline/target/fresh.h"
#include "pipeline/target/pull.h"
#include "pipeline/target/snapshot.h"
#include "pipeline/target/swap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum load { LOAD_DIFFERENCE, LOAD_SWAP };
static const char *const load_words[] = {"difference", "swap", NULL};
struct postgres_target_spec {
    const char *connection, *schema, *table;
    int load;
};
static const struct field postgres_fields[] = {
    {"connection", FIELD_STRING, offsetof(struct postgres_target_spec, connection),
     "name under `connections` of diner.yaml", .flags = FIELD_REQUIRED},
    {"schema", FIELD_STRING, offsetof(struct postgres_target_spec, schema), "schema of the table",
     .def = "public"},
    {"table", FIELD_STRING, offsetof(struct postgres_target_spec, table),
     "table; default: the stream's name"},
    {"load", FIELD_CHOICE, offsetof(struct postgres_target_spec, load),
     "mode replace: difference writes the rows that differ; swap loads all rows into a table "
     "beside, "
     "which takes the name, the grants, the views and the keys of the table in one transaction",
     .def = "difference", .choices = load_words},
    {0}};
static const struct field_set postgres_set = {.name = "postgres target",
                                              .help = "Rows into a table, exactly once",
                                              .struct_size = sizeof(struct postgres_target_spec),
                                              .fields = postgres_fields};

#define ROW_MAX_BYTES ((size_t)256 << 20)

enum way { WAY_STAGE, WAY_DIRECT, WAY_FRESH, WAY_SNAPSHOT, WAY_SWAP };

struct target {
    const struct stream_context *ctx;
    struct stage_target stage;
    struct db_copy *copy;
    enum way way;
    const char **no_null;      /* by column: why null is refused here; NULL where it is not */
    bool takes_binary;         /* fields are sent as they came, where no null has to be refused */
    struct beside *beside;     /* WAY_FRESH, WAY_SWAP by several connections, or NULL */
    struct swap *swap;         /* the rows get a new table, by WAY_SWAP or WAY_STAGE; or NULL */
    struct snapshot *snapshot; /* the table has row hashes, or NULL */
    struct strbuf row;         /* one that is not sent, or not before it is known whether it is */
    int64_t rows, sent;
    char description[160];
};

static void close_target(struct target *t)
{
    if (t == NULL)
        return;
    stage_forget_undeclared(&t->stage);
    db_copy_abort(t->copy);
    beside_close(t->beside);
    snapshot_free(t->snapshot);
    strbuf_release(&t->row);
    free(t);
}

static bool can_go_direct(const struct stream_context *ctx)
{
    const struct stream_spec *s = ctx->stream;
    return s->mode == MODE_APPEND && !stage_takes_undeclared(s) && s->transforms.count == 0 &&
           s->checks.count == 0 && s->guard.min_rows == 0 && s->incremental == NULL &&
           !stage_is_reconciled(s) && !ctx->plan && !ctx->dry_run;
}

/* Masks, hashes and defaults are put in here, not by the server. */
static bool changes_nothing(const struct stream_spec *s)
{
    for (size_t i = 0; i < s->ncolumns; i++)
        if (column_is_changed(&s->columns[i]))
            return false;
    return true;
}

static bool is_staged(const struct target *t)
{
    return t->way == WAY_STAGE || t->way == WAY_SNAPSHOT;
}

static bool tells_run(const struct target *t)
{
    return (t->way == WAY_DIRECT || t->way == WAY_SWAP) && t->stage.has_run_id;
}

/* Names of the columns of a row as it is sent: the stream's, and those of the way. */
static size_t copy_columns(const struct target *t, const char ***ret)
{
    const struct stream_spec *s = t->ctx->stream;
    const char **names = arena_array(t->ctx->arena, s->ncolumns + 4, sizeof *names);
    size_t n = 0;
    for (; n < s->ncolumns; n++)
        names[n] = s->columns[n].name;
    if (tells_run(t))
        names[n++] = "_run_id";
    if (t->snapshot != NULL)
        names[n++] = SNAPSHOT_COLUMN;
    if (is_staged(t) && stage_takes_undeclared(s))
        names[n++] = "_more";
    if (is_staged(t)) {
        names[n++] = "_row";
        names[n++] = "_seq";
    }
    *ret = names;
    return n;
}

static int begin_copy(struct target *t, struct error *err)
{
    const char **names;
    if (t->way == WAY_DIRECT) {
        TRY(db_begin(t->ctx->db, err));
        TRY(stage_ensure_target(&t->stage, err));
        t->stage.staged = t->stage.quoted;
    } else if (is_staged(t)) {
        TRY(stage_create(&t->stage, err));
    }
    size_t n = copy_columns(t, &names);
    return db_copy_in(t->ctx->db, t->stage.staged, names, n, &t->copy, err);
}

/* ---- into a new table -------------------------------------------------------------------- */

/* By several connections where that can be taken back: of rows with one key none is the last. */
static int begin_beside(struct target *t, const char *quoted,
                        int (*make)(void *self, struct error *err), void *self, struct error *err)
{
    const bool has_key = t->ctx->stream->key.count > 0;
    const char **names;
    if (!has_key || (!stream_fell_back(t->ctx) && stream_can_read_again(t->ctx)))
        TRY(beside_open(&t->stage, quoted, make, self, &t->beside, err));
    t->stage.sequence = t->beside != NULL ? NULL : "ctid";
    if (t->beside == NULL)
        return 0;
    size_t n = copy_columns(t, &names);
    return beside_connect(t->beside, names, n, err);
}

static int make_fresh(void *self, struct error *err)
{
    struct target *t = self;
    struct stage_target beside = t->stage;
    beside.quoted = beside_name(&t->stage);
    return fresh_create(&beside, err);
}

/* The table is missing. */
static int begin_fresh(struct target *t, struct error *err)
{
    t->way = WAY_FRESH;
    t->stage.staged = t->stage.quoted;
    TRY(begin_beside(t, beside_name(&t->stage), make_fresh, t, err));
    if (t->beside != NULL)
        return 0;
    TRY(fresh_begin(&t->stage, err));
    return begin_copy(t, err);
}

static int make_swap(void *self, struct error *err)
{
    return swap_make(self, err);
}

static void refuse_nulls(struct target *t, const bool *not_null)
{
    for (size_t i = 0; i < t->ctx->stream->ncolumns; i++)
        if (not_null[i] && t->no_null[i] == NULL)
            t->no_null[i] =
                arena_printf(t->ctx->arena, "null, which %s does not take", t->stage.shown);
}

/* Straight into the new table where no SQL has to see the rows before. */
static int begin_swap(struct target *t, struct error *err)
{
    bool *not_null = arena_array(t->ctx->arena, t->ctx->stream->ncolumns + 1, sizeof *not_null);
    bool is_direct = false;
    if (fresh_is_possible(t->ctx))
        TRY(swap_is_direct(t->swap, not_null, &is_direct, err));
    if (!is_direct)
        return begin_copy(t, err);
    t->way = WAY_SWAP;
    refuse_nulls(t, not_null);
    t->stage.staged = swap_table(t->swap);
    TRY(begin_beside(t, swap_table(t->swap), make_swap, t->swap, err));
    if (t->beside != NULL)
        return 0;
    TRY(db_begin(t->ctx->db, err));
    TRY(swap_make(t->swap, err));
    return begin_copy(t, err);
}

static int is_direct_possible(struct target *t, bool *ret, struct error *err)
{
    bool *not_null = arena_array(t->ctx->arena, t->ctx->stream->ncolumns + 1, sizeof *not_null);
    TRY(stage_is_plain(&t->stage, not_null, ret, err));
    if (*ret)
        refuse_nulls(t, not_null);
    return 0;
}

/* ---- which way --------------------------------------------------------------------------- */

/* A plan shows what differs, and asks only whether the table could be swapped. */
static int look_at_swap(struct target *t, struct error *err)
{
    const struct postgres_target_spec *spec = t->ctx->stream->target_spec;
    const struct stream_context *ctx = t->ctx;
    if (spec->load != LOAD_SWAP || ctx->stream->mode != MODE_REPLACE || ctx->db == NULL)
        return 0;
    t->stage.is_rewritten = true;
    TRY(swap_open(&t->stage, &t->swap, err));
    if (ctx->plan || ctx->dry_run)
        t->swap = NULL;
    return 0;
}

static int choose_way(struct target *t, struct error *err)
{
    bool is_missing = false, compares = false, is_plain = false;
    TRY(beside_drop_leftover(&t->stage, err));
    TRY(look_at_swap(t, err));
    if (t->swap != NULL)
        return begin_swap(t, err);
    TRY(snapshot_open(&t->stage, &t->snapshot, err));
    if (fresh_is_possible(t->ctx))
        TRY(fresh_look(&t->stage, &is_missing, err));
    if (is_missing)
        return begin_fresh(t, err);
    if (t->snapshot != NULL)
        TRY(snapshot_begin(t->snapshot, &compares, err));
    if (compares) {
        t->way = WAY_SNAPSHOT;
        t->stage.is_partial = true;
        return 0;
    }
    if (can_go_direct(t->ctx))
        TRY(is_direct_possible(t, &is_plain, err));
    t->way = is_plain ? WAY_DIRECT : WAY_STAGE;
    return begin_copy(t, err);
}

static int begin(struct target *t, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    if (t->ctx->is_pulled) {
        TRY(beside_drop_leftover(&t->stage, err));
        TRY(pull_rows(&t->stage, &t->rows, err));
        return look_at_swap(t, err);
    }
    t->no_null = arena_array(t->ctx->arena, s->ncolumns + 1, sizeof *t->no_null);
    t->takes_binary = changes_nothing(s);
    for (size_t i = 0; i < s->ncolumns; i++)
        if (s->transforms.count == 0 && stage_is_key(s, s->columns[i].name))
            t->no_null[i] = MESSAGE("null in the key"); /* no transform will fill it */
    strbuf_init(&t->row, ROW_MAX_BYTES);
    if (t->ctx->dry_run)
        return look_at_swap(t, err);
    return choose_way(t, err);
}

/* Once it is known which: those cells have to be looked at. */
static void tell_reader(const struct target *t)
{
    for (size_t i = 0; t->no_null != NULL && i < t->ctx->stream->ncolumns; i++)
        if (t->no_null[i] != NULL)
            column_refuse_null(t->ctx->reader, i);
}

static int open_target(const struct stream_context *ctx, struct target **ret, struct error *err)
{
    const struct postgres_target_spec *spec = ctx->stream->target_spec;
    struct target *t = mem_alloc(sizeof *t);
    AUTO_STRBUF struct strbuf quoted = {0};
    t->ctx = ctx;
    t->stage = (struct stage_target){.ctx = ctx,
                                     .schema = spec->schema,
                                     .table = spec->table ? spec->table : ctx->stream->name,
                                     .staged = STAGE_TABLE,
                                     .sequence = "_seq"};
    strbuf_init(&quoted, 512);
    db_quote_qualified(&quoted, t->stage.schema, t->stage.table);
    t->stage.quoted = t->stage.shown = arena_strdup(ctx->arena, quoted.data);
    snprintf(t->description, sizeof t->description, "%s.%s", t->stage.schema, t->stage.table);
    int code = begin(t, err);
    if (code != 0) {
        close_target(t);
        return code;
    }
    tell_reader(t);
    *ret = t;
    return 0;
}

/* Rows that the server staged by itself; -1 when rows come one by one. */
int64_t target_postgres_staged(const struct stream_context *ctx, const struct target *t)
{
    return ctx->is_pulled ? t->rows : -1;
}

/* Whether the row's fields, as they came, are what its cells would be sent as. */
static bool is_binary(const struct target *t, const struct source_row *row)
{
    const struct stream_spec *s = t->ctx->stream;
    if (!t->takes_binary || row->binary.ptr == NULL)
        return false;
    for (size_t i = 0; i < s->ncolumns; i++)
        if (row->cells[i].form == CELL_NULL && (s->columns[i].required || t->no_null[i] != NULL))
            return false;
    return true;
}

/* Appends the fields of the row, each as length and bytes; stops at the first that is refused. */
static void encode_row(const struct target *t, const struct source_row *row, struct strbuf *out,
                       const char **ret_reason, int *ret_column)
{
    const struct stream_spec *s = t->ctx->stream;
    if (is_binary(t, row)) {
        strbuf_add(out, row->binary.ptr, row->binary.len);
        return;
    }
    for (size_t i = 0;; i++) {
        i = column_encode_plain(t->ctx->reader, row->cells, i, out);
        if (i == s->ncolumns)
            return;
        const size_t start = out->len;
        const char *reason = NULL;
        if (row->cells[i].form == CELL_NULL && s->columns[i].def == NULL &&
            (!s->columns[i].required || s->columns[i].is_computed))
            db_encode_null(out);
        else
            reason = column_encode(t->ctx->reader, i, &row->cells[i], out);
        if (reason == NULL && t->no_null[i] != NULL && db_is_encoded_null(out, start))
            reason = t->no_null[i];
        if (reason != NULL) {
            *ret_reason = reason;
            *ret_column = (int)i;
            return;
        }
    }
}

/* The engine has seen that it can be stored. */
static void encode_more(struct span more, struct strbuf *out)
{
    static const struct db_type jsonb = {.kind = DB_JSONB};
    if (more.len == 0 || db_encode(&jsonb, more, out) != NULL)
        db_encode_null(out);
}

/* What follows the fields of the stream. */
static void encode_own(struct target *t, const struct source_row *row, struct strbuf *out,
                       size_t start, uint8_t hash[ROWHASH_BYTES])
{
    if (t->snapshot != NULL) {
        snapshot_hash(t->snapshot, (struct span){out->data + start, out->len - start}, hash);
        db_encode_uuid(out, hash);
    }
    if (tells_run(t))
        db_encode_int8(out, t->ctx->run_id);
    if (is_staged(t) && stage_takes_undeclared(t->ctx->stream))
        encode_more(row->more, out);
    if (is_staged(t)) {
        stage_note_origin(&t->stage, row, t->rows);
        db_encode_int8(out, (int64_t)row->position);
        db_encode_int8(out, t->rows);
    }
}

/* A row that was encoded elsewhere; the stage is made for the first one. */
static int send_row(void *self, const void *hash, struct span row, struct error *err)
{
    struct target *t = self;
    (void)hash;
    if (t->copy == NULL)
        TRY(begin_copy(t, err));
    db_copy_row(t->copy);
    strbuf_add(db_copy_buffer(t->copy), row.ptr, row.len);
    t->sent++;
    return db_copy_keep(t->copy, err);
}

static int take_if_changed(struct target *t, const struct source_row *row, const char **ret_reason,
                           int *ret_column, struct error *err)
{
    uint8_t hash[ROWHASH_BYTES];
    strbuf_clear(&t->row);
    encode_row(t, row, &t->row, ret_reason, ret_column);
    if (*ret_reason != NULL)
        return 0;
    t->rows++;
    encode_own(t, row, &t->row, 0, hash);
    if (t->row.overflow)
        return error_set(err, ERR_LIMIT, "a row is larger than %zu MiB", ROW_MAX_BYTES >> 20);
    struct span fields = {t->row.data, t->row.len};
    return snapshot_offer(t->snapshot, hash, fields, send_row, t, err);
}

static int take_row(struct target *t, const struct source_row *row, const char **ret_reason,
                    int *ret_column, struct error *err)
{
    uint8_t hash[ROWHASH_BYTES];
    *ret_reason = NULL;
    if (t->way == WAY_SNAPSHOT)
        return take_if_changed(t, row, ret_reason, ret_column, err);
    struct db_copy *copy = t->beside != NULL ? beside_copy(t->beside) : t->copy;
    if (copy == NULL) { /* a dry run: validated, not sent */
        strbuf_clear(&t->row);
        encode_row(t, row, &t->row, ret_reason, ret_column);
        return 0;
    }
    struct strbuf *out = db_copy_buffer(copy);
    db_copy_row(copy);
    const size_t start = out->len;
    encode_row(t, row, out, ret_reason, ret_column);
    if (*ret_reason != NULL) {
        db_copy_drop(copy);
        return 0;
    }
    t->rows++;
    t->sent++;
    encode_own(t, row, out, start, hash);
    TRY(db_copy_keep(copy, err));
    return t->beside != NULL ? beside_next(t->beside, err) : 0;
}

/* A cursor is never taken back. Text order is time order here. */
static bool is_beyond(const struct incremental_spec *inc, const char *cursor, const char *stored)
{
    struct decimal a, b;
    if (inc->is_number && decimal_parse(cursor, strlen(cursor), &a) &&
        decimal_parse(stored, strlen(stored), &b))
        return decimal_compare(&a, &b) > 0;
    return strlen(stored) != strlen(cursor) || strcmp(stored, cursor) < 0;
}

static int save_cursor(const struct target *t, struct error *err)
{
    const char *cursor, *stored;
    const struct incremental_spec *inc = t->ctx->stream->incremental;
    /* Of windows the engine keeps the end. */
    if (inc == NULL || inc->window_ms > 0 || t->ctx->plan || t->ctx->backfill)
        return 0;
    TRY(stage_cursor(&t->stage, &cursor, err));
    TRY(state_get(t->ctx, "cursor", &stored, err));
    if (cursor == NULL || (stored != NULL && !is_beyond(inc, cursor, stored)))
        return 0;
    return state_set(t->ctx, "cursor", cursor, err);
}

static int end_copy(struct target *t, struct error *err)
{
    int64_t rows = 0;
    uint64_t taken = 0;
    struct db_copy *copy = t->copy;
    t->copy = NULL;
    if (t->beside != NULL)
        TRY(beside_finish(t->beside, &rows, err));
    else if (copy != NULL)
        TRY(db_copy_end(copy, &taken, err));
    rows += (int64_t)taken;
    return rows == t->sent
               ? 0
               : error_set(err, ERR_BUG, "sent %" PRId64 " rows, the server took %" PRId64, t->sent,
                           rows);
}

/* The rows that are staged are those whose hash the table did not have. */
static int finish_snapshot(struct target *t, struct stream_counts *counts, struct error *err)
{
    int64_t staged = 0;
    TRY(snapshot_settle(t->snapshot, send_row, t, err));
    TRY(end_copy(t, err));
    log_info("stream '%s': rows sent: %" PRId64 " of %" PRId64, t->ctx->stream->name, t->sent,
             t->rows);
    if (t->sent == 0 && !snapshot_is_unchanged(t->snapshot, 0))
        TRY(stage_create(&t->stage, err));
    TRY(db_begin(t->ctx->db, err));
    TRY(stage_ensure_target(&t->stage, err));
    if (snapshot_is_unchanged(t->snapshot, t->sent)) {
        snapshot_count(t->snapshot, counts);
        return snapshot_guard(t->snapshot, 0, err);
    }
    TRY(stage_transform(&t->stage, counts, err));
    TRY(stage_check(&t->stage, counts, err));
    TRY(stage_contract(&t->stage, counts, err));
    TRY(stage_supersede(&t->stage, counts, err));
    TRY(stage_count(&t->stage, t->stage.staged, &staged, err));
    TRY(snapshot_guard(t->snapshot, staged, err));
    TRY(snapshot_prepare(t->snapshot, err));
    TRY(snapshot_delete(t->snapshot, counts, err));
    TRY(stage_merge(&t->stage, counts, err));
    TRY(snapshot_finish(t->snapshot, staged, counts, err));
    snapshot_count(t->snapshot, counts);
    return 0;
}

static int finish_stage(struct target *t, struct stream_counts *counts, struct error *err)
{
    if (!db_in_transaction(t->ctx->db))
        TRY(db_begin(t->ctx->db, err));
    if (t->ctx->is_pulled)
        TRY(pull_refuse_nulls(&t->stage, counts, err));
    TRY(stage_reconcile(&t->stage, err));
    TRY(stage_take_undeclared(&t->stage, err));
    TRY(t->swap != NULL ? swap_make(t->swap, err) : stage_ensure_target(&t->stage, err));
    TRY(stage_transform(&t->stage, counts, err));
    TRY(stage_check(&t->stage, counts, err));
    TRY(stage_contract(&t->stage, counts, err));
    TRY(stage_fit_window(&t->stage, counts, err));
    TRY(stage_supersede(&t->stage, counts, err));
    if (t->ctx->watch != NULL && t->ctx->watch->staged != NULL)
        TRY(t->ctx->watch->staged(t->ctx->watch->self, t->ctx, t->stage.staged, counts, err));
    if (t->swap != NULL) {
        TRY(swap_fill(t->swap, counts, err));
        return swap_finish(t->swap, 0, counts, err);
    }
    TRY(stage_guard(&t->stage, err));
    TRY(save_cursor(t, err));
    if (t->snapshot != NULL)
        TRY(snapshot_verify(t->snapshot, err));
    TRY(stage_merge(&t->stage, counts, err));
    return t->snapshot != NULL ? snapshot_finish(t->snapshot, 0, counts, err) : 0;
}

static int finish_fresh(struct target *t, struct stream_counts *counts, struct error *err)
{
    if (t->beside != NULL) {
        TRY(db_begin(t->ctx->db, err));
        TRY(beside_adopt(t->beside, err));
    }
    TRY(fresh_finish(&t->stage, t->rows, counts, err));
    TRY(save_cursor(t, err));
    return t->snapshot != NULL ? snapshot_finish(t->snapshot, 0, counts, err) : 0;
}

static int finish_swap(struct target *t, struct stream_counts *counts, struct error *err)
{
    if (t->beside != NULL) {
        TRY(db_begin(t->ctx->db, err));
        TRY(beside_keep(t->beside, err));
    }
    TRY(stage_check(&t->stage, counts, err));
    return swap_finish(t->swap, t->rows, counts, err);
}

static int finish_target(struct target *t, struct stream_counts *counts, struct error *err)
{
    if (t->way == WAY_SNAPSHOT)
        return finish_snapshot(t, counts, err);
    TRY(end_copy(t, err));
    if (t->way == WAY_FRESH)
        return finish_fresh(t, counts, err);
    if (t->way == WAY_SWAP)
        return finish_swap(t, counts, err);
    if (t->way == WAY_STAGE)
        return finish_stage(t, counts, err);
    counts->inserted += t->rows;
    return 0;
}

static int close_rejects(struct target *t, struct error *err)
{
    return stage_close_rejects(&t->stage, err);
}

static int commit_target(struct target *t, struct stream_counts *counts, struct error *err)
{
    (void)t;
    (void)counts;
    (void)err;
    return 0;
}

static const char *describe_target(struct target *t)
{
    return t->description;
}

const struct target_ops target_postgres = {.name = "postgres",
                                           .marker = "connection",
                                           .fields = &postgres_set,
                                           .open = open_target,
                                           .row = take_row,
                                           .finish = finish_target,
                                           .close_rejects = close_rejects,
                                           .commit = commit_target,
                                           .close = close_target,
                                           .description = describe_target};
