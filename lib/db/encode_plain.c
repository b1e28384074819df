/* lib/db/encode_plain.c - the spellings that most values have, straight to their binary form. What
 * is not plain is left to encode.c, whose results and refusals these are. */
#include "core/datetime.h"
#include "db/types.h"
#include "db/wire.h"

/* No sum of so many digits wraps. */
#define DIGITS_MAX ((size_t)18)
#define GROUPS_MAX 7

static const uint64_t power_of_10[] = {1,
                                       10,
                                       100,
                                       1000,
                                       10000,
                                       100000,
                                       1000000,
                                       10000000,
                                       100000000,
                                       1000000000,
                                       10000000000,
                                       100000000000,
                                       1000000000000,
                                       10000000000000,
                                       100000000000000,
                                       1000000000000000,
                                       10000000000000000,
                                       100000000000000000,
                                       1000000000000000000};

/* Digits from s on, at most to end; where they stop. */
static inline const char *read_digits(const char *s, const char *end, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned digit; s < end && (digit = (unsigned char)(*s - '0')) <= 9; s++)
        value = value * 10 + digit;
    *ret = value;
    return s;
}

/* ---- whole numbers ------------------------------------------------------------------------ */

static __attribute__((noinline)) bool encode_int(struct span text, int64_t max, size_t bytes,
                                                 struct strbuf *out)
{
    uint64_t value;
    const char *s = text.ptr, *end = s + text.len;
    const bool is_negative = text.len > 0 && *s == '-';
    s += is_negative;
    if (s == end || text.len > DIGITS_MAX || read_digits(s, end, &value) != end ||
        value > (uint64_t)max)
        return false;
    char *p = field_reserve(out, bytes);
    if (p == NULL)
        return false;
    value = is_negative ? 0 - value : value;
    if (bytes == 8)
        put_u64(p, value);
    else if (bytes == 4)
        put_u32(p, (uint32_t)value);
    else
        put_u16(p, (uint16_t)value);
    field_finish(out, bytes);
    return true;
}

/* ---- numeric ------------------------------------------------------------------------------ */

/* Base-10000 digits, the highest first, in their place at once: copied from elsewhere, the
 * processor would wait until they are there. */
struct groups {
    char *digits;
    int count, weight;
};

static inline void add_group(struct groups *g, uint64_t v)
{
    put_u16(g->digits + 2 * (size_t)g->count++, (uint16_t)v);
}

static void add_whole(struct groups *g, uint64_t whole)
{
    g->weight = -1;
    if (whole == 0)
        return;
    if (whole < 10000) { /* nearly all are: no division */
        g->weight = 0;
        add_group(g, whole);
        return;
    }
    int more = 1;
    while (more < 4 && whole / power_of_10[4 * (more + 1)] != 0)
        more++;
    g->weight = more;
    for (; more > 0; more--) {
        add_group(g, whole / power_of_10[4 * more]);
        whole %= power_of_10[4 * more];
    }
    add_group(g, whole);
}

/* Up to 8 decimals. Leading zeros of a number below 1 are no digits but weight. */
static inline void add_fraction(struct groups *g, uint64_t fraction, size_t decimals)
{
    const uint64_t eight = fraction * power_of_10[8 - decimals];
    const uint64_t high = eight / 10000, low = eight % 10000;
    if (high > 0 || g->count > 0)
        add_group(g, high);
    else
        g->weight--;
    if (low > 0)
        add_group(g, low);
    while (g->count > 0 && get_u16(g->digits + 2 * (size_t)(g->count - 1)) == 0)
        g->count--;
}

static bool fits(const struct db_type *t, uint64_t whole, size_t decimals)
{
    if (t->precision == 0)
        return true;
    const int before = t->precision - t->scale;
    return t->scale >= 0 && before >= 0 && decimals <= (size_t)t->scale &&
           ((size_t)before > DIGITS_MAX || whole < power_of_10[before]);
}

/* Not inlined, nor is encode_int: their many registers would be saved for each text too. */
static __attribute__((noinline)) bool encode_decimal(const struct db_type *t, struct span text,
                                                     struct strbuf *out)
{
    uint64_t whole, fraction = 0;
    size_t decimals = 0;
    const char *s = text.ptr, *end = s + text.len;
    const bool is_negative = text.len > 0 && *s == '-';
    s += is_negative;
    const char *stop = read_digits(s, text.len <= DIGITS_MAX ? end : s, &whole);
    if (stop == s)
        return false;
    if (stop < end) {
        s = stop + 1;
        if (*stop != '.' || read_digits(s, end, &fraction) != end || s == end)
            return false;
        decimals = (size_t)(end - s);
    }
    char *p =
        decimals <= 8 && fits(t, whole, decimals) ? field_reserve(out, 8 + 2 * GROUPS_MAX) : NULL;
    if (p == NULL)
        return false;
    struct groups g = {.digits = p + 8};
    add_whole(&g, whole);
    add_fraction(&g, fraction, decimals);
    const bool is_zero = g.count == 0;
    put_u16(p, (uint16_t)g.count);
    put_u16(p + 2, is_zero ? 0 : (uint16_t)(int16_t)g.weight);
    put_u16(p + 4, is_negative && !is_zero ? NUMERIC_NEGATIVE : 0);
    put_u16(p + 6, (uint16_t)decimals);
    field_finish(out, 8 + 2 * (size_t)g.count);
    return true;
}

/* ---- text --------------------------------------------------------------------------------- */

static inline uint64_t nul_bits(uint64_t w)
{
    return (w - UINT64_C(0x0101010101010101)) & ~w & UINT64_C(0x8080808080808080);
}

/* Copies n bytes; false when one of them is NUL. */
static inline bool copy_text(char *to, const char *from, size_t n)
{
    uint64_t word, nul = 0;
    uint32_t half;
    if (n < sizeof half) {
        for (size_t i = 0; i < n; i++) {
            nul |= from[i] == '\0';
            to[i] = from[i];
        }
        return nul == 0;
    }
    if (n < sizeof word) {
        memcpy(&half, from, sizeof half);
        memcpy(to, &half, sizeof half);
        word = (uint64_t)half << 32;
        memcpy(&half, from + n - sizeof half, sizeof half);
        memcpy(to + n - sizeof half, &half, sizeof half);
        return nul_bits(word | half) == 0;
    }
    for (size_t i = 0; i < n - sizeof word; i += sizeof word) {
        memcpy(&word, from + i, sizeof word);
        memcpy(to + i, &word, sizeof word);
        nul |= nul_bits(word);
    }
    /* The last eight, some of them for the second time. */
    memcpy(&word, from + n - sizeof word, sizeof word);
    memcpy(to + n - sizeof word, &word, sizeof word);
    return (nul | nul_bits(word)) == 0;
}

static bool encode_text(const struct db_type *t, struct span text, struct strbuf *out)
{
    if (t->precision > 0 && text.len > (size_t)t->precision)
        return false;
    char *p = field_reserve(out, text.len);
    if (p == NULL || !copy_text(p, text.ptr, text.len))
        return false;
    field_finish(out, text.len);
    return true;
}

/* ---- any ---------------------------------------------------------------------------------- */

bool db_encode_plain(const struct db_type *t, struct span text, struct strbuf *out)
{
    switch (t->kind) {
    case DB_INT2: return encode_int(text, INT16_MAX, 2, out);
    case DB_INT4: return encode_int(text, INT32_MAX, 4, out);
    case DB_INT8: return encode_int(text, INT64_MAX, 8, out);
    case DB_NUMERIC: return encode_decimal(t, text, out);
    case DB_TEXT: return encode_text(t, text, out);
    default: return false;
    }
}
