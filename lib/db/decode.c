/* lib/db/decode.c - binary fields to the text the server would print (ISO dates, UTC, exact
 * numbers, shortest floats). Wire forms: the *_send functions of src/backend/utils/adt. */
#include "core/datetime.h"
#include "db/types.h"
#include "db/wire.h"
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int malformed(const char *what, struct error *err)
{
    return error_set(err, ERR_DATABASE, "malformed binary %s from the server", what);
}

static int check(bool is_good, const char *what, struct error *err)
{
    return is_good ? ERR_OK : malformed(what, err);
}

/* ---- digits ------------------------------------------------------------------------------- */

#define DIGITS_MAX 20 /* of a uint64_t */

/* The digits of v, at least `width` of them, before `end`; where they begin. */
static char *digits_before(char *end, uint64_t v, int width)
{
    for (; v != 0 || width > 0; v /= 10, width--)
        *--end = (char)('0' + v % 10);
    return end;
}

static void print_digits(struct strbuf *out, uint64_t v, int width)
{
    char digits[DIGITS_MAX + 4];
    char *end = digits + sizeof digits;
    char *from = digits_before(end, v, width);
    strbuf_add(out, from, (size_t)(end - from));
}

/* ---- numeric ------------------------------------------------------------------------------ */

struct numeric {
    const char *digits; /* two bytes each, base 10000 */
    int count, weight, scale;
};

/* The group that stands for 10000^(weight - i); outside the digits it is zero. */
static unsigned numeric_group(const struct numeric *n, int i)
{
    return i >= 0 && i < n->count ? get_u16(n->digits + 2 * (size_t)i) : 0;
}

#define GROUP_DIGITS     4
#define SMALL_GROUPS_MAX 8

static void print_groups(const struct numeric *n, struct strbuf *out)
{
    if (n->weight < 0)
        strbuf_addch(out, '0');
    for (int i = 0; i <= n->weight; i++)
        print_digits(out, numeric_group(n, i), i == 0 ? 1 : GROUP_DIGITS);
    if (n->scale == 0)
        return;
    strbuf_addch(out, '.');
    for (int left = n->scale, i = n->weight + 1; left > 0; left -= GROUP_DIGITS, i++) {
        char digits[GROUP_DIGITS];
        (void)digits_before(digits + GROUP_DIGITS, numeric_group(n, i), GROUP_DIGITS);
        strbuf_add(out, digits, left < GROUP_DIGITS ? (size_t)left : (size_t)GROUP_DIGITS);
    }
}

/* The same for the numbers that tables are full of, in one go. */
static bool print_small(const struct numeric *n, struct strbuf *out)
{
    char text[2 * SMALL_GROUPS_MAX * GROUP_DIGITS + 2];
    const int fraction_groups = (n->scale + GROUP_DIGITS - 1) / GROUP_DIGITS;
    if (n->weight >= SMALL_GROUPS_MAX || n->weight < -SMALL_GROUPS_MAX ||
        fraction_groups > SMALL_GROUPS_MAX)
        return false;
    char *point = text + SMALL_GROUPS_MAX * GROUP_DIGITS + 1, *from = point, *to = point;
    for (int i = n->weight; i > 0; i--)
        from = digits_before(from, numeric_group(n, i), GROUP_DIGITS);
    from = digits_before(from, n->weight >= 0 ? numeric_group(n, 0) : 0, 1);
    if (n->scale > 0)
        *to++ = '.';
    for (int i = 1; i <= fraction_groups; i++) {
        to += GROUP_DIGITS;
        (void)digits_before(to, numeric_group(n, n->weight + i), GROUP_DIGITS);
    }
    to = n->scale > 0 ? point + 1 + n->scale : point;
    strbuf_add(out, from, (size_t)(to - from));
    return true;
}

static int decode_numeric(struct span b, struct strbuf *out, struct error *err)
{
    TRY(check(b.len >= 8, "numeric", err));
    struct numeric n = {.digits = b.ptr + 8,
                        .count = get_u16(b.ptr),
                        .weight = (int16_t)get_u16(b.ptr + 2),
                        .scale = get_u16(b.ptr + 6)};
    unsigned sign = get_u16(b.ptr + 4);
    TRY(check(b.len == 8 + 2 * (size_t)n.count, "numeric", err));
    for (int i = 0; i < n.count; i++)
        TRY(check(numeric_group(&n, i) <= 9999, "numeric", err));
    switch (sign) {
    case 0: break;
    case NUMERIC_NEGATIVE: strbuf_addch(out, '-'); break;
    case NUMERIC_NAN: strbuf_adds(out, "NaN"); return ERR_OK;
    case NUMERIC_INFINITY: strbuf_adds(out, "Infinity"); return ERR_OK;
    case NUMERIC_MINUS_INFINITY: strbuf_adds(out, "-Infinity"); return ERR_OK;
    default: return malformed("numeric", err);
    }
    TRY(check(n.scale <= NUMERIC_MAX_FRACTION, "numeric", err));
    if (!print_small(&n, out))
        print_groups(&n, out);
    return ERR_OK;
}

/* ---- float8 ------------------------------------------------------------------------------- */

/* Whether text (d.ddde+xx) stands exactly between v and its neighbour. It reads back as v then, by
 * rounding to even, but the server's algorithm (src/common/d2s.c) does not count on that. */
static bool is_halfway(const char *text, double v, locale_t c_locale)
{
    long double exact = strtold_l(text, NULL, c_locale);
    double neighbour = nextafter(v, exact > v ? INFINITY : -INFINITY);
    if (exact == v || exact != ((long double)v + neighbour) / 2)
        return false;
    /* Within the precision of long double; now to the last digit. */
    char digits[64];
    snprintf(digits, sizeof digits, "%.40Le", exact);
    size_t n = strcspn(text, "e");
    return strncmp(digits, text, n) == 0 && strspn(digits + n, ".0") == strcspn(digits + n, "e");
}

/* The fewest significant digits that read back as v. */
static int shortest_digits(double v, locale_t c_locale, char *text, size_t size)
{
    int digits = 1;
    for (; digits < 17; digits++) {
        snprintf(text, size, "%.*e", digits - 1, v);
        if (strtod_l(text, NULL, c_locale) == v && !is_halfway(text, v, c_locale))
            return digits;
    }
    snprintf(text, size, "%.16e", v);
    return digits;
}

static int decode_float8(struct span b, struct strbuf *out, struct error *err)
{
    static locale_t c_locale;
    TRY(check(b.len == 8, "double precision", err));
    uint64_t bits = get_u64(b.ptr);
    double v;
    memcpy(&v, &bits, sizeof v);
    if (isnan(v) || isinf(v)) {
        strbuf_adds(out, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
        return ERR_OK;
    }
    if (c_locale == NULL)
        c_locale = newlocale(LC_ALL_MASK, "C", NULL);
    locale_t old = uselocale(c_locale); /* of this thread, for the decimal point */
    char text[40];
    int digits = shortest_digits(v, c_locale, text, sizeof text);
    int exponent = atoi(strchr(text, 'e') + 1);
    /* As double_to_shortest_decimal_buf: plain digits for exponents from -4 to 14. */
    if (v != 0 && (exponent < -4 || exponent >= 15))
        strbuf_adds(out, text);
    else
        strbuf_addf(out, "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 0, v);
    uselocale(old);
    return ERR_OK;
}

/* ---- times -------------------------------------------------------------------------------- */

/* Years before 1 are written as the server does: 0001-01-01 BC is year 0. */
/* Rows of a table have few different days. */
#define DAYS_KEPT     64
#define DATE_TEXT_MAX 24
struct date_text {
    int64_t days;
    size_t from; /* of the text, which ends with the array */
    bool is_set, is_bc;
    char text[DATE_TEXT_MAX];
};

static void date_text_set(struct date_text *d, int64_t days_since_2000)
{
    int year;
    int month;
    int day;
    civil_from_days((int32_t)(days_since_2000 + PG_EPOCH_DAYS), &year, &month, &day);
    d->days = days_since_2000;
    d->is_set = true;
    d->is_bc = year <= 0;
    char *from = digits_before(d->text + DATE_TEXT_MAX, (uint64_t)day, 2);
    *--from = '-';
    from = digits_before(from, (uint64_t)month, 2);
    *--from = '-';
    from = digits_before(from, (uint64_t)(d->is_bc ? 1 - year : year), 4);
    d->from = (size_t)(from - d->text);
}

static bool print_date(int64_t days_since_2000, struct strbuf *out)
{
    static struct date_text kept[DAYS_KEPT];
    struct date_text *d = &kept[(uint64_t)days_since_2000 % DAYS_KEPT];
    if (!d->is_set || d->days != days_since_2000)
        date_text_set(d, days_since_2000);
    strbuf_add(out, d->text + d->from, DATE_TEXT_MAX - d->from);
    return d->is_bc;
}

static int decode_date(struct span b, struct strbuf *out, struct error *err)
{
    TRY(check(b.len == 4, "date", err));
    int32_t days = (int32_t)get_u32(b.ptr);
    if (days == INT32_MAX || days == INT32_MIN)
        strbuf_adds(out, days > 0 ? "infinity" : "-infinity");
    else if (days > INT32_MAX - PG_EPOCH_DAYS)
        return malformed("date", err);
    else if (print_date(days, out))
        strbuf_adds(out, " BC");
    return ERR_OK;
}

/* "12:30:05.25": zeros at the end of the fraction are not printed. */
static void print_time(int64_t us, struct strbuf *out)
{
    uint64_t seconds = (uint64_t)us / 1000000;
    uint64_t fraction = (uint64_t)us % 1000000;
    char text[] = " hh:mm:ss";
    (void)digits_before(text + 9, seconds % 60, 2);
    (void)digits_before(text + 6, seconds / 60 % 60, 2);
    (void)digits_before(text + 3, seconds / 3600, 2);
    strbuf_add(out, text, sizeof text - 1);
    if (fraction == 0)
        return;
    int digits = 6;
    for (; fraction % 10 == 0; digits--)
        fraction /= 10;
    strbuf_addch(out, '.');
    print_digits(out, fraction, digits);
}

static int decode_timestamp(struct span b, bool has_zone, struct strbuf *out, struct error *err)
{
    TRY(check(b.len == 8, "timestamp", err));
    int64_t us = (int64_t)get_u64(b.ptr);
    if (us == INT64_MAX || us == INT64_MIN) {
        strbuf_adds(out, us > 0 ? "infinity" : "-infinity");
        return ERR_OK;
    }
    int64_t days = us / DAY_US - (us % DAY_US < 0);
    bool is_bc = print_date(days, out);
    print_time(us - days * DAY_US, out);
    if (has_zone)
        strbuf_adds(out, "+00");
    if (is_bc)
        strbuf_adds(out, " BC");
    return ERR_OK;
}

/* ---- bytes -------------------------------------------------------------------------------- */

static void print_hex(const char *bytes, size_t n, struct strbuf *out)
{
    static const char digits[] = "0123456789abcdef";
    if (!strbuf_reserve(out, 2 * n))
        return;
    char *to = out->data + out->len;
    for (size_t i = 0; i < n; i++) {
        *to++ = digits[(unsigned char)bytes[i] >> 4];
        *to++ = digits[(unsigned char)bytes[i] & 15];
    }
    *to = '\0';
    out->len += 2 * n;
}

static int decode_uuid(struct span b, struct strbuf *out, struct error *err)
{
    static const int ends[] = {4, 6, 8, 10, 16};
    TRY(check(b.len == 16, "uuid", err));
    for (int i = 0, from = 0; i < 5; from = ends[i++]) {
        if (i > 0)
            strbuf_addch(out, '-');
        print_hex(b.ptr + from, (size_t)(ends[i] - from), out);
    }
    return ERR_OK;
}

static int decode_bytea(struct span b, struct strbuf *out)
{
    strbuf_adds(out, "\\x");
    print_hex(b.ptr, b.len, out);
    return ERR_OK;
}

static int decode_int(struct span b, size_t width, struct strbuf *out, struct error *err)
{
    TRY(check(b.len == width, "integer", err));
    int64_t v = width == 2   ? (int16_t)get_u16(b.ptr)
                : width == 4 ? (int32_t)get_u32(b.ptr)
                             : (int64_t)get_u64(b.ptr);
    if (v < 0)
        strbuf_addch(out, '-');
    print_digits(out, v < 0 ? -(uint64_t)v : (uint64_t)v, 1);
    return ERR_OK;
}

/* ---- any ---------------------------------------------------------------------------------- */

static int decode(const struct db_type *t, struct span b, struct strbuf *out, struct error *err)
{
    switch (t->kind) {
    case DB_BOOL:
        TRY(check(b.len == 1, "boolean", err));
        strbuf_adds(out, *b.ptr != 0 ? "true" : "false");
        return ERR_OK;
    case DB_INT2: return decode_int(b, 2, out, err);
    case DB_INT4: return decode_int(b, 4, out, err);
    case DB_INT8: return decode_int(b, 8, out, err);
    case DB_NUMERIC: return decode_numeric(b, out, err);
    case DB_FLOAT8: return decode_float8(b, out, err);
    case DB_TEXT: strbuf_add(out, b.ptr, b.len); return ERR_OK;
    case DB_DATE: return decode_date(b, out, err);
    case DB_TIMESTAMP: return decode_timestamp(b, false, out, err);
    case DB_TIMESTAMPTZ: return decode_timestamp(b, true, out, err);
    case DB_UUID: return decode_uuid(b, out, err);
    case DB_JSONB:
        TRY(check(b.len >= 1 && *b.ptr == 1, "jsonb", err));
        strbuf_add(out, b.ptr + 1, b.len - 1);
        return ERR_OK;
    case DB_BYTEA: return decode_bytea(b, out);
    }
    return error_set(err, ERR_BUG, "a type that cannot be decoded");
}

int db_decode(const struct db_type *t, struct span binary, struct strbuf *out, struct error *err)
{
    size_t start = out->len;
    int code = decode(t, binary, out, err);
    if (code == ERR_OK && out->overflow)
        code = error_set(err, ERR_LIMIT, "a value is larger than %zu bytes", out->max);
    if (code != ERR_OK)
        strbuf_truncate(out, start);
    return code;
}
