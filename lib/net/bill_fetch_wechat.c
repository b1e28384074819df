/* WeChat Pay: the older interface of XML, and the newer one that says where the bill lies. */
#include "core/clock.h"
#include "format/jsonx.h"
#include "net/bill_fetch_internal.h"
#include "net/url.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SIGNED_MAX_S 300

static const char SCHEME[] = "WECHATPAY2-SHA256-RSA2048";

/* ---- v2: https://pay.weixin.qq.com/doc/v2/merchant/4011987833, the fund flow 4011939779 -------
 */

#define FIELDS_V2 7
struct field_v2 {
    const char *name, *value;
};

static bool is_flow(const struct bill_fetching *f)
{
    return f->o->layout == BILL_FLOW;
}

/* BASIC, as v3 has it: Basic. */
static const char *account_type_v2(const struct bill_fetching *f)
{
    char *type = arena_strdup(f->arena, f->o->type);
    for (char *p = type; p[0] != '\0' && p[1] != '\0'; p++)
        p[1] = (char)tolower((unsigned char)p[1]);
    return type;
}

/* The fund flow has but one way of signing. */
static enum bill_sign_type sign_type_v2(const struct bill_fetching *f)
{
    return is_flow(f) ? BILL_SIGN_HMAC_SHA256 : f->m->sign_type;
}

/* In the order of their names, which is that of the signature. */
static void fields_v2(const struct bill_fetching *f, struct field_v2 ret[FIELDS_V2])
{
    const struct field_v2 type = is_flow(f) ? (struct field_v2){"account_type", account_type_v2(f)}
                                            : (struct field_v2){"bill_type", f->o->type};
    const struct field_v2 app = {"appid", f->m->app_id};
    const struct field_v2 date = {"bill_date", bill_order_period(f->arena, f->o, "")};
    const struct field_v2 fields[FIELDS_V2] = {is_flow(f) ? type : app,
                                               is_flow(f) ? app : date,
                                               is_flow(f) ? date : type,
                                               {"mch_id", f->m->mch_id},
                                               {"nonce_str", bill_nonce(f->arena)},
                                               {"sign_type", bill_sign_types[sign_type_v2(f)]},
                                               {"tar_type", "GZIP"}};
    memcpy(ret, fields, sizeof fields);
}

static int sign_v2(struct bill_fetching *f, const struct field_v2 fields[FIELDS_V2],
                   const char **ret, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    bool is_md5 = sign_type_v2(f) == BILL_SIGN_MD5;
    strbuf_init(&text, 0);
    for (size_t i = 0; i < FIELDS_V2; i++)
        strbuf_addf(&text, "%s=%s&", fields[i].name, fields[i].value);
    strbuf_addf(&text, "key=%s", f->is_masked ? "" : f->m->key);
    int code = bill_sign(f, is_md5 ? DIGEST_MD5 : DIGEST_HMAC_SHA256, f->m->key, DIGEST_HEX_UPPER,
                         text.data, ret, err);
    explicit_bzero(text.data, text.len);
    return code;
}

static void xml_add(struct strbuf *out, const char *name, const char *value)
{
    strbuf_addf(out, "<%s>", name);
    for (; *value != '\0'; value++) {
        if (*value == '&' || *value == '<' || *value == '>')
            strbuf_addf(out, "&#%d;", *value);
        else
            strbuf_addch(out, *value);
    }
    strbuf_addf(out, "</%s>", name);
}

static int request_v2(struct bill_fetching *f, struct http_request *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf xml = {0};
    struct field_v2 fields[FIELDS_V2];
    const char *signature;
    fields_v2(f, fields);
    TRY(sign_v2(f, fields, &signature, err));
    strbuf_init(&xml, 0);
    strbuf_adds(&xml, "<xml>");
    for (size_t i = 0; i < FIELDS_V2; i++)
        xml_add(&xml, fields[i].name, fields[i].value);
    xml_add(&xml, "sign", signature);
    strbuf_adds(&xml, "</xml>");
    *ret = (struct http_request){
        .method = "POST",
        .url = arena_printf(f->arena, "%s/pay/%s", f->m->url,
                            is_flow(f) ? "downloadfundflow" : "downloadbill"),
        .content_type = "text/xml; charset=utf-8",
        .body = span_of(arena_strndup(f->arena, xml.data, xml.len)),
        .is_repeatable = true,
        .timeout_ms = f->m->timeout_ms,
    };
    return 0;
}

static int sha1_of(const struct bill_fetching *f, bool is_plain, struct strbuf *ret,
                   struct error *err)
{
    struct digest found = {0};
    TRY(digest_file(f->sink.fd, is_plain, DIGEST_SHA1, &found, err));
    strbuf_clear(ret);
    digest_encode(DIGEST_HEX, (struct span){(const char *)found.bytes, found.len}, ret);
    return 0;
}

static int damaged(const struct strbuf *found, const char *stated, struct error *err)
{
    error_set(err, ERR_REMOTE, "the bill has the SHA-1 %s, and the channel says %.64s", found->data,
              stated);
    return error_hint(err, "it was damaged on its way: fetch it again");
}

/* The header Digest: SHA=HEX, where it comes. The vendor's page does not say whether it is of the
 * packed or of the plain bytes: either proves that nothing was lost. */
static int digest_check_v2(const struct bill_fetching *f, const struct http_response *response,
                           struct error *err)
{
    AUTO_STRBUF struct strbuf plain = {0}, packed = {0};
    const char *header = http_response_header(response, "digest");
    if (header == NULL || strncasecmp(header, "SHA=", 4) != 0 || f->is_no_bill)
        return 0;
    strbuf_init(&plain, 0);
    strbuf_init(&packed, 0);
    TRY(sha1_of(f, true, &plain, err));
    TRY(sha1_of(f, false, &packed, err));
    bool is_whole =
        strcasecmp(plain.data, header + 4) == 0 || strcasecmp(packed.data, header + 4) == 0;
    return is_whole ? 0 : damaged(&plain, header + 4, err);
}

static int fetch_v2(struct bill_fetching *f, struct error *err)
{
    struct http_request request;
    struct http_response response = {0};
    TRY(request_v2(f, &request, err));
    request.sink = &f->sink;
    TRY(bill_send(f, &request, &response, err));
    int code = digest_check_v2(f, &response, err);
    http_response_release(&response);
    return code;
}

/* ---- v3: https://pay.weixin.qq.com/doc/v3/merchant/4012556654 -------------------------------- */

/* A GET of the URL, with the signature of its path and query. */
static int request_v3(struct bill_fetching *f, const char *url, struct http_request *ret,
                      struct error *err)
{
    const char *host = strstr(url, "://");
    const char *target = host != NULL ? strchr(host + 3, '/') : NULL;
    const char *nonce = bill_nonce(f->arena), *signature;
    int64_t now_s = clock_wall_us() / 1000000;
    if (target == NULL)
        return error_set(err, ERR_REMOTE, "'%.200s' is no address of a bill", url);
    const char *text = arena_printf(f->arena, "GET\n%s\n%" PRId64 "\n%s\n\n", target, now_s, nonce);
    TRY(bill_sign(f, DIGEST_RSA2, f->m->private_key, DIGEST_BASE64, text, &signature, err));
    struct http_header *header = arena_alloc(f->arena, sizeof *header);
    *header = (struct http_header){
        "Authorization",
        arena_printf(f->arena,
                     "%s mchid=\"%s\",nonce_str=\"%s\",timestamp=\"%" PRId64
                     "\",serial_no=\"%s\",signature=\"%s\"",
                     SCHEME, f->m->mch_id, nonce, now_s, f->m->serial_no, signature)};
    *ret = (struct http_request){.method = "GET", .url = url, .headers = header, .nheaders = 1};
    return 0;
}

static int order_v3(struct bill_fetching *f, struct http_request *ret, struct error *err)
{
    const char *url = arena_printf(f->arena, "%s/v3/bill/%s?bill_date=%s&%s=%s&tar_type=GZIP",
                                   f->m->url, is_flow(f) ? "fundflowbill" : "tradebill",
                                   bill_order_period(f->arena, f->o, "-"),
                                   is_flow(f) ? "account_type" : "bill_type", f->o->type);
    return request_v3(f, url, ret, err);
}

/* The signature of the answer that says where the bill lies and what its hash is. */
static int verify_v3(const struct bill_fetching *f, const struct http_response *response,
                     struct error *err)
{
    const char *at = http_response_header(response, "wechatpay-timestamp");
    const char *nonce = http_response_header(response, "wechatpay-nonce");
    const char *signature = http_response_header(response, "wechatpay-signature");
    if (f->m->public_key == NULL)
        return 0;
    const char *text = arena_printf(f->arena, "%s\n%s\n%s\n", at != NULL ? at : "",
                                    nonce != NULL ? nonce : "", response->body.data);
    TRY(bill_verify(f, span_of(text), signature, err));
    int64_t age_s = clock_wall_us() / 1000000 - (at != NULL ? strtoll(at, NULL, 10) : 0);
    return age_s <= SIGNED_MAX_S && -age_s <= SIGNED_MAX_S
               ? 0
               : error_set(err, ERR_REMOTE, "the answer was signed %" PRId64 " s ago", age_s);
}

bool bill_wechat_is_own(const char *base, const char *url)
{
    static const char *const own[] = {"api.mch.weixin.qq.com", "api2.mch.weixin.qq.com"};
    struct error ignored = ERROR_INIT;
    char *asked = NULL, *told = NULL;
    bool is_own = url_origin(base, &asked, &ignored) == 0 &&
                  url_origin(url, &told, &ignored) == 0 && strcmp(asked, told) == 0;
    char *from = url_host(base), *to = url_host(url);
    bool is_from = false, is_to = false;
    for (size_t i = 0; i < sizeof own / sizeof *own && from != NULL && to != NULL; i++) {
        is_from |= strcasecmp(from, own[i]) == 0;
        is_to |= strcasecmp(to, own[i]) == 0;
    }
    free(asked);
    free(told);
    free(from);
    free(to);
    return is_own || (is_from && is_to && strncmp(url, "https://", 8) == 0);
}

struct place_v3 {
    const char *url, *sha1;
};

static int place_read(struct bill_fetching *f, const struct http_response *response,
                      struct place_v3 *ret, struct error *err)
{
    struct jsonx *document = NULL;
    AUTO_STRBUF struct strbuf shown = {0};
    TRY(jsonx_parse(response->body.data, response->body.len, "the answer", &document, err));
    const char *url = jsonx_text(jsonx_get(document, "download_url"));
    const char *type = jsonx_text(jsonx_get(document, "hash_type"));
    const char *hash = jsonx_text(jsonx_get(document, "hash_value"));
    bool is_hashed = type != NULL && hash != NULL && strcasecmp(type, "SHA1") == 0;
    *ret = (struct place_v3){arena_strdup(f->arena, url), arena_strdup(f->arena, hash)};
    jsonx_free(document);
    if (ret->url == NULL)
        return error_set(err, ERR_REMOTE, "the answer does not say where the bill lies");
    if (!is_hashed)
        return error_set(err, ERR_REMOTE, "the answer does not say the SHA-1 of the bill");
    if (bill_wechat_is_own(f->m->url, ret->url))
        return 0;
    strbuf_init(&shown, 0);
    url_shown(ret->url, &shown);
    error_set(err, ERR_REMOTE, "the bill should lie at '%s', which is none of the channel's hosts",
              shown.data);
    return error_hint(err, "nothing was sent there: a signature goes to the channel only");
}

static int hash_check(const struct bill_fetching *f, const char *stated, struct error *err)
{
    AUTO_STRBUF struct strbuf hex = {0};
    strbuf_init(&hex, 0);
    TRY(sha1_of(f, true, &hex, err));
    return strcasecmp(hex.data, stated) == 0 ? 0 : damaged(&hex, stated, err);
}

static int download_v3(struct bill_fetching *f, const struct place_v3 *place, struct error *err)
{
    struct http_request request;
    struct http_response response = {0};
    TRY(request_v3(f, place->url, &request, err));
    request.sink = &f->sink;
    request.timeout_ms = f->m->timeout_ms;
    TRY(bill_send(f, &request, &response, err)); /* this answer is not signed */
    http_response_release(&response);
    return f->is_no_bill ? 0 : hash_check(f, place->sha1, err);
}

static int fetch_v3(struct bill_fetching *f, struct error *err)
{
    struct http_request request;
    struct http_response response = {0};
    struct place_v3 place = {0};
    TRY(order_v3(f, &request, err));
    TRY(bill_send(f, &request, &response, err));
    int code = f->is_no_bill ? 0 : verify_v3(f, &response, err);
    if (code == 0 && !f->is_no_bill)
        code = place_read(f, &response, &place, err);
    http_response_release(&response);
    return code == 0 && !f->is_no_bill ? download_v3(f, &place, err) : code;
}

/* ---- both ---------------------------------------------------------------------------------- */

int bill_wechat_request(struct bill_fetching *f, struct http_request *ret, struct error *err)
{
    return f->m->api == BILL_API_V2 ? request_v2(f, ret, err) : order_v3(f, ret, err);
}

int bill_wechat_fetch(struct bill_fetching *f, struct error *err)
{
    return f->m->api == BILL_API_V2 ? fetch_v2(f, err) : fetch_v3(f, err);
}
