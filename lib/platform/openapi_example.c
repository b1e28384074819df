/* lib/platform/openapi_example.c - a value for each schema. */
#include "platform/openapi.h"
#include <string.h>

#define DEPTH_MAX 12

/* What a member of that name holds, where the contract gives no example of its own. */
static const struct {
    const char *name, *value;
} known[] = {
    {"store", "S001"},
    {"code", "S001"},
    {"from_store", "S001"},
    {"to_store", "S002"},
    {"from", "S001"},
    {"to", "S002"},
    {"product", "P1001"},
    {"sku", "P1001"},
    {"product_name", "宫保鸡丁"},
    {"name", "宫保鸡丁"},
    {"category", "热菜"},
    {"unit", "份"},
    {"order_no", "S001-20261122-0000001"},
    {"payment_no", "S001-20261122-0000001-1"},
    {"refund_no", "R-0001"},
    {"member", "M00000042"},
    {"member_no", "M00000042"},
    {"username", "ann"},
    {"password", "correct horse battery"},
    {"refresh_token", "eyJhbGciOiJIUzI1NiJ9..."},
    {"access_token", "eyJhbGciOiJIUzI1NiJ9..."},
    {"campaign", "lunch"},
    {"coupon", "LUNCH-7Q2M"},
    {"cursor", "eyJpZCI6NDJ9"},
    {"next_cursor", "eyJpZCI6NDJ9"},
    {"phone", "13800138000"},
    {"reason", "guest left"},
    {"message", "Success"},
    {"trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"},
    {"ref", "app-20261122-1"},
    {"currency", "CNY"},
    {"cutoff", "04:00"},
    {"packs", "2"},
    {"channel", "local"},
    {"note", "PO-7"},
    {"campaign_name", "午市套餐"},
    {"payment_method", "wechat"},
    {"method", "wechat"},
    {"table_no", "A12"},
    {"member_ref", "crm:42"},
    {"cancel_reason", "guest left"},
    {"failure", "the channel did not answer"},
    {"redirected_from", "M00000043"},
    {"merged_into", "M00000042"},
    {"openid", "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"},
    {"unionid", "oZWa3v2Xk8R1"},
    {"appid", "wx1234567890abcdef"},
    {"of_ref", "app-20261121-7"},
    {"entered_unit", "箱"},
    {"pack_unit", "箱"},
    {"display_name", "安妮"},
    {"percent", "10.00"},
    {"amount", "58.00"},
    {"min_amount", "100.00"},
    {"max_discount", "20.00"},
    {"budget", "5000.00"},
    {"budget_left", "4980.00"},
    {"group", "lunch"},
    {"code_url", "weixin://wxpay/bizpayurl?pr=abc"},
    {"transaction_id", "4200001234202611220000000001"},
    {"user", "ann"},
    {"usage_per_day", "12.5"},
    {"order_qty", "24"},
    {"incoming", "12"},
    {"undo", "restore_stock"},
    {"tier", "silver"},
    {"level", "silver"},
    {"reason_code", "expired"},
    {"payment_status", "paid"},
    {"fulfilment_status", "waiting"},
    {"from_status", "pending"},
    {"state", "done"},
    {"about", "S001-20261122-0000001-1"},
    {"event_id", "evt-1"},
    {"number", "13800138000"},
    {"id", "42"},
    {"Idempotency-Key", "7f9c2ba4-e88f-427d-a8c5-0f0e7b0c6c11"},
};

/* Texts that a pattern asks for. */
static const struct {
    const char *pattern, *value;
} shaped[] = {
    {"^[0-9]+$", "42"},
    {"^[a-z]+:[a-z]+$", "orders:read"},
    {"^-?[0-9]+([.][0-9]{1,6})?$", "12.5"},
    {"^[A-Z]{3}$", "CNY"},
};

static const char *text_by_format(const struct ynode *schema)
{
    const char *format = ynode_text(schema, "format", "");
    const char *pattern = ynode_text(schema, "pattern", "");
    if (strcmp(format, "date-time") == 0)
        return "2026-11-22T04:00:00.000000Z";
    if (strcmp(format, "date") == 0)
        return "2026-11-22";
    for (size_t i = 0; i < sizeof shaped / sizeof *shaped; i++)
        if (strcmp(shaped[i].pattern, pattern) == 0)
            return shaped[i].value;
    return NULL;
}

static const char *text_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].value;
    return "text";
}

/* What the contract itself says, or NULL. */
static const char *declared(const struct ynode *schema)
{
    const struct ynode *choices = ynode_get(schema, "enum");
    const char *value = ynode_text(schema, "example", NULL);
    if (value == NULL)
        value = ynode_text(schema, "default", NULL);
    return value == NULL && choices != NULL && choices->count > 0 ? choices->items[0]->text : value;
}

static const char *scalar(const struct ynode *schema, const char *name)
{
    const char *type = ynode_text(schema, "type", "string");
    const char *value = declared(schema);
    if (value != NULL)
        return value;
    if (strcmp(type, "integer") == 0 || strcmp(type, "number") == 0)
        return ynode_text(schema, "minimum", "1");
    if (strcmp(type, "boolean") == 0)
        return "true";
    value = text_by_format(schema);
    return value != NULL ? value : text_by_name(name);
}

void openapi_example_text(const struct openapi *api, const struct ynode *schema, const char *name,
                          struct strbuf *out)
{
    const struct ynode *s = openapi_follow(api, schema);
    strbuf_adds(out, s != NULL ? scalar(s, name) : name);
}

static bool must_be_sent(const struct ynode *schema, const char *name)
{
    const struct ynode *required = ynode_get(schema, "required");
    for (size_t i = 0; required != NULL && i < required->count; i++)
        if (strcmp(required->items[i]->text, name) == 0)
            return true;
    return false;
}

static void write_object(const struct openapi *api, const struct ynode *schema, bool is_request,
                         struct jwriter *w)
{
    const struct ynode *members = ynode_get(schema, "properties");
    bool has_required = ynode_get(schema, "required") != NULL;
    jwriter_object(w);
    for (size_t i = 0; members != NULL && i < members->count; i++) {
        const char *name = members->keys[i]->text;
        /* Of a body in which nothing must be, the first will do. */
        if (is_request && !(has_required ? must_be_sent(schema, name) : i == 0))
            continue;
        jwriter_key(w, name);
        openapi_example(api, members->items[i], name, is_request, w);
    }
    jwriter_end(w);
}

static void write_scalar(const struct ynode *schema, const char *name, struct jwriter *w)
{
    const char *type = ynode_text(schema, "type", "string");
    const char *value = scalar(schema, name);
    if (strcmp(type, "string") == 0)
        jwriter_string(w, value);
    else
        jwriter_raw(w, span_of(value));
}

void openapi_example(const struct openapi *api, const struct ynode *schema, const char *name,
                     bool is_request, struct jwriter *w)
{
    const struct ynode *s = openapi_follow(api, schema);
    const struct ynode *variants = s != NULL ? ynode_get(s, "oneOf") : NULL;
    const char *type = s != NULL ? ynode_text(s, "type", "string") : "null";
    if (s == NULL || w->depth > DEPTH_MAX)
        jwriter_null(w);
    else if (variants != NULL && variants->count > 0)
        openapi_example(api, variants->items[0], name, is_request, w);
    else if (strcmp(type, "object") == 0)
        write_object(api, s, is_request, w);
    else if (strcmp(type, "array") == 0) {
        jwriter_array(w);
        openapi_example(api, ynode_get(s, "items"), name, is_request, w);
        jwriter_end(w);
    } else
        write_scalar(s, name, w);
}
