/* Bound values back into the text a user would write. */
#include "core/strbuf.h"
#include "schema/bind.h"
#include <inttypes.h>

#define AT(type) (*(const type *)((const char *)in + f->offset))

/* The largest unit that divides; a day is said as 24h, seven days as 7d. */
static const char *print_duration(int64_t ms, struct arena *arena)
{
    const int64_t second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;

    if (ms == 0)
        return "0s";
    if (ms % day == 0 && ms / day != 1)
        return arena_printf(arena, "%" PRId64 "d", ms / day);
    if (ms % hour == 0)
        return arena_printf(arena, "%" PRId64 "h", ms / hour);
    if (ms % minute == 0)
        return arena_printf(arena, "%" PRId64 "m", ms / minute);
    if (ms % second == 0)
        return arena_printf(arena, "%" PRId64 "s", ms / second);
    return arena_printf(arena, "%" PRId64 "ms", ms);
}

static const char *print_size(int64_t bytes, struct arena *arena)
{
    static const char *const names[] = {"", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;

    while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < sizeof(names) / sizeof(names[0])) {
        bytes /= 1024;
        unit++;
    }
    return arena_printf(arena, "%" PRId64 "%s", bytes, names[unit]);
}

static const char *print_rate(struct field_rate rate, struct arena *arena)
{
    if (rate.per_ms == 0)
        return NULL;
    const char *per = print_duration(rate.per_ms, arena);
    if (per[0] == '1' && per[1] >= 'a') /* "1m" */
        per++;
    else if (rate.per_ms == (int64_t)24 * 60 * 60 * 1000)
        per = "d";
    return arena_printf(arena, "%" PRId64 "/%s", rate.count, per);
}

/* Millionths as a percentage without needless digits: 1000 is "0.1%". */
static const char *print_fraction(int64_t millionths, struct arena *arena)
{
    const char *sign = millionths < 0 ? "-" : "";
    uint64_t value = millionths < 0 ? 0 - (uint64_t)millionths : (uint64_t)millionths;
    uint64_t whole = value / 10000, rest = value % 10000;
    int digits = 4;

    if (rest == 0)
        return arena_printf(arena, "%s%" PRIu64 "%%", sign, whole);
    for (; rest % 10 == 0; rest /= 10)
        digits--;
    return arena_printf(arena, "%s%" PRIu64 ".%0*" PRIu64 "%%", sign, whole, digits, rest);
}

static const char *print_join(const char **keys, const char **values, size_t n, bool secret,
                              struct arena *arena)
{
    AUTO_STRBUF struct strbuf text = {0};

    if (n == 0)
        return NULL;
    strbuf_init(&text, 0);
    for (size_t i = 0; i < n; i++) {
        strbuf_addf(&text, "%s%s", i ? "," : "", keys[i]);
        if (values)
            strbuf_addf(&text, "=%s", secret ? "****" : values[i] ? values[i] : "");
    }
    return arena_strndup(arena, text.data, text.len);
}

const char *bind_print(const struct field *f, const void *in, struct arena *arena)
{
    bool secret = (f->flags & FIELD_SECRET) != 0;

    switch (f->type) {
    case FIELD_STRING:
    case FIELD_DATE:
        return secret && AT(char *const) ? "****" : arena_strdup(arena, AT(char *const));
    case FIELD_BOOL: return AT(bool) ? "true" : "false";
    case FIELD_INT: return arena_printf(arena, "%" PRId64, AT(int64_t));
    case FIELD_DURATION: return print_duration(AT(int64_t), arena);
    case FIELD_SIZE: return print_size(AT(int64_t), arena);
    case FIELD_FRACTION: return print_fraction(AT(int64_t), arena);
    case FIELD_RATE: return print_rate(AT(struct field_rate), arena);
    case FIELD_CHOICE: return f->choices[AT(int)];
    case FIELD_TIME_OF_DAY:
        return AT(int32_t) % 60
                   ? arena_printf(arena, "%02d:%02d:%02d", AT(int32_t) / 3600,
                                  AT(int32_t) / 60 % 60, AT(int32_t) % 60)
                   : arena_printf(arena, "%02d:%02d", AT(int32_t) / 3600, AT(int32_t) / 60 % 60);
    case FIELD_STRINGS:
        return print_join(AT(struct field_strings).items, NULL, AT(struct field_strings).count,
                          secret, arena);
    case FIELD_STRING_MAP:
        return print_join(AT(struct field_string_map).keys, AT(struct field_string_map).values,
                          AT(struct field_string_map).count, secret, arena);
    case FIELD_OBJECT_MAP:
        return print_join(AT(struct field_objects).names, NULL, AT(struct field_objects).count,
                          secret, arena);
    case FIELD_NODE:
    case FIELD_OBJECT:
    case FIELD_OBJECT_PTR:
    case FIELD_OBJECTS: return NULL;
    }
    return NULL;
}
