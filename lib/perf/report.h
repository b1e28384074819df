/* lib/perf/report.h - the report's model, and its renderers. Everything a renderer prints is
 * decided before: the same model gives Markdown, JSON and the rows of a table. */
#ifndef DINER_PERF_REPORT_H
#define DINER_PERF_REPORT_H

#include "core/strbuf.h"
#include "perf/compare.h"
#include "perf/gate.h"
#include "perf/result.h"

struct perf_report {
    const struct perf_result *before; /* NULL: no baseline */
    const struct perf_result *after;
    const struct perf_targets *targets;
    const struct perf_comparison *comparison; /* NULL without baseline */
    const struct gate *gate;
    const char *before_name; /* the baseline's file */
};

/* The table's row of a metric as texts: metric, before, target, after, improvement. */
#define REPORT_COLUMNS 5
void report_row(const struct perf_report *r, enum perf_metric metric, struct arena *arena,
                const char *ret_cells[REPORT_COLUMNS]);
extern const char *const report_column_keys[REPORT_COLUMNS]; /* "metric", "before", ... */

/* "passed", "failed", "interrupted" */
const char *report_verdict(const struct perf_report *r);
/* The rule of the comparison in one paragraph. */
void report_rule(const struct compare_rule *rule, struct strbuf *out);
/* "API response time (P95) 612 ms, target < 500 ms" */
void report_gate_line(const struct gate_check *c, enum gate_rule rule, struct strbuf *out);

/* Figures as texts: "1.23 ms", "12.5 s"; "not measured (why)"; "3.1 ms to 7 ms". */
void report_ms(double ms, struct strbuf *out);
void report_rate(double per_s, struct strbuf *out);
void report_share(double share, struct strbuf *out);

/* The same for a checked figure and its limit. */
void report_gate_value(const struct gate_check *c, enum gate_rule rule, struct strbuf *out);
void report_gate_limit(const struct gate_check *c, enum gate_rule rule, struct strbuf *out);
const char *report_rule_label(enum gate_rule rule);
const char *report_metric_label(enum perf_metric metric);
const char *report_verdict_label(enum perf_verdict verdict);

void report_markdown(const struct perf_report *r, struct strbuf *out);
void report_json(const struct perf_report *r, struct strbuf *out);

#endif
