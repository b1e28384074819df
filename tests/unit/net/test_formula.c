/* Texts with names and functions; digests against published vectors. */
#include "format/ynode.h"
#include "net/digest.h"
#include "net/formula.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
/* last: it needs those above */
#include <cmocka.h>

static int value(void *self, const char *name, const struct span *argument, struct strbuf *out,
                 bool *ret_found, struct error *err)
{
    (void)self, (void)err;
    *ret_found = true;
    if (argument && strcmp(name, "twice") == 0)
        strbuf_addf(out, "%s%s", argument->ptr, argument->ptr);
    else if (!argument && strcmp(name, "user") == 0)
        strbuf_adds(out, "Aladdin");
    else if (!argument && strcmp(name, "braces") == 0)
        strbuf_adds(out, "}${user}");
    else if (!argument && strcmp(name, "empty") == 0)
        return 0;
    else
        *ret_found = false;
    return 0;
}
static const struct formula_scope scope = {.value = value};

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"", ""},
        {"plain $ } {", "plain $ } {"},
        {"Hi ${user}!", "Hi Aladdin!"},
        {"${braces}", "}${user}"}, /* what was put in is not looked at again */
        {"${base64:${user}:open sesame}", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, /* RFC 7617 */
        {"${upper:${lower:${user}}}", "ALADDIN"},
        {"${url:a b*~/中}", "a%20b%2A~%2F%E4%B8%AD"},
        {"${md5:}", "d41d8cd98f00b204e9800998ecf8427e"},             /* RFC 1321 */
        {"${sha1:abc}", "a9993e364706816aba3e25717850c26c9cd0d89d"}, /* FIPS 180 */
        {"${sha256:abc}", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"${json:a\"b}", "\"a\\\"b\""},
        {"${twice:${braces}}", "}${user}}${user}"},
        {"${empty}|${empty:-x}|${user:-x}|${none:-}|${none:-a b}", "|x|Aladdin||a b"},
        {"$${user} $$", "${user} $$"},
        {"${twice:$${}", "${${"},
        {"${TEST_FORMULA}", "from outside"},
    };
    setenv("TEST_FORMULA", "from outside", 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_STRBUF struct strbuf out = {0};
        struct error err = ERROR_INIT;
        strbuf_init(&out, 0);
        assert_int_equal(formula_render(cases[i].text, &scope, &out, &err), 0);
        assert_string_equal(out.data, cases[i].wanted);
    }
}

/* Where secrets are shown as ****, nothing makes that look like a value. */
static void test_masks_stay_masks(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"${base64:${user}:****}", "****"},
        {"a${sha256:${base64:****}}b", "a****b"},
        {"${base64:${user}}", "QWxhZGRpbg=="},
        {"${upper:a****}", "A****"},
    };
    const struct formula_scope masked = {.value = value, .is_masked = true};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_STRBUF struct strbuf out = {0};
        struct error err = ERROR_INIT;
        strbuf_init(&out, 0);
        assert_int_equal(formula_render(cases[i].text, &masked, &out, &err), 0);
        assert_string_equal(out.data, cases[i].wanted);
    }
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a ${user", "'}' is missing in '${user'"},
        {"${", "expected a name after '${'"},
        {"${9}", "expected a name after '${'"},
        {"${us er}", "unexpected character in the name in '${us er}'"},
        {"${base64:${user}", "'}' is missing"},
        {"${nobody}", "'${nobody}' is not defined"},
        {"${rot13:x}", "there is no function 'rot13'"},
        {"${user:-${user}}", "a default cannot hold another"},
        {"${TEST_UNSET_NAME}", "environment variable 'TEST_UNSET_NAME' is not set"},
        {"${md5:${md5:${md5:${md5:${md5:${md5:${md5:${md5:${md5:x}}}}}}}}}", "too many functions"},
        {"${aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}", "too long"},
    };
    unsetenv("TEST_UNSET_NAME");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_STRBUF struct strbuf out = {0};
        struct error err = ERROR_INIT;
        strbuf_init(&out, 0);
        strbuf_adds(&out, "kept");
        assert_int_equal(formula_render(cases[i].text, &scope, &out, &err), ERR_SPEC);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_string_equal(out.data, "kept");
    }
}

static void test_a_text_has_an_end(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    strbuf_init(&out, 10);
    assert_int_equal(formula_render("${twice:12345}", &scope, &out, &err), 0);
    strbuf_clear(&out);
    assert_int_equal(formula_render("${twice:123456}", &scope, &out, &err), ERR_LIMIT);
    assert_int_equal(formula_render("${base64:12345678901}", &scope, &out, &err), ERR_LIMIT);
}

static void test_bodies(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    struct arena *arena = arena_new();
    struct ynode *root = NULL;
    static const char yaml[] = "n: 12.30\nquoted: '1'\nuser: ${user}\nnil: null\nyes: true\nword: "
                               "no\nlist: [1, '${user}']\n"
                               "number: '${raw:1${TEST_NUMBER}}'\nraw: 'x ${user}'\n";
    static const char broken[] = "a: '${raw:${user}}'\n";

    setenv("TEST_NUMBER", "7.50", 1);
    strbuf_init(&out, 0);
    assert_int_equal(ynode_parse(yaml, sizeof(yaml) - 1, "b", arena, &root, &err), 0);
    assert_int_equal(formula_json(root, &scope, &out, &err), 0);
    assert_string_equal(out.data, "{\"n\":12.30,\"quoted\":\"1\",\"user\":\"Aladdin\",\"nil\":null,"
                                  "\"yes\":true,\"word\":\"no\",\"list\":[1,\"Aladdin\"],"
                                  "\"number\":17.50,\"raw\":\"x Aladdin\"}");
    assert_int_equal(ynode_parse(broken, sizeof(broken) - 1, "b", arena, &root, &err), 0);
    assert_int_equal(formula_json(root, &scope, &out, &err), ERR_DATA);
    arena_free(arena);
}

static bool is_user(void *self, const char *name, bool is_function)
{
    (void)self;
    return !is_function && strcmp(name, "user") == 0;
}

static void test_checks_need_no_values(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    const struct formula_names names = {.known = is_user};
    assert_int_equal(formula_check("${base64:${user}} ${other:-x}", &names, &err), 0);
    assert_int_equal(formula_check("${base64:${other}}", &names, &err), ERR_SPEC);
    assert_int_equal(formula_check("${twice:x}", &names, &err), ERR_SPEC);
    assert_true(formula_uses("a${base64:${user}}", "user"));
    assert_false(formula_uses("a${base64:user}", "user"));
    assert_false(formula_uses("${user", "other"));
}

static void test_keyed_digests(void **state)
{
    (void)state;
    static const struct {
        enum digest_algorithm algorithm;
        const char *hex;
    } cases[] = {
        /* RFC 2104 style: key "Jefe", RFC 2202 and RFC 4231 test case 2 */
        {DIGEST_HMAC_MD5, "750c783e6ab0b503eaa86e310a5db738"},
        {DIGEST_HMAC_SHA1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {DIGEST_HMAC_SHA256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO_STRBUF struct strbuf out = {0};
        struct error err = ERROR_INIT;
        struct digest d;
        strbuf_init(&out, 0);
        assert_int_equal(digest_compute(cases[i].algorithm, SPAN("Jefe"),
                                        SPAN("what do ya want for nothing?"), &d, &err),
                         0);
        digest_encode(DIGEST_HEX, (struct span){(const char *)d.bytes, d.len}, &out);
        assert_string_equal(out.data, cases[i].hex);
    }
}

static void test_encodings(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    digest_encode(DIGEST_HEX_UPPER, SPAN("\xff\x0a"), &out);
    digest_encode(DIGEST_BASE64, SPAN("\xff\xfe\xfd\xfc"), &out);
    digest_encode(DIGEST_BASE64URL, SPAN("\xff\xfe\xfd\xfc"), &out);
    assert_string_equal(out.data, "FF0A//79/A==__79_A");
}

static void test_keys_that_are_none(void **state)
{
    (void)state;
    static const char *const keys[] = {"", "secret-text", "-----BEGIN PRIVATE KEY-----\nAAAA\n"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct error err = ERROR_INIT;
        struct digest d;
        assert_int_equal(digest_compute(DIGEST_RSA2, span_of(keys[i]), SPAN("x"), &d, &err),
                         ERR_CONFIG);
        assert_null(strstr(err.message, "secret-text"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_masks_stay_masks),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_a_text_has_an_end),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_checks_need_no_values),
        cmocka_unit_test(test_keyed_digests),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_keys_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
