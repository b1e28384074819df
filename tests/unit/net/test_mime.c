/* E-mail as bytes: encoded words, lines, addresses, and what must not get into a header. */
#include "net/mime.h"
#include "net/smtp.h"
#include "server.h"

static void check_header(const char *text, const char *want)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    mime_header_add(&out, "Subject", text);
    assert_string_equal(out.data, want);
}

static void test_plain_text_stays_and_other_becomes_words(void **state)
{
    (void)state;
    check_header("Order 42", "Subject: Order 42\r\n");
    check_header("订单确认 - 42", "Subject: =?UTF-8?B?6K6i5Y2V56Gu6K6kIC0gNDI=?=\r\n");
    check_header("=?x?=", "Subject: =?UTF-8?B?PT94Pz0=?=\r\n");
    check_header("", "Subject: \r\n");
}

static void test_controls_and_broken_utf8_stay_in_the_line(void **state)
{
    (void)state;
    check_header("a\r\nBcc: x\tb", "Subject: a  Bcc: x b\r\n");
    check_header("\xff", "Subject: =?UTF-8?B?77+9?=\r\n");
    check_header("\xe8\xae", "Subject: =?UTF-8?B?77+977+9?=\r\n");
}

static void assert_lines_fit(const char *text, size_t most)
{
    for (const char *p = text; *p != '\0';) {
        const char *end = strstr(p, "\r\n");
        assert_non_null(end);
        assert_true((size_t)(end - p) <= most);
        p = end + 2;
    }
}

/* Each word holds whole characters: it decodes by itself to multiples of three bytes here. */
static void test_long_texts_are_folded_between_characters(void **state)
{
    AUTO_STRBUF struct strbuf text = {0}, out = {0};
    (void)state;
    strbuf_init(&text, 0);
    strbuf_init(&out, 0);
    for (int i = 0; i < 100; i++)
        strbuf_adds(&text, "单");
    mime_header_add(&out, "Subject", text.data);
    assert_lines_fit(out.data, 76);
    size_t characters = 0;
    for (const char *p = out.data; (p = strstr(p, "?B?")) != NULL; p++) {
        size_t n = strcspn(p + 3, "?");
        assert_int_equal(n % 4, 0);
        characters += n / 4;
        assert_true(p[3 + n - 1] != '='); /* whole groups of three bytes */
    }
    assert_int_equal(characters, 100);
}

static void test_a_mail(void **state)
{
    AUTO_STRBUF struct strbuf out = {0};
    (void)state;
    const struct mime_address to[] = {{NULL, "a@b.example"}, {"李", "c@d.example"}};
    const struct mime_mail mail = {.from = {"x\r\ny", "shop@example.com"},
                                   .to = to,
                                   .to_count = 2,
                                   .subject = "Hi",
                                   .text = "一\nb\r\n",
                                   .id = "id-1",
                                   .date_s = 1700000000};
    strbuf_init(&out, 0);
    mime_mail_add(&out, &mail);
    assert_string_equal(out.data, "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
                                  "From: =?UTF-8?B?eCAgeQ==?=\r\n <shop@example.com>\r\n"
                                  "To: a@b.example,\r\n =?UTF-8?B?5p2O?=\r\n <c@d.example>\r\n"
                                  "Subject: Hi\r\n"
                                  "Message-ID: <id-1@example.com>\r\n"
                                  "Auto-Submitted: auto-generated\r\n"
                                  "MIME-Version: 1.0\r\n"
                                  "Content-Type: text/plain; charset=utf-8\r\n"
                                  "Content-Transfer-Encoding: base64\r\n\r\n"
                                  "5LiADQpiDQo=\r\n");
}

static void test_addresses(void **state)
{
    static const char *const bad[] = {"",        "a",      "@b",          "a@",       "a@b@c",
                                      "a b@c.d", "<a@b.c", "x <a@b.c> y", "a@b\r\nc", "a,b@c.d",
                                      "a@-b.c",  "李@b.c", "a@b.c>",      "\"a\"@b"};
    struct arena *arena = arena_new();
    struct mime_address a;
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(mime_address_parse(arena, "a@b.c", &a, &err), ERR_OK);
    assert_null(a.name);
    assert_int_equal(mime_address_parse(arena, "餐厅 一 <a+1@b.c>", &a, &err), ERR_OK);
    assert_string_equal(a.name, "餐厅 一");
    assert_string_equal(a.address, "a+1@b.c");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(mime_address_parse(arena, bad[i], &a, &err), ERR_CONFIG);
    arena_free(arena);
}

static int smtp_try(const char *url, bool plain, const char *user)
{
    struct error err = ERROR_INIT;
    struct smtp *s = NULL;
    int code = smtp_new(&(struct smtp_options){.url = url, .plain = plain, .user = user}, &s, &err);
    smtp_free(s);
    return code;
}

static void test_addresses_of_mail_servers(void **state)
{
    (void)state;
    assert_int_equal(smtp_try("smtp://mail.example:587", false, "u"), ERR_OK);
    assert_int_equal(smtp_try("smtps://mail.example", false, NULL), ERR_OK);
    assert_int_equal(smtp_try("smtp://127.0.0.1:25", true, "u"), ERR_OK);
    assert_int_equal(smtp_try("smtp://mail.example", true, "u"), ERR_CONFIG);
    assert_int_equal(smtp_try("smtp://127.evil.example", true, "u"), ERR_CONFIG);
    assert_int_equal(smtp_try("smtp://u:p@mail.example", false, NULL), ERR_CONFIG);
    assert_int_equal(smtp_try("http://mail.example", false, NULL), ERR_CONFIG);
    assert_int_equal(smtp_try("smtp://mail.example/x", false, NULL), ERR_CONFIG);
    assert_int_equal(smtp_try("mail.example", false, NULL), ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_text_stays_and_other_becomes_words),
        cmocka_unit_test(test_controls_and_broken_utf8_stay_in_the_line),
        cmocka_unit_test(test_long_texts_are_folded_between_characters),
        cmocka_unit_test(test_a_mail),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_addresses_of_mail_servers),
    };
    return cmocka_run_group_tests_name("mime", tests, NULL, NULL);
}
