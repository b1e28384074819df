/* lib/db/canonical.c - texts that are in the server's own spelling already. */
#include "db/encode_internal.h"

/* Longer numbers go the long way. */
#define NUMBER_MAX_BYTES 64

static size_t digits_at(const char *s, const char *end)
{
    const char *p = s;
    while (p < end && (unsigned char)(*p - '0') <= 9)
        p++;
    return (size_t)(p - s);
}

/* A sign only with something other than zero behind it, no leading zero. *ret_integer and
 * *ret_fraction: how many digits. */
static bool is_plain_number(struct span text, size_t *ret_integer, size_t *ret_fraction)
{
    const char *s = text.ptr, *end = s + text.len;
    if (text.len == 0 || text.len > NUMBER_MAX_BYTES)
        return false;
    bool is_negative = *s == '-';
    s += is_negative;
    size_t integer = digits_at(s, end), fraction = 0;
    if (integer == 0 || (integer > 1 && *s == '0'))
        return false;
    bool is_zero = *s == '0';
    s += integer;
    if (s < end) {
        if (*s++ != '.' || (fraction = digits_at(s, end)) == 0 || s + fraction != end)
            return false;
        for (; is_zero && s < end; s++)
            is_zero = *s == '0';
    }
    *ret_integer = integer == 1 && text.ptr[is_negative] == '0' ? 0 : integer;
    *ret_fraction = fraction;
    return !is_negative || !is_zero;
}

static bool is_integer(struct span text, size_t digits_max)
{
    size_t integer, fraction;
    return is_plain_number(text, &integer, &fraction) && fraction == 0 && integer <= digits_max;
}

static bool is_numeric(const struct db_type *t, struct span text)
{
    size_t integer, fraction;
    if (!is_plain_number(text, &integer, &fraction))
        return false;
    return t->precision == 0 ||
           (t->scale >= 0 && t->precision >= t->scale &&
            integer <= (size_t)(t->precision - t->scale) && fraction <= (size_t)t->scale);
}

bool db_is_canonical(const struct db_type *t, struct span text, unsigned flags)
{
    switch (t->kind) {
    case DB_TEXT: return text.ptr != NULL && check_text(t, text, flags) == NULL;
    /* One digit less than the largest value has: no comparing. */
    case DB_INT2: return is_integer(text, 4);
    case DB_INT4: return is_integer(text, 9);
    case DB_INT8: return is_integer(text, 18);
    case DB_NUMERIC: return is_numeric(t, text);
    default: return false;
    }
}
