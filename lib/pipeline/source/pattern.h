/* lib/pipeline/source/pattern.h - POSIX extended regular expressions over UTF-8, whatever locale
 * the process runs in (cron's is C): [：:] is one character of two. A plain "^text" is compared,
 * not matched. */
#ifndef DINER_PIPELINE_SOURCE_PATTERN_H
#define DINER_PIPELINE_SOURCE_PATTERN_H

#include "core/error.h"
#include "core/mem.h"

#include <regex.h>
#include <stdbool.h>

struct pattern {
    bool is_set;
    const char *prefix; /* of "^literal", borrowed */
    size_t prefix_len;
    regex_t regex;
};
/* text NULL gives a pattern that matches nothing. ERR_SPEC for a malformed one. */
int pattern_compile(const char *text, struct pattern *ret, struct error *err);
bool pattern_matches(const struct pattern *p, struct span text);
/* The first group, borrowed from text. */
bool pattern_capture(const struct pattern *p, struct span text, struct span *ret);
void pattern_release(struct pattern *p);

#endif
