/* One text into one member: defaults, the environment, the command line, YAML scalars. */
#include "core/datetime.h"
#include "core/strbuf.h"
#include "schema/bind.h"
#include "schema/bind_parse.h"
#include "schema/suggest.h"
#include <string.h>

#define AT(type) (*(type *)((char *)out + f->offset))

#define LIST_ITEMS_MAX 1000

static int bad_text(const struct field *f, const char *text, struct error *err)
{
    return error_set(err, ERR_DATA, "expected %s, found '%s'", bind_expected(f->type),
                     f->flags & FIELD_SECRET ? "****" : text);
}

static void print_number(const struct field *f, int64_t value, char *out, size_t n)
{
    struct arena *a = arena_new();
    const struct field one = {.name = f->name, .type = f->type};
    const char *text = bind_print(&one, &value, a);

    strncpy(out, text ? text : "0", n - 1);
    out[n - 1] = '\0';
    arena_free(a);
}

static int check_range(const struct field *f, int64_t value, struct error *err)
{
    char low[64], high[64], found[64];

    if (f->max <= f->min) {
        /* Without a declared range: lengths, sizes and shares are at least not negative. */
        if (f->type == FIELD_INT || value >= 0)
            return 0;
        print_number(f, value, found, sizeof(found));
        return error_set(err, ERR_DATA, "must not be negative, found %s", found);
    }
    if (value >= f->min && value <= f->max)
        return 0;
    print_number(f, f->min, low, sizeof(low));
    print_number(f, f->max, high, sizeof(high));
    print_number(f, value, found, sizeof(found));
    error_set(err, ERR_DATA, "must be from %s to %s, found %s", low, high, found);
    if (f->type == FIELD_FRACTION && value > FIELD_WHOLE)
        return error_hint(err, "a share of twenty in a hundred is 20%% or 0.2");
    return err->code;
}

static int bind_number(const struct field *f, const char *text, void *out, struct error *err)
{
    int64_t value = 0;
    bool ok = f->type == FIELD_INT        ? bind_parse_int(text, &value)
              : f->type == FIELD_DURATION ? bind_parse_duration(text, &value)
              : f->type == FIELD_SIZE     ? bind_parse_size(text, &value)
                                          : bind_parse_fraction(text, &value);

    if (!ok)
        return bad_text(f, text, err);
    TRY(check_range(f, value, err));
    AT(int64_t) = value;
    return 0;
}

static int bind_choice(const struct field *f, const char *text, void *out, struct error *err)
{
    AUTO_STRBUF struct strbuf list = {0};
    size_t n = 0;

    for (; f->choices[n]; n++) {
        if (strcmp(f->choices[n], text) == 0) {
            AT(int) = (int)n;
            return 0;
        }
    }
    strbuf_init(&list, 512);
    for (size_t i = 0; i < n; i++)
        strbuf_addf(&list, "%s%s", i ? ", " : "", f->choices[i]);
    error_set(err, ERR_DATA, "expected one of %s, found '%s'", list.data, text);
    const char *near = suggest_nearest(text, f->choices, n);
    if (near)
        error_hint(err, "did you mean '%s'?", near);
    return (int)err->code;
}

static int bind_time_of_day(const struct field *f, const char *text, void *out, struct error *err)
{
    int32_t seconds;

    if (time_of_day_parse(text, &seconds, err) != 0)
        return bad_text(f, text, err);
    AT(int32_t) = seconds;
    return 0;
}

static int bind_flag(const struct field *f, const char *text, void *out, struct error *err)
{
    bool value;

    if (!bind_parse_bool(text, &value))
        return bad_text(f, text, err);
    AT(bool) = value;
    return 0;
}

static int bind_rate(const struct field *f, const char *text, void *out, struct error *err)
{
    struct field_rate rate;

    if (!bind_parse_rate(text, &rate))
        return bad_text(f, text, err);
    AT(struct field_rate) = rate;
    return 0;
}

/* Copies the n pointers of a list and leaves room for one more. */
static const char **list_copy(const char **items, size_t n, struct arena *arena)
{
    const char **copy = arena_array(arena, n + 1, sizeof(*copy));

    for (size_t i = 0; i < n; i++)
        copy[i] = items[i];
    return copy;
}

static int strings_append(const struct field *f, const char *text, void *out, struct arena *arena,
                          struct error *err)
{
    struct field_strings *list = &AT(struct field_strings);

    if (list->count >= LIST_ITEMS_MAX)
        return error_set(err, ERR_LIMIT, "more than %d values", LIST_ITEMS_MAX);
    list->items = list_copy(list->items, list->count, arena);
    list->items[list->count++] = arena_strdup(arena, text);
    return 0;
}

static int map_append(const struct field *f, const char *text, void *out, struct arena *arena,
                      struct error *err)
{
    struct field_string_map *map = &AT(struct field_string_map);
    const char *equals = strchr(text, '=');

    if (!equals || equals == text)
        return error_set(err, ERR_DATA, "expected KEY=VALUE, found '%s'",
                         f->flags & FIELD_SECRET ? "****" : text);
    if (map->count >= LIST_ITEMS_MAX)
        return error_set(err, ERR_LIMIT, "more than %d values", LIST_ITEMS_MAX);
    const char *key = arena_strndup(arena, text, (size_t)(equals - text));
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i], key) == 0)
            return error_set(err, ERR_DATA, "'%s' is given twice", key);
    map->keys = list_copy(map->keys, map->count, arena);
    map->values = list_copy(map->values, map->count, arena);
    map->keys[map->count] = key;
    map->values[map->count++] = arena_strdup(arena, equals + 1);
    return 0;
}

int bind_append_text(const struct field *f, const char *text, void *out, struct arena *arena,
                     struct error *err)
{
    if (f->type == FIELD_STRINGS)
        return strings_append(f, text, out, arena, err);
    if (f->type == FIELD_STRING_MAP)
        return map_append(f, text, out, arena, err);
    return bind_text(f, text, out, arena, err);
}

/* "a,b,c": blanks around the commas do not count; an empty text is an empty list. */
static int bind_several(const struct field *f, const char *text, void *out, struct arena *arena,
                        struct error *err)
{
    const size_t size = field_type_size(f);
    struct field whole = *f;
    void *fresh = arena_alloc(arena, size);

    whole.offset = 0;
    for (const char *p = text; *p;) {
        size_t skip = strspn(p, " "), n = strcspn(p + skip, ",");
        size_t kept = n;
        while (kept > 0 && p[skip + kept - 1] == ' ')
            kept--;
        if (kept > 0)
            TRY(bind_append_text(&whole, arena_strndup(arena, p + skip, kept), fresh, arena, err));
        p += skip + n;
        p += *p == ',';
    }
    memcpy((char *)out + f->offset, fresh, size);
    return 0;
}

int bind_text(const struct field *f, const char *text, void *out, struct arena *arena,
              struct error *err)
{
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_DATE: AT(const char *) = arena_strdup(arena, text); return 0;
    case FIELD_BOOL: return bind_flag(f, text, out, err);
    case FIELD_INT:
    case FIELD_DURATION:
    case FIELD_SIZE:
    case FIELD_FRACTION: return bind_number(f, text, out, err);
    case FIELD_RATE: return bind_rate(f, text, out, err);
    case FIELD_CHOICE: return bind_choice(f, text, out, err);
    case FIELD_TIME_OF_DAY: return bind_time_of_day(f, text, out, err);
    case FIELD_STRINGS:
    case FIELD_STRING_MAP: return bind_several(f, text, out, arena, err);
    case FIELD_NODE:
    case FIELD_OBJECT:
    case FIELD_OBJECT_PTR:
    case FIELD_OBJECTS:
    case FIELD_OBJECT_MAP: break;
    }
    return bad_text(f, text, err);
}

void bind_defaults(const struct field_set *set, void *out, struct arena *arena)
{
    struct error err = ERROR_INIT;

    memset(out, 0, set->struct_size);
    for (const struct field *f = set->fields; f->name; f++) {
        if (f->type == FIELD_OBJECT)
            bind_defaults(f->sub, (char *)out + f->offset, arena);
        else if (f->def)
            (void)bind_text(f, f->def, out, arena, &err); /* field_set_check proved it */
    }
}
