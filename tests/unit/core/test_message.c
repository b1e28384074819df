/* The texts of the reader's language: which one, and what happens without a catalogue. (The whole
 * of it: tests/cli/chinese.bats.) */
#include "core/message.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void set(const char *name, const char *value)
{
    if (value != NULL) {
        assert_int_equal(setenv(name, value, 1), 0);
    } else {
        assert_int_equal(unsetenv(name), 0);
    }
}

/* What gettext is told with this environment; NULL: English, it is left alone. */
static const char *language(const char *all, const char *messages, const char *lang)
{
    set("LC_ALL", all);
    set("LC_MESSAGES", messages);
    set("LANG", lang);
    set("LANGUAGE", NULL);
    message_setup();
    return getenv("LANGUAGE");
}

static void test_language(void **state)
{
    (void)state;
    assert_null(language(NULL, NULL, NULL));
    assert_null(language("C", NULL, "zh_CN.UTF-8"));
    assert_null(language("POSIX", "zh_CN.UTF-8", NULL));
    assert_null(language("C.UTF-8", NULL, NULL));
    assert_null(language("en_GB.UTF-8", NULL, NULL));
    assert_null(language(NULL, NULL, "en"));
    assert_string_equal(language("zh_CN.UTF-8", NULL, NULL), "zh_CN.UTF-8");
    assert_string_equal(language("", "zh_CN", "C"), "zh_CN"); /* empty is not set */
    assert_string_equal(language(NULL, NULL, "zh_CN.GB18030"), "zh_CN.GB18030");
    assert_string_equal(language(NULL, NULL, "eng_fictive"), "eng_fictive");
}

static void test_without_a_catalogue(void **state)
{
    (void)state;
    assert_non_null(language("xx_YY.UTF-8", NULL, NULL));
    assert_string_equal(message_text("done"), "done");
    assert_string_equal(message_text(""), "");
    assert_string_equal(message_text_of("column", "status"), "status");
    char longer[300];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_ptr_equal(message_text_of("column", longer), longer);
}

static void test_in_english(void **state)
{
    (void)state;
    assert_false(message_in_english(true));
    assert_string_equal(message_text("done"), "done");
    assert_true(message_in_english(false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_language),
        cmocka_unit_test(test_without_a_catalogue),
        cmocka_unit_test(test_in_english),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
