/* The signatures of platforms, as configuration. Expected values are published examples where there
 * are some, else computed by another program from the published rules. */
#include "connector_fixture.h"
#include "net/connector_internal.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/stat.h>

static int quiet_start(void **state)
{
    int code = group_start(state);
    auth_nonce_inject("n-1");
    return code;
}

/* ---- one request, signed and not sent -------------------------------------------------------- */

struct signed_request {
    struct connector *c;
    struct outgoing r;
    struct sign_trace trace;
};

static void request_sign(const char *yaml, const struct connector_param *params, size_t nparams,
                         const char *body, struct signed_request *s)
{
    struct error err = ERROR_INIT;
    struct auth_scope names;
    const struct outgoing_values values = {.params = params, .nparams = nparams};

    fake_clock_begin();
    fake.wall_us = INT64_C(1700000000) * 1000000;
    *s = (struct signed_request){.c = open_yaml(yaml)};
    s->r =
        (struct outgoing){.arena = s->c->arena, .c = s->c, .resource = resource_at(&s->c->spec, 0)};
    assert_int_equal(outgoing_build(&s->r, &values, span_of(body), &err), 0);
    assert_int_equal(outgoing_complete(&s->r, &err), 0); /* as it is noted before it is signed */
    for (int i = 0; i < 2; i++) { /* a renewed login signs again: nothing may heap up */
        auth_scope_init(&names, s->c);
        int code = sign_apply(&s->r, s->r.resource->sign ? s->r.resource->sign : s->c->spec.sign,
                              &names, &s->trace, &err);
        if (code != 0)
            print_error("%s\n", err.message);
        assert_int_equal(code, 0);
    }
}

static const char *pair(const struct pair_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return list->items[i].value;
    return "(none)";
}

static const char *piece(const struct sign_trace *trace, const char *name)
{
    for (size_t i = 0; i < trace->npieces; i++)
        if (strcmp(trace->pieces[i].name, name) == 0)
            return trace->pieces[i].value;
    return "(none)";
}

#define VERSION "version: 1\n"

/* ---- sorted parameters ------------------------------------------------------------------------
 */

static void test_meituan_delivery(void **state)
{
    (void)state;
    struct signed_request s;
    /* the example of dap.meituan.com/carrieropen/doc-1-1 */
    request_sign(VERSION "base_url: https://peisongopen.example.com/api\n"
                         "values: { app_key: test, version: '1.0' }\n"
                         "secrets: { app_secret: 'literal:test' }\n"
                         "sign:\n"
                         "  algorithm: sha1\n"
                         "  params: { from: form, pair: kv, join: '', skip_empty: true }\n"
                         "  text: ${app_secret}${params}\n"
                         "  put: { form: { appkey: '${app_key}', timestamp: '1477395862',"
                         " version: '${version}', sign: '${sign}' } }\n"
                         "resources: { create: { method: POST, path: /order/create, form:"
                         " { number: 123, string: 测试, double: 123.123, boolean: true,"
                         " empty: '' } } }\n",
                 NULL, 0, NULL, &s);
    assert_string_equal(pair(&s.r.form, "sign"), "8943ba698f4b009f80dc2fd69ff9b313381263bd");
    /* the example's key and secret are one word */
    assert_string_equal(s.trace.text, "****appkey****booleantruedouble123.123number123string测试"
                                      "timestamp1477395862version1.0");
    connector_close(s.c);
}

static void test_eleme(void **state)
{
    (void)state;
    struct signed_request s;
    request_sign(
        VERSION
        "base_url: https://open-api.shop.example.com\n"
        "values: { app_key: key }\n"
        "secrets: { token: 'literal:token', app_secret: 'literal:secret' }\n"
        "sign:\n"
        "  algorithm: md5\n"
        "  encoding: hex_upper\n"
        "  timestamp: ms\n"
        "  params: { from: ['body:/params', 'body:/metas'], value: json, join: '' }\n"
        "  text: '${body:/action}${token}${params}${app_secret}'\n"
        "  put: { body: { /id: '${nonce}', /token: '${token}', /metas/app_key:"
        " '${app_key}', /metas/timestamp: '${raw:${timestamp}}', /signature: '${sign}' } }\n"
        "resources: { shop: { method: POST, path: /api/v1/, body: { nop: 1.0.0,"
        " action: eleme.shop.getShop, params: { shopId: 123456 } } } }\n",
        NULL, 0, NULL, &s);
    assert_string_equal(
        s.r.http.body.ptr,
        "{\"nop\":\"1.0.0\",\"action\":\"eleme.shop.getShop\",\"params\":{\"shopId\":123456},"
        "\"id\":\"n-1\",\"token\":\"token\",\"metas\":{\"app_key\":\"key\","
        "\"timestamp\":1700000000000},\"signature\":\"B959C41AECE5BCD09C134A76B30051EA\"}");
    assert_string_equal(s.trace.text, "eleme.shop.getShop****app_key=\"key\"shopId=123456"
                                      "timestamp=1700000000000****");
    connector_close(s.c);
}

static void test_meituan_takeaway(void **state)
{
    (void)state;
    struct signed_request s;
    const struct connector_param params[] = {{"order", "27010000"}, {"note", "辣 & 麻"}};
    request_sign(VERSION "base_url: https://waimaiopen.example.com/api/v1\n"
                         "values: { app_id: '2754' }\n"
                         "secrets: { app_secret: 'literal:mt-secret' }\n"
                         "sign:\n"
                         "  algorithm: md5\n"
                         "  params: { from: [query, form] }\n"
                         "  text: ${url}?${params}${app_secret}\n"
                         "  put: { query: { app_id: '${app_id}', timestamp: '${timestamp}',"
                         " sig: '${sign}' } }\n"
                         "resources: { note: { method: POST, path: /order/remark, form:"
                         " { order_id: '${order}', note: '${note}' } } }\n",
                 params, 2, NULL, &s);
    assert_string_equal(s.trace.text,
                        "https://waimaiopen.example.com/api/v1/order/remark?app_id=2754&"
                        "note=辣 & 麻&order_id=27010000&timestamp=1700000000****");
    assert_string_equal(pair(&s.r.query, "sig"), "55878f0eca52419b8306f232e14a1501");
    assert_string_equal(pair(&s.r.query, "timestamp"), "1700000000");
    connector_close(s.c);
}

/* Page parameters are not signed, so that all pages carry the first one's signature. */
static void test_pinzhi(void **state)
{
    (void)state;
    struct signed_request s;
    const struct connector_param params[] = {{"shop", "S 001"}};
    request_sign(VERSION "base_url: https://pos.example.com\n"
                         "secrets: { token: 'literal:pz-token' }\n"
                         "sign:\n"
                         "  algorithm: md5\n"
                         "  params: { from: query, exclude: [pageIndex, pageSize] }\n"
                         "  text: ${params}&token=${token}\n"
                         "  put: { query: { time: '${timestamp}', sign: '${sign}' } }\n"
                         "resources: { bills: { path: /bills, query: { shop: '${shop}', a: 1,"
                         " pageIndex: 3, pageSize: 20 } } }\n",
                 params, 1, NULL, &s);
    assert_string_equal(pair(&s.r.query, "sign"), "d01bb91062a2262d1dc91889e0a00dec");
    assert_string_equal(piece(&s.trace, "params"), "a=1&shop=S 001&time=1700000000");
    connector_close(s.c);
}

static void test_aliyun_rpc(void **state)
{
    (void)state;
    struct signed_request s;
    const struct connector_param params[] = {{"phone", "13800138000"}};
    request_sign(VERSION
                 "base_url: https://dysmsapi.example.com\n"
                 "values: { access_key_id: testid }\n"
                 "secrets: { access_key_secret: 'literal:testsecret' }\n"
                 "sign:\n"
                 "  algorithm: hmac_sha1\n"
                 "  key: ${access_key_secret}&\n"
                 "  encoding: base64\n"
                 "  timestamp: '%Y-%m-%dT%H:%M:%SZ'\n"
                 "  params: { from: query, encode: url }\n"
                 "  text: ${method}&${url:/}&${url:${params}}\n"
                 "  put: { query: { AccessKeyId: '${access_key_id}', SignatureMethod: HMAC-SHA1,"
                 " SignatureVersion: '1.0', SignatureNonce: '${nonce}', Timestamp: '${timestamp}',"
                 " Format: JSON, Signature: '${sign}' } }\n"
                 "resources: { sms: { path: /, query: { Action: SendSms, Version: '2017-05-25',"
                 " PhoneNumbers: '${phone}', SignName: '测试 a*b~' } } }\n",
                 params, 1, NULL, &s);
    assert_string_equal(pair(&s.r.query, "Timestamp"), "2023-11-14T22:13:20Z");
    assert_string_equal(pair(&s.r.query, "Signature"), "xxv9FH5PONB3m240E6lIIp+MIhM=");
    assert_string_equal(piece(&s.trace, "method"), "GET");
    assert_string_equal(piece(&s.trace, "access_key_secret"), "****");
    assert_string_equal(s.trace.places[0].name, "query Signature");
    assert_string_equal(s.trace.places[0].value, "xxv9FH5PONB3m240E6lIIp+MIhM=");
    connector_close(s.c);
}

/* The example of pay.weixin.qq.com, MD5 and HMAC. */
static void test_wechat_pay_v2(void **state)
{
    (void)state;
    static const struct {
        const char *algorithm, *wanted;
    } cases[] = {
        {"{ algorithm: md5, ", "9A0A8659F005D6984697E2CA0A9CF3B7"},
        {"{ algorithm: hmac_sha256, key: '${api_key}', ",
         "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct signed_request s;
        char yaml[1024];
        snprintf(yaml, sizeof(yaml),
                 VERSION
                 "base_url: https://api.mch.example.com\n"
                 "secrets: { api_key: 'literal:192006250b4c09247ec02edce69f6a2d' }\n"
                 "sign: %s encoding: hex_upper, params: { from: body, skip_empty: true },"
                 " text: '${params}&key=${api_key}', put: { body: { /sign: '${sign}' } } }\n"
                 "resources: { pay: { method: POST, path: /pay, body: {"
                 " appid: wxd930ea5d5a258f4f, mch_id: 10000100, device_info: 1000,"
                 " body: test, nonce_str: ibuaiVcKdpRxkhJA, attach: '', none: null } } }\n",
                 cases[i].algorithm);
        request_sign(yaml, NULL, 0, NULL, &s);
        assert_non_null(strstr(s.r.http.body.ptr, cases[i].wanted));
        connector_close(s.c);
    }
}

/* ---- robots and webhooks ----------------------------------------------------------------------
 */

static void test_robots(void **state)
{
    (void)state;
    struct signed_request s;
    request_sign(VERSION
                 "base_url: https://oapi.dingtalk.example.com\n"
                 "secrets: { token: 'literal:robot-token', secret: 'literal:SECtestsecret' }\n"
                 "sign: { algorithm: hmac_sha256, key: '${secret}', encoding: base64,"
                 " timestamp: ms, text: \"${timestamp}\\n${secret}\","
                 " put: { query: { access_token: '${token}', timestamp: '${timestamp}',"
                 " sign: '${sign}' } } }\n"
                 "resources: { send: { method: POST, path: /robot/send } }\n",
                 NULL, 0, "{}", &s);
    assert_string_equal(pair(&s.r.query, "sign"), "7LVwF0dAF3/+MRRulbpE4y72Ogzykc6bS2nG4I99T4s=");
    assert_string_equal(s.trace.text, "1700000000000\n****");
    connector_close(s.c);
    request_sign(VERSION "base_url: https://open.feishu.example.com\n"
                         "secrets: { secret: 'literal:SECtestsecret' }\n"
                         "sign: { algorithm: hmac_sha256, key: \"${timestamp}\\n${secret}\","
                         " encoding: base64, text: '', put: { body: { /timestamp:"
                         " '${timestamp}', /sign: '${sign}' } } }\n"
                         "resources: { send: { method: POST, path: /hook } }\n",
                 NULL, 0, "{\"msg_type\":\"text\"}", &s);
    assert_string_equal(s.r.http.body.ptr,
                        "{\"msg_type\":\"text\",\"timestamp\":\"1700000000\","
                        "\"sign\":\"qctwDqaazOo8xxU2d5mAVhFAk6TEeaDHQUh0YMWFIL8=\"}");
    connector_close(s.c);
    request_sign(VERSION "base_url: https://example.com\n"
                         "secrets: { key: 'literal:sigkey' }\n"
                         "sign: { algorithm: hmac_sha256, key: '${key}', encoding: base64,"
                         " text: '${url}${body}', put: { headers:"
                         " { X-Square-HmacSha256-Signature: '${sign}' } } }\n"
                         "resources: { hook: { method: POST, path: /webhook } }\n",
                 NULL, 0, "{\"hello\":\"world\"}", &s);
    assert_string_equal(pair(&s.r.headers, "X-Square-HmacSha256-Signature"),
                        "VinIUCjped+ZLjZyepKXIkysHGYF+XLyJVyATwoD64A=");
    connector_close(s.c);
}

/* ---- RSA --------------------------------------------------------------------------------------
 */

static EVP_PKEY *rsa;
static char pem_path[] = "/tmp/diner-pem-XXXXXX";

static void rsa_make(void)
{
    rsa = EVP_RSA_gen(2048);
    assert_non_null(rsa);
    int fd = mkstemp(pem_path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_int_equal(PEM_write_PrivateKey(f, rsa, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
}

static void assert_rsa(const char *base64, const char *text)
{
    unsigned char signature[1024];
    int n = EVP_DecodeBlock(signature, (const unsigned char *)base64, (int)strlen(base64));
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    while (n > 0 && base64[strlen(base64) - 1] == '=' && n > 256)
        n--; /* what the padding stood for */
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, rsa), 1);
    assert_int_equal(
        EVP_DigestVerify(context, signature, (size_t)n, (const unsigned char *)text, strlen(text)),
        1);
    EVP_MD_CTX_free(context);
}

static void test_wechat_pay_v3(void **state)
{
    (void)state;
    struct signed_request s;
    char yaml[1024], signature[400] = "";
    const struct connector_param params[] = {{"date", "2023-11-13"}};

    snprintf(yaml, sizeof(yaml),
             VERSION
             "base_url: https://api.mch.example.com/v3\n"
             "values: { mchid: '1900000001', serial: 0A1B2C }\n"
             "secrets: { private_key: 'file:%s' }\n"
             "sign:\n"
             "  algorithm: rsa2\n"
             "  key: ${private_key}\n"
             "  encoding: base64\n"
             "  text: \"${method}\\n${path_query}\\n${timestamp}\\n${nonce}\\n${body}\\n\"\n"
             "  put:\n"
             "    headers:\n"
             "      Authorization: 'WECHATPAY2-SHA256-RSA2048 mchid=\"${mchid}\","
             "nonce_str=\"${nonce}\",timestamp=\"${timestamp}\",serial_no=\"${serial}\","
             "signature=\"${sign}\"'\n"
             "resources: { bill: { path: /bill/tradebill, query: { bill_date: '${date}',"
             " bill_type: ALL } } }\n",
             pem_path);
    request_sign(yaml, params, 1, NULL, &s);
    assert_int_equal(sscanf(pair(&s.r.headers, "Authorization"),
                            "WECHATPAY2-SHA256-RSA2048 mchid=\"1900000001\",nonce_str=\"n-1\","
                            "timestamp=\"1700000000\",serial_no=\"0A1B2C\",signature=\"%399[^\"]\"",
                            signature),
                     1);
    assert_rsa(signature, "GET\n/v3/bill/tradebill?bill_date=2023-11-13&bill_type=ALL\n1700000000\n"
                          "n-1\n\n");
    connector_close(s.c);
}

/* Its key comes without PEM armour. */
static void test_alipay(void **state)
{
    (void)state;
    struct signed_request s;
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(rsa, &der);
    char *bare = malloc((size_t)len * 2);
    const struct connector_param params[] = {{"date", "2023-11-13"}};

    EVP_EncodeBlock((unsigned char *)bare, der, len);
    setenv("TEST_ALIPAY_KEY", bare, 1);
    request_sign(VERSION "base_url: https://openapi.alipay.example.com\n"
                         "values: { app_id: '2021' }\n"
                         "secrets: { private_key: 'env:TEST_ALIPAY_KEY' }\n"
                         "sign:\n"
                         "  algorithm: rsa2\n"
                         "  key: ${private_key}\n"
                         "  encoding: base64\n"
                         "  timestamp: '%Y-%m-%d %H:%M:%S'\n"
                         "  timezone: Asia/Shanghai\n"
                         "  params: { from: form, skip_empty: true }\n"
                         "  put: { form: { app_id: '${app_id}', sign_type: RSA2, charset: utf-8,"
                         " timestamp: '${timestamp}', sign: '${sign}' } }\n"
                         "resources: { bill: { method: POST, path: /gateway.do, repeatable: true,"
                         " form: { method: bill.query, notify_url: '', biz_content:"
                         " { bill_type: trade, bill_date: '${date}' } } } }\n",
                 params, 1, NULL, &s);
    assert_rsa(pair(&s.r.form, "sign"),
               "app_id=2021&biz_content={\"bill_type\":\"trade\",\"bill_date\":\"2023-11-13\"}&"
               "charset=utf-8&method=bill.query&sign_type=RSA2&timestamp=2023-11-15 06:13:20");
    connector_close(s.c);
    OPENSSL_free(der);
    free(bare);
}

static void test_a_key_that_is_none(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(HEAD "secrets: { private_key: 'literal:no-such-key' }\n"
                                         "sign: { algorithm: rsa2, key: '${private_key}',"
                                         " text: x, put: { headers: { S: '${sign}' } } }\n"
                                         "resources: { a: { path: /a } }\n");
    server_script("{'/v1/a': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "signature for connector 'shop': the key is no RSA"));
    assert_null(strstr(err.message, "no-such-key"));
    assert_int_equal(server_count("'method'"), 0);
    connector_close(c);
}

/* ---- logins, resources, what is sent -----------------------------------------------------------
 */

static void test_kingdee_login_by_sign(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c = open_yaml(
        HEAD "values: { acct_id: acct, user: user, app_id: appid }\n"
             "secrets: { app_secret: 'literal:appsecret' }\n"
             "auth:\n"
             "  type: session\n"
             "  login:\n"
             "    path: /AuthService.LoginBySign.common.kdsvc\n"
             "    body: { parameters: ['${acct_id}', '${user}', '${app_id}', '${timestamp}', '',"
             " 2052] }\n"
             "    sign:\n"
             "      algorithm: sha256\n"
             "      params: { add: { a: '${acct_id}', b: '${user}', c: '${app_id}',"
             " d: '${app_secret}', e: '${timestamp}' }, sort: value, pair: v, join: '' }\n"
             "      put: { body: { /parameters/4: '${sign}' } }\n"
             "    ok: { pointer: /LoginResultType, equals: 1 }\n"
             "    take: { sid: /KDSVCSessionId }\n"
             "  send: { headers: { kdservice-sessionid: '${sid}' } }\n"
             "resources: { a: { path: /a } }\n");
    fake_clock_begin();
    fake.wall_us = INT64_C(1700000000) * 1000000;
    server_script("{'/v1/AuthService.LoginBySign.common.kdsvc': [{'json': {'LoginResultType': 1,"
                  " 'KDSVCSessionId': 'sid-9'}}], '/v1/a': [{}]}");
    assert_int_equal(call(c, "a", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(
        server_count("{\\'parameters\\':[\\'acct\\',\\'user\\',\\'appid\\',\\'1700000000\\',"
                     "\\'ed627b41a52e322072f0efed141c7d13a6d88b525a6e732605ae373597a622fd\\',"
                     "2052]}"),
        1);
    assert_int_equal(server_count("'kdservice-sessionid': 'sid-9'"), 1);
    connector_close(c);
}

static void test_requests_go_out_signed(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct connector *c =
        open_yaml(HEAD "secrets: { k: 'literal:key-1' }\n"
                       "sign: { algorithm: md5, params: { from: [query, form] },"
                       " text: '${params}${k}', put: { form: { sign: '${sign}' } } }\n"
                       "resources:\n"
                       "  f: { method: POST, path: /a, repeatable: true, query: { q: 1 },"
                       " form: { a: 'x y' } }\n"
                       "  plain: { path: /a, sign: none }\n"
                       "  own: { path: /a, query: { b: 2 }, sign: { algorithm: sha1,"
                       " text: '${path_query}', put: { query: { s: '${sign}' } } } }\n");
    server_script("{'/v1/a': [{'status': 503}, {}]}");
    assert_int_equal(call(c, "f", NULL, 0, NULL, NULL, &err), 0);
    /* md5("a=x y&q=1key-1") */
    assert_int_equal(server_count("'body': 'a=x%20y&sign=e3b1a1474fe44b5d045209c3dc459ef0'"), 2);
    assert_int_equal(server_count("'content-type': 'application/x-www-form-urlencoded'"), 2);
    assert_int_equal(call(c, "plain", NULL, 0, NULL, NULL, &err), 0);
    assert_int_equal(server_count("'target': '/v1/a'"), 1);
    assert_int_equal(call(c, "own", NULL, 0, NULL, NULL, &err), 0);
    /* sha1("/v1/a?b=2") */
    assert_int_equal(
        server_count("'target': '/v1/a?b=2&s=f1ef9316d338b64c7394b68a65687d89f67b4056'"), 1);
    connector_close(c);
}

/* The body that is signed is the one that is sent, once; and so again after a renewed login. */
static void test_the_body_of_a_form(void **state)
{
    (void)state;
    struct signed_request s;
    request_sign(VERSION "base_url: http://h\n"
                         "sign: { algorithm: md5, params: { from: [form, body], sort: none },"
                         " text: '${params}|${body}', put: { form: { t: '${nonce}' },"
                         " headers: { S: '${sign}' } } }\n"
                         "resources: { f: { method: POST, path: /f, form: { a: 'x y' } } }\n",
                 NULL, 0, NULL, &s);
    struct error err = ERROR_INIT;
    assert_int_equal(outgoing_complete(&s.r, &err), 0);
    struct auth_scope names;
    auth_scope_init(&names, s.c);
    assert_int_equal(sign_apply(&s.r, s.c->spec.sign, &names, &s.trace, &err), 0);
    assert_string_equal(s.trace.text, "a=x y&t=n-1|a=x%20y&t=n-1");
    assert_int_equal(outgoing_complete(&s.r, &err), 0);
    assert_string_equal(s.r.http.body.ptr, "a=x%20y&t=n-1");
    connector_close(s.c);
}

static void test_signatures_are_not_signed(void **state)
{
    (void)state;
    struct signed_request s;
    request_sign(VERSION "base_url: http://h\n"
                         "secrets: { k: 'literal:xyz' }\n" /* too short to be found in texts */
                         "sign: { algorithm: md5, params: { from: [body, 'body:/m'], pair: kv },"
                         " text: '${params}|${body}|${k}', put: { body: { /t: '${nonce}',"
                         " /m/s: 'x${sign}' } } }\n"
                         "resources: { f: { method: POST, path: /f, body: { a: 1,"
                         " m: { b: 2, s: old } } } }\n",
                 NULL, 0, NULL, &s);
    assert_string_equal(s.trace.text, "a1&b2&m{\"b\":2,\"s\":\"old\"}&tn-1|"
                                      "{\"a\":1,\"m\":{\"b\":2,\"s\":\"old\"},\"t\":\"n-1\"}|****");
    connector_close(s.c);
}

static void test_orders_of_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *params, *wanted;
    } cases[] = {
        {"{ from: query }", "a=3&a-b=1&b=2&c="},
        {"{ from: query, sort: none }", "b=2&a-b=1&a=3&c="},
        {"{ from: query, sort: value, pair: v, join: '|' }", "|1|2|3"},
        {"{ from: query, sort: pair }", "a-b=1&a=3&b=2&c="}, /* "-" is before "=" */
        {"{ from: query, pair: 'k:v', join: ',', skip_empty: true }", "a:3,a-b:1,b:2"},
        {"{ from: query, exclude: [a, c], add: { z: '${nonce}' } }", "a-b=1&b=2&z=n-1"},
        {"{ from: query, value: json, skip_empty: true }", "a=\"3\"&a-b=\"1\"&b=\"2\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct signed_request s;
        char yaml[512];
        snprintf(yaml, sizeof(yaml),
                 VERSION "base_url: http://h\n"
                         "sign: { algorithm: md5, params: %s, put: { query: { s: '${sign}' } } }\n"
                         "resources: { r: { path: /r, query: { b: 2, a-b: 1, a: 3, c: '' } } }\n",
                 cases[i].params);
        request_sign(yaml, NULL, 0, NULL, &s);
        assert_string_equal(s.trace.text, cases[i].wanted);
        connector_close(s.c);
    }
}

static void test_values_into_json(void **state)
{
    (void)state;
    static const struct {
        const char *json, *pointer, *wanted; /* NULL: refused */
    } cases[] = {
        {"{}", "/a", "{\"a\":7}"},
        {"{\"n\":12.30}", "/a/b", "{\"n\":12.30,\"a\":{\"b\":7}}"},
        {"{\"a\":1,\"b\":2}", "/a", "{\"a\":7,\"b\":2}"},
        {"{\"a\":[1,2]}", "/a/1", "{\"a\":[1,7]}"},
        {"[{\"x\":null}]", "/0/x", "[{\"x\":7}]"},
        {"{\"a/b~\":1}", "/a~1b~0", "{\"a/b~\":7}"},
        {"{\"a\":[1]}", "/a/1", NULL},
        {"{\"a\":[1]}", "/a/x", NULL},
        {"{\"a\":\"text\"}", "/a/b", NULL},
        {"{\"a\":", "/a", NULL},
        {"[1, 2]", "/+1", NULL},
        {"[1, 2]", "/ 1", NULL},
        {"[1, 2]", "/01", NULL},
        {"[1, 2]", "/\r1", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_STRBUF struct strbuf out = {0};
        struct error err = ERROR_INIT;
        strbuf_init(&out, 0);
        int code = sign_json_put(span_of(cases[i].json), cases[i].pointer, SPAN("7"), &out, &err);
        assert_int_equal(code, cases[i].wanted ? 0 : ERR_DATA);
        assert_string_equal(out.data, cases[i].wanted ? cases[i].wanted : "");
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, fake_clock_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_meituan_delivery),
        TEST(test_eleme),
        TEST(test_meituan_takeaway),
        TEST(test_pinzhi),
        TEST(test_aliyun_rpc),
        TEST(test_wechat_pay_v2),
        TEST(test_robots),
        TEST(test_wechat_pay_v3),
        TEST(test_alipay),
        TEST(test_a_key_that_is_none),
        TEST(test_kingdee_login_by_sign),
        TEST(test_requests_go_out_signed),
        TEST(test_the_body_of_a_form),
        TEST(test_signatures_are_not_signed),
        TEST(test_orders_of_parameters),
        TEST(test_values_into_json),
    };
    rsa_make();
    int code = cmocka_run_group_tests(tests, quiet_start, group_stop);
    unlink(pem_path);
    EVP_PKEY_free(rsa);
    return code;
}
