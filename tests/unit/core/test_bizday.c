/* Business dates. */
#include "core/datetime.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_US ((int64_t)3600 * 1000000)

static struct bizday bizday(const char *name, const char *cutoff)
{
    struct error err = ERROR_INIT;
    struct bizday b = {0};
    assert_int_equal(zone_load(name, &b.zone, &err), 0);
    assert_int_equal(time_of_day_parse(cutoff, &b.cutoff_s, &err), 0);
    return b;
}

static int64_t us(const char *text)
{
    struct datetime d;
    assert_true(datetime_parse_iso(text, strlen(text), &d));
    return d.us;
}

static int32_t day(const char *text)
{
    return (int32_t)(us(text) / (24 * HOUR_US));
}

static void assert_day(const struct bizday *b, const char *instant, const char *expected)
{
    char text[11];
    date_print(bizday_of(b, us(instant)), text);
    if (strcmp(text, expected) != 0) {
        fail_msg("%s belongs to %s, not %s", instant, text, expected);
    }
}

static void test_cutoff(void **state)
{
    (void)state;
    struct bizday b = bizday("Asia/Shanghai", "04:00");
    assert_day(&b, "2026-11-22T03:59:59.999999+08:00", "2026-11-21");
    assert_day(&b, "2026-11-22T04:00:00+08:00", "2026-11-22");
    assert_day(&b, "2026-11-23T03:59:59+08:00", "2026-11-22");
    struct bizday midnight = bizday("Asia/Shanghai", "00:00");
    assert_day(&midnight, "2026-11-22T23:59:59+08:00", "2026-11-22");
    assert_day(&midnight, "1969-12-31T23:59:59+08:00", "1969-12-31");
}

static void assert_hours(const struct bizday *b, const char *date, const char *start, double hours)
{
    int64_t start_us;
    int64_t end_us;
    char text[DATETIME_ISO_MAX];
    bizday_range(b, day(date), &start_us, &end_us);
    datetime_print(start_us, b->zone, text);
    assert_string_equal(text, start);
    assert_int_equal(end_us - start_us, (int64_t)(hours * (double)HOUR_US));
}

static void test_days_of_23_and_25_hours(void **state)
{
    (void)state;
    struct bizday b = bizday("America/New_York", "04:00");
    assert_hours(&b, "2026-03-07", "2026-03-07T04:00:00-05:00", 23);
    assert_hours(&b, "2026-03-08", "2026-03-08T04:00:00-04:00", 24);
    assert_hours(&b, "2026-10-31", "2026-10-31T04:00:00-04:00", 25);
    assert_hours(&b, "2026-11-01", "2026-11-01T04:00:00-05:00", 24);
    struct bizday shanghai = bizday("Asia/Shanghai", "04:00");
    assert_hours(&shanghai, "2026-03-08", "2026-03-08T04:00:00+08:00", 24);
    /* A cut-off inside the gap begins at the first instant after it. */
    struct bizday gap = bizday("America/New_York", "02:30");
    assert_hours(&gap, "2026-03-08", "2026-03-08T03:00:00-04:00", 23.5);
    assert_hours(&gap, "2026-03-07", "2026-03-07T02:30:00-05:00", 23.5);
    /* A cut-off inside the fold: its first occurrence. */
    struct bizday fold = bizday("America/New_York", "01:30");
    assert_hours(&fold, "2026-11-01", "2026-11-01T01:30:00-04:00", 25);
}

/* When the clock goes back across the cut-off, the new day has begun all the same. */
static void test_fold_across_the_cutoff(void **state)
{
    (void)state;
    struct bizday b = bizday("America/New_York", "01:30");
    assert_day(&b, "2026-11-01T01:29:59-04:00", "2026-10-31");
    assert_day(&b, "2026-11-01T01:30:00-04:00", "2026-11-01");
    assert_day(&b, "2026-11-01T01:10:00-05:00", "2026-11-01"); /* ten past one, again */
}

/* Ranges have neither holes nor overlaps, and each instant lies in the range of its day. */
static void test_ranges_tile_time(void **state)
{
    (void)state;
    static const char *const names[] = {"America/New_York", "Asia/Shanghai", "Pacific/Apia",
                                        "Australia/Lord_Howe"};
    static const char *const cutoffs[] = {"00:00", "01:30", "02:30", "04:00", "23:59"};
    for (size_t z = 0; z < 4; z++) {
        for (size_t c = 0; c < 5; c++) {
            struct bizday b = bizday(names[z], cutoffs[c]);
            for (int64_t t = us("2011-01-01"); t < us("2012-02-01"); t += 37 * 60 * 1000000LL) {
                int64_t start_us;
                int64_t end_us;
                bizday_range(&b, bizday_of(&b, t), &start_us, &end_us);
                if (t < start_us || t >= end_us) {
                    fail_msg("%s %s: an instant outside its day", names[z], cutoffs[c]);
                }
            }
        }
    }
}

static void assert_parsed(const struct bizday *b, const char *text, const char *expected)
{
    struct error err = ERROR_INIT;
    int32_t days = 0;
    char printed[11];
    assert_int_equal(bizday_parse(b, text, us("2026-11-22T05:15:00+08:00"), &days, &err), 0);
    date_print(days, printed);
    assert_string_equal(printed, expected);
}

static void test_parse(void **state)
{
    (void)state;
    struct bizday b = bizday("Asia/Shanghai", "04:00");
    assert_parsed(&b, "today", "2026-11-22");
    assert_parsed(&b, "yesterday", "2026-11-21"); /* at 05:15 it has closed */
    assert_parsed(&b, "3 days ago", "2026-11-19");
    assert_parsed(&b, "1 day ago", "2026-11-21");
    assert_parsed(&b, "0 days ago", "2026-11-22");
    assert_parsed(&b, "2024-02-29", "2024-02-29");
    /* At 03:00 the day before is still open, and yesterday the one before that. */
    char text[11];
    date_print(bizday_last_closed(&b, us("2026-11-22T03:00:00+08:00")), text);
    assert_string_equal(text, "2026-11-20");
    static const char *const bad[] = {"",
                                      "Today",
                                      "2026-02-30",
                                      "2026-11-22T04:00",
                                      "-1 days ago",
                                      "99999999999 days ago",
                                      "3 days",
                                      "20261122",
                                      " 1 day ago"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = ERROR_INIT;
        int32_t days = 77;
        assert_int_equal(bizday_parse(&b, bad[i], 0, &days, &err), ERR_USAGE);
        assert_int_equal(days, 77);
    }
}

static void test_time_of_day(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    int32_t seconds = 0;
    assert_int_equal(time_of_day_parse("04:00", &seconds, &err), 0);
    assert_int_equal(seconds, 14400);
    assert_int_equal(time_of_day_parse("23:59:59", &seconds, &err), 0);
    assert_int_equal(seconds, 86399);
    static const char *const bad[] = {"",      "4",        "4:00",  "24:00",
                                      "04:60", "04:00:60", "04-00", "04:00x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(time_of_day_parse(bad[i], &seconds, &err), ERR_CONFIG);
    }
    assert_int_equal(seconds, 86399);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cutoff),
        cmocka_unit_test(test_days_of_23_and_25_hours),
        cmocka_unit_test(test_fold_across_the_cutoff),
        cmocka_unit_test(test_ranges_tile_time),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_time_of_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
