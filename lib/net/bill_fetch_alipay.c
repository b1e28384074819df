/* Alipay: alipay.data.dataservice.bill.downloadurl.query says where the zip lies, for 30 seconds.
 */
#include "core/clock.h"
#include "core/datetime.h"
#include "format/jpull.h"
#include "net/bill_fetch_internal.h"
#include "net/url.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PARAMS 8

struct param {
    const char *name, *value;
};

static int now_text(struct arena *arena, const char **ret, struct error *err)
{
    const struct zone *zone;
    struct civil c;
    TRY(zone_load("Asia/Shanghai", &zone, err));
    civil_from_us(zone_utc_to_local(zone, clock_wall_us()), &c);
    *ret = arena_printf(arena, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour,
                        c.minute, c.second);
    return 0;
}

/* In the order of their names, which is that of the signature. */
static int params_make(const struct bill_fetching *f, struct param ret[PARAMS], struct error *err)
{
    const char *now;
    TRY(now_text(f->arena, &now, err));
    const struct param params[PARAMS] = {
        {"app_id", f->m->app_id},
        {"biz_content", arena_printf(f->arena, "{\"bill_type\":\"%s\",\"bill_date\":\"%s\"}",
                                     f->o->layout == BILL_FLOW ? "signcustomer" : "trade",
                                     bill_order_period(f->arena, f->o, "-"))},
        {"charset", "utf-8"},
        {"format", "JSON"},
        {"method", "alipay.data.dataservice.bill.downloadurl.query"},
        {"sign_type", "RSA2"},
        {"timestamp", now},
        {"version", "1.0"}};
    memcpy(ret, params, sizeof params);
    return 0;
}

int bill_alipay_request(struct bill_fetching *f, struct http_request *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0}, form = {0};
    struct param params[PARAMS];
    const char *signature;
    TRY(params_make(f, params, err));
    strbuf_init(&text, 0);
    strbuf_init(&form, 0);
    for (size_t i = 0; i < PARAMS; i++) {
        strbuf_addf(&text, "%s%s=%s", i > 0 ? "&" : "", params[i].name, params[i].value);
        http_encode_param(&form, params[i].name, params[i].value, i == 0);
    }
    TRY(bill_sign(f, DIGEST_RSA2, f->m->private_key, DIGEST_BASE64, text.data, &signature, err));
    http_encode_param(&form, "sign", signature, false);
    *ret = (struct http_request){
        .method = "POST",
        .url = f->m->url,
        .content_type = "application/x-www-form-urlencoded; charset=utf-8",
        .body = span_of(arena_strndup(f->arena, form.data, form.len)),
        .is_repeatable = true,
    };
    return 0;
}

/* The member is signed as it stands in the answer. */
static int address_read(const struct bill_fetching *f, struct span body, const char **ret,
                        struct error *err)
{
    static const char *const pointers[] = {
        "/alipay_data_dataservice_bill_downloadurl_query_response", "/sign",
        "/alipay_data_dataservice_bill_downloadurl_query_response/bill_download_url"};
    AUTO_STRBUF struct strbuf scratch = {0};
    const char *texts[3] = {0};
    strbuf_init(&scratch, 3 * (body.len + 1));
    TRY(jpull_check(body, true, err));
    for (size_t i = 0; i < 3; i++) {
        struct jpull_value v;
        TRY(jpull_find(body, pointers[i], &v, &scratch, err));
        if (v.kind == JPULL_STRING || v.kind == JPULL_OBJECT)
            texts[i] = arena_strndup(f->arena, v.text.ptr, v.text.len);
    }
    if (texts[2] == NULL)
        return error_set(err, ERR_REMOTE, "the answer does not say where the bill lies");
    *ret = texts[2];
    return bill_verify(f, span_of(texts[0]), texts[1], err);
}

/* Nothing of ours goes there, so it may be any host; but what comes must come unchanged. */
static int address_check(const struct bill_fetching *f, const char *url, struct error *err)
{
    AUTO_STRBUF struct strbuf shown = {0};
    bool is_plain = strncasecmp(f->m->url, "http://", 7) == 0;
    char *host = url_host(url);
    bool is_url = host != NULL;
    free(host);
    if (is_url && (is_plain || strncasecmp(url, "https://", 8) == 0))
        return 0;
    strbuf_init(&shown, 0);
    url_shown(url, &shown);
    return error_set(err, ERR_REMOTE, "the bill should lie at '%s', which is no https address",
                     shown.data);
}

static int download(struct bill_fetching *f, const char *url, struct error *err)
{
    struct http_request request = {.url = url, .sink = &f->sink, .timeout_ms = f->m->timeout_ms};
    struct http_response response = {0};
    TRY(address_check(f, url, err));
    TRY(bill_send(f, &request, &response, err));
    http_response_release(&response);
    return 0;
}

int bill_alipay_fetch(struct bill_fetching *f, struct error *err)
{
    struct http_request request;
    struct http_response response = {0};
    const char *url = "";
    TRY(bill_alipay_request(f, &request, err));
    TRY(bill_send(f, &request, &response, err));
    int code = f->is_no_bill ? 0
                             : address_read(f, (struct span){response.body.data, response.body.len},
                                            &url, err);
    http_response_release(&response);
    return code == 0 && !f->is_no_bill ? download(f, url, err) : code;
}
