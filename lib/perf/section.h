/* lib/perf/section.h - the parts of a report, in the owner's order, each written into a sink. They
 * say only what follows from the study. Private to lib/perf. */
#ifndef DINER_PERF_SECTION_H
#define DINER_PERF_SECTION_H

#include "perf/chart.h"
#include "perf/report_text.h"
#include "perf/sink.h"

void section_title(struct sink *s);
void section_body(struct sink *s);     /* all of the following, in their order */
void section_summary(struct sink *s);  /* page 1 */
void section_analysis(struct sink *s); /* 1 */
void section_plan(struct sink *s);     /* 2 */
void section_phases(struct sink *s);   /* 3 */
void section_verify(struct sink *s);   /* 4 */
void section_results(struct sink *s);  /* 5 */
void section_lessons(struct sink *s);  /* 6 */
void section_appendix(struct sink *s);
void section_footer(struct sink *s);

/* Part of 1, of a database that was looked at alone. */
void section_server(struct sink *s);

/* ---- shared by them (section_common.c) ---------------------------------------------------------
 */

/* Where a finding belongs in the plan. */
enum plan_area { AREA_DATABASE, AREA_QUERY, AREA_CACHE, AREA_ASYNC, AREA_SCALE };
enum plan_area finding_area(const struct perf_finding *f);
bool finding_is(const struct perf_finding *f, const char *kind);
const char *finding_title(const struct sink *s, const struct perf_finding *f);
const char *finding_anchor(const struct sink *s, const struct perf_finding *f); /* "finding-..." */

/* What the problem as a whole is worth: computed from the checks and the findings. */
struct severity {
    bool none;
    enum perf_severity severity;
    const char *why;
};
struct severity section_severity(const struct sink *s);

/* Texts in the arena. */
const char *say(const struct sink *s, enum report_text text);
const char *say_unit(const struct sink *s, enum figure_unit unit, double value);
/* The value, "a to b", or "not measured". */
const char *say_value(const struct sink *s, enum figure_unit unit, const struct perf_value *v);
const char *say_interval(const struct sink *s, enum figure_unit unit,
                         const struct perf_estimate *e); /* "12 ms to 14 ms"; NULL: none */
const char *say_limit(const struct sink *s, const struct threshold *t);     /* "< 500 ms" */
const char *say_change(const struct sink *s, const struct study_change *c); /* "-34.2 %" */
const char *say_endpoint(const struct sink *s, size_t endpoint);
const char *say_check_rule(const struct sink *s, const struct study_check *c);
const char *say_check_value(const struct sink *s, const struct study_check *c);
/* The reason an endpoint's or the whole's figure is not measured, in the language. */
const char *say_why(const struct sink *s, const char *why);
const char *say_duration(const struct sink *s, double seconds); /* "3.2 h" */
const char *say_instant(struct arena *arena, int64_t us);       /* RFC 3339, to the second */
/* How many requests of all runs ended so. */
uint64_t section_outcomes(const struct perf_study *a, enum loadgen_outcome outcome);
/* The rule whose limit stands as the target of a figure; NULL. */
const struct threshold *target_of(const struct sink *s, size_t endpoint, enum figure_kind kind);
enum sink_tone tone_of_check(enum check_state state);
enum sink_tone tone_of_change(const struct study_change *c);
enum sink_tone tone_of_severity(enum perf_severity severity);
/* "GET /a, GET /b and 3 more" */
const char *say_endpoints(const struct sink *s, const size_t *endpoints, size_t n);
const char *sort_key(const struct sink *s, double value); /* digits for sorting */
/* Draws a chart into the sink. */
void section_draw(struct sink *s, void (*chart)(struct chart_context *), enum report_text title,
                  bool half);

#endif
