/* lib/domain/reconcile.c - a bill against our books. */
#include "domain/reconcile.h"
#include "core/datetime.h"
#include "db/copy.h"
#include "format/jsonx.h"
#include "gen/embed.h"
#include <stdlib.h>

struct reconcile {
    struct domain_context *ctx;
    struct reconcile_rules rules;
    struct db_copy *copy;
    struct strbuf files; /* names, as members of a JSON array */
    const char *file;
    int32_t file_count;
    struct bill_totals given;
    bool has_flows;
};

#define FILES_BYTES_MAX ((size_t)1 << 20)

static const char *const bill_columns[] = {"file",       "line",       "kind",       "number",
                                           "payment_no", "channel_no", "fen",        "settled_fen",
                                           "fee_e5",     "state",      "state_text", "at"};

/* ---- the bill ----------------------------------------------------------------------------- */

static int take_turn(struct domain_context *ctx, const char *channel, struct error *err)
{
    int64_t is_ours = 0;
    TRY(db_query_int(ctx->conn, sql_reconcile_lock, DB_PARAMS(channel), &is_ours, err));
    if (is_ours == 1)
        return ERR_OK;
    error_set(err, ERR_RUNNING, "bills of '%s' are being reconciled already", channel);
    return error_hint(err, "wait for the other one to end, then start again");
}

int reconcile_begin(struct domain_context *ctx, const struct reconcile_rules *rules,
                    struct reconcile **ret, struct error *err)
{
    struct db_copy *copy = NULL;
    TRY(take_turn(ctx, rules->channel, err));
    TRY(db_script(ctx->conn, sql_reconcile_stage, err));
    TRY(db_copy_in(ctx->conn, "pg_temp.reconcile_bill", bill_columns,
                   sizeof bill_columns / sizeof *bill_columns, &copy, err));
    struct reconcile *r = mem_alloc(sizeof *r);
    *r = (struct reconcile){.ctx = ctx, .rules = *rules, .copy = copy};
    strbuf_init(&r->files, FILES_BYTES_MAX);
    *ret = r;
    return ERR_OK;
}

static void reconcile_free(struct reconcile *r)
{
    strbuf_release(&r->files);
    free(r);
}

void reconcile_abort(struct reconcile *r)
{
    if (r == NULL)
        return;
    if (r->copy != NULL)
        db_copy_abort(r->copy);
    reconcile_free(r);
}

static void begin_file(struct reconcile *r, const char *file)
{
    AUTO_STRBUF struct strbuf name = {0};
    struct jwriter w;
    strbuf_init(&name, 0);
    jwriter_init(&w, &name);
    jwriter_string(&w, file);
    strbuf_addf(&r->files, "%s%s", r->file_count > 0 ? "," : "", name.data);
    r->file = file;
    r->file_count++;
}

static void put_text(struct strbuf *out, struct span text)
{
    text.len > 0 ? db_encode_text(out, text) : db_encode_null(out);
}

/* A payment goes by our number, where the bill has it; a refund by its own. */
static struct span number_of(const struct bill_row *row)
{
    if (row->kind == BILL_REFUND)
        return row->refund_no;
    return row->merchant_no.len > 0 ? row->merchant_no : row->channel_no;
}

static void count_row(struct bill_totals *t, const struct bill_row *row)
{
    t->rows++;
    t->payment_fen += row->kind == BILL_PAYMENT ? row->amount_fen : 0;
    t->refund_fen += row->kind == BILL_REFUND ? row->amount_fen : 0;
}

/* Of flows those that a payment comes to: itself, and its fee. */
static bool is_of_sale(const struct bill_row *row)
{
    return span_equal(row->trade_type, SPAN("交易")) ||
           span_equal(row->trade_type, SPAN("扣除交易手续费"));
}

static bool is_flow(const struct bill_row *row)
{
    return row->kind == BILL_INCOME || row->kind == BILL_EXPENSE;
}

static void put_row(struct reconcile *r, const struct bill_row *row)
{
    struct strbuf *out = db_copy_buffer(r->copy);
    db_encode_int4(out, r->file_count - 1);
    db_encode_int8(out, (int64_t)row->line);
    db_encode_text(out, is_flow(row) ? SPAN("flow") : span_of(bill_kinds[row->kind]));
    put_text(out, is_flow(row) ? row->channel_no : number_of(row));
    put_text(out, row->kind == BILL_REFUND ? row->merchant_no : SPAN(""));
    put_text(out, row->channel_no);
    db_encode_int8(out, row->kind == BILL_EXPENSE ? -row->amount_fen : row->amount_fen);
    db_encode_int8(out, row->settled_fen);
    db_encode_int8(out, row->fee_e5);
    db_encode_text(out, span_of(bill_states[row->state]));
    put_text(out, row->state_text);
    db_encode_timestamp(out, row->time_us);
}

int reconcile_add(struct reconcile *r, const char *file, const struct bill_row *row,
                  struct error *err)
{
    if (is_flow(row)) {
        r->has_flows = true;
        if (!is_of_sale(row))
            return ERR_OK;
    } else {
        count_row(&r->given, row);
    }
    if (r->file == NULL || strcmp(r->file, file) != 0)
        begin_file(r, file);
    db_copy_row(r->copy);
    put_row(r, row);
    return db_copy_keep(r->copy, err);
}

/* ---- comparing ---------------------------------------------------------------------------- */

/* Seldom any: then nothing has to be put in order. */
static int count_repeats(struct domain_context *ctx, struct error *err)
{
    int64_t twice = 0;
    TRY(db_execute(ctx->conn, sql_reconcile_twice, DB_NO_PARAMS, &twice, err));
    return twice > 0 ? db_execute(ctx->conn, sql_reconcile_repeat, DB_NO_PARAMS, NULL, err)
                     : ERR_OK;
}

static int pair(struct reconcile *r, const char *day, struct error *err)
{
    const struct reconcile_rules *rules = &r->rules;
    struct domain_context *ctx = r->ctx;
    const char *tolerance = domain_int(ctx, rules->fee_tolerance_e5);
    TRY(db_execute(ctx->conn, "ANALYZE pg_temp.reconcile_bill", DB_NO_PARAMS, NULL, err));
    TRY(db_execute(ctx->conn, sql_reconcile_number, DB_PARAMS(day), NULL, err));
    TRY(count_repeats(ctx, err));
    TRY(db_execute(ctx->conn, sql_reconcile_pair,
                   DB_PARAMS(rules->channel, day, rules->with_recorded ? "true" : "false",
                             rules->fee_ppm > 0 ? domain_int(ctx, rules->fee_ppm) : NULL,
                             tolerance),
                   NULL, err));
    TRY(db_execute(ctx->conn, "ANALYZE pg_temp.reconcile_pair", DB_NO_PARAMS, NULL, err));
    TRY(db_execute(ctx->conn, sql_reconcile_find, DB_PARAMS(rules->channel, day, tolerance), NULL,
                   err));
    TRY(db_execute(ctx->conn, "ANALYZE pg_temp.reconcile_found", DB_NO_PARAMS, NULL, err));
    TRY(db_execute(ctx->conn, sql_reconcile_tell, DB_NO_PARAMS, NULL, err));
    return r->has_flows ? db_execute(ctx->conn, sql_reconcile_flow, DB_PARAMS(tolerance), NULL, err)
                        : ERR_OK;
}

static int keep(struct reconcile *r, const char *day, const char *hash, const char **ret_id,
                struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    struct domain_context *ctx = r->ctx;
    const char *channel = r->rules.channel;
    TRY(db_execute(ctx->conn, sql_reconcile_supersede, DB_PARAMS(channel, day, hash), NULL, err));
    TRY(db_query(ctx->conn, sql_reconcile_record, DB_PARAMS(channel, day, hash), &row, err));
    const char *id = *ret_id = arena_strdup(ctx->arena, db_result_text(row, 0, 0));
    TRY(db_execute(ctx->conn, sql_reconcile_keep,
                   DB_PARAMS(id, arena_printf(ctx->arena, "[%s]", r->files.data)), NULL, err));
    TRY(db_execute(ctx->conn, sql_reconcile_forget, DB_PARAMS(id), NULL, err));
    return db_execute(ctx->conn, sql_reconcile_total, DB_PARAMS(id), NULL, err);
}

/* Every row of the bill has come into one class, and its whole amount. */
static int check_sums(struct reconcile *r, const char *id, struct reconcile_counts *ret,
                      struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    const struct bill_totals *given = &r->given;
    TRY(db_query(r->ctx->conn, sql_reconcile_sums, DB_PARAMS(id), &row, err));
    if (db_result_int(row, 0, 0) != (int64_t)given->rows ||
        db_result_int(row, 0, 1) != given->payment_fen ||
        db_result_int(row, 0, 2) != given->refund_fen)
        return error_set(err, ERR_BUG, "the classes do not add up to the bill of '%s'",
                         r->rules.channel);
    *ret = (struct reconcile_counts){.channel_rows = db_result_int(row, 0, 0),
                                     .matched = db_result_int(row, 0, 3),
                                     .local_rows = db_result_int(row, 0, 4),
                                     .difference_count = db_result_int(row, 0, 5)};
    return ERR_OK;
}

static int compare(struct reconcile *r, int32_t day, const char *hash, struct reconcile_counts *ret,
                   struct error *err)
{
    char date[11];
    const char *id;
    date_print(day, date);
    TRY(pair(r, date, err));
    TRY(keep(r, date, hash, &id, err));
    TRY(check_sums(r, id, ret, err));
    return db_script(r->ctx->conn, sql_reconcile_unstage, err);
}

int reconcile_end(struct reconcile *r, int32_t day, const char *hash, struct reconcile_counts *ret,
                  struct error *err)
{
    struct db_copy *copy = r->copy;
    r->copy = NULL;
    int status = db_copy_end(copy, NULL, err);
    if (status == ERR_OK)
        status = compare(r, day, hash, ret, err);
    reconcile_free(r);
    return status;
}
