/* lib/core/bizday.c - business dates. */
#include "core/datetime.h"
#include <stdlib.h>
#include <string.h>

#define DAY_US       ((int64_t)86400 * 1000000)
#define DAYS_AGO_MAX 40000

static int64_t bizday_start(const struct bizday *b, int32_t days)
{
    return zone_local_to_utc(b->zone, days * DAY_US + b->cutoff_s * (int64_t)1000000);
}

void bizday_range(const struct bizday *b, int32_t days, int64_t *ret_start_us, int64_t *ret_end_us)
{
    *ret_start_us = bizday_start(b, days);
    *ret_end_us = bizday_start(b, days + 1);
}

/* By the local clock first; then by the range, because the hour that comes twice can bring the
 * clock back before the cut-off while the new day has begun. */
int32_t bizday_of(const struct bizday *b, int64_t utc_us)
{
    int64_t local_us = zone_utc_to_local(b->zone, utc_us) - b->cutoff_s * (int64_t)1000000;
    int32_t days = (int32_t)(local_us / DAY_US - (local_us % DAY_US < 0));
    while (utc_us < bizday_start(b, days)) {
        days--;
    }
    while (utc_us >= bizday_start(b, days + 1)) {
        days++;
    }
    return days;
}

int32_t bizday_last_closed(const struct bizday *b, int64_t now_us)
{
    return bizday_of(b, now_us) - 1;
}

/* "N days ago" or "1 day ago" */
static bool parse_days_ago(const char *text, int32_t *ret)
{
    char *rest = NULL;
    if (*text < '0' || *text > '9') {
        return false;
    }
    long n = strtol(text, &rest, 10);
    if (n > DAYS_AGO_MAX || (strcmp(rest, " days ago") != 0 && strcmp(rest, " day ago") != 0)) {
        return false;
    }
    *ret = (int32_t)n;
    return true;
}

int bizday_parse(const struct bizday *b, const char *text, int64_t now_us, int32_t *ret_days,
                 struct error *err)
{
    int32_t ago = 0;
    struct datetime date;
    if (strcmp(text, "today") == 0) {
        *ret_days = bizday_of(b, now_us);
    } else if (strcmp(text, "yesterday") == 0) {
        *ret_days = bizday_last_closed(b, now_us);
    } else if (parse_days_ago(text, &ago)) {
        *ret_days = bizday_of(b, now_us) - ago;
    } else if (strlen(text) == 10 && datetime_parse_iso(text, 10, &date)) {
        *ret_days = (int32_t)(date.us / DAY_US - (date.us % DAY_US < 0));
    } else {
        error_set(err, ERR_USAGE, "'%s' is no business date", text);
        return error_hint(err, "write 2026-11-22, today, yesterday or '3 days ago'");
    }
    return 0;
}

static bool two_digits(const char *s, int max, int *ret)
{
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9') {
        return false;
    }
    *ret = (s[0] - '0') * 10 + (s[1] - '0');
    return *ret <= max;
}

int time_of_day_parse(const char *text, int32_t *ret_seconds, struct error *err)
{
    int hours = 0;
    int minutes = 0;
    int seconds = 0;
    size_t n = strlen(text);
    bool ok = (n == 5 || (n == 8 && text[5] == ':' && two_digits(text + 6, 59, &seconds))) &&
              text[2] == ':' && two_digits(text, 23, &hours) && two_digits(text + 3, 59, &minutes);
    if (!ok) {
        error_set(err, ERR_CONFIG, "'%s' is no time of day", text);
        return error_hint(err, "write it as 04:00");
    }
    *ret_seconds = hours * 3600 + minutes * 60 + seconds;
    return 0;
}
