/* lib/domain/points_rules.c - the settings points.*. */
#include "domain/points_rules.h"
#include "core/datetime.h"
#include "core/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define START_MAX  INT64_C(1000000000000)
#define RATE_MAX   1000
#define RATE_SCALE 6

/* A decimal from 0 (or more than it) to RATE_MAX, printed into ret. */
static bool read_rate(const char *text, bool may_be_zero, char ret[POINTS_TEXT_MAX])
{
    struct decimal rate, most = decimal_from_int(RATE_MAX, 0);
    if (!decimal_parse(text, strlen(text), &rate) || rate.coefficient < 0 ||
        (!may_be_zero && decimal_is_zero(&rate)) || decimal_compare(&rate, &most) > 0 ||
        !decimal_rescale(&rate, RATE_SCALE, &rate))
        return false;
    decimal_print(&rate, ret);
    return true;
}

bool tier_spec_parse(const char *text, struct tier_spec *ret)
{
    struct tier_spec spec = {.rate = "1"};
    size_t digits = strspn(text, "0123456789");
    const char *rate = text + digits + strspn(text + digits, " ");
    if (digits == 0 || digits > 13)
        return false;
    for (size_t i = 0; i < digits; i++)
        spec.start = spec.start * 10 + (text[i] - '0');
    if (spec.start > START_MAX ||
        (*rate != '\0' && (rate == text + digits || !read_rate(rate, false, spec.rate))))
        return false;
    *ret = spec;
    return true;
}

static bool is_tier_name(const char *name)
{
    size_t n = strlen(name);
    return n >= 1 && n <= TIER_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static void append(char array[TIER_SPEC_SIZE], const char *item)
{
    size_t n = strlen(array) - 1; /* before the bracket */
    snprintf(array + n, TIER_SPEC_SIZE - n, "%s%s}", n > 1 ? "," : "", item);
}

static int add_tier(struct points_rules *rules, const char *name, const char *text,
                    int64_t starts[TIERS_MAX], struct error *err)
{
    struct tier_spec spec;
    char start[POINTS_TEXT_MAX];
    if (!is_tier_name(name) || text == NULL || !tier_spec_parse(text, &spec)) {
        error_set(err, ERR_CONFIG, "points.tiers: '%s: %s' is not a tier", name,
                  text != NULL ? text : "");
        return error_hint(err, "a name of a-z, 0-9 and _, then from how many points on, and what "
                               "multiplies earning: silver: 1000 1.2");
    }
    for (size_t i = 0; i < rules->tiers; i++)
        if (starts[i] == spec.start)
            return error_set(err, ERR_CONFIG, "points.tiers: two tiers start at %" PRId64 " points",
                             spec.start);
    snprintf(start, sizeof start, "%" PRId64, spec.start);
    append(rules->names, name);
    append(rules->starts, start);
    append(rules->rates, spec.rate);
    starts[rules->tiers++] = spec.start;
    return ERR_OK;
}

static int read_tiers(const struct field_string_map *tiers, struct points_rules *rules,
                      struct error *err)
{
    int64_t starts[TIERS_MAX] = {0};
    bool has_base = tiers->count == 0;
    if (tiers->count > TIERS_MAX)
        return error_set(err, ERR_CONFIG, "points.tiers: at most %d tiers", TIERS_MAX);
    for (size_t i = 0; i < tiers->count; i++) {
        TRY(add_tier(rules, tiers->keys[i], tiers->values[i], starts, err));
        has_base = has_base || starts[i] == 0;
    }
    if (has_base)
        return ERR_OK;
    error_set(err, ERR_CONFIG, "points.tiers: no tier starts at 0 points");
    return error_hint(err, "name the level of new members, too: normal: 0");
}

static void write_interval(char ret[POINTS_TEXT_MAX], int64_t count, const char *unit)
{
    if (count > 0)
        snprintf(ret, POINTS_TEXT_MAX, "%" PRId64 " %s", count, unit);
}

int points_rules_read(const struct settings *s, struct points_rules *ret, struct error *err)
{
    struct points_rules rules = {.allows_debt = s->points_debt == POINTS_DEBT_ALLOW,
                                 .names = "{}",
                                 .starts = "{}",
                                 .rates = "{}"};
    const struct zone *zone;
    if (!read_rate(s->points_per_yuan, true, rules.per_yuan)) {
        error_set(err, ERR_CONFIG, "points.per_yuan: '%s' is not a rate", s->points_per_yuan);
        return error_hint(err, "how many points for each yuan, from 0 (none) to %d: 1, or 0.1",
                          RATE_MAX);
    }
    TRY(zone_load(s->timezone, &zone, err));
    if (strlen(s->timezone) >= sizeof rules.timezone)
        return error_set(err, ERR_CONFIG, "timezone: '%s' is too long", s->timezone);
    snprintf(rules.timezone, sizeof rules.timezone, "%s", s->timezone);
    write_interval(rules.expiry, s->points_expire_months, "months");
    write_interval(rules.grace, s->points_refund_grace_ms / 86400000, "days");
    write_interval(rules.window, s->points_tier_months, "months");
    TRY(read_tiers(&s->points_tiers, &rules, err));
    *ret = rules;
    return ERR_OK;
}
