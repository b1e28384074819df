/* What is decided before a bill is asked for, and where its signature may go. */
#include "core/datetime.h"
#include "net/bill_fetch_internal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* last: it needs those above */
#include <cmocka.h>

static const struct bill_merchant wechat = {.channel = BILL_WECHAT,
                                            .url = "https://api.mch.weixin.qq.com",
                                            .mch_id = "1900000109",
                                            .app_id = "wx1&<2>",
                                            .serial_no = "5157F09E",
                                            .key = "env:NONE",
                                            .private_key = "env:NONE"};

static void a_signature_stays_with_the_channel(void **state)
{
    (void)state;
    static const struct {
        const char *base, *url;
        bool is_own;
    } places[] = {
        {"https://api.mch.weixin.qq.com", "https://api.mch.weixin.qq.com/v3/billdownload/file",
         true},
        {"https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com/v3/billdownload", true},
        {"https://api2.mch.weixin.qq.com", "https://API.mch.weixin.qq.com:443/v3/x", true},
        {"https://api.mch.weixin.qq.com", "http://api.mch.weixin.qq.com/v3/x", false},
        {"https://api.mch.weixin.qq.com", "https://api.mch.weixin.qq.com.evil.cn/v3/x", false},
        {"https://api.mch.weixin.qq.com", "https://evil.cn/api.mch.weixin.qq.com", false},
        {"https://api.mch.weixin.qq.com", "https://api.mch.weixin.qq.com@evil.cn/v3/x", false},
        {"https://api.mch.weixin.qq.com", "file:///etc/passwd", false},
        {"https://api.mch.weixin.qq.com", "/v3/billdownload/file", false},
        {"http://127.0.0.1:8001", "http://127.0.0.1:8001/v3/x", true},
        {"http://127.0.0.1:8001", "http://127.0.0.1:8002/v3/x", false},
        {"http://127.0.0.1:8001", "https://api.mch.weixin.qq.com/v3/x", false},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (bill_wechat_is_own(places[i].base, places[i].url) != places[i].is_own)
            fail_msg("%s", places[i].url);
    }
}

static void what_is_not_given_is_told_at_once(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct bill_merchant m = wechat;
    struct bill_order o = {.layout = BILL_FLOW, .type = "BASIC"};
    assert_int_equal(bill_order_check(&m, &o, &err), 0);
    m.api = BILL_API_V2;
    assert_true(bill_wants_certificate(&m, &o));
    assert_int_equal(bill_order_check(&m, &o, &err), ERR_CONFIG);
    assert_string_equal(err.message, "payments.wechat_certificate is not set");
    m.certificate = "/etc/diner/apiclient_cert.pem";
    assert_int_equal(bill_order_check(&m, &o, &err), 0);
    o.is_month = true;
    assert_int_equal(bill_order_check(&m, &o, &err), ERR_USAGE);
    o = (struct bill_order){.type = "RECHARGE_REFUND"};
    assert_false(bill_wants_certificate(&m, &o));
    assert_int_equal(bill_order_check(&m, &o, &err), 0);
    m.key = "";
    assert_int_equal(bill_order_check(&m, &o, &err), ERR_CONFIG);
    assert_string_equal(err.message, "payments.wechat_key is not set");
    m.api = BILL_API_V3;
    assert_int_equal(bill_order_check(&m, &o, &err), ERR_USAGE);
    m.private_key = NULL;
    assert_int_equal(bill_order_check(&m, &o, &err), ERR_CONFIG);
    assert_string_equal(err.message, "payments.wechat_private_key is not set");
}

static void what_is_asked_is_shown_without_a_signature(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct arena *arena = arena_new();
    struct bill_preview p;
    struct bill_merchant m = wechat;
    const struct bill_order o = {.day = civil_to_days(2026, 11, 21), .type = "ALL"};
    assert_int_equal(bill_fetch_preview(&m, &o, arena, &p, &err), 0);
    assert_string_equal(p.method, "GET");
    assert_string_equal(p.url, "https://api.mch.weixin.qq.com/v3/bill/tradebill"
                               "?bill_date=2026-11-21&bill_type=ALL&tar_type=GZIP");
    assert_string_equal(p.body, "");
    m.api = BILL_API_V2;
    assert_int_equal(bill_fetch_preview(&m, &o, arena, &p, &err), 0);
    assert_string_equal(p.url, "https://api.mch.weixin.qq.com/pay/downloadbill");
    assert_non_null(strstr(p.body, "<appid>wx1&#38;&#60;2&#62;</appid><bill_date>20261121<"));
    assert_non_null(strstr(p.body, "<sign>****</sign></xml>"));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_stays_with_the_channel),
        cmocka_unit_test(what_is_not_given_is_told_at_once),
        cmocka_unit_test(what_is_asked_is_shown_without_a_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
