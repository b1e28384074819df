/* Errors: text, context, ranking. */
#include "core/error.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_set_clears_what_was_before(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    strcpy(err.sqlstate, "40001");
    err.http_status = 503;
    err.retry_after_ms = 100;
    strcpy(err.hint, "old");
    assert_int_equal(error_set(&err, ERR_DATA, "row %d is wrong", 7), ERR_DATA);
    assert_string_equal(err.message, "row 7 is wrong");
    assert_string_equal(err.sqlstate, "");
    assert_string_equal(err.hint, "");
    assert_int_equal(err.http_status, 0);
    assert_int_equal(err.retry_after_ms, 0);
}

static void test_set_from_its_own_message(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    error_set(&err, ERR_IO, "disk is full");
    error_set(&err, ERR_FAILED, "batch 3: %s", err.message);
    assert_string_equal(err.message, "batch 3: disk is full");
}

static void test_context_keeps_the_rest(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    error_set(&err, ERR_DATABASE, "deadlock");
    strcpy(err.sqlstate, "40P01");
    error_hint(&err, "run again");
    assert_int_equal(error_context(&err, "while syncing store '%s'", "S001"), ERR_DATABASE);
    assert_string_equal(err.message, "while syncing store 'S001': deadlock");
    assert_string_equal(err.sqlstate, "40P01");
    assert_string_equal(err.hint, "run again");
}

/* The message is cut between characters, wherever the limit falls in a three-byte one. */
static void test_long_text_is_cut_at_a_code_point(void **state)
{
    (void)state;
    for (size_t lead = 0; lead < 3; lead++) {
        char text[ERROR_MESSAGE_MAX * 2] = "";
        memset(text, 'x', lead);
        for (size_t i = lead; i + 3 < sizeof text; i += 3) {
            memcpy(text + i, "店", 4);
        }
        struct error err = ERROR_INIT;
        error_set(&err, ERR_DATA, "%s", text);
        size_t len = strlen(err.message);
        assert_true(len > ERROR_MESSAGE_MAX - 4);
        assert_int_equal((len - lead) % 3, 0);
        error_hint(&err, "%s", text);
        assert_int_equal((strlen(err.hint) - lead) % 3, 0);
        error_context(&err, "in store"); /* 10 bytes more in front */
        assert_int_equal((strlen(err.message) - 10 - lead) % 3, 0);
        assert_memory_equal(err.message, "in store: ", 10);
    }
}

static void test_complete_last_character_is_kept(void **state)
{
    (void)state;
    char text[ERROR_MESSAGE_MAX + 8];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text + ERROR_MESSAGE_MAX - 4, "店", 3); /* ends exactly at the limit */
    struct error err = ERROR_INIT;
    error_set(&err, ERR_DATA, "%s", text);
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_MAX - 1);
    assert_string_equal(err.message + ERROR_MESSAGE_MAX - 4, "店");
}

static void test_errno_text_and_hint(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    error_set_errno(&err, ERR_IO, ENOSPC, "cannot write '%s'", "out.csv");
    assert_string_equal(err.message, "cannot write 'out.csv': No space left on device");
    assert_true(strlen(err.hint) > 0);
    error_set_errno(&err, ERR_IO, EACCES, "cannot open '%s'", "x");
    assert_string_equal(err.hint, "");
}

static void test_classes_and_names(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    error_set(&err, ERR_UNAVAILABLE, "down");
    assert_true(error_is_retryable(&err));
    error_set(&err, ERR_RATE_LIMITED, "slow");
    assert_true(error_is_retryable(&err));
    error_set(&err, ERR_DATA, "bad");
    assert_false(error_is_retryable(&err));
    assert_string_equal(error_code_name(ERR_AUTH), "ERR_AUTH");
    assert_int_equal(error_class_of(ERR_DATABASE_TRANSIENT), ERROR_CLASS_TRANSIENT);
    assert_int_equal(error_exit_status(ERR_RUNNING), 8);
    assert_int_equal(error_exit_status(ERR_OK), 0);
    assert_int_equal(error_exit_status((enum error_code)9999), 70); /* unknown: a defect */
}

static void test_fold_tells_all_and_counts_as_the_worst(void **state)
{
    (void)state;
    struct error all = ERROR_INIT, one = ERROR_INIT;
    error_set(&one, ERR_DATA, "wechat: it does not add up");
    error_hint(&one, "fetch it again");
    assert_int_equal(error_fold(&all, &one), ERR_DATA);
    assert_string_equal(all.message, "wechat: it does not add up");
    error_set(&one, ERR_AUTH, "alipay: wrong key");
    error_hint(&one, "look at the keys");
    assert_int_equal(error_fold(&all, &one), ERR_AUTH);
    assert_string_equal(all.message, "wechat: it does not add up; and alipay: wrong key");
    assert_string_equal(all.hint, "look at the keys");
    error_set(&one, ERR_CHECK, "1 differs");
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(error_fold(&all, &one), ERR_AUTH);
    }
    assert_string_equal(all.hint, "look at the keys");
    assert_int_equal(strlen(all.message), ERROR_MESSAGE_MAX - 1);
}

static void test_worse_follows_the_rule(void **state)
{
    (void)state;
    static const enum error_code order[] = {ERR_CANCELLED,   ERR_BUG,    ERR_DATABASE, ERR_AUTH,
                                            ERR_UNAVAILABLE, ERR_CONFIG, ERR_FAILED,   ERR_CHECK,
                                            ERR_PARTIAL,     ERR_OK};
    size_t count = sizeof order / sizeof order[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t k = i; k < count; k++) {
            assert_int_equal(error_worse(order[i], order[k]), order[i]);
            assert_int_equal(error_worse(order[k], order[i]), order[i]);
        }
    }
    assert_int_equal(error_worse(ERR_DATA, ERR_IO), ERR_DATA); /* equals: the first stays */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_clears_what_was_before),
        cmocka_unit_test(test_set_from_its_own_message),
        cmocka_unit_test(test_context_keeps_the_rest),
        cmocka_unit_test(test_long_text_is_cut_at_a_code_point),
        cmocka_unit_test(test_complete_last_character_is_kept),
        cmocka_unit_test(test_errno_text_and_hint),
        cmocka_unit_test(test_classes_and_names),
        cmocka_unit_test(test_worse_follows_the_rule),
        cmocka_unit_test(test_fold_tells_all_and_counts_as_the_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
