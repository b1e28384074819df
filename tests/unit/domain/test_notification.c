/* Signatures of the channels, templates with escaping, byte limits that cut no character. */
#include "core/secret.h"
#include "domain/notification_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct strbuf out;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    strbuf_init(&out, 0);
    error_clear(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    strbuf_release(&out);
    return 0;
}

static void test_dingtalk(void **state)
{
    (void)state;
    assert_int_equal(notification_sign_dingtalk("SECtestsecret", "1700000000000", &out, &err), 0);
    assert_string_equal(out.data, "7LVwF0dAF3/+MRRulbpE4y72Ogzykc6bS2nG4I99T4s=");
}

static void test_feishu(void **state)
{
    (void)state;
    assert_int_equal(notification_sign_feishu("SECtestsecret", "1700000000", &out, &err), 0);
    assert_string_equal(out.data, "qctwDqaazOo8xxU2d5mAVhFAk6TEeaDHQUh0YMWFIL8=");
}

static void test_aliyun_sorts_and_encodes(void **state)
{
    struct strbuf form = {0};
    struct notification_parameter all[] = {{"b", "x y*~"}, {"A", "中&="}};
    (void)state;
    strbuf_init(&form, 0);
    assert_int_equal(notification_sign_aliyun("key", all, 2, &form, &out, &err), 0);
    assert_string_equal(form.data, "A=%E4%B8%AD%26%3D&b=x%20y%2A~");
    /* printf 'POST&%%2F&A%%3D%%25E4%%25B8%%25AD%%2526%%253D%%26b%%3Dx%%2520y%%252A~' |
     * openssl dgst -sha1 -hmac 'key&' -binary | base64 */
    assert_string_equal(out.data, "QO3f/KVDs35zEYkLaiExkVLu/lE=");
    strbuf_release(&form);
}

static const struct notification_message message = {
    .id = "1",
    .type = "order.created",
    .key = "S1-2",
    .payload = "{\"name\": \"a*b<i>&[x](y)\\n# 鱼\", \"n\": 3, \"none\": null, \"items\": "
               "[{\"product_name\": \"鱼\", \"quantity\": \"2\", \"amount\": \"9.00\"}]}"};

static void render(const char *text, enum notification_escape escape, const char *want)
{
    strbuf_clear(&out);
    assert_int_equal(notification_render(text, &message, escape, &out, &err), 0);
    assert_string_equal(out.data, want);
}

static void test_values_are_escaped(void **state)
{
    (void)state;
    render("*{name}*", NOTIFICATION_PLAIN, "*a*b<i>&[x](y) # 鱼*");
    render("*{name}*", NOTIFICATION_MARKDOWN, "*a\\*b&lt;i&gt;&amp;\\[x\\]\\(y\\) \\# 鱼*");
    render("*{name}*", NOTIFICATION_HTML, "*a*b&lt;i&gt;&amp;[x](y) # 鱼*");
    render("*{name}*", NOTIFICATION_WIDE, "*a*b＜i＞&[x](y) # 鱼*");
}

static void test_lines_without_values_go(void **state)
{
    (void)state;
    render("{key}\n桌号：{table_no}\n数：{n} {none}\n{items}\nend", NOTIFICATION_PLAIN,
           "S1-2\n数：3 \n- 鱼 × 2 9.00\nend");
    render("{", NOTIFICATION_PLAIN, "{");
    render("{} {a b} {key", NOTIFICATION_PLAIN, "{} {a b} {key");
}

static void cut(const char *text, size_t max, const char *want)
{
    strbuf_clear(&out);
    strbuf_adds(&out, text);
    notification_text_cut(&out, max);
    assert_string_equal(out.data, want);
    assert_true(out.len <= max);
}

static void test_no_character_is_cut(void **state)
{
    (void)state;
    cut("鱼香肉丝", 12, "鱼香肉丝");
    cut("鱼香肉丝", 11, "鱼香…");
    cut("鱼香肉丝", 9, "鱼香…");
    cut("鱼香肉丝", 8, "鱼…");
    cut("鱼香肉丝", 2, "");
    cut("abc&amp;def", 9, "abc…");
    cut("abc\\*def", 7, "abc…");
    cut("abc\\\\def", 8, "abc\\\\def");
    cut("abc\\\\defg", 8, "abc\\\\…");
}

static void test_failures_name_nobody(void **state)
{
    (void)state;
    secret_register("hunter22222");
    notification_scrub("row 12: phone '13800001234' of zhang@example.com, key hunter22222", &out);
    assert_null(strstr(out.data, "13800001234"));
    assert_null(strstr(out.data, "zhang@"));
    assert_null(strstr(out.data, "hunter22222"));
    assert_non_null(strstr(out.data, "row 12: phone '"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_dingtalk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_feishu, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_aliyun_sorts_and_encodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values_are_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lines_without_values_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_character_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures_name_nobody, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
