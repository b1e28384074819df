/* lib/db/encode_numeric.c - decimal text straight to the base-10000 digits of numeric_recv
 * (src/backend/utils/adt/numeric.c), of any length the server takes, without rounding. */
#include "core/message.h"
#include "db/encode_internal.h"
#include "db/wire.h"

#define NOT_A_NUMBER    MESSAGE("not a number")
#define TOO_MANY_DIGITS MESSAGE("more digits than the type allows")

/* The text taken apart: digits before the point without leading zeros, digits after it. */
struct parts {
    const char *integer, *fraction;
    size_t integer_len, fraction_len;
    bool is_negative;
};

/* ---- reading ------------------------------------------------------------------------------ */

static const char *skip_digits(const char *s, const char *end)
{
    while (s < end && (unsigned char)(*s - '0') <= 9)
        s++;
    return s;
}

/* [+-]digits[.digits], one side of the point may be empty. Returns where it ended, NULL when
 * there is no digit. */
static inline const char *split(struct span text, struct parts *p)
{
    const char *s = text.ptr;
    const char *end = s + text.len;
    p->is_negative = s < end && *s == '-';
    if (s < end && (*s == '-' || *s == '+'))
        s++;
    const char *first = s;
    s = skip_digits(s, end);
    p->integer = first;
    p->integer_len = (size_t)(s - first);
    p->fraction = s;
    p->fraction_len = 0;
    if (s < end && *s == '.') {
        p->fraction = s + 1;
        s = skip_digits(s + 1, end);
        p->fraction_len = (size_t)(s - p->fraction);
    }
    if (p->integer_len + p->fraction_len == 0)
        return NULL;
    while (p->integer_len > 0 && *p->integer == '0') {
        p->integer++;
        p->integer_len--;
    }
    return s;
}

/* ---- the type's limits -------------------------------------------------------------------- */

static bool are_zeros(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != '0')
            return false;
    return true;
}

static const char *too_many_decimals(int scale)
{
    static const char *const reasons[] = {
        MESSAGE("has decimals"),          MESSAGE("more than 1 decimal"),
        MESSAGE("more than 2 decimals"),  MESSAGE("more than 3 decimals"),
        MESSAGE("more than 4 decimals"),  MESSAGE("more than 5 decimals"),
        MESSAGE("more than 6 decimals"),  MESSAGE("more than 7 decimals"),
        MESSAGE("more than 8 decimals"),  MESSAGE("more than 9 decimals"),
        MESSAGE("more than 10 decimals"), MESSAGE("more than 11 decimals"),
        MESSAGE("more than 12 decimals"), MESSAGE("more than 13 decimals"),
        MESSAGE("more than 14 decimals"), MESSAGE("more than 15 decimals"),
        MESSAGE("more than 16 decimals"), MESSAGE("more than 17 decimals"),
        MESSAGE("more than 18 decimals"), MESSAGE("more than 19 decimals"),
        MESSAGE("more than 20 decimals")};
    size_t count = sizeof reasons / sizeof reasons[0];
    return scale >= 0 && (size_t)scale < count ? reasons[scale]
                                               : MESSAGE("more decimals than the type has");
}

/* Cuts zeros after the scale; a digit there would be rounded by the server. */
static const char *fit_scale(const struct db_type *t, struct parts *p)
{
    size_t keep = t->scale > 0 ? (size_t)t->scale : 0;
    if (p->fraction_len > keep) {
        if (!are_zeros(p->fraction + keep, p->fraction_len - keep))
            return too_many_decimals(t->scale);
        p->fraction_len = keep;
    }
    if (t->scale >= 0 || p->integer_len == 0)
        return NULL;
    /* numeric(3,-2) holds hundreds only. */
    size_t round = (size_t)-t->scale;
    size_t tail = round < p->integer_len ? round : p->integer_len;
    return are_zeros(p->integer + p->integer_len - tail, tail)
               ? NULL
               : MESSAGE("not a round enough number");
}

/* The highest non-zero digit must stand below 10^(precision - scale). */
static const char *fit_precision(const struct db_type *t, const struct parts *p)
{
    int top = (int)p->integer_len;
    if (top == 0) {
        size_t zeros = 0;
        while (zeros < p->fraction_len && p->fraction[zeros] == '0')
            zeros++;
        if (zeros == p->fraction_len)
            return NULL; /* zero fits everywhere */
        top = -(int)zeros;
    }
    return top <= t->precision - t->scale ? NULL : TOO_MANY_DIGITS;
}

/* ---- writing ------------------------------------------------------------------------------ */

/* Up to four digits as they stand, missing ones at the end count as zeros when is_fraction. */
static inline unsigned group(const char *s, size_t n, bool is_fraction)
{
    static const unsigned scale_up[5] = {0, 1000, 100, 10, 1};
    unsigned v = 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (unsigned)(s[i] - '0');
    return is_fraction ? v * scale_up[n] : v;
}

static inline unsigned group4(const char *s)
{
    return (unsigned)(s[0] - '0') * 1000 + (unsigned)(s[1] - '0') * 100 +
           (unsigned)(s[2] - '0') * 10 + (unsigned)(s[3] - '0');
}

static char *put_integer(const struct parts *p, char *to)
{
    const char *s = p->integer;
    size_t left = p->integer_len;
    if (left % 4 != 0) {
        put_u16(to, (uint16_t)group(s, left % 4, false));
        to += 2;
        s += left % 4;
        left -= left % 4;
    }
    for (; left > 0; left -= 4, s += 4, to += 2)
        put_u16(to, (uint16_t)group4(s));
    return to;
}

/* Leading groups of zeros are left out when nothing stands before the point. */
static char *put_fraction(const struct parts *p, char *to, int *weight)
{
    const char *s = p->fraction;
    size_t left = p->fraction_len;
    bool is_first = p->integer_len == 0;
    while (left > 0) {
        size_t n = left < 4 ? left : 4;
        unsigned v = n == 4 ? group4(s) : group(s, n, true);
        s += n;
        left -= n;
        if (is_first && v == 0) {
            --*weight;
            continue;
        }
        is_first = false;
        put_u16(to, (uint16_t)v);
        to += 2;
    }
    return to;
}

static const char *append(const struct parts *p, struct strbuf *out)
{
    size_t groups = (p->integer_len + 3) / 4 + (p->fraction_len + 3) / 4;
    char *field = field_reserve(out, 8 + 2 * groups);
    if (field == NULL)
        return TOO_LARGE;
    int weight = (int)((p->integer_len + 3) / 4) - 1;
    char *digits = field + 8;
    char *end = put_integer(p, digits);
    end = put_fraction(p, end, &weight);
    while (end > digits && get_u16(end - 2) == 0)
        end -= 2;
    bool is_zero = end == digits;
    put_u16(field, (uint16_t)((end - digits) / 2));
    put_u16(field + 2, is_zero ? 0 : (uint16_t)(int16_t)weight);
    put_u16(field + 4, p->is_negative && !is_zero ? NUMERIC_NEGATIVE : 0);
    put_u16(field + 6, (uint16_t)p->fraction_len);
    field_finish(out, (size_t)(end - field));
    return NULL;
}

static const char *check_and_append(const struct db_type *t, struct parts *p, struct strbuf *out)
{
    const char *reason;
    if (t->precision > 0) {
        if ((reason = fit_scale(t, p)) != NULL || (reason = fit_precision(t, p)) != NULL)
            return reason;
    } else if (p->integer_len > NUMERIC_MAX_INTEGER || p->fraction_len > NUMERIC_MAX_FRACTION) {
        return TOO_MANY_DIGITS;
    }
    return append(p, out);
}

/* ---- exponents ---------------------------------------------------------------------------- */

/* "e-12": false when it is not an exponent; large ones stop at a bound no number can have. */
static bool read_exponent(const char *s, const char *end, int *ret)
{
    if (s == end || (*s != 'e' && *s != 'E'))
        return false;
    s++;
    bool is_negative = s < end && *s == '-';
    if (s < end && (*s == '-' || *s == '+'))
        s++;
    if (s == end || skip_digits(s, end) != end)
        return false;
    int v = 0;
    for (; s < end && v < 10 * NUMERIC_MAX_INTEGER; s++)
        v = v * 10 + (*s - '0');
    *ret = is_negative ? -v : v;
    return true;
}

/* Writes "1.5e-3" out as "0.0015" and takes that; rare, so plain. As the server, 1.50e1 has one
 * decimal left: 15.0. */
static const char *encode_scientific(const struct db_type *t, const struct parts *p, int exponent,
                                     struct strbuf *out)
{
    int64_t point = (int64_t)p->integer_len + exponent; /* digits before the moved point */
    int64_t digits = (int64_t)(p->integer_len + p->fraction_len);
    if (are_zeros(p->integer, p->integer_len) && are_zeros(p->fraction, p->fraction_len))
        point = point > 1 ? 1 : point;
    if (point > NUMERIC_MAX_INTEGER || digits - point > NUMERIC_MAX_FRACTION)
        return TOO_MANY_DIGITS;
    AUTO_STRBUF struct strbuf plain = {0};
    strbuf_init(&plain, 0);
    for (int64_t i = point; i < 0; i++)
        strbuf_addch(&plain, '0');
    strbuf_add(&plain, p->integer, p->integer_len);
    strbuf_add(&plain, p->fraction, p->fraction_len);
    while ((int64_t)plain.len < point)
        strbuf_addch(&plain, '0');
    size_t before = point > 0 ? (size_t)point : 0;
    struct parts moved = {.integer = plain.data,
                          .integer_len = before,
                          .fraction = plain.data + before,
                          .fraction_len = plain.len - before,
                          .is_negative = p->is_negative};
    while (moved.integer_len > 0 && *moved.integer == '0') {
        moved.integer++;
        moved.integer_len--;
    }
    return check_and_append(t, &moved, out);
}

const char *encode_numeric(const struct db_type *t, struct span text, struct strbuf *out)
{
    struct parts p;
    const char *end = text.ptr + text.len;
    const char *stopped = split(text, &p);
    if (stopped == end)
        return check_and_append(t, &p, out);
    int exponent;
    if (stopped == NULL || !read_exponent(stopped, end, &exponent))
        return NOT_A_NUMBER;
    return encode_scientific(t, &p, exponent, out);
}
