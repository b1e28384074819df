/* lib/core/decimal.c - exact decimals on 128-bit integers, and money. */
#include "core/decimal.h"
#include <string.h>

#define DIGITS_MAX   38
#define EXPONENT_MAX 9999

static const uint64_t powers_u64[] = {1U,
                                      10U,
                                      100U,
                                      1000U,
                                      10000U,
                                      100000U,
                                      1000000U,
                                      10000000U,
                                      100000000U,
                                      1000000000U,
                                      10000000000U,
                                      100000000000U,
                                      1000000000000U,
                                      10000000000000U,
                                      100000000000000U,
                                      1000000000000000U,
                                      10000000000000000U,
                                      100000000000000000U,
                                      1000000000000000000U,
                                      10000000000000000000U};

/* 10^n, 0 <= n <= 38. */
static __int128 power_of_ten(int n)
{
    if (n <= 19) {
        return (__int128)powers_u64[n];
    }
    return (__int128)powers_u64[19] * (__int128)powers_u64[n - 19];
}

static __int128 decimal_limit(void)
{
    return power_of_ten(DIGITS_MAX);
}

static bool coefficient_fits(__int128 c)
{
    return c < decimal_limit() && c > -decimal_limit();
}

/* c * 10^n, within the limit. */
static bool coefficient_scale_up(__int128 c, int n, __int128 *ret)
{
    __int128 product;
    if (c == 0) {
        *ret = 0;
        return true;
    }
    if (n > DIGITS_MAX || __builtin_mul_overflow(c, power_of_ten(n), &product) ||
        !coefficient_fits(product)) {
        return false;
    }
    *ret = product;
    return true;
}

/* ---- parsing ------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Digits being read. Zeros of the fraction wait until a digit follows: at the end as many of them
 * are kept as fit, since leaving out the rest changes no value. */
struct decimal_reader {
    __int128 coefficient;
    int scale;
    int waiting_zeros;
    bool any;
};

static bool reader_digit(struct decimal_reader *r, int digit, bool fraction)
{
    r->any = true;
    if (fraction && digit == 0) {
        if (r->waiting_zeros <= EXPONENT_MAX) {
            r->waiting_zeros++;
        }
        return true;
    }
    int shift = r->waiting_zeros + 1;
    if (!coefficient_scale_up(r->coefficient, shift, &r->coefficient)) {
        return false;
    }
    r->coefficient += digit;
    if (fraction) {
        r->scale += shift;
        r->waiting_zeros = 0;
    }
    return r->scale <= EXPONENT_MAX;
}

/* Reads [+-]digits up to the end; saturates. */
static bool exponent_parse(const char *s, const char *end, int *ret)
{
    bool negative = s < end && *s == '-';
    if (s < end && (*s == '-' || *s == '+')) {
        s++;
    }
    if (s == end) {
        return false;
    }
    int value = 0;
    for (; s < end; s++) {
        if (!is_digit(*s)) {
            return false;
        }
        value = value > EXPONENT_MAX ? value : value * 10 + (*s - '0');
    }
    *ret = negative ? -value : value;
    return true;
}

/* Applies the exponent and brings the scale into 0..38 where that loses nothing. */
static bool reader_finish(struct decimal_reader *r, int exponent, bool negative,
                          struct decimal *ret)
{
    while (r->waiting_zeros > 0 && r->scale < DIGITS_MAX &&
           coefficient_scale_up(r->coefficient, 1, &r->coefficient)) {
        r->scale++;
        r->waiting_zeros--;
    }
    int scale = r->scale - exponent;
    if (scale < 0) {
        if (!coefficient_scale_up(r->coefficient, -scale, &r->coefficient)) {
            return false;
        }
        scale = 0;
    }
    if (r->coefficient == 0 && scale > DIGITS_MAX) {
        scale = DIGITS_MAX;
    }
    while (scale > DIGITS_MAX && r->coefficient % 10 == 0) {
        r->coefficient /= 10;
        scale--;
    }
    if (scale > DIGITS_MAX) {
        return false;
    }
    ret->coefficient = negative ? -r->coefficient : r->coefficient;
    ret->scale = scale;
    return true;
}

static bool decimal_parse_slow(const char *s, const char *end, bool negative, struct decimal *ret)
{
    struct decimal_reader r = {0};
    bool fraction = false;
    int exponent = 0;
    for (; s < end; s++) {
        if (is_digit(*s)) {
            if (!reader_digit(&r, *s - '0', fraction)) {
                return false;
            }
        } else if (*s == '.' && !fraction) {
            fraction = true;
        } else if ((*s == 'e' || *s == 'E') && r.any) {
            if (!exponent_parse(s + 1, end, &exponent)) {
                return false;
            }
            break;
        } else {
            return false;
        }
    }
    return r.any && reader_finish(&r, exponent, negative, ret);
}

bool decimal_parse(const char *s, size_t n, struct decimal *ret)
{
    const char *end = s + n;
    if (n == 0) {
        return false;
    }
    bool negative = *s == '-';
    if (negative || *s == '+') {
        s++;
    }
    /* Nearly all numbers are short and plain: one pass in 64 bits. */
    if (end - s <= 19) {
        uint64_t value = 0;
        const char *p = s;
        while (p < end && is_digit(*p)) {
            value = value * 10 + (uint64_t)(*p++ - '0');
        }
        const char *point = p;
        if (p < end && *p == '.') {
            p++;
            while (p < end && is_digit(*p)) {
                value = value * 10 + (uint64_t)(*p++ - '0');
            }
        }
        if (p == end) {
            ptrdiff_t fraction = point < end ? end - point - 1 : 0;
            if (fraction + (point - s) == 0) {
                return false; /* no digit at all */
            }
            ret->coefficient = negative ? -(__int128)value : (__int128)value;
            ret->scale = (int)fraction;
            return true;
        }
    }
    return decimal_parse_slow(s, end, negative, ret);
}

/* ---- arithmetic ---------------------------------------------------------------------------- */

struct decimal decimal_from_int(int64_t value, int scale)
{
    return (struct decimal){.coefficient = value, .scale = scale};
}

/* Without the zeros at the end of the fraction: more room for digits that count. */
static struct decimal decimal_strip(struct decimal d)
{
    while (d.scale > 0 && d.coefficient % 10 == 0) {
        d.coefficient /= 10;
        d.scale--;
    }
    return d;
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
    __int128 x = a->coefficient;
    __int128 y = b->coefficient;
    /* A side that cannot be brought to the other's scale is beyond every coefficient. */
    if (a->scale < b->scale && __builtin_mul_overflow(x, power_of_ten(b->scale - a->scale), &x)) {
        return a->coefficient > 0 ? 1 : -1;
    }
    if (b->scale < a->scale && __builtin_mul_overflow(y, power_of_ten(a->scale - b->scale), &y)) {
        return b->coefficient > 0 ? -1 : 1;
    }
    return (x > y) - (x < y);
}

static bool decimal_sum(struct decimal a, struct decimal b, struct decimal *ret)
{
    int scale = a.scale > b.scale ? a.scale : b.scale;
    __int128 x;
    __int128 y;
    if (!coefficient_scale_up(a.coefficient, scale - a.scale, &x) ||
        !coefficient_scale_up(b.coefficient, scale - b.scale, &y) || !coefficient_fits(x + y)) {
        return false;
    }
    *ret = (struct decimal){.coefficient = x + y, .scale = scale};
    return true;
}

bool decimal_add(const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
    return decimal_sum(*a, *b, ret) || decimal_sum(decimal_strip(*a), decimal_strip(*b), ret);
}

bool decimal_subtract(const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
    struct decimal negated = {.coefficient = -b->coefficient, .scale = b->scale};
    return decimal_add(a, &negated, ret);
}

/* Powers of ten taken out of both sides, and put back only as far as they are not fraction. */
static bool decimal_product(struct decimal a, struct decimal b, struct decimal *ret)
{
    while (a.coefficient != 0 && a.coefficient % 10 == 0) {
        a.coefficient /= 10;
        a.scale--;
    }
    while (b.coefficient != 0 && b.coefficient % 10 == 0) {
        b.coefficient /= 10;
        b.scale--;
    }
    __int128 product;
    int scale = a.scale + b.scale;
    if (__builtin_mul_overflow(a.coefficient, b.coefficient, &product)) {
        return false;
    }
    while (product != 0 && product % 10 == 0 && scale > 0 &&
           (scale > DIGITS_MAX || !coefficient_fits(product))) {
        product /= 10;
        scale--;
    }
    if (product == 0 || scale < 0) {
        if (!coefficient_scale_up(product, scale < 0 ? -scale : 0, &product)) {
            return false;
        }
        scale = 0;
    }
    if (scale > DIGITS_MAX || !coefficient_fits(product)) {
        return false;
    }
    *ret = (struct decimal){.coefficient = product, .scale = scale};
    return true;
}

bool decimal_multiply(const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
    __int128 product;
    int scale = a->scale + b->scale;
    if (scale > DIGITS_MAX || __builtin_mul_overflow(a->coefficient, b->coefficient, &product) ||
        !coefficient_fits(product)) {
        return decimal_product(*a, *b, ret);
    }
    *ret = (struct decimal){.coefficient = product, .scale = scale};
    return true;
}

bool decimal_rescale(const struct decimal *a, int scale, struct decimal *ret)
{
    if (scale < 0 || scale > DIGITS_MAX) {
        return false;
    }
    __int128 c = a->coefficient;
    if (scale < a->scale) {
        __int128 divisor = power_of_ten(a->scale - scale);
        if (c % divisor != 0) {
            return false;
        }
        c /= divisor;
    } else if (!coefficient_scale_up(c, scale - a->scale, &c)) {
        return false;
    }
    *ret = (struct decimal){.coefficient = c, .scale = scale};
    return true;
}

bool decimal_is_zero(const struct decimal *a)
{
    return a->coefficient == 0;
}

/* ---- printing ------------------------------------------------------------------------------ */

/* Digits of c without leading zeros ("0" for zero), most significant first; returns how many. */
static int coefficient_digits(unsigned __int128 c, char ret[DIGITS_MAX + 2])
{
    char reversed[DIGITS_MAX + 2];
    int n = 0;
    while (c > UINT64_MAX) { /* 128-bit division is slow: take it 19 digits at a time */
        uint64_t part = (uint64_t)(c % powers_u64[19]);
        c /= powers_u64[19];
        for (int i = 0; i < 19; i++, part /= 10) {
            reversed[n++] = (char)('0' + part % 10);
        }
    }
    uint64_t rest = (uint64_t)c;
    do {
        reversed[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    for (int i = 0; i < n; i++) {
        ret[i] = reversed[n - 1 - i];
    }
    return n;
}

size_t decimal_print(const struct decimal *d, char ret[DECIMAL_TEXT_MAX])
{
    char digits[DIGITS_MAX + 2];
    char *out = ret;
    bool negative = d->coefficient < 0;
    int n = coefficient_digits(
        negative ? -(unsigned __int128)d->coefficient : (unsigned __int128)d->coefficient, digits);
    if (negative) {
        *out++ = '-';
    }
    int whole = n - d->scale;
    if (whole <= 0) {
        *out++ = '0';
    } else {
        memcpy(out, digits, (size_t)whole);
        out += whole;
    }
    if (d->scale > 0) {
        *out++ = '.';
        int zeros = whole < 0 ? -whole : 0;
        memset(out, '0', (size_t)zeros);
        out += zeros;
        int first = whole > 0 ? whole : 0;
        memcpy(out, digits + first, (size_t)(n - first));
        out += n - first;
    }
    *out = '\0';
    return (size_t)(out - ret);
}

/* ---- money --------------------------------------------------------------------------------- */

/* ISO 4217, list one: the currencies whose minor unit is not a hundredth; -1 for what is no code.
 */
static int currency_exponent(const char *currency)
{
    static const char none[] =
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
    static const char three[] = "BHD IQD JOD KWD LYD OMR TND";
    static const char four[] = "CLF UYW";
    if (strlen(currency) != 3 || strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3) {
        return -1;
    }
    if (strstr(none, currency) != NULL) {
        return 0;
    }
    if (strstr(three, currency) != NULL) {
        return 3;
    }
    return strstr(four, currency) != NULL ? 4 : 2;
}

bool money_parse(const char *s, size_t n, const char *currency, struct money *ret)
{
    struct decimal d;
    int exponent = currency_exponent(currency);
    if (exponent < 0 || !decimal_parse(s, n, &d) || !decimal_rescale(&d, exponent, &d) ||
        d.coefficient > INT64_MAX || d.coefficient < INT64_MIN) {
        return false;
    }
    ret->amount_minor = (int64_t)d.coefficient;
    memcpy(ret->currency, currency, 4);
    return true;
}

size_t money_print(const struct money *m, char ret[DECIMAL_TEXT_MAX])
{
    int exponent = currency_exponent(m->currency);
    struct decimal d = decimal_from_int(m->amount_minor, exponent < 0 ? 2 : exponent);
    return decimal_print(&d, ret);
}
