/* lib/domain/notification_text.c - templates, escaping, byte limits. */
#include "domain/notification_text.h"
#include "core/secret.h"
#include "format/encoding.h"
#include "format/jsonx.h"
#include "format/mask.h"
#include <ctype.h>
#include <string.h>

#define ELLIPSIS "…"

/* ---- our own texts ------------------------------------------------------------------------- */

#define ORDER_TAIL                                                                                 \
    "\n门店：{store_name}\n桌号：{table_no}\n时间：{local_time}\n{items}\n合计：{total_amount} 元"

static const struct {
    const char *type, *text;
} defaults[] = {
    {"order.created", "新订单 {key}" ORDER_TAIL},
    {"order.repriced", "订单已改价 {key}" ORDER_TAIL},
    {"order.paid", "订单已支付 {key}" ORDER_TAIL},
    {"order.accepted", "订单已接单 {key}" ORDER_TAIL},
    {"order.ready", "订单已备好 {key}" ORDER_TAIL},
    {"order.fulfilled", "订单已完成 {key}" ORDER_TAIL},
    {"order.cancelled", "订单已取消 {key}\n原因：{cancel_reason}" ORDER_TAIL},
    {"order.refunded", "订单已退款 {key}" ORDER_TAIL},
    {"run.failed",
     "任务失败：{key}\n运行：{run_id}\n结果：{result}\n错误：{error}\n数据库：{database}\n"
     "查看：{look}"},
    {"notify.test", "测试消息 {key}\n这是一条来自 diner 的测试消息，请忽略。"},
};

const char *notification_template(const struct field_string_map *templates, const char *type)
{
    for (size_t i = 0; templates != NULL && i < templates->count; i++)
        if (strcmp(templates->keys[i], type) == 0 && templates->values[i] != NULL)
            return templates->values[i];
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (strcmp(defaults[i].type, type) == 0)
            return defaults[i].text;
    return "{type} {key}\n门店：{store_name}\n时间：{local_time}";
}

/* ---- putting in ---------------------------------------------------------------------------- */

static const char *entity_of(char c)
{
    return c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : NULL;
}

static void add_char(char c, enum notification_escape escape, struct strbuf *out)
{
    if ((unsigned char)c < 0x20 || c == 0x7f)
        c = ' ';
    const char *entity = entity_of(c);
    if (escape == NOTIFICATION_WIDE && (c == '<' || c == '>'))
        strbuf_adds(out, c == '<' ? "＜" : "＞");
    else if ((escape == NOTIFICATION_MARKDOWN || escape == NOTIFICATION_HTML) && entity != NULL)
        strbuf_adds(out, entity);
    else {
        if (escape == NOTIFICATION_MARKDOWN && strchr("\\`*_[]()#~|", c) != NULL)
            strbuf_addch(out, '\\');
        strbuf_addch(out, c);
    }
}

static void add_value(const char *text, enum notification_escape escape, struct strbuf *out)
{
    for (; text != NULL && *text != '\0'; text++)
        add_char(*text, escape, out);
}

static void add_node(const struct jsonx *node, enum notification_escape escape, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf text = {0};
    enum jsonx_kind kind = jsonx_kind_of(node);
    if (kind == JSONX_STRING)
        add_value(jsonx_text(node), escape, out);
    if (kind != JSONX_INTEGER && kind != JSONX_REAL && kind != JSONX_BOOL)
        return;
    strbuf_init(&text, 0);
    jsonx_dump(node, &text);
    add_value(text.data, escape, out);
}

static void add_items(const struct jsonx *items, enum notification_escape escape,
                      struct strbuf *out)
{
    for (size_t i = 0; i < jsonx_count(items); i++) {
        const struct jsonx *item = jsonx_at(items, i);
        strbuf_adds(out, i > 0 ? "\n- " : "- ");
        add_node(jsonx_get(item, "product_name"), escape, out);
        strbuf_adds(out, " × ");
        add_node(jsonx_get(item, "quantity"), escape, out);
        strbuf_addch(out, ' ');
        add_node(jsonx_get(item, "amount"), escape, out);
    }
}

struct rendering {
    const struct notification_message *m;
    const struct jsonx *payload;
    enum notification_escape escape;
};

static void add_named(const struct rendering *r, const char *name, struct strbuf *out)
{
    const struct {
        const char *name, *value;
    } ours[] = {{"key", r->m->key},
                {"type", r->m->type},
                {"id", r->m->id},
                {"store_name", r->m->store_name},
                {"local_time", r->m->local_time},
                {"created_at", r->m->created_at}};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(ours[i].name, name) == 0) {
            add_value(ours[i].value, r->escape, out);
            return;
        }
    if (strcmp(name, "items") == 0)
        add_items(jsonx_get(r->payload, name), r->escape, out);
    else
        add_node(jsonx_get(r->payload, name), r->escape, out);
}

/* The length of "{name}" at the beginning of text, its name in `name`; 0: there is none. */
static size_t name_at(struct span text, char name[64])
{
    size_t n = 1;
    while (n < text.len && n < 63 && (isalnum((unsigned char)text.ptr[n]) || text.ptr[n] == '_'))
        n++;
    if (n == 1 || n >= text.len || text.ptr[n] != '}')
        return 0;
    memcpy(name, text.ptr + 1, n - 1);
    name[n - 1] = '\0';
    return n + 1;
}

/* False when the line has names and all of them are empty. */
static bool render_line(const struct rendering *r, struct span line, struct strbuf *out)
{
    bool has_name = false, has_value = false;
    char name[64];
    for (size_t i = 0; i < line.len;) {
        size_t n =
            line.ptr[i] == '{' ? name_at((struct span){line.ptr + i, line.len - i}, name) : 0;
        size_t before = out->len;
        if (n > 0) {
            add_named(r, name, out);
            has_name = true;
            has_value = has_value || out->len > before;
        } else
            strbuf_addch(out, line.ptr[i]);
        i += n > 0 ? n : 1;
    }
    return !has_name || has_value;
}

int notification_render(const char *text, const struct notification_message *m,
                        enum notification_escape escape, struct strbuf *out, struct error *err)
{
    struct jsonx *payload;
    TRY(jsonx_parse(m->payload, strlen(m->payload), "payload", &payload, err));
    const struct rendering r = {m, payload, escape};
    bool is_first = true;
    while (*text != '\0') {
        struct span line = {text, strcspn(text, "\n")};
        size_t before = out->len;
        if (!is_first)
            strbuf_addch(out, '\n');
        if (render_line(&r, line, out))
            is_first = false;
        else
            strbuf_truncate(out, before);
        text += line.len + (text[line.len] == '\n');
    }
    jsonx_free(payload);
    return ERR_OK;
}

/* ---- limits -------------------------------------------------------------------------------- */

/* Less an entity without its end, or a backslash whose character is gone. */
static size_t whole_escapes(const char *text, size_t n)
{
    for (size_t i = n; i > 0 && n - i < 6; i--) {
        if (text[i - 1] == ';')
            break;
        if (text[i - 1] == '&')
            return i - 1;
    }
    size_t slashes = 0;
    while (slashes < n && text[n - 1 - slashes] == '\\')
        slashes++;
    return n - slashes % 2;
}

void notification_text_cut(struct strbuf *text, size_t max_bytes)
{
    size_t tail = strlen(ELLIPSIS);
    if (text->len <= max_bytes)
        return;
    if (max_bytes < tail) {
        strbuf_truncate(text, 0);
        return;
    }
    strbuf_truncate(text,
                    whole_escapes(text->data, utf8_cut(text->data, text->len, max_bytes - tail)));
    strbuf_adds(text, ELLIPSIS);
}

/* ---- texts about failures ------------------------------------------------------------------ */

static bool is_address_char(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("@._+-", c) != NULL);
}

/* A word with @ is an address; one of seven digits and more could be a phone or a card. */
static void add_scrubbed(struct span word, struct strbuf *out)
{
    size_t digits = 0, run = 0;
    for (size_t i = 0; i < word.len; i++) {
        run = isdigit((unsigned char)word.ptr[i]) ? run + 1 : 0;
        digits = run > digits ? run : digits;
    }
    if (memchr(word.ptr, '@', word.len) != NULL)
        mask_text(MASK_EMAIL, word, out);
    else if (digits >= 7)
        mask_text(MASK_CN_PHONE, word, out);
    else
        strbuf_add(out, word.ptr, word.len);
}

void notification_scrub(const char *text, struct strbuf *out)
{
    while (*text != '\0') {
        size_t n = 0;
        while (is_address_char(text[n]))
            n++;
        if (n > 0)
            add_scrubbed((struct span){text, n}, out);
        else
            strbuf_addch(out, text[n++]);
        text += n;
    }
    secret_redact(out);
}
