/* Time zones: gaps, folds, the footer rule far ahead, broken files. */
#include "core/datetime.h"
#include "core/zone_rule.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct zone *zone(const char *name)
{
    struct error err = ERROR_INIT;
    const struct zone *z = NULL;
    if (zone_load(name, &z, &err) != 0) {
        fail_msg("%s", err.message);
    }
    return z;
}

static int64_t us(const char *text)
{
    struct datetime d;
    assert_true(datetime_parse_iso(text, strlen(text), &d));
    return d.us;
}

static void assert_utc(const char *name, const char *local, const char *expected)
{
    char text[DATETIME_ISO_MAX];
    datetime_print(zone_local_to_utc(zone(name), us(local)), NULL, text);
    if (strcmp(text, expected) != 0) {
        fail_msg("%s in %s is %s, not %s", local, name, text, expected);
    }
}

static void test_new_york_gap(void **state)
{
    (void)state;
    assert_utc("America/New_York", "2026-03-08T01:59:59.999999", "2026-03-08T06:59:59.999999Z");
    assert_utc("America/New_York", "2026-03-08T02:00:00", "2026-03-08T07:00:00Z");
    assert_utc("America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:00:00Z");
    assert_utc("America/New_York", "2026-03-08T02:59:59.999999", "2026-03-08T07:00:00Z");
    assert_utc("America/New_York", "2026-03-08T03:00:00", "2026-03-08T07:00:00Z");
    assert_utc("America/New_York", "2026-03-08T03:00:01", "2026-03-08T07:00:01Z");
}

static void test_new_york_fold(void **state)
{
    (void)state;
    assert_utc("America/New_York", "2026-11-01T00:59:59", "2026-11-01T04:59:59Z");
    assert_utc("America/New_York", "2026-11-01T01:00:00", "2026-11-01T05:00:00Z");
    assert_utc("America/New_York", "2026-11-01T02:00:00", "2026-11-01T07:00:00Z");
    assert_utc("America/New_York", "2026-11-01T01:59:59", "2026-11-01T05:59:59Z"); /* the first */
    assert_int_equal(zone_offset_s(zone("America/New_York"), us("2026-11-01T05:59:59Z")), -14400);
    assert_int_equal(zone_offset_s(zone("America/New_York"), us("2026-11-01T06:00:00Z")), -18000);
}

static void test_shanghai(void **state)
{
    (void)state;
    assert_utc("Asia/Shanghai", "2026-11-22T04:00:00", "2026-11-21T20:00:00Z");
    assert_utc("Asia/Shanghai", "9999-12-31T23:00:00", "9999-12-31T15:00:00Z");
    /* Daylight saving of 1986 to 1991: gap on 1986-05-04 at 02:00, fold on 1986-09-14. */
    assert_utc("Asia/Shanghai", "1986-05-04T02:30:00", "1986-05-03T18:00:00Z");
    assert_utc("Asia/Shanghai", "1986-05-04T12:00:00", "1986-05-04T03:00:00Z");
    assert_utc("Asia/Shanghai", "1986-09-14T01:30:00", "1986-09-13T16:30:00Z");
    assert_utc("Asia/Shanghai", "1986-09-14T02:00:00", "1986-09-13T18:00:00Z");
}

/* Past what a file lists the rule of its footer holds, for ever. */
static void test_far_future(void **state)
{
    (void)state;
    assert_utc("America/New_York", "2500-07-01T12:00:00", "2500-07-01T16:00:00Z");
    assert_utc("America/New_York", "2500-12-01T12:00:00", "2500-12-01T17:00:00Z");
    assert_utc("America/New_York", "9998-03-08T02:30:00", "9998-03-08T07:00:00Z"); /* a Sunday */
    assert_utc("America/New_York", "9998-03-07T02:30:00", "9998-03-07T07:30:00Z");
    assert_utc("Australia/Sydney", "3000-01-01T12:00:00", "3000-01-01T01:00:00Z"); /* south */
    assert_utc("Australia/Sydney", "3000-07-01T12:00:00", "3000-07-01T02:00:00Z");
    assert_utc("Europe/Dublin", "2900-07-01T12:00:00", "2900-07-01T11:00:00Z"); /* negative DST */
    assert_utc("Europe/Dublin", "2900-01-01T12:00:00", "2900-01-01T12:00:00Z");
}

/* A calendar day that was left out, a change of half an hour, one at midnight. */
static void test_odd_zones(void **state)
{
    (void)state;
    assert_utc("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T10:00:00Z");
    assert_utc("Pacific/Apia", "2011-12-29T23:59:59", "2011-12-30T09:59:59Z");
    assert_utc("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:30:00Z");
    assert_utc("America/Sao_Paulo", "2018-11-04T00:30:00", "2018-11-04T03:00:00Z");
    assert_utc("UTC", "0001-01-01T00:00:00", "0001-01-01T00:00:00Z");
}

/* The answers do not depend on what was asked before. */
static void test_cache_changes_no_answer(void **state)
{
    (void)state;
    const struct zone *z = zone("America/New_York");
    int64_t start_us = us("2026-01-01T00:00:00");
    const int64_t step_us = (int64_t)17 * 60 * 1000000;
    const int64_t far_us = us("1950-06-01T00:00:00");
    for (int i = 0; i < 30000; i++) {
        int64_t local_us = start_us + i * step_us;
        int64_t warm_us = zone_local_to_utc(z, local_us);
        int32_t warm_offset_s = zone_offset_s(z, warm_us);
        zone_local_to_utc(z, far_us);
        zone_offset_s(z, far_us);
        assert_int_equal(zone_local_to_utc(z, local_us), warm_us);
        assert_int_equal(zone_offset_s(z, warm_us), warm_offset_s);
        /* There and back is the same clock reading, but in a gap, which it leaves forward. */
        assert_true(zone_utc_to_local(z, warm_us) >= local_us);
    }
}

static void test_loading(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    const struct zone *z = NULL;
    assert_ptr_equal(zone("Asia/Shanghai"), zone("Asia/Shanghai"));
    assert_string_equal(zone_name(zone("Asia/Shanghai")), "Asia/Shanghai");
    static const char *const bad[] = {"Asia/Shanghia",   "",     "/etc/localtime",
                                      "../zoneinfo/UTC", "Asia", "zone.tab",
                                      "Asia/Shanghai ",  "UTC\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(zone_load(bad[i], &z, &err), ERR_CONFIG);
        assert_null(z);
    }
    assert_non_null(strstr(err.hint, "tzdata"));
}

static size_t read_whole(const char *path, char *bytes, size_t size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, size, f);
    fclose(f);
    return n;
}

static void write_whole(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* Cut anywhere or changed in any byte, a file is refused or read, never run over. */
static void test_broken_files(void **state)
{
    (void)state;
    char directory[] = "/tmp/diner-zone-XXXXXX";
    char path[64];
    char bytes[8192];
    struct error err = ERROR_INIT;
    assert_non_null(mkdtemp(directory));
    size_t n = read_whole("/usr/share/zoneinfo/America/New_York", bytes, sizeof bytes);
    setenv("TZDIR", directory, 1);
    for (size_t cut = 0; cut < n; cut += cut < 64 ? 1 : 97) {
        char name[32];
        const struct zone *z = NULL;
        snprintf(name, sizeof name, "Cut%zu", cut);
        snprintf(path, sizeof path, "%s/%s", directory, name);
        write_whole(path, bytes, cut);
        assert_int_equal(zone_load(name, &z, &err), ERR_CONFIG);
        unlink(path);
    }
    for (size_t at = 0; at < n; at += at < 100 ? 1 : 61) {
        char name[32];
        const struct zone *z = NULL;
        snprintf(name, sizeof name, "Changed%zu", at);
        snprintf(path, sizeof path, "%s/%s", directory, name);
        bytes[at] = (char)(bytes[at] ^ 0xff);
        write_whole(path, bytes, n);
        bytes[at] = (char)(bytes[at] ^ 0xff);
        if (zone_load(name, &z, &err) == 0) {
            zone_local_to_utc(z, us("2030-01-01"));
        }
        unlink(path);
    }
    unsetenv("TZDIR");
    rmdir(directory);
}

static bool rule(const char *text, struct zone_rule *ret)
{
    return zone_rule_parse(text, strlen(text), ret);
}

static void test_rules(void **state)
{
    (void)state;
    struct zone_rule r;
    assert_true(rule("EST5EDT,M3.2.0,M11.1.0", &r));
    assert_int_equal(r.std_offset_s, -18000);
    assert_int_equal(r.dst_offset_s, -14400);
    assert_int_equal(zone_rule_start(&r, 2026), us("2026-03-08T07:00:00Z") / 1000000);
    assert_int_equal(zone_rule_end(&r, 2026), us("2026-11-01T06:00:00Z") / 1000000);
    assert_true(rule("<+0330>-3:30", &r));
    assert_int_equal(r.std_offset_s, 12600);
    assert_false(r.has_dst);
    assert_true(rule("CET-1CEST,M3.5.0,M10.5.0/3", &r)); /* the fifth is the last */
    assert_int_equal(zone_rule_start(&r, 2026), us("2026-03-29T01:00:00Z") / 1000000);
    assert_true(rule("AAA3BBB,J60/0,J365/25", &r)); /* J60 is always the 1st of March */
    assert_int_equal(zone_rule_start(&r, 2024), us("2024-03-01T03:00:00Z") / 1000000);
    assert_int_equal(zone_rule_start(&r, 2023), us("2023-03-01T03:00:00Z") / 1000000);
    assert_true(rule("AAA3BBB,59/-1:30,300", &r)); /* counted from 0, with leap days */
    assert_int_equal(zone_rule_start(&r, 2024), us("2024-02-29T01:30:00Z") / 1000000);
    static const char *const bad[] = {"",
                                      "EST",
                                      "ES5",
                                      "5",
                                      "EST5EDT",
                                      "EST25",
                                      "EST5EDT,M3.2.0",
                                      "EST5EDT,M13.1.0,M1.1.0",
                                      "EST5EDT,M3.6.0,M1.1.0",
                                      "EST5EDT,M3.2.7,M1.1.0",
                                      "<+03",
                                      "EST5EDT,J0,J1",
                                      "EST5EDT,M3.2.0,M11.1.0x",
                                      "EST5EDT,M3.2.0/168,M11.1.0",
                                      "EST5:60"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (rule(bad[i], &r)) {
            fail_msg("'%s' was accepted", bad[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_york_gap), cmocka_unit_test(test_new_york_fold),
        cmocka_unit_test(test_shanghai),     cmocka_unit_test(test_far_future),
        cmocka_unit_test(test_odd_zones),    cmocka_unit_test(test_cache_changes_no_answer),
        cmocka_unit_test(test_loading),      cmocka_unit_test(test_broken_files),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
