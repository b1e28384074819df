/* lib/core/zone_rule.c - POSIX TZ strings. */
#include "core/zone_rule.h"
#include "core/datetime.h"

struct reader {
    const char *s;
    const char *end;
};

static bool reader_take(struct reader *r, char c)
{
    if (r->s < r->end && *r->s == c) {
        r->s++;
        return true;
    }
    return false;
}

static bool reader_number(struct reader *r, int min, int max, int *ret)
{
    int value = 0;
    const char *start = r->s;
    while (r->s < r->end && *r->s >= '0' && *r->s <= '9' && r->s - start < 4) {
        value = value * 10 + (*r->s++ - '0');
    }
    *ret = value;
    return r->s > start && value >= min && value <= max;
}

/* Three or more letters, or <anything but >>. */
static bool reader_name(struct reader *r)
{
    const char *start = r->s;
    if (reader_take(r, '<')) {
        while (r->s < r->end && *r->s != '>') {
            r->s++;
        }
        return reader_take(r, '>');
    }
    while (r->s < r->end && ((*r->s | 0x20) >= 'a' && (*r->s | 0x20) <= 'z')) {
        r->s++;
    }
    return r->s - start >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool reader_time(struct reader *r, int hours_max, int32_t *ret_s)
{
    bool negative = reader_take(r, '-');
    if (!negative) {
        reader_take(r, '+');
    }
    int hours;
    int minutes = 0;
    int seconds = 0;
    if (!reader_number(r, 0, hours_max, &hours) ||
        (reader_take(r, ':') && !reader_number(r, 0, 59, &minutes)) ||
        (reader_take(r, ':') && !reader_number(r, 0, 59, &seconds))) {
        return false;
    }
    int32_t total = hours * 3600 + minutes * 60 + seconds;
    *ret_s = negative ? -total : total;
    return true;
}

/* ,Mm.w.d or ,Jn or ,n, then [/time] */
static bool reader_date(struct reader *r, struct zone_rule_date *ret)
{
    bool ok;
    if (!reader_take(r, ',')) {
        return false;
    }
    if (reader_take(r, 'M')) {
        ret->kind = RULE_WEEKDAY;
        ok = reader_number(r, 1, 12, &ret->month) && reader_take(r, '.') &&
             reader_number(r, 1, 5, &ret->week) && reader_take(r, '.') &&
             reader_number(r, 0, 6, &ret->day);
    } else if (reader_take(r, 'J')) {
        ret->kind = RULE_JULIAN;
        ok = reader_number(r, 1, 365, &ret->day);
    } else {
        ret->kind = RULE_ZERO_BASED;
        ok = reader_number(r, 0, 365, &ret->day);
    }
    ret->time_s = 2 * 3600;
    return ok && (!reader_take(r, '/') || reader_time(r, 167, &ret->time_s));
}

bool zone_rule_parse(const char *s, size_t n, struct zone_rule *ret)
{
    struct reader r = {s, s + n};
    struct zone_rule rule = {0};
    if (!reader_name(&r) || !reader_time(&r, 24, &rule.std_offset_s)) {
        return false;
    }
    rule.std_offset_s = -rule.std_offset_s; /* POSIX counts west as positive */
    if (r.s < r.end) {
        rule.has_dst = true;
        rule.dst_offset_s = rule.std_offset_s + 3600;
        if (!reader_name(&r)) {
            return false;
        }
        if (r.s < r.end && *r.s != ',') {
            if (!reader_time(&r, 24, &rule.dst_offset_s)) {
                return false;
            }
            rule.dst_offset_s = -rule.dst_offset_s;
        }
        if (!reader_date(&r, &rule.start) || !reader_date(&r, &rule.end)) {
            return false;
        }
    }
    if (r.s != r.end) {
        return false;
    }
    *ret = rule;
    return true;
}

static int32_t rule_weekday(const struct zone_rule_date *d, int year)
{
    int32_t first = civil_to_days(year, d->month, 1);
    int weekday = (int)((first % 7 + 11) % 7); /* 1970-01-01 was a Thursday; Sunday is 0 */
    int32_t days = first + (d->day - weekday + 7) % 7 + (d->week - 1) * 7;
    int32_t next =
        d->month == 12 ? civil_to_days(year + 1, 1, 1) : civil_to_days(year, d->month + 1, 1);
    return days < next ? days : days - 7; /* the fifth is the last */
}

static int64_t rule_local_s(const struct zone_rule_date *d, int year)
{
    int32_t days = civil_to_days(year, 1, 1);
    if (d->kind == RULE_WEEKDAY) {
        days = rule_weekday(d, year);
    } else if (d->kind == RULE_JULIAN) { /* never counts the 29th of February */
        bool after_leap_day = d->day >= 60 && civil_date_is_valid(year, 2, 29);
        days += d->day - 1 + (after_leap_day ? 1 : 0);
    } else {
        days += d->day;
    }
    return (int64_t)days * 86400 + d->time_s;
}

int64_t zone_rule_start(const struct zone_rule *rule, int year)
{
    return rule_local_s(&rule->start, year) - rule->std_offset_s;
}

int64_t zone_rule_end(const struct zone_rule *rule, int year)
{
    return rule_local_s(&rule->end, year) - rule->dst_offset_s;
}
