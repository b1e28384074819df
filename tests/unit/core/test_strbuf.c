/* The bounded buffer. */
#include "core/strbuf.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_adds_and_grows(void **state)
{
    (void)state;
    struct strbuf sb;
    strbuf_init(&sb, 0);
    assert_string_equal(sb.data, "");
    for (int i = 0; i < 5000; i++) {
        assert_true(strbuf_addf(&sb, "%04d,", i));
    }
    assert_int_equal(sb.len, 25000);
    assert_memory_equal(sb.data + 24995, "4999,", 6); /* with its NUL */
    strbuf_release(&sb);
    strbuf_release(&sb); /* safe twice */
    assert_null(sb.data);
}

static void test_overflow_keeps_what_was_there(void **state)
{
    (void)state;
    struct strbuf sb;
    strbuf_init(&sb, 10);
    assert_true(strbuf_adds(&sb, "12345"));
    assert_false(strbuf_adds(&sb, "678901"));
    assert_true(sb.overflow);
    assert_string_equal(sb.data, "12345");
    assert_false(strbuf_addch(&sb, 'x')); /* ignored from here on, though it would fit */
    assert_string_equal(sb.data, "12345");
    strbuf_clear(&sb);
    assert_false(sb.overflow);
    assert_true(strbuf_adds(&sb, "1234567890")); /* exactly the maximum */
    assert_false(sb.overflow);
    strbuf_release(&sb);
}

static void test_overflow_of_formatted_text(void **state)
{
    (void)state;
    struct strbuf sb;
    strbuf_init(&sb, 8);
    assert_true(strbuf_adds(&sb, "abc"));
    /* Would fit into the memory there is, but not under the maximum. */
    assert_false(strbuf_addf(&sb, "%s", "defghi"));
    assert_true(sb.overflow);
    assert_string_equal(sb.data, "abc");
    assert_int_equal(sb.len, 3);
    strbuf_release(&sb);
    strbuf_init(&sb, 1000);
    assert_false(strbuf_addf(&sb, "%2000d", 1));
    assert_string_equal(sb.data, "");
    strbuf_release(&sb);
}

static void test_memory_stays_below_the_maximum(void **state)
{
    (void)state;
    struct strbuf sb;
    strbuf_init(&sb, 1000);
    while (strbuf_addch(&sb, 'x')) {
    }
    assert_int_equal(sb.len, 1000);
    assert_true(sb.capacity <= 1001);
    assert_int_equal(sb.data[1000], 0);
    assert_false(strbuf_reserve(&sb, (size_t)-1)); /* no wrap-around */
    strbuf_release(&sb);
}

static void test_detach_moves_out(void **state)
{
    (void)state;
    struct strbuf sb;
    size_t len = 0;
    strbuf_init(&sb, 100);
    strbuf_add(&sb, "a\0b", 3);
    char *data = strbuf_detach(&sb, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(data, "a\0b", 4);
    assert_int_equal(sb.len, 0);
    assert_int_equal(sb.max, 100);
    assert_true(strbuf_adds(&sb, "again"));
    free(data);
    strbuf_release(&sb);
}

static void test_reserve_then_write(void **state)
{
    (void)state;
    struct strbuf sb;
    strbuf_init(&sb, 0);
    assert_true(strbuf_reserve(&sb, 5000));
    memset(sb.data + sb.len, 'r', 5000);
    sb.len += 5000;
    assert_true(strbuf_addch(&sb, '!'));
    strbuf_truncate(&sb, 3);
    assert_string_equal(sb.data, "rrr");
    strbuf_truncate(&sb, 30); /* never longer */
    assert_int_equal(sb.len, 3);
    strbuf_release(&sb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adds_and_grows),
        cmocka_unit_test(test_overflow_keeps_what_was_there),
        cmocka_unit_test(test_overflow_of_formatted_text),
        cmocka_unit_test(test_memory_stays_below_the_maximum),
        cmocka_unit_test(test_detach_moves_out),
        cmocka_unit_test(test_reserve_then_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
