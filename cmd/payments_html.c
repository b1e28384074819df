/* The page of a reconciliation for who keeps the books: in Chinese, self-contained, to be printed.
 */
#include "cmd/payments.h"
#include "core/clock.h"
#include "core/datetime.h"
#include "core/fileio.h"

#include <inttypes.h>
#include <string.h>

#define FLUSH_BYTES ((size_t)64 << 10)
#define ROWS_MAX    5000 /* of one state: nobody prints more */

struct page {
    struct atomic_file *file;
    struct strbuf text;
    const struct zone *zone;
    int64_t rows;
};

static int flush(struct page *p, size_t when, struct error *err)
{
    if (p->text.len < when)
        return 0;
    int code = atomic_file_write(p->file, p->text.data, p->text.len, err);
    strbuf_clear(&p->text);
    return code;
}

static void add_escaped(struct strbuf *out, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        const char *entity = *text == '&'   ? "&amp;"
                             : *text == '<' ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '"' ? "&quot;"
                                            : NULL;
        if (entity != NULL)
            strbuf_adds(out, entity);
        else
            strbuf_addch(out, *text);
    }
}

static void add_cell(struct page *p, const char *class, const char *text)
{
    strbuf_addf(&p->text, "<td%s%s>", class[0] != '\0' ? " class=" : "", class);
    add_escaped(&p->text, text);
    strbuf_adds(&p->text, "</td>");
}

static const char *kind_name(const char *kind)
{
    return strcmp(kind, "refund") == 0 ? "退款" : "收款";
}

static const char *channel_name(const char *channel)
{
    return strcmp(channel, "wechat") == 0 ? "微信支付" : "支付宝";
}

/* "2026-11-21 13:02:54" as the shop's clock had it; "" when there is none. */
static void local_time(const struct page *p, const char *text, char ret[DATETIME_ISO_MAX])
{
    struct datetime t;
    ret[0] = '\0';
    if (text == NULL || !datetime_parse_iso(text, strlen(text), &t))
        return;
    datetime_print(t.us, p->zone, ret);
    ret[10] = ' ';
    ret[19] = '\0';
}

/* ---- the sums --------------------------------------------------------------------------- */

static int add_total(void *self, const struct reconcile_total *t, struct error *err)
{
    struct page *p = self;
    char rows[24];
    const struct difference of = {.class = t->class, .kind = t->kind};
    strbuf_adds(&p->text, t->class == NULL ? "<tr class=sum>" : "<tr>");
    add_cell(p, "", channel_name(t->channel));
    add_cell(p, "", kind_name(t->kind));
    add_cell(p, "", t->class == NULL ? "合计" : difference_label(&of));
    add_cell(p, "code", t->class == NULL ? "" : t->class);
    snprintf(rows, sizeof rows, "%" PRId64, t->channel_rows);
    add_cell(p, "n", rows);
    add_cell(p, "n", t->channel_amount);
    snprintf(rows, sizeof rows, "%" PRId64, t->local_rows);
    add_cell(p, "n", rows);
    add_cell(p, "n", t->local_amount);
    add_cell(p, "n", t->amount_diff);
    add_cell(p, "n", t->fee);
    strbuf_adds(&p->text, "</tr>\n");
    p->rows++;
    return flush(p, FLUSH_BYTES, err);
}

static int add_totals(struct page *p, struct domain_context *ctx,
                      const struct difference_filter *filter, struct error *err)
{
    p->rows = 0;
    strbuf_adds(
        &p->text,
        "<h2>汇总</h2>\n<table><thead><tr><th>渠道<th>类型<th>分类<th>代码"
        "<th>渠道笔数<th>渠道金额<th>我方笔数<th>我方金额<th>差额<th>渠道手续费</tr></thead>"
        "<tbody>\n");
    TRY(reconcile_total_each(ctx, filter, true, add_total, p, err));
    strbuf_adds(&p->text, "</tbody></table>\n");
    if (p->rows == 0)
        strbuf_adds(&p->text, "<p>所选日期没有对账记录。</p>\n");
    return 0;
}

/* ---- the rows --------------------------------------------------------------------------- */

static void add_places(struct page *p, const struct difference *d)
{
    char channel_at[DATETIME_ISO_MAX], local_at[DATETIME_ISO_MAX], age[24];
    local_time(p, d->channel_at, channel_at);
    local_time(p, d->local_at, local_at);
    snprintf(age, sizeof age, "%" PRId64, d->age_days);
    add_cell(p, "", d->store);
    add_cell(p, "code", d->order_no);
    add_cell(p, "code", d->channel_no);
    add_cell(p, "t", channel_at);
    add_cell(p, "t", local_at);
    add_cell(p, "n", age);
    strbuf_adds(&p->text, "<td>");
    add_escaped(&p->text, d->note != NULL ? d->note : difference_advice(d->action));
    if (d->other_date != NULL) {
        strbuf_adds(&p->text, " 另见 ");
        add_escaped(&p->text, d->other_date);
    }
    strbuf_adds(&p->text, "</td>");
}

static const char difference_head[] =
    "<table><thead><tr><th>编号<th>账单日<th>渠道<th>类型<th>单号<th>分类<th>渠道金额<th>我方金额"
    "<th>差额<th>门店<th>订单号<th>渠道单号<th>渠道时间<th>我方时间<th>账龄(天)<th>建议处理 / 备注"
    "</tr></thead><tbody>\n";

static int add_difference(void *self, const struct difference *d, struct error *err)
{
    struct page *p = self;
    if (p->rows++ >= ROWS_MAX)
        return 0;
    if (p->rows == 1)
        strbuf_adds(&p->text, difference_head);
    bool is_minus = d->amount_diff != NULL && d->amount_diff[0] == '-';
    strbuf_adds(&p->text, "<tr>");
    add_cell(p, "n", d->id);
    add_cell(p, "t", d->bill_date);
    add_cell(p, "t", channel_name(d->channel));
    add_cell(p, "t", kind_name(d->kind));
    add_cell(p, "code", d->number);
    add_cell(p, "", difference_label(d));
    add_cell(p, "n", d->channel_amount);
    add_cell(p, "n", d->local_amount);
    add_cell(p, is_minus ? "minus" : "n", d->amount_diff);
    add_places(p, d);
    strbuf_adds(&p->text, "</tr>\n");
    return flush(p, FLUSH_BYTES, err);
}

static int add_state(struct page *p, struct domain_context *ctx,
                     const struct difference_filter *filter, const char *state, const char *title,
                     struct error *err)
{
    struct difference_filter of = *filter;
    of.state = state;
    p->rows = 0;
    strbuf_addf(&p->text, "<h2 class=%s>%s</h2>\n", state, title);
    TRY(difference_each(ctx, &of, add_difference, p, err));
    strbuf_adds(&p->text, p->rows > 0 ? "</tbody></table>\n" : "<p>无。</p>\n");
    if (p->rows > ROWS_MAX)
        strbuf_addf(&p->text, "<p>共 %" PRId64 " 行，此处列出前 %d 行，其余请导出 CSV。</p>\n",
                    p->rows, ROWS_MAX);
    return 0;
}

/* ---- the page --------------------------------------------------------------------------- */

static const char head[] =
    "<!DOCTYPE html>\n<html lang=zh-CN><head><meta charset=utf-8>\n"
    "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
    "<title>支付渠道对账单</title>\n<style>\n"
    "@page{size:A4 landscape;margin:12mm}\n"
    "body{font:13px/1.5 'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif;color:#222;"
    "margin:24px auto;max-width:1500px;padding:0 16px}\n"
    "h1{font-size:22px;margin:0 0 4px}h2{font-size:15px;margin:22px 0 6px;padding-left:8px;"
    "border-left:4px solid #888;break-after:avoid}\n"
    "h2.open{border-color:#c0392b}h2.pending{border-color:#d68910}h2.closed,h2.handled{"
    "border-color:#27864a}\n"
    ".meta{color:#555;margin:0}\n"
    "table{border-collapse:collapse;width:100%}thead{display:table-header-group}"
    "tr{break-inside:avoid}\n"
    "th,td{border:1px solid #ccc;padding:3px 6px;text-align:left;vertical-align:top}"
    "th{background:#f2f2f2;font-weight:600}\n"
    "td.n,td.minus{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "td.minus{color:#c0392b}td:last-child{min-width:9em}"
    "td.code{font-family:monospace;font-size:12px;overflow-wrap:anywhere;min-width:9.4em}\n"
    "tr.sum td{font-weight:600;background:#fafafa}\n"
    ".sign{margin-top:32px;display:flex;gap:64px}.sign span{border-bottom:1px solid #222;"
    "display:inline-block;width:140px}\n"
    "@media print{body{margin:0;max-width:none;font-size:10px}td.code{font-size:9px}}\n"
    "</style></head><body>\n<h1>支付渠道对账单</h1>\n";

static const char notes[] =
    "<h2>口径</h2>\n<p>渠道金额取自渠道账单（收款为订单金额，退款为申请退款金额）；我方金额为该日"
    "（北京时间）到账的收款与渠道受理的退款，含多收款。长款指渠道多于我方，短款指渠道少于我方。"
    "账单中的退款状态为出账时的状态，不改变我方状态。金额单位：元。</p>\n"
    "<div class=sign><div>制表：<span></span></div><div>复核：<span></span></div>"
    "<div>日期：<span></span></div></div>\n</body></html>\n";

static void add_meta(struct page *p, const struct difference_filter *filter)
{
    char now[DATETIME_ISO_MAX], text[DATETIME_ISO_MAX];
    datetime_print(clock_wall_us(), NULL, now);
    local_time(p, now, text);
    strbuf_addf(&p->text, "<p class=meta>渠道：%s　账单日：%s 至 %s　生成时间：%s</p>\n",
                filter->channel != NULL ? channel_name(filter->channel) : "全部",
                filter->from != NULL ? filter->from : "最早",
                filter->to != NULL ? filter->to : "最近", text);
}

static int write_page(struct page *p, struct domain_context *ctx,
                      const struct difference_filter *filter, struct error *err)
{
    static const char *const states[][2] = {{"open", "未处理差异"},
                                            {"pending", "待对账（等待后续账单）"},
                                            {"closed", "跨日已对"},
                                            {"handled", "已处理"}};
    TRY(zone_load("Asia/Shanghai", &p->zone, err));
    strbuf_adds(&p->text, head);
    add_meta(p, filter);
    TRY(add_totals(p, ctx, filter, err));
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (filter->state == NULL || strcmp(filter->state, states[i][0]) == 0)
            TRY(add_state(p, ctx, filter, states[i][0], states[i][1], err));
    strbuf_adds(&p->text, notes);
    return flush(p, 0, err);
}

int reconcile_html_write(struct domain_context *ctx, const struct difference_filter *filter,
                         const char *path, struct error *err)
{
    struct page p = {0};
    TRY(atomic_file_open(path, &p.file, err));
    strbuf_init(&p.text, 0);
    int code = write_page(&p, ctx, filter, err);
    strbuf_release(&p.text);
    if (code == 0)
        return atomic_file_commit(p.file, err);
    atomic_file_discard(p.file);
    return code;
}
