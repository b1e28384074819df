/* A number read, printed and read again is the same; arithmetic keeps its laws. */
#include "core/decimal.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void check_round_trip(const struct decimal *d)
{
    char text[DECIMAL_TEXT_MAX];
    struct decimal again;
    size_t n = decimal_print(d, text);
    must(n < sizeof text && text[n] == '\0');
    must(decimal_parse(text, n, &again));
    must(again.coefficient == d->coefficient && again.scale == d->scale);
}

static void check_pair(const struct decimal *a, const struct decimal *b)
{
    struct decimal r;
    struct decimal back;
    if (decimal_add(a, b, &r) && decimal_subtract(&r, b, &back)) {
        must(decimal_compare(a, &back) == 0);
    }
    if (decimal_multiply(a, b, &r)) {
        must(decimal_multiply(b, a, &back) && decimal_compare(&r, &back) == 0);
    }
    must(decimal_compare(a, b) == -decimal_compare(b, a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *blank = memchr(text, ' ', size);
    size_t first = blank != NULL ? (size_t)(blank - text) : size;
    struct decimal a;
    struct decimal b;
    struct decimal r;
    struct money m;
    if (!decimal_parse(text, first, &a)) {
        return 0;
    }
    must(a.scale >= 0 && a.scale <= 38);
    check_round_trip(&a);
    if (money_parse(text, first, "CNY", &m)) {
        char out[DECIMAL_TEXT_MAX];
        money_print(&m, out);
        must(decimal_parse(out, strlen(out), &r) && decimal_compare(&a, &r) == 0);
    }
    if (blank != NULL && decimal_parse(blank + 1, size - first - 1, &b)) {
        check_pair(&a, &b);
    }
    return 0;
}
