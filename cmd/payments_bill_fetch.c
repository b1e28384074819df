/* diner payments bill fetch: a channel's bill of a day, into a file that is there whole or not. */
#include "cmd/payments_bill.h"
#include "core/clock.h"
#include "core/datetime.h"
#include "core/fileio.h"
#include "core/secret.h"
#include "format/archive.h"
#include "net/bill_fetch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEY_MAX    ((size_t)64 << 10)
#define COPY_BYTES ((size_t)64 << 10)
#define IDLE_MS    60000 /* a channel may think for long before a bill comes */

static const char *const types[] = {"ALL",   "SUCCESS",   "REFUND", "RECHARGE_REFUND",
                                    "BASIC", "OPERATION", "FEES",   NULL};
enum { TYPE_FIRST_OF_FLOWS = 4 };

static const char *const channels[] = {"all", "wechat", "alipay", NULL};
enum { CHANNEL_ALL, CHANNEL_FIRST };

struct fetch_args {
    int channel, layout, type;
    const char *date, *month, *out_file;
};
#define FETCH(member) offsetof(struct fetch_args, member)
static const struct field fetch_fields[] = {
    {"channel", FIELD_CHOICE, FETCH(channel),
     "whose bill; all: of each that has a merchant number in the settings", .arg = "CHANNEL",
     .def = "all", .choices = channels},
    {"date", FIELD_STRING, FETCH(date), "of which day: yesterday, 'N days ago' or a date",
     .short_name = 'd', .arg = "DAY", .def = "yesterday"},
    {"month", FIELD_STRING, FETCH(month),
     "of which month instead, YYYY-MM: Alipay, from the 4th of "
     "the next",
     .arg = "MONTH"},
    {"layout", FIELD_CHOICE, FETCH(layout),
     "trade: payments and refunds; flow: all that changed the balance (WeChat's fund flow, "
     "Alipay's "
     "account bill)",
     .arg = "LAYOUT", .def = "trade", .choices = bill_layouts},
    {"type", FIELD_CHOICE, FETCH(type),
     "WeChat, of trades ALL, SUCCESS, REFUND, RECHARGE_REFUND (v2), of flows BASIC, OPERATION, "
     "FEES; default: the first",
     .arg = "TYPE", .choices = types},
    {"out-file", FIELD_STRING, FETCH(out_file),
     "where it goes; default: CHANNEL_LAYOUT_TYPE_DAY.csv (Alipay: .zip) in output_dir",
     .arg = "FILE", .complete = "file"},
    {0}};
static const struct field_set fetch_set = {.name = "payments bill fetch",
                                           .struct_size = sizeof(struct fetch_args),
                                           .fields = fetch_fields};

/* ---- the merchant ----------------------------------------------------------------------- */

/* Its secrets, wiped at the end. */
struct keys {
    char *key, *private_key;
    struct strbuf public_key, certificate;
};

static void keys_release(struct keys *k)
{
    secret_free(k->key);
    secret_free(k->private_key);
    strbuf_release(&k->public_key);
    strbuf_release(&k->certificate);
}

/* What is shown to the channel's host itself. */
static int certificate_read(const struct bill_merchant *m, struct keys *k, struct error *err)
{
    strbuf_init(&k->certificate, KEY_MAX);
    TRY(file_read(m->certificate, KEY_MAX, &k->certificate, err));
    if (strstr(k->certificate.data, "-----BEGIN CERTIFICATE-----") == NULL) {
        error_set(err, ERR_CONFIG, "'%s' is no certificate in PEM", m->certificate);
        return error_hint(err, "it is the apiclient_cert.pem of the merchant platform");
    }
    if (strstr(k->private_key, "-----BEGIN ") != NULL)
        return 0;
    error_set(err, ERR_CONFIG, "payments.wechat_private_key is no key in PEM");
    return error_hint(err, "it is the apiclient_key.pem of the merchant platform");
}

/* Only those that the interface in use needs. */
static int keys_read(const struct settings *s, const struct bill_merchant *m,
                     const struct bill_order *o, struct keys *k, struct error *err)
{
    bool is_wechat = m->channel == BILL_WECHAT, is_v2 = is_wechat && m->api == BILL_API_V2;
    const char *private_key =
        is_wechat ? s->payments_wechat_private_key : s->payments_alipay_private_key;
    const char *public_key =
        is_wechat ? s->payments_wechat_public_key : s->payments_alipay_public_key;
    strbuf_init(&k->public_key, KEY_MAX);
    if (is_v2)
        TRY(secret_resolve(s->payments_wechat_key, &k->key, err));
    if (is_v2 && !bill_wants_certificate(m, o))
        return 0;
    TRY(secret_resolve(private_key, &k->private_key, err));
    if (is_v2)
        return certificate_read(m, k, err);
    return public_key == NULL || *public_key == '\0'
               ? 0
               : file_read(public_key, KEY_MAX, &k->public_key, err);
}

static struct bill_merchant merchant_of(const struct settings *s, enum bill_channel channel)
{
    bool is_wechat = channel == BILL_WECHAT;
    return (struct bill_merchant){
        .channel = channel,
        .url = is_wechat ? s->payments_wechat_url : s->payments_alipay_url,
        .api = (enum bill_api)s->payments_wechat_api,
        .sign_type = (enum bill_sign_type)s->payments_wechat_sign_type,
        .mch_id = s->payments_wechat_mch_id,
        .app_id = is_wechat ? s->payments_wechat_app_id : s->payments_alipay_app_id,
        .serial_no = s->payments_wechat_serial_no,
        .certificate = s->payments_wechat_certificate,
        .key = s->payments_wechat_key,
        .private_key = is_wechat ? s->payments_wechat_private_key : s->payments_alipay_private_key,
        .timeout_ms = s->payments_bill_timeout_ms,
        .max_bytes = (uint64_t)s->payments_bill_max_bytes};
}

bool bill_is_configured(const struct cli *cli, enum bill_channel channel)
{
    const struct settings *s = config_settings(cli->config);
    const char *number =
        channel == BILL_WECHAT ? s->payments_wechat_mch_id : s->payments_alipay_app_id;
    return number != NULL && *number != '\0';
}

int bill_none_configured(struct error *err)
{
    error_set(err, ERR_CONFIG, "there is no channel to fetch bills from");
    return error_hint(err, "set payments.wechat_mch_id or payments.alipay_app_id");
}

/* ---- the order -------------------------------------------------------------------------- */

/* A bill is of civil days in China; that of today is not made yet. */
static int china_days(struct bizday *ret, struct error *err)
{
    *ret = (struct bizday){0};
    return zone_load("Asia/Shanghai", &ret->zone, err);
}

static int day_of(const char *text, int32_t *ret, struct error *err)
{
    struct bizday days;
    int64_t now_us = clock_wall_us();
    TRY(china_days(&days, err));
    if (bizday_parse(&days, text, now_us, ret, err) != 0) {
        err->code = ERR_USAGE;
        return error_context(err, "--date");
    }
    if (*ret <= bizday_last_closed(&days, now_us))
        return 0;
    error_set(err, ERR_USAGE, "--date: the bill of a day is made on the next");
    return error_hint(err, "yesterday is the last; it is there from about 10:00");
}

static int month_of(const char *text, struct bill_order *o, struct error *err)
{
    struct bizday days;
    struct datetime first;
    char date[11];
    TRY(china_days(&days, err));
    snprintf(date, sizeof date, "%.7s-01", text);
    if (strlen(text) != 7 || !datetime_parse_iso(date, 10, &first) || first.has_time)
        return error_set(err, ERR_USAGE, "--month '%s' is no month: 2026-10", text);
    o->is_month = true;
    o->day = (int32_t)(first.us / (INT64_C(86400) * 1000000));
    if (bill_order_last_day(o) <= bizday_last_closed(&days, clock_wall_us()))
        return 0;
    error_set(err, ERR_USAGE, "--month: the bill of a month is made in the next");
    return error_hint(err, "it is there from the 4th; until then --date gives those of its days");
}

static int order_of(struct cli *cli, const struct fetch_args *args, struct bill_order *ret,
                    struct error *err)
{
    bool is_flow = args->layout == BILL_FLOW;
    bool is_given = cli_option_given(cli, "type");
    int type = is_given ? args->type : is_flow ? TYPE_FIRST_OF_FLOWS : 0;
    if (is_given && args->channel == BILL_ALIPAY)
        return error_set(err, ERR_USAGE, "--type is of WeChat's bills: Alipay's have none");
    if ((type >= TYPE_FIRST_OF_FLOWS) != is_flow)
        return error_set(err, ERR_USAGE, "--type %s is none of --layout %s", types[type],
                         bill_layouts[args->layout]);
    *ret = (struct bill_order){.layout = (enum bill_layout)args->layout, .type = types[type]};
    return args->month != NULL ? month_of(args->month, ret, err)
                               : day_of(args->date, &ret->day, err);
}

const char *bill_path(struct cli *cli, enum bill_channel channel, const struct bill_order *o)
{
    bool is_wechat = channel == BILL_WECHAT;
    return arena_printf(cli->arena, "%s/%s_%s%s%s_%s.%s", config_settings(cli->config)->output_dir,
                        bill_channels[channel], bill_layouts[o->layout], is_wechat ? "_" : "",
                        is_wechat ? o->type : "", bill_order_period(cli->arena, o, ""),
                        is_wechat ? "csv" : "zip");
}

static const char *path_of(struct cli *cli, const struct fetch_args *args,
                           const struct bill_order *o)
{
    return args->out_file != NULL ? args->out_file
                                  : bill_path(cli, (enum bill_channel)args->channel, o);
}

/* ---- the file --------------------------------------------------------------------------- */

static int copy(struct byte_source *source, struct atomic_file *f, struct error *err)
{
    AUTOFREE char *bytes = mem_alloc(COPY_BYTES);
    for (size_t n = 1; n > 0;) {
        TRY(source->read(source, bytes, COPY_BYTES, &n, err));
        TRY(atomic_file_write(f, bytes, n, err));
    }
    return 0;
}

/* WeChat packs its bill for the way only; Alipay's zip is the bill. Takes fd over. */
static int write_file(int fd, const char *path, struct error *err)
{
    char magic[ARCHIVE_MAGIC_BYTES];
    struct byte_source *source = NULL;
    struct atomic_file *f;
    ssize_t n = pread(fd, magic, sizeof magic, 0);
    enum archive_kind kind = archive_kind_of(magic, n > 0 ? (size_t)n : 0);
    TRY(archive_open(fd, "the bill", kind == ARCHIVE_ZIP ? ARCHIVE_NONE : kind, SPAN(""), &source,
                     err));
    int code = atomic_file_open(path, &f, err);
    if (code == 0) {
        code = copy(source, f, err);
        if (code == 0)
            code = atomic_file_commit(f, err);
        else
            atomic_file_discard(f);
    }
    source->close(source);
    return code;
}

/* Word that there is no bill takes the place of none that is there. */
static int keep_older(const char *path, const struct bill_info *i, struct error *err)
{
    struct bill *older = NULL;
    struct error ignored = ERROR_INIT;
    if (!i->is_empty_day || bill_open(path, &older, &ignored) != 0)
        return 0;
    bool has_rows = !bill_info(older)->is_empty_day;
    bill_close(older);
    if (!has_rows)
        return 0;
    error_set(err, ERR_CONFLICT, "the channel says that there is no bill, and '%s' is one", path);
    return error_hint(err, "it was left as it is; channels keep bills for some months only");
}

/* ---- fetching --------------------------------------------------------------------------- */

static const struct table_column columns[] = {{"channel", TABLE_TEXT},
                                              {"layout", TABLE_TEXT},
                                              {"variant", TABLE_TEXT},
                                              {"date", TABLE_TEXT},
                                              {"outcome", TABLE_TEXT},
                                              {"file", TABLE_TEXT},
                                              {"rows", TABLE_INT},
                                              {"payments", TABLE_INT},
                                              {"payment_amount", TABLE_MONEY},
                                              {"refunds", TABLE_INT},
                                              {"refund_amount", TABLE_MONEY},
                                              {"fee", TABLE_DECIMAL},
                                              {"incomes", TABLE_INT},
                                              {"income_amount", TABLE_MONEY},
                                              {"expenses", TABLE_INT},
                                              {"expense_amount", TABLE_MONEY},
                                              {"sha256", TABLE_TEXT},
                                              {NULL, TABLE_TEXT}};

/* A row for programs; for people its members, one bill after the other. */
static int report(struct cli *cli, struct table *rows, const struct bill_order *o,
                  const struct bill_info *i, const char *path, struct error *err)
{
    struct arena *a = cli->arena;
    const struct bill_totals *t = &i->totals;
    bool trade = o->layout == BILL_TRADE, flow = !trade;
    const char *const values[] = {bill_channels[i->channel],
                                  bill_layouts[o->layout],
                                  i->variant,
                                  bill_order_period(a, o, "-"),
                                  i->is_empty_day ? "no_bill" : "fetched",
                                  path,
                                  bill_count_text(a, t->rows),
                                  trade ? bill_count_text(a, t->payments) : NULL,
                                  trade ? bill_fen_text(a, t->payment_fen) : NULL,
                                  trade ? bill_count_text(a, t->refunds) : NULL,
                                  trade ? bill_fen_text(a, t->refund_fen) : NULL,
                                  trade ? bill_fee_text(a, t->fee_e5) : NULL,
                                  flow ? bill_count_text(a, t->incomes) : NULL,
                                  flow ? bill_fen_text(a, t->income_fen) : NULL,
                                  flow ? bill_count_text(a, t->expenses) : NULL,
                                  flow ? bill_fen_text(a, t->expense_fen) : NULL,
                                  i->sha256};
    if (rows != NULL)
        table_row(rows, values);
    else
        TRY(bill_print_one(cli, columns, values, err));
    if (i->is_empty_day)
        cli_summary(cli,
                    "no bill: the channel says that nothing was traded on %s; %s holds its "
                    "answer",
                    bill_order_period(a, o, "-"), path);
    else
        cli_summary(cli, "the bill of %s is in %s: %s rows, as its own totals",
                    bill_order_period(a, o, "-"), path, bill_count_text(a, t->rows));
    return 0;
}

static int take(struct cli *cli, struct table *rows, const struct bill_order *o,
                struct bill_fetched *f, const char *path, struct error *err)
{
    const struct bill_info *info = bill_info(f->bill);
    int code = keep_older(path, info, err);
    if (code != 0)
        close(f->fd);
    else
        code = write_file(f->fd, path, err);
    if (code == 0)
        code = report(cli, rows, o, info, path, err);
    bill_close(f->bill);
    return code;
}

static int client_of(const struct settings *s, const struct keys *k, struct http_client **ret,
                     struct error *err)
{
    bool has_certificate = k->certificate.len > 0;
    struct span certificate = {has_certificate ? k->certificate.data : NULL, k->certificate.len};
    const struct http_options options = {.connect_timeout_ms = s->http_connect_timeout_ms,
                                         .timeout_ms = s->http_timeout_ms,
                                         .idle_timeout_ms = IDLE_MS,
                                         .body_max_bytes = (size_t)s->http_body_max_bytes,
                                         .ca_file = s->payments_ca_file,
                                         .client_certificate = certificate,
                                         .client_key = span_of(k->private_key),
                                         .retry = {.max_attempts = 1 + s->retry_max,
                                                   .base_ms = s->retry_base_ms,
                                                   .cap_ms = s->retry_cap_ms,
                                                   .budget_ms = s->retry_budget_ms}};
    return http_client_new(&options, ret, err);
}

static int fetch_by(struct cli *cli, struct table *rows, struct bill_merchant *m,
                    const struct bill_order *o, const char *path, struct error *err)
{
    struct keys keys = {0};
    struct http_client *http = NULL;
    struct bill_fetched fetched;
    const struct settings *s = config_settings(cli->config);
    int code = keys_read(s, m, o, &keys, err);
    m->key = keys.key;
    m->private_key = keys.private_key;
    m->public_key = keys.public_key.len > 0 ? keys.public_key.data : NULL;
    if (code == 0)
        code = client_of(s, &keys, &http, err);
    if (code == 0)
        code = bill_fetch(http, m, o, &fetched, err);
    http_client_free(http);
    keys_release(&keys);
    return code == 0 ? take(cli, rows, o, &fetched, path, err) : code;
}

static int dry(struct cli *cli, const struct bill_merchant *m, const struct bill_order *o,
               const char *path, struct error *err)
{
    struct bill_preview p;
    TRY(bill_fetch_preview(m, o, cli->arena, &p, err));
    fprintf(cli->out, "%s %s\n", p.method, p.url);
    if (p.body[0] != '\0')
        fprintf(cli->out, "\n%s\n", p.body);
    cli_summary(cli, "dry run: nothing was sent; the bill would go to %s", path);
    return 0;
}

/* args->channel is one. */
static int fetch_one(struct cli *cli, const struct fetch_args *args, struct table *rows,
                     struct error *err)
{
    struct bill_merchant m =
        merchant_of(config_settings(cli->config), (enum bill_channel)args->channel);
    struct bill_order o = {0};
    TRY(order_of(cli, args, &o, err));
    TRY(bill_order_check(&m, &o, err));
    const char *path = path_of(cli, args, &o);
    return cli->dry_run ? dry(cli, &m, &o, path, err) : fetch_by(cli, rows, &m, &o, path, err);
}

/* One that fails does not keep the next from being fetched; all of it is told, as the worst. */
static int fetch_each(struct cli *cli, const struct fetch_args *args, struct table *rows,
                      struct error *err)
{
    struct error all = ERROR_INIT;
    size_t n = 0;
    for (int channel = BILL_WECHAT; channel <= BILL_ALIPAY; channel++) {
        struct fetch_args one = *args;
        struct error failed = ERROR_INIT;
        one.channel = channel;
        if (!bill_is_configured(cli, (enum bill_channel)channel))
            continue;
        n++;
        if (fetch_one(cli, &one, rows, &failed) == 0)
            continue;
        error_context(&failed, "%s", bill_channels[channel]);
        error_fold(&all, &failed);
    }
    if (n == 0)
        return bill_none_configured(err);
    if (all.code != 0)
        *err = all;
    return (int)all.code;
}

static int args_check(struct cli *cli, const struct fetch_args *args, struct error *err)
{
    if (args->channel == CHANNEL_ALL && (args->out_file != NULL || cli_option_given(cli, "type")))
        return error_set(err, ERR_USAGE, "--out-file and --type are of one bill: say --channel");
    if (args->month != NULL && (args->channel == CHANNEL_ALL || cli_option_given(cli, "date")))
        return error_set(err, ERR_USAGE, "--month is of --channel alipay, and goes without --date");
    if (args->out_file != NULL && strcmp(args->out_file, "-") == 0)
        return error_set(err, ERR_USAGE,
                         "--out-file: a bill goes into a file, whole or not at all");
    return 0;
}

static int fetch(struct cli *cli, const void *bound, struct error *err)
{
    struct fetch_args args = *(const struct fetch_args *)bound;
    struct error ignored = ERROR_INIT;
    const bool is_all = args.channel == CHANNEL_ALL;
    const bool has_rows = cli->output != CLI_OUTPUT_TABLE && !cli->dry_run;
    TRY(args_check(cli, &args, err));
    struct table *rows = has_rows ? table_new(cli, columns) : NULL;
    args.channel -= CHANNEL_FIRST;
    int code = is_all ? fetch_each(cli, &args, rows, err) : fetch_one(cli, &args, rows, err);
    int printed = rows != NULL ? table_end(rows, "", code == 0 ? err : &ignored) : 0;
    return code != 0 ? code : printed;
}

const struct command command_payments_bill_fetch = {
    .name = "fetch",
    .summary = "fetch the bill of a day from WeChat Pay or Alipay",
    .description =
        "Merchant numbers and keys come from the settings payments.wechat_* and payments.alipay_*. "
        "The bill is fetched whole, its hash and the channel's signature are verified where the "
        "channel gives them, and it is read to its end: of another day, cut, or not adding up to "
        "its own totals, nothing is written. The file appears whole or not at all, under the same "
        "name each time; WeChat's is unpacked.\n\n"
        "A day without trades has no bill: exit status 0, outcome no_bill, and the file holds what "
        "the channel said, which `bill show` and `reconcile` take for an empty bill. A bill that "
        "is still being made: exit status 5, and nothing is written. One channel that fails does "
        "not keep another's bill from being fetched.",
    .args = &fetch_set,
    .run = fetch,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner payments bill fetch", "yesterday's, of all channels, after 10:00"},
        {"diner payments bill fetch --channel alipay --date 2026-11-21 --out-file bill.zip",
         "of a day"},
        {"diner payments bill fetch --channel wechat --layout flow --dry-run",
         "what would be asked for"},
        {0}}};
