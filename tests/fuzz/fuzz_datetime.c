/* The first byte picks a format; the rest is the text, once as it is and once with its own zone
 * rule, and business dates of it. */
#include "core/datetime.h"
#include "core/zone_rule.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct datetime *d)
{
    struct civil c;
    char text[DATETIME_ISO_MAX];
    char date[11];
    civil_from_us(d->us, &c);
    if (civil_to_us(&c) != d->us) {
        abort();
    }
    datetime_print(d->us, NULL, text);
    date_print(civil_to_days(c.year, c.month, c.day), date);
    struct datetime again;
    if (c.year >= 1 && c.year <= 9999 &&
        (!datetime_parse_iso(text, strlen(text), &again) || again.us != d->us)) {
        abort(); /* what is printed reads back as the same instant */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const formats[] = {"iso",
                                          "epoch_s",
                                          "epoch_ms",
                                          "excel",
                                          "odata_ms",
                                          "%Y-%m-%d %H:%M:%S.%f%z",
                                          "%d/%b/%y %I:%M %p",
                                          "%Y%m%d%H%M%S",
                                          "%Y年%m月%d日"};
    if (size == 0) {
        return 0;
    }
    struct error err = ERROR_INIT;
    struct datetime d;
    struct zone_rule rule;
    char *text = malloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (datetime_parse(formats[data[0] % 8], text, size - 1, &d)) {
        check(&d);
    }
    if (datetime_format_check(text, &err) == 0) {
        datetime_parse(text, (const char *)data, size, &d);
    }
    if (zone_rule_parse(text, size - 1, &rule)) {
        zone_rule_start(&rule, 2024);
        zone_rule_end(&rule, 2024);
    }
    struct bizday b = {.cutoff_s = 14400};
    int32_t days;
    if (zone_load("America/New_York", &b.zone, &err) == 0 &&
        bizday_parse(&b, text, 1795324500000000, &days, &err) == 0) {
        int64_t start_us;
        int64_t end_us;
        bizday_range(&b, days, &start_us, &end_us);
        if (bizday_of(&b, start_us) != days || bizday_of(&b, end_us - 1) != days) {
            abort();
        }
    }
    time_of_day_parse(text, &days, &err);
    free(text);
    return 0;
}
