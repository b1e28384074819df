/* lib/core/zone_rule.h - the rule in the footer of a TZif file (private to core): a POSIX TZ
 * string such as EST5EDT,M3.2.0,M11.1.0, with the hours of -167 to 167 of RFC 8536 3.3.1. */
#ifndef DINER_CORE_ZONE_RULE_H
#define DINER_CORE_ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A day of the year and a local time on it. */
struct zone_rule_date {
    enum { RULE_JULIAN, RULE_ZERO_BASED, RULE_WEEKDAY } kind;
    int month, week, day; /* RULE_WEEKDAY; else day alone */
    int32_t time_s;
};

struct zone_rule {
    int32_t std_offset_s, dst_offset_s; /* east positive */
    bool has_dst;
    struct zone_rule_date start, end; /* of daylight saving */
};

bool zone_rule_parse(const char *s, size_t n, struct zone_rule *ret);
/* The instants, seconds of UTC, at which daylight saving starts and ends in a civil year. */
int64_t zone_rule_start(const struct zone_rule *rule, int year);
int64_t zone_rule_end(const struct zone_rule *rule, int year);

#endif
