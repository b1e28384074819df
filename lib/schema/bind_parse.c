#include "schema/bind_parse.h"
#include "core/decimal.h"
#include "core/message.h"
#include "schema/bind.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define PER_SECOND_MS 1000
#define PER_MINUTE_MS ((int64_t)60 * PER_SECOND_MS)
#define PER_HOUR_MS   (60 * PER_MINUTE_MS)
#define PER_DAY_MS    (24 * PER_HOUR_MS)

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first: "1h30m" must go down. */
static const struct unit duration_units[] = {
    {"d", PER_DAY_MS},    {"h", PER_HOUR_MS}, {"m", PER_MINUTE_MS},
    {"s", PER_SECOND_MS}, {"ms", 1},          {NULL, 0},
};
static const struct unit size_units[] = {
    {"b", 1},
    {"kb", 1000},
    {"mb", 1000000},
    {"gb", 1000000000},
    {"tb", 1000000000000},
    {"kib", (int64_t)1 << 10},
    {"mib", (int64_t)1 << 20},
    {"gib", (int64_t)1 << 30},
    {"tib", (int64_t)1 << 40},
    {NULL, 0},
};

/* Digits with single underscores between them; moves *text behind them. */
static bool parse_digits(const char **text, int64_t *ret)
{
    const char *p = *text;
    int64_t value = 0;

    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p) || (*p == '_' && isdigit((unsigned char)p[1])); p++) {
        if (*p == '_')
            continue;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *p - '0', &value))
            return false;
    }
    *text = p;
    *ret = value;
    return true;
}

bool bind_parse_int(const char *text, int64_t *ret)
{
    bool negative = *text == '-';
    int64_t value;

    if (*text == '-' || *text == '+')
        text++;
    if (!parse_digits(&text, &value) || *text)
        return false;
    *ret = negative ? -value : value;
    return true;
}

bool bind_parse_bool(const char *text, bool *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *ret = i % 2 == 1;
            return true;
        }
    }
    return false;
}

bool bind_parse_duration(const char *text, int64_t *ret_ms)
{
    const struct unit *unit = duration_units;
    int64_t total = 0, part;

    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return true;
    }
    do {
        if (!parse_digits(&text, &part))
            return false;
        size_t letters = strspn(text, "dhms");
        while (unit->name &&
               (strlen(unit->name) != letters || memcmp(unit->name, text, letters) != 0))
            unit++;
        if (!unit->name || __builtin_mul_overflow(part, unit->factor, &part) ||
            __builtin_add_overflow(total, part, &total))
            return false;
        text += letters;
        unit++;
    } while (*text);
    *ret_ms = total;
    return true;
}

bool bind_parse_size(const char *text, int64_t *ret_bytes)
{
    const struct unit *unit = size_units;
    int64_t value;

    if (!parse_digits(&text, &value))
        return false;
    while (*text == ' ')
        text++;
    if (*text) {
        while (unit->name && strcasecmp(unit->name, text) != 0)
            unit++;
        if (!unit->name || __builtin_mul_overflow(value, unit->factor, &value))
            return false;
    }
    *ret_bytes = value;
    return true;
}

bool bind_parse_rate(const char *text, struct field_rate *ret)
{
    struct field_rate rate = {0};

    if (strcmp(text, "none") == 0) {
        *ret = rate;
        return true;
    }
    if (!parse_digits(&text, &rate.count) || rate.count == 0 || *text++ != '/')
        return false;
    if (isdigit((unsigned char)*text)) { /* "5/10s" */
        if (!bind_parse_duration(text, &rate.per_ms) || rate.per_ms == 0)
            return false;
    } else {
        const struct unit *unit = duration_units;
        while (unit->name && strcmp(unit->name, text) != 0)
            unit++;
        if (!unit->name)
            return false;
        rate.per_ms = unit->factor;
    }
    *ret = rate;
    return true;
}

bool bind_parse_fraction(const char *text, int64_t *ret_millionths)
{
    size_t n = strlen(text);
    int scale = 6;
    struct decimal value;

    if (n > 0 && text[n - 1] == '%') {
        n--;
        scale = 4;
        while (n > 0 && text[n - 1] == ' ')
            n--;
    }
    if (!decimal_parse(text, n, &value) || !decimal_rescale(&value, scale, &value))
        return false;
    if (value.coefficient > INT64_MAX || value.coefficient < INT64_MIN)
        return false;
    *ret_millionths = (int64_t)value.coefficient;
    return true;
}

const char *bind_expected(enum field_type type)
{
    switch (type) {
    case FIELD_STRING: return message_text("text");
    case FIELD_BOOL: return message_text("true or false");
    case FIELD_INT: return message_text("a whole number");
    case FIELD_DURATION: return message_text("a duration such as 30s, 10m or 24h");
    case FIELD_SIZE: return message_text("a size such as 64KiB, 10MB or 1GiB");
    case FIELD_RATE: return message_text("a rate such as 20/s, 100/m or 1000/h");
    case FIELD_FRACTION: /* xgettext:no-c-format */
        return message_text("a share such as 0.1% or 0.25");
    case FIELD_CHOICE: return message_text("one of the choices");
    case FIELD_DATE: return message_text("a date such as 2024-01-31 or yesterday");
    case FIELD_TIME_OF_DAY: return message_text("a time of day such as 04:00");
    case FIELD_STRINGS: return message_text("a list of text");
    case FIELD_STRING_MAP: return message_text("a map of text");
    case FIELD_NODE: return message_text("a value");
    case FIELD_OBJECT:
    case FIELD_OBJECT_PTR: return message_text("a map");
    case FIELD_OBJECTS: return message_text("a list");
    case FIELD_OBJECT_MAP: return message_text("a map of names");
    }
    return message_text("a value");
}
