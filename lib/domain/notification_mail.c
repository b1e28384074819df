/* lib/domain/notification_mail.c - messages as e-mails; order.created is the order confirmation. */
#include "core/message.h"
#include "domain/notification_internal.h"
#include "format/jsonx.h"
#include <string.h>

/* notification_mail.c */
static const char *notification_mail_subject(struct arena *arena, const char *order_no)
{
    return arena_printf(arena, "订单确认 - %s", order_no);
}

/* ---- the text ------------------------------------------------------------------------------ */

static const char *member(const struct jsonx *object, const char *key)
{
    const char *text = jsonx_text(jsonx_get(object, key));
    return text != NULL ? text : "";
}

/* Names are people's input: in one line of ours they stay one line. */
static void add_line_text(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++)
        strbuf_addch(out, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
}

static void add_labelled(struct strbuf *out, const char *label, const char *text)
{
    if (text == NULL || *text == '\0')
        return;
    strbuf_addf(out, "%s：", label);
    add_line_text(out, text);
    strbuf_addch(out, '\n');
}

static const char *unit_of(const struct jsonx *order)
{
    const char *currency = member(order, "currency");
    return strcmp(currency, "CNY") == 0 || *currency == '\0' ? "元" : currency;
}

static void add_items(struct strbuf *out, const struct jsonx *order)
{
    const struct jsonx *items = jsonx_get(order, "items");
    for (size_t i = 0; i < jsonx_count(items); i++) {
        const struct jsonx *item = jsonx_at(items, i);
        strbuf_adds(out, "  ");
        add_line_text(out, member(item, "product_name"));
        strbuf_addf(out, " × %s    %s %s\n", member(item, "quantity"), member(item, "amount"),
                    unit_of(order));
    }
}

static bool is_zero(const char *amount)
{
    return strspn(amount, "0.-") == strlen(amount);
}

/* The template order_confirmation: plain text with lines and total. */
static int notification_mail_text(const struct notification_message *m, struct strbuf *out,
                                  struct error *err)
{
    struct jsonx *order;
    TRY(jsonx_parse(m->payload, strlen(m->payload), "payload", &order, err));
    strbuf_adds(out, "您好：\n\n您的订单已收到，感谢惠顾。\n\n");
    add_labelled(out, "订单号", m->key);
    add_labelled(out, "门店", m->store_name);
    add_labelled(out, "桌号", member(order, "table_no"));
    add_labelled(out, "下单时间", m->local_time);
    strbuf_addch(out, '\n');
    add_items(out, order);
    strbuf_addch(out, '\n');
    if (!is_zero(member(order, "discount_amount")))
        strbuf_addf(out, "优惠：%s %s\n", member(order, "discount_amount"), unit_of(order));
    strbuf_addf(out, "合计：%s %s\n\n本邮件由系统自动发送，请勿回复。\n",
                member(order, "total_amount"), unit_of(order));
    jsonx_free(order);
    return ERR_OK;
}

/* ---- on its way ---------------------------------------------------------------------------- */

static bool is_declared(const struct notification_options *o)
{
    return o->smtp.url != NULL;
}

static int open_mail(struct notification_way *w, struct arena *arena, struct error *err)
{
    const struct notification_options *o = w->options;
    if (o->from == NULL || o->to_count == 0) {
        error_set(err, ERR_CONFIG, "e-mail needs %s",
                  o->from == NULL ? message_text("a sender") : message_text("a recipient"));
        return error_hint(err, "set %s", o->from == NULL ? "notify.from" : "notify.to");
    }
    TRY(mime_address_parse(arena, o->from, &w->from, err));
    w->to = arena_alloc(arena, o->to_count * sizeof *w->to);
    for (size_t i = 0; i < o->to_count; i++)
        TRY(mime_address_parse(arena, o->to[i], &w->to[i], err));
    w->to_count = o->to_count;
    return smtp_new(&o->smtp, &w->smtp, err);
}

/* The first line of a template is the subject. */
static int templated(const struct notification_way *w, const struct notification_message *m,
                     struct arena *arena, const char **ret_subject, struct strbuf *text,
                     struct error *err)
{
    const char *template = notification_template(w->options->templates, m->type);
    TRY(notification_render(template, m, NOTIFICATION_PLAIN, text, err));
    size_t title = strcspn(text->data, "\n");
    *ret_subject = arena_strndup(arena, text->data, title);
    strbuf_addch(text, '\n');
    return ERR_OK;
}

static bool is_confirmation(const struct notification_way *w, const struct notification_message *m)
{
    const struct field_string_map *own = w->options->templates;
    for (size_t i = 0; own != NULL && i < own->count; i++)
        if (strcmp(own->keys[i], m->type) == 0)
            return false;
    return strcmp(m->type, "order.created") == 0;
}

static int words(const struct notification_way *w, const struct notification_message *m,
                 struct arena *arena, const char **ret_subject, struct strbuf *text,
                 struct error *err)
{
    if (!is_confirmation(w, m))
        return templated(w, m, arena, ret_subject, text, err);
    *ret_subject = notification_mail_subject(arena, m->key);
    return notification_mail_text(m, text, err);
}

static enum notification_outcome outcome_of(enum smtp_outcome outcome)
{
    return outcome == SMTP_ACCEPTED  ? NOTIFICATION_ACCEPTED
           : outcome == SMTP_LATER   ? NOTIFICATION_LATER
           : outcome == SMTP_REFUSED ? NOTIFICATION_REFUSED
                                     : NOTIFICATION_UNKNOWN;
}

static int mail_send(const struct notification_way *w, const struct notification_message *m,
                     struct arena *arena, enum notification_outcome *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0}, whole = {0};
    enum smtp_outcome outcome = SMTP_LATER;
    const char *subject;
    strbuf_init(&text, NOTIFICATION_BYTES_MAX);
    strbuf_init(&whole, 2 * NOTIFICATION_BYTES_MAX);
    *ret = NOTIFICATION_REFUSED;
    TRY(words(w, m, arena, &subject, &text, err));
    const struct mime_mail mail = {.from = w->from,
                                   .to = w->to,
                                   .to_count = w->to_count,
                                   .subject = subject,
                                   .text = text.data,
                                   .id = m->id,
                                   .date_s = m->created_s};
    mime_mail_add(&whole, &mail);
    if (text.overflow || whole.overflow)
        return error_set(err, ERR_LIMIT, "the message is too long for an e-mail");
    const char **to = arena_alloc(arena, w->to_count * sizeof *to);
    for (size_t i = 0; i < w->to_count; i++)
        to[i] = w->to[i].address;
    int code = smtp_send(w->smtp, w->from.address, to, w->to_count,
                         (struct span){whole.data, whole.len}, &outcome, err);
    *ret = outcome_of(outcome);
    return code;
}

static int mail_preview(const struct notification_way *w, const struct notification_message *m,
                        struct strbuf *out, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct arena *arena = arena_new();
    const char *subject;
    strbuf_init(&text, NOTIFICATION_BYTES_MAX);
    int code = words(w, m, arena, &subject, &text, err);
    if (code == ERR_OK)
        strbuf_addf(out, "Subject: %s\n\n%s", subject, text.data);
    arena_free(arena);
    return code;
}

const struct notification_ops notification_mail = {.whom = MESSAGE("the mail server"),
                                                   .is_declared = is_declared,
                                                   .open = open_mail,
                                                   .send = mail_send,
                                                   .preview = mail_preview};
