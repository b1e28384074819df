/* lib/domain/points_rules.h - what points are earned by, how long they hold, and the tiers: the
 * settings points.*, in the form in which statements take them. */
#ifndef DINER_DOMAIN_POINTS_RULES_H
#define DINER_DOMAIN_POINTS_RULES_H

#include "core/decimal.h"
#include "schema/config.h"

#define TIERS_MAX       16
#define TIER_NAME_MAX   32
#define POINTS_TEXT_MAX DECIMAL_TEXT_MAX
#define TIER_SPEC_SIZE  (TIERS_MAX * (TIER_NAME_MAX + 1) + 3)

struct points_rules {
    char per_yuan[POINTS_TEXT_MAX]; /* points, a decimal */
    char expiry[POINTS_TEXT_MAX];   /* an interval; empty: never */
    char grace[POINTS_TEXT_MAX];    /* likewise; empty: what comes back too late is lost */
    char window[POINTS_TEXT_MAX];   /* an interval: what is earned in it decides on the tier */
    char timezone[64];              /* whose midnights they are */
    bool allows_debt;
    size_t tiers;
    /* Arrays as PostgreSQL writes them, of each tier. */
    char names[TIER_SPEC_SIZE], starts[TIER_SPEC_SIZE], rates[TIER_SPEC_SIZE];
};
/* ERR_CONFIG names the setting. */
int points_rules_read(const struct settings *settings, struct points_rules *ret, struct error *err);

/* "1000" or "1000 1.2": from how many points on, and what multiplies earning. false: it is not. */
struct tier_spec {
    int64_t start;
    char rate[POINTS_TEXT_MAX];
};
bool tier_spec_parse(const char *text, struct tier_spec *ret);

#endif
