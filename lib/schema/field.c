#include "schema/field.h"
#include "core/datetime.h"
#include "core/error.h"
#include "core/mem.h"
#include "schema/bind.h"
#include "schema/config.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CHECK_SETS_MAX 128

/* One walk over a set and what it nests; sets already seen are not walked again. */
struct check {
    const struct field_set *seen[CHECK_SETS_MAX];
    size_t nseen;
    struct arena *arena;
};

static char defect[512];

static const char *defect_set(const struct field_set *set, const struct field *f,
                              const char *format, ...) __attribute__((format(printf, 3, 4)));

static const char *defect_set(const struct field_set *set, const struct field *f,
                              const char *format, ...)
{
    va_list args;
    int n = snprintf(defect, sizeof(defect), "%s%s%s: ", set->name ? set->name : "(unnamed set)",
                     f ? "." : "", f ? f->name : "");
    if (n < 0 || (size_t)n >= sizeof(defect))
        return defect;
    va_start(args, format);
    vsnprintf(defect + n, sizeof(defect) - (size_t)n, format, args);
    va_end(args);
    return defect;
}

const struct field *field_find(const struct field_set *set, const char *name)
{
    for (const struct field *f = set->fields; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

size_t field_type_size(const struct field *f)
{
    switch (f->type) {
    case FIELD_STRING:
    case FIELD_DATE: return sizeof(const char *);
    case FIELD_BOOL: return sizeof(bool);
    case FIELD_INT:
    case FIELD_DURATION:
    case FIELD_SIZE:
    case FIELD_FRACTION: return sizeof(int64_t);
    case FIELD_RATE: return sizeof(struct field_rate);
    case FIELD_CHOICE: return sizeof(int);
    case FIELD_TIME_OF_DAY: return sizeof(int32_t);
    case FIELD_STRINGS: return sizeof(struct field_strings);
    case FIELD_STRING_MAP: return sizeof(struct field_string_map);
    case FIELD_NODE:
    case FIELD_OBJECT_PTR: return sizeof(void *);
    case FIELD_OBJECT: return f->sub ? f->sub->struct_size : 0;
    case FIELD_OBJECTS:
    case FIELD_OBJECT_MAP: return sizeof(struct field_objects);
    }
    return 0;
}

static bool name_is_well_formed(const char *name)
{
    if (!isalpha((unsigned char)name[0]))
        return false;
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
            return false;
    return true;
}

static bool env_is_well_formed(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!isupper((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_')
            return false;
    return isupper((unsigned char)name[0]) != 0;
}

static bool type_has_sub(enum field_type type)
{
    return type == FIELD_OBJECT || type == FIELD_OBJECT_PTR || type == FIELD_OBJECTS ||
           type == FIELD_OBJECT_MAP;
}

static bool type_takes_several(enum field_type type)
{
    return type == FIELD_STRINGS || type == FIELD_STRING_MAP;
}

/* Text members only: a number cannot keep a ${...} until later. */
static bool type_may_be_late(enum field_type type)
{
    return type == FIELD_STRING || type == FIELD_DATE || type_takes_several(type) ||
           type == FIELD_NODE || type_has_sub(type);
}

static const char *check_default(struct check *c, const struct field_set *set,
                                 const struct field *f)
{
    struct error err = ERROR_INIT;

    if (!f->def)
        return NULL;
    if (f->flags & FIELD_REQUIRED)
        return defect_set(set, f, "is required and has a default");
    void *scratch = arena_alloc(c->arena, set->struct_size);
    if (bind_text(f, f->def, scratch, c->arena, &err) != 0)
        return defect_set(set, f, "default '%s': %s", f->def, err.message);
    return NULL;
}

static const char *check_shape(const struct field_set *set, const struct field *f)
{
    if (!name_is_well_formed(f->name))
        return defect_set(set, f, "name is not well-formed");
    if (!(f->flags & FIELD_HIDDEN) && (!f->help || !*f->help))
        return defect_set(set, f, "has no help");
    if (f->help && f->help[0] && f->help[strlen(f->help) - 1] == '.')
        return defect_set(set, f, "help ends with a full stop");
    if (field_type_size(f) == 0 && f->type != FIELD_OBJECT)
        return defect_set(set, f, "has no type");
    if (f->type != FIELD_NODE && type_has_sub(f->type) != (f->sub != NULL))
        return defect_set(set, f, f->sub ? "cannot have a nested set" : "has no nested set");
    if (f->offset > set->struct_size || field_type_size(f) > set->struct_size - f->offset)
        return defect_set(set, f, "lies outside its struct");
    if ((f->type == FIELD_CHOICE) != (f->choices && f->choices[0]))
        return defect_set(set, f, f->choices ? "cannot have choices" : "has no choices");
    if (f->max < f->min && f->max != 0)
        return defect_set(set, f, "max is below min");
    return NULL;
}

static const char *check_flags(const struct field_set *set, const struct field *f)
{
    if ((f->flags & FIELD_REPEAT) && !type_takes_several(f->type))
        return defect_set(set, f, "only lists and maps can be repeated");
    if ((f->flags & FIELD_SECRET) && f->type != FIELD_STRING && f->type != FIELD_STRING_MAP)
        return defect_set(set, f, "only text can be secret");
    if ((f->flags & FIELD_LATE) && !type_may_be_late(f->type))
        return defect_set(set, f, "only text can be filled in late");
    if (f->short_name && !isalnum((unsigned char)f->short_name))
        return defect_set(set, f, "short name is not a letter or digit");
    if (f->env && !env_is_well_formed(f->env))
        return defect_set(set, f, "'%s' is no name for an environment variable", f->env);
    if (f->config && !field_find(&settings_fields, f->config))
        return defect_set(set, f, "there is no setting '%s'", f->config);
    if (f->renamed_to && !field_find(set, f->renamed_to))
        return defect_set(set, f, "renamed to '%s', which is not there", f->renamed_to);
    if (f->renamed_to && !(f->flags & FIELD_DEPRECATED))
        return defect_set(set, f, "is renamed and not deprecated");
    return NULL;
}

static const char *check_unique(const struct field_set *set, const struct field *f)
{
    for (const struct field *other = set->fields; other != f; other++) {
        if (strcmp(other->name, f->name) == 0)
            return defect_set(set, f, "is declared twice");
        if (f->short_name && other->short_name == f->short_name)
            return defect_set(set, f, "short name '%c' belongs to '%s'", f->short_name,
                              other->name);
    }
    return NULL;
}

/* Arguments by position: required ones first, a list only as the last. */
static const char *check_positionals(const struct field_set *set)
{
    const struct field *optional = NULL, *list = NULL;

    for (const struct field *f = set->fields; f->name; f++) {
        if (!(f->flags & FIELD_POSITIONAL))
            continue;
        if (list)
            return defect_set(set, f, "stands after the list '%s'", list->name);
        if (optional && (f->flags & FIELD_REQUIRED))
            return defect_set(set, f, "is required after the optional '%s'", optional->name);
        if (f->flags & FIELD_SECRET)
            return defect_set(set, f, "a secret cannot be an argument");
        if (!(f->flags & FIELD_REQUIRED))
            optional = f;
        if (type_takes_several(f->type))
            list = f;
    }
    return NULL;
}

static const char *check_set(struct check *c, const struct field_set *set)
{
    const char *bad;

    for (size_t i = 0; i < c->nseen; i++)
        if (c->seen[i] == set)
            return NULL;
    if (!set->fields || set->struct_size == 0)
        return defect_set(set, NULL, "has no fields or no size");
    if (c->nseen == CHECK_SETS_MAX)
        return defect_set(set, NULL, "too many nested sets");
    c->seen[c->nseen++] = set;
    if (set->scalar && !field_find(set, set->scalar))
        return defect_set(set, NULL, "its scalar key '%s' is not a field", set->scalar);
    for (const struct field *f = set->fields; f->name; f++) {
        if ((bad = check_shape(set, f)) || (bad = check_flags(set, f)) ||
            (bad = check_unique(set, f)) || (bad = check_default(c, set, f)))
            return bad;
        if (f->sub && (bad = check_set(c, f->sub)))
            return bad;
    }
    return check_positionals(set);
}

const char *field_set_check(const struct field_set *set)
{
    struct check c = {.arena = arena_new()};
    const char *bad = check_set(&c, set);

    arena_free(c.arena);
    return bad;
}
