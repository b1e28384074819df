/* lib/perf/quantity.c - see quantity.h. */
#include "perf/quantity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NBSP  "\xC2\xA0"
#define MINUS "\xE2\x88\x92"

/* "12345.6" with a comma before each three digits of its whole part. */
static void add_grouped(const char *digits, struct strbuf *out)
{
    size_t whole = strcspn(digits, ".");
    for (size_t i = 0; digits[i] != '\0'; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0)
            strbuf_addch(out, ',');
        strbuf_addch(out, digits[i]);
    }
}

/* Three significant digits, whole numbers from 100 on; a fraction of zeros is left out. */
static void add_digits(double value, bool keep_zeros, struct strbuf *out)
{
    char text[400];
    int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.0995 ? 2 : 3;
    snprintf(text, sizeof text, "%.*f", decimals, value);
    char *dot = keep_zeros ? NULL : strchr(text, '.');
    for (size_t n = strlen(text);
         dot != NULL && n > 0 && (text[n - 1] == '0' || text[n - 1] == '.');)
        if (text[--n] == '.') {
            text[n] = '\0';
            break;
        } else {
            text[n] = '\0';
        }
    add_grouped(text, out);
}

static double sign_of(double value, struct strbuf *out)
{
    if (value < 0)
        strbuf_adds(out, MINUS);
    return fabs(value);
}

void quantity_ms(double ms, struct strbuf *out)
{
    ms = sign_of(ms, out);
    add_digits(ms >= 9999.5 ? ms / 1000 : ms, ms > 0, out);
    strbuf_adds(out, ms >= 9999.5 ? NBSP "s" : NBSP "ms");
}

void quantity_share(double share, struct strbuf *out)
{
    double pct = sign_of(share, out) * 100;
    add_digits(pct, false, out);
    strbuf_adds(out, NBSP "%");
}

void quantity_number(double value, struct strbuf *out)
{
    add_digits(sign_of(value, out), false, out);
}

/* "312 B", "4.2 kB", "1.5 MB" */
static void quantity_bytes(double bytes, struct strbuf *out)
{
    static const char *const units[] = {NBSP "B", NBSP "kB", NBSP "MB", NBSP "GB", NBSP "TB"};
    size_t unit = 0;
    bytes = sign_of(bytes, out);
    while (bytes >= 1023.5 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    add_digits(bytes, false, out);
    strbuf_adds(out, units[unit]);
}

void quantity_of(enum figure_unit unit, double value, struct strbuf *out)
{
    switch (unit) {
    case UNIT_MS: quantity_ms(value, out); break;
    case UNIT_SHARE: quantity_share(value, out); break;
    case UNIT_BYTES: quantity_bytes(value, out); break;
    case UNIT_PER_S:
        quantity_number(value, out);
        strbuf_adds(out, "/s");
        break;
    default: quantity_number(value, out);
    }
}

void quantity_signed(enum figure_unit unit, double value, struct strbuf *out)
{
    if (value > 0)
        strbuf_addch(out, '+');
    quantity_of(unit, value, out);
}

void quantity_percent_change(double share, struct strbuf *out)
{
    char text[400];
    double pct = fabs(share) * 100;
    snprintf(text, sizeof text, pct >= 99.95 ? "%.0f" : "%.1f", pct);
    bool zero = strtod(text, NULL) <= 0;
    if (!zero)
        strbuf_adds(out, share > 0 ? "+" : MINUS);
    add_grouped(text, out);
    strbuf_adds(out, NBSP "%");
}
