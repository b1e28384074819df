#include "pipeline/target/beside.h"

#include "core/log.h"
#include "core/secret.h"
#include "pipeline/state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 16
#define NAME_MAX_BYTES  63
#define NAME_PREFIX     "_diner_load_"
#define STATE_NAME      "load_table" /* OID NAME-IN-SQL */

struct beside {
    const struct stage_target *t;
    const char *quoted;
    struct db_conn *connections[CONNECTIONS_MAX];
    struct db_copy *copies[CONNECTIONS_MAX];
    size_t count, current;
    bool is_made;
};

/* ---- the table -------------------------------------------------------------------------- */

static int forget(const struct stream_context *ctx, struct error *err)
{
    return db_execute(
        ctx->db,
        "delete from diner.state where pipeline = $1 and stream = $2 and child = $3 "
        "and name = '" STATE_NAME "'",
        DB_PARAMS(ctx->pipeline->name, ctx->stream->name, ctx->child != NULL ? ctx->child : ""),
        NULL, err);
}

int beside_drop_leftover(const struct stage_target *t, struct error *err)
{
    const struct stream_context *ctx = t->ctx;
    const char *left;
    AUTO_RESULT struct db_result *res = NULL;
    if (ctx->plan)
        return 0;
    TRY(state_get(ctx, STATE_NAME, &left, err));
    const char *space = left != NULL ? strchr(left, ' ') : NULL;
    if (space == NULL)
        return 0;
    const char *oid = arena_strndup(ctx->arena, left, (size_t)(space - left));
    TRY(db_query(ctx->db, "select to_regclass($1)::oid = $2::oid", DB_PARAMS(space + 1, oid), &res,
                 err));
    TRY(db_begin(ctx->db, err));
    if (db_result_bool(res, 0, 0)) {
        TRY(db_execute(ctx->db, arena_printf(ctx->arena, "drop table %s", space + 1), DB_NO_PARAMS,
                       NULL, err));
        log_info("stream '%s': table %s of a run that was cut short is dropped", ctx->stream->name,
                 space + 1);
    }
    TRY(forget(ctx, err));
    return db_commit(ctx->db, err);
}

static int make_table(struct beside *b, int (*make)(void *self, struct error *err), void *self,
                      struct error *err)
{
    const struct stream_context *ctx = b->t->ctx;
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_begin(ctx->db, err));
    TRY(make(self, err));
    TRY(db_query(ctx->db, "select to_regclass($1)::oid::text", DB_PARAMS(b->quoted), &res, err));
    const char *value = arena_printf(ctx->arena, "%s %s", db_result_text(res, 0, 0), b->quoted);
    TRY(state_set(ctx, STATE_NAME, value, err));
    TRY(db_commit(ctx->db, err));
    b->is_made = true;
    return 0;
}

/* ---- the connections -------------------------------------------------------------------- */

int beside_connect(struct beside *b, const char *const *columns, size_t ncolumns, struct error *err)
{
    const struct stream_context *ctx = b->t->ctx;
    const size_t n = (size_t)(ctx->jobs > CONNECTIONS_MAX ? CONNECTIONS_MAX : ctx->jobs);
    char *dsn;
    TRY(config_dsn(ctx->config, ctx->control_connection, &dsn, err));
    struct db_options options = {.dsn = dsn, .application_name = "diner load"};
    int code = 0;
    while (code == 0 && b->count < n) {
        code = db_open(&options, &b->connections[b->count], err);
        if (code == 0) {
            b->count++;
            code = db_copy_in(b->connections[b->count - 1], b->quoted, columns, ncolumns,
                              &b->copies[b->count - 1], err);
        }
        if (code == 0)
            db_copy_set_shared(b->copies[b->count - 1]);
    }
    secret_free(dsn);
    return code;
}

const char *beside_name(const struct stage_target *t)
{
    AUTO_STRBUF struct strbuf quoted = {0};
    if (strlen(NAME_PREFIX) + strlen(t->table) > NAME_MAX_BYTES)
        return NULL;
    strbuf_init(&quoted, 512);
    db_quote_qualified(&quoted, t->schema, arena_printf(t->ctx->arena, NAME_PREFIX "%s", t->table));
    return arena_strdup(t->ctx->arena, quoted.data);
}

int beside_open(const struct stage_target *t, const char *quoted,
                int (*make)(void *self, struct error *err), void *self, struct beside **ret,
                struct error *err)
{
    *ret = NULL;
    if (t->ctx->jobs < 2 || quoted == NULL)
        return 0;
    struct beside *b = mem_alloc(sizeof *b);
    b->t = t;
    b->quoted = quoted;
    int code = make_table(b, make, self, err);
    if (code != 0) {
        beside_close(b);
        return code;
    }
    *ret = b;
    return 0;
}

struct db_copy *beside_copy(struct beside *b)
{
    return b->copies[b->current];
}

int beside_next(struct beside *b, struct error *err)
{
    if (db_copy_buffer(b->copies[b->current])->len > 0)
        return 0; /* the piece is not full yet */
    return db_copy_choose(b->copies, b->count, &b->current, err);
}

int beside_finish(struct beside *b, int64_t *ret_rows, struct error *err)
{
    int64_t rows = 0;
    for (size_t i = 0; i < b->count; i++) {
        uint64_t taken = 0;
        struct db_copy *copy = b->copies[i];
        b->copies[i] = NULL;
        TRY(db_copy_end(copy, &taken, err));
        rows += (int64_t)taken;
    }
    *ret_rows = rows;
    return 0;
}

int beside_keep(struct beside *b, struct error *err)
{
    return forget(b->t->ctx, err);
}

int beside_adopt(struct beside *b, struct error *err)
{
    const struct stream_context *ctx = b->t->ctx;
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, 4096);
    strbuf_addf(&sql, "alter table %s rename to ", b->quoted);
    db_quote_identifier(&sql, b->t->table);
    TRY(db_execute(ctx->db, sql.data, DB_NO_PARAMS, NULL, err));
    return beside_keep(b, err);
}

void beside_close(struct beside *b)
{
    struct error ignored = ERROR_INIT;
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->count; i++) {
        db_copy_abort(b->copies[i]);
        db_close(b->connections[i]);
    }
    if (b->is_made && db_is_alive(b->t->ctx->db)) {
        /* Of a run that succeeded nothing stands in the state any more. */
        db_rollback(b->t->ctx->db);
        (void)beside_drop_leftover(b->t, &ignored);
    }
    free(b);
}
