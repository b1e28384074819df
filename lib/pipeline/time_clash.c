/* Formats of one column held against each other: dates are written by one and read by the other. */
#include "pipeline/time_clash.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DAY_US INT64_C(86400000000)

/* ---- writing ---------------------------------------------------------------------------- */

/* What is written; a text that is too long is none. */
struct text {
    char *at;
    size_t room;
    bool is_full;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at, t->room, format, args);
    va_end(args);
    t->is_full |= n < 0 || (size_t)n >= t->room;
    if (t->is_full)
        return;
    t->at += n;
    t->room -= (size_t)n;
}

/* False for a letter that no format has. */
static bool put_field(struct text *t, char letter, const struct civil *c)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    switch (letter) {
    case 'Y': put(t, "%04d", c->year); return true;
    case 'y': put(t, "%02d", c->year % 100); return true;
    case 'm': put(t, "%02d", c->month); return true;
    case 'b': put(t, "%.3s", months + (ptrdiff_t)(c->month - 1) * 3); return true;
    case 'd': put(t, "%02d", c->day); return true;
    case 'H': put(t, "%02d", c->hour); return true;
    case 'I': put(t, "%02d", (c->hour + 11) % 12 + 1); return true;
    case 'p': put(t, "%s", c->hour < 12 ? "AM" : "PM"); return true;
    case 'M': put(t, "%02d", c->minute); return true;
    case 'S': put(t, "%02d", c->second); return true;
    case 'f': put(t, "%06d", c->microsecond); return true;
    case 'z': put(t, "+08:00"); return true;
    case '%': put(t, "%%"); return true;
    default: return false;
    }
}

/* A format by its name: false when it has none of its own kind that another could read. */
static bool put_named(struct text *t, const char *name, const struct civil *c)
{
    int64_t us = civil_to_us(c);
    int32_t days = civil_to_days(c->year, c->month, c->day);
    if (strcmp(name, "epoch_s") == 0)
        put(t, "%" PRId64, us / 1000000);
    else if (strcmp(name, "epoch_ms") == 0)
        put(t, "%" PRId64, us / 1000);
    else if (strcmp(name, "excel") == 0)
        put(t, "%" PRId32, days + 25569);
    else if (strcmp(name, "excel_1904") == 0)
        put(t, "%" PRId32, days + 24107);
    else
        return false;
    return !t->is_full;
}

static bool write_time(const char *format, const struct civil *c, char ret[TIME_CLASH_TEXT_MAX])
{
    struct text t = {.at = ret, .room = TIME_CLASH_TEXT_MAX};
    ret[0] = '\0';
    if (strchr(format, '%') == NULL)
        return put_named(&t, format, c);
    for (const char *p = format; *p != '\0'; p++) {
        if (*p != '%')
            put(&t, "%c", *p);
        else if (!put_field(&t, *++p, c))
            return false;
    }
    return !t.is_full;
}

/* ---- trying ----------------------------------------------------------------------------- */

/* Two formats, as they are or without what is no date, and what to make of a difference. */
struct trial {
    const char *first, *second;
    bool is_date;         /* a time of day is left out */
    bool needs_same_year; /* only day and month may have changed their places */
};

static int64_t floor_day(int64_t us)
{
    return us / DAY_US - (us % DAY_US < 0);
}

/* Whether a time that `second` writes is another one to `first`. ret_read: to each of them. */
static bool differs(const struct trial *t, const struct civil *c, char text[TIME_CLASH_TEXT_MAX],
                    struct datetime ret_read[2])
{
    if (!write_time(t->second, c, text))
        return false;
    size_t n = strlen(text);
    if (!datetime_parse(t->first, text, n, &ret_read[0]) ||
        !datetime_parse(t->second, text, n, &ret_read[1]))
        return false;
    if (t->is_date ? floor_day(ret_read[0].us) == floor_day(ret_read[1].us)
                   : ret_read[0].us == ret_read[1].us)
        return false;
    struct civil by_first;
    civil_from_us(ret_read[0].us, &by_first);
    return !t->needs_same_year || by_first.year == c->year;
}

/* Days and years that can be taken for one another and for months, and some that cannot. */
static bool try_times(const struct trial *t, char text[TIME_CLASH_TEXT_MAX],
                      struct datetime ret_read[2])
{
    static const int years[] = {2026, 2011, 2005, 1985}, days[] = {3, 5, 11, 12, 25, 31};
    for (size_t y = 0; y < sizeof years / sizeof *years; y++) {
        for (int m = 0; m < 12; m++) {
            for (size_t d = 0; d < sizeof days / sizeof *days; d++) {
                struct civil c = {.year = years[y],
                                  .month = (m + 3) % 12 + 1,
                                  .day = days[d],
                                  .hour = 10,
                                  .minute = 11,
                                  .second = 12};
                if (civil_date_is_valid(c.year, c.month, c.day) && differs(t, &c, text, ret_read))
                    return true;
            }
        }
    }
    return false;
}

/* ---- formats ---------------------------------------------------------------------------- */

/* From the first letter of a date to the last: false when there is anything else between them.
 * is_wide: the year in four digits, however many it has. */
static bool date_part(const char *format, bool is_wide, char ret[TIME_CLASH_TEXT_MAX])
{
    size_t n = 0, end = 0;
    for (const char *p = format; *p != '\0' && n + 2 < TIME_CLASH_TEXT_MAX; p++) {
        bool is_letter = *p == '%' && p[1] != '\0', is_of_date = false;
        if (is_letter)
            is_of_date = strchr("Yymdb", *++p) != NULL;
        else if (n > 0)
            ret[n++] = *p;
        if (is_letter && !is_of_date && n > 0)
            break;
        if (!is_of_date)
            continue;
        ret[n++] = '%';
        ret[n++] = is_wide && *p == 'y' ? 'Y' : *p;
        end = n;
    }
    ret[end] = '\0';
    return end >= strlen("%y%m%d");
}

/* "03/04/26" is no text of %d/%m/%Y, but who writes both in one column means one order. */
static bool dates_clash(const char *first, const char *second, struct time_clash *ret)
{
    char parts[2][TIME_CLASH_TEXT_MAX];
    for (int is_wide = 0; is_wide <= 1; is_wide++) {
        struct trial t = {parts[0], parts[1], .is_date = true, .needs_same_year = is_wide == 1};
        struct datetime read[2];
        struct civil by_first, by_second;
        if (!date_part(first, is_wide, parts[0]) || !date_part(second, is_wide, parts[1]))
            return false;
        if (is_wide == 0 && (strstr(parts[0], "%y") == NULL || strstr(parts[1], "%y") == NULL))
            continue;
        if (!try_times(&t, ret->texts[0], read))
            continue;
        civil_from_us(read[0].us, &by_first);
        civil_from_us(read[1].us, &by_second);
        for (int i = 0; i < 2; i++)
            date_print((int32_t)floor_day(read[i].us), ret->readings[i]);
        return write_time(first, &by_first, ret->texts[0]) &&
               write_time(second, &by_second, ret->texts[1]);
    }
    return false;
}

static void print_readings(const struct datetime read[2], struct time_clash *ret)
{
    bool is_one_day = floor_day(read[0].us) == floor_day(read[1].us);
    for (int i = 0; i < 2; i++) {
        if (is_one_day)
            datetime_print(read[i].us, NULL, ret->readings[i]);
        else
            date_print((int32_t)floor_day(read[i].us), ret->readings[i]);
        ret->readings[i][strcspn(ret->readings[i], "Z")] = '\0';
    }
}

static bool texts_clash(const char *first, const char *second, bool is_date, struct time_clash *ret)
{
    struct trial t = {first, second, .is_date = is_date};
    struct datetime read[2];
    if (!try_times(&t, ret->texts[0], read))
        return false;
    memcpy(ret->texts[1], ret->texts[0], sizeof ret->texts[1]);
    print_readings(read, ret);
    return true;
}

bool time_formats_clash(const char *first, const char *second, bool is_date, struct time_clash *ret)
{
    static const char *const iso[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
                                      "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%z"};
    if (strcmp(second, "iso") != 0)
        return texts_clash(first, second, is_date, ret) ||
               dates_clash(strcmp(first, "iso") == 0 ? iso[0] : first, second, ret);
    for (size_t i = 0; i < sizeof iso / sizeof *iso; i++)
        if (texts_clash(first, iso[i], is_date, ret))
            return true;
    return dates_clash(first, iso[0], ret);
}
