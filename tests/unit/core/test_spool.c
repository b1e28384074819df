#include "core/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Records of many lengths into several streams by turns; each stream gives its own back in order.
 */
static void streams_keep_apart_and_in_order(void **state)
{
    struct spool *s;
    struct error err = ERROR_INIT;
    char record[200], found[200];
    static const unsigned after_last[] = {2001, 2002, 2000};
    (void)state;
    assert_int_equal(spool_open(3, 64, &s, &err), 0);
    for (unsigned n = 0; n < 2000; n++) {
        int len = snprintf(record, sizeof record, "%u %.*s", n, (int)(n % 150),
                           "......................................................................"
                           "......................................................................"
                           "..........");
        assert_int_equal(spool_add(s, n % 3, &len, sizeof len, &err), 0);
        assert_int_equal(spool_add(s, n % 3, record, (size_t)len, &err), 0);
    }
    for (unsigned stream = 0; stream < 3; stream++) {
        struct spool_reader r;
        unsigned expected = stream;
        int len;
        bool end = false;
        spool_reader_init(&r, s, stream);
        for (;;) {
            assert_int_equal(spool_read(&r, &len, sizeof len, &end, &err), 0);
            if (end)
                break;
            assert_int_equal(spool_read(&r, found, (size_t)len, &end, &err), 0);
            assert_false(end);
            assert_int_equal(strtoul(found, NULL, 10), expected);
            expected += 3;
        }
        assert_int_equal(expected, after_last[stream]);
        spool_reader_release(&r);
    }
    spool_close(s);
}

static void a_part_of_a_record_is_a_fault(void **state)
{
    struct spool *s;
    struct spool_reader r;
    struct error err = ERROR_INIT;
    char found[8];
    bool end = false;
    (void)state;
    assert_int_equal(spool_open(2, 16, &s, &err), 0);
    assert_int_equal(spool_add(s, 1, "abc", 3, &err), 0);
    assert_int_equal(spool_size(s, 0), 0);
    assert_int_equal(spool_size(s, 1), 3);
    spool_reader_init(&r, s, 0);
    assert_int_equal(spool_read(&r, found, 1, &end, &err), 0);
    assert_true(end);
    spool_reader_release(&r);
    spool_reader_init(&r, s, 1);
    assert_int_equal(spool_read(&r, found, 8, &end, &err), ERR_BUG);
    spool_reader_release(&r);
    spool_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(streams_keep_apart_and_in_order),
                                       cmocka_unit_test(a_part_of_a_record_is_a_fault)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
