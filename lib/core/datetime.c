/* lib/core/datetime.c - civil dates, parsing by format, printing. */
#include "core/datetime.h"
#include <string.h>
#include <strings.h>

#define DAY_S  86400
#define DAY_US ((int64_t)DAY_S * 1000000)

/* ---- civil dates --------------------------------------------------------------------------- */

static int days_in_month(int year, int month)
{
    static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool civil_date_is_valid(int year, int month, int day)
{
    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
           (day <= 28 || day <= days_in_month(year, month));
}

/* Both ways after Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in
 * March, so that the leap day is the last of its year; eras are the 400 years of the calendar. */
int32_t civil_to_days(int year, int month, int day)
{
    year -= month <= 2;
    int era = (year >= 0 ? year : year - 399) / 400;
    int year_of_era = year - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void civil_from_days(int32_t days, int *ret_year, int *ret_month, int *ret_day)
{
    int64_t shifted = (int64_t)days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int day_of_era = (int)(shifted - era * 146097);
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (5 * day_of_year + 2) / 153;
    *ret_day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    *ret_month = month_from_march + (month_from_march < 10 ? 3 : -9);
    *ret_year = (int)(year_of_era + era * 400) + (*ret_month <= 2);
}

int64_t civil_to_us(const struct civil *c)
{
    int64_t days = civil_to_days(c->year, c->month, c->day);
    int64_t seconds = days * DAY_S + c->hour * 3600 + c->minute * 60 + c->second;
    return seconds * 1000000 + c->microsecond;
}

void civil_from_us(int64_t us, struct civil *ret)
{
    int64_t days = us / DAY_US - (us % DAY_US < 0);
    int64_t rest = us - days * DAY_US;
    int seconds = (int)(rest / 1000000);
    civil_from_days((int32_t)days, &ret->year, &ret->month, &ret->day);
    ret->hour = seconds / 3600;
    ret->minute = seconds / 60 % 60;
    ret->second = seconds % 60;
    ret->microsecond = (int)(rest % 1000000);
}

/* ---- parsing: pieces ----------------------------------------------------------------------- */

/* Text being read; every reader moves s past what it took. */
struct cursor {
    const char *s;
    const char *end;
};

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Two digits at s, -1 when they are not. */
static inline int two_digits(const char *s)
{
    unsigned high = (unsigned char)(s[0] - '0');
    unsigned low = (unsigned char)(s[1] - '0');
    return high > 9 || low > 9 ? -1 : (int)(high * 10 + low);
}

static bool read_digits(struct cursor *c, int min, int max, int *ret)
{
    int value = 0;
    int n = 0;
    while (n < max && c->s < c->end && is_digit(*c->s)) {
        value = value * 10 + (*c->s++ - '0');
        n++;
    }
    *ret = value;
    return n >= min;
}

/* Digits after the point as microseconds. More than six are fine as long as they are zeros. */
static bool read_fraction(struct cursor *c, int *ret_us)
{
    int value = 0;
    int n = 0;
    for (; c->s < c->end && is_digit(*c->s); c->s++, n++) {
        if (n < 6) {
            value = value * 10 + (*c->s - '0');
        } else if (*c->s != '0') {
            return false;
        }
    }
    for (int i = n; i < 6; i++) {
        value *= 10;
    }
    *ret_us = value;
    return n > 0;
}

/* Z, +08, +0800, +08:00; at most 15:59 as in PostgreSQL. */
static bool read_zone(struct cursor *c, int *ret_offset_s)
{
    if (c->s == c->end) {
        return false;
    }
    char sign = *c->s++;
    if (sign == 'Z' || sign == 'z') {
        *ret_offset_s = 0;
        return true;
    }
    if ((sign != '+' && sign != '-') || c->end - c->s < 2) {
        return false;
    }
    int hours = two_digits(c->s);
    int minutes = 0;
    c->s += 2;
    bool colon = c->s < c->end && *c->s == ':';
    const char *rest = c->s + colon;
    if (c->end - rest >= 2 && two_digits(rest) >= 0) {
        minutes = two_digits(rest);
        c->s = rest + 2;
    } else if (colon) {
        return false;
    }
    if (hours < 0 || hours > 15 || minutes > 59) {
        return false;
    }
    int offset = hours * 3600 + minutes * 60;
    *ret_offset_s = sign == '-' ? -offset : offset;
    return true;
}

/* ---- parsing: iso -------------------------------------------------------------------------- */

/* "hh:mm[:ss[.ffffff]][zone]" to the end of the text, added to the day in ret. */
static bool iso_parse_time(const char *s, const char *end, struct datetime *ret)
{
    if (end - s < 5 || s[2] != ':') {
        return false;
    }
    int hour = two_digits(s);
    int minute = two_digits(s + 3);
    int second = 0;
    int microsecond = 0;
    s += 5;
    if (end - s >= 3 && *s == ':') {
        second = two_digits(s + 1);
        s += 3;
        if (s < end && *s == '.') {
            struct cursor c = {s + 1, end};
            if (!read_fraction(&c, &microsecond)) {
                return false;
            }
            s = c.s;
        }
    }
    if ((unsigned)hour > 23 || (unsigned)minute > 59 || (unsigned)second > 59) {
        return false;
    }
    int offset_s = 0;
    bool has_zone = s < end;
    if (has_zone) {
        struct cursor c = {s, end};
        if (!read_zone(&c, &offset_s) || c.s != end) {
            return false;
        }
    }
    ret->us += (hour * 3600 + minute * 60 + second - offset_s) * (int64_t)1000000 + microsecond;
    ret->has_zone = has_zone;
    ret->has_time = true;
    return true;
}

bool datetime_parse_iso(const char *s, size_t n, struct datetime *ret)
{
    if (n < 10 || s[4] != '-' || s[7] != '-') {
        return false;
    }
    int century = two_digits(s);
    int year = two_digits(s + 2);
    int month = two_digits(s + 5);
    int day = two_digits(s + 8);
    if ((century | year | month | day) < 0 ||
        !civil_date_is_valid(century * 100 + year, month, day)) {
        return false;
    }
    struct datetime parsed = {.us = civil_to_days(century * 100 + year, month, day) * DAY_US};
    if (n > 10 && ((s[10] != ' ' && s[10] != 'T') || !iso_parse_time(s + 11, s + n, &parsed))) {
        return false;
    }
    *ret = parsed;
    return true;
}

/* ---- parsing: numbers ---------------------------------------------------------------------- */

#define EXCEL_DIGITS 15

/* [-]digits[.digits] as whole and fraction in units of 10^-fraction_digits. Digits beyond are an
 * error unless zero; a spreadsheet's, being the noise of a double, are left out. */
static bool read_number(const char *s, size_t n, int fraction_digits, int64_t *ret_whole,
                        int64_t *ret_fraction)
{
    const char *end = s + n;
    bool negative = n > 0 && *s == '-';
    s += negative;
    const char *first = s;
    int64_t whole = 0;
    for (; s < end && is_digit(*s); s++) {
        if (s - first >= 17) {
            return false;
        }
        whole = whole * 10 + (*s - '0');
    }
    if (s == first) {
        return false;
    }
    int64_t fraction = 0;
    if (s < end && *s == '.') {
        const char *point = s++;
        int digits = 0;
        for (; s < end && is_digit(*s); s++) {
            if (digits < fraction_digits) {
                fraction = fraction * 10 + (*s - '0');
                digits++;
            } else if (*s != '0' && fraction_digits < EXCEL_DIGITS) {
                return false;
            }
        }
        if (s == point + 1) {
            return false;
        }
        for (; digits < fraction_digits; digits++) {
            fraction *= 10;
        }
    }
    *ret_whole = negative ? -whole : whole;
    *ret_fraction = negative ? -fraction : fraction;
    return s == end;
}

/* Within the years 1..9999. */
static bool epoch_finish(int64_t us, struct datetime *ret)
{
    const int64_t first_us = (int64_t)-62135596800 * 1000000;
    const int64_t end_us = (int64_t)253402300800 * 1000000;
    if (us < first_us || us >= end_us) {
        return false;
    }
    *ret = (struct datetime){.us = us, .has_zone = true, .has_time = true};
    return true;
}

static bool epoch_parse(const char *s, size_t n, int64_t us_each, struct datetime *ret)
{
    int64_t whole;
    int64_t fraction;
    int64_t us;
    if (!read_number(s, n, us_each == 1000 ? 3 : 6, &whole, &fraction) ||
        __builtin_mul_overflow(whole, us_each, &us)) {
        return false;
    }
    return epoch_finish(us + fraction, ret);
}

/* Serial 1 is 1900-01-01 and 60 the 29th of February 1900, which never was (ECMA-376 18.17.4.1). */
static bool excel_days(int64_t serial, int64_t *ret)
{
    *ret = serial - (serial > 60 ? 25569 : 25568);
    return serial >= 1 && serial != 60 && serial <= 2958465;
}

/* The other system, of old Macs: 0 is 1904-01-01. */
static bool excel_1904_days(int64_t serial, int64_t *ret)
{
    *ret = serial - 24107;
    return serial >= 0 && serial <= 2957003;
}

/* Times are kept by spreadsheets to the millisecond in a double: rounded to that. */
static bool excel_parse(const char *s, size_t n, bool is_1904, struct datetime *ret)
{
    int64_t serial;
    int64_t fraction;
    int64_t days;
    if (!read_number(s, n, EXCEL_DIGITS, &serial, &fraction) || (n > 0 && *s == '-') ||
        !(is_1904 ? excel_1904_days(serial, &days) : excel_days(serial, &days))) {
        return false;
    }
    const __int128 unit = 1000000000000000;
    int64_t ms = (int64_t)(((__int128)fraction * DAY_S * 1000 + unit / 2) / unit);
    *ret = (struct datetime){.us = days * DAY_US + ms * 1000, .has_time = ms != 0};
    return true;
}

/* "/Date(1700000000000)/" and "/Date(1700000000000+0480)/" of OData V2 (JSON format, section 4) and
 * .NET: milliseconds since 1970. Without an offset the time is civil; with one the count is UTC
 * already and the offset only says where it was written. */
static bool odata_ms_parse(const char *s, size_t n, struct datetime *ret)
{
    struct datetime at;
    const size_t head = strlen("/Date("), tail = strlen(")/");
    if (n <= head + tail || memcmp(s, "/Date(", head) != 0 ||
        memcmp(s + n - tail, ")/", tail) != 0) {
        return false;
    }
    size_t i = 1;
    s += head;
    n -= head + tail;
    while (i < n && s[i] != '+' && s[i] != '-') {
        i++;
    }
    bool has_offset = i < n;
    size_t digits = 0;
    for (size_t j = i + 1; j < n; j++) {
        digits += is_digit(s[j]);
    }
    if (memchr(s, '.', i) != NULL || !epoch_parse(s, i, 1000, &at) ||
        (has_offset && (digits != 4 || n - i != 5))) {
        return false;
    }
    at.has_zone = has_offset;
    *ret = at;
    return true;
}

/* ---- parsing: formats ---------------------------------------------------------------------- */

static const char format_letters[] = "YmdHMSyfpIzb%";

static bool is_special_format(const char *format)
{
    return strcmp(format, "iso") == 0 || strcmp(format, "epoch_s") == 0 ||
           strcmp(format, "epoch_ms") == 0 || strcmp(format, "excel") == 0 ||
           strcmp(format, "odata_ms") == 0 || strcmp(format, "parts") == 0 ||
           strcmp(format, "excel_1904") == 0;
}

struct format_state {
    struct civil civil;
    bool has_year, has_time, has_zone, twelve_hours, afternoon;
    int offset_s;
};

static bool read_name(struct cursor *c, const char *names, int count, int length, int *ret)
{
    if (c->end - c->s < length) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (strncasecmp(c->s, names + (ptrdiff_t)i * length, (size_t)length) == 0) {
            c->s += length;
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool read_year_of_century(struct cursor *c, int *ret)
{
    if (!read_digits(c, 2, 2, ret)) {
        return false;
    }
    *ret += *ret <= 68 ? 2000 : 1900;
    return true;
}

/* One letter of the format; `exact` next to another digit field without a separator, where a digit
 * too few would move the border between the two unseen. */
static bool format_field(char letter, bool exact, struct cursor *c, struct format_state *f)
{
    int min = exact ? 2 : 1;
    int half = 0;
    switch (letter) {
    case 'Y': f->has_year = true; return read_digits(c, 4, 4, &f->civil.year);
    case 'y': f->has_year = true; return read_year_of_century(c, &f->civil.year);
    case 'm': return read_digits(c, min, 2, &f->civil.month);
    case 'd': return read_digits(c, min, 2, &f->civil.day);
    case 'b':
        if (!read_name(c, "JanFebMarAprMayJunJulAugSepOctNovDec", 12, 3, &f->civil.month)) {
            return false;
        }
        f->civil.month++;
        return true;
    case 'H': f->has_time = true; return read_digits(c, min, 2, &f->civil.hour);
    case 'I':
        f->has_time = f->twelve_hours = true;
        return read_digits(c, min, 2, &f->civil.hour) && f->civil.hour >= 1 && f->civil.hour <= 12;
    case 'M': f->has_time = true; return read_digits(c, min, 2, &f->civil.minute);
    case 'S': f->has_time = true; return read_digits(c, min, 2, &f->civil.second);
    case 'f': f->has_time = true; return read_fraction(c, &f->civil.microsecond);
    case 'p':
        if (!read_name(c, "AMPM", 2, 2, &half) && !read_name(c, "上午下午", 2, 6, &half)) {
            return false;
        }
        f->afternoon = half == 1;
        return true;
    case 'z': f->has_zone = true; return read_zone(c, &f->offset_s);
    case '%': return c->s < c->end && *c->s++ == '%';
    default: return false;
    }
}

static bool format_literal(char wanted, struct cursor *c)
{
    if (wanted != ' ') {
        return c->s < c->end && *c->s++ == wanted;
    }
    const char *start = c->s;
    while (c->s < c->end && (*c->s == ' ' || *c->s == '\t')) {
        c->s++;
    }
    return c->s > start;
}

static bool is_digit_field(char letter)
{
    return letter != '\0' && strchr("YmdHMSyfI", letter) != NULL;
}

static bool format_walk(const char *format, struct cursor *c, struct format_state *f)
{
    bool after_digits = false;
    for (const char *p = format; *p != '\0'; p++) {
        if (*p != '%') {
            after_digits = false;
            if (!format_literal(*p, c)) {
                return false;
            }
            continue;
        }
        p++;
        bool before_digits = *p != '\0' && p[1] == '%' && is_digit_field(p[2]);
        if (!format_field(*p, after_digits || before_digits, c, f)) {
            return false;
        }
        after_digits = is_digit_field(*p);
    }
    return c->s == c->end;
}

static bool format_finish(struct format_state *f, struct datetime *ret)
{
    struct civil *c = &f->civil;
    if (f->twelve_hours) {
        c->hour = c->hour % 12 + (f->afternoon ? 12 : 0);
    }
    if (!f->has_year || !civil_date_is_valid(c->year, c->month, c->day) || c->hour > 23 ||
        c->minute > 59 || c->second > 59) {
        return false;
    }
    *ret = (struct datetime){.us = civil_to_us(c) - f->offset_s * (int64_t)1000000,
                             .has_zone = f->has_zone,
                             .has_time = f->has_time};
    return true;
}

bool datetime_parse(const char *format, const char *s, size_t n, struct datetime *ret)
{
    if (is_special_format(format)) {
        switch (format[1]) {
        case 's': return datetime_parse_iso(s, n, ret);
        case 'x': return excel_parse(s, n, format[5] != '\0', ret);
        case 'd': return odata_ms_parse(s, n, ret);
        case 'a': return false; /* parts: for who can read JSON, format/json_time.h */
        default: return epoch_parse(s, n, format[6] == 'm' ? 1000 : 1000000, ret);
        }
    }
    struct cursor c = {s, s + n};
    struct format_state f = {.civil = {.month = 1, .day = 1}};
    return format_walk(format, &c, &f) && format_finish(&f, ret);
}

int datetime_format_check(const char *format, struct error *err)
{
    bool seen[128] = {false};
    if (is_special_format(format)) {
        return 0;
    }
    for (const char *p = format; *p != '\0'; p++) {
        if (*p != '%') {
            continue;
        }
        p++;
        if (*p == '\0' || strchr(format_letters, *p) == NULL) {
            error_set(err, ERR_SPEC, "time format '%s' has an unknown letter '%%%.1s'", format, p);
            return error_hint(err,
                              "known are %%Y %%y %%m %%b %%d %%H %%I %%p %%M %%S %%f %%z %%%%");
        }
        seen[(unsigned char)*p] = true;
    }
    if (!seen['Y'] && !seen['y']) {
        error_set(err, ERR_SPEC, "time format '%s' has no year (%%Y or %%y)", format);
        return error_hint(
            err,
            "formats by name are iso, epoch_s, epoch_ms, excel, excel_1904, odata_ms and parts");
    }
    if (seen['I'] != seen['p']) {
        return error_set(err, ERR_SPEC, "time format '%s' needs %%I and %%p together", format);
    }
    return 0;
}

/* ---- printing ------------------------------------------------------------------------------ */

static char *put_digits(char *out, int value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10) {
        out[i] = (char)('0' + value % 10);
    }
    return out + width;
}

static char *put_date(char *out, int year, int month, int day)
{
    out = put_digits(out, year < 0 ? 0 : year, 4);
    *out++ = '-';
    out = put_digits(out, month, 2);
    *out++ = '-';
    return put_digits(out, day, 2);
}

void date_print(int32_t days, char ret[11])
{
    int year;
    int month;
    int day;
    civil_from_days(days, &year, &month, &day);
    *put_date(ret, year, month, day) = '\0';
}

static char *put_offset(char *out, int offset_s)
{
    *out++ = offset_s < 0 ? '-' : '+';
    int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    out = put_digits(out, minutes / 60, 2);
    *out++ = ':';
    return put_digits(out, minutes % 60, 2);
}

void datetime_print(int64_t utc_us, const struct zone *z, char ret[DATETIME_ISO_MAX])
{
    int offset_s = z != NULL ? zone_offset_s(z, utc_us) : 0;
    /* RFC 3339 has no seconds in offsets (local mean times before zones): such are shown in UTC. */
    bool local = z != NULL && offset_s % 60 == 0;
    struct civil c;
    civil_from_us(local ? utc_us + offset_s * (int64_t)1000000 : utc_us, &c);
    char *out = put_date(ret, c.year, c.month, c.day);
    *out++ = 'T';
    out = put_digits(out, c.hour, 2);
    *out++ = ':';
    out = put_digits(out, c.minute, 2);
    *out++ = ':';
    out = put_digits(out, c.second, 2);
    if (c.microsecond != 0) {
        *out++ = '.';
        out = put_digits(out, c.microsecond, 6);
    }
    if (local) {
        out = put_offset(out, offset_s);
    } else {
        *out++ = 'Z';
    }
    *out = '\0';
}
