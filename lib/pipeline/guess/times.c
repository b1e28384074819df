/* The forms of dates and times that a guess knows, and which of them fit a value. */
#include "core/datetime.h"
#include "pipeline/guess/seen.h"

#include <stdio.h>
#include <string.h>

/* Order is preference; orders.h of the day-month pairs is in seen_decide. */
static const char *const dates[TIMES_DATES] = {
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d",  "%Y%m%d",       "%Y年%m月%d日", "%d/%m/%Y", "%d-%m-%Y",
    "%d.%m.%Y", "%m/%d/%Y", "%m-%d-%Y",  "%m.%d.%Y",     "%d/%m/%y",     "%m/%d/%y", "%y/%m/%d",
    "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%Y%m%d%H%M%S", "iso",          NULL};
enum { DATE_STAMP = 17, DATE_ISO = 18 };
static const char *const clocks[TIMES_CLOCKS] = {
    "", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p"};

const char *times_format(size_t date, int clock)
{
    static char formats[TIMES_DATES][TIMES_CLOCKS][40];
    char *format = formats[date][clock];
    if (date == DATE_STAMP || date == DATE_ISO)
        return dates[date];
    if (format[0] == '\0')
        snprintf(format, sizeof formats[0][0], "%s%s", dates[date], clocks[clock]);
    return format;
}

/* What cannot be one is told by a look: it has a digit first or a month's name, and some length. */
static bool may_be_time(struct span s)
{
    bool digit = false;
    if (s.len < 6 || s.len > 40)
        return false;
    for (size_t i = 0; i < s.len && !digit; i++)
        digit = s.ptr[i] >= '0' && s.ptr[i] <= '9';
    char c = s.ptr[0];
    return digit && ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'));
}

static bool is_sane(const struct datetime *t)
{
    struct civil c;
    civil_from_us(t->us, &c);
    return c.year >= 1900 && c.year <= 2100;
}

static int clock_of(struct span s)
{
    const char *colon = memchr(s.ptr, ':', s.len);
    if (colon == NULL)
        return 0;
    size_t rest = s.len - (size_t)(colon + 1 - s.ptr);
    const char *second = memchr(colon + 1, ':', rest);
    char last = (char)(s.ptr[s.len - 1] | 0x20);
    if (last == 'm')
        return second != NULL ? 4 : 5;
    if (second == NULL)
        return 2;
    return memchr(second, '.', s.len - (size_t)(second - s.ptr)) != NULL ? 3 : 1;
}

bool times_fit(struct span value, struct times_fit *ret)
{
    struct datetime t;
    *ret = (struct times_fit){0};
    if (!may_be_time(value))
        return false;
    int clock = clock_of(value);
    for (size_t i = 0; i < DATE_STAMP; i++)
        if (datetime_parse(times_format(i, clock), value.ptr, value.len, &t) && is_sane(&t))
            ret->dates |= 1U << i;
    if (clock == 0 && value.len == 14 && datetime_parse(dates[DATE_STAMP], value.ptr, 14, &t) &&
        is_sane(&t)) {
        ret->dates |= 1U << DATE_STAMP;
        ret->clock = 1;
    } else if (ret->dates != 0) {
        ret->clock = clock;
    } else if (datetime_parse_iso(value.ptr, value.len, &t) && is_sane(&t)) {
        *ret = (struct times_fit){1U << DATE_ISO, t.has_time ? 1 : 0, t.has_zone};
    }
    return ret->dates != 0;
}
