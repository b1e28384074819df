/* Formats of one column that read a text as two different times. */
#include "pipeline/time_clash.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_clash(const char *first, const char *second, const char *text_first,
                         const char *reading_first, const char *text_second,
                         const char *reading_second)
{
    struct time_clash c;
    if (!time_formats_clash(first, second, true, &c))
        fail_msg("'%s' and '%s' were taken", first, second);
    assert_string_equal(c.texts[0], text_first);
    assert_string_equal(c.readings[0], reading_first);
    assert_string_equal(c.texts[1], text_second);
    assert_string_equal(c.readings[1], reading_second);
}

static void test_one_text_two_days(void **state)
{
    (void)state;
    assert_clash("%d/%m/%Y", "%m/%d/%Y", "04/03/2026", "2026-03-04", "04/03/2026", "2026-04-03");
    assert_clash("%y/%m/%d", "%d/%m/%y", "03/04/26", "2003-04-26", "03/04/26", "2026-04-03");
    assert_clash("%d%m%Y", "%Y%m%d", "20110403", "0403-11-20", "20110403", "2011-04-03");
    assert_clash("%Y-%d-%m", "iso", "2026-04-03", "2026-03-04", "2026-04-03", "2026-04-03");
    assert_clash("iso", "%Y-%d-%m", "2026-03-04", "2026-03-04", "2026-03-04", "2026-04-03");
    assert_clash("excel", "excel_1904", "44653", "2022-04-02", "44653", "2026-04-03");
    assert_clash("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "04/03/2026 10:11", "2026-03-04",
                 "04/03/2026 10:11", "2026-04-03");
}

static void test_two_texts_one_order(void **state)
{
    (void)state;
    assert_clash("%m/%d/%y", "%d/%m/%Y", "03/04/26", "2026-03-04", "03/04/2026", "2026-04-03");
    assert_clash("%d/%m/%Y %H:%M", "%m/%d/%Y", "04/03/2026 00:00", "2026-03-04", "04/03/2026",
                 "2026-04-03");
    assert_clash("%y/%m/%d %H:%M", "%d/%m/%y", "03/04/26 00:00", "2003-04-26", "03/04/26",
                 "2026-04-03");
    assert_clash("iso", "%Y-%d-%m %I:%M %p", "2026-03-04", "2026-03-04", "2026-03-04 12:00 AM",
                 "2026-04-03");
}

static void test_times_of_day(void **state)
{
    (void)state;
    struct time_clash c;
    assert_true(time_formats_clash("%Y-%m-%d %H:%M", "%Y-%m-%d %M:%H", false, &c));
    assert_string_equal(c.texts[0], "2026-04-03 11:10");
    assert_string_equal(c.readings[0], "2026-04-03T11:10:00");
    assert_string_equal(c.readings[1], "2026-04-03T10:11:00");
    assert_false(time_formats_clash("%Y-%m-%d %H:%M", "%Y-%m-%d %M:%H", true, &c));
}

/* Of what only overlaps with one meaning, and of what no text of the other fits, nothing is said.
 */
static void test_sound_together(void **state)
{
    (void)state;
    static const char *const sound[][2] = {
        {"%Y/%m/%d", "%Y%m%d"},
        {"iso", "%Y-%m-%d"},
        {"%Y-%m-%d", "iso"},
        {"%Y-%m-%d %H:%M:%S", "iso"},
        {"%Y-%m-%dT%H:%M:%S%z", "iso"},
        {"%d/%m/%Y", "%d/%m/%Y %H:%M"},
        {"%d/%m/%Y", "%d/%m/%y"},
        {"%m/%d/%Y %I:%M %p", "%m/%d/%Y"},
        {"%Y/%m/%d", "%d/%m/%Y"},
        {"%Y/%m/%d", "%d/%m/%y"},
        {"%Y/%m/%d", "excel"},
        {"%Y%m%d", "excel"},
        {"excel", "%Y%m%d"},
        {"%d-%b-%Y", "%d-%m-%Y"},
        {"%b %d, %Y", "%d %b %Y"},
        {"parts", "iso"},
        {"odata_ms", "iso"},
        {"%Y%m%d", "%d%m%Y"}, /* no month is 19 or 20 */
        {"%Y%m%d", "epoch_s"},
        {"epoch_s", "epoch_ms"}, /* the year 58000 is none */
    };
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++) {
        struct time_clash c;
        if (time_formats_clash(sound[i][0], sound[i][1], true, &c))
            fail_msg("'%s' '%s': '%s' %s, '%s' %s", sound[i][0], sound[i][1], c.texts[0],
                     c.readings[0], c.texts[1], c.readings[1]);
    }
}

/* The first that fits is taken, so that an order may be wrong and the other right. */
static void test_order_counts(void **state)
{
    (void)state;
    struct time_clash c;
    assert_true(time_formats_clash("epoch_s", "%Y%m%d", true, &c));
    assert_string_equal(c.readings[0], "1970-08-23");
    assert_true(time_formats_clash("epoch_ms", "epoch_s", false, &c));
}

static void test_odd_formats(void **state)
{
    (void)state;
    struct time_clash c;
    char longest[400];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    memcpy(longest, "%Y%m%d", 6);
    assert_false(time_formats_clash("%Y%m%d", longest, true, &c));
    assert_false(time_formats_clash(longest, "%d%m%Y", true, &c));
    assert_false(time_formats_clash("%Q", "%d%m%Y%", true, &c)); /* lint tells them */
    assert_false(time_formats_clash("%", "", true, &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_text_two_days), cmocka_unit_test(test_two_texts_one_order),
        cmocka_unit_test(test_times_of_day),      cmocka_unit_test(test_sound_together),
        cmocka_unit_test(test_order_counts),      cmocka_unit_test(test_odd_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
