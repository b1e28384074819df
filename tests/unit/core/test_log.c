/* The log sink: its two forms, escaping, context, redaction. */
#include "core/clock.h"
#include "core/log.h"
#include "core/secret.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t fixed_wall_us(void *self)
{
    (void)self;
    return 1795324500123456; /* 2026-11-22T05:15:00.123456Z */
}
static const struct clock_source fixed_clock = {.wall_us = fixed_wall_us};

static char *text;
static size_t text_len;
static FILE *sink;

static void start(enum log_level level, bool json)
{
    sink = open_memstream(&text, &text_len);
    log_setup(sink, level, json);
}

static int setup(void **state)
{
    (void)state;
    clock_inject(&fixed_clock);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_setup(NULL, LOG_NOTICE, false);
    fclose(sink);
    free(text);
    text = NULL;
    log_context("pipeline", NULL);
    log_context("run_id", NULL);
    clock_inject(NULL);
    return 0;
}

static void test_text_line(void **state)
{
    (void)state;
    start(LOG_NOTICE, false);
    log_context("pipeline", "orders");
    log_event(LOG_NOTICE, LOG_FIELDS(LOG_INT("rows", -3), LOG_STR("store", "S 1\"")),
              "stream %s loaded", "a");
    assert_string_equal(text, "2026-11-22T05:15:00.123Z notice stream a loaded pipeline=orders "
                              "rows=-3 store=\"S 1\\\"\"\n");
}

static void test_json_line(void **state)
{
    (void)state;
    start(LOG_INFO, true);
    log_context("run_id", "42");
    log_event(LOG_INFO, LOG_FIELDS(LOG_INT("rows", 7), LOG_STR("file", "库存.csv")), "loaded");
    assert_string_equal(text, "{\"ts\":\"2026-11-22T05:15:00.123Z\",\"level\":\"info\","
                              "\"msg\":\"loaded\",\"run_id\":\"42\",\"rows\":7,"
                              "\"file\":\"库存.csv\"}\n");
}

static void test_levels(void **state)
{
    (void)state;
    start(LOG_NOTICE, false);
    log_info("unseen");
    log_debug("unseen");
    fflush(sink);
    assert_int_equal(text_len, 0);
    log_warn("seen");
    assert_non_null(strstr(text, " warn seen\n"));
    assert_true(log_enabled(LOG_ERROR));
    assert_false(log_enabled(LOG_SQL));
}

/* One object that a JSON parser reads back to exactly the message. */
static void assert_json_message(const char *expected, size_t expected_len)
{
    json_error_t error;
    json_t *event = json_loadb(text, text_len, JSON_ALLOW_NUL, &error);
    if (event == NULL) {
        fail_msg("%s in %s", error.text, text);
    }
    json_t *message = json_object_get(event, "msg");
    assert_int_equal(json_string_length(message), expected_len);
    assert_memory_equal(json_string_value(message), expected, expected_len);
    json_decref(event);
    assert_ptr_equal(memchr(text, '\n', text_len), text + text_len - 1);
}

static void test_a_message_of_10_kb_is_intact(void **state)
{
    (void)state;
    char message[10241];
    for (size_t i = 0; i + 1 < sizeof message; i++) {
        message[i] = "ab\"\\\n\t\x01{},:"[i % 11];
    }
    message[10240] = '\0';
    start(LOG_NOTICE, true);
    log_notice("%s", message);
    assert_json_message(message, 10240);
}

static void test_one_event_is_one_line_of_text(void **state)
{
    (void)state;
    start(LOG_NOTICE, false);
    log_notice("a\nb\x1b[2J\xc2\x9b\xff店");
    assert_string_equal(text, "2026-11-22T05:15:00.123Z notice a\\nb\\x1b[2J\\x9b\\xff店\n");
}

static void test_bytes_that_are_no_utf8_become_replacements(void **state)
{
    (void)state;
    start(LOG_NOTICE, true);
    log_notice("\xb2\xfa|\xed\xa0\x80|\xc0\xaf|\xe0\x80\xaf|\xe5\xba");
    static const char expected[] =
        "\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|"
        "\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd";
    assert_json_message(expected, sizeof expected - 1);
}

static void test_a_key_stands_once(void **state)
{
    (void)state;
    start(LOG_NOTICE, false);
    log_context("pipeline", "orders");
    log_context("pipeline", "stock"); /* replaced */
    log_event(LOG_NOTICE, LOG_FIELDS(LOG_STR("pipeline", "marts")), "x");
    assert_string_equal(text, "2026-11-22T05:15:00.123Z notice x pipeline=marts\n");
    fclose(sink);
    free(text);
    start(LOG_NOTICE, false);
    log_context("pipeline", NULL);
    log_notice("y");
    assert_string_equal(text, "2026-11-22T05:15:00.123Z notice y\n");
}

static void test_an_enormous_message_is_cut_not_lost(void **state)
{
    (void)state;
    size_t size = (size_t)3 << 20;
    char *message = malloc(size);
    memset(message, 'm', size - 1);
    message[size - 1] = '\0';
    start(LOG_NOTICE, true);
    log_notice("%s", message);
    assert_true(text_len > (size_t)1 << 20);
    assert_true(text_len < (size_t)2 << 20);
    assert_memory_equal(text + text_len - 5, "mm\"}\n", 5);
    free(message);
}

/* Before escaping: a secret with quotes and line ends is found in JSON too. */
static void test_redacts_message_context_and_fields(void **state)
{
    (void)state;
    secret_register("qu\"ote\nd-secret");
    for (int json = 0; json < 2; json++) {
        start(LOG_NOTICE, json != 0);
        log_context("pipeline", "p-qu\"ote\nd-secret");
        log_event(LOG_NOTICE, LOG_FIELDS(LOG_STR("dsn", "x=qu\"ote\nd-secret")), "is %s!",
                  "qu\"ote\nd-secret");
        assert_null(strstr(text, "secret"));
        assert_non_null(strstr(text, "is ****!"));
        assert_non_null(strstr(text, "p-****"));
        assert_non_null(strstr(text, "x=****"));
        if (json == 0) {
            log_setup(NULL, LOG_NOTICE, false);
            fclose(sink);
            free(text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_message_of_10_kb_is_intact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_event_is_one_line_of_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_that_are_no_utf8_become_replacements, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_key_stands_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_enormous_message_is_cut_not_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_redacts_message_context_and_fields, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
