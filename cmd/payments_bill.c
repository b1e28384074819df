/* diner payments bill: the group and show. */
#include "cmd/payments_bill.h"
#include "cmd/commands.h"
#include "core/datetime.h"
#include "format/mask.h"

#include <inttypes.h>
#include <string.h>

#define COLUMNS_MAX 32

/* ---- texts ------------------------------------------------------------------------------ */

const char *bill_fee_text(struct arena *arena, int64_t e5)
{
    char *text = arena_alloc(arena, DECIMAL_TEXT_MAX);
    bill_amount_text(e5, text);
    return text;
}

const char *bill_fen_text(struct arena *arena, int64_t fen)
{
    return bill_fee_text(arena, fen * BILL_FEE_PER_FEN);
}

/* "2026-11-21" */
static const char *bill_day_text(struct arena *arena, int32_t days)
{
    char *text = arena_alloc(arena, 11);
    date_print(days, text);
    return text;
}

const char *bill_count_text(struct arena *arena, uint64_t n)
{
    return arena_printf(arena, "%" PRIu64, n);
}

int bill_print_one(struct cli *cli, const struct table_column *columns, const char *const *values,
                   struct error *err)
{
    static const struct table_column pairs[] = {
        {"field", TABLE_TEXT}, {"value", TABLE_TEXT}, {NULL, TABLE_TEXT}};
    bool is_table = cli->output == CLI_OUTPUT_TABLE;
    struct table *t = table_new(cli, is_table ? pairs : columns);
    if (!is_table)
        table_row(t, values);
    for (size_t i = 0; is_table && columns[i].key != NULL; i++) {
        if (values[i] != NULL && values[i][0] != '\0')
            table_row(t, (const char *[]){columns[i].key, values[i]});
    }
    return table_end(t, "", err);
}

/* ---- show ------------------------------------------------------------------------------- */

struct show_args {
    const char *file;
    bool summary, raw;
};
#define SHOW(member) offsetof(struct show_args, member)
static const struct field show_fields[] = {
    {"file", FIELD_STRING, SHOW(file), "the bill, packed or not; - for standard input",
     .arg = "FILE", .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "file"},
    {"summary", FIELD_BOOL, SHOW(summary), "what it is and its totals, instead of its rows"},
    {"raw", FIELD_BOOL, SHOW(raw), "payers as the channel names them: not masked"},
    {0}};
static const struct field_set show_set = {
    .name = "payments bill show", .struct_size = sizeof(struct show_args), .fields = show_fields};

static const struct table_column trade_columns[] = {
    {"line", TABLE_INT},         {"kind", TABLE_TEXT},
    {"time", TABLE_TIME},        {"merchant_no", TABLE_TEXT},
    {"channel_no", TABLE_TEXT},  {"refund_no", TABLE_TEXT},
    {"amount", TABLE_MONEY},     {"settled", TABLE_MONEY},
    {"fee", TABLE_DECIMAL},      {"state", TABLE_TEXT},
    {"type", TABLE_TEXT, true},  {"channel_refund_no", TABLE_TEXT, true},
    {"shop", TABLE_TEXT, true},  {"device", TABLE_TEXT, true},
    {"payer", TABLE_TEXT, true}, {"product", TABLE_TEXT},
    {"note", TABLE_TEXT, true},  {NULL, TABLE_TEXT}};
static const struct table_column flow_columns[] = {
    {"line", TABLE_INT},     {"kind", TABLE_TEXT},        {"time", TABLE_TIME},
    {"flow_no", TABLE_TEXT}, {"merchant_no", TABLE_TEXT}, {"channel_no", TABLE_TEXT},
    {"amount", TABLE_MONEY}, {"balance", TABLE_MONEY},    {"type", TABLE_TEXT},
    {"product", TABLE_TEXT}, {"payer", TABLE_TEXT, true}, {"note", TABLE_TEXT, true},
    {NULL, TABLE_TEXT}};

static const struct table_column summary_columns[] = {{"channel", TABLE_TEXT},
                                                      {"layout", TABLE_TEXT},
                                                      {"variant", TABLE_TEXT},
                                                      {"account", TABLE_TEXT},
                                                      {"first_day", TABLE_TEXT},
                                                      {"last_day", TABLE_TEXT},
                                                      {"no_bill", TABLE_BOOL},
                                                      {"rows", TABLE_INT},
                                                      {"payments", TABLE_INT},
                                                      {"payment_amount", TABLE_MONEY},
                                                      {"payment_settled", TABLE_MONEY},
                                                      {"refunds", TABLE_INT},
                                                      {"refund_amount", TABLE_MONEY},
                                                      {"refund_settled", TABLE_MONEY},
                                                      {"negative_refunds", TABLE_INT},
                                                      {"fee", TABLE_DECIMAL},
                                                      {"incomes", TABLE_INT},
                                                      {"income_amount", TABLE_MONEY},
                                                      {"expenses", TABLE_INT},
                                                      {"expense_amount", TABLE_MONEY},
                                                      {"opening", TABLE_MONEY},
                                                      {"closing", TABLE_MONEY},
                                                      {"balance_breaks", TABLE_INT},
                                                      {"encoding", TABLE_TEXT},
                                                      {"unknown_columns", TABLE_TEXT},
                                                      {"sha256", TABLE_TEXT},
                                                      {NULL, TABLE_TEXT}};

/* Nothing of what the other layout has. */
static int summary_print(struct cli *cli, const struct bill_info *i, struct error *err)
{
    const struct bill_totals *t = &i->totals;
    bool trade = i->layout == BILL_TRADE && !i->is_empty_day;
    bool flow = i->layout == BILL_FLOW && !i->is_empty_day;
#define IF(condition, text) ((condition) ? (text) : NULL)
    const char *const values[] = {bill_channels[i->channel],
                                  IF(!i->is_empty_day, bill_layouts[i->layout]),
                                  i->variant,
                                  IF(i->account[0] != '\0', i->account),
                                  IF(i->has_dates, bill_day_text(cli->arena, i->first_day)),
                                  IF(i->has_dates, bill_day_text(cli->arena, i->last_day)),
                                  i->is_empty_day ? "true" : "false",
                                  bill_count_text(cli->arena, t->rows),
                                  IF(trade, bill_count_text(cli->arena, t->payments)),
                                  IF(trade, bill_fen_text(cli->arena, t->payment_fen)),
                                  IF(trade, bill_fen_text(cli->arena, t->payment_settled_fen)),
                                  IF(trade, bill_count_text(cli->arena, t->refunds)),
                                  IF(trade, bill_fen_text(cli->arena, t->refund_fen)),
                                  IF(trade, bill_fen_text(cli->arena, t->refund_settled_fen)),
                                  IF(trade, bill_count_text(cli->arena, i->negative_refunds)),
                                  IF(trade, bill_fee_text(cli->arena, t->fee_e5)),
                                  IF(flow, bill_count_text(cli->arena, t->incomes)),
                                  IF(flow, bill_fen_text(cli->arena, t->income_fen)),
                                  IF(flow, bill_count_text(cli->arena, t->expenses)),
                                  IF(flow, bill_fen_text(cli->arena, t->expense_fen)),
                                  IF(i->has_balances, bill_fen_text(cli->arena, i->opening_fen)),
                                  IF(i->has_balances, bill_fen_text(cli->arena, i->closing_fen)),
                                  IF(flow, bill_count_text(cli->arena, i->balance_breaks)),
                                  i->encoding,
                                  IF(i->unknown_columns[0] != '\0', i->unknown_columns),
                                  i->sha256};
#undef IF
    return bill_print_one(cli, summary_columns, values, err);
}

/* A bill being shown: its rows' texts live until the next row. */
struct showing {
    struct cli *cli;
    struct arena *row;
    bool raw;
};

static const char *text_of(const struct showing *s, struct span text)
{
    return text.len > 0 ? arena_strndup(s->row, text.ptr, text.len) : NULL;
}

static const char *payer_of(const struct showing *s, struct span payer)
{
    AUTO_STRBUF struct strbuf masked = {0};
    if (payer.len == 0 || s->raw)
        return text_of(s, payer);
    strbuf_init(&masked, 4096);
    mask_text(MASK_ALL, payer, &masked);
    return arena_strdup(s->row, masked.data);
}

static const char *time_of(const struct showing *s, int64_t us)
{
    char *text = arena_alloc(s->row, DATETIME_ISO_MAX);
    datetime_print(us, NULL, text);
    return text;
}

static void trade_row(struct showing *s, struct table *t, const struct bill_row *r)
{
    table_row(t, (const char *[]){
                     bill_count_text(s->row, r->line), bill_kinds[r->kind], time_of(s, r->time_us),
                     text_of(s, r->merchant_no), text_of(s, r->channel_no),
                     text_of(s, r->refund_no), bill_fen_text(s->row, r->amount_fen),
                     bill_fen_text(s->row, r->settled_fen), bill_fee_text(s->row, r->fee_e5),
                     bill_states[r->state], text_of(s, r->trade_type),
                     text_of(s, r->channel_refund_no), text_of(s, r->shop), text_of(s, r->device),
                     payer_of(s, r->payer), text_of(s, r->product), text_of(s, r->note)});
}

static void flow_row(struct showing *s, struct table *t, const struct bill_row *r)
{
    table_row(t, (const char *[]){
                     bill_count_text(s->row, r->line), bill_kinds[r->kind], time_of(s, r->time_us),
                     text_of(s, r->flow_no), text_of(s, r->merchant_no), text_of(s, r->channel_no),
                     bill_fen_text(s->row, r->amount_fen), bill_fen_text(s->row, r->balance_fen),
                     text_of(s, r->trade_type), text_of(s, r->product), payer_of(s, r->payer),
                     text_of(s, r->note)});
}

static int rows_print(struct showing *s, struct bill *b, struct error *err)
{
    bool is_flow = bill_info(b)->layout == BILL_FLOW;
    struct table *t = table_new(s->cli, is_flow ? flow_columns : trade_columns);
    struct error ignored = ERROR_INIT;
    struct bill_row row;
    int code = 0;
    for (bool end = false; code == 0 && !end;) {
        code = bill_next(b, &row, &end, err);
        if (code != 0 || end)
            break;
        (is_flow ? flow_row : trade_row)(s, t, &row);
        arena_clear(s->row);
    }
    int printed = table_end(t, "no rows", code == 0 ? err : &ignored);
    return code != 0 ? code : printed;
}

static int rows_read(struct bill *b, struct error *err)
{
    struct bill_row row;
    bool end = false;
    while (!end)
        TRY(bill_next(b, &row, &end, err));
    return 0;
}

/* What a person should know of it beside the rows. */
static void tell(struct cli *cli, const struct bill_info *i)
{
    const struct bill_totals *t = &i->totals;
    if (i->is_empty_day)
        cli_summary(cli, "the channel says that there is no bill: a day without trades");
    else if (i->layout == BILL_FLOW)
        cli_summary(cli,
                    "%" PRIu64 " rows: %" PRIu64 " incomes %s, %" PRIu64 " expenses %s; as "
                    "the file's own totals",
                    t->rows, t->incomes, bill_fen_text(cli->arena, t->income_fen), t->expenses,
                    bill_fen_text(cli->arena, t->expense_fen));
    else
        cli_summary(cli,
                    "%" PRIu64 " rows: %" PRIu64 " payments %s, %" PRIu64 " refunds %s, fee "
                    "%s; as the file's own totals",
                    t->rows, t->payments, bill_fen_text(cli->arena, t->payment_fen), t->refunds,
                    bill_fen_text(cli->arena, t->refund_fen), bill_fee_text(cli->arena, t->fee_e5));
    if (i->unknown_columns[0] != '\0')
        cli_summary(cli, "columns that are new and not read: %s", i->unknown_columns);
    if (i->balance_breaks > 0)
        cli_summary(cli, "%" PRIu64 " times the balance does not continue", i->balance_breaks);
}

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct show_args *args = bound;
    struct showing s = {.cli = cli, .row = arena_new(), .raw = args->raw};
    struct bill *b = NULL;
    int code = bill_open(args->file, &b, err);
    if (code == 0 && args->summary)
        code = rows_read(b, err);
    else if (code == 0)
        code = rows_print(&s, b, err);
    if (code == 0 && args->summary)
        code = summary_print(cli, bill_info(b), err);
    if (code == 0)
        tell(cli, bill_info(b));
    bill_close(b);
    arena_free(s.row);
    return code;
}

/* ---- the group -------------------------------------------------------------------------- */

static const struct command command_show = {
    .name = "show",
    .summary = "print the rows of a bill, or its totals, and check that they add up",
    .description =
        "Reads what WeChat Pay and Alipay give as bills: trade bills of all types and ages, the "
        "fund flow, the account bill; plain, gzip, or Alipay's zip of two files. Which it is, is "
        "told by its content. Amounts of refunds are positive, the kind says what they are; a fee "
        "is what the channel keeps, negative where it gives back.\n\n"
        "Rows are printed as they are read; the exit status says whether they add up to the file's "
        "own totals: 1 when a row cannot be read or a total differs, with file and line. Payers "
        "are masked unless --raw.",
    .args = &show_set,
    .run = show,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner payments bill show wechat_trade_ALL_20261121.csv --summary", "what is in it?"},
        {"diner payments bill show alipay_trade_20261121.zip -o csv", "its rows, for a program"},
        {0}}};
static const struct command *const children[] = {&command_payments_bill_fetch, &command_show, NULL};
const struct command command_payments_bill = {
    .name = "bill", .summary = "bills of the payment channels", .children = children};
