/* Civil dates, formats, printing. */
#include "core/datetime.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_days_both_ways(void **state)
{
    (void)state;
    assert_int_equal(civil_to_days(1970, 1, 1), 0);
    assert_int_equal(civil_to_days(2000, 3, 1), 11017);
    assert_int_equal(civil_to_days(1, 1, 1), -719162);
    assert_int_equal(civil_to_days(9999, 12, 31), 2932896);
    int year = 1;
    int month = 1;
    int day = 1;
    for (int32_t d = -719162; d <= 2932896; d++) { /* every day there is, counted by hand */
        int y;
        int m;
        int n;
        civil_from_days(d, &y, &m, &n);
        if (y != year || m != month || n != day || civil_to_days(y, m, n) != d) {
            fail_msg("day %d is not %d-%d-%d", d, y, m, n);
        }
        day++;
        if (!civil_date_is_valid(year, month, day)) {
            day = 1;
            month = month % 12 + 1;
            year += month == 1;
        }
    }
    assert_int_equal(year, 10000);
}

static void test_valid_dates(void **state)
{
    (void)state;
    assert_true(civil_date_is_valid(2024, 2, 29));
    assert_true(civil_date_is_valid(2000, 2, 29));
    assert_false(civil_date_is_valid(1900, 2, 29));
    assert_false(civil_date_is_valid(2023, 2, 29));
    assert_false(civil_date_is_valid(2023, 4, 31));
    assert_false(civil_date_is_valid(2023, 13, 1));
    assert_false(civil_date_is_valid(2023, 0, 1));
    assert_false(civil_date_is_valid(2023, 1, 0));
    assert_false(civil_date_is_valid(0, 1, 1));
    assert_false(civil_date_is_valid(10000, 1, 1));
}

static void test_civil_before_1970(void **state)
{
    (void)state;
    struct civil c;
    civil_from_us(-1, &c);
    assert_int_equal(c.year, 1969);
    assert_int_equal(c.second, 59);
    assert_int_equal(c.microsecond, 999999);
    assert_int_equal(civil_to_us(&c), -1);
}

static void assert_parses(const char *format, const char *text, const char *utc, bool has_zone,
                          bool has_time)
{
    struct datetime d;
    char printed[DATETIME_ISO_MAX];
    if (!datetime_parse(format, text, strlen(text), &d)) {
        fail_msg("'%s' does not fit '%s'", text, format);
    }
    datetime_print(d.us, NULL, printed);
    assert_string_equal(printed, utc);
    assert_int_equal(d.has_zone, has_zone);
    assert_int_equal(d.has_time, has_time);
}

static void assert_rejects(const char *format, const char *text)
{
    struct datetime d = {.us = 77};
    if (datetime_parse(format, text, strlen(text), &d)) {
        fail_msg("'%s' was taken for '%s'", text, format);
    }
    assert_int_equal(d.us, 77);
}

static void test_iso(void **state)
{
    (void)state;
    assert_parses("iso", "2026-11-22", "2026-11-22T00:00:00Z", false, false);
    assert_parses("iso", "2026-11-22 05:15", "2026-11-22T05:15:00Z", false, true);
    assert_parses("iso", "2026-11-22T05:15:09", "2026-11-22T05:15:09Z", false, true);
    assert_parses("iso", "2026-11-22T05:15:09.5", "2026-11-22T05:15:09.500000Z", false, true);
    assert_parses("iso", "2026-11-22T05:15:09.123456Z", "2026-11-22T05:15:09.123456Z", true, true);
    assert_parses("iso", "2026-11-22T05:15:09.1234560000", "2026-11-22T05:15:09.123456Z", false,
                  true);
    assert_parses("iso", "2026-11-22 05:15:00+08:00", "2026-11-21T21:15:00Z", true, true);
    assert_parses("iso", "2026-11-22 05:15:00-0530", "2026-11-22T10:45:00Z", true, true);
    assert_parses("iso", "2026-11-22 05:15+08", "2026-11-21T21:15:00Z", true, true);
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-11-2",
                                      "2026-11-222",
                                      "2026-13-01",
                                      "2026-02-29",
                                      "2026/11/22",
                                      "2026-11-22T",
                                      "2026-11-22 ",
                                      "2026-11-22 5:15",
                                      "2026-11-22T24:00",
                                      "2026-11-22T05:60",
                                      "2026-11-22T05:15:60",
                                      "2026-11-22T05:15:0",
                                      "2026-11-22T05:15:00.",
                                      "2026-11-22x05:15",
                                      "2026-11-22T05:15:00.1234567",
                                      "2026-11-22T05:15:00+",
                                      "2026-11-22T05:15:00+8",
                                      "2026-11-22T05:15:00+08:",
                                      "2026-11-22T05:15:00+08:0",
                                      "2026-11-22T05:15:00+16:00",
                                      "2026-11-22T05:15:00+08:60",
                                      "2026-11-22T05:15:00ZZ",
                                      "0000-01-01",
                                      "2026-1a-01",
                                      "2026-11-22T05:15:00 ",
                                      "-026-11-22",
                                      "2026-11-22T0515"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_rejects("iso", bad[i]);
    }
}

static void test_formats(void **state)
{
    (void)state;
    assert_parses("%Y/%m/%d %H:%M:%S", "2026/1/2 3:04:05", "2026-01-02T03:04:05Z", false, true);
    assert_parses("%Y/%m/%d %H:%M:%S", "2026/01/02 \t 03:4:5", "2026-01-02T03:04:05Z", false, true);
    assert_parses("%Y%m%d", "20261122", "2026-11-22T00:00:00Z", false, false);
    assert_parses("%Y%m%d%H%M%S", "20261122051509", "2026-11-22T05:15:09Z", false, true);
    assert_parses("%Y年%m月%d日", "2026年1月22日", "2026-01-22T00:00:00Z", false, false);
    assert_parses("%d.%m.%y", "22.11.68", "2068-11-22T00:00:00Z", false, false);
    assert_parses("%d.%m.%y", "22.11.69", "1969-11-22T00:00:00Z", false, false);
    assert_parses("%d-%b-%Y", "05-nov-2026", "2026-11-05T00:00:00Z", false, false);
    assert_parses("%m/%d/%Y %I:%M %p", "11/22/2026 12:05 AM", "2026-11-22T00:05:00Z", false, true);
    assert_parses("%m/%d/%Y %I:%M %p", "11/22/2026 12:05 pm", "2026-11-22T12:05:00Z", false, true);
    assert_parses("%m/%d/%Y %I:%M %p", "11/22/2026 3:05 PM", "2026-11-22T15:05:00Z", false, true);
    assert_parses("%Y-%m-%d %H:%M:%S.%f", "2026-11-22 05:15:00.7", "2026-11-22T05:15:00.700000Z",
                  false, true);
    assert_parses("%Y-%m-%dT%H:%M:%S%z", "2026-11-22T05:15:00+0800", "2026-11-21T21:15:00Z", true,
                  true);
    assert_parses("%Y-%m", "2026-11", "2026-11-01T00:00:00Z", false, false);
    assert_parses("100%% %Y", "100% 2026", "2026-01-01T00:00:00Z", false, false);
    assert_rejects("%Y%m%d", "2026112"); /* two digits where no separator tells */
    assert_rejects("%Y%m%d", "202611 2");
    assert_rejects("%Y-%m-%d", "26-11-22");
    assert_rejects("%Y-%m-%d", "2026-02-30");
    assert_rejects("%Y-%m-%d", "2026-11-22 ");
    assert_rejects("%Y-%m-%d", " 2026-11-22");
    assert_rejects("%Y-%m-%d", "2026-11-221");
    assert_rejects("%Y-%m-%d %H:%M", "2026-11-2212:00");
    assert_rejects("%Y-%m-%d %H:%M:%S", "2026-11-22 12:00:60");
    assert_rejects("%Y-%m-%d %H:%M", "2026-11-22 24:00");
    assert_rejects("%m/%d/%Y %I:%M %p", "11/22/2026 13:05 PM");
    assert_rejects("%m/%d/%Y %I:%M %p", "11/22/2026 0:05 AM");
    assert_rejects("%d-%b-%Y", "05-Foo-2026");
    assert_rejects("%H:%M", "12:00"); /* no year, no date */
}

static void test_epoch(void **state)
{
    (void)state;
    assert_parses("epoch_s", "1795324500", "2026-11-22T05:15:00Z", true, true);
    assert_parses("epoch_s", "1795324500.25", "2026-11-22T05:15:00.250000Z", true, true);
    assert_parses("epoch_s", "-1.5", "1969-12-31T23:59:58.500000Z", true, true);
    assert_parses("epoch_ms", "1795324500123", "2026-11-22T05:15:00.123000Z", true, true);
    assert_parses("epoch_s", "253402300799", "9999-12-31T23:59:59Z", true, true);
    assert_rejects("epoch_s", "253402300800");
    assert_rejects("epoch_s", "1795324500123456789");
    assert_rejects("epoch_s", "1e9");
    assert_rejects("epoch_s", "");
    assert_rejects("epoch_s", "-");
    assert_rejects("epoch_s", "1.");
    assert_rejects("epoch_s", "1.1234567"); /* finer than we can keep */
    assert_rejects("epoch_ms", "+5");
}

static void test_odata_ms(void **state)
{
    (void)state;
    assert_parses("odata_ms", "/Date(1795324500123)/", "2026-11-22T05:15:00.123000Z", false, true);
    assert_parses("odata_ms", "/Date(1795324500000+0480)/", "2026-11-22T05:15:00Z", true, true);
    assert_parses("odata_ms", "/Date(1795324500000-0060)/", "2026-11-22T05:15:00Z", true, true);
    assert_parses("odata_ms", "/Date(-1000)/", "1969-12-31T23:59:59Z", false, true);
    assert_rejects("odata_ms", "/Date()/");
    assert_rejects("odata_ms", "/Date(-)/");
    assert_rejects("odata_ms", "/Date(1.5)/");
    assert_rejects("odata_ms", "/Date(1000+)/");
    assert_rejects("odata_ms", "/Date(1000+08:00)/");
    assert_rejects("odata_ms", "/Date(1000)");
    assert_rejects("odata_ms", "Date(1000)/");
    assert_rejects("odata_ms", "1795324500123");
    assert_rejects("odata_ms", "/Date(99999999999999999)/");
}

static void test_excel(void **state)
{
    (void)state;
    assert_parses("excel", "1", "1900-01-01T00:00:00Z", false, false);
    assert_parses("excel", "59", "1900-02-28T00:00:00Z", false, false);
    assert_parses("excel", "61", "1900-03-01T00:00:00Z", false, false);
    assert_parses("excel", "46348", "2026-11-22T00:00:00Z", false, false);
    assert_parses("excel", "46348.0", "2026-11-22T00:00:00Z", false, false);
    assert_parses("excel", "46348.5", "2026-11-22T12:00:00Z", false, true);
    assert_parses("excel", "46348.218750000001", "2026-11-22T05:15:00Z", false, true);
    assert_parses("excel", "46348.21874999999978", "2026-11-22T05:15:00Z", false, true);
    assert_rejects("excel", "60"); /* the 29th of February 1900 */
    assert_rejects("excel", "0.5");
    assert_rejects("excel", "-3");
    assert_rejects("excel", "2958466");
    assert_rejects("excel", "4.6E4");
}

static void test_format_check(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(datetime_format_check("%Y-%m-%d %H:%M:%S.%f%z", &err), 0);
    assert_int_equal(datetime_format_check("epoch_ms", &err), 0);
    assert_int_equal(datetime_format_check("excel", &err), 0);
    assert_int_equal(datetime_format_check("odata_ms", &err), 0);
    assert_int_equal(datetime_format_check("parts", &err), 0);
    assert_int_equal(datetime_format_check("%Y-%q", &err), ERR_SPEC);
    assert_non_null(strstr(err.message, "'%q'"));
    assert_int_equal(datetime_format_check("%Y-%", &err), ERR_SPEC);
    assert_int_equal(datetime_format_check("epoch_us", &err), ERR_SPEC);
    assert_int_equal(datetime_format_check("%Y %I", &err), ERR_SPEC);
}

static void test_print(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    const struct zone *shanghai = NULL;
    const struct zone *new_york = NULL;
    char text[DATETIME_ISO_MAX];
    char date[11];
    assert_int_equal(zone_load("Asia/Shanghai", &shanghai, &err), 0);
    assert_int_equal(zone_load("America/New_York", &new_york, &err), 0);
    date_print(20779, date);
    assert_string_equal(date, "2026-11-22");
    datetime_print(1795324500123456, shanghai, text);
    assert_string_equal(text, "2026-11-22T13:15:00.123456+08:00");
    datetime_print(1795324500000000, new_york, text);
    assert_string_equal(text, "2026-11-22T00:15:00-05:00");
    /* Local mean time, +08:05:43, has no RFC 3339 offset. */
    datetime_print((int64_t)-2200000000 * 1000000, shanghai, text);
    assert_string_equal(text, "1900-04-15T00:53:20Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_both_ways),    cmocka_unit_test(test_valid_dates),
        cmocka_unit_test(test_civil_before_1970), cmocka_unit_test(test_iso),
        cmocka_unit_test(test_formats),           cmocka_unit_test(test_epoch),
        cmocka_unit_test(test_odata_ms),          cmocka_unit_test(test_excel),
        cmocka_unit_test(test_format_check),      cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
