/* Declared parameters of a resource: from the text a pipeline gives to what its system wants. */
#include "core/datetime.h"
#include "core/message.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include "net/connector_internal.h"
#include <inttypes.h>
#include <stdlib.h>

static int wrong_value(const char *name, const char *value, const char *expected, struct error *err)
{
    return error_set(err, ERR_DATA, "parameter '%s': expected %s, found '%.100s'", name, expected,
                     value);
}

static const char *quoted(struct arena *arena, const char *text, size_t len)
{
    AUTO_STRBUF struct strbuf out = {0};

    strbuf_init(&out, 0);
    jsonx_quote(&out, (struct span){text, len});
    return arena_strndup(arena, out.data, out.len);
}

static bool is_number(const char *text, size_t len)
{
    struct error ignored;

    return len > 0 && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9')) &&
           jpull_check((struct span){text, len}, false, &ignored) == 0;
}

/* "a, b" as ["a","b"]; an empty text is an empty list. */
static int list_convert(const char *name, bool numbers, const char *value, struct arena *arena,
                        struct param_value *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf out = {0};
    const char *p = value;

    strbuf_init(&out, 0);
    strbuf_addch(&out, '[');
    while (*value) {
        p += strspn(p, " ");
        size_t len = strcspn(p, ","), trimmed = len;
        while (trimmed > 0 && p[trimmed - 1] == ' ')
            trimmed--;
        if (numbers && !is_number(p, trimmed))
            return wrong_value(name, value, message_text("numbers with commas between them"), err);
        if (numbers)
            strbuf_add(&out, p, trimmed);
        else
            jsonx_quote(&out, (struct span){p, trimmed});
        p += len;
        if (*p == '\0')
            break;
        strbuf_addch(&out, ',');
        p++;
    }
    strbuf_addch(&out, ']');
    *ret = (struct param_value){value, arena_strndup(arena, out.data, out.len)};
    return 0;
}

/* ---- times --------------------------------------------------------------------------------- */

static void offset_print(struct strbuf *out, int32_t offset_s, bool colon)
{
    int32_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;

    strbuf_addf(out, "%c%02d%s%02d", offset_s < 0 ? '-' : '+', (int)(minutes / 60),
                colon ? ":" : "", (int)(minutes % 60));
}

/* The letters of datetime_parse, and %L for milliseconds; false for another one. */
static bool letter_print(struct strbuf *out, const char **format, const struct civil *c,
                         int32_t offset_s)
{
    bool colon = **format == ':' && (*format)[1] == 'z';

    if (colon)
        (*format)++;
    switch (**format) {
    case 'Y': return strbuf_addf(out, "%04d", c->year);
    case 'm': return strbuf_addf(out, "%02d", c->month);
    case 'd': return strbuf_addf(out, "%02d", c->day);
    case 'H': return strbuf_addf(out, "%02d", c->hour);
    case 'M': return strbuf_addf(out, "%02d", c->minute);
    case 'S': return strbuf_addf(out, "%02d", c->second);
    case 'L': return strbuf_addf(out, "%03d", c->microsecond / 1000);
    case 'f': return strbuf_addf(out, "%06d", c->microsecond);
    case 'z': offset_print(out, offset_s, colon); return true;
    case '%': return strbuf_addch(out, '%');
    default: return false;
    }
}

static bool time_print(struct strbuf *out, const char *format, const struct civil *c,
                       int32_t offset_s)
{
    for (; *format; format++) {
        if (*format != '%') {
            strbuf_addch(out, *format);
            continue;
        }
        format++;
        if (!letter_print(out, &format, c, offset_s))
            return false;
    }
    return true;
}

/* A member of the time: year, ..., microsecond, as a number; NULL when it has none of that name. */
static const char *time_part(const struct civil *c, const char *part, struct arena *arena)
{
    const struct {
        const char *name;
        int value;
    } parts[] = {{"year", c->year},
                 {"month", c->month},
                 {"day", c->day},
                 {"hour", c->hour},
                 {"minute", c->minute},
                 {"second", c->second},
                 {"microsecond", c->microsecond}};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strcmp(part, parts[i].name) == 0)
            return arena_printf(arena, "%d", parts[i].value);
    return NULL;
}

static int time_read(const struct param_spec *spec, const char *name, const char *value,
                     const struct zone *zone, int64_t *ret_us, struct error *err)
{
    struct datetime t;

    if (!datetime_parse_iso(value, strlen(value), &t))
        return wrong_value(name, value, message_text("a time such as 2026-11-22T05:15:00+08:00"),
                           err);
    *ret_us = t.us;
    if (t.has_zone)
        return 0;
    if (!spec->timezone) {
        wrong_value(name, value, message_text("a time with its zone"), err);
        return error_hint(err, "or declare the parameter's timezone");
    }
    *ret_us = zone_local_to_utc(zone, t.us);
    return 0;
}

static int time_convert(const struct param_spec *spec, const char *name, const char *part,
                        const char *value, struct arena *arena, struct param_value *ret,
                        struct error *err)
{
    AUTO_STRBUF struct strbuf out = {0};
    const char *format = spec->format ? spec->format : "iso";
    const struct zone *zone = NULL;
    struct civil c;
    int64_t us = 0;

    TRY(zone_load(spec->timezone ? spec->timezone : "UTC", &zone, err));
    TRY(time_read(spec, name, value, zone, &us, err));
    civil_from_us(zone_utc_to_local(zone, us), &c);
    if (part) {
        const char *number = time_part(&c, part, arena);
        if (!number)
            return error_set(err, ERR_SPEC, "a time has no '%s', as in ${%s.%s}", part, name, part);
        *ret = (struct param_value){number, number};
        return 0;
    }
    bool epoch = strncmp(format, "epoch_", 6) == 0;
    if (epoch) {
        int64_t unit_us = strcmp(format, "epoch_ms") == 0 ? 1000 : 1000000;
        int64_t floor = us / unit_us - (us % unit_us < 0);
        ret->text = ret->json = arena_printf(arena, "%" PRId64, floor);
        return 0;
    }
    strbuf_init(&out, CONNECTOR_TEXT_MAX);
    if (strcmp(format, "iso") == 0)
        format = c.microsecond ? "%Y-%m-%dT%H:%M:%S.%f%:z" : "%Y-%m-%dT%H:%M:%S%:z";
    if (!time_print(&out, format, &c, zone_offset_s(zone, us)))
        return error_set(err, ERR_SPEC, "parameter '%s': '%s' is not a format of times", name,
                         format);
    ret->text = arena_strndup(arena, out.data, out.len);
    ret->json = quoted(arena, out.data, out.len);
    return 0;
}

/* ---- all types ----------------------------------------------------------------------------- */

static int boolean_convert(const char *name, const char *value, struct param_value *ret,
                           struct error *err)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        bool is_yes = strcmp(value, yes[i]) == 0;
        if (!is_yes && strcmp(value, no[i]) != 0)
            continue;
        ret->text = ret->json = is_yes ? "true" : "false";
        return 0;
    }
    return wrong_value(name, value, message_text("true or false"), err);
}

int param_word(const struct param_spec *spec, const char *name, const char **value,
               struct arena *arena, struct error *err)
{
    AUTO_STRBUF struct strbuf all = {0};

    strbuf_init(&all, 0);
    for (size_t i = 0; i < spec->words.count; i++) {
        if (strcmp(spec->words.keys[i], *value) == 0) {
            *value = spec->words.values[i] ? spec->words.values[i] : "";
            return 0;
        }
        strbuf_addf(&all, "%s%s", i > 0 ? ", " : "", spec->words.keys[i]);
    }
    error_set(err, ERR_DATA, "parameter '%s' has no '%.100s' there", name, *value);
    return error_hint(err, "it has: %s", arena_strdup(arena, all.data));
}

int param_convert(const struct param_spec *spec, const char *name, const char *part,
                  const char *value, struct arena *arena, struct param_value *ret,
                  struct error *err)
{
    struct error why = ERROR_INIT;

    switch ((enum param_type)spec->type) {
    case PARAM_TEXT:
        *ret = (struct param_value){value, quoted(arena, value, strlen(value))};
        return 0;
    case PARAM_NUMBER:
        if (!is_number(value, strlen(value)))
            return wrong_value(name, value, "a number", err);
        *ret = (struct param_value){value, value};
        return 0;
    case PARAM_BOOLEAN: return boolean_convert(name, value, ret, err);
    case PARAM_JSON:
        if (jpull_check(span_of(value), false, &why) != 0)
            return error_set(err, ERR_DATA, "parameter '%s' is not JSON: %s", name, why.message);
        *ret = (struct param_value){value, value};
        return 0;
    case PARAM_LIST: return list_convert(name, false, value, arena, ret, err);
    case PARAM_NUMBERS: return list_convert(name, true, value, arena, ret, err);
    case PARAM_TIME: return time_convert(spec, name, part, value, arena, ret, err);
    }
    return 0;
}

void param_check(const char *name, const struct param_spec *spec, const struct ynode *place,
                 struct diagnostics *d)
{
    struct param_value value;
    struct error err = ERROR_INIT;
    bool is_time = spec->type == PARAM_TIME;

    if (!is_time && (spec->format || spec->timezone)) {
        diagnostics_add(d, place, NULL, "parameter '%s': 'format' and 'timezone' belong to a time",
                        name);
        return;
    }
    /* A time that is there says whether its format and zone can be used. */
    if (is_time &&
        param_convert(spec, name, NULL, "2026-11-22T05:15:00Z", d->arena, &value, &err) != 0)
        diagnostics_add_error(d, place, &err);
    else if (spec->def && spec->def->kind != YNODE_SCALAR)
        diagnostics_add(d, spec->def, "JSON in quotes is a text", "default: expected a text");
    else if (spec->def && !spec->def->is_null &&
             param_convert(spec, name, NULL, spec->def->text, d->arena, &value, &err) != 0)
        diagnostics_add_error(d, spec->def, &err);
}
