/* lib/core/decimal.h - exact decimals of up to 38 digits, and money.
 *
 * value = coefficient / 10^scale, coefficient a signed 128-bit integer, |coefficient| < 10^38,
 * 0 <= scale <= 38. No rounding happens unless a function says so. */
#ifndef DINER_CORE_DECIMAL_H
#define DINER_CORE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decimal {
    __int128 coefficient;
    int scale;
};

#define DECIMAL_TEXT_MAX 48

/* Plain or scientific notation: "-12.30", "+5", ".5", "1e3", "1.5E-2". No blanks, no grouping.
 * Trailing zeros of the fraction are kept as scale. False when not a number or out of range. */
bool decimal_parse(const char *s, size_t n, struct decimal *ret);
struct decimal decimal_from_int(int64_t value, int scale);
size_t decimal_print(const struct decimal *d, char ret[DECIMAL_TEXT_MAX]); /* "12.30"; length */
int decimal_compare(const struct decimal *a, const struct decimal *b);     /* -1 0 1 by value */
bool decimal_add(const struct decimal *a, const struct decimal *b, struct decimal *ret);
bool decimal_subtract(const struct decimal *a, const struct decimal *b, struct decimal *ret);
bool decimal_multiply(const struct decimal *a, const struct decimal *b, struct decimal *ret);
/* Changes the scale; false when digits other than zero would be lost or the range left. */
bool decimal_rescale(const struct decimal *a, int scale, struct decimal *ret);
bool decimal_is_zero(const struct decimal *a);

/* Amounts of money: integer minor units (fen) and an ISO 4217 code. */
struct money {
    int64_t amount_minor;
    char currency[4];
};
/* "12.30" to 1230 with the currency's exponent (CNY 2, JPY 0). False when more digits than the
 * exponent are not zero. */
bool money_parse(const char *s, size_t n, const char *currency, struct money *ret);
size_t money_print(const struct money *m, char ret[DECIMAL_TEXT_MAX]);

#endif
